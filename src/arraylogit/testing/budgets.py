"""The largest errors allowed, as the suite, our own tests and the self-check read them."""

import tomllib
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

FILES = [Path(__file__).with_name("budgets.toml")]
"""The files of rows. Later rows, and rows of later files, go before the others."""


@cache
def _rows(path: Path) -> tuple[dict[str, Any], ...]:
    return tuple(tomllib.loads(path.read_text("utf-8"))["budget"])


COMMON = 4.0
"""The bound for other implementations, unless a row of a later file matches."""


def rows(ours: bool = True) -> list[dict[str, Any]]:
    """Return the rows of all files, or of all but ours; the last that matches holds."""
    return [row for path in FILES[not ours :] for row in _rows(path)]


def bound(kind: str, function: str, dtype: str, backend: str, ours: bool = True) -> float:
    """Return the bound of the last row that matches, in ULP."""
    named = {"kind": kind, "function": function, "dtype": dtype, "backend": backend}
    for row in reversed(rows(ours)):
        if all(any(fnmatch(named[key], p) for p in row[key].split()) for key in named):
            return float(row["ulp"])
    if not ours:
        return COMMON
    raise ValueError(f"budgets.toml has no row for {kind}, {function}, {dtype}, {backend}")
