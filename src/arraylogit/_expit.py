"""The logistic sigmoid, the inverse of the logit."""

from arraylogit._call import call
from arraylogit._complex import join
from arraylogit._exp import exp_and_error, one_minus_exp
from arraylogit._kernels import exponential, reduced_exponential
from arraylogit._record import Array, Elementwise, Evaluate, Namespace


def expit(input: Array, *, out: Array | None = None) -> Array:
    """Logistic sigmoid ``1 / (1 + exp(-x))``, elementwise: the inverse of `logit`.

    Parameters
    ----------
    input : array_like
        Log-odds, any shape: an array of any library of the Array API standard, or what NumPy
        can read. Integers and booleans are converted to the library's default real
        floating-point dtype. The arithmetic of float16 and bfloat16 is done in float32 or
        wider and rounded once.
    out : array, optional
        Array of the same library, device and shape to write the result to; its dtype must be
        one that the result can be cast to (same kind). It may be `input`.

    Returns
    -------
    array
        Probabilities in [0, 1], of the same library, shape, device and floating-point dtype as
        `input`; `out` if given.

    Raises
    ------
    TypeError
        `input` is not a numeric array; `out` is not a writable array of the library of
        `input`, or needs a gradient.
    ValueError
        `input` is ragged; `out` has another shape or device. Nothing has been written to `out`
        after any error.

    See Also
    --------
    logit : the inverse function.

    Notes
    -----
    Special values: −∞ → 0, +∞ → 1, 0 → 0.5, NaN → NaN. No warning is emitted. Results are kept
    down to the smallest subnormal (x ≈ −103.97 in float32, −745.13 in float64).

    Complex numbers give the same function, with poles at the odd multiples of π·1j; large real
    parts do not overflow.

    The derivative is expit(x)·expit(−x), accurate in both tails. The formula used, and its
    error bound, are derived in ``docs/accuracy.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from arraylogit import expit, logit
    >>> expit(logit(np.asarray([0.2, 0.5, 0.8])))
    array([0.2, 0.5, 0.8])
    """
    return call(EXPIT, input, out)


def _stepwise(x: Array, xp: Namespace) -> Array:
    # expit(-|x|) = t / (1 + t) with t = exp(-|x|) <= 1 neither overflows nor cancels. As it
    # stands it is 2.5 ULP off; as t - t(t / (1 + t)), where the roundings of the quotient and of
    # the sum count with t alone, and so next to nothing where the result's ULP is half that of t,
    # 1.8.
    t = xp.exp(-xp.abs(x))
    q = t - t * (t / (1 + t))
    # q below 0, 1 - q above: by minimum and maximum, since q <= 1/2 <= 1 - q, because `where`
    # takes longer on NumPy and torch than all the rest. 2^120 x is at most 0 at and below 0, and
    # above 1 where q is not 1/2 to the last bit, of float128 too.
    return xp.maximum(q, xp.minimum(2.0**120 * x, 1 - q))


def _wide(x: Array, xp: Namespace) -> Array:
    # In float64, exp(-x) of a float32 x overflows only where the result is 0 in float32.
    return 1 / (1 + xp.exp(-x))


def _lesser_fused(x: Array, xp: Namespace) -> tuple[Array, Array, Array, Array]:
    """Return q, its correction, `power` and 2^k: expit(-|x|) is 2^k times the sum of both."""
    spec = xp.spec
    power, high, low = exponential(xp.at_least(-xp.abs(x), spec.lowest), xp)
    scale = power * spec.drop
    t = scale * high
    if spec.spare:
        return t / (1.0 + t), -0.0, 1.0, 1.0
    # q is about high/(1 + t), and high - q exact (Sterbenz, high/2 <= q <= high). Of low, q lacks
    # low - q (scale low), which is low/(1 + t).
    r = 1.0 / (1.0 + t)
    q = xp.shared(high * r)
    return q, (((high - q) + q * -t) + low * r) * r, power, scale


def _fused(x: Array, xp: Namespace) -> Array:
    q, correction, power, _ = _lesser_fused(x, xp)
    p = (q + correction) * xp.spec.drop * power
    return xp.where(x < 0.0, p, 1.0 - p)


def _fused_slope(x: Array, xp: Namespace) -> Array:
    """Return expit(x) expit(-x), down to the smallest subnormal."""
    q, correction, power, scale = _lesser_fused(x, xp)
    p = scale * q
    high = 1.0 - p
    low = ((1.0 - high) - p) - scale * correction
    return (q * high + (q * low + correction * high)) * xp.spec.drop * power


def _fused_tanh_half(x: Array, xp: Namespace) -> Array:
    """Return tanh(x/2) = (1 - t)/(1 + t) with t = exp(-|x|)."""
    spec = xp.spec
    a = xp.at_least(-xp.abs(x), spec.lowest)
    power, _, _, _, m, m_low = reduced_exponential(a, xp)
    scale = power * spec.drop
    t, tm = scale + scale * m, scale * m
    t_low = ((scale - t) + tm) + scale * m_low
    # 1 - t without the cancellation: 1 - 2^k is exact, where it matters.
    b = 1.0 - scale
    n = b - tm
    n_low = ((b - n) - tm) - scale * m_low
    r = 1.0 / (1.0 + t)
    q = xp.shared(n * r)
    lacks = ((n - q) + q * -t) + (n_low - q * t_low)
    q = q + lacks * r
    return xp.where(x < 0.0, -q, q)


def _derivative(x: Array, evaluate: Evaluate) -> Array:
    return evaluate(EXPIT_SLOPE, x)


def _slope(x: Array, xp: Namespace) -> Array:
    # expit(x) expit(-x) = t / (1 + t)^2; y (1 - y) would be 0 from x = 16.64 in float32.
    t = xp.exp(-xp.abs(x))
    return t / (1 + t * (2 + t))


def _slope_derivative(x: Array, evaluate: Evaluate) -> Array:
    return -evaluate(EXPIT_SLOPE, x) * evaluate(TANH_HALF, x)


def _tanh_half(x: Array, xp: Namespace) -> Array:
    # tanh(x/2) = (1 - t)/(1 + t) with t = exp(-|x|).
    t, q = one_minus_exp(-xp.abs(x), xp)
    return xp.where(x < 0, -q, q) / (1 + t)


def _wide_tanh_half(x: Array, xp: Namespace) -> Array:
    return xp.tanh(x / 2)


def _tanh_half_derivative(x: Array, evaluate: Evaluate) -> Array:
    return 2 * evaluate(EXPIT_SLOPE, x)


def _complex(z: Array, xp: Namespace) -> Array:
    # With t = exp(-|x|) and w = t exp(iy), 1/(1 + 1/w) = (w + t^2)/|1 + w|^2 for x < 0, and
    # (1 + w)/|1 + w|^2 otherwise. By the half angle, |1 + w|^2 = (1 - t)^2 + t (2 cos(y/2))^2
    # does not cancel next to the poles, nor does the second numerator; both numerators are by
    # the sine or the cosine, whichever is the smaller.
    x, y = xp.real(z), xp.imag(z)
    p, e = exp_and_error(-xp.abs(x), xp)
    t, d = p - e, (1 - p) + e
    y = xp.where((t == 0) & ~xp.isfinite(y), t, y)  # no matter which, at infinite x
    s, c = xp.sin(y / 2), xp.cos(y / 2)
    s2, c2 = 2 * s * s, 2 * c * c
    size = d * d + 2 * t * c2
    below = t * xp.where(c2 < s2, c2 - d, (1 + t) - s2)
    above = xp.where(c2 < s2, d + t * c2, (1 + t) - t * s2)
    return join(z, xp.where(x < 0, below, above) / size, 2 * t * s * c / size, xp)


def _complex_derivative(z: Array, evaluate: Evaluate) -> Array:
    # By the function itself, whose derivatives are these again: those of its form would be wrong
    # where |x| or a part has none.
    return evaluate(_COMPLEX_EXPIT, z) * evaluate(_COMPLEX_EXPIT, -z)


EXPIT_SLOPE = Elementwise("expit_slope", _slope, _slope_derivative, _fused_slope, _slope)
TANH_HALF = Elementwise(
    "tanh_half", _tanh_half, _tanh_half_derivative, _fused_tanh_half, _wide_tanh_half
)
_COMPLEX_EXPIT = Elementwise("expit", _complex, _complex_derivative)
EXPIT = Elementwise("expit", _stepwise, _derivative, _fused, _wide, _COMPLEX_EXPIT)
