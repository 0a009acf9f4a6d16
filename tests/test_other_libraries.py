"""Libraries beyond those of `conftest.py`: what they keep, and what they refuse."""

import io
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import arraylogit
from arraylogit import expit, logit
from arraylogit.testing import reference
from arraylogit.testing.backends import backend

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPORT = EXAMPLES / "export_onnx.py"
X = np.float32([0, 0.25, 0.5, 0.75, 1, np.nan])
FLOAT8 = [
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
]


# ml_dtypes: eight bits


@pytest.mark.parametrize("name", arraylogit.special.__all__)
@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("library", ["numpy", "jax"])
def test_every_float8_is_rounded_once(needs, library, dtype, name):
    dtype = np.dtype(getattr(ml_dtypes, dtype))
    x = np.arange(256, dtype=np.uint8).view(dtype)
    array = needs("jax").numpy.asarray(x) if library == "jax" else x
    y = getattr(arraylogit, name)(array)
    assert y.dtype == dtype
    y = np.asarray(y)
    exact = reference.wide(name, x.astype(np.float32)).astype(np.float64)
    finite = np.isfinite(exact) & np.isfinite(y.astype(np.float64))
    # No other number of the dtype is nearer.
    numbers = x.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    nearest = np.abs(exact[finite, None] - numbers).min(1)
    distance = np.abs(y[finite].astype(np.float64) - exact[finite])
    np.testing.assert_array_less(distance, nearest * (1 + 1e-5) + 1e-12)
    assert finite.sum() > 40
    # NaN stays NaN; where there are infinities, they are as in float32, but for overflow.
    assert np.isnan(y[np.isnan(exact)].astype(np.float32)).all()
    if np.isinf(np.float32(np.inf).astype(dtype).astype(np.float32)):
        infinite = np.isinf(exact)
        np.testing.assert_array_equal(y[infinite].astype(np.float32), exact[infinite])


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("library", ["numpy", "jax"])
def test_every_float8_is_finite_with_eps(needs, library, dtype):
    x = np.asarray([0, 0.25, 1]).astype(getattr(ml_dtypes, dtype))
    x = needs("jax").numpy.asarray(x) if library == "jax" else x
    for eps in (1e-2, 1e-7, 1e-30, 1e-45):
        y = np.asarray(logit(x, eps)).astype(float)
        assert np.isfinite(y).all(), eps
        assert y[0] <= -4
        assert y[2] >= 4
        if library == "jax":
            traced = needs("jax").jit(logit)(x, eps)
            np.testing.assert_array_equal(np.asarray(traced).astype(float), y)
    assert not np.isfinite(np.asarray(logit(x, 0)).astype(float)[::2]).any()


@pytest.mark.parametrize("library", ["numpy", "jax", "torch"])
def test_a_dtype_of_positive_numbers_is_refused(needs, library):
    x = np.asarray([0.25]).astype(ml_dtypes.float8_e8m0fnu)
    if library == "jax":
        x = needs("jax").numpy.asarray(x)
    elif library == "torch":
        torch = needs("torch")
        x = torch.from_numpy(x.view(np.uint8)).view(torch.float8_e8m0fnu)
    with pytest.raises(TypeError, match="^logit: `input` must have .* got .*float8_e8m0fnu"):
        logit(x, 0.1)


def test_pairs_of_numbers_are_refused(needs):
    torch = needs("torch")
    x = torch.zeros(2, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    with pytest.raises(TypeError, match="^logit: `input` must have .* got .*float4_e2m1fn_x2"):
        logit(x)


# Masks, zeros that are not stored, units


def test_mlx(needs):
    mx = needs("mlx.core")
    x = mx.array(X)
    for f in (logit, expit):
        for transformed in (f, mx.compile(f), mx.vmap(f)):
            np.testing.assert_allclose(transformed(x), f(X), rtol=3e-7)
    np.testing.assert_allclose(logit(x, mx.array(0.1)), logit(X, 0.1), rtol=3e-7)
    assert logit(x > 0.5).dtype == mx.float32
    out = mx.zeros(6)
    assert logit(x, out=out) is out
    slope = mx.grad(lambda x: logit(x).sum())(x)
    # By differentiating the formula.
    np.testing.assert_allclose(slope, [np.inf, 16 / 3, 4, 16 / 3, np.inf, np.nan], rtol=1e-6)


def test_mlx_of_its_own(needs):
    needs("mlx.core")
    plugin = EXAMPLES / "conformance_mlx.py"
    command = ["-m", "arraylogit.testing", "mlx.nn", "--quick", "--plugin", str(plugin)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=60)
    # No error: what is broken is broken by MLX.
    assert re.search(r"mlx:transforms: \d+ kept, \d+ broken, \d+ unsupp", done.stdout), done.stdout


def test_sparse_stores_no_more(needs):
    sparse = needs("sparse")
    values = np.asarray([[0, 0.25, 0], [0, 0, 0.5]])
    for kind in (sparse.COO, sparse.GCXS):
        x = kind.from_numpy(values)
        for f, fill in ((logit, -np.inf), (expit, 0.5), (lambda x: logit(x, 0.1), logit(0.1))):
            y = f(x)
            assert type(y) is kind
            assert (y.fill_value, y.nnz) == (fill, 2)
            np.testing.assert_allclose(y.todense(), f(values), rtol=1e-15)
        with pytest.raises(TypeError, match="`out` must be writable"):
            logit(x, out=x)


def test_dask_of_sparse(needs):
    sparse = needs("sparse")
    da = needs("dask.array")
    values = np.asarray([[0, 0.25, 0], [0, 0, 0.5]])
    x = da.from_array(values, chunks=2).map_blocks(sparse.COO.from_numpy)
    y = logit(x)
    assert isinstance(y._meta, sparse.COO)
    assert y.compute().fill_value == -np.inf
    np.testing.assert_allclose(y.compute().todense(), logit(values), rtol=4e-16)


@pytest.mark.parametrize("wrapped", ["numpy", "array_api_strict", "array_api_compat.torch"])
def test_marray_keeps_the_mask(needs, wrapped):
    marray = needs("marray")
    xp = needs(wrapped)
    masked = marray.masked_namespace(xp)
    mask = xp.asarray([False, True, False, False, False, False])
    x = masked.asarray(xp.asarray(X), mask=mask)
    for f in (logit, expit, lambda x: logit(x, 0.1)):
        y = f(x)
        assert type(y) is type(x)
        np.testing.assert_array_equal(np.asarray(y.mask), np.asarray(mask))
        np.testing.assert_allclose(np.asarray(y.data)[2:], f(X)[2:], rtol=3e-7)


def test_a_quantity_must_have_no_unit(needs):
    unxt = needs("unxt")
    y = logit(unxt.Quantity(X, ""), 0.1)
    assert isinstance(y, unxt.Quantity)
    assert str(y.unit) == ""
    np.testing.assert_allclose(y.value, logit(X, 0.1), rtol=3e-7)
    for f in (logit, expit):
        with pytest.raises(Exception, match="not convertible"):
            f(unxt.Quantity(X, "m"))


@pytest.fixture
def dpnp(needs):
    dpnp = needs("dpnp")
    if reason := backend("dpnp").missing():
        pytest.skip(f"not run: {reason}")
    return dpnp


@pytest.mark.parametrize("module", ["dpnp", "dpnp.tensor"])
@pytest.mark.parametrize("memory", ["device", "shared", "host"])
def test_dpnp_keeps_queue_and_memory(dpnp, module, memory):
    xp = import_module(module)
    queue, other = (import_module("dpctl").SyclQueue("cpu") for _ in range(2))
    x = xp.asarray(X, usm_type=memory, sycl_queue=queue)
    eps = xp.asarray(0.1, usm_type=memory, sycl_queue=queue)
    out = xp.empty_like(x)
    for y, expected in (
        (logit(x), logit(X)),
        (logit(x, 0.1), logit(X, 0.1)),
        (logit(x, eps), logit(X, 0.1)),
        (logit(x > 0.5), logit(X > 0.5)),
        (expit(x), expit(X)),
        (expit(x, out=out), expit(X)),
    ):
        assert type(y) is type(x)
        assert (y.usm_type, y.sycl_queue) == (memory, queue)
        np.testing.assert_allclose(xp.asnumpy(y), expected, rtol=3e-7)
    with pytest.raises(ValueError, match="`out` must be on the device"):
        expit(x, out=xp.asarray(X, sycl_queue=other))


def test_cubed_stays_lazy(needs):
    cubed = needs("cubed")
    x = cubed.from_array(X, chunks=4)
    y = logit(x, 0.1)
    assert isinstance(y, cubed.Array)
    assert y.chunks == x.chunks
    np.testing.assert_array_equal(y.compute(), logit(X, 0.1))
    with pytest.raises(TypeError, match="Cubed arrays are lazy"):
        logit(x, out=x)
    with pytest.raises(TypeError, match="`eps`"):
        logit(x, cubed.from_array(np.asarray(0.1)))


# ONNX


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_exported_onnx(needs, tmp_path, dtype):
    needs("ndonnx")
    onnxruntime = needs("onnxruntime")
    rows = np.stack([X, X[::-1]]).astype(dtype)
    bound = {"float16": 1e-3, "float32": 5e-7, "float64": 1e-15}[dtype]
    for name, options in (("logit", {}), ("logit", {"eps": 0.1}), ("expit", {})):
        file = tmp_path / "model.onnx"
        run = subprocess.run(
            [sys.executable, EXPORT, file, "--function", name, "--dtype", dtype, "--ndim=2"]
            + [f"--{key}={value}" for key, value in options.items()],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        assert f"{name} in {dtype}" in run.stdout
        session = onnxruntime.InferenceSession(file)
        for x in (rows, rows[:, :4], rows[:1]):
            (y,) = session.run(None, {"x": x})
            assert y.dtype == dtype
            np.testing.assert_allclose(y, getattr(arraylogit, name)(x, **options), rtol=bound)


def test_onnx_export_says_what_is_wrong(needs, tmp_path):
    needs("ndonnx")
    file = tmp_path / "model.onnx"
    run = subprocess.run(
        [sys.executable, EXPORT, file, "--eps=0.7"], capture_output=True, text=True
    )
    assert (run.returncode, "`eps` must be in [0, 0.5]" in run.stderr) == (2, True)
    assert not file.exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's, of this very exporter
def test_what_torch_exports_serves_every_length(needs):
    torch, onnxruntime = needs("torch"), needs("onnxruntime")
    needs("onnx")

    class Model(torch.nn.Module):
        def forward(self, x):
            return logit(x, 1e-3)

    for n in (4, 100_000):  # one block, and several
        file, x = io.BytesIO(), torch.rand(n)
        torch.onnx.export(
            Model(), (x,), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}}
        )
        session = onnxruntime.InferenceSession(file.getvalue())
        x = np.linspace(0, 1, 200_001, dtype=np.float32)
        (y,) = session.run(None, {"x": x})
        np.testing.assert_allclose(y, logit(x, 1e-3), rtol=1e-6, atol=1e-7)
