"""JAX: one jitted function with its own derivative rule."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core.primitives import convert_element_type_p

from arraylogit._kernels import FLOAT32, FLOAT64, FLUSHED, Spec
from arraylogit._record import Array, Bounds, Call, Dtype, Dtypes, Elementwise, Namespace
from arraylogit._strategies._direct import Direct

_BY_DTYPE = {
    dtype: Dtypes(jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype, dtype)
    for dtype in map(jnp.dtype, (jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64))
}


def _bits(x: Array) -> Array:
    # Of a float, as a signed integer of its width.
    return lax.bitcast_convert_type(x, jnp.dtype(f"int{8 * x.dtype.itemsize}"))


def _kernels_namespace(dtype: Dtype, spec: Spec) -> Any:
    return SimpleNamespace(
        where=jnp.where,
        abs=jnp.abs,
        minimum=jnp.minimum,
        at_least=lambda x, bound: jnp.where(x < bound, bound, x),  # NaN stays
        shared=lambda x: x,
        bits=_bits,
        from_bits=lambda i: lax.bitcast_convert_type(i, dtype),
        to_float=lambda i: i.astype(dtype),
        spec=spec,
    )


_FLOAT32 = jnp.dtype(jnp.float32)
_KERNELS = {
    _FLOAT32: _kernels_namespace(jnp.float32, FLOAT32),
    jnp.dtype(jnp.float64): _kernels_namespace(jnp.float64, FLOAT64),
}
_FLUSHED = _kernels_namespace(jnp.float32, FLUSHED)

# The key holds what is compiled. Static arguments of one jitted function would slow each call
# down, and the hash of a whole record takes long.
_COMPILED: dict[Any, Any] = {}


class Jax(Direct):
    """Compiles the formula once for each dtype and shape, bounds being arguments."""

    def __init__(self) -> None:
        super().__init__(jnp)

    def dtypes(self, x: Array) -> Dtypes | None:
        dtype = x.dtype
        if dtype in _BY_DTYPE:
            return _BY_DTYPE[dtype]
        if jnp.issubdtype(dtype, jnp.floating):  # of 8 bits or fewer
            # float8_e8m0fnu, powers of two for scales, has neither 0 nor negative numbers.
            signed = jnp.finfo(dtype).min < 0  # type: ignore[no-untyped-call]
            return Dtypes(jnp.dtype(jnp.float32), dtype) if signed else None
        if jnp.issubdtype(dtype, jnp.complexfloating):
            return Dtypes(dtype, dtype, complex=True)
        if jnp.issubdtype(dtype, jnp.integer) or jnp.issubdtype(dtype, jnp.bool):
            default = jnp.dtype(jnp.result_type(float))  # float64 with jax_enable_x64
            return Dtypes(default, default)
        return None

    def flushes_subnormals(self, dtype: Any) -> bool:
        return True  # XLA on CPU and TPU

    def is_positive(self, eps: Array) -> Array:
        # By its bits, as XLA takes a subnormal number for 0.
        if not jnp.issubdtype(eps.dtype, jnp.floating):
            return eps > 0
        return _where_bits_exist(eps.dtype, lambda e: _bits(e) > 0, lambda e: e > 0, eps)

    def concrete(self, eps: Array) -> float | None:
        return None if isinstance(eps, jax.core.Tracer) else float(eps)

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        return "JAX arrays are immutable"

    def cast(self, x: Array, dtype: Any) -> Array:
        return x.astype(dtype)

    def evaluate(self, call: Call, x: Array, out: None) -> Array:
        function, dtypes, bounds = call
        compiled = _COMPILED.get(_key(function, dtypes))
        if compiled is None:
            compiled = _compile(function, dtypes)
        return compiled(x, bounds)


def _where_bits_exist(dtype: Dtype, with_bits: Any, without: Any, *operands: Array) -> Array:
    # A TPU has no bits of a float64: it is a pair of float32 there.
    if dtype != jnp.float64:
        return with_bits(*operands)
    return lax.platform_dependent(*operands, tpu=without, default=with_bits)


def _value(function: Elementwise, x: Array) -> Array:
    def by(kind: Any, xp: Namespace) -> Any:
        return lambda x: function.form(kind)(x, xp)

    stepwise = by("stepwise", jnp)
    if function.fused is None or x.dtype not in _KERNELS:
        return stepwise(x)
    fused = by("fused", _KERNELS[x.dtype])
    if x.dtype == _FLOAT32:
        return lax.platform_dependent(x, cpu=by("flushed", _FLUSHED), default=fused)
    return _where_bits_exist(x.dtype, fused, stepwise, x)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _differentiable(
    function: Elementwise, dtypes: Dtypes, x: Array, bounds: Bounds | None
) -> Array:
    x = x.astype(dtypes.computing)
    if bounds:
        x = jnp.clip(x, *bounds)
    # Where promotion is strict, it is so for the caller's own arithmetic.
    with jax.numpy_dtype_promotion("standard"):
        return _value(function, x).astype(dtypes.result)


@_differentiable.defjvp
def _jvp(function: Elementwise, dtypes: Dtypes, primals: Any, tangents: Any) -> Any:
    x, bounds = primals
    alike = dtypes._replace(result=dtypes.computing)

    def evaluate(record: Elementwise, x: Array) -> Array:
        return _differentiable(record, alike, x, None)

    with jax.numpy_dtype_promotion("standard"):
        slope = Call(function, dtypes, bounds).slope(x.astype(dtypes.computing), evaluate, jnp)
        tangent = (slope * tangents[0].astype(dtypes.computing)).astype(dtypes.result)
    return _differentiable(function, dtypes, x, bounds), tangent


def _key(function: Elementwise, dtypes: Dtypes) -> Any:
    return function.flushed, function.fused, function.stepwise, function.derivative, dtypes.result


def _compile(function: Elementwise, dtypes: Dtypes) -> Any:
    def values(x: Array, bounds: Bounds | None) -> Array:
        y = _differentiable(function, dtypes, x.astype(dtypes.result), bounds)
        if x.weak_type:  # a Python number: it gives way to the dtype of what it meets
            y = convert_element_type_p.bind(y, new_dtype=y.dtype, weak_type=True, sharding=None)
        return y

    values.__name__ = function.name  # in profiles
    return _COMPILED.setdefault(_key(function, dtypes), jax.jit(values))


STRATEGY: Direct = Jax()
