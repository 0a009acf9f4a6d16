"""The suite as others use it: on functions in a directory of theirs, from any of three sides."""

import subprocess
import sys

import numpy as np
import pytest

import arraylogit
from arraylogit.testing import backends, functions, registry, report, targets
from arraylogit.testing.functions import Curve, Function

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
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

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


def test_by_the_name_of_the_package(run):
    options = ["--target", "mine:sigmoid=expit", "-k", "special-values/nan", "-q"]
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
    """What a module of somebody else does to have log1p checked: its record, and one call."""
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

    def __mul__(self, factor):  # by which the suite finds out about subnormal numbers
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
