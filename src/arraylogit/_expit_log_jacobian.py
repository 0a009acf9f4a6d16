"""The logarithm of the slope of the logistic sigmoid."""

from arraylogit._call import call
from arraylogit._expit import TANH_HALF
from arraylogit._log_expit import less_softplus
from arraylogit._record import Array, Elementwise, Evaluate, Namespace


def expit_log_jacobian(input: Array, *, out: Array | None = None) -> Array:
    """Logarithm of the slope of `expit`, ``-abs(x) - 2 log(1 + exp(-abs(x)))``, elementwise.

    What a change of variables from log-odds to probabilities adds to a log-density, before it is
    summed: ``log_abs_det_jacobian`` or ``forward_log_det_jacobian`` of that bijector in libraries
    of probability distributions. It is ``log_expit(x) + log_expit(-x)``.

    Parameters
    ----------
    input : array_like
        Log-odds, any shape: an array of any library of the Array API standard, or what
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
    expit : the transformation.
    logit_log_jacobian : the same for its inverse.

    Notes
    -----
    Special values: ±∞ → −∞, NaN → NaN. No warning is emitted. The largest value is −2 log 2, at
    0. The slope expit(x)·expit(−x) itself underflows far from 0; this does not.

    The derivative is expit(−x) − expit(x) = −tanh(x/2). The error bound is derived in
    ``docs/accuracy.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from arraylogit import expit_log_jacobian
    >>> expit_log_jacobian(np.asarray([-1000.0, 0.0, 3.0])).round(4)
    array([-1000.    ,    -1.3863,    -3.0972])
    """
    return call(EXPIT_LOG_JACOBIAN, input, out)


def _stepwise(x: Array, xp: Namespace) -> Array:
    # All terms have one sign, and none is a product that could underflow. The logarithm of 1 + t
    # is that of s, and r/2s for its rounding: see _log_expit.py.
    a = xp.abs(x)
    t = xp.exp(-a)
    s = 1 + t
    r = 2 * t - (2 * s - 2)
    return -((a + r / s) + 2 * xp.log(s))


def _fused(x: Array, xp: Namespace) -> Array:
    return less_softplus(-xp.abs(x), 2.0, x, xp)


def _wide(x: Array, xp: Namespace) -> Array:
    a = xp.abs(x)
    return -(a + 2 * xp.log(1 + xp.exp(-a)))


def _derivative(x: Array, evaluate: Evaluate) -> Array:
    return -evaluate(TANH_HALF, x)


EXPIT_LOG_JACOBIAN = Elementwise("expit_log_jacobian", _stepwise, _derivative, _fused, _wide)
