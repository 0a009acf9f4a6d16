"""The logarithm of the slope of the logit."""

from arraylogit._call import call
from arraylogit._kernels import compensated_quotient, exponent, log1p_rest, times_complement
from arraylogit._logit import LOGIT_SLOPE
from arraylogit._record import Array, Elementwise, Evaluate, Namespace


def logit_log_jacobian(input: Array, *, out: Array | None = None) -> Array:
    """Logarithm of the slope of `logit`, ``-log(x) - log(1 - x)``, elementwise.

    What a change of variables from probabilities to log-odds adds to a log-density, before it is
    summed: ``log_abs_det_jacobian`` or ``forward_log_det_jacobian`` of that bijector in libraries
    of probability distributions. It is ``-expit_log_jacobian(logit(x))``.

    Parameters
    ----------
    input : array_like
        Probabilities, any shape: an array of any library of the Array API standard, or what
        NumPy can read. Integers and booleans are converted to the library's default real
        floating-point dtype. The arithmetic of float16 and bfloat16 is done in float32 or
        wider and rounded once. Complex input is refused.
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
        `input` is not a real numeric array; `out` is not a writable array of the library of
        `input`, or needs a gradient.
    ValueError
        `input` is ragged; `out` has another shape or device. Nothing has been written to `out`
        after any error.

    See Also
    --------
    logit : the transformation.
    expit_log_jacobian : the same for its inverse.

    Notes
    -----
    Special values: ±0 → +∞, 1 → +∞; below 0, above 1 and NaN → NaN. No warning is emitted. The
    least value is 2 log 2, at 0.5. The slope 1/(x(1 − x)) itself overflows for subnormal x; this
    does not.

    The derivative is (2x − 1)/(x(1 − x)). The error bound is derived in ``docs/accuracy.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from arraylogit import logit_log_jacobian
    >>> logit_log_jacobian(np.asarray([1e-320, 0.5, 1.0])).round(4)
    array([736.8272,   1.3863,      inf])
    """
    return call(LOGIT_LOG_JACOBIAN, input, out)


def _stepwise(x: Array, xp: Namespace) -> Array:
    # Both logarithms are negative: nothing cancels. r makes up for the rounding of c = 1 - x, half
    # an ULP of a result of at least 2 log 2: see _logit.py, where w = 2c.
    c = 1 - x
    r = ((1 - c) - x) * (4 * x)
    return -(xp.log(x) + (xp.log(c) + r))


def _fused(x: Array, xp: Namespace) -> Array:
    spec = xp.spec
    w, p, p_low = times_complement(x, xp)
    factor, e = exponent(p, xp)
    f = (p * spec.scale) * factor - 1.0
    f_low = (p_low * spec.scale) * factor
    u = e * spec.log2[0]
    y = u + f
    y_low = (u - y) + f
    y = -(y + (y_low + (e * spec.log2[1] + log1p_rest(f, f_low, xp))))
    return xp.where(w > 0.0, y, xp.where(w == 0.0, float("inf"), float("nan")))


def _fused_slope(x: Array, xp: Namespace) -> Array:
    """Return (2x - 1)/(x(1 - x)): -inf at 0, +inf at 1, NaN outside."""
    w, p, p_low = times_complement(x, xp)
    h = 1.0 - 2.0 * w
    lost = 2.0 * w - (1.0 - h)
    s, s_low = compensated_quotient(h, lost, p, p_low, xp)
    # next to 0, where 1/p may be infinite, 1/p is the slope
    y = xp.where(w > xp.spec.tiny, s + s_low, 1.0 / xp.abs(p))
    return xp.where(w >= 0.0, xp.where(x < 0.5, -y, y), float("nan"))


def _wide(x: Array, xp: Namespace) -> Array:
    return -(xp.log(x) + xp.log(1 - x))


def _derivative(x: Array, evaluate: Evaluate) -> Array:
    return evaluate(_SLOPE, x)


def _slope(x: Array, xp: Namespace) -> Array:
    # 2x - 1 is exact where it crosses 0. abs is there for x = -0; the factor: see _logit.py.
    c = 1 - x
    slope = (2 * x - 1) / xp.abs(x) / c
    return slope * xp.where(x * c >= 0, xp.ones_like(x), float("nan"))


def _slope_derivative(x: Array, evaluate: Evaluate) -> Array:
    # 1/x^2 + 1/(1 - x)^2 = J^2 - 2J, where J = 1/x + 1/(1 - x) is at least 4.
    slope = evaluate(LOGIT_SLOPE, x)
    return slope * (slope - 2)


_SLOPE = Elementwise("logit_log_jacobian_slope", _slope, _slope_derivative, _fused_slope)
LOGIT_LOG_JACOBIAN = Elementwise("logit_log_jacobian", _stepwise, _derivative, _fused, _wide)
