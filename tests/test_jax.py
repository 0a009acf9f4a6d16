"""What JAX users do to a function."""

from functools import cache, partial

import numpy as np
import pytest

from arraylogit import expit, logit
from tests.functions import INSIDE, each_function

jax = pytest.importorskip("jax")
jnp = jax.numpy

X = np.linspace(0, 1, 9, dtype=np.float32)


def test_eps_static_traced_and_closed_over():
    x = jnp.asarray(X)
    expected = logit(x, 0.25)
    static = jax.jit(logit, static_argnums=1)(x, 0.25)
    traced = jax.jit(logit)(x, 0.25)
    closed = jax.jit(lambda x: logit(x, eps=0.25))(x)
    for y in (static, traced, closed):
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("eps", [0.0, 1e-30, 1e-6, 2.9e-8, 0.25, 0.5])
def test_traced_eps_clamps_as_a_known_one(eps):
    x = jnp.asarray([-1, 0, 0.1, 1, 2, np.nan], dtype="float32")
    np.testing.assert_array_equal(jax.jit(logit)(x, eps), logit(x, eps))
    x = x.astype("bfloat16")
    y, expected = jax.jit(logit)(x, eps), logit(x, eps)
    np.testing.assert_array_equal(y.astype("float32"), expected.astype("float32"))


def test_traced_eps_cannot_be_checked():
    y = jax.jit(logit)(jnp.asarray(0.25), 0.75)
    assert np.isfinite(y)


def test_one_trace_for_all_values_of_eps():
    traces = []

    @jax.jit
    def f(x, eps):
        traces.append(x)
        return logit(x, eps)

    x = jnp.asarray(X)
    for eps in (0.1, 0.2, 0.3):
        f(x, eps)
    assert len(traces) == 1

    from arraylogit._strategies._jax import _COMPILED

    def count():
        return sum(compiled._cache_size() for compiled in _COMPILED.values())

    logit(x, 0.1)
    before = count()
    assert before > 0
    logit(x, 0.2)
    logit(x, np.float32(0.3))
    assert count() == before


def test_records_that_share_a_formula_keep_their_derivatives():
    from arraylogit._call import call
    from arraylogit._record import Elementwise

    def double(x, xp):
        return 2 * x

    records = [Elementwise("double", double, lambda x, _, s=s: s * x) for s in (2, 3)]
    assert [jax.grad(partial(call, record, out=None))(1.0) for record in records] == [2, 3]


def test_vmap_over_input_and_eps():
    eps = jnp.asarray([0.1, 0.2, 0.3], dtype="float32")
    x = jnp.stack([jnp.asarray(X)] * 3)
    rows = [logit(row, float(e)) for row, e in zip(x, eps, strict=True)]
    np.testing.assert_array_equal(jax.vmap(logit)(x, eps), jnp.stack(rows))
    np.testing.assert_array_equal(jax.vmap(logit, (1, None), 1)(x, 0.1), logit(x, 0.1))


def test_grad_of_jit_and_jit_of_grad():
    def f(x):
        return jnp.sum(logit(x, 0.1) * expit(x))

    x = jnp.asarray(X)
    np.testing.assert_allclose(jax.jit(jax.grad(f))(x), jax.grad(jax.jit(f))(x), rtol=1e-6)
    batched = jax.vmap(jax.value_and_grad(f))(jnp.stack([x, x]))[1]
    np.testing.assert_allclose(batched[1], jax.grad(f)(x), rtol=1e-6)


def test_linearize_scan_and_checkpoint():
    x = jnp.asarray(0.3)
    _, tangent = jax.linearize(logit, x)
    np.testing.assert_allclose(tangent(1.0), 1 / (0.3 * 0.7), rtol=1e-6)
    carried = jax.lax.scan(lambda c, _: (expit(logit(c)), None), x, length=3)[0]
    np.testing.assert_allclose(carried, x, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(jax.checkpoint(logit))(x), 1 / (0.3 * 0.7), rtol=1e-6)


def test_shard_map_and_sharding_are_kept():
    mesh = jax.make_mesh((1,), ("batch",))
    spec = jax.sharding.PartitionSpec("batch")
    sharding = jax.sharding.NamedSharding(mesh, spec)
    x = jax.device_put(jnp.asarray(X[:8]), sharding)
    assert logit(x, 0.1).sharding.is_equivalent_to(sharding, 1)
    mapped = jax.shard_map(lambda x: logit(x, 0.1), mesh=mesh, in_specs=spec, out_specs=spec)
    np.testing.assert_array_equal(mapped(x), logit(x, 0.1))


DTYPES = ["bfloat16", "float16", "float32", "int32", "bool"]


@pytest.fixture
def strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


@each_function
@pytest.mark.parametrize("dtype", DTYPES)
def test_strict_promotion(strict, function, dtype):
    # Types are promoted where a function is traced: nothing need be compiled.
    x = jnp.asarray([0, 1]).astype(dtype)
    assert jax.eval_shape(function, x).dtype == function(x).dtype
    if "float" in dtype:
        second = jax.vmap(jax.grad(jax.grad(function)))
        assert jax.eval_shape(second, x).dtype == dtype


@pytest.mark.parametrize("eps", [0, 0.1, np.float64(0.1), "float32", "bfloat16"])
def test_strict_promotion_with_eps(strict, eps):
    eps = jnp.asarray(0.1, eps) if isinstance(eps, str) else eps
    for dtype in DTYPES:
        x = jnp.asarray([0, 1]).astype(dtype)
        np.testing.assert_array_equal(
            jax.jit(logit)(x, eps).astype("float32"), logit(x, eps).astype("float32")
        )
        if "float" in dtype:
            slope = jax.vmap(jax.grad(logit), (0, None))
            assert jax.eval_shape(slope, x, eps).dtype == dtype


@pytest.mark.parametrize("function", [logit, expit])
def test_strict_promotion_of_complex_numbers(function):
    z = jnp.asarray([0.3 + 0.4j], "complex64")

    def results():
        slope = jax.grad(lambda z: function(z)[0], holomorphic=True)(z)
        return function(z), jax.jit(function)(z), slope

    expected = results()
    with jax.numpy_dtype_promotion("strict"):
        for got, want in zip(results(), expected, strict=True):
            np.testing.assert_array_equal(got, want)


def test_weak_types_are_kept():
    weak = jnp.asarray(0.5)
    for f in (logit, jax.jit(logit), jax.grad(logit), lambda x: logit(x, 0.1)):
        assert f(weak).weak_type
        assert (jnp.bfloat16(2) * f(weak)).dtype == jnp.bfloat16
        assert not f(jnp.float32(0.5)).weak_type
    assert expit(jnp.asarray(1)).weak_type
    assert jax.jit(expit)(0.3).weak_type
    assert logit(jnp.asarray(0.5 + 1j)).weak_type
    slopes = jax.vmap(jax.grad(logit))(jnp.asarray([0.25, 0.5]))
    np.testing.assert_allclose(slopes, [16 / 3, 4], rtol=1e-6)


@pytest.mark.parametrize("x64", [False, True])
def test_a_subnormal_traced_eps_bounds(x64):
    """XLA takes it for 0."""
    with jax.enable_x64(x64):
        for dtype, eps in (("float32", 1e-40), ("float64", 1e-310)):
            if dtype == "float64" and not x64:
                continue
            x = jnp.asarray([0, 1, 0.25], dtype)
            for traced in (eps, jnp.asarray(eps, dtype)):
                y = jax.jit(logit)(x, traced)
                np.testing.assert_array_equal(y, logit(x, eps))
                assert np.isfinite(y).all()
                mapped = jax.vmap(logit, (None, 0))(x, jnp.asarray([eps], dtype))
                np.testing.assert_array_equal(mapped, y[None])
        np.testing.assert_array_equal(
            jax.jit(logit)(jnp.asarray([0, 1.0]), 0.0), [-np.inf, np.inf]
        )


@pytest.mark.parametrize("eps", [False, jnp.asarray(False), np.asarray(False)])
def test_a_boolean_eps_is_refused_traced_or_not(eps):
    for f in (logit, jax.jit(logit)):
        with pytest.raises(TypeError, match="^logit: `eps` must be"):
            f(jnp.asarray(0.5), eps)


@each_function
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_kernels_are_compiled(function, dtype):
    """No logarithm or exponential of XLA, in values and derivatives, but on a TPU in float64."""
    with jax.enable_x64(True):
        x = jax.ShapeDtypeStruct((3,), dtype)
        for f in (function, lambda x: jax.vjp(function, x)[1](x)):
            program = jax.jit(f).lower(x).as_text()
            assert "bitcast_convert" in program or f is not function
            for name in ("exponential", "log", "logistic", "tanh"):
                assert f"stablehlo.{name}" not in program


@cache
def _with_gradient(function):
    return jax.jit(jax.vmap(jax.value_and_grad(function)))


@each_function
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("platform", ["cuda", "rocm", "tpu"])
def test_export(function, platform, dtype):
    """With the gradient. The program, made for another platform, runs here."""
    f = _with_gradient(function)
    unchecked = [jax.export.DisabledSafetyCheck.platform()]
    with jax.enable_x64(dtype == "float64"):
        x = jnp.asarray(INSIDE[function.__name__], dtype)
        exported = jax.export.export(f, platforms=[platform], disabled_checks=unchecked)(x)
        assert exported.platforms == (platform,)
        bits = "bitcast_convert" in exported.mlir_module()
        assert bits != (platform == "tpu" and dtype == "float64")
        tolerance = 8 * float(jnp.finfo(dtype).eps)
        for got, want in zip(exported.call(x), f(x), strict=True):
            np.testing.assert_allclose(got, want, rtol=tolerance)


def test_export_for_several_platforms():
    with jax.enable_x64(True):
        x = jnp.asarray([0.25, 0.5, 0.9])
        exported = jax.export.export(jax.jit(logit), platforms=["cpu", "cuda", "rocm", "tpu"])(x)
        np.testing.assert_array_equal(exported.call(x), logit(x))
