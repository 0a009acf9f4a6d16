"""How any library of the Array API standard evaluates a formula: as it stands."""

import math
import sys
from collections.abc import Iterable
from functools import cache
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import device

from arraylogit._record import Array, Bounds, Call, Dtype, Dtypes, Namespace

_SMALLEST_NORMAL = sys.float_info.min


class Direct:
    """The strategy of libraries that have no other, and the base class of the others.

    A strategy chooses where a formula runs and in which dtype, never what is computed.

    Parameters
    ----------
    xp : namespace
        The namespace that the formulas are evaluated with.
    """

    lazy = False
    """Whether arrays are plans of values, so that no value can be looked at."""

    def __init__(self, xp: Namespace) -> None:
        self.xp = xp

    def refusal_of_input(self, x: Array) -> str | None:
        """Return the rule that `x` breaks, and the call that helps; or None."""
        return None

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

    def bounds(self, x: Array, computing: Dtype, eps: Any) -> Bounds:
        """Return the finite bounds that ``eps > 0``, a number or a traced array, sets for `x`."""
        xp, info = self.xp, self.xp.finfo(computing)
        smallest, below_one = float(info.smallest_normal), 1 - float(info.eps) / 2
        if not self.flushes_subnormals(computing):
            smallest *= float(info.eps)
        smallest, below_one = within(x.dtype, smallest, below_one)
        if isinstance(eps, Real):
            number = float(eps)
            return Bounds(max(number, smallest), min(1 - number, below_one))
        positive = self.is_positive(eps)  # before the cast, which may underflow
        lower = self.cast(eps, computing)
        upper = 1 - lower
        lower = xp.where(positive & (lower < smallest), smallest, lower)
        upper = xp.where(positive & (upper > below_one), below_one, upper)
        return Bounds(lower, upper)

    def flushes_subnormals(self, dtype: Dtype) -> bool:
        """Return whether subnormal numbers of a dtype are replaced with 0."""
        # A mode of the processor, which torch.set_flush_denormal sets, and Python's floats show.
        return _SMALLEST_NORMAL / 2 == 0

    def is_positive(self, eps: Array) -> Array:
        """Return whether a traced number is above 0."""
        return eps > 0

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

    def evaluate(self, call: Call, x: Array, out: Array | None) -> Array:
        """Return the values at `x`, in `out` if given."""
        xp = self.xp
        # Not getattr: `__getattr__` of a namespace may invent the version, with a warning.
        if vars(xp).get("__array_api_version__", "2023.12") < "2023.12":
            xp = _WithMinimum(xp)
        x = self.cast(x, call.dtypes.computing)
        if call.bounds:
            # full_like puts a number on the device and into the dtype of x everywhere.
            x = clamp(
                x, call.bounds.map(lambda b: xp.full_like(x, b) if isinstance(b, float) else b), xp
            )
        with np.errstate(all="ignore"):  # for libraries built on NumPy
            y = self.cast(call.function.stepwise(x, xp), call.dtypes.result)
            if out is None:
                return y
            out[...] = self.cast(y, out.dtype)
            return out


class _WithMinimum:
    """A namespace of the standard of 2022.12, with two functions that later versions added."""

    def __init__(self, xp: Namespace) -> None:
        self._xp = xp

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xp, name)

    def minimum(self, a: Array, b: Array) -> Array:
        return self._xp.where(b < a, b, a)  # NaN in `a` stays

    def maximum(self, a: Array, b: Array) -> Array:
        return self._xp.where(b > a, b, a)


def elements_overlap(shape: Iterable[int], steps: Iterable[int], size: int) -> bool:
    """Return whether elements of a size, and steps in the same unit, may share memory.

    They do not if each step is longer than the reach of all shorter ones together. That holds
    for every view but those made by hand (``as_strided``).
    """
    dimensions = [(abs(step), n) for step, n in zip(steps, shape, strict=True) if n != 1]
    if any(n == 0 for _, n in dimensions):
        return False
    for i, (step, _) in enumerate(dimensions):
        # Not sorted, for Dynamo sorts no sizes that it does not know.
        shorter = [
            other * (n - 1) for j, (other, n) in enumerate(dimensions) if (other, j) < (step, i)
        ]
        if step < size + sum(shorter):
            return True
    return False


class Place(NamedTuple):
    """Where an array lies in memory; its steps are in bytes."""

    address: int
    steps: tuple[int, ...]
    shape: tuple[int, ...]
    itemsize: int


def overwrites(out: Place, x: Place) -> bool:
    """Return whether what is written to `out` may change elements of `x` still to be read.

    It does not where each element of `x` is where its own result goes, or they share no memory.
    """
    (first, end), (lowest, highest) = _reach(x), _reach(out)
    return x != out and first < highest and lowest < end


def _reach(place: Place) -> tuple[int, int]:
    # The first byte of the elements, and the one after the last.
    spans = [(n - 1) * step for n, step in zip(place.shape, place.steps, strict=True)]
    first = place.address + sum(span for span in spans if span < 0)
    return first, first + sum(map(abs, spans)) + place.itemsize


@cache
def _least_input(dtype: np.dtype[Any]) -> float:
    # The smallest number whose logit fits into a dtype of eight bits. Wider ones hold them all.
    if "float" not in dtype.name:
        return 0.0
    numbers = np.arange(256, dtype=np.uint8).view(dtype).astype(float)
    return math.exp(-numbers[np.isfinite(numbers)].max())


def within(dtype: Dtype, smallest: Any, below_one: Any) -> tuple[Any, Any]:
    """Return the ends of the clamp, moved to where logits fit into a dtype."""
    if not isinstance(dtype, np.dtype) or dtype.itemsize > 1:
        # Before the cached function: Dynamo does not trace caches, and the dtypes of some
        # libraries warn when they are hashed.
        return smallest, below_one
    least = _least_input(dtype)
    return max(smallest, least), min(below_one, 1 - least)


def clamp(x: Array, bounds: Bounds, xp: Namespace) -> Array:
    """Return `x` clamped to `bounds`, which are arrays; NaN stays NaN."""
    # Not minimum, maximum or clip: the standard has them only since 2023.12.
    lower, upper = bounds
    x = xp.where(x < lower, lower, x)
    return xp.where(x > upper, upper, x)
