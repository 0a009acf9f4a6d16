"""The versions, machine, command and time of a measurement."""

import platform
import re
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("arraylogit", "array-api-compat", "array-api-strict", "cupy-cuda12x", "dask", "gmpy2"),
    *("jax", "jaxlib", "ml_dtypes", "mpmath", "numba", "numpy", "pytest", "scipy", "torch"),
)
"""Distributions whose version matters, where installed."""


def environment() -> dict[str, object]:
    """Return command, date, platform, CPU, and the versions of Python and the distributions."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "command": command(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu(),
        "versions": {"python": platform.python_version()} | found,
    }


def command() -> str:
    """Return the command of this process, without the paths of this machine."""
    first, *rest = sys.orig_argv[1:] or [""]
    return shlex.join(["python", first, *rest] if first == "-m" else [Path(first).name, *rest])


def cpu() -> str:
    """Return the name of the processor."""
    if sys.platform == "linux":
        text = Path("/proc/cpuinfo").read_text()
        if found := re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE):
            return found[1]
    return platform.processor() or platform.machine()
