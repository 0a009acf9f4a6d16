"""Measure `logit` and `expit` of one library, dtype and device against a wider reference."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from arraylogit import expit, logit
from arraylogit._strategies._installed import LIBRARIES, Library

Real = np.ndarray[Any, Any]

WIDE = np.longdouble
POINTS = 65536  # of each kind


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
        ulp: Real = np.ldexp(WIDE(1), exponent - self.precision)
        return ulp

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


class Points(NamedTuple):
    """Inputs, in float64, with the exact values in a wider type."""

    p: Real
    logit: Real
    x: Real
    expit: Real


@cache
def points(dtype: str) -> Points:
    """Return probabilities between 0 and 1 and their log-odds, as numbers of a dtype."""
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
    p = p[(p >= 4 * np.ldexp(1.0, number.exponent)) & (p < 1)]
    # Next to 1/2, 2p and 2(1 - p) are exact: the relative error is that of the wide logarithm.
    wide = p.astype(WIDE)
    exact = np.log(2 * wide) - np.log(2 * (1 - wide))
    x = np.unique(number.round(np.concatenate([exact, -exact])))
    return Points(p, exact, x, 1 / (1 + np.exp(-x.astype(WIDE))))


def check(library: Library, device: str, dtype: str) -> dict[str, Measure]:
    """Return all measures of one row; those that cannot be had here are left out."""
    return {measure.what: measure for measure in _measures(library, device, dtype)}


def _measures(library: Library, device: str, dtype: str) -> Iterator[Measure]:
    number, at = FORMATS[dtype], points(dtype)
    reference = LIBRARIES["numpy"]
    pairs = (("logit", logit, at.p, at.logit), ("expit", expit, at.x, at.expit))
    bounds = {name: library.bound(name, dtype, device) for name, *_ in pairs}
    values = {}
    for name, function, inputs, exact in pairs:
        y = values[name] = _evaluate(function, library, inputs, dtype, device)
        ulp = number.ulp(exact)
        if number.has_reference:
            yield _largest(name, abs(y - exact) / ulp, bounds[name], inputs)
        if library is not reference and dtype in reference.dtypes("cpu"):
            other = _evaluate(function, reference, inputs, dtype, "cpu")
            limit = bounds[name] + reference.bound(name, dtype, "cpu")
            yield _largest(f"{name} from NumPy", abs(y - other) / ulp, limit, inputs)

    # y is within d of logit(p), so that expit(y) is within p (1 - p) (exp(d) - 1) of p: expit
    # has the slope p (1 - p) at logit(p), which grows no faster than exponentially.
    y = values["logit"]
    back = _evaluate(expit, library, y, dtype, device)
    d = bounds["logit"] * number.ulp(np.maximum(abs(y), abs(at.logit)))
    allowed = at.p * (1 - at.p) * np.expm1(d)
    allowed += bounds["expit"] * number.ulp(np.maximum(at.p, back))
    yield _largest("round trip", abs(back - at.p) / allowed, 1.0, at.p)

    if dtype in ("float32", "float64"):
        yield _examples(library, device, dtype)


def _examples(library: Library, device: str, dtype: str) -> Measure:
    # The documented ones, to the four decimals they are printed with.
    p, x = [0.2, 0.5, 0.8], [-1.3863, 0.0, 1.3863]

    def differs(inputs: Any, expected: list[float], **options: float) -> bool:
        y = _evaluate(logit, library, np.asarray(inputs), dtype, device, **options)
        return not np.array_equal(y.round(4), expected)

    wrong = [differs(p, x)]
    if dtype == "float32":
        wrong.append(differs([0.0, 1.0], [-np.inf, np.inf]))
        wrong.append(differs([0.0, 1.0], [-13.8155, 13.8023], eps=1e-6))
    y = _evaluate(logit, library, np.asarray(p), dtype, device)
    back = _evaluate(expit, library, y, dtype, device)
    wrong.append(not np.array_equal(back.round(4), p))
    return Measure("examples", sum(wrong), 0, float("nan"))


def _evaluate(
    function: Any, library: Library, x: Real, dtype: str, device: str, **options: float
) -> Real:
    array = library.put(x, dtype, device)
    result = function(array, **options)
    if result.dtype != array.dtype:
        raise TypeError(f"{function.__name__} of {array.dtype} is of {result.dtype}")
    return library.get(result).astype(np.float64)


def _largest(what: str, values: Real, limit: float, inputs: Real) -> Measure:
    index = int(np.argmax(values))  # NaN counts as the largest
    return Measure(what, float(values[index]), limit, float(inputs[index]))
