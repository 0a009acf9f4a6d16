"""The code in the documents runs, and the site is built and looked at in a browser."""

import ast
import doctest
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

import arraylogit
from arraylogit import _expit, _log_expit, _logit
from tests.browser import NARROW, WIDE, open_page, overflow

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "benchmarks/*.md", "conformance/*.md")
    for path in ROOT.glob(pattern)
)
PARSER = PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)
OPTIONAL = ("dask", "distributed", "jax", "scipy", "sklearn", "torch", "zarr")
ABSENT = [name for name in OPTIONAL if find_spec(name) is None]
# Libraries that only .ci/libraries has.
BEYOND = [name for name in ("pandas", "polars", "xarray") if find_spec(name) is None]


@pytest.fixture
def settings():
    """Undo what a page sets in JAX."""
    if "jax" in ABSENT:
        yield
        return
    import jax

    x64 = jax.config.jax_enable_x64
    yield
    jax.config.update("jax_enable_x64", x64)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("settings")
def test_code_runs(page):
    path = ROOT / page
    examples = list(Sybil([PARSER], pattern="*").parse(path))
    blocks = re.findall(r"^ *```python\n", path.read_text("utf-8"), re.MULTILINE)
    assert len(examples) >= len(blocks)
    not_run = 0
    for example in examples:
        try:
            example.evaluate()
        except Exception as error:
            if not _for_want_of_a_library(error):
                raise
            not_run += 1
    if not_run:
        pytest.skip(
            f"{not_run} of {len(examples)} examples not run: no {', '.join(ABSENT + BEYOND)}"
        )


def _for_want_of_a_library(error):
    # Either the import itself, or a name that it would have defined.
    text = f"{type(error).__name__}: {error}"
    absent = ABSENT + BEYOND
    return absent and re.search(f"No module named '({'|'.join(absent)})|NameError: name", text)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere_in_the_repository_too(page):
    links = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", (ROOT / page).read_text("utf-8"))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def _consoles():
    # Each `$ command` with its output; further lines of a command begin with `> `.
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        for block in re.findall(r"```console\n\$ (.*?)```", text, re.DOTALL):
            lines = block.splitlines()
            n = 1 + len([line for line in lines[1:] if line.startswith("> ")])
            command = "\n".join(line.removeprefix("> ") for line in lines[:n])
            yield pytest.param(command, "\n".join(lines[n:]), id=f"{page}-{lines[0][:30]}")


@pytest.mark.parametrize(("command", "printed"), list(_consoles()))
def test_console(command, printed):
    if ABSENT:
        pytest.skip(f"no {', '.join(ABSENT)}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PATH": path},
    )
    assert process.stdout.strip() == printed, process.stderr


@pytest.mark.parametrize("text", ["assert 1 == 2", ">>> 1\n2", "undefined", "import no_such"])
def test_code_that_fails_is_noticed(tmp_path, monkeypatch, text):
    monkeypatch.setitem(globals(), "ABSENT", [])
    (tmp_path / "page.md").write_text(f"```python\n{text}\n```\n")
    with pytest.raises((AssertionError, NameError, ModuleNotFoundError)):
        test_code_runs(tmp_path / "page.md")


@pytest.mark.parametrize("name", [name for name in arraylogit.__all__ if name.islower()])
def test_docstring_examples(name):
    function = getattr(arraylogit, name)
    if not callable(function):
        pytest.skip("a module or a constant")
    (test,) = doctest.DocTestFinder().find(function, name, globs={})
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def _build(source, target):
    for name in "sphinx", "sphinx-mathjax-offline":
        pytest.importorskip(name, reason=f"the site is not built: {name} is not installed")
    strict = ["-W", "--keep-going", "-n", "-q", "-b", "html", "-c", ROOT / "docs"]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *strict, source, target], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built without a warning."""
    folder = tmp_path_factory.mktemp("site")
    process = _build(ROOT / "docs", folder)
    assert (process.returncode, process.stderr) == (0, "")
    return folder


# Each page by its name on the site.
NAMES = {
    path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
    for path in ROOT.glob("docs/**/*.md")
    if "conformance" not in path.parts
}


def test_site_has_every_page_table_and_picture(site):
    assert {name for name in NAMES if not (site / name).is_file()} == set()
    semantics = (site / "reference" / "semantics.html").read_text("utf-8")
    assert 'id="rule-accuracy-float32"' in semantics
    assert (site / "_images" / "ulp_near_half.svg").is_file()
    for name in arraylogit.special.__all__:
        page = (site / "functions" / f"{name}.html").read_text("utf-8")
        assert f'id="arraylogit.{name}"' in page
        assert f"_images/{name}.svg" in page


def test_sidebar_has_each_page_once_in_reading_order(site):
    index = (site / "index.html").read_text("utf-8")
    (tree,) = re.findall(r'<div class="sidebar-tree">(.*?)</div>', index, re.DOTALL)
    found = re.findall(r'class="reference internal" href="([^"#]+)"', tree)
    assert len(found) == len(set(found))
    assert set(found) == NAMES - {"index.html"}
    order = ["tutorial", "howto/index", "functions/index", "libraries", "sharp_bits", "accuracy"]
    order += ["performance", "conformance", "maintainers/index", "changelog"]
    places = [found.index(f"{name}.html") for name in order]
    assert places == sorted(places)


def test_long_tables_are_folded(site):
    for name in NAMES:
        text = (site / name).read_text("utf-8")
        folded = re.findall(r"<details><summary>\d+ rows</summary>.*?</details>", text, re.DOTALL)
        tables = re.findall(r"<table.*?</table>", text, re.DOTALL)
        rows = [len(re.findall("<tr", table)) - 1 for table in tables]
        assert len(folded) == sum(n > 20 for n in rows)
    assert "<summary>" in (site / "performance.html").read_text("utf-8")


CHILDREN_CUT = """
return [...document.querySelectorAll('article pre, article .table-wrapper, article img')].filter(
    e => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && %s
).map(e => e.textContent.trim().slice(0, 60))
"""
# Tables of the report, with twenty columns: they scroll at any width.
SCROLLS = {"results/README.html"}


@pytest.mark.parametrize("size", [(1280, 1000), NARROW], ids=["wide", "narrow"])
def test_site_fits_the_window(site, browser, size):
    for kind in "performance", "browser":
        browser.get_log(kind)  # drops the messages of earlier tests
    for name in sorted(NAMES):
        open_page(browser, site / name, size)
        assert overflow(browser, size) == 0, name
        # On a phone, code and tables scroll; on a desktop nothing needs to.
        scrolls = "!['auto', 'scroll'].includes(getComputedStyle(e).overflowX)"
        wide = size != NARROW and name not in SCROLLS
        cut = browser.execute_script(CHILDREN_CUT % ("true" if wide else scrolls))
        assert cut == [], name
    messages = [
        json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
    ]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    urls = {each["request"]["url"] for each in sent}
    assert len(urls) > len(NAMES)
    assert {url for url in urls if re.match("(https?|wss?):", url)} == set()
    assert browser.get_log("browser") == []


# By page with mathematics, at least how many formulas it has.
FORMULAS = {f"functions/{name}.html": 2 for name in arraylogit.special.__all__}
FORMULAS |= {"accuracy.html": 100, "explanation/kernels.html": 2, "explanation/why.html": 3}
FORMULAS_CUT = """
const right = document.querySelector('article').getBoundingClientRect().right
return [...document.querySelectorAll('article mjx-container')].filter(
    e => e.scrollWidth > e.clientWidth + 1
        || (e.getBoundingClientRect().right > right + 1 && !e.closest('.table-wrapper'))
).length
"""


@pytest.mark.parametrize("size", [(1280, 1000), NARROW], ids=["wide", "narrow"])
def test_mathematics_is_typeset_and_fits(site, browser, size):
    for name, least in FORMULAS.items():
        open_page(browser, site / name, size)
        # MathJax starts when the page has been loaded.
        browser.execute_async_script("MathJax.startup.promise.then(arguments[0])")
        count = "return document.querySelectorAll('mjx-container').length"
        assert browser.execute_script(count) >= least, name
        assert browser.execute_script(count.replace("container", "merror")) == 0, name
        assert browser.execute_script(FORMULAS_CUT) == 0, name


@pytest.mark.parametrize(("scheme", "turned"), [("light", False), ("dark", True)])
def test_pictures_suit_the_scheme(site, browser, scheme, turned):
    open_page(browser, site / "index.html", WIDE, scheme)
    filters = browser.execute_script(
        "return [...document.querySelectorAll('article img')].map(e => getComputedStyle(e).filter)"
    )
    assert [f != "none" for f in filters] == [turned]


def test_broken_references_are_errors(tmp_path):
    texts = "[gone](there.md)", "[gone](#nowhere)", "{func}`arraylogit.logits`", "![](x.png)"
    (tmp_path / "index.md").write_text("\n\n".join(["# Title", *texts]))
    process = _build(tmp_path, tmp_path / "html")
    assert process.returncode == 1
    warned = re.findall(
        r"index\.md:\d*: WARNING: .*(there\.md|nowhere|logits|x\.png)", process.stderr
    )
    assert set(warned) == {"there.md", "nowhere", "logits", "x.png"}, process.stderr


def test_figure_of_errors_is_drawn(tmp_path):
    for name in ("scipy", "torch", "jax"):
        pytest.importorskip(name)
    svg = tmp_path / "figure.svg"
    command = [sys.executable, "-m", "docs.figures.ulp_near_half", "--points", "50000", svg]
    printed = subprocess.check_output(command, text=True, cwd=ROOT)
    errors = {line[:30].strip(): float(line[30:].split()[0]) for line in printed.splitlines()[1:]}
    assert errors.keys() == {
        "torch.logit",
        "jax.scipy.special.logit",
        "scipy.special.logit",
        "arraylogit on JAX",
        "arraylogit on NumPy and torch",
    }
    assert min(errors["torch.logit"], errors["jax.scipy.special.logit"]) > 1e3
    assert errors["arraylogit on JAX"] < 1
    assert errors["arraylogit on NumPy and torch"] <= 0.501
    assert svg.read_text("utf-8").count("<path") > 5


def test_figure_of_speed_is_that_of_the_results(tmp_path):
    pytest.importorskip("matplotlib")
    from docs.figures import speed

    found = speed.ratios()
    assert set(found) == {
        (label, dtype) for label in speed.BARS.values() for dtype in speed.COLOURS
    }
    speed.plot(tmp_path / "speed.svg", found)
    # Drawn again, the figure is the same: new results need a new figure.
    drawn = (tmp_path / "speed.svg").read_text("utf-8")
    if matplotlib_is_pinned():
        assert drawn == (ROOT / "docs" / "figures" / "speed.svg").read_text("utf-8")


def matplotlib_is_pinned():
    pinned = re.findall(r"^matplotlib==(.*)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    return [version("matplotlib")] == pinned


def test_vendored_formulas_are_the_packages():
    def body(source):
        (function,) = ast.parse(source).body
        return [ast.dump(statement) for statement in function.body]

    path = ROOT / "docs" / "maintainers" / "generic_logit.py"
    vendored = {f.name: ast.unparse(f) for f in ast.parse(path.read_text("utf-8")).body[1:]}
    ours = {"logit": _logit, "expit": _expit, "log_expit": _log_expit}
    assert set(vendored) == set(ours)
    for name, source in vendored.items():
        assert body(source) == body(inspect.getsource(ours[name]._stepwise)), name


def test_vendored_tests_pass_and_notice_the_textbook_formula(tmp_path):
    files = ("generic_logit.py", "test_generic_logit.py")
    for name in files:
        copy = shutil.copy(ROOT / "docs" / "maintainers" / name, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", copy, "-k"]

    def run(chosen):
        return subprocess.run([*command, chosen], capture_output=True, text=True, cwd=tmp_path)

    process = run("not jax")
    assert process.returncode == 0, process.stdout
    formula = tmp_path / files[0]
    text = formula.read_text("utf-8")
    ours = "xp.log(twice_x) - (xp.log(w) + r)"
    assert ours in text
    formula.write_text(text.replace(ours, "xp.log(x / (1 - x))"), "utf-8")
    process = run("numpy")
    assert process.returncode == 1
    assert "test_accuracy[numpy-logit" in process.stdout


def test_changelog_begins_with_this_version():
    (latest, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert latest == arraylogit.__version__


def test_pre_commit_runs_the_pinned_ruff():
    (version,) = re.findall(r"^ruff==(.*)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert f"rev: v{version}\n" in (ROOT / ".pre-commit-config.yaml").read_text()


def test_ci_runs_the_test_command_of_the_readme():
    section = (ROOT / "README.md").read_text().split("## Test\n")[1]
    command = section.strip().splitlines()[0].strip()
    _, install, test = command.replace(".venv/bin/", "").split(" && ")
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert f"part {test}" in script  # which says how long it takes
    assert (
        install.replace('".[test]"', '".[test,lint,docs]"').replace(
            "pip install", "pip install -q"
        )
        in script
    )
