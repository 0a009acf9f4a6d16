"""The suite is tested: each wrong function is rejected by the requirement named for it."""

import copy
import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from arraylogit.testing import backends, registry, targets
from arraylogit.testing.budgets import bound
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.perfect import differentiable
from arraylogit.testing.requirements import concurrency, out, reproducibility
from arraylogit.testing.subject import Subject
from conformance.mutants import MUTANTS

ROOT = Path(__file__).parent.parent
REQUIREMENTS = registry.load()


def a_subject(functions, backend, function, points=500):
    chosen = backend if isinstance(backend, backends.Backend) else backends.backend(backend)
    if reason := chosen.missing():
        pytest.skip(f"not run: {reason}")
    target = targets.Target("tested", lambda: functions, "numpy", whole=True)
    return Subject(target, chosen, function, points)


@pytest.fixture
def fewer_for_threads(monkeypatch):
    monkeypatch.setattr(concurrency, "SIZE", 1001)


@pytest.fixture
def fewer_for_mpmath(monkeypatch, fewer_for_threads):
    monkeypatch.setattr(out, "LARGE", 5001)
    monkeypatch.setattr(reproducibility, "MANY", 5001)


@pytest.mark.usefixtures("fewer_for_threads")
@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda m: f"{m.name}-{m.requirement.replace('/', ':')}"
)
def test_a_mutant_is_rejected(mutant):
    entry = REQUIREMENTS[mutant.requirement]
    implementation = targets.Implementation.of(mutant.function)
    others = (
        targets.target("arraylogit.testing.perfect").functions if "numpy" in mutant.backend else {}
    )
    functions = others | {mutant.computes: implementation}
    tested = a_subject(functions, mutant.backend, mutant.computes, mutant.points)
    state, why = registry.state(entry, tested)
    assert state == "broken", f"{state}: {why}"
    assert re.search(mutant.says, why), why


def test_each_requirement_rejects_a_mutant():
    assert {mutant.requirement for mutant in MUTANTS} == set(REQUIREMENTS)
    assert len({mutant.name for mutant in MUTANTS}) >= 170


@pytest.mark.parametrize("name", ["numpy", "dask", "torch:eager", "jax:eager"])
@pytest.mark.parametrize("error", [TypeError, ValueError, RuntimeError])
@pytest.mark.parametrize("function", ["logit", "expit"])
def test_a_function_that_always_fails_keeps_nothing(name, error, function):
    def fails(input, eps=None, *, out=None):
        raise error("no")

    names = ("eps" if function == "logit" else None, "out")
    tested = a_subject({function: targets.Implementation(fails, *names)}, name, function)
    found = {registry.state(e, tested) for e in REQUIREMENTS.values()}
    states = dict(found)
    assert states.pop("error") == f"a plain call fails: {error.__name__}: no"
    assert set(states) == {"not applicable"}


def test_nothing_but_nan_is_no_expectation():
    nothing = np.full(3, np.nan)
    tested = a_subject({}, "numpy", "logit")
    for check in (registry.identical, partial(registry.close, tested, x=nothing)):
        with pytest.raises(registry.SuiteError, match="nothing but NaN"):
            check(nothing, nothing)
    with pytest.raises(registry.SuiteError, match="nothing but NaN") as raised:
        registry.right(tested, nothing, nothing)
    assert registry.found(raised.value) == "error"


@pytest.mark.usefixtures("fewer_for_mpmath")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_perfect_function_is_accepted(function):
    target = targets.target("arraylogit.testing.perfect")
    assert target.whole  # which nothing is left out for
    tested = Subject(target, backends.backend("numpy"), function, 500)
    found = {e.id: registry.state(e, tested) for e in REQUIREMENTS.values()}
    assert {id: why for id, (state, why) in found.items() if state in ("broken", "error")} == {}
    assert sum(state == "kept" for state, _ in found.values()) > 40


@pytest.mark.parametrize(
    ("name", "function"), [*(("torch:eager", f) for f in FUNCTIONS), ("jax:eager", "logit")]
)
def test_perfect_derivatives_are_accepted(name, function):
    backend = copy.copy(backends.backend(name))
    # A Function inside torch.func.jvp inside another loses the outer tangent.
    backend.modes = tuple(m for m in backend.modes if "torch" not in name or m != "forward")
    tested = a_subject({function: differentiable(function, backend)}, backend, function)
    entries = [e for e in REQUIREMENTS.values() if e.id.startswith("derivative/")]
    found = {e.id: registry.state(e, tested) for e in entries}
    assert {id: why for id, (state, why) in found.items() if state in ("broken", "error")} == {}
    assert sum(state == "kept" for state, _ in found.values()) >= 7


def test_the_readme_lists_the_requirements():
    text = (Path(__file__).parent / "README.md").read_text()
    assert text.partition("## Requirements\n\n")[2] == registry.specification()


def test_each_deviation_is_about_something():
    for known in registry.deviations():
        assert known.reason
        assert known.link.startswith("https://")
        subjects = (
            Subject(target, backend, function)
            for target in targets.TARGETS.values()
            if target.missing() is None
            for backend in backends.BACKENDS.values()
            if target.runs_on(backend)
            for function in target.functions
        )
        matched = any(
            known.matches(entry, tested) and entry.inapplicable(tested) is None
            for tested in subjects
            for entry in REQUIREMENTS.values()
        )
        assert matched, f"about nothing: {known}"


DEFECTS = [
    ("torch.special", "torch:eager", "logit", "accuracy/float16", "^512 ULP"),
    ("torch.special", "torch:eager", "logit", "accuracy/bfloat16", "^64 ULP"),
    ("torch.special", "torch:eager", "logit", "accuracy/float32", r"^4\.194e\+06 ULP"),
    ("torch.special", "torch:eager", "logit", "accuracy/float64", r"^2\.252e\+15 ULP"),
    ("jax.scipy.special", "jax:eager", "logit", "accuracy/float32", r"^4\.194e\+06 ULP"),
    ("torch.special", "torch:eager", "logit", "eps/finite-bfloat16", "^inf.* for 1.0"),
    ("torch.special", "torch:eager", "logit", "eps/refused", "^accepted: .*eps=-1e-09"),
    ("torch.special", "torch:eager", "logit", "eps/layout", "^Not equal to tolerance"),
    ("torch.special", "torch:eager", "logit", "derivative/nan-with-eps", "^0.0.* at nan"),
    ("torch.special", "torch:eager", "logit", "derivative/second-clamped", "^nan"),
    ("torch.special", "torch:eager", "expit", "derivative/tail", "^0.0, 0.0 at 20.0"),
    ("torch.special", "torch:eager", "expit", "reproducible/alone", "differ"),
    ("jax.scipy.special", "jax:eager", "logit", "derivative/outside", "-1.3333334"),
    ("jax.scipy.special", "jax:eager", "expit", "derivative/tail", "^0.0, 0.0 at 20.0"),
    ("jax.scipy.special", "jax:eager", "logit", "special-values/flushed", "^-inf"),
    ("jax.scipy.special", "jax:eager", "logit", "dtypes/complex-ends", "nan, not inf"),
    ("scipy.special", "numpy", "logit", "dtypes/kept", "^float64 for float16"),
    ("numpy-formula", "numpy", "logit", "accuracy/float64", r"^2\.252e\+15 ULP"),
    ("numpy-formula", "numpy", "expit", "special-values/subnormal", "^0.0"),
]
"""Faults of other implementations that are known, the requirement that shows each, and how."""


@pytest.mark.parametrize(("name", "backend", "function", "requirement", "says"), DEFECTS)
def test_known_defects_are_shown(name, backend, function, requirement, says):
    target = targets.target(name)
    if reason := target.missing():
        pytest.skip(f"not run: {reason}")
    tested = Subject(target, backends.backend(backend), function, 5000)
    state, why = registry.state(REQUIREMENTS[requirement], tested)
    assert state == "broken"
    assert re.search(says, why), why


def pytest_run(*arguments, env=None):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_scipy_differs_by_the_type_of_the_array():
    for name in ("scipy", "torch"):
        pytest.importorskip(name)
    # In a process of its own, because SciPy looks at its switch when it is imported.
    options = ["-k", "agreement", "--target", "scipy.special:array-api"]
    options += ["--backend", "torch:eager"]
    run = pytest_run("conformance", *options, env={"SCIPY_ARRAY_API": "1"})
    assert run.returncode == 1, run.stdout + run.stderr
    assert "4.194e+06 ULP apart" in run.stdout, run.stdout


def test_a_function_of_a_module_may_be_the_target(tmp_path):
    (tmp_path / "another.py").write_text("import numpy\nsigmoid = numpy.tanh\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    options = ["--target", "another:sigmoid=expit", "--backend", "numpy"]
    run = pytest_run("conformance", "-k", "special-values/", *options, env={"PYTHONPATH": path})
    assert run.returncode == 1, run.stdout + run.stderr
    assert "test_requirement[special-values/zero-another:sigmoid=expit-numpy-expit]" in run.stdout
    assert "1 passed" not in run.stdout.partition("failed")[0]


def test_two_processes_report_what_one_does(tmp_path):
    pytest.importorskip("xdist")
    found = []
    for number in ("0", "2"):
        options = ["--backend", "numpy", "-k", "(identity/odd or accuracy/float16) and not numba"]
        options += ["-n", number]
        run = pytest_run("conformance", *options, "--report", str(tmp_path / number))
        assert run.returncode == 0, run.stdout + run.stderr
        assert re.search(r"arraylogit on numpy.*: 7 kept", run.stdout), run.stdout
        found.append(json.loads((tmp_path / number / "report.json").read_text())["subjects"])
    assert found[0] == found[1]
    assert any(subject["errors"] for subject in found[0])


def test_a_required_backend_must_be_there():
    absent = [b.name for b in backends.BACKENDS.values() if b.missing()]
    if not absent:
        pytest.skip("every backend is here")
    run = pytest_run("conformance", "--co", "--require", absent[0])
    assert run.returncode == 4, run.stdout + run.stderr
    assert f"--require: {absent[0]}" in run.stderr


def test_the_last_budget_that_matches_holds():
    assert bound("value", "logit", "float32", "numpy") == 0.501
    assert bound("value", "logit", "float32", "jax:jit") == 1
    assert bound("value", "log_expit", "float32", "array_api_strict:device1") == 5.4
    assert bound("derivative", "expit", "bfloat16", "torch:eager") == 0.51
    with pytest.raises(ValueError, match="no row for value, logit, float8"):
        bound("value", "logit", "float8", "numpy")


def test_a_deviation_that_is_kept_or_recorded_twice_is_an_error(tmp_path):
    row = '[[deviation]]\ntarget = "*"\nbackend = "numpy"\nrequirement = "eps/zero"\n'
    row += 'reason = "none"\nlink = "https://example.org"\n'
    file = tmp_path / "deviations.toml"
    options = ["conformance", "-k", "eps/zero", "--backend", "numpy", "--deviations", str(file)]
    for rows, says in ((row, "XPASS"), (row * 2, "match two deviations"), ("", "deviation")):
        file.write_text(rows)
        run = pytest_run(*options)
        assert run.returncode != 0
        assert says in run.stdout + run.stderr, run.stdout + run.stderr
