"""The exact results: by mpmath, and in a wider dtype for many at once."""

from math import inf, ldexp, nan
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

from arraylogit.testing.functions import curve_of, function_of
from arraylogit.testing.measure import Format, format_of

Array = np.ndarray


def exact(function: str, x: Any, eps: Any = None, dtype: Any = None) -> mpf | float:
    """Return the value of a function, or first derivative, at one number.

    Parameters
    ----------
    function : str
        The name of a function or a derivative.
    x : number
        Its type, if a NumPy scalar, is the dtype of the input; float64 otherwise.
    eps : number, optional
        Clamp `x` to what `bounds` gives for it first (`logit` alone).
    dtype : dtype, optional
        The format that the value will be rounded to, by default that of `x`.

    Returns
    -------
    mpf or float
        So precise that it is on the same side of every number and midpoint of `dtype` as the
        true value, and rounds as that does; a float where it is exact, infinite or NaN.
    """
    form = format_of(_dtype(x) if dtype is None else np.dtype(dtype))
    if eps is not None:
        if function not in ("logit", "logit_derivative"):
            raise ValueError(f"only logit has `eps`, not {function}")
        lower, upper = bounds(eps, _dtype(x))
        clamped = max(lower, min(upper, _number(x))) if x == x else x
        if function == "logit_derivative" and clamped != x == x:
            return 0.0
        x = clamped
    return _value(function, x, form)


def bounds(eps: Any, dtype: Any) -> tuple[mpf, mpf]:
    """Return ``(eps, 1 - eps)`` as the contract rounds them for an input of a dtype.

    They are numbers of the dtype computed in, float32 for narrower ones. A positive `eps`
    keeps them within (0, 1).
    """
    dtype = np.dtype(dtype)
    form = format_of(dtype if dtype.itemsize >= 4 else np.dtype(np.float32))
    if eps == 0:
        return mpf(0), mpf(1)
    with mp.workprec(_EXACT):
        lower = _mpf(*_nearest(_number(eps), form))
        upper = _mpf(*_nearest(1 - _number(eps), form))
        smallest = mpf(2) ** (form.lowest - form.digits)
        return max(lower, smallest), min(upper, 1 - mpf(2) ** -(form.digits + 1))


def rounded(function: str, x: Array, dtype: Any = None, eps: Any = None) -> Array:
    """Return the correctly rounded values at each element, in `dtype` or that of `x`.

    By `exact`, some 20 to 50 microseconds each.
    """
    dtype = np.dtype(x.dtype if dtype is None else dtype)
    y = np.empty(x.shape, dtype)
    for index in np.ndindex(x.shape):
        y[index] = nearest(exact(function, x[index], eps, dtype), dtype)
    return y


def nearest(value: mpf | float, dtype: Any) -> Any:
    """Return the number of `dtype` nearest to a value, ties to even, once rounded."""
    dtype = np.dtype(dtype)
    if isinstance(value, float):  # exact in every format, or not finite
        return dtype.type(value)
    form = format_of(dtype)
    n, exponent = _nearest(value, form)
    if n.bit_length() + exponent > form.highest + 1:
        magnitude = dtype.type(inf)
    elif dtype.itemsize <= 8:
        magnitude = dtype.type(ldexp(abs(n), exponent))
    else:  # in two parts that float64 holds
        high, low = divmod(abs(n), 1 << 32)
        magnitude = np.ldexp(dtype.type(high), exponent + 32) + np.ldexp(dtype.type(low), exponent)
    return -magnitude if value < 0 else magnitude


def wide(function: str, x: Array) -> Array:
    """Return the values at each element in a wider dtype, fast.

    In float64 for what is narrower, in longdouble for float64. The error is at most 1e-8 ULP of
    float32 or narrower; with the 64 bits of x86's longdouble, 0.002 ULP of float64.

    Raises
    ------
    TypeError
        No dtype is wide enough; `rounded` serves then.
    """
    dtype = np.dtype(np.float64 if x.dtype.itemsize < 8 else np.longdouble)
    if x.dtype.itemsize > 8 or np.finfo(dtype).nmant < format_of(x.dtype).digits + 11:
        raise TypeError(f"no wider dtype for {x.dtype} on this machine: use `rounded`")
    with np.errstate(all="ignore"):
        return np.asarray(curve_of(function).wide(x.astype(dtype)))


def _dtype(x: Any) -> Any:
    return x.dtype if isinstance(x, np.generic) else np.dtype(np.float64)


# Bits in which sums and differences of two numbers near 1 are exact, and that the first attempt
# at a value is made with: enough for all but one in a million roundings to longdouble.
_EXACT = 120


def _value(function: str, x: Any, form: Format) -> mpf | float:
    first, last = function_of(function).domain
    curve = curve_of(function)
    if not isinstance(x, mpf | np.longdouble):
        x = float(x)
    if not first <= x <= last:
        return nan
    special = curve.special.get(x)  # -0.0 is found as 0.0
    if special is not None:
        return special
    x = _number(x)
    precision = _EXACT
    while True:
        with mp.workprec(precision + curve.lost):
            value = curve.exact(x, mp)
        with mp.workprec(precision + 2 * curve.lost):
            margin = abs(value) * mpf(2) ** -precision
            if _nearest(value - margin, form) == _nearest(value + margin, form):
                return value
        precision *= 2


def _number(x: Any) -> mpf:
    # Exact in every working precision, unlike mpf(x).
    if isinstance(x, mpf):
        return x
    if np.isinf(x):
        return mpf(float(x))
    mantissa, exponent = np.frexp(x if isinstance(x, np.longdouble) else np.float64(x))
    return _mpf(int(np.ldexp(mantissa, 64)), int(exponent) - 64)


def _mpf(n: int, exponent: int) -> mpf:
    return mp.make_mpf(mpmath.libmp.from_man_exp(n, exponent))


def _nearest(value: mpf, form: Format) -> tuple[int, int]:
    # n and e of the number n 2^e nearest to a value in a format without a largest number.
    sign, mantissa, exponent, bits = value._mpf_
    unit = max(exponent + bits - 1, form.lowest) - form.digits
    shift = unit - exponent
    if shift <= 0:
        n = int(mantissa) << -shift
    elif shift > bits + 1:  # less than half a unit; the shift may have a thousand digits
        n = 0
    else:
        n, rest = divmod(int(mantissa), 1 << shift)
        half = 1 << (shift - 1)
        n += rest > half or (rest == half and n % 2)
    if n.bit_length() > form.digits + 1:  # rounded up to a power of two
        n, unit = n >> 1, unit + 1
    return (-n if sign else n), unit
