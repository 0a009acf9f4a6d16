"""What changed from one report to another: states of requirements, and tiers of errors."""

from collections.abc import Iterator
from typing import Any

from arraylogit.testing.measure import tier
from arraylogit.testing.render import cell_id

Document = dict[str, Any]

WORSE = ("broken", "error")
"""States that no requirement may come into that was in another."""


def differences(old: Document, new: Document) -> Iterator[tuple[str, bool]]:
    """Yield what differs, a line for each, and whether it is worse than before.

    Raises
    ------
    ValueError
        The documents are of different schemas.
    """
    if old.get("schema") != new.get("schema"):
        raise ValueError(f"schema {old.get('schema')}, and {new.get('schema')}")
    before, after = _cells(old), _cells(new)
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key, ("absent", "")), after.get(key, ("absent", ""))
        if one[0] != other[0]:
            target, backend, function, id = key
            cell = cell_id(target, backend, id)
            line = f"{target} on {backend}, {function}, {id}: {one[0]} -> {other[0]} (#{cell})"
            line += f": {other[1]}" if other[1] else ""
            yield line, other[0] in WORSE


def _cells(document: Document) -> dict[tuple[str, ...], tuple[str, str]]:
    # By target, backend, function and requirement, or the dtype of an error.
    found = {}
    for s in document["subjects"]:
        name = s["target"], s["backend"], s["function"]
        for id, outcome in s["requirements"].items():
            found[*name, id] = outcome["state"], outcome["detail"]
        for error in s["errors"]:
            largest = float(error["overall"]["max"])
            what = f"{error['requirement']} in ULP"
            found[*name, what] = tier(largest), f"{largest:.4g}"
    return found
