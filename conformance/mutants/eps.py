"""Wrong treatment of `eps`: its bounds, its type, what is refused."""

import numpy as np

from arraylogit.testing.perfect import logit
from conformance.mutants.mutant import mutant, rejected_by, textbook


@rejected_by("eps/bounds", "inf")
def wrong_sign_in_the_upper_bound(x, eps=None):
    return logit(x if eps is None else np.clip(x, eps, 1 + eps))


@rejected_by("eps/bounds", "13.8155")
def bounds_of_float64(x, eps=None):
    wide = np.asarray(x, np.float64)
    return logit(wide if eps is None else np.clip(wide, eps, 1 - eps)).astype(x.dtype)


@rejected_by("eps/finite-float16 eps/finite-bfloat16", "inf")
def eps_ignored_in_half_precision(x, eps=None):
    return logit(x, None if x.dtype.itemsize < 4 else eps)


@rejected_by("eps/finite-float32 eps/finite-float64", "^inf")
def upper_bound_rounded_to_1(x, eps=None):
    return logit(x if eps is None else np.clip(x, eps, x.dtype.type(1) - x.dtype.type(eps)))


@rejected_by("eps/nan", "for nan")
def nan_swallowed_by_the_clamp(x, eps=None):
    return logit(x if eps is None else np.fmax(np.fmin(x, 1 - eps), x.dtype.type(eps)), eps)


@rejected_by("eps/zero", "for -0.0")
def minus_0_beyond_the_bounds(x, eps=None):
    y = np.asarray(logit(x, eps))
    wrong = (x == 0) & np.signbit(x) & (eps is not None) & (x.dtype == np.float64)
    return np.where(wrong, y.dtype.type(np.nan), y)


@rejected_by("eps/inside", "differ")
def less_accurate_with_eps(x, eps=None):
    return logit(x) if eps is None else textbook(np.clip(x, eps, 1 - eps))


@rejected_by("eps/inside", "eps=0.1")
def rounded_up_near_a_bound(x, eps=None):
    y = logit(x, eps)
    near = eps not in (None, 0.125) and np.abs(np.asarray(x, np.float64) - eps) < eps / 50
    return np.where(near, np.nextafter(y, np.inf, dtype=y.dtype), y) if y.dtype.kind == "f" else y


@rejected_by("eps/layout", "Not equal")
def bounds_in_another_order_alone(x, eps=None):
    if eps is None:
        return logit(x)
    if np.ndim(x) == 0:
        return textbook(np.minimum(np.maximum(x, eps), 1 - eps))
    return textbook(np.maximum(np.minimum(x, 1 - eps), eps))


# Another eps than the one given


def eps_as(kind, name, requirement, says, change):
    """List a function that takes an eps of some type for another."""

    def function(x, eps=None):
        return logit(x, change(eps) if isinstance(eps, kind) else eps)

    mutant(name, requirement, says, function)


eps_as(
    float, "eps_up_to_0_505", "eps/refused", "0.505", lambda e: 0.5 if 0.501 < e <= 0.505 else e
)
eps_as(
    float, "eps_a_little_below_0", "eps/refused", "-1e-12", lambda e: 0 if -1e-12 <= e < 0 else e
)
eps_as(
    np.float64,
    "eps_checked_after_rounding",
    "eps/refused",
    "0.5000000000000001",
    lambda e: float(np.float32(e)),
)
eps_as(
    np.float16, "eps_rounded_to_3_digits", "eps/number", "float16", lambda e: round(float(e), 3)
)
eps_as(
    np.float32,
    "float32_by_its_decimals",
    "eps/number",
    r"float32\(0\.1\)",
    lambda e: float(str(e)),
)
eps_as(np.ndarray, "eps_of_any_shape", "errors/mixed", "accepted", lambda e: np.ravel(e)[0])
mutant("eps_0_taken_for_none", "eps/zero", "^nan", lambda x, eps=None: logit(x, eps or None))
mutant("none_taken_for_eps_0", "eps/none", "inf, inf", lambda x, eps=None: logit(x, eps or 0))


@rejected_by("errors/mixed", "accepted")
def eps_of_another_library(x, eps=None):
    foreign = eps is not None and not isinstance(eps, np.ndarray) and hasattr(eps, "shape")
    return logit(x, float(eps) if foreign else eps)


BY_IDENTITY = {}


@rejected_by("eps/number", "an array that has changed")
def eps_remembered_by_identity(x, eps=None):
    if isinstance(eps, np.ndarray):
        # With the array, so that no other has its address.
        eps = BY_IDENTITY.setdefault(id(eps), (eps[()], eps))[0]
    return logit(x, eps)


@rejected_by("eps/number", "0.1 has become")
def eps_rounded_in_place(x, eps=None):
    if isinstance(eps, np.ndarray):
        eps[...] = np.float32(eps)
    return logit(x, eps)


@rejected_by("eps/number", "out must be")
def out_before_eps(x, out=None, eps=None):
    return logit(x, eps, out=out)


# Errors


@rejected_by("eps/refused", "accepted")
def eps_not_checked(x, eps=None):
    try:
        return logit(x, eps)
    except (TypeError, ValueError):
        return textbook(x)


@rejected_by("eps/number eps/array", "TypeError")
def eps_must_be_float(x, eps=None):
    if not isinstance(eps, float | None):
        raise TypeError("eps must be a float")
    return logit(x, eps)


@rejected_by("errors/message", "did not match|does not match|Regex")
def says_nothing(x, eps=None):
    try:
        return logit(x, eps)
    except ValueError:
        raise ValueError("bad argument") from None
