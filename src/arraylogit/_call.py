"""The one path every call takes, from what was passed to the strategy that evaluates it.

Every error of a call is raised here. The strategy of the array's library is asked what only that
library knows.
"""

from numbers import Real
from struct import pack
from typing import Any

import numpy as np

from arraylogit._record import Bounds, Call, Dtypes, Elementwise
from arraylogit._strategies import strategy_of
from arraylogit._strategies._direct import Direct
from arraylogit._strategies._numpy import STRATEGY as NUMPY

Array = Any


def call(function: Elementwise, input: Any, out: Any, eps: Any = None) -> Array:
    """Return the values of `function` at `input`, clamped by `eps`, in `out` if given."""
    strategy, x = _recognise(function.name, input)
    dtypes = _choose_dtypes(function, strategy, x)
    bounds = None if eps is None else _choose_bounds(function.name, strategy, x, dtypes, eps)
    if out is not None:
        _check_out(function.name, strategy, x, dtypes, out)
    if dtypes.complex and function.continuation:
        function = function.continuation
    return strategy.evaluate(Call(function, dtypes, bounds), x, out)


def _recognise(name: str, input: Any) -> tuple[Direct, Array]:
    # The strategy of the library of `input`, and `input` as an array of it.
    strategy = strategy_of(input)
    if strategy is not None:
        return strategy, input
    try:
        x = np.asarray(input)[()]  # a NumPy scalar for a scalar, as NumPy's functions return
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{name}: `input` must be an array or something that NumPy can read, "
            f"got {type(input).__name__}: {error}"
        ) from None
    strategy = strategy_of(x)
    if strategy is None:  # an object that NumPy wraps as it is
        raise TypeError(
            f"{name}: `input` must be an array or something that NumPy can read, "
            f"got {type(input).__name__}"
        )
    return strategy, x


def _choose_dtypes(function: Elementwise, strategy: Direct, x: Array) -> Dtypes:
    if reason := strategy.refusal_of_input(x):
        raise TypeError(f"{function.name}: `input` must be {reason}")
    dtypes = strategy.dtypes(x)
    if dtypes is None or (dtypes.complex and not function.continuation):
        kinds = "real or complex" if function.continuation else "real"
        raise TypeError(
            f"{function.name}: `input` must have a boolean, integer or {kinds} floating-point "
            f"dtype, got {_describe(x)}"
        )
    return dtypes


def _choose_bounds(name: str, strategy: Direct, x: Array, dtypes: Dtypes, eps: Any) -> Bounds:
    # (eps, 1 - eps) in the computing dtype.
    if dtypes.complex:
        raise TypeError(f"{name}: `eps` must be None where `input` is complex, got {eps!r}")
    if not isinstance(eps, Real):
        value = _value_of(name, strategy, eps)
        if value is None:  # traced: it cannot be checked
            return strategy.bounds(x, dtypes.computing, eps)
        eps = value
    if isinstance(eps, bool):
        raise TypeError(f"{name}: `eps` must be None or a real number, got {eps!r}")
    if not 0 <= eps <= 0.5:
        raise ValueError(f"{name}: `eps` must be in [0, 0.5], got {eps!r}")
    if eps == 0 and not any(pack("d", abs(eps))):  # the processor may compare subnormals as 0
        return Bounds(0.0, 1.0)
    return strategy.bounds(x, dtypes.computing, eps)


def _value_of(name: str, strategy: Direct, eps: Any) -> Any:
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
            f"{name}: `eps` must be None, a real number, or a real 0-d array (not a lazy "
            f"one) of the library of `input`, got {_describe(eps)}"
        )
    return owner.concrete(eps)


def _check_out(name: str, strategy: Direct, x: Array, dtypes: Dtypes, out: Any) -> None:
    # Refuse an `out` that the result cannot be written to.
    if strategy_of(out) is not strategy or isinstance(out, np.generic):
        raise TypeError(
            f"{name}: `out` must be an array of the library of `input`, got {_describe(out)}"
        )
    if reason := strategy.refusal_of_out(x, out):
        raise TypeError(f"{name}: `out` must be writable: {reason}")
    if tuple(out.shape) != tuple(x.shape):
        raise ValueError(
            f"{name}: `out` must have the shape of `input`, {tuple(x.shape)}, "
            f"got {tuple(out.shape)}"
        )
    if strategy.device(out) != strategy.device(x):
        raise ValueError(
            f"{name}: `out` must be on the device of `input`, {strategy.device(x)}, "
            f"got {strategy.device(out)}"
        )
    if not strategy.can_cast(dtypes.result, out.dtype):
        raise TypeError(
            f"{name}: `out` must have a dtype that {dtypes.result} can be cast to "
            f"('same_kind'), got {out.dtype}"
        )


def _describe(value: Any) -> str:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is None or shape is None:
        return f"{name} {value!r:.60}" if isinstance(value, str | Real | complex) else name
    return f"{name} of dtype {dtype} and shape {tuple(shape)}"
