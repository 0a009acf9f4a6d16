"""What comes back is what was passed: library, device, shape; and any layout will do."""

import numpy as np

from arraylogit.testing.registry import close, identical, refused, requirement

SHAPES = ((), (0,), (0, 3), (1,), (7,), (2, 0, 3), (3, 4), (2, 1, 5))
X = np.linspace(-0.75, 1.25, 60).reshape(3, 4, 5)


@requirement("kinds/library", "The result is an array of the library of the input, where it is.")
def test_library(subject):
    y = subject.native(np.float32([0.25, 0.75]))
    assert subject.backend.is_array(y), f"{type(y).__name__} for {subject.backend}"


@requirement("kinds/shape", "The shape is kept: 0-d stays 0-d, empty stays empty.", needs="cheap")
def test_shape(subject):
    for shape in SHAPES:
        y = subject.native(np.full(shape, 0.25, np.float32))
        assert tuple(y.shape) == shape, f"{tuple(y.shape)} for {shape}"
        values = subject.backend.to_numpy(y)
        assert values.shape == shape, f"{values.shape} for {shape}, computed"


@requirement("kinds/chunks", "The chunks are kept.", needs="chunks")
def test_chunks(subject):
    x = subject.backend.asarray(X)
    assert subject.call(x).chunks == x.chunks


@requirement(
    "kinds/layout",
    "Any order and stride of the memory gives the values of a contiguous array.",
    needs="views cheap",
)
def test_layout(subject):
    for dtype in subject.dtypes:
        values = X.astype(dtype)
        expected = subject(values)
        x = subject.backend.asarray(values)
        for name, index in {
            "every other": np.s_[:, ::2, 1::3],
            "one row": np.s_[1, ...],
            "one column": np.s_[..., 1],
        }.items():
            y = subject.backend.to_numpy(subject.transformed()(x[index]))
            same = expected[index].ravel()
            close(subject, y.ravel(), same, values[index].ravel(), f"{name} {dtype.name}")
        flat = subject.backend.asarray(values[0])
        y = subject.backend.to_numpy(subject.transformed()(flat.T))
        same = expected[0].T.ravel()
        close(subject, y.ravel(), same, values[0].T.ravel(), f"transposed {dtype.name}")


@requirement(
    "kinds/order",
    "The result has the order of axes in memory that the input has.",
    needs="order cheap",
)
def test_order(subject):
    x = subject.backend.asarray(X.astype(np.float32))
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        permuted = x.permute(order) if hasattr(x, "permute") else x.transpose(order)
        y = subject.call(permuted)
        assert _strides(y) == _strides(permuted), f"{_strides(y)} for {_strides(permuted)}"


def _strides(x):
    steps = x.stride() if callable(getattr(x, "stride", None)) else x.strides
    return sorted(range(len(steps)), key=steps.__getitem__)


@requirement("kinds/input-unmodified", "The input is never modified.")
def test_input_unmodified(subject):
    values = np.asarray([0.0, 0.25, 0.5, 0.75, 1.0, -1.0, np.nan] * 30, np.float32)
    options = [{}]
    if {"eps", "cheap"} <= subject.features:
        options.append({"eps": 0.3})
    for chosen in options:
        x = subject.backend.asarray(values)
        subject.transformed(**chosen)(x)
        identical(subject.backend.to_numpy(x), values)


@requirement("kinds/read-only", "A read-only array is as good as any other.", needs="errstate")
def test_read_only(subject):
    x = np.linspace(0.1, 0.9, 5000)
    expected = subject(x)
    x.flags.writeable = False
    identical(subject.call(x), expected)


@requirement(
    "kinds/scalar",
    "A Python number or NumPy scalar gives a NumPy scalar, as NumPy's functions do.",
    needs="errstate",
)
def test_scalar(subject):
    for value in (0.25, 1, True, np.float32(0.25), np.float16(0.25)):
        y = subject.call(value)
        dtype = np.asarray(value).dtype if isinstance(value, np.floating) else np.dtype(float)
        assert isinstance(y, np.generic), f"{type(y).__name__} for {value!r}"
        assert y.dtype == dtype, f"{y.dtype} for {value!r}"


@requirement("kinds/sequence", "Lists, tuples and nested ones go to NumPy.", needs="errstate")
def test_sequence(subject):
    for value in ([-0.5, -0.25], (-0.5, -0.25), [[-0.5], [-0.25]]):
        y = subject.call(value)
        identical(y, subject(np.asarray(value)))


@requirement("kinds/subclass", "NumPy's masked arrays stay masked.", needs="errstate")
def test_masked(subject):
    values = (
        np.linspace(-0.9, -0.1, 6) if subject.function != "logit" else np.linspace(0.1, 0.9, 6)
    )
    x = np.ma.masked_array(values, mask=[0, 1, 0, 0, 1, 0])
    y = subject.call(x)
    assert isinstance(y, np.ma.MaskedArray), type(y).__name__
    identical(y.mask, x.mask)
    identical(y.compressed(), subject(x.compressed()))


@requirement(
    "kinds/input-by-name", "The first argument may be given by its name, `input`.", needs="cheap"
)
def test_input_by_name(subject):
    x = subject.backend.asarray(np.float32([0.25]))
    y = subject.backend.to_numpy(subject.call.raw(input=x))
    identical(y, subject.backend.to_numpy(subject.call(x)))
    refused(subject.call.raw, x, input=x)
