"""What is computed: documented examples, special values, dtypes, on every library."""

import numpy as np
import pytest

import arraylogit
from arraylogit import (
    expit,
    expit_log_jacobian,
    log_expit,
    logit,
    logit_exp,
    logit_log_jacobian,
)
from arraylogit.testing import reference
from arraylogit.testing.backends import dtype_of
from tests.functions import FUNCTIONS, each_function

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
    (log_expit, -INF, -INF),
    (log_expit, INF, -0.0),
    (log_expit, NAN, NAN),
    (log_expit, 1e4, -0.0),
    (log_expit, -8192.0, -8192.0),
    (logit_exp, -INF, -INF),
    (logit_exp, -8192.0, -8192.0),
    (logit_exp, 0.0, INF),
    (logit_exp, -0.0, INF),
    (logit_exp, 1e-3, NAN),
    (logit_exp, 1e4, NAN),
    (logit_exp, INF, NAN),
    (logit_exp, NAN, NAN),
    (logit_log_jacobian, 0.0, INF),
    (logit_log_jacobian, -0.0, INF),
    (logit_log_jacobian, 1.0, INF),
    (logit_log_jacobian, -1e-3, NAN),
    (logit_log_jacobian, 1.5, NAN),
    (logit_log_jacobian, -INF, NAN),
    (logit_log_jacobian, INF, NAN),
    (logit_log_jacobian, NAN, NAN),
    (expit_log_jacobian, -INF, -INF),
    (expit_log_jacobian, INF, -INF),
    (expit_log_jacobian, 8192.0, -8192.0),
    (expit_log_jacobian, -8192.0, -8192.0),
    (expit_log_jacobian, NAN, NAN),
]


def test_special_holds_the_same_functions():
    for function in FUNCTIONS:
        assert getattr(arraylogit, function.__name__) is function
    assert set(arraylogit.__all__) == {
        *arraylogit.special.__all__,
        "num_threads",
        "special",
        "__version__",
    }


def test_documented_examples(library):
    x = library.array([0.2, 0.5, 0.8], library.dtypes[-1])
    y = logit(x)
    np.testing.assert_array_equal(
        library.to_numpy(y).astype(float).round(4), [-1.3863, 0.0, 1.3863]
    )
    np.testing.assert_allclose(library.to_numpy(expit(y)), [0.2, 0.5, 0.8], rtol=1e-6)

    x = library.array([0.0, 1.0], "float32")
    np.testing.assert_array_equal(library.to_numpy(logit(x)), [-INF, INF])
    clamped = library.to_numpy(logit(x, eps=1e-6)).astype(float).round(4)
    np.testing.assert_array_equal(clamped, [-13.8155, 13.8023])


@pytest.mark.parametrize("size", [1, 100_003], ids=["alone", "in a long array"])
@each_function
def test_special_values(library, function, size):
    rows = [(x, y) for f, x, y in SPECIAL if f is function]
    for dtype in library.dtypes:
        for x, expected in rows:
            y = library.to_numpy(function(library.array(np.full(size, x), dtype)))
            assert library.dtype_name(y) == dtype
            if expected == 0:
                assert (np.signbit(y) == np.signbit(expected)).all()
            y = np.unique(y.astype(np.float64))
            np.testing.assert_array_equal(y, [expected], err_msg=f"{dtype} {x}")


def test_subnormals(library):
    for dtype in set(library.dtypes) & {"float32", "float64"}:
        smallest = float(np.finfo(dtype).smallest_subnormal)
        y = library.to_numpy(logit(library.array([smallest], dtype)))
        exact = -INF if library.flushes_subnormals else np.log(smallest)
        np.testing.assert_allclose(y, [exact], rtol=1e-7)
        y = library.to_numpy(logit_exp(library.array([-smallest], dtype)))
        np.testing.assert_allclose(y, [-exact], rtol=1e-7)
        deepest = {"float32": -103.97, "float64": -745.13}[dtype]
        last = 0 if library.flushes_subnormals else smallest
        assert library.to_numpy(expit(library.array([deepest], dtype))) == last
        assert library.to_numpy(log_expit(library.array([-deepest], dtype))) == -last


@each_function
def test_silence(library, function):
    # Warnings are errors in these tests; here NumPy's are raised as well.
    x = library.array([0.0, 1.0, -1.0, 2.0, 1e4, -1e4, INF, -INF, NAN, 1e-40], "float32")
    with np.errstate(all="raise"):
        y = function(x)
        assert np.isnan(library.to_numpy(y)[-2])


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
@each_function
def test_dtypes(library, function, dtype, result):
    if dtype in ("float16", "bfloat16", "float64") and dtype not in library.dtypes:
        pytest.skip(f"the library has no {dtype}")
    y = function(library.array([0, 1], dtype))
    assert library.dtype_name(y) == (library.default if result == "default" else result)
    expected = {
        logit: [-INF, INF],
        expit: [0.5, 1 / (1 + np.exp(-1.0))],
        log_expit: [-np.log(2), -np.log1p(np.exp(-1.0))],
        logit_exp: [INF, NAN],
        logit_log_jacobian: [INF, INF],
        expit_log_jacobian: [-2 * np.log(2), -1 - 2 * np.log1p(np.exp(-1.0))],
    }[function]
    np.testing.assert_allclose(library.to_numpy(y).astype(float), expected, rtol=4e-3)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 0, 3), (3, 4), (2, 1, 5)])
def test_shape_and_kind_are_kept(library, shape):
    x = library.array(np.full(shape, 0.75), "float32")
    for y in (logit(x, eps=0.1), *(function(x) for function in FUNCTIONS)):
        assert type(y) is type(x)
        assert tuple(y.shape) == shape
        assert getattr(y, "device", None) == getattr(x, "device", None)
        assert library.to_numpy(y).shape == shape


@each_function
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_rounded_once(library, dtype, function):
    """Every 16-bit value, against a reference that is exact to far beyond them."""
    if dtype not in library.dtypes:
        pytest.skip(f"the library has no {dtype}")
    x = np.arange(2**16, dtype=np.uint16).view(dtype_of(dtype))
    exact = reference.wide(function.__name__, x)
    epsilon, smallest = _finfo(dtype)
    with np.errstate(all="ignore"):
        y = library.to_numpy(function(library.array(x, dtype))).astype(np.float64)
        if library.flushes_subnormals:
            x = x.astype(np.float64)
            flushed = (np.abs(x) > 0) & (np.abs(x) < 2.0**-126) | (np.abs(exact) < smallest)
            y, exact = y[~flushed], exact[~flushed]
    np.testing.assert_array_equal(np.isnan(y), np.isnan(exact))
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(y[~finite], exact[~finite])
    y, exact = y[finite], exact[finite]
    exponent = np.floor(np.log2(np.maximum(np.abs(exact), smallest)))
    assert (np.abs(y - exact) / np.exp2(exponent) / epsilon).max() <= 0.51


def _finfo(dtype):
    import ml_dtypes

    info = ml_dtypes.finfo(dtype_of(dtype))
    return float(info.eps), float(info.smallest_normal)
