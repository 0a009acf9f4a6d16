# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the arraylogit developers. From arraylogit 0.1.0; the derivation and the
# bounds are in its docs/accuracy.md.
"""logit, expit and log_expit of real floating-point arrays, on the Array API standard.

E being the error of the library's own log or exp in ULP, the errors are at most E + 1.2 for
logit and 2 E + 1 for expit. Evaluate float16 and bfloat16 in float32.
"""


def logit(x, xp):
    # log(a) + e/x with a = x / (1 - x) as rounded, and e = x - a (1 - x) what it lacks: as
    # much as the logarithm itself next to 1/2, and no more than a rounding far from there.
    c = 1 - x
    a = x / c
    off = 2 * x - 1
    # e = x - a c + a (c - (1 - x)). All differences are exact (Sterbenz) where k is
    # subtracted on both sides, x - k c - (a - k) c, with k = 1 next to a = 1, else 1/2.
    half = c / 2
    e = xp.where(a < 0.65, (x - half) - (a - 0.5) * c, (x - c) - (a - 1) * c)
    # Twice c - (1 - x), as XLA, which rewrites (1 - x) - 1 into -x, leaves it alone.
    excess = (2 * c - 1) + off
    return xp.log(a) + xp.where(xp.abs(off) < 0.5, (e + a * (excess / 2)) / x, x - x)


def _lesser(x, xp):
    # expit(-|x|) = t / (1 + t) with t = exp(-|x|) <= 1 neither overflows nor cancels.
    # t - q (1 + t) is what the rounded quotient lacks; t - q is exact (Sterbenz).
    t = xp.exp(-xp.abs(x))
    q = t / (1 + t)
    return q + ((t - q) - q * t)


def expit(x, xp):
    q = _lesser(x, xp)
    return xp.where(x < 0, q, 1 - q)


def log_expit(x, xp):
    # min(x, 0) - log1p(t), the latter by a logarithm, because XLA's log1p is 2.5 ULP off
    # (128 in float64): r is twice the rounding error of 1 + t, doubled because XLA
    # rewrites (1 + t) - 1 into t; t - t is a 0 of the same kind.
    t = xp.exp(-xp.abs(x))
    s = 1 + t
    r = 2 * t - (2 * s - 2)
    return -((xp.log(s) + r / (2 * s)) - xp.where(x < 0, x, t - t))
