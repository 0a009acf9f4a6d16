"""The exponential together with its rounding error, for 1 - exp(x) without expm1."""

from arraylogit._record import Array, Namespace


def one_minus_exp(x: Array, xp: Namespace) -> tuple[Array, Array]:
    """Return exp(x) and 1 - exp(x), for x <= 0."""
    p, e = exp_and_error(x, xp)
    return p, (1 - p) + e


def exp_and_error(x: Array, xp: Namespace) -> tuple[Array, Array]:
    """Return p and e, so that 1 - exp(x) = (1 - p) + e without cancellation, for x <= 0."""
    # e = p - exp(x) to first order. Next to 0, where 1 - exp(x) cancels, log(p) is accurate and
    # its difference from x is exact. For x <= -1.5, e is 0, and the logarithm is that of 1 - p:
    # p may have underflowed, and XLA would simplify log(exp(x)) to x. expm1 is no help: XLA's is
    # 5.3 ULP off, and inductor has no accurate one.
    p, near = xp.exp(x), x > -1.5
    log_p = xp.log(xp.where(near, p, 1 - p))
    return p, p * xp.where(near, log_p - x, p - p)
