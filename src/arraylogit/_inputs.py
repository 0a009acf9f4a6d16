"""From what was passed to what is computed; every error of a call is raised here.

Each function takes the name of the public function, which its messages begin with, and asks the
strategy of the array's library what only that library knows.
"""

from numbers import Real
from typing import Any

import numpy as np

from arraylogit._strategies import strategy_of
from arraylogit._strategies._direct import Bounds, Direct, Dtypes, Limits
from arraylogit._strategies._numpy import STRATEGY as NUMPY

Array = Any


def recognise(function: str, input: Any) -> tuple[Direct, Array]:
    """Return the strategy of the library of `input`, and `input` as an array of it."""
    strategy = strategy_of(input)
    if strategy is not None:
        return strategy, input
    try:
        x = np.asarray(input)[()]  # a NumPy scalar for a scalar, as NumPy's functions return
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{function}: `input` must be an array or something that NumPy can read, "
            f"got {type(input).__name__}: {error}"
        ) from None
    strategy = strategy_of(x)
    if strategy is None:  # an object that NumPy wraps as it is
        raise TypeError(
            f"{function}: `input` must be an array or something that NumPy can read, "
            f"got {type(input).__name__}"
        )
    return strategy, x


def choose_dtypes(function: str, strategy: Direct, x: Array, takes_complex: bool) -> Dtypes:
    """Return the dtypes for `x`, refusing what is not a number that the function takes."""
    dtypes = strategy.dtypes(x)
    if dtypes is None or (dtypes.complex and not takes_complex):
        kinds = "real or complex" if takes_complex else "real"
        raise TypeError(
            f"{function}: `input` must have a boolean, integer or {kinds} floating-point dtype, "
            f"got {_describe(x)}"
        )
    return dtypes


def choose_bounds(
    function: str, strategy: Direct, x: Array, dtypes: Dtypes, eps: Any
) -> Bounds | None:
    """Return ``(eps, 1 - eps)`` in the computing dtype; None where `eps` is None."""
    if eps is None:
        return None
    if dtypes.complex:
        raise TypeError(f"{function}: `eps` must be None where `input` is complex, got {eps!r}")
    limits = strategy.limits(x, dtypes.computing)
    if not isinstance(eps, Real):
        value = _value_of(function, strategy, eps)
        if value is None:
            return _traced_bounds(eps, strategy, limits, dtypes)
        eps = value
    if isinstance(eps, bool):
        raise TypeError(f"{function}: `eps` must be None or a real number, got {eps!r}")
    if not 0 <= eps <= 0.5:
        raise ValueError(f"{function}: `eps` must be in [0, 0.5], got {eps!r}")
    return _bounds(eps, limits)


def check_out(function: str, strategy: Direct, x: Array, dtypes: Dtypes, out: Any) -> None:
    """Refuse an `out` that the result cannot be written to."""
    if strategy_of(out) is not strategy or isinstance(out, np.generic):
        raise TypeError(
            f"{function}: `out` must be an array of the library of `input`, got {_describe(out)}"
        )
    if reason := strategy.refusal_of_out(x, out):
        raise TypeError(f"{function}: `out` must be writable: {reason}")
    if tuple(out.shape) != tuple(x.shape):
        raise ValueError(
            f"{function}: `out` must have the shape of `input`, {tuple(x.shape)}, "
            f"got {tuple(out.shape)}"
        )
    if strategy.device(out) != strategy.device(x):
        raise ValueError(
            f"{function}: `out` must be on the device of `input`, {strategy.device(x)}, "
            f"got {strategy.device(out)}"
        )
    if not strategy.can_cast(dtypes.result, out.dtype):
        raise TypeError(
            f"{function}: `out` must have a dtype that {dtypes.result} can be cast to "
            f"('same_kind'), got {out.dtype}"
        )


def _bounds(eps: Any, limits: Limits) -> Bounds:
    if eps == 0:
        return Bounds(0.0, 1.0)
    eps = limits.real(eps)
    return Bounds(max(eps, limits.smallest), min(1 - eps, limits.below_one))


def _traced_bounds(eps: Array, strategy: Direct, limits: Limits, dtypes: Dtypes) -> Bounds:
    # The same, on a value that is not known yet.
    xp = strategy.xp
    positive = eps > 0  # before the cast, which may underflow
    lower = strategy.cast(eps, dtypes.computing)
    upper = 1 - lower
    lower = xp.where(positive & (lower < limits.smallest), limits.smallest, lower)
    upper = xp.where(positive & (upper > limits.below_one), limits.below_one, upper)
    return Bounds(lower, upper)


def _value_of(function: str, strategy: Direct, eps: Any) -> Any:
    # The number that a 0-d array holds: of NumPy, or of the library of `input`, which alone may
    # return None for a traced one.
    owner = strategy_of(eps)
    if (
        owner not in (NUMPY, strategy)
        or owner.lazy
        or (kind := owner.dtypes(eps)) is None
        or kind.complex
        or tuple(eps.shape) != ()
    ):
        raise TypeError(
            f"{function}: `eps` must be None, a real number, or a real 0-d array (not a lazy "
            f"one) of the library of `input`, got {_describe(eps)}"
        )
    return owner.concrete(eps)


def _describe(value: Any) -> str:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is None or shape is None:
        return f"{name} {value!r:.60}" if isinstance(value, str | Real | complex) else name
    return f"{name} of dtype {dtype} and shape {tuple(shape)}"
