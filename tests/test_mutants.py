"""The tests are tested: each fault in `tests.mutants` is rejected by the test named for it.

In this process: for each fault, package and tests are imported anew, and the earlier ones come
back after it. A process for each fault would take three seconds more, to import the libraries.
"""

import sys
from contextlib import contextmanager
from importlib import import_module

import numpy as np
import pytest

from tests.mutants import BREAKS, REJECTED_BY

OURS = ("arraylogit", "conformance", "conftest", "tests")


def _is_ours(name):
    return name.partition(".")[0] in OURS


@contextmanager
def imported_anew():
    """Import package and tests anew in the block, and undo its changes to NumPy after it."""
    modules = {name: module for name, module in sys.modules.items() if _is_ours(name)}
    functions = dict(vars(np))
    try:
        for name in modules:
            del sys.modules[name]
        yield
    finally:
        for name in filter(_is_ours, list(sys.modules)):
            del sys.modules[name]
        sys.modules.update(modules)
        for name, value in functions.items():
            if vars(np)[name] is not value:
                setattr(np, name, value)


class Fault:
    """A plug-in for pytest that puts a fault into the package and runs the test named for it."""

    def __init__(self, name):
        self.name, self.failed = name, []

    def pytest_configure(self):
        """Put the fault there before the tests are imported."""
        rejected_by = import_module("tests.mutants").REJECTED_BY
        (mutate,) = [f for f in rejected_by if f.__name__ == self.name]
        self.chosen = rejected_by[mutate]
        mutate()

    def pytest_collection_modifyitems(self, items):
        """Choose the test."""
        items[:] = [i for i in items if i.nodeid.removeprefix("tests/").startswith(self.chosen)]

    def pytest_runtest_logreport(self, report):
        """Keep what failed, and where."""
        if report.failed:
            self.failed.append((report.nodeid, report.when))


@pytest.mark.parametrize("mutant", REJECTED_BY, ids=lambda mutant: mutant.__name__)
def test_is_rejected(mutant, request):
    fault = Fault(mutant.__name__)
    file = REJECTED_BY[mutant].partition("::")[0]
    options = ["-q", "-x", "-p", "no:cacheprovider", f"--rootdir={request.config.rootpath}"]
    options += ["-p", "no:unraisableexception"]  # which collects all garbage five times at the end
    with imported_anew():
        code = pytest.main([*options, str(request.path.with_name(file))], [fault])
    # One test failed: a test was chosen, and no error came from outside of it.
    assert code == pytest.ExitCode.TESTS_FAILED
    assert [when for _, when in fault.failed] == ["call"], fault.failed


@pytest.mark.parametrize("mutant", BREAKS, ids=lambda mutant: mutant.__name__)
def test_breaks(mutant):
    id, backend, function = BREAKS[mutant]
    with imported_anew():
        getattr(import_module("tests.mutants"), mutant.__name__)()
        testing = import_module("arraylogit.testing")
        backends, registry, subject, targets = (
            import_module(f"{testing.__name__}.{name}")
            for name in ("backends", "registry", "subject", "targets")
        )
        tested = subject.Subject(targets.target("arraylogit"), backends.backend(backend), function)
        state, why = registry.state(registry.load()[id], tested)
    assert state == "broken", f"{state}: {why}"


def test_what_was_imported_before_comes_back():
    before, clip = import_module("arraylogit"), np.clip
    with imported_anew():
        assert import_module("arraylogit") is not before
        np.clip = None
    assert import_module("arraylogit") is before
    assert np.clip is clip
