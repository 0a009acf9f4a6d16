"""The suite as others use it: on functions in a directory of theirs, from any of three sides."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import arraylogit
from arraylogit import special
from arraylogit.testing import (
    backends,
    budgets,
    extensions,
    functions,
    measure,
    registry,
    report,
    targets,
)
from arraylogit.testing.functions import Curve, Function
from arraylogit.testing.subject import Subject

EXAMPLES = Path(__file__).parents[1] / "examples"

MINE = """
import numpy

def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))
"""
THEIRS = """
from arraylogit.testing import parametrize_with_requirements
from mine import sigmoid

@parametrize_with_requirements({"expit": sigmoid}, only="special-values/* accuracy/float64")
def test_sigmoid(check):
    check()
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a module, in a directory with functions to check."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "test_theirs.py").write_text(THEIRS)

    def run(*arguments):
        command = [sys.executable, "-m", *arguments]
        env = {name: v for name, v in os.environ.items() if name != "PYTEST_ADDOPTS"}
        return subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
        )

    return run


def test_verdict_on_a_function_in_the_working_directory(run):
    done = run("arraylogit.testing", "mine:sigmoid=expit", "--quick")
    assert done.returncode == 1, done.stdout + done.stderr
    verdict = done.stdout.partition("verdict")[2].splitlines()[1:]
    assert verdict[0].startswith("mine:sigmoid=expit on numpy: ")
    assert any("accuracy/float64" in line and "ULP" in line for line in verdict)
    assert len(verdict) <= 12


@pytest.mark.parametrize(
    ("code", "library"),
    [
        ("import torch\nexpit = torch.sigmoid", "torch:eager"),
        ("import jax\nexpit = jax.nn.sigmoid", "jax:eager"),
    ],
)
def test_the_library_is_guessed(run, tmp_path, code, library):
    pytest.importorskip(library.partition(":")[0])
    (tmp_path / "other.py").write_text(code)
    done = run("arraylogit.testing", "other", "--quick", "-k", "special-values/nan")
    assert f"other on {library}: 1 kept" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("mine:nothing=expit", "has no attribute 'nothing'"),
        ("mine:sigmoid", "computes none of"),
        ("no_such_module", "no_such_module is not installed"),
        ("builtins:len=expit", "works on none of the libraries"),
    ],
)
def test_what_cannot_be_checked_is_said(run, target, says):
    done = run("arraylogit.testing", target)
    assert done.returncode == 4
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def states(functions, only, whole=False):
    target = targets.Target("tested", lambda: functions, "numpy", ("numpy",), whole)
    found = report.Report([target], [backends.backend("numpy")], quick=True)
    for entry, subject in registry.pairs(found.subjects(), only):
        found.add(entry, subject, *registry.state(entry, subject))
    return found, {
        id: (outcome["state"], outcome["detail"])
        for s in found.document()["subjects"]
        for id, outcome in s["requirements"].items()
        if outcome["state"] not in ("not run", "not applicable")
    }


def without_half(x):
    if x.dtype.name == "bfloat16":
        raise TypeError("no bfloat16")
    with np.errstate(all="ignore"):
        return special.expit(np.asarray(x, np.float32 if x.dtype == "f2" else x.dtype))


def test_what_is_not_taken_at_all_is_unsupported():
    only = "accuracy/float16 accuracy/bfloat16 accuracy/float64 dtypes/kept out/written"
    _, found = states({"expit": targets.Implementation(without_half)}, only)
    assert found["accuracy/float16"] == (
        "unsupported",
        "float16: TypeError: the result is float32",
    )
    assert found["accuracy/bfloat16"] == ("unsupported", "bfloat16: TypeError: no bfloat16")
    assert found["out/written"] == ("unsupported", "it has no argument out")
    assert found["accuracy/float64"][0] == "kept"
    assert found["dtypes/kept"] == ("broken", "float32 for float16 of shape (3,)")
    assert states({"logit": targets.Implementation(special.expit)}, "eps/none")[1] == {
        "eps/none": ("unsupported", "it has no argument eps")
    }


def only_wide(x):
    if x.dtype.itemsize < 4:
        raise RuntimeError("no kernel")
    return special.expit(x) * x.dtype.type(1 + 50 * np.finfo(x.dtype).eps)


def constant(x):
    return np.full(np.shape(x), 42, np.asarray(x).dtype)


def test_what_is_inaccurate_is_told_once():
    only = "dtypes/kept kinds/shape kinds/scalar transform/pickle reproducible/changed"
    _, found = states({"expit": targets.Implementation(only_wide)}, only)
    told = {"kinds/scalar": "broken"}  # which raises in float16
    assert {id: state for id, (state, _) in found.items()} == dict.fromkeys(found, "kept") | told
    _, found = states({"expit": targets.Implementation(only_wide)}, only, whole=True)
    assert {state for state, _ in found.values()} == {"broken"}
    _, found = states({"expit": targets.Implementation(constant)}, only)
    kept = {"dtypes/kept": "kept"}
    assert {id: state for id, (state, _) in found.items()} == dict.fromkeys(found, "broken") | kept


WARNS = """
import warnings
import numpy

warnings.warn("an import", stacklevel=1)

def expit(x):
    return 1 / (1 + numpy.exp(-x))
"""


def test_warnings_of_an_import_are_no_errors(run, tmp_path):
    (tmp_path / "warns.py").write_text(WARNS)
    options = ["--backend", "numpy", "-k", "special-values/nan"]
    done = run("arraylogit.testing", "warns", *options)
    assert "warns on numpy: 1 kept" in done.stdout, done.stdout + done.stderr


class Compiled(backends.Backend):
    def transform(self, f):
        def compiled(x):
            raise TypeError("no tracers")

        return compiled


def test_a_mode_that_is_not_taken_is_unsupported():
    of = {"expit": targets.Implementation(special.expit)}
    target = targets.Target("tested", lambda: of, "numpy")
    subject = Subject(target, Compiled("numpy:compiled"), "expit", quick=True)
    reason = "in this mode: TypeError: no tracers"
    assert registry.state(registry.load()["kinds/shape"], subject) == ("unsupported", reason)


def test_modes_of_ours_are_not_for_others():
    mode = Compiled("numpy:compiled")
    mode.of_ours = True
    runs = {name: targets.target(name).runs_on(mode) for name in ("arraylogit", "scipy.special")}
    assert runs == {"arraylogit": True, "scipy.special": False}


def test_what_ours_does_not_take_is_broken():
    of = {"expit": targets.Implementation(without_half)}
    _, found = states(of, "accuracy/bfloat16 out/written", whole=True)
    assert {state for state, _ in found.values()} == {"broken"}


def test_an_error_of_all_is_said_once():
    def fails(x):
        raise OSError("no licence")

    found, outcomes = states({"logit": targets.Implementation(fails)}, "*")
    reason = "a plain call fails: OSError: no licence"
    assert set(outcomes.values()) == {("error", reason)}
    assert len(outcomes) > 20
    verdict = found.verdict()
    assert sum(reason in line for line in verdict) == 1
    assert "kept" not in verdict[0]


def test_a_mistake_of_the_suite_is_an_error(monkeypatch):
    def check(subject):
        {}["absent"]

    entry = replace(registry.load()["accuracy/float64"], check=check)
    monkeypatch.setattr(check, "__code__", check.__code__.replace(co_filename=registry.__file__))
    subjects, _ = states({"expit": targets.Implementation(without_half)}, "")
    assert registry.state(entry, subjects.subjects()[0]) == ("error", "KeyError: 'absent'")


def test_each_requirement_has_one_profile():
    found = {entry.profile for entry in registry.load().values()}
    assert found == set(registry.PROFILES)
    assert registry.load()["errors/message"].profile == "house"
    assert registry.load()["errors/input"].profile == "array-api"


def test_rules_of_the_house_are_not_for_others(run):
    only = ["-k", "input-by-name or zero-sign or special-values/nan"]
    done = run("arraylogit.testing", "mine:sigmoid=expit", "--quick", *only)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mine:sigmoid=expit on numpy: 1 kept" in done.stdout
    assert "kept: house 1 of 2, numerics 1 of 1" in done.stdout
    done = run("arraylogit.testing", "mine:sigmoid=expit", "--profile", "house", *only)
    assert "kept: house 1 of 2\n" in done.stdout
    done = run("arraylogit.testing", "mine:sigmoid=expit", "--profile", "home")
    assert done.returncode == 4
    assert "--profile: home, which is none of house, numerics" in done.stderr


def test_errors_are_told_in_tiers_with_the_place(run):
    options = ["--quick", "-k", "accuracy/float64"]
    done = run("arraylogit.testing", "arraylogit:expit,mine:sigmoid=expit", *options)
    assert "float64: > 4 ULP (1.126e+15: expit, numpy, subnormal)" in done.stdout
    assert re.search(r"float64: <= (1|2) ULP \((0|1)\.\d+: expit, numpy, ", done.stdout)


@pytest.mark.parametrize(
    ("error", "says"),
    [(0.501, "<= 0.501"), (0.502, "<= 1"), (1.78, "<= 2"), (60, "> 4"), (np.inf, "> 4")],
)
def test_tier(error, says):
    assert measure.tier(error) == says


def test_what_others_are_allowed_is_the_same_for_all():
    for name in ("numpy", "torch:eager", "mlx"):
        assert {budgets.bound("value", "expit", d, name, ours=False) for d in backends.FLOATS} == {
            4
        }
    assert budgets.bound("value", "logit", "float32", "numpy") < 1


ENDS = """
import os
import numpy

def expit(x):
    if x.shape == (3, 4):
        os._exit(3)
    return 1 / (1 + numpy.exp(-x))
"""


def outcomes(file):
    rows = map(json.loads, file.read_text().splitlines())
    return {row["requirement"]: row for row in rows}


def test_what_was_found_before_a_crash_is_there(run, tmp_path):
    (tmp_path / "ends.py").write_text(ENDS)
    options = ["ends", "--backend", "numpy", "--quick", "--report", "out"]
    chosen = ["-k", "accuracy/float64 or special-values/nan or kinds/shape"]
    done = run("arraylogit.testing", *options, *chosen)
    assert done.returncode == 3
    found = outcomes(tmp_path / "out" / "outcomes.jsonl")
    assert found["accuracy/float64"]["state"] == "broken"
    assert found["accuracy/float64"]["errors"][0]["dtype"] == "float64"
    assert "kinds/shape" not in found


def test_a_process_that_ends_is_an_error(run, tmp_path):
    pytest.importorskip("xdist")
    (tmp_path / "ends.py").write_text(ENDS)
    options = ["--target", "ends", "--backend", "numpy", "--quick", "--report", "out", "-n", "2"]
    chosen = ["-k", "accuracy/float64 or special-values/nan or kinds/shape"]
    plugins = ["-p", "pytest_arraylogit", "--pyargs", "arraylogit.testing"]
    done = run("pytest", *plugins, *options, *chosen)
    assert "1 kept, 1 broken, 1 error" in done.stdout, done.stdout + done.stderr
    [subject] = json.loads((tmp_path / "out" / "report.json").read_text())["subjects"]
    found = subject["requirements"]["kinds/shape"]
    assert found == {"state": "error", "detail": "the process ended"}
    assert not (tmp_path / "out" / "outcomes.jsonl").exists()


def test_a_changed_function_is_swept_anew(run, tmp_path):
    options = [
        "--target",
        "mine:sigmoid=expit",
        "--first",
        "1",
        "--last",
        "1.001",
        "--workers",
        "1",
    ]
    largest = []
    for code in (MINE, MINE, MINE.replace("return 1 /", "return 1.5 /")):
        (tmp_path / "mine.py").write_text(code)
        done = run("arraylogit.testing.sweep", *options, "--out", "found.json")
        assert done.returncode == 0, done.stderr
        found = json.loads((tmp_path / "found.json").read_text())
        largest.append(found["summary"]["overall"]["max"])
    assert largest[0] == largest[1] < 4
    assert largest[2] > 1e6
    assert len(list((tmp_path / ".conformance").iterdir())) == 2


def test_scipy_is_two_targets():
    pytest.importorskip("scipy")
    plain, switched = (targets.target(f"scipy.special{s}") for s in ("", ":array-api"))
    assert plain.backends == ("numpy",)
    assert "torch" in switched.backends
    # In a process of its own: the first import of SciPy decides.
    code = """
from arraylogit.testing import targets
for switch in (":array-api", ""):
    print(type(targets.target(f"scipy.special{switch}").functions["expit"].raw).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["function", "ufunc"], done.stderr


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_deviation_that_depends_on_the_processor_may_be_kept(monkeypatch, everywhere):
    known = registry.Deviation("*", "*", "*", "a reason", "a link", everywhere=everywhere)
    monkeypatch.setattr(registry, "deviation", lambda *arguments: known)
    subject = Subject(targets.target("arraylogit"), backends.backend("numpy"), "logit")
    (mark,) = registry.described(registry.load()["special-values/nan"], subject)["marks"]
    assert mark.name == "xfail"
    assert mark.kwargs["strict"] is everywhere


def test_by_the_name_of_the_package(run):
    options = ["--target", "mine:sigmoid=expit", "-k", "special-values/nan", "-q", "--quick"]
    done = run("pytest", "-p", "pytest_arraylogit", "--pyargs", "arraylogit.testing", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mine:sigmoid=expit on numpy: 1 kept" in done.stdout


def test_options_are_there_for_those_alone_who_run_the_suite(run):
    done = run("pytest", "-p", "pytest_arraylogit", "--help")
    assert "--exhaustive" not in done.stdout


def test_in_the_tests_of_somebody_else(run):
    done = run("pytest", "-q", "-p", "no:cacheprovider", "test_theirs.py")
    assert done.returncode == 1, done.stdout + done.stderr
    failed = "FAILED test_theirs.py::test_sigmoid"
    assert f"{failed}[accuracy/float64-sigmoid-numpy-expit]" in done.stdout
    assert f"{failed}[special-values/nan" not in done.stdout


LOG1P = Function(
    "log1p",
    domain=(-1, np.inf),
    value=Curve(lambda x, mp: mp.log1p(x), np.log1p, {-1.0: -np.inf, np.inf: np.inf}),
    derivative=Curve(lambda x, mp: 1 / (1 + x), lambda x: 1 / (1 + x), {-1.0: np.inf, 0.0: 1.0}),
    second=lambda x, mp: (-1 / (1 + x) ** 2,) * 2,
    increasing=True,
)


@pytest.fixture
def log1p():
    """A module of somebody else that has log1p checked: its record, and one call."""
    functions.register(LOG1P)
    yield
    del functions.FUNCTIONS["log1p"]


def right(input):
    wide = np.asarray(input, np.float64 if input.dtype.itemsize < 8 else input.dtype)
    with np.errstate(all="ignore"):
        return np.log1p(wide).astype(input.dtype)


def wrong(input):
    with np.errstate(all="ignore"):
        return np.log(1 + input)


@pytest.mark.parametrize(
    ("f", "breaks"), [(right, set()), (wrong, {"accuracy", "special-values"})]
)
@pytest.mark.usefixtures("log1p")
def test_a_function_from_outside(f, breaks):
    subjects = report.subjects(*targets.choose([{"log1p": f}], "numpy", quick=True), quick=True)
    found = {
        entry.id: registry.state(entry, subject)
        for entry, subject in registry.pairs(subjects, "accuracy/* special-values/* identity/*")
    }
    broken = {id.partition("/")[0] for id, (state, _) in found.items() if state == "broken"}
    assert breaks <= broken if breaks else not broken, found
    kept = {id for id, (state, _) in found.items() if state == "kept"}
    assert {"special-values/outside", "special-values/nan", "identity/monotone"} <= kept


class Boxes(backends.Backend):
    """A library from outside: NumPy's arrays in boxes, in the words of the suite."""

    module = "numpy"
    dtypes = ("float32", "float64")
    features = frozenset({"cheap", "immutable"})

    def asarray(self, x):
        return Box(np.array(x))

    def to_numpy(self, y):
        return y.values

    def is_array(self, y):
        return isinstance(y, Box)


class Box:
    def __init__(self, values):
        self.values, self.dtype, self.shape = values, values.dtype, values.shape

    def __mul__(self, factor):  # by which the suite learns about subnormal numbers
        return Box(self.values * factor)


def logit_of_boxes(input):
    return Box(np.asarray(arraylogit.logit(input.values)))


@pytest.mark.parametrize(
    ("f", "state"), [(logit_of_boxes, "kept"), (lambda input: input.values, "broken")]
)
def test_a_library_from_outside(monkeypatch, f, state):
    monkeypatch.setattr(backends, "BACKENDS", backends.BACKENDS.copy())
    backends.register(Boxes("boxes"))
    [subject] = report.subjects(*targets.choose([{"logit": f}], "boxes", quick=True), quick=True)
    load = registry.load()
    assert registry.state(load["kinds/library"], subject)[0] == state
    assert registry.state(load["accuracy/float32"], subject)[0] == state
    assert registry.state(load["accuracy/float16"], subject)[0] == "not applicable"
    with pytest.raises(ValueError, match="two backends are called boxes"):
        backends.register(Boxes("boxes"))


PLUGIN = """
from arraylogit.testing import backends, targets

class Mine(backends.Backend):
    dtypes = ("float64",)

backends.register(Mine("mine"))
textbook = targets.TARGETS["numpy-formula"].load
targets.register(targets.Target("textbook", textbook, "numpy", ("mine",)))
"""
BUDGET = """
[[budget]]
kind = "value"
function = "*"
dtype = "float64"
backend = "mine"
ulp = inf
reason = "none"
"""


@pytest.mark.parametrize("library", ["tensorflow", "paddle", "mlx", "pytensor"])
def test_the_examples_of_plug_ins(monkeypatch, library):
    # Whether or not the library is installed: nothing is imported before it is used.
    before = set(backends.BACKENDS), set(targets.TARGETS)
    for place, known in ((backends, "BACKENDS"), (targets, "TARGETS")):
        monkeypatch.setattr(place, known, getattr(place, known).copy())
    monkeypatch.setenv(extensions.FILES, "")
    extensions.load(str(EXAMPLES / f"conformance_{library}.py"))
    monkeypatch.delitem(sys.modules, f"arraylogit_testing_conformance_{library}")
    [name] = set(backends.BACKENDS) - before[0]
    [added] = set(targets.TARGETS) - before[1]
    chosen = targets.target(added)
    assert name.partition(":")[0] == library
    assert chosen.runs_on(backends.backend(name))
    assert chosen.missing() == backends.backend(name).missing()


def test_files_from_outside(run, tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "budgets.toml").write_text(BUDGET)
    options = ["textbook", "--quick", "--plugin", "plugin.py", "-k", "accuracy/float and -logit"]
    done = run("arraylogit.testing", *options)
    assert (
        "accuracy/float64 (logit, mine): 2.252e+15 ULP, 4.0 allowed, next to 0.5: at"
        in done.stdout
    ), done.stderr
    done = run("arraylogit.testing", *options, "--budgets", "budgets.toml")
    assert "textbook on mine: 3 kept" in done.stdout
    done = run("arraylogit.testing", *options, "--plugin", "absent.py")
    assert done.returncode == 4
    assert "--plugin absent.py: no file of Python" in done.stderr
