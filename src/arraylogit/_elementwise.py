"""What an elementwise function is, and the one path every call takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arraylogit import _inputs

Array = Any
Namespace = Any
Formula = Callable[[Array, Namespace], Array]


@dataclass(frozen=True)
class Elementwise:
    """A function of one variable: everything else is derived from this record.

    Each formula is plain Array API code ``f(x, xp)`` that neither raises nor branches on data.
    The record holds no built object (it is pickled into Dask graphs).

    Attributes
    ----------
    name : str
        The public name, which error messages begin with.
    formula : callable
        The value, accurate when evaluated in the dtype of `x`, whatever the library, if its
        `exp` and `log` are.
    derivative : callable
        The first derivative; itself differentiable, so that it yields the higher ones.
    eager_formula : callable, optional
        The value in fewer and cheaper operations, for libraries that run one after another and
        whose `log1p` is accurate: without `where`, which costs more than a logarithm there.
    wide_formula : callable, optional
        The value, accurate to the last bit of a dtype when evaluated in one of at least twice
        its precision: shorter, because rounding errors need no care there.
    continuation : Elementwise, optional
        The function of a complex variable; without it, complex numbers are refused.
    """

    name: str
    formula: Formula
    derivative: Formula
    eager_formula: Formula = None  # type: ignore[assignment]
    wide_formula: Formula = None  # type: ignore[assignment]
    continuation: "Elementwise | None" = None

    def __post_init__(self) -> None:
        for special in ("eager_formula", "wide_formula"):
            if getattr(self, special) is None:
                object.__setattr__(self, special, self.formula)

    def __call__(self, input: Array, eps: Any = None, out: Array | None = None) -> Array:
        """Check what was passed, then let the library's strategy evaluate the formula."""
        strategy, x = _inputs.recognise(self.name, input)
        dtypes = _inputs.choose_dtypes(self.name, strategy, x, self.continuation is not None)
        bounds = _inputs.choose_bounds(self.name, strategy, x, dtypes, eps)
        if out is not None:
            _inputs.check_out(self.name, strategy, x, dtypes, out)
        function = (dtypes.complex and self.continuation) or self
        return strategy.evaluate(function, x, dtypes, bounds, out)

    def slope(self, x: Array, bounds: Any, xp: Namespace) -> Array:
        """Return the derivative at `x`: 0 beyond the bounds, in full at them."""
        if not bounds:
            return self.derivative(x, xp)
        lower, upper = bounds
        clamped = (x < lower) | (x > upper)
        # The derivative is evaluated at 0.5 where it is not used: the gradient of `where` is a
        # product with 0, which an infinite second derivative would turn into NaN.
        return xp.where(clamped, 0.0, self.derivative(xp.where(clamped, 0.5, x), xp))
