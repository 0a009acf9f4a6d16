"""The report of the conformance suite: complete, and the numbers shown are those measured."""

import copy
import json
import re
from html import unescape
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("jinja2")

from arraylogit.testing import difference, records, registry, render
from arraylogit.testing.__main__ import main
from arraylogit.testing.backends import backend
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.report import STATES, Report, dumps
from arraylogit.testing.targets import target
from tests.browser import NARROW, WIDE, open_page, overflow

CHECKED = ("accuracy/float16", "accuracy/float32", "accuracy/agreement", "special-values/one")


@pytest.fixture(scope="module")
def document():
    """A report on some requirements, as read from its JSON."""
    names = ("arraylogit", "numpy-formula")
    backends = [backend(name) for name in ("numpy", "array_api_strict", "array_api_strict:no_x64")]
    report = Report([target(name) for name in names], [b for b in backends if not b.missing()])
    known = registry.load()
    for subject in report.subjects():
        subject.points = 3000
        for id in CHECKED:
            if reason := known[id].inapplicable(subject):
                report.add(known[id], subject, "not applicable", reason)
                continue
            subject.records.clear()
            state, detail = registry.state(known[id], subject)
            deviation = None
            if (subject.function, id, state) == ("expit", "accuracy/float16", "broken"):
                state = "deviation"
                deviation = SimpleNamespace(reason="rounding <twice>", link="https://example.org")
            report.add(known[id], subject, state, detail, deviation)
    return json.loads(dumps(report.document()))


class TestDocument:
    def test_each_requirement_has_one_state_on_each_subject(self, document):
        ids = {r["id"] for r in document["requirements"]}
        assert ids == set(registry.load())
        keys = [(s["target"], s["backend"], s["function"]) for s in document["subjects"]]
        assert len(set(keys)) == len(keys) == len(FUNCTIONS) * (1 + 3)
        found = set()
        for subject in document["subjects"]:
            assert set(subject["requirements"]) == ids
            for id, outcome in subject["requirements"].items():
                assert outcome["state"] in STATES
                assert (outcome["state"] == "not run") == (id not in CHECKED)
                assert ("reason" in outcome) == (outcome["state"] == "deviation")
                found.add(outcome["state"])
        assert found == set(STATES) - {"error", "unsupported"}

    def test_has_what_is_needed_to_repeat_it(self, document):
        assert document["command"]
        assert document["cpu"]
        assert document["versions"]["numpy"] == np.__version__
        keys = {"name", "missing", "version", "device"}
        assert [set(b) for b in document["backends"]] == 3 * [keys]

    def test_errors_are_of_the_checks_that_measured_them(self, document):
        for subject in document["subjects"]:
            of = [error["requirement"] for error in subject["errors"]]
            states = {id: subject["requirements"][id]["state"] for id in CHECKED[:2]}
            assert of == [id for id, state in states.items() if state != "not applicable"]
            for error in subject["errors"]:
                broken = float(error["overall"]["max"]) > error["bound"]
                wanted = ("broken", "deviation") if broken else ("kept",)
                assert states[error["requirement"]] in wanted
                assert error["overall"]["count"] == sum(error["overall"]["histogram"].values())

    def test_unknown_state(self):
        entry = next(iter(registry.load().values()))
        with pytest.raises(ValueError, match="'passed'"):
            Report([], []).add(entry, None, "passed")

    def test_a_line_for_each_subject(self, document):
        lines = dumps(document).splitlines()
        found = [line for line in lines if line.startswith('{"target":"numpy-formula"')]
        assert len(found) == len(FUNCTIONS)
        assert json.loads("\n".join(lines)) == document


class TestAgreement:
    def test_counts_identical_results_and_the_farthest_ones(self):
        a = np.ma.array(np.float32([1, 2, 4, np.nan, np.inf, 0]), mask=False)
        b = a.copy()
        b[1] = np.nextafter(np.float32(2), np.float32(3))
        b[2] = np.nextafter(np.float32(4), np.float32(0))  # half an ULP of 4, one of its own
        found = records.agreement(a, b)
        assert found == {"compared": 6, "identical": 4, "apart": 1}
        assert records.agreement(b, a) == found

    def test_leaves_out_what_either_cannot_give(self):
        a = np.ma.array(np.float32([0, 1, 2]), mask=[True, False, False])
        b = np.ma.array(np.float32([1e-40, 1, 9]), mask=[False, False, True])
        assert records.agreement(a, b) == {"compared": 1, "identical": 1, "apart": 0}

    def test_of_each_two_backends(self, document):
        pairs = [(p["target"], p["function"], *p["backends"]) for p in document["agreement"]]
        both = combinations([b["name"] for b in document["backends"]], 2)
        expected = [
            ("arraylogit", f, *two) for two in both for f in target("arraylogit").functions
        ]
        assert sorted(pairs) == sorted(expected)
        for pair in document["agreement"]:
            assert 0 < pair["identical"] <= pair["compared"]
            assert pair["compared"] >= records.COMMON // 2
            assert (pair["apart"] == 0) == (pair["identical"] == pair["compared"])


def rows(text):
    """Return the tables of errors of the Markdown as a list of dicts."""
    found, names = [], []
    function = None
    for line in text.splitlines():
        if line.startswith("### "):
            function = line[4:]
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| implementation | backend | max"):
            names = cells
        elif not line.startswith("|"):
            names = []
        elif names and not line.startswith("|-"):
            found.append(dict(zip(names, cells, strict=False)) | {"table": function})
    return found


def page_rows(text):
    """Return the rows of the tables of errors of the page: cells by table, target and backend."""
    found = {}
    for table in re.findall(r'<table class="errors">.*?</table>', text, re.DOTALL):
        caption = re.search(r"<caption[^>]*>Errors of (.*?)</caption>", table)[1]
        for line in re.findall(r"<tr><th scope=row>.*?</tr>", table):
            cells = re.split(r"<td[^>]*>", line)
            row = [unescape(re.sub("<[^>]*>", " ", cell)).split() for cell in cells]
            target, *backends = row[0]
            found |= {(caption, target, name.removesuffix(",")): row for name in backends}
    return found


def close(shown, value):
    shown = float({"∞": "inf", "–": "0", "<0.01": "0.005"}.get(shown, shown))
    return shown == value or abs(shown - float(value)) <= max(6e-3 * float(value), 0.051)


def measured(document):
    by_table = [
        (s, error)
        for function in FUNCTIONS
        for dtype in ("float32", "float64", "float16", "bfloat16")
        for s in document["subjects"]
        if s["function"] == function
        for error in s["errors"]
        if error["dtype"] == dtype
    ]
    assert len(by_table) > 12
    return by_table


def assert_markdown_shows(text, document):
    expected = measured(document)
    found = rows(text)
    assert len(found) == len(expected)
    for row, (subject, error) in zip(found, expected, strict=True):
        everything = error["overall"]
        assert row["table"] == f"{subject['function']} in {error['dtype']}"
        assert (row["implementation"], row["backend"]) == (subject["target"], subject["backend"])
        assert close(row["max"], float(everything["max"]))
        assert close(row["allowed"], error["bound"])
        assert close(row["mean"], float(everything["mean"]))
        if witness := everything["witness"]:
            shown = [row[name] for name in ("input", "hexadecimal", "result", "exactly")]
            assert shown == [witness[k] for k in ("input", "input_hex", "output", "reference")]
        for name, count in everything["histogram"].items():
            shown = row[f"{name.replace('<=', '≤ ')} %"]
            assert close(shown, 100 * count / everything["count"])
        assert row["coverage"] == error["coverage"]


def assert_page_shows(text, document):
    expected = measured(document)
    found = page_rows(text)
    assert len(found) == len(expected)
    for subject, error in expected:
        table = f"{subject['function']} in {error['dtype']}"
        row = found[table, subject["target"], subject["backend"]]
        everything, witness = error["overall"], error["overall"]["witness"]
        assert close(row[1][0], float(everything["max"]))
        assert close(row[2][0], error["bound"])
        assert row[3] == [witness["input"], witness["input_hex"]]
        assert (row[4], row[5]) == ([witness["output"]], [witness["reference"]])
        assert close(row[6][0], float(everything["mean"]))
        for shown, count in zip(row[7:13], everything["histogram"].values(), strict=True):
            assert close(shown[0], 100 * count / everything["count"])
        names = render.regions(subject["function"])
        for shown, name in zip(row[13 : 13 + len(names)], names, strict=True):
            assert bool(shown) == (name in error["regions"])
            assert not shown or close(shown[0], float(error["regions"][name]["max"]))
        assert " ".join(row[-1]) == error["coverage"]


def state_counts(document):
    """Return how many requirements are in each state by target, computed independently."""
    order = ["broken", "error", "deviation", "not run", "kept", "unsupported", "not applicable"]
    found = {}
    for name in document["targets"]:
        subjects = [s for s in document["subjects"] if s["target"] == name]
        states = [
            min((s["requirements"][r["id"]]["state"] for s in subjects), key=order.index)
            for r in document["requirements"]
            if name == "arraylogit" or r["profile"] != "house"
        ]
        found[name] = {state: states.count(state) for state in order}
    return found


def assert_counts_shown(text, document):
    for name, counts in state_counts(document).items():
        states = ("broken", "error", "deviation", "kept", "unsupported", "not run")
        shown = [counts[state] for state in states]
        assert f"| {name} | {' | '.join(map(str, shown))} | " in text


class TestShown:
    def test_all_numbers_are_those_measured(self, document):
        assert_markdown_shows(render.markdown(document), document)
        assert_page_shows(render.html(document), document)
        assert_counts_shown(render.markdown(document), document)

    @pytest.mark.parametrize(
        "change",
        [
            lambda error: error["overall"].update(max=error["overall"]["max"] * 1.5 + 0.1),
            lambda error: error["overall"].update(mean=error["overall"]["mean"] * 1.5 + 0.1),
            lambda error: error["overall"]["witness"].update(input_hex="0x1p-3"),
            lambda error: error["overall"]["witness"].update(input="0.125"),
            lambda error: error["overall"]["witness"].update(output="0"),
            lambda error: error["overall"]["histogram"].update({"<=0.5": 1}),
            lambda error: error.update(bound=error["bound"] + 1),
            lambda error: error.update(coverage="unknown"),
        ],
    )
    def test_a_changed_number_is_noticed(self, document, change):
        changed = copy.deepcopy(document)
        (error,) = (
            error
            for s in changed["subjects"]
            for error in s["errors"]
            if (s["target"], s["backend"], s["function"]) == ("arraylogit", "numpy", "logit")
            and error["dtype"] == "float32"
        )
        change(error)
        with pytest.raises(AssertionError):
            assert_markdown_shows(render.markdown(changed), document)
        with pytest.raises(AssertionError):
            assert_page_shows(render.html(changed), document)

    def test_a_changed_state_is_noticed(self, document):
        changed = copy.deepcopy(document)
        for s in changed["subjects"]:
            if s["target"] == "numpy-formula":
                s["requirements"]["special-values/one"]["state"] = "broken"
        with pytest.raises(AssertionError):
            assert_counts_shown(render.markdown(changed), document)

    def test_cells_of_the_matrix(self, document):
        table = re.search(r'<table class="matrix">.*?</table>', render.html(document), re.DOTALL)
        row = r'<tr><th scope=row title="[^"]*">([^<\n]*)(.*?)</tr>'
        lines = re.findall(row, table[0], re.DOTALL)
        assert [name for name, _ in lines] == [
            id.partition("/")[2] for id in (r["id"] for r in document["requirements"])
        ]
        columns = list(dict.fromkeys((s["target"], s["backend"]) for s in document["subjects"]))
        for (_, cells), entry in zip(lines, document["requirements"], strict=True):
            found = re.findall(r"<td(?: class=([a-z-]*))? id=(\w*)", cells)
            assert len(found) == len(columns)
            for (state, name), column in zip(found, columns, strict=True):
                assert name == render.cell_id(*column, entry["id"])
                state = state or "not-applicable"
                states = {
                    s["requirements"][entry["id"]]["state"].replace(" ", "-")
                    for s in document["subjects"]
                    if (s["target"], s["backend"]) == column
                }
                assert state in states
                assert state == "broken" or "broken" not in states

    def test_what_is_broken_is_said_with_the_input_that_shows_it(self, document):
        page, text = render.html(document), render.markdown(document)
        for s in document["subjects"]:
            outcome = s["requirements"]["accuracy/float32"]
            if outcome["state"] == "broken":
                assert outcome["detail"] in page
                if s["function"] in ("logit", "expit"):  # of more, Markdown says how many
                    assert render.cell(outcome["detail"]) in text
        assert "4.194e+06 ULP, 4.0 allowed, next to 0.5: at 0.49999997 (0x1.fffffe" in page
        assert "rounding &lt;twice&gt;" in page

    def test_no_two_parts_of_the_page_have_one_id(self, document):
        ids = re.findall(r' id="?([^" >]*)', render.html(document))
        assert len(set(ids)) == len(ids) > len(document["requirements"]) * 4

    def test_all_functions_are_in_the_headline(self, document):
        page, text = render.html(document), render.markdown(document)
        (table,) = re.findall(r"<caption>Largest errors.*?</table>", page, re.DOTALL)
        (line,) = re.findall(r"\| implementation \| broken .*", text)
        for function in FUNCTIONS:
            assert f"<th scope=col>{function}" in table
            assert f" {function} float32 | {function} float64 |" in line

    def test_tables_say_what_they_are_and_what_their_headers_are_of(self, document):
        page = render.html(document)
        assert page.count("<table") == page.count("<caption")
        for header in re.findall(r"<th\b[^>]*>", page):
            assert "scope=" in header or "class=corner" in header

    def test_page_needs_nothing_else(self, document):
        page = render.html(document)
        assert not re.search(r"<script|<link rel=.stylesheet|@import|url\(|\ssrc=", page)
        outside = re.findall(r'(?:href|action)="(?!#)([^"]*)"', page)
        assert set(outside) <= {"data:,", "https://example.org"}

    @pytest.mark.parametrize(
        ("x", "text"),
        [(0.0, "0"), (0.50049, "0.5005"), (2.0, "2"), (4194304.0, "4.19e+06"), ("inf", "∞")],
    )
    def test_number(self, x, text):
        assert render.number(x) == text

    @pytest.mark.parametrize(
        ("part", "whole", "text"),
        [(0, 9, "–"), (9, 9, "100"), (1, 10**6, "<0.01"), (10**6 - 1, 10**6, "99.99")],
    )
    def test_percentage_is_exact_at_the_ends(self, part, whole, text):
        assert render.percentage(part, whole) == text


class TestDifferences:
    """`compare OLD NEW`."""

    @pytest.fixture
    def differ(self, document, tmp_path, capsys):
        def differ(change):
            changed = copy.deepcopy(document)
            change(changed["subjects"][0])
            for name, of in (("old", document), ("new", changed)):
                (tmp_path / name).mkdir()
                (tmp_path / name / "report.json").write_text(dumps(of))
            code = main(["compare", str(tmp_path / "old"), str(tmp_path / "new")])
            return code, capsys.readouterr().out.splitlines()

        return differ

    def test_none(self, differ):
        assert differ(lambda s: None) == (0, ["0 differences, 0 for the worse"])

    def test_a_state(self, differ):
        wrong = {"state": "broken", "detail": "why"}
        code, lines = differ(lambda s: s["requirements"]["special-values/one"].update(wrong))
        cell = render.cell_id("arraylogit", "numpy", "special-values/one")
        line = "arraylogit on numpy, logit, special-values/one: "
        assert lines[0] == f"{line}kept -> broken (#{cell}): why"
        assert (code, lines[1:]) == (1, ["1 differences, 1 for the worse"])

    def test_a_tier(self, differ):
        code, lines = differ(lambda s: s["errors"][-1]["overall"].update(max=3.5))
        assert re.search(r"accuracy/float32 in ULP: <= 0.501 -> <= 4 .*: 3.5", lines[0])
        assert (code, len(lines)) == (0, 2)

    def test_another_schema(self, document):
        with pytest.raises(ValueError, match="schema 2, and 1"):
            list(difference.differences(document, document | {"schema": 1}))


class TestBrowser:
    @pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_page(self, browser, document, tmp_path, size, scheme):
        render.write(document, tmp_path)
        open_page(browser, tmp_path / "report.html", size, scheme)
        assert browser.get_log("browser") == []
        assert overflow(browser, size) == 0
        heights = browser.execute_script(
            "return [...document.querySelectorAll('section')]"
            ".map(s => [s.id, s.getBoundingClientRect().height])"
        )
        assert [name for name, _ in heights] == [
            *("summary", "broken", "matrix", "errors", "plots", "agreement", "counts"),
            "environment",
        ]
        assert min(height for _, height in heights) > 50
        links = browser.execute_script(
            "return [...document.querySelectorAll('a[href^=\"#\"]')]"
            ".filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash)"
        )
        assert links == []
        ground, ink = browser.execute_script(
            "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
        )
        light, dark = (sum(map(int, re.findall(r"\d+", c))) for c in (ground, ink))
        assert (light > dark) == (scheme == "light")

    def test_filter(self, browser, document, tmp_path):
        render.write(document, tmp_path)
        open_page(browser, tmp_path / "report.html", WIDE)
        shown = (
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter(e => e.checkVisibility()).map(e => e.textContent)"
        )
        rows, errors = "#matrix tbody tr:not(.group)", "#errors tbody tr"
        everything = browser.execute_script(shown, errors)
        assert len(browser.execute_script(shown, rows)) == len(document["requirements"])
        browser.execute_script("document.getElementById('show-broken').click()")
        found = browser.execute_script(shown, rows)
        assert 0 < len(found) < len(document["requirements"])
        assert all(render.MARKS["broken"] in row for row in found)
        browser.execute_script("document.getElementById('only-1').click()")
        found = browser.execute_script(shown, errors)
        assert 0 < len(found) < len(everything)
        assert all(row.startswith("numpy-formula") for row in found)

    def test_too_wide_is_noticed(self, browser, document, tmp_path):
        page = render.html(document).replace(
            "</main>", "<div style='width:2000px'>wide</div></main>"
        )
        (tmp_path / "page.html").write_text(page)
        for size in (WIDE, NARROW):
            open_page(browser, tmp_path / "page.html", size)
            assert overflow(browser, size) > 0

    def test_error_is_noticed(self, browser, document, tmp_path):
        page = render.html(document).replace("</main>", "<script>missing()</script></main>")
        (tmp_path / "page.html").write_text(page)
        open_page(browser, tmp_path / "page.html", WIDE)
        assert browser.get_log("browser") != []
