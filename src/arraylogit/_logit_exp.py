"""The logit of a probability given by its logarithm, the inverse of log_expit."""

from arraylogit._call import call
from arraylogit._exp import exp_and_error, one_minus_exp
from arraylogit._kernels import exponent, log1p_rest, reduced_exponential
from arraylogit._record import Array, Elementwise, Evaluate, Namespace

# log 2 = _HIGH - _MIDDLE + _LOW: 22 bits, so that _HIGH is a number of every dtype computed in;
# what makes _HIGH - _MIDDLE the float64 nearest to log 2; the rest.
_HIGH = 0.6931471824645996
_MIDDLE = 1.904654323148236e-09
_LOW = 2.3190468138462996e-17
_LOG_2 = _HIGH - _MIDDLE


def logit_exp(input: Array, *, out: Array | None = None) -> Array:
    """Log-odds of a log-probability, ``l - log(1 - exp(l))``, elementwise.

    This is logit(exp(l)) without the loss of exp(l) next to 1 or in its underflow: the inverse
    of `log_expit`.

    Parameters
    ----------
    input : array_like
        Log-probabilities, any shape: an array of any library of the Array API standard, or what
        NumPy can read. Integers and booleans are converted to the library's default real
        floating-point dtype. The arithmetic of float16 and bfloat16 is done in float32 or
        wider and rounded once. Complex input is refused.
    out : array, optional
        Array of the same library, device and shape to write the result to; its dtype must be
        one that the result can be cast to (same kind). It may be `input`.

    Returns
    -------
    array
        Log-odds, of the same library, shape, device and floating-point dtype as `input`; `out`
        if given.

    Raises
    ------
    TypeError
        `input` is not a real numeric array; `out` is not a writable array of the library of
        `input`, or needs a gradient.
    ValueError
        `input` is ragged; `out` has another shape or device. Nothing has been written to `out`
        after any error.

    See Also
    --------
    log_expit : the inverse function.
    logit : the same for the probability itself.

    Notes
    -----
    Special values: ±0 → +∞, −∞ → −∞; above 0 and NaN → NaN. No warning is emitted.

    The derivative is 1/(1 − exp(l)): +∞ at 0, NaN above 0. The formula used, and its error
    bound, are derived in ``docs/accuracy.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from arraylogit import logit_exp
    >>> logit_exp(np.asarray([-1000.0, -1.0, -1e-20]))
    array([-1.00000000e+03, -5.41324855e-01,  4.60517019e+01])
    """
    return call(LOGIT_EXP, input, out)


def _stepwise(x: Array, xp: Namespace) -> Array:
    # x - log(q) with q = 1 - exp(x), scaled by 2: log(2q) is the smaller number to round.
    # Both terms cancel where the result crosses 0, at -log 2. For probabilities between 1/4 and
    # 3/4 the result is therefore twice the distance h to the crossing, accurate to the last
    # bit, and a correction of the second order: log(exp(x)/q) = log(exp(x)^2 / (exp(x) q)), and
    # 4 exp(x) q = 1 - f^2 with f = 1 - 2 exp(x).
    p, e = exp_and_error(x, xp)
    q = (1 - p) + e
    f = (1 - 2 * p) + 2 * e
    return xp.where(
        xp.abs(f) < 0.5,
        2 * _plus_log_2(x) - xp.log1p(-f * f),
        (x + _LOG_2) - (xp.log(2 * q) - _LOW),  # _LOW for longdouble
    )


def _wide(x: Array, xp: Namespace) -> Array:
    # h - log(2q) with h = x + log 2. Next to the crossing, where 2q - 1 is as small as the result,
    # the rounding of 2q is made up for by f = 1 - 2 exp(x). Without `where`, which costs more than
    # all the rest, bounds keep e = p (log(p) - x) finite where p has underflowed.
    p = xp.exp(x)
    zero = p - p
    e = p * (xp.log(xp.maximum(p, zero + 1e-300)) - xp.maximum(x, zero - 700))
    twice_q = 2 * ((1 - p) + e)
    f = (1 - 2 * p) + 2 * e
    return _plus_log_2(x) - (xp.log(twice_q) + (f - (twice_q - 1)))


def _fused(x: Array, xp: Namespace) -> Array:
    spec = xp.spec
    power, k, r, r_low, m, m_low = reduced_exponential(x, xp)
    lacks = k * spec.log2[2]
    r_low, m_low = r_low - lacks, m_low - lacks
    scale = power * spec.drop
    a = 1.0 - scale
    # 1 - p = a - scale m = 2^e (1 + f)
    factor, e = exponent(a - scale * m, xp)
    b = (a * spec.scale) * factor - 1.0
    g = ((scale * m) * spec.scale) * factor
    f = xp.shared(b - g)
    f_low = ((b - f) - g) - ((scale * m_low) * spec.scale) * factor
    d = xp.shared(r - f)
    t = d - r
    d_low = (r - (d - t)) - (f + t)
    j = k - e
    u = j * spec.log2[0]
    y = xp.shared(u + d)
    y_low = ((u - y) + d) + d_low
    y = y + (y_low + (r_low + (j * spec.log2[1] - log1p_rest(f, f_low, xp))))
    y = xp.where(x < spec.negligible, x, y)
    return xp.where(x < 0.0, y, xp.where(x == 0.0, float("inf"), float("nan")))


def _complement(x: Array, xp: Namespace) -> tuple[Array, Array, Array, Array, Array]:
    """Return 1 - exp(x) in two parts, exp(x) = scale (high + low), and scale."""
    spec = xp.spec
    power, _, _, _, m, m_low = reduced_exponential(xp.at_least(x, spec.lowest), xp)
    scale = power * spec.drop
    a, g = 1.0 - scale, scale * m
    n = xp.shared(a - g)
    n_low = ((a - n) - g) - scale * m_low
    high = 1.0 + m
    return n, n_low, high, ((1.0 - high) + m) + m_low, power


def _fused_slope(x: Array, xp: Namespace) -> Array:
    """Return 1/(1 - exp(x)), NaN above 0."""
    n, n_low, _, _, _ = _complement(x, xp)
    v = 1.0 / n
    # next to 0, where 1/n may be infinite, n_low is nothing
    v = v - xp.where(x < -xp.spec.tiny, v * (v * n_low), 0.0)
    return xp.where(x <= 0.0, v, float("nan"))


def _fused_odds(x: Array, xp: Namespace) -> Array:
    """Return exp(x)/(1 - exp(x)), the slope less 1, NaN above 0."""
    n, n_low, high, low, power = _complement(x, xp)
    scale = power * xp.spec.drop
    w = high / n
    w = w + xp.where(x < -xp.spec.tiny, (low - w * n_low) * (1.0 + scale * w), 0.0)
    w = w * xp.spec.drop * power
    return xp.where(x <= 0.0, w, float("nan"))


def _derivative(x: Array, evaluate: Evaluate) -> Array:
    return evaluate(_SLOPE, x)


def _slope(x: Array, xp: Namespace) -> Array:
    # A factor of NaN, unlike the branch of a `where`, reaches the higher derivatives too.
    _, q = one_minus_exp(x, xp)
    return xp.where(x <= 0, xp.ones_like(x), float("nan")) / q


def _odds(x: Array, xp: Namespace) -> Array:
    p, q = one_minus_exp(x, xp)
    return p * (xp.where(x <= 0, xp.ones_like(x), float("nan")) / q)


def _rate(x: Array, evaluate: Evaluate) -> Array:
    # The derivative of the slope, 1/(1 - exp(x)), and of the odds, exp(x)/(1 - exp(x)), which are
    # the slope less 1: without that difference, which would cancel.
    return evaluate(_ODDS, x) * evaluate(_SLOPE, x)


def _plus_log_2(x: Array) -> Array:
    # Accurate next to -log 2: the sum is exact between half and twice that (Sterbenz). Written
    # with the constants apart, because XLA folds (x + a) + b into x + (a + b).
    return _LOW - (_MIDDLE - (x + _HIGH))


_SLOPE = Elementwise("logit_exp_slope", _slope, _rate, _fused_slope)
_ODDS = Elementwise("odds_exp", _odds, _rate, _fused_odds)
LOGIT_EXP = Elementwise("logit_exp", _stepwise, _derivative, _fused, _wide)
