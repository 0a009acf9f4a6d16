"""Wrong values: inaccurate, special, breaking an identity, rarely tested."""

import ml_dtypes
import numpy as np

import arraylogit
from arraylogit.testing import perfect
from arraylogit.testing.perfect import expit, log_expit, logit
from conformance.mutants.mutant import mutant, rejected_by, textbook

mutant("naive_formula", "accuracy/float32", r"4\.194e\+06 ULP", textbook)


@rejected_by("accuracy/float32", r"^1\.\d+ ULP, 0\.501 allowed")
def relative_error_of_5e_8(x):
    return (logit(x.astype(np.float64)) * (1 + 5e-8)).astype(x.dtype)


@rejected_by("accuracy/float64", "ULP, 2.0 allowed")
def computed_in_float32(x):
    return logit(x.astype(np.float32)).astype(x.dtype)


@rejected_by("accuracy/float16", "ULP, 0.51 allowed", computes="expit")
def computed_in_float16(x):
    return 1 / (1 + np.exp(-x))


@rejected_by("accuracy/bfloat16", "ULP, 0.51 allowed", computes="log_expit")
def truncated_to_bfloat16(x):
    if x.dtype != ml_dtypes.bfloat16:
        return log_expit(x)
    y = log_expit(x.astype(np.float32))
    return (y.view(np.uint32) >> 16).astype(np.uint16).view(ml_dtypes.bfloat16)


@rejected_by("accuracy/agreement", "ULP apart", computes="expit", backend="torch:eager")
def another_on_torch(x):
    y = arraylogit.expit(x)
    return y if isinstance(y, np.ndarray) else y * 1.001


@rejected_by("accuracy/float64", r"ULP, 2\.0 allowed", points=100_000)
def three_ulp_off_in_3e_6_in_float64(x):
    y = arraylogit.logit(x)
    return np.where(np.abs(x - 0.3141592) < 1.5e-6, y + 3 * np.spacing(y), y)


@rejected_by("accuracy/float32", r"ULP, 0\.501 allowed", points=100_000)
def three_ulp_off_in_3e_6(x):
    return three_ulp_off_in_3e_6_in_float64(x) if x.dtype == np.float32 else arraylogit.logit(x)


# Special values


@rejected_by("special-values/subnormal", "^-inf")
def minus_infinity_for_subnormal_numbers(x):
    smallest = ml_dtypes.finfo(x.dtype).smallest_normal
    return logit(np.where(x < smallest, x * 0, x))


@rejected_by("special-values/subnormal", "^0", computes="expit")
def underflows_too_early(x):
    return np.where(np.isinf(np.exp(-x)), x.dtype.type(0), expit(x))


@rejected_by("special-values/range", r"^1\.0", computes="expit")
def more_than_1(x):
    y = expit(x)
    return np.where(y == 1, np.nextafter(y, y + y), y) if y.dtype.kind == "f" else y


@rejected_by("special-values/zero", "^inf for -0.0")
def sign_of_zero(x):
    y = logit(x)
    return np.where((x == 0) & np.signbit(x), -y, y)


@rejected_by("special-values/one", "for 1")
def one_is_finite(x):
    return np.minimum(logit(x), x.dtype.type(88.7))


@rejected_by("special-values/infinite", "^-inf, inf for -inf, inf")
def infinity_is_not_outside(x):
    return np.where(np.isinf(x), x, logit(x))


@rejected_by("special-values/zero-sign", "^0.0 for inf", computes="log_expit")
def zero_of_the_wrong_sign(x):
    return log_expit(x) + x.dtype.type(0)


@rejected_by("special-values/nan", "^0.* for nan")
def nan_swallowed(x):
    return np.nan_to_num(logit(x).astype(np.float64), posinf=np.inf, neginf=-np.inf)


mutant("minus_zero_at_half", "special-values/half", "^-0.0 for 0.5", lambda x: -logit(1 - x))
mutant("outside_is_clamped", "special-values/outside", "^-inf", lambda x: logit(np.clip(x, 0, 1)))


@rejected_by("special-values/flushed", "^-inf", backend="jax:eager")
def flushed_by_xla(x):
    return arraylogit.logit(x)


# Identities


def _times(factor, f):
    return lambda x: f(x) * x.dtype.type(factor)


@rejected_by("identity/odd", "ULP between")
def not_odd(x):
    y = logit(x)
    return np.where(x < 0.5, y * (1 + np.finfo(y.dtype).eps * 4), y).astype(y.dtype)


@rejected_by("identity/monotone", "drops", computes="expit")
def not_monotone(x):
    y = np.asarray(expit(x))
    return np.where(np.asarray(x).view(f"u{y.itemsize}") % 2, y * y.dtype.type(0.99), y)


for name, requirement, says, f, factor in (
    ("not_the_inverse", "identity/round-trip", "for", "logit", 1 + 1e-5),
    ("sum_is_not_1", "identity/complement", "at ±", "expit", 1 + 1e-6),
    ("not_the_logarithm", "identity/exact-log", r"exp\(", "log_expit", 1 + 1e-5),
):
    mutant(name, requirement, says, _times(factor, getattr(perfect, f)), computes=f)


@rejected_by("identity/even", "ULP between the mirror", computes="expit_log_jacobian")
def half_of_the_slope(x):
    return log_expit(x)
