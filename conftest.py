"""The option of both `tests` and `conformance`, which may run together."""

import pytest
from conformance import backends


def pytest_addoption(parser):
    """Add it."""
    parser.addoption(
        "--require",
        default="",
        help="comma-separated libraries, or backends of the suite or their beginnings, whose "
        "absence is an error: torch, jax:jit, torch:cuda, pandas",
    )


def pytest_configure(config):
    """Refuse to begin without what is required."""
    if absent := backends.absent(config.getoption("--require")):
        raise pytest.UsageError(f"--require: {'; '.join(absent)}")
