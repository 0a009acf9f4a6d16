"""Consequences of the definitions: symmetry, monotonicity, inverses."""

import numpy as np
import pytest

from arraylogit.testing import inputs, measure
from arraylogit.testing.backends import dtype_of
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.registry import requirement


def wide_enough(subject):
    return [d for d in subject.dtypes if d.itemsize >= 4]


def spacing(values, dtype):
    """Return the unit in the last place of values, in float64."""
    digits, lowest, _ = measure.format_of(dtype)
    magnitude = np.maximum(np.abs(values.astype(np.float64)), np.ldexp(1.0, lowest))
    return np.exp2(np.floor(np.log2(magnitude)) - digits)


@requirement(
    "identity/odd",
    "logit(1 − x) = −logit(x), where 1 − x is exact, up to the errors that both are allowed; how "
    "often it does not hold to the bit is counted.",
    "logit",
)
def odd(subject):
    for dtype in wide_enough(subject):
        x, _, _ = subject.measurement(dtype)
        x = x[(x >= 0.5) & (x < 1)]
        y, mirrored = subject(x), subject(1 - x)
        apart = measure.ulp_error(-mirrored, y.astype(np.float64), dtype)
        differing = np.count_nonzero(apart)
        subject.records[f"not odd, {dtype.name}"] = f"{differing} of {x.size}"
        allowed = 2 * subject.bound(dtype)
        assert apart.max() <= allowed, (
            f"{apart.max():.4g} ULP between logit(1 - x) and -logit(x) at "
            f"{x[np.argmax(apart)]} ({dtype.name}, {differing} of {x.size} differ)"
        )


@requirement(
    "identity/monotone",
    "The results grow with the inputs, but for drops within the errors allowed, whose number and "
    "size are counted.",
    lambda f: f.increasing,
)
def monotone(subject):
    for dtype in subject.dtypes:
        x, exact, _ = subject.measurement(dtype)
        kept = ~(np.isnan(exact) | subject.subnormal(x, exact))
        number, deepest = measure.drops(x[kept], subject(x)[kept])
        subject.records[f"drops, {dtype.name}"] = f"{number}, the deepest {deepest:.3g} ULP"
        allowed = 2 * subject.bound(dtype)
        assert deepest <= allowed, (
            f"{number} drops, the deepest {deepest:.4g} ULP, {allowed} allowed ({dtype.name})"
        )


@requirement(
    "identity/round-trip",
    "A function of its inverse gives the number back, up to the errors allowed for both.",
    lambda f: bool(f.inverse),
)
def round_trip(subject):
    of = FUNCTIONS[subject.function]
    inverse = subject.sibling(of.inverse)
    if inverse is None:
        pytest.skip(f"the target has no {of.inverse}")
    for dtype in wide_enough(subject):
        x = inputs.structured(subject.function, dtype, subject.points)
        x = x[(x > of.back_from[0]) & (x < of.back_from[1])]
        slope = 1 / of.derivative.wide(x.astype(np.float64))  # of the inverse, at y
        y = subject(x)
        back = inverse(y)
        allowed = subject.bound(dtype) * slope * spacing(y, dtype)
        allowed += (inverse.bound(dtype) + 1) * spacing(x, dtype)
        error = np.abs(back.astype(np.float64) - x)
        wrong = ~(error <= allowed)
        assert not wrong.any(), (
            f"{back[wrong][0]} for {x[wrong][0]} ({dtype.name}, {wrong.sum()} of {x.size})"
        )


@requirement(
    "identity/even",
    "The log-Jacobians are even: about 0.5, where 1 − x is exact, and about 0, up to the errors "
    "that both are allowed.",
    "logit_log_jacobian expit_log_jacobian",
)
def even(subject):
    for dtype in wide_enough(subject):
        x, _, _ = subject.measurement(dtype)
        if subject.function == "logit_log_jacobian":
            x = x[(x >= 0.5) & (x < 1)]
            mirrored = 1 - x
        else:
            x = x[np.isfinite(x)]
            mirrored = -x
        apart = measure.ulp_error(subject(mirrored), subject(x).astype(np.float64), dtype)
        allowed = 2 * subject.bound(dtype)
        assert apart.max() <= allowed, (
            f"{apart.max():.4g} ULP between the mirror images of {x[np.argmax(apart)]} "
            f"({dtype.name})"
        )


@requirement(
    "identity/complement",
    "expit(x) + expit(−x) = 1 up to the errors allowed.",
    "expit",
)
def complement(subject):
    for dtype in wide_enough(subject):
        x = np.linspace(-40, 40, subject.points).astype(dtype)
        y, z = subject(x), subject(-x)
        error = np.abs(y.astype(np.float64) - 1 + z.astype(np.float64))
        allowed = subject.bound(dtype) * (spacing(y, dtype) + spacing(z, dtype))
        wrong = ~(error <= allowed + 2.0**-53)
        assert not wrong.any(), f"{y[wrong][0]} + {z[wrong][0]} at ±{x[wrong][0]} ({dtype.name})"


@requirement(
    "identity/exact-log",
    "exp(log_expit(x)) = expit(x) up to the errors allowed.",
    "log_expit",
)
def exact_log(subject):
    expit = subject.sibling("expit")
    if expit is None:
        pytest.skip("the target has no expit")
    dtype = dtype_of("float32")
    x = np.linspace(-80, 80, subject.points).astype(dtype)
    logs, y = subject(x), expit(x)
    allowed = subject.bound(dtype) * spacing(logs, dtype) * y + expit.bound(dtype) * spacing(
        y, dtype
    )
    error = np.abs(np.exp(logs.astype(np.float64)) - y)
    wrong = ~(error <= allowed)
    assert not wrong.any(), f"exp({logs[wrong][0]}), {y[wrong][0]} at {x[wrong][0]}"
