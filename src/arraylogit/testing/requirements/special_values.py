"""Values that are exact, infinite or NaN, wherever they are in an array."""

import ml_dtypes
import numpy as np
import pytest

from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.registry import describe, nowhere, requirement


def check(subject, cases, signed=True):
    """Assert the results for inputs, in every dtype; zeros with their sign, or either."""
    for dtype in subject.dtypes:
        x = np.asarray([x for x, _ in cases], dtype)
        expected = np.asarray([y for _, y in cases], dtype)
        for where, y in subject.placed(x):
            if not signed:
                y, expected = y + dtype.type(0), expected + dtype.type(0)
            same(x, y, expected, f"{dtype.name} {where}")


def same(x, y, expected, where):
    """Assert that special values are the same, and that others are the same numbers."""
    wrong = ~measure.same_special(y, expected)
    wrong |= (y != expected) & ~np.isnan(expected)
    nowhere(wrong, y, x, expected, where)


def cases(subject, *points):
    """Return those of the inputs whose results all dtypes share, with these."""
    return [
        (x, y)
        for x, y in inputs.special(subject.function)
        if any(x == p or (np.isnan(x) and np.isnan(p)) for p in points)
    ]


@requirement(
    "special-values/zero",
    "±0 give −∞ for logit, exactly 0.5 for expit, and +∞ for logit_exp and logit_log_jacobian.",
    lambda f: 0.0 in f.value.special,
)
def zero(subject):
    check(subject, cases(subject, 0.0))


@requirement("special-values/one", "1 gives +∞.", lambda f: f.value.special.get(1.0) == np.inf)
def one(subject):
    check(subject, cases(subject, 1.0))


@requirement("special-values/half", "0.5 gives exactly +0.", "logit")
def half(subject):
    check(subject, cases(subject, 0.5))


@requirement(
    "special-values/infinite",
    "−∞ gives NaN for logit and its log-Jacobian, 0 for expit and −∞ for the others; +∞ gives 1 "
    "for expit, 0 for log_expit, −∞ for expit_log_jacobian and NaN for the others.",
)
def infinite(subject):
    check(subject, cases(subject, np.inf, -np.inf), signed=False)


@requirement(
    "special-values/zero-sign",
    "A zero has the sign of the numbers that underflow to it: expit(−∞) is +0, log_expit(+∞) −0.",
    "expit log_expit",
)
def zero_sign(subject):
    check(subject, cases(subject, np.inf, -np.inf))


@requirement("special-values/nan", "NaN gives NaN.")
def nan(subject):
    check(subject, cases(subject, np.nan))


@requirement(
    "special-values/outside",
    "Below 0 and above 1 (logit and its log-Jacobian), and above 0 (logit_exp), down to the "
    "nearest number, is NaN.",
    lambda f: f.domain != (-np.inf, np.inf),
)
def outside_the_domain(subject):
    for dtype in subject.dtypes:
        x = inputs.outside(subject.function, dtype)
        # Numbers that the backend takes for 0 are not outside.
        x = x[~subject.subnormal(x, np.full(x.shape, np.nan))]
        for where, y in subject.placed(x):
            same(x, y, np.full(x.shape, np.nan, dtype), f"{dtype.name} {where}")


@requirement(
    "special-values/subnormal",
    "Subnormal inputs give their true values, down to the smallest; results are kept down to the "
    "smallest subnormal number: expit to −103.97 in float32 and −745.13 in float64.",
)
def subnormal(subject):
    for dtype in subject.dtypes:
        x, exact = smallest(subject, dtype)
        kept = ~subject.subnormal(x, exact)
        if kept.any():
            accurate(subject, x[kept], exact[kept])


@requirement(
    "special-values/flushed",
    "The same holds on a backend that itself takes subnormal numbers for zero.",
    "logit expit log_expit logit_exp logit_log_jacobian",
)
def flushed(subject):
    flushing = [d for d in subject.dtypes if any(subject.backend.flushes(d.name))]
    if not flushing:
        pytest.skip("the backend has subnormal numbers")
    for dtype in flushing:
        x, exact = smallest(subject, dtype)
        lost = subject.subnormal(x, exact)
        if lost.any():
            accurate(subject, x[lost], exact[lost])


def smallest(subject, dtype):
    """Return inputs that are subnormal, or whose results are, and the exact results."""
    of = FUNCTIONS[subject.function]
    if not of.subnormal_results:
        info = ml_dtypes.finfo(dtype)
        tiny, normal = info.smallest_subnormal, info.smallest_normal
        x = np.asarray([tiny, 3 * tiny, normal / dtype.type(4), normal - tiny], dtype)
        x = x if of.domain[1] > 0 else -x
    else:
        # Where exp(-|x|), which the results are near, is subnormal.
        form = measure.format_of(dtype)
        x = np.log(2) * np.linspace(form.lowest - form.digits, form.lowest - 1, 9)
        x = (-of.subnormal_results * x).astype(dtype)
    return x, reference.rounded(subject.function, x)


def accurate(subject, x, exact):
    """Assert that results are within bounds."""
    bound = subject.bound(x.dtype) + 0.5
    for where, y in subject.placed(x):
        wrong = measure.ulp_error(y, exact, x.dtype) > bound
        nowhere(wrong, y, x, exact, f"{x.dtype.name} {where}")


@requirement(
    "special-values/range",
    "No result is outside the range: [0, 1] for expit, [−∞, 0] for log_expit and "
    "expit_log_jacobian, [0, ∞] for logit_log_jacobian.",
    lambda f: f.range != (-np.inf, np.inf),
)
def within_the_range(subject):
    for dtype in subject.dtypes:
        x, _, _ = subject.measurement(dtype)
        y = subject(x)
        lowest, highest = FUNCTIONS[subject.function].range
        outside = (y > highest) | (y < lowest)
        assert not outside.any(), f"{describe(y[outside])} for {describe(x[outside])}"
