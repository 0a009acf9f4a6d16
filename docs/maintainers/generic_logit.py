# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the arraylogit developers. From arraylogit 0.1.0; the derivation and the
# bounds are in its docs/accuracy.md.
"""logit, expit and log_expit of real floating-point arrays, on the Array API standard.

Where the log and exp of the library are off by E ULP at most, logit is off by 1.5 E + 1, expit by
2 E + 1. Evaluate float16 and bfloat16 in float32.
"""


def logit(x, xp):
    # log(2x) - log(2(1 - x)): both logarithms vanish at 1/2 and have opposite signs, so nothing
    # cancels. r corrects the rounding error of w = 2 - 2x, which is (2 - w) - 2x exactly (Dekker's
    # fast two-sum): log(w) lacks that error divided by w. The factor 2x is close enough to 1/w
    # where it matters, next to 1/2, and takes a third of the time. No log1p: NumPy's is scalar
    # without AVX-512, and XLA's is up to 129 ULP off.
    twice_x = x + x  # half the time of 2 * x on one number
    w = 2 - twice_x
    r = ((2 - w) - twice_x) * twice_x
    return xp.log(twice_x) - (xp.log(w) + r)


def expit(x, xp):
    # expit(-|x|) = t / (1 + t) with t = exp(-|x|) <= 1 neither overflows nor cancels, and is up to
    # 2.5 ULP off. t - t(t / (1 + t)) is up to 1.8: the rounding errors of the quotient and of the
    # sum are multiplied by t, and are negligible where the result's ULP is half that of t.
    t = xp.exp(-xp.abs(x))
    q = t - t * (t / (1 + t))
    # q below 0, 1 - q above. minimum and maximum choose, since q <= 1/2 <= 1 - q: on NumPy and
    # torch, `where` takes longer than all the rest. 2^120 x is at most 0 for x <= 0, and above 1
    # wherever q differs from 1/2, even in float128.
    return xp.maximum(q, xp.minimum(2.0**120 * x, 1 - q))


def log_expit(x, xp):
    # min(x, 0) - log1p(t) with t = exp(-|x|) <= 1 neither overflows nor cancels. log replaces
    # log1p, because XLA's is up to 2.5 ULP off. r is twice the rounding error of s = 1 + t,
    # exactly (Dekker's fast two-sum, 1 >= t; doubled because XLA rewrites (1 + t) - 1 into t), so
    # that log(1 + t) = log(s) + r/2s, up to the square of the error. The sum is negated last, so
    # that an underflow gives -0, the limit of negative numbers.
    t = xp.exp(-xp.abs(x))
    s = 1 + t
    r = 2 * t - (2 * s - 2)
    return -((xp.log(s) + r / (2 * s)) - xp.minimum(x, t - t))
