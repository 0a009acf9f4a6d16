"""How any library of the Array API standard evaluates a formula: as it stands."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from array_api_compat import device

if TYPE_CHECKING:
    from arraylogit._elementwise import Elementwise

Array = Any
Dtype = Any


class Dtypes(NamedTuple):
    """The dtype that the contract computes in, and the one of the result."""

    computing: Dtype
    result: Dtype
    complex: bool = False


class Bounds(NamedTuple):
    """What the input is clamped to: numbers, or 0-d arrays of the computing dtype."""

    lower: Any
    upper: Any

    def map(self, convert: Callable[[Any], Any]) -> "Bounds":
        """Return both bounds converted."""
        return Bounds(convert(self.lower), convert(self.upper))


class Limits(NamedTuple):
    """The numbers of a dtype that the bounds of a clamp depend on."""

    real: type  # of these numbers: float, or a wider one
    smallest: Any  # positive number
    below_one: Any  # the largest one


class Direct:
    """The strategy of a library that nothing more is known of, and the others' base.

    A strategy chooses where a formula runs and in which dtype, never what is computed.

    Parameters
    ----------
    xp : namespace
        The functions that the formulas are evaluated with.
    """

    lazy = False
    """Whether arrays hold a plan of values, so that no value can be looked at."""

    flushes_subnormals = False
    """Whether the library replaces subnormal numbers with 0."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def dtypes(self, x: Array) -> Dtypes | None:
        """Return the dtypes for `x`, or None where it does not hold numbers."""
        xp, dtype = self.xp, x.dtype
        if str(dtype).endswith("float16"):  # and bfloat16; isdtype may refuse them
            return Dtypes(xp.float32, dtype)
        if xp.isdtype(dtype, "real floating"):
            return Dtypes(dtype, dtype)
        if xp.isdtype(dtype, "complex floating"):
            return Dtypes(dtype, dtype, complex=True)
        if xp.isdtype(dtype, ("bool", "integral")):
            where = self.device(x)
            default = (xp.empty(0) if where is None else xp.empty(0, device=where)).dtype
            return Dtypes(default, default)
        return None

    def limits(self, x: Array, computing: Dtype) -> Limits:
        """Return the limits of the dtype that `x` is computed in."""
        info = self.xp.finfo(computing)
        eps, smallest = float(info.eps), float(info.smallest_normal)
        return Limits(float, smallest if self.flushes_subnormals else smallest * eps, 1 - eps / 2)

    def concrete(self, eps: Array) -> float | None:
        """Return the value of a 0-d array, or None where it is traced."""
        try:
            return float(eps)
        except (TypeError, ValueError):
            return None

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        """Return why nothing can be written to `out`, or None."""
        if not hasattr(type(out), "__setitem__"):
            return f"no element of a {type(out).__name__} can be assigned to"
        return None

    def device(self, x: Array) -> Any:
        """Return the device of `x`; None in a library that has none."""
        try:
            return device(x)
        except AttributeError:
            return None

    def can_cast(self, dtype: Dtype, to: Dtype) -> bool:
        """Return whether a floating-point dtype casts to another of the same kind."""
        real = () if self.xp.isdtype(dtype, "complex floating") else ("real floating",)
        return bool(self.xp.isdtype(to, (*real, "complex floating")))

    def cast(self, x: Array, dtype: Dtype) -> Array:
        """Return `x` in another dtype."""
        return x if x.dtype == dtype else self.xp.astype(x, dtype)

    def evaluate(
        self,
        function: "Elementwise",
        x: Array,
        dtypes: Dtypes,
        bounds: Bounds | None,
        out: Array | None,
    ) -> Array:
        """Return the values of `function` at `x`, in `out` if given."""
        xp = self.xp
        x = self.cast(x, dtypes.computing)
        if bounds:
            # full_like puts a number on the device and into the dtype of x everywhere.
            arrays = bounds.map(lambda b: xp.full_like(x, b) if isinstance(b, float) else b)
            x = clamp(x, arrays, xp)
        with np.errstate(all="ignore"):  # for libraries built on NumPy
            y = self.cast(function.formula(x, xp), dtypes.result)
            if out is None:
                return y
            out[...] = self.cast(y, out.dtype)
            return out


def elements_overlap(shape: Iterable[int], steps: Iterable[int], size: int) -> bool:
    """Return whether elements of a size, and steps in the same unit, may share memory.

    They do not where every step is beyond all that the shorter ones reach, as in all views but
    those made by hand.
    """
    dimensions = sorted((abs(step), n) for step, n in zip(steps, shape, strict=True) if n != 1)
    if any(n == 0 for _, n in dimensions):
        return False
    for step, n in dimensions:
        if step < size:
            return True
        size += step * (n - 1)
    return False


def clamp(x: Array, bounds: Bounds, xp: Any) -> Array:
    """Return `x` clamped to `bounds`, which are arrays; NaN stays NaN."""
    # Not by minimum, maximum or clip: the standard has had them since 2023.12 only.
    lower, upper = bounds
    x = xp.where(x < lower, lower, x)
    return xp.where(x > upper, upper, x)
