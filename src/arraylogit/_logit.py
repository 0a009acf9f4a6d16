"""The logit."""

from typing import Any

from arraylogit._complex import join
from arraylogit._elementwise import Array, Elementwise, Namespace
from arraylogit._kernels import polynomial


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
        and is used as it is. `eps` is not differentiated.
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
        `input` is ragged; `eps` is NaN or outside [0, 0.5]; `out` has another shape or device.
        Nothing has been written to `out` after any error.

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
    return _LOGIT(input, eps, out)


def _formula(x: Array, xp: Namespace) -> Array:
    # log(a) + e/x with a = x / (1 - x) as rounded, and e = x - a (1 - x) what it lacks: as much as
    # the logarithm itself next to 1/2. Beyond a quarter from there, e is no more than a rounding.
    c = 1 - x
    a = x / c
    off = 2 * x - 1
    # e = x - a c + a (c - (1 - x)). All differences are exact (Sterbenz) where k is subtracted on
    # both sides, x - k c - (a - k) c, with k = 1 next to a = 1, and 1/2 down to a = 1/3.
    half = c / 2
    e = xp.where(a < 0.65, (x - half) - (a - 0.5) * c, (x - c) - (a - 1) * c)
    # Twice c - (1 - x), written so that XLA, which rewrites (1 - x) - 1 into -x, leaves it alone.
    excess = (2 * c - 1) + off
    return xp.log(a) + xp.where(xp.abs(off) < 0.5, (e + a * (excess / 2)) / x, x - x)


def _eager_formula(x: Array, xp: Namespace) -> Array:
    # log(2x) - log(2(1 - x)): both logarithms vanish at 1/2 with opposite signs, so that nothing
    # cancels. 2x is exact, and so is 1 - 2x from 1/4 on (Sterbenz); below, its rounding is less
    # than that of the result. XLA's log1p is up to 129 ULP off.
    twice_x = x + x  # half the time of 2 * x on one number
    return xp.log(twice_x) - xp.log1p(1 - twice_x)


def _wide_formula(x: Array, xp: Namespace) -> Array:
    # The textbook formula. Only the rounding of its quotient needs a thought: next to 1/2 the
    # logit of a float32 is as small as 2^-23, with an ULP of 2^-46, and the quotient in float64
    # is off by 2^-54.
    return xp.log(x / (1 - x))


def _fused(x: Array, xp: Namespace) -> Array:
    spec = xp.spec
    c = 1.0 - x
    lost = (1.0 - c) - x  # 1 - x = c + lost, exactly
    big = x * spec.scale
    e = (xp.bits(big) - xp.bits(c) + spec.half) & spec.exponent
    k = xp.from_bits((e >> spec.mantissa) + spec.count_bits) - (spec.count + spec.scale_exponent)
    near = big * xp.from_bits(spec.one - e)  # x 2^-k, about c
    n = near - c  # exact (Sterbenz); the numerator is n - lost
    d = near + c
    t = d - near
    d_low = ((near - (d - t)) + (c - t)) + lost  # d + d_low is the denominator
    r = 1.0 / d
    q = n * r
    s = xp.from_bits(xp.bits(q) & spec.head)
    d_head = xp.from_bits(xp.bits(d) & spec.head)
    s_low = (((n - s * d_head) - s * (d - d_head)) - (lost + s * d_low)) * r
    s_all = s + s_low
    s2 = s_all * s_all
    rest = s_all * s2 * polynomial(s2, spec.artanh)
    u, v = k * spec.log2[0], 2.0 * s
    y = u + v
    y = y + (((u - y) + v) + (2.0 * s_low + (k * spec.log2[1] + rest)))
    return _ends(x, c, y, xp)


def _ends(x: Array, c: Array, y: Array, xp: Namespace) -> Array:
    """Return y, but the special values of the logit at and outside 0 and 1."""
    y = xp.where(x > 0.0, y, xp.where(x == 0.0, -float("inf"), float("nan")))
    return xp.where(c > 0.0, y, xp.where(c == 0.0, float("inf"), float("nan")))


def _fused_slope(x: Array, xp: Namespace) -> Array:
    """Return 1/x + 1/(1 - x): +inf at 0 and 1, NaN outside."""
    c = 1.0 - x
    return xp.where(xp.minimum(x, c) >= 0.0, xp.abs(1.0 / x + 1.0 / c), float("nan"))


def _derivative(x: Array, xp: Namespace) -> Array:
    # 1/x + 1/(1 - x) is closer to 1/(x(1 - x)) than the latter's own evaluation (1.23 against
    # 2.05 ULP), and exactly 4 at 1/2. abs is there for x = -0. Outside the domain a factor of
    # NaN, unlike the branch of a `where`, reaches the higher derivatives too.
    c = 1 - x
    return xp.abs(1 / x + 1 / c) * xp.where(x * c >= 0, xp.ones_like(x), float("nan"))


def _complex_formula(z: Array, xp: Namespace) -> Array:
    # log(z) - log(1 - z). Its imaginary part is the sum of two angles of the triangle 0, 1, z:
    # of the same sign, and at most pi. A zero's sign says on which side of a cut z is.
    x, y = xp.real(z), xp.imag(z)
    angle = xp.atan2(y, x) + xp.atan2(y, 1 - x)
    # Its real part is that of 1/2 log(b^2/a^2) = 1/2 log1p((b^2 - a^2)/a^2), where a and b are
    # the distances to the nearer and the farther one of 0 and 1, and b^2 - a^2 = |2x - 1|: exact
    # next to 1/2, where the result crosses 0. a^2 = m^2 n, scaled by the larger side m so that
    # nothing overflows, but for the quotient next to 0 or 1: there b^2 = m^2 n + |2x - 1|. (By
    # the reciprocal of m, because XLA rewrites (h / m) / m into h / (m m).)
    near, h = xp.abs(xp.where(x < 0.5, x, 1 - x)), xp.abs(x - 0.5)
    far = xp.abs(y)
    m = xp.where(near > far, near, far)
    least = xp.where(near > far, far, near)
    n = 1 + xp.where(m > 0, least / m, m) ** 2
    ratio = xp.where(
        m < 0.125,
        xp.log(m * m + 2 * h / n) - 2 * xp.log(m),
        xp.log1p(2 * (h / m) * (1 / (m * n))),
    )
    real = xp.where(x < 0.5, -ratio, ratio) / 2
    real = xp.where(m == float("inf"), 1 / m, real)
    return join(z, real, angle, xp)


def _complex_derivative(z: Array, xp: Namespace) -> Array:
    return 1 / z / (1 - z)


_LOGIT = Elementwise(
    "logit",
    _formula,
    _derivative,
    _eager_formula,
    _wide_formula,
    Elementwise("logit", _complex_formula, _complex_derivative),
)
