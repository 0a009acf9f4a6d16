"""The one path of every call, from its arguments to the strategy that evaluates it.

Every error of a call is raised here. The strategy of the array's library answers the questions
that depend on the library.
"""

from functools import partial
from numbers import Real
from struct import pack
from typing import Any

import numpy as np

from arraylogit._containers import Ufunc, computes, has_own_ufuncs, overrides_ufuncs
from arraylogit._record import Bounds, Call, Dtypes, Elementwise
from arraylogit._strategies import strategy_of
from arraylogit._strategies._direct import Direct
from arraylogit._strategies._numpy import STRATEGY as NUMPY

Array = Any


def call(function: Elementwise, input: Any, out: Any, eps: Any = None) -> Array:
    """Return the values of `function` at `input`, clamped by `eps`, in `out` if given."""
    name, strategy, x = function.name, strategy_of(input), input
    if strategy is None:
        strategy = NUMPY
        if not has_own_ufuncs(type(input)):
            x = _read(name, input)
        elif (y := _apply(function, input, out, eps)) is not NotImplemented:
            return y
        elif not isinstance(getattr(input, "dtype", None), np.dtype):
            raise TypeError(
                f"{name}: `input` must be an array or something that NumPy can read, got "
                f"{_type_name(input)}, which takes no function but NumPy's own: pass an "
                "array of numbers"
            )
        elif out is not None:
            raise TypeError(
                f"{name}: `out` must be None where `input` is a {_type_name(input)}, got "
                f"{_describe(out)}: assign the result instead"
            )
        # Units: NumPy's own functions, step by step. Each of them converts the unit.
    dtypes = _choose_dtypes(function, strategy, x)
    bounds = None if eps is None else _choose_bounds(name, strategy, x, dtypes, eps)
    if out is not None:
        _check_out(name, strategy, x, dtypes, out)
    if dtypes.complex and function.continuation:
        function = function.continuation
    return strategy.evaluate(Call(function, dtypes, bounds), x, out)


def _apply(function: Elementwise, input: Any, out: Any, eps: Any) -> Any:
    # Let the container apply the function. NotImplemented: it takes NumPy's own functions only.
    name = function.name
    if out is not None and not isinstance(out, np.ndarray):
        raise TypeError(
            f"{name}: `out` must be an array of NumPy where `input` is a {_type_name(input)}, "
            f"got {_describe(out)}: assign the result instead"
        )
    y = Ufunc(name, partial(call, function, eps=eps)).apply(input)
    if out is None or y is NotImplemented:
        return y
    values = np.asarray(y)
    _check_out(name, NUMPY, values, Dtypes(values.dtype, values.dtype), out)
    return np.positive(values, out=out)


def _read(name: str, input: Any) -> Array:
    # Read the input with NumPy: numbers, sequences, buffers, stored arrays.
    rule = f"{name}: `input` must be an array or something that NumPy can read, got "
    if computes(type(input)):
        raise TypeError(
            f"{rule}{_type_name(input)}, whose library computes by itself and is not supported: "
            "`numpy.asarray(input)` gives the numbers without gradients, labels or laziness"
        )
    if isinstance(input, list | tuple) and (element := _foreign_element(input)) is not None:
        raise TypeError(
            f"{rule}a sequence of {_type_name(element)}: make one array of them by a function of "
            "their library (`stack`, say)"
        )
    try:
        x = np.asarray(input)[()]  # a NumPy scalar for a scalar, as NumPy's functions return
    except (TypeError, ValueError) as error:
        raise type(error)(f"{rule}{type(input).__name__}: {error}") from None
    if not isinstance(x, np.ndarray | np.generic):  # an object that NumPy wraps as it is
        if hasattr(x, "__float__"):
            hint = "; `float(input)` makes a number of it"
        elif type(x).__module__ != "builtins":
            hint = (
                "; a column or a query of a table takes functions by a method of its own "
                "(`map_batches`, say)"
            )
        else:
            hint = ""
        raise TypeError(f"{rule}{_type_name(input)}{hint}")
    return x


def _foreign_element(sequence: Any) -> Any:
    # The first element, of nested sequences too, whose mask, labels, unit, gradient or laziness
    # NumPy would drop.
    for kind in set(map(type, sequence)):
        elements = (element for element in sequence if type(element) is kind)
        if issubclass(kind, list | tuple):
            for element in elements:
                if (found := _foreign_element(element)) is not None:
                    return found
        elif issubclass(kind, np.ndarray | np.generic):
            if issubclass(kind, np.ma.MaskedArray) or overrides_ufuncs(kind):
                return next(elements)
        elif has_own_ufuncs(kind) or computes(kind):
            return next(elements)
        elif strategy_of(element := next(elements)) is not None:
            return element
    return None


def _choose_dtypes(function: Elementwise, strategy: Direct, x: Array) -> Dtypes:
    if reason := strategy.refusal_of_input(x):
        raise TypeError(f"{function.name}: `input` must be {reason}")
    dtypes = strategy.dtypes(x)
    if dtypes is None or (dtypes.complex and not function.continuation):
        kinds = "real or complex" if function.continuation else "real"
        raise TypeError(
            f"{function.name}: `input` must have a boolean, integer or {kinds} floating-point "
            f"dtype, got {_describe(x)}"
            + (
                ": `.astype(float)` of an array or a column makes numbers of objects and text"
                if getattr(x.dtype, "kind", None) in ("O", "S", "T", "U")
                else ""
            )
        )
    return dtypes


def _choose_bounds(name: str, strategy: Direct, x: Array, dtypes: Dtypes, eps: Any) -> Bounds:
    # (eps, 1 - eps) in the computing dtype.
    if dtypes.complex:
        raise TypeError(
            f"{name}: `eps` must be None where `input` is complex, got {_describe(eps)}"
        )
    if not isinstance(eps, Real):
        value = _value_of(name, strategy, eps)
        if value is None:  # traced: it cannot be checked
            return strategy.bounds(x, dtypes.computing, eps)
        eps = value
    if isinstance(eps, bool):
        raise TypeError(f"{name}: `eps` must be None or a real number, got {eps!r}")
    if not 0 <= eps <= 0.5:
        raise ValueError(f"{name}: `eps` must be in [0, 0.5], got {_show(eps)}")
    if eps == 0 and not any(pack("d", abs(eps))):  # the processor may take subnormals for 0
        return Bounds(0.0, 1.0)
    return strategy.bounds(x, dtypes.computing, eps)


def _value_of(name: str, strategy: Direct, eps: Any) -> Any:
    # The number in a 0-d array of NumPy or of the library of `input`; None where it is traced.
    owner = strategy_of(eps)
    if (
        owner not in (NUMPY, strategy)
        or owner.lazy
        or (kind := owner.dtypes(eps)) is None
        or kind.complex
        or str(eps.dtype).endswith("bool")
        or tuple(eps.shape) != ()
        or (owner is NUMPY and type(eps) is not np.ndarray and not isinstance(eps, np.generic))
    ):
        hint = "" if getattr(eps, "shape", ()) == () else "; `out` is passed by name: `out=`"
        raise TypeError(
            f"{name}: `eps` must be None, a real number, or a real 0-d array (not a lazy or "
            f"masked one) of the library of `input`, got {_describe(eps)}{hint}"
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
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is None or shape is None:
        name = _type_name(value)
        return f"{name} {_show(value)}" if isinstance(value, str | Real | complex) else name
    return f"{_type_name(value)} of dtype {dtype} and shape {tuple(shape)}"


def _type_name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _show(value: Any) -> str:
    try:
        return f"{value!r:.60}"
    except ValueError:  # Python's limit to the digits of an integer
        return "a number of too many digits to print"
