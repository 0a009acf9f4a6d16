from importlib import import_module

import pytest

from arraylogit.testing.backends import BACKENDS, parts
from arraylogit.testing.backends.jax import Jax
from tests.browser import chromium

# `conformance` has the other devices and versions of array-api-strict.
NAMES = (
    *("numpy", "torch:eager", "jax:eager", "dask", "array_api_strict:device1"),
    "array_api_strict:2022.12",
    *("torch:cuda:eager", "cupy:cuda"),
)
LIBRARIES = [*(BACKENDS[name] for name in NAMES), Jax("jax:eager-x32", x64=False)]


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name)
def library(request):
    chosen = request.param
    if reason := chosen.missing():
        pytest.skip(f"not run: {reason}")
    with chosen:
        yield chosen


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    window = chromium(tmp_path_factory.mktemp("chromium"))
    yield window
    window.quit()


@pytest.fixture(scope="session")
def needs(request):
    """Return a function that imports a module; without it, the test is not run."""
    required = parts(request.config.getoption("--require"))

    def needs(module):
        if module.partition(".")[0] in required:
            return import_module(module)
        return pytest.importorskip(module)

    return needs
