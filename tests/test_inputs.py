"""What may be passed as `input`, and what comes back for it."""

import tracemalloc
import warnings

import ml_dtypes
import numpy as np
import pytest

from arraylogit import expit, logit
from arraylogit._strategies import _numpy, strategy_of
from tests.functions import each_function


@pytest.mark.parametrize("value", [0.25, 1, True, np.float32(0.25), ml_dtypes.bfloat16(0.25)])
@each_function
def test_a_scalar_gives_a_numpy_scalar(function, value):
    y = function(value)
    dtype = np.asarray(value).dtype
    assert type(y) is (np.float64 if dtype.kind in "bi" else dtype.type)
    np.testing.assert_allclose(float(y), float(function(float(value))), rtol=4e-3)


@each_function
def test_sequences_go_to_numpy(function):
    for x in ([0.25, 0.5], (0.25, 0.5), range(2), [[True], [False]], memoryview(b"\0\1")):
        y = function(x)
        assert type(y) is np.ndarray
        np.testing.assert_array_equal(y, function(np.asarray(x)))


def test_anything_with_the_array_protocol_goes_to_numpy():
    class Column:
        def __array__(self, dtype=None, copy=None):
            return np.asarray([0.25, 0.5])

    np.testing.assert_array_equal(logit(Column()), logit([0.25, 0.5]))


REFUSED = [
    ("0.5", TypeError),
    (None, TypeError),
    (object(), TypeError),
    ({"p": 0.5}, TypeError),
    (["0.5"], TypeError),
    ([1, [2]], ValueError),
    ([10**400], TypeError),
    (np.asarray([None]), TypeError),
    (np.asarray(["2020-01-01"], dtype="datetime64[D]"), TypeError),
    (np.zeros(2, dtype=[("p", "f8")]), TypeError),
    (ml_dtypes.int4(1), TypeError),
]


@pytest.mark.parametrize(("value", "error"), REFUSED, ids=lambda value: repr(value)[:20])
@each_function
def test_refused(function, value, error):
    with pytest.raises(error, match=rf"^{function.__name__}: `input` must "):
        function(value)


def _layouts(x):
    """Views of one 3-d array that a kernel could trip over."""
    read_only = x.copy()
    read_only.flags.writeable = False
    return {
        "contiguous": x,
        "Fortran": np.asfortranarray(x),
        "permuted": x.transpose(1, 2, 0),
        "strided": x[:, ::2, 1::3],
        "negative": x[::-1, :, ::-1],
        "broadcast": np.broadcast_to(x[:1], x.shape),
        "broadcast twice": np.broadcast_to(x[:1, :, :1], x.shape),
        "read-only": read_only,
        "swapped": x.astype(x.dtype.newbyteorder()),
        "unaligned": np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype),
        "record": np.rec.fromarrays([x.ravel(), x.ravel()], names="a,b").a,
    }


@pytest.mark.parametrize("eps", [None, 0.125])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
@pytest.mark.parametrize("shape", [(2, 6, 5), (30, 40, 55)], ids=["small", "long"])
def test_numpy_layouts(shape, dtype, eps):
    x = np.random.default_rng(0).random(shape)
    x = (x * 3).astype(dtype) if dtype == "int8" else x.astype(dtype)
    for name, view in _layouts(x).items():
        before = view.copy()
        y = logit(view, eps)
        flat = np.asarray([logit(value, eps) for value in view.ravel()[:50]])
        np.testing.assert_array_equal(y.ravel()[:50], flat, err_msg=name)
        np.testing.assert_array_equal(y, logit(np.ascontiguousarray(view), eps), err_msg=name)
        np.testing.assert_array_equal(view, before, err_msg=f"{name}: input was modified")
        assert y.dtype.isnative
        assert y.flags.writeable
        if name in ("contiguous", "Fortran", "permuted"):
            order = sorted(range(3), key=y.strides.__getitem__)
            assert order == sorted(range(3), key=view.strides.__getitem__), name


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_numpy_subclasses():
    values = np.linspace(0.1, 0.9, 6)
    matrix = logit(np.asmatrix(values))
    assert type(matrix) is np.matrix
    np.testing.assert_array_equal(np.asarray(matrix)[0], logit(values))

    masked = logit(np.ma.masked_array(values, mask=values > 0.5))
    np.testing.assert_array_equal(masked.mask, values > 0.5)
    np.testing.assert_array_equal(masked.data[:3], logit(values)[:3])


def test_numpy_subclass_with_ufuncs_of_its_own():
    class Logged(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            used.append(ufunc.__name__)
            inputs = [np.asarray(x) for x in inputs]
            return getattr(ufunc, method)(*inputs, **kwargs).view(Logged)

    used = []
    y = logit(np.asarray([0.25, 0.75]).view(Logged))
    assert type(y) is Logged
    assert {"log", "multiply"} <= set(used)
    np.testing.assert_array_equal(np.asarray(y), logit([0.25, 0.75]))


def test_memory_map(tmp_path):
    np.save(tmp_path / "p.npy", np.linspace(0, 1, 50_000))
    x = np.load(tmp_path / "p.npy", mmap_mode="r")
    y = logit(x)
    assert type(y) is np.ndarray
    np.testing.assert_array_equal(y, logit(np.asarray(x)))


def test_longdouble_is_kept():
    x = np.asarray(["0.25", "0.5", "1e-300"]).astype(np.longdouble)
    y = logit(x)
    assert y.dtype == np.longdouble
    np.testing.assert_allclose(y, np.log(x) - np.log1p(-x), rtol=2e-18)
    assert expit(np.longdouble(-11000)) > 0 or np.finfo(np.longdouble).maxexp == 1024


def test_a_block_boundary_changes_nothing():
    for size in (_numpy.BLOCK - 1, _numpy.BLOCK, _numpy.BLOCK + 1, 3 * _numpy.BLOCK + 7):
        x = np.linspace(0, 1, size, dtype=np.float32)
        pieces = np.concatenate([logit(piece) for piece in np.array_split(x, 11)])
        np.testing.assert_array_equal(logit(x), pieces)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_temporary_of_the_size_of_the_array(dtype):
    x = np.full(2**22, 0.25, dtype)
    out = np.empty_like(x)
    tracemalloc.start()
    logit(x[::-1], eps=0.1, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_an_unknown_library_goes_through_direct():
    strict = pytest.importorskip("array_api_strict")
    from arraylogit._strategies._direct import Direct

    assert type(strategy_of(strict.asarray([0.5]))) is Direct
    assert strategy_of("0.5") is None


def test_mixed_libraries_do_not_share_a_strategy(library):
    others = {strategy_of(np.asarray([0.5])), strategy_of(library.array([0.5], "float32"))}
    assert len(others) == (1 if library.library == "numpy" else 2)


def test_threads_and_fork():
    import multiprocessing
    from concurrent.futures import ThreadPoolExecutor

    x = np.linspace(0, 1, 200_000)
    expected = logit(x)
    with ThreadPoolExecutor(4) as pool:
        for y in pool.map(logit, [x] * 16):
            np.testing.assert_array_equal(y, expected)
    with warnings.catch_warnings():
        # JAX and Python 3.12 warn of fork in a process that has threads.
        warnings.simplefilter("ignore")
        with multiprocessing.get_context("fork").Pool(1) as pool:
            np.testing.assert_array_equal(pool.apply(logit, [x]), expected)
