"""The same input gives the same bits, wherever it is."""

import numpy as np
import pytest

from arraylogit.testing import inputs, measure
from arraylogit.testing.registry import identical, requirement, right, says_something
from arraylogit.testing.subject import LONG


def count(subject, name, y, expected, x):
    """Record how many results differ, and assert that none does."""
    says_something(expected, name)
    differing = (y != expected) & ~(np.isnan(y) & np.isnan(expected))
    subject.records[name] = f"{np.count_nonzero(differing)} of {x.size}"
    assert not differing.any(), (
        f"{np.count_nonzero(differing)} of {x.size} differ: {y[differing][0]} and "
        f"{expected[differing][0]} at {x[differing][0]} ({name})"
    )


def sample(subject, dtype, n=4000):
    return inputs.structured(subject.function, dtype, n)


MANY = (1 << 20) + 1001
BLOCKS = [(1 << power) + more for power in range(6, 17) for more in (-1, 0, 1)]
"""Lengths where a block, or the share of a thread, may end."""


def many(subject, x):
    """Return a long array of a few numbers, and the results that they have in a short one."""
    found = subject(x)
    return np.resize(x, MANY), np.resize(found, MANY)


@requirement(
    "reproducible/repeated",
    "The same call gives the same bits every time, the first time too: in each of a million "
    "results in float32, of eight million where that is fast.",
)
def repeated(subject):
    x, y = map(subject.backend.to_numpy, subject.first)
    identical(y, subject.through(subject.call, x), "the first call")
    for dtype in subject.dtypes:
        x = sample(subject, dtype)
        count(subject, dtype.name, subject(x), subject(x), x)
    if "cheap" in subject.features:
        long = np.resize(inputs.typical(subject.function, np.float32, 997), MANY)
        expected = subject(long)
        x = subject.backend.asarray(long)
        for _ in range(7 if subject.features & {"compile", "errstate"} else 1):
            y = subject.backend.to_numpy(subject.transformed()(x))
            count(subject, "float32, many", y, expected, long)


@requirement(
    "reproducible/changed",
    "When the numbers of an array change, or another array takes its place in memory, the results "
    "are those of the new numbers; earlier results stay what they were.",
    needs="cheap",
)
def changed(subject):
    arrays = [inputs.inside(subject.function, np.float32)]
    arrays += [np.roll(arrays[0], i) for i in range(1, arrays[0].size)]
    before = []
    for values in arrays:
        x = subject.backend.asarray(values)
        before.append(subject.call(x))
        right(subject, subject.backend.to_numpy(before[-1]), values, "another array")
        del x  # the next array may have its place
    for y, values in zip(before, arrays, strict=True):
        right(subject, subject.backend.to_numpy(y), values, "an earlier result")
    for dtype in subject.dtypes:
        values = inputs.typical(subject.function, dtype, LONG)
        first, second = map(subject.backend.asarray, (values, values[::-1]))
        y = subject.call(first)
        expected = np.array(subject.backend.to_numpy(y))
        subject.call(second)
        identical(subject.backend.to_numpy(y), expected, f"an earlier result in {dtype.name}")
    if "writable" in subject.features:
        x = subject.backend.asarray(arrays[0])
        first = subject.call(x)
        for values in arrays:
            x[...] = subject.backend.asarray(values)
            y = subject.backend.to_numpy(subject.call(x))
            right(subject, y, values, "the array changed")
        identical(subject.backend.to_numpy(first), subject(arrays[0]), "an earlier result")


@requirement(
    "reproducible/alone",
    "A number alone, in an array of one axis or none, gives the bits that it gives in a long one.",
    needs="cheap",
)
def one_alone(subject):
    numbers = 50 if "lazy" in subject.features else 200
    for dtype in subject.dtypes:
        x = sample(subject, dtype)
        step = x.size // numbers
        chosen = x[::step]
        each = [np.full((1,) if i % 2 else (), value) for i, value in enumerate(chosen)]
        alone = np.asarray([subject(one).ravel()[0] for one in each])
        count(subject, dtype.name, alone, subject(x)[::step], chosen)


@requirement(
    "reproducible/position",
    "A number gives the same bits at every position and in arrays of every length, next to powers "
    "of two and beyond 2²⁰ elements as well.",
    needs="cheap",
)
def position(subject):
    lengths = (17,) if subject.compiles else (1, 2, 3, 7, 17, 31, 33)
    for dtype in subject.kinds:
        x = sample(subject, dtype, 1000)
        expected = subject(x)
        for n in lengths:
            y = subject.backend.to_numpy(subject.native(x[n:]))  # of that length everywhere
            count(subject, f"{dtype.name}, {n} fewer", y, expected[n:], x[n:])
        for n in BLOCKS if dtype == np.float32 and not subject.compiles else ():
            y = subject(np.resize(x, n))
            count(subject, "float32, a few", y, np.resize(expected, n), np.resize(x, n))
        doubled = np.concatenate([x] * 40)
        y = subject(doubled)[-x.size :]
        count(subject, f"{dtype.name}, 40 times as long", y, expected, x)
        if not subject.compiles or dtype == np.float32:
            long, expected = many(subject, x[:997])
            count(subject, f"{dtype.name}, many", subject(long), expected, long)


@requirement(
    "reproducible/strided",
    "A strided array gives the bits of a contiguous one.",
    needs="views cheap",
)
def strided(subject):
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
def compiled(subject):
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
