"""What `tests` and the suite share, which may run together: an option, and every core."""

import gc
import os
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
    """Refuse to begin without what is required; give JAX two devices, whoever starts it."""
    os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
    if absent := backends.absent(config.getoption("--require")):
        raise pytest.UsageError(f"--require: {'; '.join(absent)}")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run whole folders on every core, where pytest-xdist is there; ``-n 0`` runs them on one.

    A file, or what is chosen by ``-k``, has ended before other processes would have begun.
    """
    option = config.option
    if (
        config.pluginmanager.hasplugin("xdist")
        and not hasattr(config, "workerinput")
        and option.numprocesses is None
        and not (option.keyword or option.usepdb or config.getoption("--exhaustive", False))
        and all((config.invocation_params.dir / path).is_dir() for path in config.args)
    ):
        option.numprocesses, option.dist = "auto", "worksteal"
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # a core for each process, no more


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Leave what was imported, millions of objects, out of each collection of garbage."""
    if not gc.get_freeze_count():
        gc.freeze()
