"""The option of `tests` and of the suite, which may run together."""

from contextlib import suppress

import pytest

from arraylogit.testing import backends


def pytest_addoption(parser):
    """Add it, unless the suite has."""
    with suppress(ValueError):
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
