"""The result has the library, device and shape of the input, in any layout of memory."""

from itertools import product

import numpy as np

from arraylogit.testing import reference
from arraylogit.testing.inputs import inside, typical
from arraylogit.testing.registry import close, identical, refused, requirement, right

SHAPES = ((), (0,), (0, 3), (1,), (7,), (2, 0, 3), (3, 4), (2, 1, 5), (2, 1, 2, 3), (2,) * 6)


def block(subject, dtype, *shape):
    """Return numbers that have results, in an array of a shape."""
    return typical(subject.function, dtype, 997)[np.arange(np.prod(shape)) % 997].reshape(shape)


@requirement("kinds/library", "The result is an array of the library of the input, where it is.")
def library(subject):
    y = subject.native(subject.lengthened(np.float32([0.25, 0.75])))
    assert subject.backend.is_array(y), f"{type(y).__name__} for {subject.backend}"


@requirement(
    "kinds/shape",
    "The shape is kept, of up to six axes: 0-d stays 0-d, empty stays empty; and each number has "
    "its result.",
    needs="cheap",
)
def same_shape(subject):
    for shape in SHAPES:
        x = np.resize(inside(subject.function, np.float32), shape)
        y = subject.native(x)
        assert tuple(y.shape) == shape, f"{tuple(y.shape)} for {shape}"
        values = subject.backend.to_numpy(y)
        assert values.shape == shape, f"{values.shape} for {shape}, computed"
        if x.size:
            right(subject, values, x, f"shape {shape}")


@requirement("kinds/chunks", "The chunks are kept, with eps too.", needs="chunks")
def chunks(subject):
    x = subject.backend.asarray(block(subject, np.float64, 3, 4, 5))
    for chosen in subject.options(0.3):
        found = subject.call(x, **chosen).chunks
        assert found == x.chunks, f"{found} for {x.chunks} {chosen or ''}"


@requirement(
    "kinds/layout",
    "Any order of axes, stride (negative ones and 0 too), order of bytes and alignment gives the "
    "values of a contiguous array, few or many, with eps too. No two elements of a result share "
    "memory.",
    needs="views cheap",
)
def layout(subject):
    few = [((3, 4, 5), chosen) for chosen in subject.options(0.3)]
    for dtype in subject.dtypes:
        for shape, chosen in [*few, ((30, 45, 50), {})]:
            values = block(subject, dtype, *shape)
            for name, x, held in subject.backend.layouts(values):
                result = subject.transformed(**chosen)(x)
                y = subject.backend.to_numpy(result)
                assert y.shape == held.shape, f"{y.shape}, not {held.shape} ({name})"
                where = f"{name} {dtype.name} {chosen or ''}"
                expected = subject(held.ravel(), **chosen)
                close(subject, y.ravel(), expected, held.ravel(), where)
                if "writable" in subject.features:
                    result[...] = result  # which raises where elements share their memory


@requirement(
    "kinds/order",
    "The result has the order of axes in memory that the input has, in every dtype.",
    needs="order cheap",
)
def order_of_axes(subject):
    for dtype in subject.dtypes:
        x = subject.backend.asarray(block(subject, dtype, 3, 4, 5))
        for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
            permuted = x.permute(order) if hasattr(x, "permute") else x.transpose(order)
            y = subject.call(permuted)
            found, given = _strides(y), _strides(permuted)
            assert found == given, f"{found} for {given} ({dtype.name})"


def _strides(x):
    steps = x.stride() if callable(getattr(x, "stride", None)) else x.strides
    return sorted(range(len(steps)), key=steps.__getitem__)


@requirement(
    "kinds/input-unmodified",
    "The input is never modified, in any dtype, of any length, with eps and out as well, not even "
    "the sign of a zero.",
)
def input_unmodified(subject):
    cheap = "cheap" in subject.features
    special = [0.0, -0.0, 0.25, 0.5, 0.75, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan]
    for dtype in subject.dtypes if cheap else [np.dtype(np.float32)]:
        for size in (11, 50_000) if cheap else (11,):
            values = subject.lengthened(np.resize(np.asarray(special, dtype), size))
            for chosen in subject.options(0.3, 0) if cheap else [{}]:
                x = subject.backend.asarray(values)
                subject.backend.to_numpy(subject.transformed(**chosen)(x))
                identical(subject.backend.to_numpy(x), values, f"{chosen or ''}")
                if {"out", "cheap", "writable"} <= subject.features:
                    subject.call(x, **chosen, out=subject.backend.asarray(values))
                    identical(subject.backend.to_numpy(x), values, f"out {chosen or ''}")


@requirement(
    "kinds/read-only",
    "A read-only array is as good as any other, with eps too.",
    needs="errstate",
)
def read_only(subject):
    x = typical(subject.function, np.float64, 5000)
    x.flags.writeable = False
    for chosen in subject.options(0.3):
        identical(subject.call(x, **chosen), subject(x, **chosen), f"{chosen or ''}")


@requirement(
    "kinds/scalar",
    "A Python number or NumPy scalar gives a NumPy scalar, as NumPy's functions do, with eps too.",
    needs="errstate",
)
def scalar(subject):
    x = float(inside(subject.function, np.float64)[1])
    values = (x, 1, True, np.float32(x), np.float16(x), np.float64(x))
    for value, chosen in product(values, subject.options(0.3)):
        y = subject.call(value, **chosen)
        dtype = np.asarray(value).dtype if isinstance(value, np.floating) else np.dtype(float)
        assert isinstance(y, np.generic), f"{type(y).__name__} for {value!r}"
        assert y.dtype == dtype, f"{y.dtype} for {value!r}"
        exact = reference.exact(subject.function, float(value), **chosen)
        if np.isfinite(float(exact)):
            where = f"{value!r} {chosen or ''}"
            right(subject, np.asarray(y), np.asarray(value, dtype), where, **chosen)


@requirement(
    "kinds/sequence",
    "Lists, tuples and nested ones, of integers too, go to NumPy, with eps too.",
    needs="errstate",
)
def sequence(subject):
    x = inside(subject.function, np.float64)
    values = (x.tolist(), tuple(x.tolist()), x.reshape(-1, 1).tolist(), [0, 1])
    for value, chosen in product(values, subject.options(0.3)):
        y = subject.call(value, **chosen)
        where = f"{type(value).__name__} {chosen or ''}"
        right(subject, np.asarray(y), np.asarray(value, np.float64), where, **chosen)


@requirement(
    "kinds/subclass",
    "NumPy's masked arrays stay masked, and have the results where they are not, with eps too.",
    needs="errstate",
)
def masked(subject):
    values = typical(subject.function, np.float64, 6)
    x = np.ma.masked_array(values, mask=[0, 1, 0, 0, 1, 0])
    for chosen in subject.options(0.3):
        y = subject.call(x, **chosen)
        assert isinstance(y, np.ma.MaskedArray), f"{type(y).__name__} {chosen or ''}"
        identical(y.mask, x.mask)
        right(subject, y.compressed(), x.compressed(), **chosen)


@requirement(
    "kinds/input-by-name", "The first argument may be given by its name, `input`.", needs="cheap"
)
def input_by_name(subject):
    values = inside(subject.function, np.float32)
    x = subject.backend.asarray(values)
    right(subject, subject.backend.to_numpy(subject.call.raw(input=x)), values)
    refused(subject.call.raw, x, input=x)
