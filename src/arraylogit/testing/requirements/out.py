"""`out`: written in place, or refused before anything is written."""

import numpy as np

from arraylogit.testing.registry import identical, refused, requirement

X = np.float32([-0.5, 0.25, 0.5, 0.75])
SEVEN = np.full(4, 7, np.float32)


def to_numpy(subject, y):
    return subject.backend.to_numpy(y)


@requirement(
    "out/written", "out is written in place and returned, the same object.", needs="out writable"
)
def test_written(subject):
    for dtype in subject.dtypes:
        x = np.tile(X.astype(dtype), 1000)
        out = subject.backend.asarray(np.full(x.shape, 7, dtype))
        y = subject.call(subject.backend.asarray(x), out=out)
        assert y is out, "another object is returned"
        identical(to_numpy(subject, out), subject(x).astype(dtype))


@requirement("out/input", "out may be the input.", needs="out writable")
def test_input(subject):
    for n in (1, 30_000):
        values = np.tile(X, n)
        x = subject.backend.asarray(values)
        subject.call(x, out=x)
        identical(to_numpy(subject, x), subject(values))


@requirement(
    "out/cast",
    "out may have any dtype that the result can be cast to (`same_kind`), and no other.",
    needs="out writable",
)
def test_cast(subject):
    for dtype in subject.dtypes:
        out = subject.backend.asarray(SEVEN.astype(dtype))
        subject.call(subject.backend.asarray(X), out=out)
        identical(to_numpy(subject, out), subject(X).astype(dtype))
    for dtype in ("int32", "bool"):
        before = SEVEN.astype(dtype)
        out = subject.backend.asarray(before)
        refused(subject.call, subject.backend.asarray(X), out=out)
        identical(to_numpy(subject, out), before)


@requirement(
    "out/strided",
    "out may be a view: its own elements are written, the others of its memory are not.",
    needs="out views",
)
def test_strided(subject):
    values = np.tile(X, 10_000)
    memory = subject.backend.asarray(np.full(2 * values.size, 7, np.float32))
    subject.call(subject.backend.asarray(values), out=memory[::2])
    written = to_numpy(subject, memory)
    identical(written[::2], subject(values))
    assert (written[1::2] == 7).all(), "elements between those of out were written"


@requirement(
    "out/overlap",
    "An out that shares a part of its memory with the input holds the right result, or is "
    "refused.",
    needs="out views",
)
def test_overlap(subject):
    for size, shift in ((100, 1), (100_000, 1), (100_000, 40_000)):
        values = np.resize(np.linspace(0, 1, 1009, dtype=np.float32), size + shift)
        first, last = slice(0, size), slice(shift, None)
        for source, destination in ((first, last), (last, first)):
            memory = subject.backend.asarray(values)
            try:
                subject.call(memory[source], out=memory[destination])
            except (TypeError, ValueError, RuntimeError):
                continue
            identical(to_numpy(subject, memory[destination]), subject(values[source]))


@requirement(
    "out/wrong-shape",
    "An out of another shape is a ValueError or RuntimeError, and keeps its shape and values.",
    needs="out writable",
)
def test_wrong_shape(subject):
    for shape in ((3,), (5,), (2, 2), (4, 1), (1, 4), (), (0,)):
        before = np.full(shape, 7, np.float32)
        out = subject.backend.asarray(before)
        refused(subject.call, subject.backend.asarray(X), out=out)
        identical(to_numpy(subject, out), before)


@requirement(
    "out/refused-untouched",
    "After an error, of whatever argument, out is as it was.",
    needs="out writable",
)
def test_refused_untouched(subject):
    bad = [((["a"],), {}), (([1, [2]],), {}), ((np.asarray(["x"]),), {})]
    if "eps" in subject.features:
        x = subject.backend.asarray(X)
        bad += [((x,), {"eps": eps}) for eps in (-1, 0.6, np.nan, "a", [0.1, 0.2])]
    for arguments, options in bad:
        out = subject.backend.asarray(SEVEN)
        refused(subject.call, *arguments, out=out, **options)
        identical(to_numpy(subject, out), SEVEN)


@requirement(
    "out/immutable",
    "Where arrays cannot be written to, immutable or lazy, an out is an error.",
    needs="out immutable",
)
def test_immutable(subject):
    out = subject.backend.asarray(SEVEN)
    refused(subject.call, subject.backend.asarray(X), out=out)


@requirement(
    "out/read-only", "A read-only out is a TypeError or ValueError.", needs="out errstate"
)
def test_read_only(subject):
    out = SEVEN.copy()
    out.flags.writeable = False
    refused(subject.call, X, out=out)
    identical(out, SEVEN)


@requirement(
    "out/other-library",
    "An out that is no array of the library of the input is an error.",
    needs="out",
)
def test_other_library(subject):
    x = subject.backend.asarray(X)
    others = [[0.0] * 4, "out", np.float32(0)]
    if subject.backend.name != "numpy":
        others.append(SEVEN.copy())
    for out in others:
        refused(subject.call, x, out=out)


@requirement(
    "out/gradient",
    "An out with an input that needs a gradient is an error, as out is not differentiated.",
    needs="out derivative writable",
)
def test_gradient(subject):
    x = subject.backend.asarray(X)
    x.requires_grad_()
    refused(subject.call, x, out=subject.backend.asarray(SEVEN))
