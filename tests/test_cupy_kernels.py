"""The kernels that CuPy makes, on a machine without a GPU: see `cupy_on_host.py`."""

import shutil
from functools import cache
from importlib import import_module

import numpy as np
import pytest

from arraylogit import expit, logit
from arraylogit.testing import inputs, measure, reference
from tests.functions import INSIDE, each_function

each_contraction = pytest.mark.parametrize("contraction", ["fast", "off"])
each_dtype = pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])


@pytest.fixture
def host(needs):
    needs("cupy")
    assert shutil.which("g++"), "g++ runs what CuPy compiles"
    host = import_module("tests.cupy_on_host")
    host.launches.clear()
    return host


def run(host, f, x, *args, **options):
    """Return the result as NumPy's array, and the one launch that made it."""
    host.launches.clear()
    y = f(host.asarray(x), *args, **options)
    assert isinstance(y, host.Array)
    (launch,) = host.launches
    return y.numpy(), launch


# The kernels


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "bool"])
@each_function
def test_one_kernel_of_the_right_width(host, function, dtype):
    y, launch = run(host, function, np.asarray(INSIDE[function.__name__]).astype(dtype))
    assert y.dtype == (dtype if dtype.startswith("float") else "float64")
    # By the fusion that takes a name: the other one does not come by here.
    assert launch.name == f"arraylogit_{function.__name__}"
    assert (".f64" in launch.ptx()) == (y.dtype == "float64")


@pytest.mark.parametrize("kind", ["number", "array"])
@each_dtype
def test_one_kernel_with_bounds(host, dtype, kind):
    x = np.asarray([-1, 0, 0.25, 0.5, 0.999, 1, 2, np.nan], dtype)
    # The value of an array is not looked at, which would be to wait: there is no device to ask.
    eps = 0.125 if kind == "number" else host.asarray(np.asarray(0.125))
    y, launch = run(host, logit, x, eps)
    np.testing.assert_allclose(y, logit(x, 0.125), rtol=2 * np.finfo(dtype).eps)
    assert (".f64" in launch.ptx()) == (dtype == "float64")


@pytest.mark.parametrize("to", ["float16", "float32", "float64", "complex64"])
@each_dtype
def test_one_kernel_that_writes_to_out(host, dtype, to):
    x = np.asarray(INSIDE["logit"], dtype)
    out = host.asarray(np.empty(x.shape, to))
    y, launch = run(host, logit, x, 0.2, out=out)
    np.testing.assert_allclose(y, logit(x, 0.2), rtol=1e-3 if "16" in dtype + to else 3e-7)
    assert y.ctypes.data == out.data.ptr
    assert launch.ptx()


def test_a_fusion_without_a_name_is_refused(host):
    import cupy as cp

    # What the strategy did: CuPy would name the kernel after the function, and turns to its other
    # fusion, which asks for a device at once.
    nameless = cp.fuse(lambda x: cp.log(x))
    with pytest.raises(Exception, match="cudaError"):
        nameless(host.asarray(np.ones(3)))
    assert nameless.new_fusion is not None
    assert not host.launches
    # There it gives its source that name, which the compiler refuses.
    _, launch = run(host, logit, np.ones(3))
    with pytest.raises(Exception, match="expected an identifier"):
        host.ptx(launch.source.replace(launch.name, "<lambda>"))


# The values


@each_contraction
@each_dtype
@each_function
def test_within_the_bound(host, monkeypatch, function, dtype, contraction):
    monkeypatch.setattr(host.Launch, "contraction", contraction)
    x, exact, lost = _points(function.__name__, dtype)
    y, _ = run(host, function, x)
    error = np.where(lost, 0, measure.ulp_error(y, exact))
    witness = x[error.argmax()]
    assert error.max() <= _bound(host, function, dtype), float(witness).hex()
    assert error.max() > 0.49  # something was measured


@each_dtype
def test_the_textbook_formula_is_beyond_the_bound(host, dtype):
    import cupy as cp

    x, exact, lost = _points("logit", dtype)
    textbook = cp.fuse(kernel_name="textbook")(lambda x: cp.log(x / (1 - x)))
    y, _ = run(host, textbook, x)
    error = np.where(lost, 0, measure.ulp_error(y, exact))
    assert error.max() > 10 * _bound(host, logit, dtype)


@each_contraction
@each_dtype
@each_function
def test_special_values(host, monkeypatch, function, dtype, contraction):
    monkeypatch.setattr(host.Launch, "contraction", contraction)
    x, expected = np.asarray(inputs.special(function.__name__), dtype).T
    y, _ = run(host, function, x)
    np.testing.assert_array_equal(y, expected)
    assert measure.same_special(y, expected).all()


@pytest.mark.parametrize("kind", ["number", "array"])
@pytest.mark.parametrize("eps", [0, 5e-324, 1e-310, 1e-45, 1e-38, 1e-8, 1e-3, 0.5])
@each_dtype
def test_bounds_are_finite_and_no_wider_than_they_must_be(host, dtype, eps, kind):
    x = np.asarray([-1, 0, 1, 2], dtype)
    y, _ = run(host, logit, x, eps if kind == "number" else host.asarray(np.asarray(eps)))
    if dtype != "float64" and 0 < eps < np.finfo("float32").tiny:  # flushed
        eps = np.finfo("float32").tiny
    np.testing.assert_allclose(y, logit(x, float(eps)), rtol=1e-15 if dtype == "float64" else 2e-7)
    assert np.isfinite(y).all() == (eps > 0)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_are_not_fused(host, monkeypatch, dtype):
    from array_api_compat import cupy as compat

    monkeypatch.setattr(compat, "zeros_like", lambda z: host.asarray(np.zeros_like(z.numpy())))
    z = np.asarray([0.25 + 1j, 0.5 - 2j, -3, 4 + 1e-3j], dtype)
    for f in (logit, expit):
        y = f(host.asarray(z)).numpy()
        assert y.dtype == dtype
        np.testing.assert_allclose(y, f(z), rtol=1e-6 if dtype == "complex64" else 1e-14)
    assert not host.launches


# Arrays of every kind


@pytest.mark.parametrize(
    "x",
    [
        np.asarray(0.25),
        np.empty((0, 3)),
        np.full((3, 4), 0.25, order="F"),
        np.broadcast_to(0.25, (2, 3)),
        np.linspace(0, 1, 12).reshape(3, 4)[::-2, 1::2],
    ],
    ids=["0-d", "empty", "Fortran", "broadcast", "strided"],
)
@pytest.mark.parametrize("eps", [None, 0.1])
def test_shapes(host, x, eps):
    y = logit(host.asarray(x), eps)
    assert y.shape == x.shape
    np.testing.assert_allclose(y.numpy(), logit(x, eps), rtol=4e-16)


LAYOUTS = {
    "the input": lambda x: x,
    "a view of the input": lambda x: x[:],
    "elsewhere in its memory": lambda x: x[8:],
    "reversed": lambda x: x[:8][::-1],
    "one further": lambda x: x[1:9],
    "every second": lambda x: x[::2],
    "half as wide": lambda x: x.view("f4")[:8],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_out_in_the_memory_of_the_input(host, layout):
    memory = host.asarray(np.linspace(0.01, 0.99, 16))
    x = memory if "input" in layout else memory[:8]
    out = LAYOUTS[layout](memory)
    expected = logit(x.numpy().copy()).astype(out.dtype)
    # A launch that writes where others read is an error.
    assert logit(x, out=out) is out
    np.testing.assert_allclose(out.numpy(), expected, rtol=3e-7 if out.itemsize == 4 else 4e-16)


def test_a_kernel_that_writes_where_others_read_is_found(host):
    import cupy as cp

    def write(out, x):
        out[...] = x

    memory = host.asarray(np.arange(9.0))
    with pytest.raises(AssertionError, match="writes where other threads read"):
        cp.fuse(kernel_name="shift")(write)(memory[1:], memory[:-1])


def test_out_of_one_element_only_is_refused(host):
    import cupy as cp

    out = host.asarray(np.zeros(1))
    shared = host.Array((3,), "f8", out.data, (0,))
    assert isinstance(shared, cp.ndarray)
    with pytest.raises(TypeError, match="logit: `out` must be writable: its elements share"):
        logit(host.asarray(np.full(3, 0.25)), out=shared)
    assert out.numpy() == 0


@pytest.mark.parametrize("into", [False, True])
def test_on_the_device_of_the_array(host, into):
    x = host.asarray(np.full(3, 0.25), device=1)
    out = host.asarray(np.empty(3), device=1) if into else None
    eps = host.asarray(np.asarray(0.1), device=1)
    for f, args in ((logit, (0.1,)), (logit, (eps,)), (logit, ()), (expit, ())):
        host.launches.clear()
        y = f(x, *args, out=out)
        assert y.device == x.device
        assert [launch.device for launch in host.launches] == [1]
        assert host.Device.current == [0]
    with pytest.raises(ValueError, match="`out` must be on the device of `input`"):
        logit(x, out=host.asarray(np.empty(3)))


# The parts of the bounds


@cache
def _points(name, dtype):
    """Return inputs, exact results, and where subnormal numbers are flushed."""
    x = inputs.every(dtype) if dtype == "float16" else inputs.structured(name, dtype, 300_000)
    exact = reference.wide(name, x)
    computed_in = np.finfo("float64" if dtype == "float64" else "float32")
    if dtype == "float64":
        return x, exact, np.zeros(x.shape, bool)
    return x, exact, (abs(exact) < computed_in.tiny) | ((x != 0) & (abs(x) < computed_in.tiny))


def _bound(host, function, dtype):
    """Return the bound of the contract for a library whose log and exp are off by E ULP."""
    if dtype == "float16":
        return 0.51
    e = max(_error_of(host, name, dtype) for name in ("log", "exp", "log1p"))
    return 1.5 * e + 1 if function is logit else 2 * e + 1


@cache  # contraction of products and sums does not affect the code of the C library
def _error_of(host, name, dtype):
    import cupy as cp

    domain = {"log": "logit", "log1p": "logit", "exp": "log_expit"}[name]
    x = inputs.structured(domain, dtype, 100_000)
    wide = x.astype("float64" if dtype == "float32" else "longdouble")
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(wide)
    f = getattr(cp, name)
    y, _ = run(host, cp.fuse(kernel_name=f"c_{name}")(lambda x: f(x)), x)
    tiny = np.finfo(dtype).tiny
    kept = (abs(exact) >= tiny) & (abs(x) >= tiny)
    return measure.ulp_error(y[kept], exact[kept]).max()
