"""The logarithm of the logistic sigmoid, the inverse of logit_exp."""

from arraylogit._call import call
from arraylogit._expit import EXPIT
from arraylogit._kernels import exponential, log1p_rest, log_rest
from arraylogit._record import Array, Elementwise, Evaluate, Namespace


def log_expit(input: Array, *, out: Array | None = None) -> Array:
    """Logarithm of `expit`, ``-log(1 + exp(-x))``, elementwise: the inverse of `logit_exp`.

    Parameters
    ----------
    input : array_like
        Log-odds, any shape: an array of any library of the Array API standard, or what NumPy
        can read. Integers and booleans are converted to the library's default real
        floating-point dtype. The arithmetic of float16 and bfloat16 is done in float32 or
        wider and rounded once. Complex input is refused.
    out : array, optional
        Array of the same library, device and shape to write the result to; its dtype must be
        one that the result can be cast to (same kind). It may be `input`.

    Returns
    -------
    array
        Log-probabilities in [−∞, 0], of the same library, shape, device and floating-point
        dtype as `input`; `out` if given.

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
    logit_exp : the inverse function.
    expit : the probability itself.

    Notes
    -----
    Special values: −∞ → −∞, +∞ → −0, NaN → NaN. No warning is emitted. For large x the result
    is −exp(−x), kept down to the smallest subnormal (x ≈ 103.97 in float32, 745.13 in float64),
    and −0 beyond. log(1 − expit(x)) is ``log_expit(-x)``.

    The derivative is expit(−x). The formula used, and its error bound, are derived in
    ``docs/accuracy.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from arraylogit import log_expit
    >>> log_expit(np.asarray([-1000.0, 0.0, 50.0]))
    array([-1.00000000e+03, -6.93147181e-01, -1.92874985e-22])
    """
    return call(LOG_EXPIT, input, out)


def _stepwise(x: Array, xp: Namespace) -> Array:
    # min(x, 0) - log1p(t) with t = exp(-|x|) <= 1, which neither overflows nor cancels. log1p by
    # a logarithm, because XLA's own is up to 2.5 ULP off: r is twice the rounding error of
    # s = 1 + t, exactly (Dekker's fast two-sum, 1 >= t; doubled because XLA rewrites (1 + t) - 1
    # into t), and log(1 + t) = log(s) + r/2s but for its square.
    # Negated last, so that the result of an underflow is the limit of negative numbers, -0.
    t = xp.exp(-xp.abs(x))
    s = 1 + t
    r = 2 * t - (2 * s - 2)
    return -((xp.log(s) + r / (2 * s)) - xp.minimum(x, t - t))


def less_softplus(base: Array, times: float, x: Array, xp: Namespace) -> Array:
    """Return ``base - times * log1p(exp(-|x|))``, where `base` is 0 or -|x|."""
    spec = xp.spec
    a = -xp.abs(x)
    power, e, e_low = exponential(a, xp)
    t, t_low = xp.shared(e * spec.drop * power), e_low * spec.drop * power
    # log(1 + t), or log 2 + log(1 + f) with f = (t - 1)/2. By bits, because LLVM makes branches of
    # such a choice, and then no loop of vectors.
    factor = xp.from_bits(spec.one - ((xp.bits(1.0 + t) - spec.least) & spec.exponent))
    half = 1.0 - factor  # 0 or 1/2
    scaled = t * factor
    f = xp.shared(scaled - half)
    high = half * (2.0 * times * spec.log2[0])
    if spec.spare:
        y = base - (high + times * (f + f * f * log_rest(f, xp)))
        return xp.where(a <= spec.lowest, base, y)
    b = base - high
    b_low = base - (b + high)  # exactly: |base| < 2 high, or high = 0
    part = times * f
    y = xp.shared(b - part)
    y_low = ((b - y) - part) + b_low
    f_low = ((-half - f) + scaled) + t_low * factor
    rest = half * (2.0 * times * spec.log2[1]) + times * log1p_rest(f, f_low, xp)
    # Far from 0 the result is `base`. At infinity the sums would be NaN.
    return xp.where(a <= spec.lowest, base, y + (y_low - rest))


def _fused(x: Array, xp: Namespace) -> Array:
    return less_softplus(xp.where(x < 0.0, x, -0.0), 1.0, x, xp)


def _trusted(x: Array, xp: Namespace) -> Array:
    # t - t^2 is below log1p(t), but where torch's is 0, at the smallest subnormal number.
    t = xp.exp(-xp.abs(x))
    return -(xp.maximum(xp.log1p(t), t - t * t) - xp.minimum(x, 0 * t))


def _wide(x: Array, xp: Namespace) -> Array:
    t = xp.exp(-xp.abs(x))
    return -(xp.log1p(t) - xp.minimum(x, 0 * t))


def _derivative(x: Array, evaluate: Evaluate) -> Array:
    return evaluate(EXPIT, -x)


LOG_EXPIT = Elementwise("log_expit", _stepwise, _derivative, _fused, _wide, trusted=_trusted)
