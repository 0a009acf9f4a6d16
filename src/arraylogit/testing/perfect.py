"""The correctly rounded functions on NumPy: by mpmath, wherever a wider dtype does not decide.

A target that no requirement may reject: ``--target arraylogit.testing.perfect``.
"""

from functools import cache, partial
from numbers import Real
from typing import Any

import numpy as np
from mpmath import mp, mpf

from arraylogit.testing import reference
from arraylogit.testing.backends import FLOATS, Backend, dtype_of
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.measure import format_of
from arraylogit.testing.targets import Implementation

Array = np.ndarray


def __getattr__(name: str) -> Any:
    if name not in FUNCTIONS:
        raise AttributeError(name)
    return partial(_with_eps if name == "logit" else _plain, name)


def _with_eps(function: str, /, input: Any, eps: Any = None, *, out: Any = None) -> Any:
    return _evaluate(function, input, eps, out)


def _plain(function: str, /, input: Any, *, out: Any = None) -> Any:
    return _evaluate(function, input, None, out)


def differentiable(function: str, backend: Backend) -> Implementation:
    """Return a function, with its derivatives, for a backend that can differentiate it."""

    def f(input: Any, eps: Any = None) -> Any:
        eps = _checked(eps)
        if (name := backend.dtype_name(input)).startswith("complex"):
            raise TypeError(f"input must be real, got {name}")
        if name not in FLOATS:
            input = backend.asarray(backend.to_numpy(input).astype(backend.default))
        names = (function, f"{function}_derivative", f"{function}_second")
        return backend.differentiable(
            *(lambda x, name=name: values(name, np.asarray(x), eps) for name in names)
        )(input)

    return Implementation(f, "eps" if function == "logit" else None)


def values(function: str, x: Array, eps: Any = None) -> Array:
    """Return the correctly rounded values."""
    unique, inverse = np.unique(x, return_inverse=True)
    found, sure = _by_wide(function, unique, eps)
    found[~sure] = [_value(function, x.dtype, value, eps) for value in unique[~sure]]
    return found[inverse].reshape(x.shape)


def _by_wide(function: str, x: Array, eps: Any) -> tuple[Array, Array]:
    # Results, and where a wider dtype decides how they are rounded: at most numbers, for which
    # mpmath would take a hundred times as long.
    try:
        if eps is not None or function.endswith("_second"):
            raise TypeError("no wider dtype is tried")
        wide = reference.wide(function, x)
    except TypeError:
        return np.empty_like(x), np.zeros(x.shape, bool)
    form = format_of(x.dtype)
    with np.errstate(all="ignore"):
        margin = np.abs(wide) * 2.0 ** -(form.digits + 7)  # 0.008 to 0.016 ULP
        low, high = (wide - margin).astype(x.dtype), (wide + margin).astype(x.dtype)
        sure = (
            (low == high) & np.isfinite(low) & (np.abs(wide) >= wide.dtype.type(2) ** form.lowest)
        )
    return low, sure


@cache
def _value(function: str, dtype: np.dtype, x: Any, eps: Any) -> Any:
    if function.endswith("_second"):
        return dtype.type(_second(function.removesuffix("_second"), x, eps))
    return reference.rounded(function, np.asarray([x], dtype), eps=eps)[0]


def _second(function: str, x: Any, eps: Any) -> float:
    # Away from the ends of the domain.
    if eps is not None and not eps <= x <= 1 - eps:
        return float(x) * 0 if np.isnan(x) else 0.0
    first, last = FUNCTIONS[function].domain
    return float(FUNCTIONS[function].second(mpf(float(x)), mp)[0]) if first < x < last else np.nan


def _evaluate(function: str, input: Any, eps: Any, out: Any) -> Any:
    x, eps = np.asanyarray(input), _checked(eps)
    if x.dtype.kind in "biu":
        x = x.astype(np.float64)
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    if x.dtype not in (*map(dtype_of, FLOATS), np.longdouble):
        raise TypeError(f"input must be real, got {x.dtype}")
    if out is not None:
        _check_out(x, out)
    with np.errstate(all="ignore"):
        if x.dtype.itemsize > 8:
            y = reference.rounded(function, x, eps=eps)
        else:
            y = values(function, np.asarray(x), eps)
        if out is not None:
            out[...] = y
            return out
        if isinstance(x, np.ma.MaskedArray):
            return np.ma.array(y, mask=x.mask)
        ordered = np.empty_like(x)
        ordered[...] = y
        return ordered[()]


def _checked(eps: Any) -> Any:
    if isinstance(eps, np.ndarray) and eps.ndim == 0:
        eps = eps[()]
    if eps is not None and (isinstance(eps, bool) or not isinstance(eps, Real)):
        raise TypeError(f"eps must be None or a real number, got {eps!r}")
    if eps is not None and not 0 <= eps <= 0.5:
        raise ValueError(f"eps must be in [0, 0.5], got {eps!r}")
    return eps


def _check_out(x: Array, out: Any) -> None:
    if type(out) is not np.ndarray or not out.flags.writeable:
        raise TypeError(f"out must be a writable array, got {type(out).__name__}")
    if out.shape != x.shape:
        raise ValueError(f"out must have the shape {x.shape}, got {out.shape}")
    if not np.can_cast(x.dtype, out.dtype, "same_kind"):
        raise TypeError(f"out must have a dtype that {x.dtype} casts to, got {out.dtype}")
