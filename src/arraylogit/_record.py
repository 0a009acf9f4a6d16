"""The record of an elementwise function, and the record of one call of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Array = Any
Dtype = Any
Namespace = Any
Form = Callable[[Array, Namespace], Array]
Evaluate = Callable[["Elementwise", Array], Array]


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


@dataclass(frozen=True)
class Elementwise:
    """A function of one variable: everything else is derived from this record.

    A form is plain Array API code ``f(x, xp)`` that neither raises nor branches on data. The
    record holds no built object (it is pickled into Dask graphs).

    Attributes
    ----------
    name : str
        The public name, which error messages begin with.
    stepwise : callable
        The value by standard functions, accurate in the dtype of `x` wherever the library's
        `exp` and `log` are: for libraries that run one operation after another, and unknown ones.
    derivative : callable
        ``derivative(x, evaluate)``, the first derivative in terms of records and arithmetic.
        ``evaluate(record, x)`` is differentiated by the rule of that record, so that derivatives
        of every order follow.
    fused : callable, optional
        The value by the kernels of ``_kernels.py``: for compilers. Its `xp` has their primitives.
    wide : callable, optional
        The textbook formula, to be evaluated in a dtype of at least twice the precision: rounded
        once, it is then accurate to the last bit.
    continuation : Elementwise, optional
        The function of a complex variable; without it, complex numbers are refused.
    flushed : callable, optional
        The value within 1 ULP by the same kernels in fewer steps, for float32 where the processor
        takes subnormal numbers for 0.
    trusted : callable, optional
        The value by `log1p` too, for libraries that have an accurate one: NumPy, and torch on the
        CPU.
    """

    name: str
    stepwise: Form
    derivative: Callable[[Array, Evaluate], Array]
    fused: Form | None = None
    wide: Form | None = None
    continuation: "Elementwise | None" = None
    flushed: Form | None = None
    trusted: Form | None = None

    def form(self, kind: Literal["flushed", "fused", "stepwise", "trusted", "wide"]) -> Form:
        """Return the form of that kind, or the next best one."""
        if kind == "flushed":
            return self.flushed or self.form("fused")
        form: Form = getattr(self, kind) or self.stepwise
        return form


class Call(NamedTuple):
    """One call as a strategy evaluates it: a function, its dtypes, and what clamps the input."""

    function: Elementwise
    dtypes: Dtypes
    bounds: Bounds | None = None

    def slope(self, x: Array, evaluate: Evaluate, xp: Namespace) -> Array:
        """Return the derivative at `x`: 0 beyond the bounds, in full at them."""
        derivative = self.function.derivative
        if not self.bounds:
            return derivative(x, evaluate)
        lower, upper = self.bounds
        clamped = (x < lower) | (x > upper)
        # The derivative is evaluated at 0.5 where it is not used: the gradient of `where` is a
        # product with 0, which an infinite second derivative would turn into NaN.
        return xp.where(clamped, 0.0, derivative(xp.where(clamped, 0.5, x), evaluate))
