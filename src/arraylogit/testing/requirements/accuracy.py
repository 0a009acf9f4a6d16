"""Errors against the exact value, over the whole domain."""

from functools import partial

import numpy as np
import pytest

from arraylogit.testing import measure, records
from arraylogit.testing.backends import dtype_of
from arraylogit.testing.registry import requirement
from arraylogit.testing.subject import Subject, dense


def measure_errors(subject: Subject, dtype: np.dtype, mode: str | None = None) -> None:
    """Record the errors of the values, or of a derivative; assert that they are in bounds."""
    kind = "value" if mode is None else "derivative"
    x, exact, coverage = subject.measurement(dtype, derivative=mode is not None)
    if mode is None and dtype.itemsize >= 4:
        more = dense(subject.function, dtype, subject.points * 7 // 2)
        x, exact = (np.concatenate(parts) for parts in zip((x, exact), more, strict=True))
    y = subject(x) if mode is None else subject.derivative(x, mode=mode)
    name = subject.function + ("" if mode is None else "_derivative")
    lost = subject.subnormal(x, exact)
    error = measure.ulp_error(y, exact, dtype)
    summary = measure.summarise(name, x, y, exact, dtype, coverage, lost, error)
    bound = subject.bound(dtype, kind)
    points = None if mode else (x[~lost], error[~lost])
    records.errors(subject, summary, bound, mode, points)
    assert summary.overall.max <= bound, say(summary, bound)


def say(summary, bound):
    """Return the largest error in words."""
    worst = summary.overall
    return (
        f"{worst.max:.4g} ULP, {bound} allowed, {summary.region}: at {worst.witness.input} "
        f"({worst.witness.input_hex}) {worst.witness.output}, exactly {worst.witness.reference}"
    )


for name in ("float16", "bfloat16"):
    requirement(
        f"accuracy/{name}",
        f"Every {name} gives the exact value rounded once: the error is at most 0.51 ULP.",
        needs=name,
    )(partial(measure_errors, dtype=dtype_of(name)))


@requirement(
    "accuracy/float32",
    "The error in float32 is at most 0.501 ULP where float64 is affordable, and 2 ULP elsewhere "
    "(`budgets.toml`), next to 0.5, 0 and 1 as well, and on a line of steps of 3e-6 in [0, 1].",
    needs="float32",
)
def float32(subject):
    if subject.sweep is None:
        measure_errors(subject, dtype_of("float32"))
        return
    result = subject.sweep(subject)
    bound = subject.bound(dtype_of("float32"))
    records.errors(subject, result.summary, bound)
    assert result.summary.overall.max <= bound, say(result.summary, bound)


@requirement(
    "accuracy/float64",
    "The error in float64 is at most 2 ULP (`budgets.toml`), over the whole domain, and on a line "
    "of steps of 3e-6 in [0, 1].",
    needs="float64",
)
def float64(subject):
    measure_errors(subject, dtype_of("float64"))


@requirement(
    "accuracy/agreement",
    "The results in float32 differ from those of the same function on NumPy by at most the errors "
    "that both are allowed.",
    needs="float32",
)
def agreement(subject):
    records.values(subject)
    on_numpy = subject.on("numpy")
    if on_numpy is None:
        pytest.skip("the target does not run on NumPy")
    dtype = dtype_of("float32")
    x, exact, _ = subject.measurement(dtype)
    with on_numpy:
        expected = on_numpy(x)
    y = subject(x)
    kept = ~subject.subnormal(x, exact)
    x, y, expected = x[kept], y[kept], expected[kept]
    apart = measure.ulp_error(y, expected.astype(np.float64), dtype)
    worst = np.argmax(apart)
    allowed = subject.bound(dtype) + on_numpy.bound(dtype) + 1
    assert apart[worst] <= allowed, (
        f"{apart[worst]:.4g} ULP apart, {allowed} allowed: {y[worst]} at {x[worst]}, "
        f"{expected[worst]} on NumPy"
    )
