from importlib import import_module

import pytest

from arraylogit.testing.backends import parts
from tests.libraries import LIBRARIES, why_not


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name)
def library(request):
    chosen = request.param
    if reason := why_not(chosen):
        pytest.skip(f"not run: {reason}")
    with chosen.context():
        yield chosen


@pytest.fixture(scope="session")
def needs(request):
    """Return a function that imports a module; without it, the test is not run."""
    required = parts(request.config.getoption("--require"))

    def needs(module):
        if module.partition(".")[0] in required:
            return import_module(module)
        return pytest.importorskip(module)

    return needs
