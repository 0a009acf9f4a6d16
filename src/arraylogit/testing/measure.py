"""Errors in units in the last place, and their statistics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from arraylogit.testing.functions import function_of

Array = np.ndarray


class Format(NamedTuple):
    """A binary floating-point format: numbers ±(1 + m/2^digits)·2^e, lowest <= e <= highest."""

    digits: int
    lowest: int
    highest: int


@cache
def format_of(dtype: Any) -> Format:
    """Return the format of a NumPy or ml_dtypes floating-point dtype."""
    info = ml_dtypes.finfo(dtype)
    return Format(int(info.nmant), int(info.minexp), int(info.maxexp) - 1)


def ulp_error(actual: Array, reference: Array, dtype: Any = None) -> Array:
    """Return ``|actual - reference|`` in units in the last place, as float64.

    Parameters
    ----------
    actual, reference : ndarray
        Results, and the values that they should have, preferably in a wider dtype.
    dtype : dtype, optional
        The format whose unit is meant, by default that of `actual`.

    Returns
    -------
    ndarray
        The unit is the spacing of `dtype` in the binade of the reference, and never less than
        the smallest subnormal number. 0 for two NaN, and for an infinity where the reference
        rounds to the same one. An infinity where it rounds to a number counts as the power of
        two that follows the largest number. ``inf`` where only one is NaN, and for a number
        where the reference is infinite. The sign of zero is ignored: see `same_special`.
    """
    digits, lowest, highest = format_of(np.dtype(actual.dtype if dtype is None else dtype))
    a, r = _widened(actual, reference)
    exponent = np.clip(_exponent(r), lowest, highest)
    with np.errstate(all="ignore"):
        error = np.abs(np.ldexp(a - r, digits - exponent).astype(np.float64, copy=False))
        odd = ~np.isfinite(error)
        if odd.any():
            a, r, unit = a[odd], r[odd], exponent[odd] - digits
            # Halved, because the power of two after the largest number may not exist.
            half = r / 2
            top = np.ldexp(np.ones_like(r), highest)
            limit = top - np.ldexp(top, -digits - 2)  # what rounds to infinity, halved
            # The distance of an infinity from a finite reference.
            excess = np.ldexp(np.abs(np.copysign(top, a) - half), 1 - unit)
            error[odd] = np.select(
                [
                    np.isnan(a) & np.isnan(r),
                    np.isinf(a) & (np.abs(half) >= limit) & (np.sign(a) == np.sign(r)),
                    np.isinf(a) & np.isfinite(r),
                ],
                [0.0, 0.0, excess],
                np.inf,
            )
    return error


def _widened(*arrays: Array) -> list[Array]:
    dtype = np.result_type(np.float64, *(a.dtype for a in arrays if a.dtype.itemsize > 8))
    with np.errstate(invalid="ignore"):  # signalling NaN
        return [np.atleast_1d(a).astype(dtype, copy=False) for a in arrays]


def _exponent(x: Array) -> Array:
    # Of 0, less than that of any number: read off the bits, much faster than frexp.
    if x.dtype == np.float64:
        return ((x.view(np.int64) >> 52) & 0x7FF).astype(np.int32) - 1023
    if np.finfo(x.dtype).nmant == 63:  # of x86
        parts = np.ascontiguousarray(x).view(np.uint16).reshape(*x.shape, -1)
        return (parts[..., 4] & 0x7FFF).astype(np.int32) - 16383
    return np.where(x == 0, np.iinfo(np.int32).min, np.frexp(x)[1] - 1)


def same_special(actual: Array, reference: Array) -> Array:
    """Return where zeros (with their signs), infinities and NaN are those of the reference.

    The reference is rounded to the dtype of `actual` first. True where neither is special.
    """
    with np.errstate(all="ignore"):
        a, r = _widened(actual, reference.astype(actual.dtype))
    special = ~np.isfinite(a) | ~np.isfinite(r) | (a == 0) | (r == 0)
    equal = (a == r) & (np.signbit(a) == np.signbit(r))
    return ~special | equal | (np.isnan(a) & np.isnan(r))


def flushed(actual: Array, reference: Array, dtype: Any = None) -> Array:
    """Return where a result is 0 although the reference rounds to a subnormal number."""
    form = format_of(np.dtype(actual.dtype if dtype is None else dtype))
    a, r = _widened(actual, reference)
    unit = r.dtype.type(2)
    smallest, normal = unit ** (form.lowest - form.digits), unit**form.lowest
    # Half the smallest may itself round to 0 in the dtype of the reference.
    magnitude = np.abs(r)
    return (a == 0) & (magnitude > smallest / 2) & (magnitude < normal)


def lost(x: Array, reference: Array, takes: bool, makes: bool) -> Array:
    """Return where a library cannot give the result, as it flushes subnormal numbers.

    `takes`: subnormal inputs count as 0. `makes`: subnormal results become 0. `reference` is of a
    wider dtype than `x`.
    """
    smallest = 2.0 ** format_of(x.dtype).lowest
    where = np.zeros(x.shape, bool)
    if takes:
        where |= (x != 0) & (np.abs(x.astype(np.float64)) < smallest)
    if makes:
        where |= (reference != 0) & (np.abs(reference) < smallest)
    return where


def drops(x_sorted: Array, y: Array) -> tuple[int, float]:
    """Return how often `y` falls though `x_sorted` grows, and the deepest fall in ULP of `y`."""
    with np.errstate(invalid="ignore"):  # ml_dtypes warns of NaN
        rising = x_sorted[1:] > x_sorted[:-1]
        falling = np.flatnonzero(rising & (y[1:] < y[:-1]))
    if not falling.size:
        return 0, 0.0
    return falling.size, float(ulp_error(y[falling + 1], y[falling]).max())


def not_odd(logit: Callable[[Array], Array], x: Array) -> tuple[int, int]:
    """Return at how many `x` ``logit(1 - x)`` is not ``-logit(x)``, and how many were compared.

    Only inputs with an exact 1 - x are compared: the identity is about one number there.
    """
    wide = np.longdouble if x.dtype.itemsize >= 8 else np.float64
    c = 1 - x
    x = x[(c.astype(wide) == 1 - x.astype(wide)) & (x >= 0) & (x <= 1)]
    return int(np.count_nonzero(logit(1 - x) != -logit(x))), x.size


TIERS = (0.501, 1, 2, 4)
"""The largest errors of the tiers that functions are sorted into, in ULP."""


def tier(error: float) -> str:
    """Return the smallest of `TIERS` that holds an error, in words."""
    return next((f"<= {bound}" for bound in TIERS if error <= bound), f"> {TIERS[-1]}")


BINS = ("0", "<=0.5", "<=1", "<=2", "<=10", "more")
_BIN_EDGES = (0, 0.5, 1, 2, 10)

SUBNORMAL, OUTSIDE = "subnormal", "outside"


def regions(function: str) -> tuple[str, ...]:
    """Return the names of the regions that errors of a function are reported by.

    Three intervals of the input; `subnormal` where the input or the result is; `outside` where
    the result is NaN.
    """
    middle = function_of(function).middle[2]
    return ("lower tail", middle, "upper tail", SUBNORMAL, OUTSIDE)


def region_of(function: str, x: Array, reference: Array, dtype: Any) -> Array:
    """Return the indices in `regions` of inputs, given the results in a `dtype` or wider."""
    first, last, _ = function_of(function).middle
    (x,), (reference,) = _widened(x), _widened(reference)
    region = (x >= first).astype(np.int8)
    region += x > last
    for values in (x, reference):
        smallest_normal = values.dtype.type(2) ** format_of(dtype).lowest
        region[(values < smallest_normal) & (values > -smallest_normal) & (values != 0)] = 3
    region[np.isnan(reference)] = 4
    return region


@dataclass(frozen=True)
class Witness:
    """The input that shows an error, with the result and the exact value."""

    input: str
    input_hex: str
    output: str
    reference: str

    @classmethod
    def of(cls, x: Any, actual: Any, reference: Any) -> "Witness":
        return cls(_decimal(x), _hexadecimal(x), _decimal(actual), _decimal(reference))


def _decimal(x: Any) -> str:
    return str(x[()] if isinstance(x, np.ndarray) else x)


def _hexadecimal(x: Any) -> str:
    if np.dtype(x.dtype).itemsize <= 8 or not np.isfinite(x):
        return float(x).hex()
    mantissa, exponent = np.frexp(x)
    return f"{int(np.ldexp(mantissa, 64)):#x}p{exponent - 64:+d}"


@dataclass
class Statistics:
    """Count, distribution and maximum of errors in ULP.

    Attributes
    ----------
    count : int
        How many errors.
    total : float
        Sum of the finite ones.
    infinite : int
        How many are not finite: a number, infinity or NaN where another of these is right.
    histogram : list of int
        How many are 0, up to 0.5, 1, 2, 10, and more, each without those before.
    max : float
        The largest, which may be ``inf``.
    witness : Witness or None
        Where that is; None where every error is 0.
    """

    count: int = 0
    total: float = 0.0
    infinite: int = 0
    histogram: list[int] = field(default_factory=lambda: [0] * len(BINS))
    max: float = 0.0
    witness: Witness | None = None

    @property
    def mean(self) -> float:
        """Mean of the finite errors."""
        return self.total / max(1, self.count - self.infinite)

    def merge(self, other: "Statistics") -> "Statistics":
        """Return the statistics of both sets of errors."""
        worse = other if other.max > self.max else self
        return Statistics(
            self.count + other.count,
            self.total + other.total,
            self.infinite + other.infinite,
            [a + b for a, b in zip(self.histogram, other.histogram, strict=True)],
            worse.max,
            worse.witness,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; infinities as strings, as JSON has none."""
        return {
            "count": self.count,
            "mean": _json(self.mean),
            "total": _json(self.total),
            "infinite": self.infinite,
            "histogram": dict(zip(BINS, self.histogram, strict=True)),
            "max": _json(self.max),
            "witness": None if self.witness is None else vars(self.witness),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Statistics":
        """Return what `to_dict` was called on."""
        witness = data["witness"]
        return cls(
            data["count"],
            float(data["total"]),
            data["infinite"],
            [data["histogram"][name] for name in BINS],
            float(data["max"]),
            None if witness is None else Witness(**witness),
        )


def _json(x: float) -> float | str:
    return x if np.isfinite(x) else str(x)


EXHAUSTIVE, LOWER_BOUND = "exhaustive", "lower bound"


@dataclass
class Summary:
    """Errors of one function in one dtype, as a whole and by region.

    Attributes
    ----------
    function, dtype : str
        The function and dtype measured; the errors are in ULP of `dtype`.
    coverage : {'exhaustive', 'lower bound'}
        Whether every number was tried, or the maximum bounds the true one from below.
    overall : Statistics
        Of all errors.
    regions : dict of str to Statistics
        The same by the names that `regions` gives.
    flushed : int
        How many results are 0 instead of subnormal or were left out, because the library has no
        subnormal numbers.
    """

    function: str
    dtype: str
    coverage: str = LOWER_BOUND
    overall: Statistics = field(default_factory=Statistics)
    regions: dict[str, Statistics] = field(default_factory=dict)
    flushed: int = 0

    def __post_init__(self):
        if self.coverage not in (EXHAUSTIVE, LOWER_BOUND):
            raise ValueError(
                f"coverage must be {EXHAUSTIVE!r} or {LOWER_BOUND!r}, got {self.coverage!r}"
            )
        self.regions = {name: Statistics() for name in regions(self.function)} | self.regions

    def merge(self, other: "Summary") -> "Summary":
        """Return the summary of both; exhaustive only if both are."""
        if (self.function, self.dtype) != (other.function, other.dtype):
            raise ValueError(
                f"cannot merge {other.function} in {other.dtype} "
                f"into {self.function} in {self.dtype}"
            )
        return Summary(
            self.function,
            self.dtype,
            self.coverage if self.coverage == other.coverage else LOWER_BOUND,
            self.overall.merge(other.overall),
            {name: mine.merge(other.regions[name]) for name, mine in self.regions.items()},
            self.flushed + other.flushed,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return vars(self) | {
            "overall": self.overall.to_dict(),
            "regions": {name: part.to_dict() for name, part in self.regions.items()},
        }

    @property
    def region(self) -> str:
        """Where the largest error is."""
        return max(self.regions, key=lambda name: self.regions[name].max)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Summary":
        """Return what `to_dict` was called on."""
        return cls(
            **data
            | {
                "overall": Statistics.from_dict(data["overall"]),
                "regions": {k: Statistics.from_dict(v) for k, v in data["regions"].items()},
            }
        )


def summarise(
    function: str,
    x: Array,
    actual: Array,
    reference: Array,
    dtype: Any = None,
    coverage: str = LOWER_BOUND,
    lost: Array | None = None,
    error: Array | None = None,
) -> Summary:
    """Return the summary of the errors of ``actual``, the results of a function at `x`.

    Parameters
    ----------
    function : str
        Its name, which the regions depend on.
    x, actual, reference : ndarray
        Inputs, results, and exact values.
    dtype : dtype, optional
        The format whose ULP is meant, by default that of `actual`.
    coverage : {'exhaustive', 'lower bound'}
        Whether the maximum is the true one.
    lost : ndarray, optional
        Mask of the results that count as flushed and are left out of the errors: see `lost`.
    error : ndarray, optional
        All errors in ULP, if they are known.
    """
    dtype = np.dtype(actual.dtype if dtype is None else dtype)
    summary = Summary(function, dtype.name, coverage)
    if error is None:
        error = ulp_error(actual, reference, dtype)
    if lost is not None and lost.any():
        summary.flushed = int(np.count_nonzero(lost))
        x, actual, reference, error = (a[~lost] for a in (x, actual, reference, error))
    region = region_of(function, x, reference, dtype)
    bins = np.zeros(error.shape, np.int8)
    for edge in _BIN_EDGES:
        bins += error > edge
    names = regions(function)
    counts = np.bincount(region * np.int8(len(BINS)) + bins, minlength=len(names) * len(BINS))
    summary.flushed += int(np.count_nonzero(flushed(actual, reference, dtype)))
    for i, histogram in enumerate(counts.reshape(len(names), len(BINS)).tolist()):
        if not (count := sum(histogram)):
            continue
        where = slice(None) if count == error.size else region == i
        errors = error[where]
        worst = int(np.argmax(errors))
        largest = float(errors[worst])
        finite = errors if np.isfinite(largest) else errors[np.isfinite(errors)]
        part = Statistics(count, float(finite.sum()), count - finite.size, histogram, largest)
        if largest > 0:
            part.witness = Witness.of(
                x[where][worst], actual[where][worst], reference[where][worst]
            )
        summary.regions[names[i]] = part
        summary.overall = summary.overall.merge(part)
    return summary
