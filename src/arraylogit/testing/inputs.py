"""The inputs to measure at: every number of a format, or those where something happens."""

import tomllib
from collections.abc import Iterator
from functools import cache
from math import inf, log, nan
from pathlib import Path
from typing import Any

import numpy as np

from arraylogit.testing.functions import curve_of, function_of
from arraylogit.testing.measure import format_of

Array = np.ndarray

CHUNK = 1 << 16
"""Numbers at a time: half a MiB in float64, so that a few arrays stay in the cache."""


def keys(dtype: Any, first: float | None = None, last: float | None = None) -> range:
    """Return consecutive integers that stand for the floats from `first` to `last`, ascending.

    Those of -0.0 and 0.0 are -1 and 0. Without bounds, for all bit patterns: NaN with the sign
    bit come first, the others last.
    """
    dtype = np.dtype(dtype)
    integers = np.iinfo(_integer(dtype))
    low, high = (
        default if x is None else int(_flip(np.asarray(x, dtype).view(_integer(dtype))))
        for x, default in ((first, integers.min), (last, integers.max))
    )
    return range(low, high + 1)


def at(dtype: Any, keys: range | Array) -> Array:
    """Return the floats that keys stand for."""
    integer = _integer(np.dtype(dtype))
    if isinstance(keys, range):
        keys = np.arange(keys.start, keys.stop, keys.step, dtype=integer)
    return _flip(keys.astype(integer, copy=False)).view(dtype)


def floats(
    dtype: Any, first: float | None = None, last: float | None = None, chunk: int = CHUNK
) -> Iterator[Array]:
    """Yield all floats of an interval, ascending, in arrays of `chunk`; see `keys`."""
    numbers = keys(dtype, first, last)
    for start in range(0, len(numbers), chunk):
        yield at(dtype, numbers[start : start + chunk])


def every(dtype: Any) -> Array:
    """Return all values of a dtype of 16 bits or fewer, ascending, NaN at both ends."""
    return at(dtype, keys(dtype))


def _integer(dtype: Any) -> Any:
    return np.dtype(f"i{dtype.itemsize}")


def _flip(bits: Array) -> Array:
    # Sign and magnitude to two's complement, with -0.0 at -1; and back.
    return bits ^ ((bits >> (8 * bits.dtype.itemsize - 1)) & np.iinfo(bits.dtype).max)


def special(function: str) -> list[tuple[float, float]]:
    """Return inputs and the outputs that every dtype shares: limits, exact values and NaN."""
    first, last = function_of(function).domain
    known = curve_of(function).special
    cases = [*known.items(), *((-0.0, y) for x, y in known.items() if x == 0)]
    beyond = (-inf, -1.0, 2.0, inf)
    return cases + [(x, nan) for x in beyond if not first <= x <= last] + [(nan, nan)]


_INSIDE = {
    (0, 1): (0.125, 0.25, 0.375, 0.625, 0.75, 0.875, 0.96875),
    (-inf, 0): (-6.0, -3.0, -0.75, -0.6875, -0.625, -0.25, -0.0625),
    (-inf, inf): (-6.0, -3.0, -0.75, 0.25, 0.75, 3.0, 6.0),
}


def inside(function: str, dtype: Any) -> Array:
    """Return a few numbers of the domain that every dtype has, whose results differ."""
    return np.asarray(_INSIDE[function_of(function).domain], dtype)


def typical(function: str, dtype: Any, size: int) -> Array:
    """Return `size` numbers of the domain that all have results, and different ones."""
    few = inside(function, np.float64)
    return np.linspace(few[0], few[-1], size).astype(dtype)


def line(function: str, dtype: Any, n: int) -> Array:
    """Return about `n` numbers with equal steps between them, from where results are not rounded.

    Where the domain is [0, 1], any interval longer than 1 / n holds one of them.
    """
    first, last = function_of(function).domain
    first, last = max(first, -18), min(last, 18)
    points = first + (last - first) * (np.arange(n) + 0.37) / n
    return at(dtype, _unique(_keys_of(points.astype(dtype))))


def outside(function: str, dtype: Any) -> Array:
    """Return inputs that have no value: the nearest to the domain, the farthest, and between."""
    first, last = function_of(function).domain
    below, above = keys(dtype, -inf, first)[:-1], keys(dtype, last, inf)[1:]
    if first == 0:
        below = below[:-1]  # -0.0
    parts = [_spread(side) for side in (below, above) if len(side)]
    return at(dtype, _unique(np.concatenate(parts))) if parts else np.empty(0, dtype)


def _spread(numbers: range) -> Array:
    return np.asarray([numbers[i * (len(numbers) - 1) // 16] for i in range(17)])


def structured(function: str, dtype: Any, n: int, seed: int = 0) -> Array:
    """Return `n` inputs inside the domain, ascending and without duplicates.

    Fewer where the dtype has fewer, more where `n` is less than those that are always there.

    The same for every seed: three of each binade, the neighbours of each point where a formula
    may change or a result leave its format (0.5 ± k ULP, 1 - k ULP, 0.25, 0.75; where these are
    taken to by the function, for the others), the smallest and the largest numbers, and the
    `hard` cases. At random by `seed`, to make up `n`: uniform among all floats, uniform on the
    line, and log-uniform distances from those points. Vary the seed for more than fit in memory.
    """
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(seed)
    first, last = function_of(function).domain
    domain = keys(dtype, first, last)
    points = [*function_of(function).centres(format_of(dtype)), first, last, 0.0]
    near = 2 ** np.arange(format_of(dtype).digits)
    steps = np.concatenate([-near, np.arange(-32, 33), near])
    with np.errstate(over="ignore"):
        centres = np.asarray([keys(dtype, p, p)[0] for p in points if np.isfinite(dtype.type(p))])
    fixed = [
        _binades(dtype, domain),
        (centres[:, None] + steps).ravel(),
        _keys_of(hard(function, dtype)),
    ]
    found = _within(np.concatenate(fixed), domain)
    missing = max(0, n - found.size)
    third = missing // 2 + 1  # half as many again, as some fall together or outside
    width = -log(_smallest(dtype))
    with np.errstate(over="ignore"):
        line = rng.uniform(max(first, -width), min(last, width), third)
        distance = np.exp2(rng.uniform(-format_of(dtype).digits - 8, 0, third))
        close = rng.choice(points[:-3], third) + rng.choice([-1, 1], third) * distance
        random = [
            _keys_of(line.astype(dtype)),
            _keys_of(close.astype(dtype)),
            rng.integers(domain[0], domain[-1], third, endpoint=True),
        ]
    new = np.setdiff1d(_within(np.concatenate(random), domain), found, assume_unique=True)
    return at(dtype, np.sort(np.concatenate([found, rng.permutation(new)[:missing]])))


def _keys_of(x: Array) -> Array:
    return _flip(x.view(_integer(x.dtype))).astype(np.int64)


def _within(numbers: Array, domain: range) -> Array:
    return _unique(numbers[(numbers >= domain[0]) & (numbers <= domain[-1])])


def _unique(numbers: Array) -> Array:
    # Ascending; np.unique takes several times as long by a table of hashes.
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]


def _smallest(dtype: Any) -> float:
    form = format_of(dtype)
    return max(2.0 ** (form.lowest - form.digits), 5e-324)


def _binades(dtype: Any, domain: range) -> Array:
    # The first, a middle and the last number of each, of both signs; subnormal ones likewise.
    digits = format_of(dtype).digits
    starts = np.arange(0, keys(dtype, 0.0, inf)[-1], 1 << digits, dtype=np.int64)
    subnormal = 1 << np.arange(digits)
    size = 1 << digits
    positive = np.concatenate([subnormal, starts, starts + size // 3, starts + size - 1])
    return _within(np.concatenate([positive, -1 - positive]), domain)


def hard(function: str, dtype: Any) -> Array:
    """Return inputs found by search (`arraylogit.testing.hardcases`), for float32 and float64.

    Their results lie closest to the midpoint of two floats, or are where a formula is worst.
    """
    lists = _hardcases().get(function, {}).get(np.dtype(dtype).name, {}).values()
    return np.asarray([float.fromhex(x) for found in lists for x in found], dtype)


@cache
def _hardcases() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("hardcases.toml").read_text())
