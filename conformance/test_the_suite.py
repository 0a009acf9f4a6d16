"""The suite is tested: what is wrong must be rejected, by the requirement named for it."""

import copy
import re
from pathlib import Path

import pytest

from conformance import backends, requirements, targets, test_concurrency
from conformance.mutants import MUTANTS
from conformance.perfect import differentiable
from conformance.reference import FUNCTIONS
from conformance.subject import Subject

ROOT = Path(__file__).parent.parent
REQUIREMENTS = requirements.load()


def a_subject(functions, backend, function, points=500):
    chosen = backend if isinstance(backend, backends.Backend) else backends.backend(backend)
    if reason := chosen.missing():
        pytest.skip(f"not run: {reason}")
    return Subject(targets.Target("tested", lambda: functions, "numpy"), chosen, function, points)


@pytest.fixture
def fewer_for_threads(monkeypatch):
    monkeypatch.setattr(test_concurrency, "X", test_concurrency.X[::100])


@pytest.mark.usefixtures("fewer_for_threads")
@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda m: f"{m.function.__name__}-{m.requirement.replace('/', ':')}"
)
def test_a_mutant_is_rejected(mutant):
    entry = REQUIREMENTS[mutant.requirement]
    implementation = targets.Implementation.of(mutant.function)
    others = targets.target("conformance.perfect").functions if "numpy" in mutant.backend else {}
    functions = others | {mutant.computes: implementation}
    tested = a_subject(functions, mutant.backend, mutant.computes)
    state, why = requirements.state(entry, tested)
    assert state == "broken", f"{state}: {why}"
    assert re.search(mutant.says, why), why


def test_each_requirement_rejects_a_mutant():
    assert {mutant.requirement for mutant in MUTANTS} == set(REQUIREMENTS)
    assert len({mutant.function for mutant in MUTANTS}) >= 25


@pytest.mark.usefixtures("fewer_for_threads")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_perfect_function_is_accepted(function):
    target = targets.target("conformance.perfect")
    tested = Subject(target, backends.backend("numpy"), function, 500)
    found = {e.id: requirements.state(e, tested) for e in REQUIREMENTS.values()}
    assert {id: why for id, (state, why) in found.items() if state == "broken"} == {}
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
    found = {e.id: requirements.state(e, tested) for e in entries}
    assert {id: why for id, (state, why) in found.items() if state == "broken"} == {}
    assert sum(state == "kept" for state, _ in found.values()) >= 7
