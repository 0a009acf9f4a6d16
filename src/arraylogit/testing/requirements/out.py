"""`out`: written in place, or refused before anything is written."""

import numpy as np

from arraylogit.testing import backends
from arraylogit.testing.inputs import inside, typical
from arraylogit.testing.registry import accepted, identical, refused, requirement

SPECIAL = [0.0, -0.0, 0.5, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan]
LARGE = 100_003
"""Elements that are computed in several blocks, or by several threads."""


def to_numpy(subject, y):
    return subject.backend.to_numpy(y)


def numbers(subject, dtype=np.float32, size=None):
    """Return numbers inside the domain, and those of which the results are special."""
    few = np.concatenate([inside(subject.function, np.float64), SPECIAL]).astype(dtype)
    return few if size is None else np.resize(few, size)


def sevens(like, dtype=None):
    return np.full(np.shape(like), 7, like.dtype if dtype is None else dtype)


def refused_untouched(subject, before, *arguments, **options):
    """Assert that a call is refused, with an out that stays as it was."""
    out = subject.backend.asarray(before)
    refused(subject.call, *arguments, out=out, **options)
    identical(to_numpy(subject, out), before)


@requirement(
    "out/written",
    "out is written in place and returned, the same object, with special values and the signs of "
    "zeros; of few elements or many, one in 0-d or none; with eps as well.",
    needs="out writable",
)
def written_in_place(subject):
    for dtype in subject.dtypes:
        for size in (None, LARGE, (), (0,)):
            x = numbers(subject, dtype, size)
            for chosen in subject.options(0, 0.3):
                out = subject.backend.asarray(sevens(x))
                y = subject.call(subject.backend.asarray(x), out=out, **chosen)
                assert y is out, "another object is returned"
                where = f"{dtype.name} {chosen or ''}"
                identical(to_numpy(subject, out), subject(x, **chosen), where)


@requirement("out/input", "out may be the input, with eps too.", needs="out writable")
def out_is_input(subject):
    for dtype in subject.dtypes:
        for size in (None, LARGE):
            values = numbers(subject, dtype, size)
            for chosen in subject.options(0.3):
                x = subject.backend.asarray(values)
                subject.call(x, out=x, **chosen)
                where = f"{dtype.name} {chosen or ''}"
                identical(to_numpy(subject, x), subject(values, **chosen), where)


@requirement(
    "out/cast",
    "out may have any dtype that the result can be cast to (`same_kind`), and no other; it holds "
    "the result rounded to the dtype of the input first.",
    needs="out writable",
)
def cast(subject):
    accepted(subject)
    for size in (None, LARGE):
        for given in subject.dtypes:
            x = numbers(subject, given, size)
            expected = subject(x)
            for dtype in subject.dtypes:
                if {given.name, dtype.name} == {"float16", "bfloat16"}:
                    continue  # the libraries do not agree on whether that is a cast
                out = subject.backend.asarray(sevens(x, dtype))
                subject.call(subject.backend.asarray(x), out=out)
                where = f"{given.name} to {dtype.name}"
                identical(to_numpy(subject, out), expected.astype(dtype), where)
        x = numbers(subject, size=size)
        for dtype in ("int32", "bool"):
            refused_untouched(subject, sevens(x, dtype), subject.backend.asarray(x))


@requirement(
    "out/strided",
    "out may be a view, in any order of axes and of bytes, with any strides and alignment: its "
    "own elements are written, the others of its memory are not.",
    needs="out views",
)
def strided(subject):
    for dtype in subject.dtypes:
        values = numbers(subject, dtype, LARGE)
        memory = subject.backend.asarray(np.full(2 * values.size, 7, dtype))
        subject.call(subject.backend.asarray(values), out=memory[::2])
        written = to_numpy(subject, memory)
        identical(written[::2], subject(values), dtype.name)
        assert (written[1::2] == 7).all(), "elements between those of out were written"
        square = numbers(subject, dtype, 300 * 200).reshape(300, 200)
        out = subject.backend.asarray(np.full((200, 300), 7, dtype))
        subject.call(subject.backend.asarray(square), out=out.T)
        identical(to_numpy(subject, out).T, subject(square), f"transposed {dtype.name}")
        for name, out, held in subject.backend.layouts(
            np.arange(60, dtype=dtype).reshape(3, 4, 5)
        ):
            if np.unique(held).size == held.size:  # not one that repeats an element
                x = np.resize(numbers(subject, dtype), held.shape)
                subject.call(subject.backend.asarray(x), out=out)
                written = to_numpy(subject, out).astype(dtype)
                identical(written, subject(x), f"{name} {dtype.name}")


@requirement(
    "out/overlap",
    "An out that shares a part of its memory with the input, in whichever direction or order of "
    "axes, holds the right result, or is refused.",
    needs="out views",
)
def overlap(subject):
    accepted(subject)
    narrow = [(np.float32, *where) for where in ((100, 1), (100_000, 1), (100_000, 40_000))]
    others = [(dtype, 100_000, 1) for dtype in subject.dtypes if dtype != np.float32]
    for dtype, size, shift in narrow + others:
        values = np.resize(typical(subject.function, dtype, 1009), size + shift)
        first, last = np.s_[0:size], np.s_[shift:]
        pairs = [(first, last), (last, first)]
        # In float64, NumPy's own functions give other bits for a negative stride.
        if "backwards" in subject.features and dtype != np.float64:
            pairs += [(first, np.s_[size - 1 :: -1]), (np.s_[size - 1 :: -1], first)]
        for source, destination in pairs:
            memory = subject.backend.asarray(values)
            try:
                subject.call(memory[source], out=memory[destination])
            except (TypeError, ValueError, RuntimeError):
                continue
            identical(to_numpy(subject, memory[destination]), subject(values[source]))
    square = typical(subject.function, np.float32, 90_000).reshape(300, 300)
    memory = subject.backend.asarray(square)
    try:
        subject.call(memory, out=memory.T)
    except (TypeError, ValueError, RuntimeError):
        return
    identical(to_numpy(subject, memory).T, subject(square), "transposed")


@requirement(
    "out/wrong-shape",
    "An out of another shape is a ValueError or RuntimeError, and keeps its shape and values.",
    needs="out writable",
)
def wrong_shape(subject):
    accepted(subject)
    x = inside(subject.function, np.float32)[:4]
    few = [((4,), shape) for shape in ((3,), (5,), (2, 2), (4, 1), (1, 4), (), (0,))]
    for given, shape in [*few, ((LARGE,), (LARGE + 1,)), ((1, LARGE), (2, LARGE))]:
        before = np.full(shape, 7, np.float32)
        refused_untouched(subject, before, subject.backend.asarray(np.resize(x, given)))


@requirement(
    "out/refused-untouched",
    "After an error, of whatever argument, complex input among them, out is as it was, few "
    "elements or many.",
    needs="out writable",
)
def after_an_error(subject):
    accepted(subject)
    for size in (None, LARGE):
        values = numbers(subject, size=size)
        x = subject.backend.asarray(values)
        bad = [((["a"],), {}), (([1, [2]],), {}), ((np.asarray(["x"]),), {})]
        if "cheap" in subject.features:
            # A real out cannot hold the results, where there are any.
            bad.append(((subject.backend.asarray(values.astype(np.complex64)),), {}))
        if "eps" in subject.features:
            bad += [((x,), {"eps": eps}) for eps in (-1, 0.6, np.nan, "a", [0.1, 0.2])]
        for arguments, options in bad:
            refused_untouched(subject, sevens(values), *arguments, **options)


@requirement(
    "out/immutable",
    "Where arrays cannot be written to, immutable or lazy, an out is an error.",
    needs="out immutable",
)
def immutable(subject):
    accepted(subject)
    x = inside(subject.function, np.float32)
    out = subject.backend.asarray(sevens(x))
    refused(subject.call, subject.backend.asarray(x), out=out)


@requirement(
    "out/read-only", "A read-only out is a TypeError or ValueError.", needs="out errstate"
)
def read_only(subject):
    accepted(subject)
    for x in (numbers(subject), numbers(subject, size=LARGE)):
        out = sevens(x)
        out.flags.writeable = False
        refused(subject.call, x, out=out)
        identical(out, sevens(x))


@requirement(
    "out/other-library",
    "An out that is no array of the library of the input, but of another one, a list or a number, "
    "is an error.",
    needs="out",
)
def other_library(subject):
    accepted(subject)
    values = inside(subject.function, np.float32)
    x = subject.backend.asarray(values)
    for out in ([0.0] * values.size, "out", np.float32(0)):
        refused(subject.call, x, out=out)
    for other in backends.others(subject.backend):
        with other:
            out = other.asarray(sevens(values))
            refused(subject.call, x, out=out)
            identical(other.to_numpy(out), sevens(values), other.name)


@requirement(
    "out/gradient",
    "An out with an input that needs a gradient is an error, as out is not differentiated.",
    needs="out derivative writable",
)
def gradient(subject):
    accepted(subject)
    values = inside(subject.function, np.float32)
    x = subject.backend.asarray(values)
    x.requires_grad_()
    refused(subject.call, x, out=subject.backend.asarray(sevens(values)))
