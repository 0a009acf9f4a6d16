"""What the results should be: by mpmath, and in a wider dtype for many at once."""

from functools import cache
from math import inf, ldexp, nan
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

from arraylogit.testing.measure import Format, format_of

Array = np.ndarray

FUNCTIONS = (
    "logit",
    "expit",
    "log_expit",
    "logit_exp",
    "logit_log_jacobian",
    "expit_log_jacobian",
)
INCREASING = FUNCTIONS[:4]
DERIVATIVES = tuple(f"{name}_derivative" for name in FUNCTIONS)

DOMAIN = {
    "logit": (0, 1),
    "expit": (-inf, inf),
    "log_expit": (-inf, inf),
    "logit_exp": (-inf, 0),
    "logit_log_jacobian": (0, 1),
    "expit_log_jacobian": (-inf, inf),
}
"""Where each function and its derivative are numbers or infinities; NaN elsewhere."""

SPECIAL: dict[str, dict[float, float]] = {
    "logit": {0.0: -inf, 0.5: 0.0, 1.0: inf},
    "logit_derivative": {0.0: inf, 0.5: 4.0, 1.0: inf},
    "expit": {-inf: 0.0, 0.0: 0.5, inf: 1.0},
    "expit_derivative": {-inf: 0.0, 0.0: 0.25, inf: 0.0},
    # The limit from below, and what -exp(-x) underflows to before it.
    "log_expit": {-inf: -inf, inf: -0.0},
    "log_expit_derivative": {-inf: 1.0, 0.0: 0.5, inf: 0.0},
    "logit_exp": {-inf: -inf, 0.0: inf},
    "logit_exp_derivative": {-inf: 1.0, 0.0: inf},
    "logit_log_jacobian": {0.0: inf, 1.0: inf},
    "logit_log_jacobian_derivative": {0.0: -inf, 0.5: 0.0, 1.0: inf},
    "expit_log_jacobian": {-inf: -inf, inf: -inf},
    "expit_log_jacobian_derivative": {-inf: 1.0, 0.0: 0.0, inf: -1.0},
}
"""The values that are exact or limits; all others are irrational, or no tie, within DOMAIN."""


def exact(function: str, x: Any, eps: Any = None, dtype: Any = None) -> mpf | float:
    """Return the value of a function, or first derivative, at one number.

    Parameters
    ----------
    function : str
        One of `FUNCTIONS` or `DERIVATIVES`.
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
        return _WIDE[function](x.astype(dtype))


def _wide_logit(x: Array) -> Array:
    # Both logarithms have the same sign, and vanish where the result does.
    return np.log(2 * x) - np.log1p(1 - 2 * x)


def _wide_logit_derivative(x: Array) -> Array:
    inside = (x >= 0) & (x <= 1)
    return np.where(inside, 1 / np.abs(x * (1 - x)), np.nan)  # of -0, +inf


def _wide_expit(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))  # 0 only where the result is, in the narrower dtype


def _wide_expit_derivative(x: Array) -> Array:
    t = np.exp(-np.abs(x))
    return t / (1 + t) ** 2


def _wide_log_expit(x: Array) -> Array:
    return -(np.maximum(-x, 0) + np.log1p(np.exp(-np.abs(x))))


def _wide_logit_exp(x: Array) -> Array:
    # With h = x + log 2 the result is h - log(2 - exp(h)), whose terms have opposite signs and
    # both vanish at -log 2; h is exact but for the rounding of log 2 to two numbers.
    high, low = _log_2(x.dtype)
    h = (x + high) + low
    crossing = h - np.log1p(-np.expm1(h))
    return np.where(x < -0.35, crossing, x - np.log(-np.expm1(x)))


def _wide_logit_exp_derivative(x: Array) -> Array:
    return np.where(x <= 0, 1 / np.abs(np.expm1(x)), np.nan)  # of 0, +inf


_WIDE = {
    "logit": _wide_logit,
    "logit_derivative": _wide_logit_derivative,
    "expit": _wide_expit,
    "expit_derivative": _wide_expit_derivative,
    "log_expit": _wide_log_expit,
    "log_expit_derivative": lambda x: _wide_expit(-x),
    "logit_exp": _wide_logit_exp,
    "logit_exp_derivative": _wide_logit_exp_derivative,
    "logit_log_jacobian": lambda x: -(np.log(x) + np.log1p(-x)),
    "logit_log_jacobian_derivative": lambda x: (2 * x - 1) * _wide_logit_derivative(x),
    "expit_log_jacobian": lambda x: -(np.abs(x) + 2 * np.log1p(np.exp(-np.abs(x)))),
    "expit_log_jacobian_derivative": lambda x: 0 - np.tanh(x / 2),  # +0 at 0
}


@cache
def _log_2(dtype: Any) -> tuple[Any, Any]:
    with mp.workprec(_EXACT):
        high = nearest(mp.log(2), dtype)
        return high, nearest(mp.log(2) - _number(high), dtype)


def _dtype(x: Any) -> Any:
    return x.dtype if isinstance(x, np.generic) else np.dtype(np.float64)


# Bits in which sums and differences of two numbers near 1 are exact, and that the first attempt
# at a value is made with: enough for all but one in a million roundings to longdouble.
_EXACT = 120

# Bits that the formulas below may lose of their working precision: their few operations lose
# two or three, and logit_exp the 65 that its logarithm of 1 + (l + log 2) cancels, as no number
# of up to 64 bits is nearer to -log 2 than that.
_LOST = {"logit_exp": 72}


def _value(function: str, x: Any, form: Format) -> mpf | float:
    first, last = DOMAIN[function.removesuffix("_derivative")]
    if not isinstance(x, mpf | np.longdouble):
        x = float(x)
    if not first <= x <= last:
        return nan
    special = SPECIAL[function].get(x)  # -0.0 is found as 0.0
    if special is not None:
        return special
    x = _number(x)
    precision = _EXACT
    while True:
        lost = _LOST.get(function, 8)
        with mp.workprec(precision + lost):
            value = _FORMULA[function](x)
        with mp.workprec(precision + 2 * lost):
            margin = abs(value) * mpf(2) ** -precision
            if _nearest(value - margin, form) == _nearest(value + margin, form):
                return value
        precision *= 2


def _number(x: Any) -> mpf:
    # Exact whatever the working precision, unlike mpf(x).
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


def _exact_logit(x: mpf) -> mpf:
    if mpf(0.25) < x < mpf(0.75):
        return mp.log1p((2 * x - 1) / (1 - x))
    return mp.log(x / (1 - x))


def _exact_expit_derivative(x: mpf) -> mpf:
    t = mp.exp(-abs(x))
    return t / (1 + t) ** 2


def _exact_log_expit(x: mpf) -> mpf:
    return min(x, 0) - mp.log1p(mp.exp(-abs(x)))


_FORMULA = {
    "logit": _exact_logit,
    "logit_derivative": lambda x: 1 / (x * (1 - x)),
    "expit": lambda x: 1 / (1 + mp.exp(-x)),
    "expit_derivative": _exact_expit_derivative,
    "log_expit": _exact_log_expit,
    "log_expit_derivative": lambda x: 1 / (1 + mp.exp(x)),
    "logit_exp": lambda x: x - mp.log(-mp.expm1(x)),
    "logit_exp_derivative": lambda x: -1 / mp.expm1(x),
    "logit_log_jacobian": lambda x: -(mp.log(x) + mp.log1p(-x)),
    "logit_log_jacobian_derivative": lambda x: (2 * x - 1) / (x * (1 - x)),
    "expit_log_jacobian": lambda x: _exact_log_expit(x) + _exact_log_expit(-x),
    "expit_log_jacobian_derivative": lambda x: -mp.tanh(x / 2),
}
