"""What is computed: documented examples, special values, dtypes, on every library."""

import numpy as np
import pytest

import arraylogit
from arraylogit import expit, logit
from tests.libraries import HALVES, numpy_dtype

INF, NAN = np.inf, np.nan

SPECIAL = [
    (logit, 0.0, -INF),
    (logit, -0.0, -INF),
    (logit, 1.0, INF),
    (logit, 0.5, 0.0),
    (logit, -1e-3, NAN),
    (logit, -INF, NAN),
    (logit, 1.5, NAN),
    (logit, 2.0, NAN),
    (logit, INF, NAN),
    (logit, NAN, NAN),
    (expit, -INF, 0.0),
    (expit, INF, 1.0),
    (expit, 0.0, 0.5),
    (expit, -0.0, 0.5),
    (expit, NAN, NAN),
    (expit, 1e4, 1.0),
    (expit, -1e4, 0.0),
]


def test_special_holds_the_same_functions():
    assert arraylogit.special.logit is logit
    assert arraylogit.special.expit is expit


def test_documented_examples(library):
    x = library.asarray([0.2, 0.5, 0.8], library.dtypes[-1])
    y = logit(x)
    np.testing.assert_array_equal(library.numpy(y).astype(float).round(4), [-1.3863, 0.0, 1.3863])
    np.testing.assert_allclose(library.numpy(expit(y)), [0.2, 0.5, 0.8], rtol=1e-6)

    x = library.asarray([0.0, 1.0], "float32")
    np.testing.assert_array_equal(library.numpy(logit(x)), [-INF, INF])
    clamped = library.numpy(logit(x, eps=1e-6)).astype(float).round(4)
    np.testing.assert_array_equal(clamped, [-13.8155, 13.8023])


@pytest.mark.parametrize("size", [1, 100_003], ids=["alone", "in a long array"])
@pytest.mark.parametrize("function", [logit, expit], ids=["logit", "expit"])
def test_special_values(library, function, size):
    rows = [(x, y) for f, x, y in SPECIAL if f is function]
    for dtype in library.dtypes:
        for x, expected in rows:
            y = library.numpy(function(library.asarray(np.full(size, x), dtype)))
            assert library.dtype_name(y) == dtype
            y = np.unique(y.astype(np.float64))
            np.testing.assert_array_equal(y, [expected], err_msg=f"{dtype} {x}")
            if expected == 0:
                assert not np.signbit(y).any()


def test_subnormals(library):
    for dtype in set(library.dtypes) & {"float32", "float64"}:
        smallest = float(np.finfo(dtype).smallest_subnormal)
        y = library.numpy(logit(library.asarray([smallest], dtype)))
        exact = -INF if library.flushes_subnormals else np.log(smallest)
        np.testing.assert_allclose(y, [exact], rtol=1e-7)
        deepest = {"float32": -103.97, "float64": -745.13}[dtype]
        y = library.numpy(expit(library.asarray([deepest], dtype)))
        assert y == (0 if library.flushes_subnormals else smallest)


@pytest.mark.parametrize("function", [logit, expit])
def test_silence(library, function):
    # Warnings are errors in these tests; here NumPy's are raised as well.
    x = library.asarray([0.0, 1.0, -1.0, 2.0, 1e4, -1e4, INF, -INF, NAN, 1e-40], "float32")
    with np.errstate(all="raise"):
        y = function(x)
        assert np.isnan(library.numpy(y)[-2])


DTYPES = [
    ("bool", "default"),
    ("int8", "default"),
    ("uint8", "default"),
    ("int32", "default"),
    ("float16", "float16"),
    ("bfloat16", "bfloat16"),
    ("float32", "float32"),
    ("float64", "float64"),
]


@pytest.mark.parametrize(("dtype", "result"), DTYPES)
@pytest.mark.parametrize("function", [logit, expit])
def test_dtypes(library, function, dtype, result):
    if dtype in (*HALVES, "float64") and dtype not in library.dtypes:
        pytest.skip(f"the library has no {dtype}")
    y = function(library.asarray([0, 1], dtype))
    assert library.dtype_name(y) == (library.default if result == "default" else result)
    expected = [-INF, INF] if function is logit else [0.5, 1 / (1 + np.exp(-1.0))]
    np.testing.assert_allclose(library.numpy(y).astype(float), expected, rtol=4e-3)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 0, 3), (3, 4), (2, 1, 5)])
def test_shape_and_kind_are_kept(library, shape):
    x = library.asarray(np.full(shape, 0.75), "float32")
    for y in (logit(x), logit(x, eps=0.1), expit(x)):
        assert type(y) is type(x)
        assert tuple(y.shape) == shape
        assert getattr(y, "device", None) == getattr(x, "device", None)
        assert library.numpy(y).shape == shape


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_rounded_once(library, dtype):
    """Every 16-bit value, against a reference that is exact to far beyond them."""
    if dtype not in library.dtypes:
        pytest.skip(f"the library has no {dtype}")
    every = np.arange(2**16, dtype=np.uint16).view(numpy_dtype(dtype))
    with np.errstate(all="ignore"):
        x = every.astype(np.float64)
        references = {logit: np.log(x) - np.log1p(-x), expit: 1 / (1 + np.exp(-x))}
    info = _finfo(dtype)
    for function, reference in references.items():
        with np.errstate(all="ignore"):
            y = library.numpy(function(library.asarray(every, dtype))).astype(np.float64)
        if library.flushes_subnormals:
            flushed = (np.abs(x) > 0) & (np.abs(x) < 2.0**-126) | (np.abs(reference) < info[1])
            y, reference = y[~flushed], reference[~flushed]
        np.testing.assert_array_equal(np.isnan(y), np.isnan(reference))
        finite = np.isfinite(reference)
        np.testing.assert_array_equal(y[~finite], reference[~finite])
        y, reference = y[finite], reference[finite]
        exponent = np.floor(np.log2(np.maximum(np.abs(reference), info[1])))
        error = np.abs(y - reference) / np.exp2(exponent) / info[0]
        assert error.max() <= 0.51


def _finfo(dtype):
    import ml_dtypes

    info = ml_dtypes.finfo(numpy_dtype(dtype))
    return float(info.eps), float(info.smallest_normal)
