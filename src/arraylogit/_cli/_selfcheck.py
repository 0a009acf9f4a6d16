"""Measure one function of one library, dtype and device against a wider reference."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from arraylogit import special
from arraylogit._cli._libraries import LIBRARIES, Library

Real = Any  # an array of float64, or of a wider type

WIDE = np.longdouble
POINTS = 65536  # of each kind
LOG_2 = (0xB17217F7, 0xD1CF79AB, 0xC9E3B398, 0x03F2F6AF)  # its first digits, in base 2^32


class Measure(NamedTuple):
    """The largest value found, what it may be, and the input that shows it."""

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


class Example(NamedTuple):
    """What is documented, to the four decimals it is printed with."""

    inputs: list[float]
    expected: list[float]
    eps: float | None = None  # in float32 alone, whose rounding of 1 - eps shows


@dataclass(frozen=True)
class Reference:
    """What a function should be.

    Attributes
    ----------
    of_probability : callable
        Inputs, from the probabilities that all functions are checked at.
    exact : callable
        The values at inputs of a type that is wider.
    examples : tuple of Example
        What the documentation shows.
    inverse : str, optional
        The function that leads back, if that is well-conditioned.
    slope_back : callable, optional
        The slope of the inverse, by the inputs here. Its logarithm grows no faster than the
        values do.
    """

    of_probability: Callable[[Real], Real]
    exact: Callable[[Real], Real]
    examples: tuple[Example, ...]
    inverse: str | None = None
    slope_back: Callable[[Real], Real] | None = None


def _logit(p: Real) -> Real:
    # Next to 1/2, 2p and 2(1 - p) are exact: the relative error is that of the wide logarithm.
    return np.log(2 * p) - np.log(2 * (1 - p))


def _both_signs(p: Real) -> Real:
    x = _logit(p)
    return np.concatenate([x, -x])


def _log_expit(x: Real) -> Real:
    return np.minimum(x, 0) - np.log1p(np.exp(-abs(x)))


def _logs(p: Real) -> Real:
    return np.concatenate([np.log(p), np.log1p(-p)])


def _logit_exp(x: Real) -> Real:
    # x - log(1 - exp(x)), elsewhere than next to 0 with h = x + log 2 for x, as the result
    # crosses 0 with h. The sum is exact to a hundred digits where it matters.
    h = x
    for i, digit in enumerate(LOG_2):
        h = h + np.ldexp(WIDE(digit), -32 * (i + 1))
    return np.where(
        x < -0.35,
        h - np.log1p(-np.expm1(np.minimum(h, 0.4))),
        x - np.log(-np.expm1(np.maximum(x, -1))),
    )


REFERENCES = {
    "logit": Reference(
        lambda p: p,
        _logit,
        (
            Example([0.2, 0.5, 0.8], [-1.3863, 0.0, 1.3863]),
            Example([0.0, 1.0], [-np.inf, np.inf]),
            Example([0.0, 1.0], [-13.8155, 13.8023], eps=1e-6),
        ),
        "expit",
        lambda p: p * (1 - p),
    ),
    "expit": Reference(
        _both_signs,
        lambda x: 1 / (1 + np.exp(-x)),
        (Example([-np.log(4), 0.0, np.log(4)], [0.2, 0.5, 0.8]),),
    ),
    "log_expit": Reference(
        _both_signs, _log_expit, (Example([-1000.0, 0.0, 3.0], [-1000.0, -0.6931, -0.0486]),)
    ),
    "logit_exp": Reference(
        _logs,
        _logit_exp,
        (Example([-1000.0, -1.0, -1e-20], [-1000.0, -0.5413, 46.0517]),),
        "log_expit",
        lambda x: -np.expm1(x),
    ),
    "logit_log_jacobian": Reference(
        lambda p: p,
        lambda p: -(np.log(p) + np.log1p(-p)),
        (Example([0.0, 0.2, 0.5], [np.inf, 1.8326, 1.3863]),),
    ),
    "expit_log_jacobian": Reference(
        _both_signs,
        lambda x: -(abs(x) + 2 * np.log1p(np.exp(-abs(x)))),
        (Example([-1000.0, 0.0, 3.0], [-1000.0, -1.3863, -3.0972]),),
    ),
}


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
    # Some libraries flush subnormal numbers to 0; the factor keeps the way there and back clear.
    return p[(p >= 4 * np.ldexp(1.0, number.exponent)) & (p < 1)]


@cache
def points(function: str, dtype: str) -> Points:
    """Return where a function is measured: numbers of a dtype, and the exact values."""
    reference, p = REFERENCES[function], probabilities(dtype)
    x = np.unique(FORMATS[dtype].round(reference.of_probability(p.astype(WIDE))))
    return Points(x, reference.exact(x.astype(WIDE)))


def check(function: str, library: Library, device: str, dtype: str) -> dict[str, Measure]:
    """Return all measures of one row; those that cannot be had here are left out."""
    return {measure.what: measure for measure in _measures(function, library, device, dtype)}


def _measures(function: str, library: Library, device: str, dtype: str) -> Iterator[Measure]:
    number, reference, at = FORMATS[dtype], REFERENCES[function], points(function, dtype)
    bound, numpy = library.bound(function, dtype, device), LIBRARIES["numpy"]
    y = _evaluate(function, library, at.x, dtype, device)
    ulp = number.ulp(at.exact)
    if number.has_reference:
        yield _largest("error", abs(y - at.exact) / ulp, bound, at.x)
    if library is not numpy and dtype in numpy.dtypes("cpu"):
        other = _evaluate(function, numpy, at.x, dtype, "cpu")
        limit = bound + numpy.bound(function, dtype, "cpu")
        yield _largest("difference from NumPy", abs(y - other) / ulp, limit, at.x)

    if reference.inverse and reference.slope_back:
        # y is within d of the exact value, where the inverse has the slope s, which grows no
        # faster than exponentially: the inverse of y is within s (exp(d) - 1) of x.
        back = _evaluate(reference.inverse, library, y, dtype, device)
        d = bound * number.ulp(np.maximum(abs(y), abs(at.exact)))
        allowed = reference.slope_back(at.x) * np.expm1(d)
        bound_back = library.bound(reference.inverse, dtype, device)
        allowed += bound_back * number.ulp(np.maximum(abs(at.x), abs(back)))
        yield _largest("round trip", abs(back - at.x) / allowed, 1.0, at.x)

    if dtype in ("float32", "float64"):
        wrong = [_differs(function, e, library, device, dtype) for e in reference.examples]
        yield Measure("examples", sum(wrong), 0, float("nan"))


def _differs(function: str, example: Example, library: Library, device: str, dtype: str) -> bool:
    inputs, expected, eps = example
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
