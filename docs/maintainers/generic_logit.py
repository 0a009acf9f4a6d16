# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the arraylogit developers. From arraylogit 0.1.0; the derivation and the
# bounds are in its docs/accuracy.md.
"""logit, expit and log_expit of real floating-point arrays, on the Array API standard.

Where the log and exp of the library are off by E ULP at most, logit is off by 1.5 E + 1, expit by
2 E + 1. Evaluate float16 and bfloat16 in float32.
"""


def logit(x, xp):
    # log(2x) - log(2(1 - x)): both logarithms vanish at 1/2 with opposite signs, so that nothing
    # cancels. r makes up for the rounding of w = 2 - 2x, which is (2 - w) - 2x exactly (Dekker's
    # fast two-sum): the logarithm is off by that over w. The factor 2x is near enough to 1/w where
    # it matters, next to 1/2, and takes a third of the time. No log1p: it is scalar on NumPy
    # without AVX-512, and up to 129 ULP off on XLA.
    twice_x = x + x  # half the time of 2 * x on one number
    w = 2 - twice_x
    r = ((2 - w) - twice_x) * twice_x
    return xp.log(twice_x) - (xp.log(w) + r)


def expit(x, xp):
    # expit(-|x|) = t / (1 + t) with t = exp(-|x|) <= 1 neither overflows nor cancels. As it
    # stands it is 2.5 ULP off; as t - t(t / (1 + t)), where the roundings of the quotient and of
    # the sum count with t alone, and so next to nothing where the result's ULP is half that of t,
    # 1.8.
    t = xp.exp(-xp.abs(x))
    q = t - t * (t / (1 + t))
    # q below 0, 1 - q above: by minimum and maximum, since q <= 1/2 <= 1 - q, because `where`
    # takes longer on NumPy and torch than all the rest. 2^120 x is at most 0 at and below 0, and
    # above 1 where q is not 1/2 to the last bit, of float128 too.
    return xp.maximum(q, xp.minimum(2.0**120 * x, 1 - q))


def log_expit(x, xp):
    # min(x, 0) - log1p(t) with t = exp(-|x|) <= 1, which neither overflows nor cancels. log1p by
    # a logarithm, because XLA's own is up to 2.5 ULP off: r is twice the rounding error of
    # s = 1 + t, exactly (Dekker's fast two-sum, 1 >= t; doubled because XLA rewrites (1 + t) - 1
    # into t), and log(1 + t) = log(s) + r/2s but for its square.
    # Negated last, so that the result of an underflow is the limit of negative numbers, -0.
    t = xp.exp(-xp.abs(x))
    s = 1 + t
    r = 2 * t - (2 * s - 2)
    return -((xp.log(s) + r / (2 * s)) - xp.minimum(x, t - t))
