"""The clamp of logit."""

from functools import partial

import ml_dtypes
import numpy as np
import pytest

from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.backends import dtype_of
from arraylogit.testing.registry import (
    accepted,
    describe,
    identical,
    nowhere,
    refused,
    requirement,
    right,
)
from arraylogit.testing.requirements.special_values import same

OUTER = (-np.inf, -1.0, -0.0, 0.0, 1.0, 2.0, np.inf)


@requirement("eps/none", "Without eps, and with eps=None, nothing is clamped.", "logit", "eps")
def without_eps(subject):
    x = np.asarray([-0.25, 0.0, 0.25, 1.0, 1.25], np.float32)
    plain, none = subject(x), subject(x, eps=None)
    same(x[[0, 1, 3, 4]], plain[[0, 1, 3, 4]], np.float32([np.nan, -np.inf, np.inf, np.nan]), "")
    identical(none, plain)


@requirement(
    "eps/zero",
    "eps=0 clamps to [0, 1], in every dtype: −0.1 and −0.0 give −∞ and 1.1 gives +∞.",
    "logit",
    "eps cheap",
)
def zero(subject):
    for dtype in subject.dtypes:
        x = np.asarray([-np.inf, -0.1, -0.0, 0.0, 1.0, 1.1, np.inf], dtype)
        expected = np.asarray([-np.inf] * 4 + [np.inf] * 3, dtype)
        for eps in (0, 0.0, -0.0) if dtype == np.float32 else (0,):
            for where, y in subject.placed(x, eps=eps):
                same(x, y, expected, f"eps={eps!r} {dtype.name} {where}")


@requirement(
    "eps/bounds",
    "x, of either sign of zero, is clamped to [eps, 1 − eps], both rounded to the dtype computed "
    "in: in float32, eps=1e-6 gives [−13.8155, 13.8023] for [0, 1].",
    "logit",
    "eps",
)
def bounds(subject):
    cheap = "cheap" in subject.features
    tried = 1 if not cheap else 2 if subject.compiles else 5
    for dtype in subject.dtypes if cheap else [np.dtype(np.float32)]:
        x = np.asarray(OUTER, dtype)
        for eps in (1e-6, 0.5, 0.1, 1e-3, 0.25)[:tried]:
            expected = reference.rounded("logit", np.clip(x, -1, 2), eps=eps)
            y = subject(x, eps=eps)
            wrong = measure.ulp_error(y, expected, dtype) > subject.bound(dtype) + 0.5
            nowhere(wrong, y, x, expected, f"eps={eps} {dtype.name}")


def finite(subject, dtype):
    info = ml_dtypes.finfo(dtype)
    smallest = max(float(info.smallest_subnormal), 5e-324)
    tiny = [smallest, smallest / 2, float(info.eps) / 4, float(info.eps) / 8, 1e-3, 5e-324]
    for eps in [1e-3] if "cheap" not in subject.features else [e for e in tiny if e > 0]:
        for where, y in subject.placed(np.asarray(OUTER, dtype), eps=eps):
            wrong = ~np.isfinite(y)
            assert not wrong.any(), (
                f"{describe(y[wrong])} for {describe(np.asarray(OUTER)[wrong])} with eps={eps} "
                f"({where})"
            )


for name in ("float16", "bfloat16", "float32", "float64"):
    requirement(
        f"eps/finite-{name}",
        f"In {name}, a positive eps makes every result finite, but for NaN, however small it is.",
        "logit",
        f"eps {name}",
    )(partial(finite, dtype=dtype_of(name)))


@requirement("eps/nan", "NaN stays NaN, whatever eps is.", "logit", "eps cheap")
def nan(subject):
    for dtype in subject.dtypes:
        x = np.asarray([np.nan, np.nan, np.nan], dtype)
        for eps in (0, 1e-3, 0.5):
            for where, y in subject.placed(x, eps=eps):
                same(x, y, x, f"eps={eps} {dtype.name} {where}")


@requirement(
    "eps/inside",
    "Between the bounds, wherever they are, the result is that without eps, to the bit.",
    "logit",
    "eps cheap",
)
def inside(subject):
    for dtype in subject.dtypes:
        x = inputs.structured("logit", dtype, 2000)
        expected, wide = subject(x), x.astype(np.float64)
        for eps in (0.125, 0.1, 1e-9) if dtype == np.float32 else (0.1,):
            lower, upper = map(float, reference.bounds(eps, dtype))
            between = (wide > lower) & (wide < upper)
            y = subject(x, eps=eps)
            identical(y[between], expected[between], f"eps={eps} {dtype.name}")


@requirement(
    "eps/layout",
    "With any eps that is accepted, up to 1, the place in the array does not change the result.",
    "logit",
    "eps cheap",
)
def layout(subject):
    accepted(subject, eps=0.3)
    x = np.linspace(0, 1, 101, dtype=np.float32)
    for eps in (0.3, 0.5, 0.51, 0.75, 1.0):
        try:
            results = dict(subject.placed(x, eps=eps))
            if "views" in subject.features:
                columns = subject.backend.asarray(np.tile(x, (3, 1))).T[:, ::2]
                y = subject.backend.to_numpy(subject.transformed(eps=eps)(columns))
                results["in columns"] = y[:, 1]
        except (TypeError, ValueError):
            continue
        first = results.pop("alone")
        for where, y in results.items():
            np.testing.assert_allclose(y, first, rtol=1e-5, err_msg=f"eps={eps} {where}")


REFUSED = [
    *(-1e-9, -1e-12, -5e-324, -1, np.float32(-1e-45), -np.inf),
    # The first is 0.5 in float32.
    *(np.nextafter(0.5, 1), np.float32(0.50000006), 0.505, 0.51, 1, np.nan, np.inf),
    *("0.1", 0.1j, [0.1], (), object()),
]


@requirement(
    "eps/refused",
    "Negative, NaN, more than 0.5 (by however little), not a real number or not a scalar: "
    "TypeError or ValueError.",
    "logit",
    "eps cheap",
)
def refused_eps(subject):
    accepted(subject, eps=0.5)
    x = subject.backend.asarray(np.float32([0.25, 0.75]))
    for eps in REFUSED:
        refused(subject.call, x, eps=eps)


@requirement(
    "eps/number",
    "int, float, NumPy scalars and 0-d arrays of NumPy, given by name or as the second argument, "
    "are taken as the number that they hold at the time. They are not modified.",
    "logit",
    "eps cheap",
)
def kinds_of_number(subject):
    for dtype in (d for d in subject.dtypes if d.itemsize >= 4):
        values = np.asarray([0.0, 0.3, 0.9], dtype)
        for number in (0.25, 0.1, 0):
            for kind in (np.float32, np.float64, np.asarray, np.float16, np.longdouble):
                eps = kind(number)
                y = subject.through(subject.call, values, eps=eps)
                right(subject, y, values, repr(eps), eps=float(eps))
    y = subject.through(subject.call, values, eps=np.int8(0))
    right(subject, y, values, "int8", eps=0)
    y = subject.through(lambda x: subject.call.raw(x, 0.25), values)
    right(subject, y, values, "the second argument", eps=0.25)
    eps = np.asarray(0.0)
    for number in (0.1, 0.25):
        eps[...] = number
        y = subject.through(subject.call, values, eps=eps)
        assert eps == number, f"{number} has become {eps}"
        right(subject, y, values, "an array that has changed", eps=number)


@requirement(
    "eps/array",
    "A 0-d array of the library of the input is taken as the number it holds.",
    "logit",
    "eps cheap",
)
def array(subject):
    if "lazy" in subject.features:
        pytest.skip("a lazy array holds no number")
    values = np.float32([0.0, 0.3, 0.9])
    for eps in (np.float32(0.25), np.float32(0.1)):
        given = subject.backend.asarray(np.asarray(eps))
        y = subject.through(subject.call, values, eps=given)
        right(subject, y, values, repr(eps), eps=float(eps))
