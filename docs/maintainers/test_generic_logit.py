# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the arraylogit developers.
"""Tests to take along with generic_logit.py: pytest, NumPy, mpmath, and your libraries."""

import mpmath
import numpy as np
import pytest
from generic_logit import expit, log_expit, logit

NAMESPACES = ["numpy", "torch", "jax.numpy", "array_api_strict"]


@pytest.fixture(params=NAMESPACES)
def xp(request):
    return pytest.importorskip(request.param)


def evaluate(f, x, xp):
    with np.errstate(all="ignore"):
        return np.asarray(f(xp.asarray(x, dtype=xp.float32), xp))


def exact(name, x):
    x = mpmath.mpf(float(x))
    if name == "logit":
        return mpmath.log(x / (1 - x))
    y = 1 / (1 + mpmath.exp(-x))
    return y if name == "expit" else mpmath.log(y)


# Next to 0.5, 0 and 1, where other formulas fail.
STEPS = 2.0 ** -np.arange(2, 26)
P = np.concatenate([0.5 - STEPS, 0.5 + STEPS[:-1], STEPS**4, 1 - STEPS[:-1]]).astype(np.float32)
Z = np.concatenate([np.linspace(-80, 80, 321), STEPS, -STEPS]).astype(np.float32)


@pytest.mark.parametrize(("f", "x"), [(logit, P), (expit, Z), (log_expit, Z)])
def test_accuracy(f, x, xp):
    with mpmath.workprec(200):
        reference = [exact(f.__name__, v) for v in x]
        ulps = [np.spacing(abs(np.float32(float(r))) + np.float32(1e-37)) for r in reference]
        errors = [
            abs(mpmath.mpf(float(y)) - r) / float(ulp)
            for y, r, ulp in zip(evaluate(f, x, xp), reference, ulps, strict=True)
        ]
    assert max(errors) < 4  # log(x/(1 - x)): 4194304


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (logit, [0, -0.0, 0.5, 1, -0.1, 1.1], [-np.inf, -np.inf, 0, np.inf, np.nan, np.nan]),
        (expit, [-np.inf, 0, np.inf, np.nan, 200], [0, 0.5, 1, np.nan, 1]),
        (log_expit, [-np.inf, np.inf, np.nan, -200], [-np.inf, 0, np.nan, -200]),
    ],
)
def test_special_values(f, x, expected, xp):
    np.testing.assert_array_equal(evaluate(f, x, xp), expected)


def test_logit_is_odd(xp):
    x = np.linspace(0.5, 1, 1001, dtype=np.float32)
    np.testing.assert_allclose(
        evaluate(logit, 1 - x, xp), -evaluate(logit, x, xp), rtol=2.0**-22, atol=0
    )
