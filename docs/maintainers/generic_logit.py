# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the arraylogit developers. From arraylogit 0.1.0; the derivation and the
# bounds are in its docs/accuracy.md.
"""logit, expit and log_expit of real floating-point arrays, on the Array API standard.

E being the error of the library's own log or exp in ULP, the errors are at most 1.5 E + 1 for
logit and 2 E + 1 for expit. Evaluate float16 and bfloat16 in float32.
"""


def logit(x, xp):
    # log(2x) - log(2(1 - x)): both logarithms vanish at 1/2 with opposite signs, so
    # that nothing cancels. r is the rounding error of 2(1 - x) below 1/2, times 2x,
    # which fades it out where it is not. It speaks of 2(1 - x) because XLA rewrites
    # (1 - x) - 1 into -x.
    twice_x = 2 * x
    twice_c = 2 * (1 - x)
    r = ((twice_c - 1) - (1 - twice_x)) * twice_x
    return xp.log(twice_x) - (xp.log(twice_c) - r)


def expit(x, xp):
    # t / (1 + t) with t = exp(-|x|) <= 1 neither overflows nor cancels; r is twice the
    # rounding error of 1 + t, doubled because XLA rewrites (1 + t) - 1 into t.
    t = xp.exp(-xp.abs(x))
    s = 1 + t
    q = t / s
    r = 2 * t - (2 * s - 2)
    q = q - q * (r / (2 * s))
    return xp.where(x < 0, q, 1 - q)


def log_expit(x, xp):
    # min(x, 0) - log1p(t), the latter by a logarithm, because XLA's log1p is 2.5 ULP
    # off (128 in float64); t - t is a 0 of the same kind.
    t = xp.exp(-xp.abs(x))
    s = 1 + t
    r = 2 * t - (2 * s - 2)
    return -((xp.log(s) + r / (2 * s)) - xp.where(x < 0, x, t - t))
