"""The logit."""

from typing import Any

from arraylogit._call import call
from arraylogit._complex import join
from arraylogit._kernels import artanh_rest, compensated_quotient, times_complement
from arraylogit._record import Array, Elementwise, Evaluate, Namespace


def logit(input: Array, eps: Any = None, *, out: Array | None = None) -> Array:
    """Log-odds of a probability, ``log(x / (1 - x))``, elementwise.

    Parameters
    ----------
    input : array_like
        Probabilities, any shape: an array of any library of the Array API standard, or what
        NumPy can read. Integers and booleans are converted to the library's default real
        floating-point dtype. The arithmetic of float16 and bfloat16 is done in float32 or
        wider and rounded once.
    eps : real number or 0-d array, optional
        Clamp `input` to ``[eps, 1 - eps]`` first; between 0 and 0.5. Both bounds are those of
        the dtype computed in. A positive `eps` makes every result finite, except for NaN: an
        upper bound that would round to 1 is the largest number below 1, a lower bound that
        would underflow is the smallest positive one. ``eps=0`` clamps to ``[0, 1]``; None
        (default) does not clamp. A traced value (inside ``jax.jit``, say) cannot be checked
        and is used as it is, after it has been rounded to the dtype that it is traced in: a
        Python number to float32 by JAX without x64. `eps` is not differentiated.
    out : array, optional
        Array of the same library, device and shape to write the result to; its dtype must be
        one that the result can be cast to (same kind). It may be `input`.

    Returns
    -------
    array
        The same library, shape, device and floating-point dtype as `input`; `out` if given.

    Raises
    ------
    TypeError
        `input` is not a numeric array; `eps` is not a real scalar, or `input` is complex;
        `out` is not a writable array of the library of `input`, or needs a gradient.
    ValueError
        `input` is ragged; `eps` is NaN or outside [0, 0.5], except when traced; `out`
        has another shape or device. Nothing has been written to `out` after any error.

    See Also
    --------
    expit : the inverse function.

    Notes
    -----
    Special values: ±0 → −∞, 1 → +∞, 0.5 → +0; below 0, above 1, ±∞ and NaN → NaN. No warning
    is emitted.

    The derivative is 1/(x(1 − x)): +∞ at 0 and 1, NaN outside [0, 1]. With `eps` it is 0
    outside [eps, 1 − eps] and the full derivative at the bounds.

    Complex numbers give the principal branch, log(z) − log(1 − z), whose cuts lie on the real
    axis outside (0, 1): there the sign of the imaginary part, of zero too, says which side is
    meant. The limit at infinity is ±π·1j. `eps` must be None.

    The quotient x/(1 − x) is rounded to 1 ± a few ULP next to 0.5, where its logarithm is
    small: the textbook formula loses all digits there. The formula used, and its error bound,
    are derived in ``docs/accuracy.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from arraylogit import logit
    >>> logit(np.asarray([0.2, 0.5, 0.8])).round(4)
    array([-1.3863,  0.    ,  1.3863])
    >>> logit(np.asarray([0.0, 1.0], dtype="float32"), eps=1e-6)
    array([-13.81551 ,  13.802318], dtype=float32)
    """
    return call(LOGIT, input, out, eps)


def _stepwise(x: Array, xp: Namespace) -> Array:
    # log(2x) - log(2(1 - x)): both logarithms vanish at 1/2 with opposite signs, so that nothing
    # cancels. r makes up for the rounding of w = 2 - 2x, which is (2 - w) - 2x exactly (Dekker's
    # fast two-sum): the logarithm is off by that over w. The factor 2x is near enough to 1/w where
    # it matters, next to 1/2, and takes a third of the time. No log1p: it is scalar on NumPy
    # without AVX-512, and up to 129 ULP off on XLA.
    twice_x = x + x  # half the time of 2 * x on one number
    w = 2 - twice_x
    r = ((2 - w) - twice_x) * twice_x
    return xp.log(twice_x) - (xp.log(w) + r)


def _wide(x: Array, xp: Namespace) -> Array:
    # The textbook formula. Only the rounding of its quotient needs a thought: next to 1/2 the
    # logit of a float32 is as small as 2^-23, with an ULP of 2^-46, and the quotient in float64
    # is off by 2^-54.
    return xp.log(x / (1 - x))


def _fused(x: Array, xp: Namespace) -> Array:
    # k log 2 + 2 artanh(s), where x/(1 - x) = 2^k (1 + s)/(1 - s) and |s| < 0.23. At 1/2, k = 0
    # and s = 2x - 1 exactly.
    spec = xp.spec
    c = 1.0 - x
    lost = (1.0 - c) - x  # 1 - x = c + lost, exactly
    big = x * spec.scale
    e = (xp.bits(big) - xp.bits(c) + spec.half) & spec.exponent
    k = xp.from_bits((e >> spec.mantissa) + spec.count_bits) - (spec.counter + spec.scale_exponent)
    near = xp.from_bits(xp.bits(big) - e)  # x 2^-k, about c
    n = near - c  # exact (Sterbenz); the numerator is n - lost
    d = xp.shared(near + c)
    t = d - near
    d_low = ((near - (d - t)) + (c - t)) + lost  # d + d_low is the denominator
    s, s_low = compensated_quotient(n, lost, d, d_low, xp)
    rest = artanh_rest(s + s_low, xp)
    if spec.spare:
        return _ends(x, c, k * (spec.log2[0] + spec.log2[1]) + (2.0 * s + rest), xp)
    u, v = k * spec.log2[0], 2.0 * s  # |u| > |v|, or u = 0
    y = u + v
    y = y + (((u - y) + v) + (2.0 * s_low + (k * spec.log2[1] + rest)))
    return _ends(x, c, y, xp)


def _flushed(x: Array, xp: Namespace) -> Array:
    # In float32: two thirds of the operations, at most 1 ULP, and no subnormal x.
    # k = 0 for all |y| < 1, where s = 2x - 1 is exact: beyond, an error of s is small next to y.
    spec = xp.spec
    c = 1.0 - x
    lost = (1.0 - c) - x
    e = (xp.bits(x) - xp.bits(c) + spec.half) & spec.exponent
    e = xp.where(xp.abs(x - 0.5) < 0.2311, 0, e)
    near = xp.from_bits(xp.bits(x) - e)
    # Twice, so that the quotient is used once: XLA would split the loop at it.
    s = 2.0 * (((near - c) - lost) / (near + c))
    k = xp.to_float(e)  # times 2^23
    high, low = spec.log2[0] / 2**23, spec.log2[1] / 2**23
    u = k * high
    y = u + s
    rest = artanh_rest(s, xp)
    y = y + (((u - y) + s) + (k * low + rest))
    return _ends(x, c, y, xp)


def _ends(x: Array, c: Array, y: Array, xp: Namespace) -> Array:
    """Return y, but infinities at 0 and 1, and NaN outside."""
    inside = x * c  # it does not underflow to 0
    infinity = (x - 0.5) * float("inf")
    return xp.where(inside > 0.0, y, xp.where(inside == 0.0, infinity, float("nan")))


def _fused_slope(x: Array, xp: Namespace) -> Array:
    # 1/(x (1 - x)) by one division; next to 0 and 1 it may be infinite, and the second part is 0.
    w, p, p_low = times_complement(x, xp)
    y = 1.0 / p
    y = y - xp.where(w > xp.spec.tiny, y * (y * p_low), 0.0)
    return xp.where(w >= 0.0, xp.abs(y), float("nan"))


def _derivative(x: Array, evaluate: Evaluate) -> Array:
    return evaluate(LOGIT_SLOPE, x)


def _slope(x: Array, xp: Namespace) -> Array:
    # 1/x + 1/(1 - x) is closer to 1/(x(1 - x)) than the latter's own evaluation (1.23 against
    # 2.05 ULP), and exactly 4 at 1/2. abs is there for x = -0. Outside the domain a factor of
    # NaN, unlike the branch of a `where`, reaches the higher derivatives too.
    c = 1 - x
    return xp.abs(1 / x + 1 / c) * xp.where(x * c >= 0, xp.ones_like(x), float("nan"))


def _slope_derivative(x: Array, evaluate: Evaluate) -> Array:
    slope = evaluate(LOGIT_SLOPE, x)
    return slope * slope * (2 * x - 1)  # exact where it crosses 0


def _complex(z: Array, xp: Namespace) -> Array:
    # log(z) - log(1 - z). Its imaginary part is the sum of two angles of the triangle 0, 1, z:
    # of the same sign, and at most pi. A zero's sign says on which side of a cut z is.
    x, y = xp.real(z), xp.imag(z)
    angle = xp.atan2(y, x) + xp.atan2(y, 1 - x)
    # Its real part is that of 1/2 log(b^2/a^2) = 1/2 log1p((b^2 - a^2)/a^2), where a and b are
    # the distances to the nearer and the farther one of 0 and 1, and b^2 - a^2 = |2x - 1|: exact
    # next to 1/2, where the result crosses 0. Where squares might overflow or vanish,
    # a^2 = m^2 n by the larger side m; the quotient would overflow next to 0 or 1, where
    # b^2 = m^2 n + |2x - 1|. (By the reciprocal of m, because XLA rewrites (h / m) / m into
    # h / (m m).)
    near, h = xp.abs(xp.where(x < 0.5, x, 1 - x)), xp.abs(x - 0.5)
    far = xp.abs(y)
    m = xp.where(near > far, near, far)
    least = xp.where(near > far, far, near)
    n = 1 + xp.where(m > 0, least / m, m) ** 2
    quotient = xp.where(
        m > 2.0**60, 2 * (h / m) * (1 / (m * n)), 2 * h / (near * near + far * far)
    )
    ratio = xp.where(m < 0.125, xp.log(m * m + 2 * h / n) - 2 * xp.log(m), xp.log1p(quotient))
    real = xp.where(x < 0.5, -ratio, ratio) / 2
    real = xp.where(m == float("inf"), 1 / m, real)
    return join(z, real, angle, xp)


def _complex_derivative(z: Array, evaluate: Evaluate) -> Array:
    return 1 / z / (1 - z)


LOGIT_SLOPE = Elementwise("logit_slope", _slope, _slope_derivative, fused=_fused_slope)
LOGIT = Elementwise(
    "logit",
    _stepwise,
    _derivative,
    fused=_fused,
    wide=_wide,
    continuation=Elementwise("logit", _complex, _complex_derivative),
    flushed=_flushed,
)
