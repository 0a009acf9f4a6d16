"""What a measurement was made with, and when."""

import platform
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("arraylogit", "array-api-compat", "array-api-strict", "cupy-cuda12x", "dask", "gmpy2"),
    *("jax", "jaxlib", "ml_dtypes", "mpmath", "numpy", "pytest", "scipy", "torch"),
)
"""Distributions whose version matters, where installed."""


def environment() -> dict[str, object]:
    """Return date, platform, CPU, and the versions of Python and of what is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu(),
        "versions": {"python": platform.python_version()} | found,
    }


def cpu() -> str:
    """Return the name of the processor."""
    if sys.platform == "linux":
        text = Path("/proc/cpuinfo").read_text()
        if found := re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE):
            return found[1]
    return platform.processor() or platform.machine()
