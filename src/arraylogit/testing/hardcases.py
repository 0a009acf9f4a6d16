"""The search that fills hardcases.toml.

    python -m arraylogit.testing.hardcases [--thin N] [--points N]

Two kinds of inputs, for each function and first derivative, region by region. *Nearest to a
midpoint*: the exact result lies so close to the midpoint of two floats that an error of that
size in the wider dtype rounds it to the wrong one. *Worst of a formula*: where textbook
formulas, evaluated in the dtype itself by this machine's NumPy, are farthest off.

The search tries structured inputs and, in float32, every number of the interval in which the
result is neither constant nor the input itself (for the formulas, every N-th piece of it with
`--thin`). A wider dtype selects candidates, and mpmath orders those near midpoints.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.functions import curve_of, curves, function_of

Array = np.ndarray

KEPT = 4
"""Inputs kept for each region."""


def search(
    function: str, chunks: Iterable[Array], limit: float, thin: int = 1
) -> dict[str, list[Any]]:
    """Return the hard inputs among those given, by the kind of search.

    Parameters
    ----------
    function : str
        The name of a function or a derivative.
    chunks : iterable of ndarray
        Inputs of one dtype.
    limit : float
        Distance from a midpoint, in ULP, that the wider dtype resolves. Candidates are within it,
        and mpmath orders them.
    thin : int
        Evaluate the formulas on one in so many of the chunks.
    """
    near = []
    worst: dict[str, dict[str, set[Any]]] = {name: {} for name in curve_of(function).worst}
    for i, x in enumerate(chunks):
        values = reference.wide(function, x)
        near.append(x[_distance(values, x.dtype) < limit])
        for name, formula in curve_of(function).worst.items() if i % thin == 0 else ():
            with np.errstate(all="ignore"):
                summary = measure.summarise(function, x, formula(x), values)
            for region, part in summary.regions.items():
                if part.witness is not None:
                    found = worst[name].setdefault(region, set())
                    found.add((part.max, x.dtype.type(float.fromhex(part.witness.input_hex))))
                    worst[name][region] = set(sorted(found)[-KEPT:])
    return {
        "nearest to a midpoint": _nearest_to_midpoint(function, np.unique(np.concatenate(near)))
    } | {
        f"worst of {name}": [x for found in by_region.values() for _, x in sorted(found)]
        for name, by_region in worst.items()
    }


def _distance(values: Array, dtype: Any) -> Array:
    # Of a value from the nearest midpoint of two floats of a dtype, in ULP.
    form = measure.format_of(dtype)
    exponent = np.maximum(np.frexp(values)[1] - 1, form.lowest)
    with np.errstate(invalid="ignore"):
        scaled = np.ldexp(values, form.digits - exponent)
        distance = np.abs(scaled - np.floor(scaled) - 0.5)
    return np.where(np.isnan(distance) | (exponent > form.highest), 1, distance)


def _nearest_to_midpoint(function: str, candidates: Array) -> list[Any]:
    distances = np.asarray(
        [midpoint_distance(reference.exact(function, x), x.dtype) for x in candidates], object
    )
    values = reference.wide(function, candidates)
    region = measure.region_of(function, candidates, values, candidates.dtype)
    found = []
    for i in np.unique(region):
        here = np.flatnonzero(region == i)
        found.extend(candidates[here[np.argsort(distances[here])[:KEPT]]])
    return found


def midpoint_distance(value: mpf, dtype: Any) -> mpf:
    """Return how far a value is from the nearest midpoint of two floats of a dtype, in ULP."""
    form = measure.format_of(dtype)
    with mp.workprec(value.bc + 64):
        _, exponent = mp.frexp(value)
        scaled = abs(value) * mpf(2) ** (form.digits - max(exponent - 1, form.lowest))
        return abs(scaled - mp.floor(scaled) - 0.5)


def _chunks(function: str, dtype: str, points: int) -> Iterable[Array]:
    if dtype == "float32":
        yield inputs.structured(function, dtype, inputs.CHUNK)
        first, last = function_of(function).interval
        yield from inputs.floats(dtype, first, last)
    else:
        size = 1 << 18
        for seed in range(-(-points // size)):
            yield inputs.structured(function, dtype, size, seed)


def main(arguments: list[str] | None = None) -> None:
    """Search, and write hardcases.toml next to this file."""
    parser = argparse.ArgumentParser("python -m arraylogit.testing.hardcases", description=__doc__)
    parser.add_argument("--thin", type=int, default=1, help="formulas: one piece in N of float32")
    parser.add_argument("--points", type=int, default=10**7, help="of float64")
    parser.add_argument("--function", choices=curves(), action="append")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("hardcases.toml"))
    chosen = parser.parse_args(arguments)
    lines = [
        "# Inputs found by `python -m arraylogit.testing.hardcases`, which says how;",
        f"# with NumPy {np.__version__}; midpoints of float32: exhaustive, its formulas thinned "
        f"{chosen.thin}:1;",
        f"# {chosen.points} points of float64.",
    ]
    for function in chosen.function or curves():
        for dtype, limit, thin in (("float32", 2.0**-24, chosen.thin), ("float64", 2.0**-10, 1)):
            found = search(function, _chunks(function, dtype, chosen.points), limit, thin)
            lines += ["", f"[{function}.{dtype}]"]
            for name, xs in found.items():
                lines += [f'"{name}" = [', *(f'    "{float(x).hex()}",' for x in xs), "]"]
    chosen.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
