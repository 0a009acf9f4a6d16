"""The same input gives the same bits, wherever it is."""

import numpy as np
import pytest

from arraylogit.testing import inputs, measure
from arraylogit.testing.registry import requirement


def count(subject, name, y, expected, x):
    """Record how many results differ, and assert that none does."""
    differing = (y != expected) & ~(np.isnan(y) & np.isnan(expected))
    subject.records[name] = f"{np.count_nonzero(differing)} of {x.size}"
    assert not differing.any(), (
        f"{np.count_nonzero(differing)} of {x.size} differ: {y[differing][0]} and "
        f"{expected[differing][0]} at {x[differing][0]} ({name})"
    )


def sample(subject, dtype, n=4000):
    return inputs.structured(subject.function, dtype, n)


@requirement("reproducible/repeated", "The same call gives the same bits.")
def test_repeated(subject):
    for dtype in subject.dtypes:
        x = sample(subject, dtype)
        count(subject, dtype.name, subject(x), subject(x), x)


@requirement(
    "reproducible/alone",
    "A number alone gives the bits that it gives in a long array.",
    needs="cheap",
)
def test_alone(subject):
    for dtype in subject.dtypes:
        x = sample(subject, dtype)
        chosen = x[:: max(1, x.size // 200)]
        alone = np.asarray([subject(np.asarray([value]))[0] for value in chosen])
        count(subject, dtype.name, alone, subject(x)[:: max(1, x.size // 200)], chosen)


@requirement(
    "reproducible/position",
    "A number gives the same bits at every position and in arrays of every length.",
    needs="cheap",
)
def test_position(subject):
    lengths = (17,) if "traces" in subject.features else (1, 2, 3, 7, 17, 31, 33)
    for dtype in subject.dtypes:
        x = sample(subject, dtype, 1000)
        expected = subject(x)
        for n in lengths:
            count(subject, f"{dtype.name}, {n} fewer", subject(x[n:]), expected[n:], x[n:])
        doubled = np.concatenate([x] * 40)
        y = subject(doubled)[-x.size :]
        count(subject, f"{dtype.name}, 40 times as long", y, expected, x)


@requirement(
    "reproducible/strided",
    "A strided array gives the bits of a contiguous one.",
    needs="views cheap",
)
def test_strided(subject):
    for dtype in subject.dtypes:
        x = sample(subject, dtype)
        view = subject.backend.asarray(np.repeat(x, 3))[::3]
        y = subject.backend.to_numpy(subject.transformed()(view))
        count(subject, dtype.name, y, subject(x), x)


@requirement(
    "reproducible/compiled",
    "Compiled and eager results differ by no more than the errors allowed; differing ones are "
    "counted.",
)
def test_compiled(subject):
    library, _, mode = subject.backend.name.rpartition(":")
    eager = {"compile": "eager", "jit": "eager"}.get(mode)
    eager = subject.on(f"{library}:{eager}") if eager else None
    if eager is None:
        pytest.skip("there is no other mode")
    for dtype in subject.dtypes:
        x, exact, _ = subject.measurement(dtype)
        y = subject(x)
        with eager:
            expected = eager(x)
        kept = ~(subject.subnormal(x, exact) | np.isnan(exact))
        apart = measure.ulp_error(y[kept], expected[kept].astype(np.float64), dtype)
        subject.records[f"unlike eager, {dtype.name}"] = f"{np.count_nonzero(apart)} of {x.size}"
        allowed = 2 * subject.bound(dtype) + 1
        assert apart.max() <= allowed, (
            f"{apart.max():.4g} ULP from eager at {x[kept][np.argmax(apart)]} ({dtype.name})"
        )
