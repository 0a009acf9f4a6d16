"""Measure one function of one library, dtype and device against a wider reference."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from arraylogit import special
from arraylogit._strategies._command_line import LIBRARIES, Library
from arraylogit.testing.functions import FUNCTIONS, Function

Real = Any  # an array of float64, or of a wider type

WIDE = np.longdouble
POINTS = 65536  # of each kind


class Measure(NamedTuple):
    """The largest value found, its limit, and the input that shows it."""

    what: str
    value: float
    limit: float
    witness: float

    @property
    def holds(self) -> bool:
        """Whether the value is within the limit; NaN is not."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Format:
    """A binary floating-point format, of which every number is also a float64."""

    precision: int
    exponent: int  # of its smallest normal number

    def ulp(self, y: Real) -> Real:
        """Return the spacing of the numbers of the binade of `y`."""
        _, exponent = np.frexp(y)  # of the power of two above y
        exponent = np.maximum(np.where(y == 0, self.exponent, exponent), self.exponent + 1)
        return np.ldexp(WIDE(1), exponent - self.precision)

    def round(self, y: Real) -> Real:
        """Return the nearest numbers of the format."""
        ulp = self.ulp(y)
        return (np.rint(y / ulp) * ulp).astype(np.float64)

    @property
    def has_reference(self) -> bool:
        """Whether a type of this machine is wide enough to measure hundredths of an ULP."""
        return bool(np.finfo(WIDE).nmant > self.precision + 8)


FORMATS = {
    "float16": Format(11, -14),
    "bfloat16": Format(8, -126),
    "float32": Format(24, -126),
    "float64": Format(53, -1022),
}


ROUND_TRIPS = ("logit", "logit_exp")  # the inverse of the value loses no digits


def _inputs(function: Function, p: Real) -> Real:
    """Return probabilities, or their logarithms or log-odds, by the domain of the function."""
    if function.domain[0] == 0:
        return p
    if function.domain[1] == 0:
        return np.concatenate([np.log(p), np.log1p(-p)])
    # Next to 1/2, 2p and 2(1 - p) are exact.
    x = np.log(2 * p) - np.log(2 * (1 - p))
    return np.concatenate([x, -x])


class Points(NamedTuple):
    """Inputs, in float64, with the exact values in a wider type."""

    x: Real
    exact: Real


@cache
def probabilities(dtype: str) -> Real:
    """Return numbers of a dtype between 0 and 1."""
    number = FORMATS[dtype]
    random = np.random.default_rng(0)
    uniform, half, digits, nines = random.uniform(size=(4, POINTS))
    decades = -np.log10(np.ldexp(1.0, number.exponent))
    p = np.concatenate(
        [
            uniform,
            0.5 + (uniform - 0.5) * np.exp2(-half * number.precision),
            uniform * 10 ** (-digits * decades),
            1 - uniform * 10 ** (-nines * np.log10(2) * number.precision),
        ]
    )
    p = np.unique(number.round(p))
    # Some libraries flush subnormal numbers to 0; the factor keeps round trips away from them.
    return p[(p >= 4 * np.ldexp(1.0, number.exponent)) & (p < 1)]


@cache
def points(function: str, dtype: str) -> Points:
    """Return where a function is measured: numbers of a dtype, and the exact values."""
    known, p = FUNCTIONS[function], probabilities(dtype)
    x = np.unique(FORMATS[dtype].round(_inputs(known, p.astype(WIDE))))
    with np.errstate(all="ignore"):  # in the branch that a formula does not choose
        return Points(x, known.value.wide(x.astype(WIDE)))


def check(function: str, library: Library, device: str, dtype: str) -> dict[str, Measure]:
    """Return the measures of one row that can be made on this machine."""
    return {measure.what: measure for measure in _measures(function, library, device, dtype)}


def _measures(function: str, library: Library, device: str, dtype: str) -> Iterator[Measure]:
    number, known, at = FORMATS[dtype], FUNCTIONS[function], points(function, dtype)
    bound, numpy = library.bound(function, dtype, device), LIBRARIES["numpy"]
    y = _evaluate(function, library, at.x, dtype, device)
    ulp = number.ulp(at.exact)
    if number.has_reference:
        yield _largest("error", abs(y - at.exact) / ulp, bound, at.x)
    if library is not numpy and dtype in numpy.dtypes("cpu"):
        other = _evaluate(function, numpy, at.x, dtype, "cpu")
        limit = bound + numpy.bound(function, dtype, "cpu")
        yield _largest("difference from NumPy", abs(y - other) / ulp, limit, at.x)

    if function in ROUND_TRIPS:
        # y is within d of the exact value, where the slope s of the inverse grows no faster than
        # exponentially. So the inverse of y is within s (exp(d) - 1) of x.
        back = _evaluate(known.inverse, library, y, dtype, device)
        d = bound * number.ulp(np.maximum(abs(y), abs(at.exact)))
        allowed = np.expm1(d) / known.derivative.wide(at.x)
        bound_back = library.bound(known.inverse, dtype, device)
        allowed += bound_back * number.ulp(np.maximum(abs(at.x), abs(back)))
        yield _largest("round trip", abs(back - at.x) / allowed, 1.0, at.x)

    if dtype in ("float32", "float64"):
        wrong = [_differs(function, e, library, device, dtype) for e in known.examples]
        yield Measure("examples", sum(wrong), 0, float("nan"))


def _differs(
    function: str, example: tuple[Any, ...], library: Library, device: str, dtype: str
) -> bool:
    inputs, expected, eps = (*example, None)[:3]
    if eps is not None and dtype != "float32":
        return False
    options = {} if eps is None else {"eps": eps}
    y = _evaluate(function, library, np.asarray(inputs), dtype, device, **options)
    return not np.array_equal(y.round(4), expected)


def _evaluate(
    function: str, library: Library, x: Real, dtype: str, device: str, **options: float
) -> Real:
    array = library.put(x, dtype, device)
    result = getattr(special, function)(array, **options)
    if result.dtype != array.dtype:
        raise TypeError(f"{function} of {array.dtype} is of {result.dtype}")
    return library.get(result).astype(np.float64)


def _largest(what: str, values: Real, limit: float, inputs: Real) -> Measure:
    index = int(np.argmax(values))  # NaN counts as the largest
    return Measure(what, float(values[index]), limit, float(inputs[index]))
