"""JAX: one jitted function with its own derivative rule."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from arraylogit._record import Array, Bounds, Call, Dtypes, Elementwise
from arraylogit._strategies._direct import Direct

_BY_DTYPE = {
    dtype: Dtypes(jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype, dtype)
    for dtype in map(jnp.dtype, (jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64))
}

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
            return Dtypes(jnp.dtype(jnp.float32), dtype)
        if jnp.issubdtype(dtype, jnp.complexfloating):
            return Dtypes(dtype, dtype, complex=True)
        if jnp.issubdtype(dtype, jnp.integer) or jnp.issubdtype(dtype, jnp.bool):
            default = jnp.dtype(jnp.result_type(float))  # float64 with jax_enable_x64
            return Dtypes(default, default)
        return None

    def flushes_subnormals(self, dtype: Any) -> bool:
        return True  # XLA on CPU and TPU

    def concrete(self, eps: Array) -> float | None:
        return None if isinstance(eps, jax.core.Tracer) else float(eps)

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        return "JAX arrays are immutable"

    def cast(self, x: Array, dtype: Any) -> Array:
        return x.astype(dtype)

    def evaluate(self, call: Call, x: Array, out: None) -> Array:
        function, dtypes, bounds = call
        compiled = _COMPILED.get((function.stepwise, function.derivative, dtypes.result))
        if compiled is None:
            compiled = _compile(function, dtypes)
        return compiled(x, bounds)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _differentiable(
    function: Elementwise, dtypes: Dtypes, x: Array, bounds: Bounds | None
) -> Array:
    x = x.astype(dtypes.computing)
    if bounds:
        x = jnp.clip(x, *bounds)
    return function.stepwise(x, jnp).astype(dtypes.result)


@_differentiable.defjvp
def _jvp(function: Elementwise, dtypes: Dtypes, primals: Any, tangents: Any) -> Any:
    x, bounds = primals
    alike = dtypes._replace(result=dtypes.computing)

    def evaluate(record: Elementwise, x: Array) -> Array:
        return _differentiable(record, alike, x, None)

    slope = Call(function, dtypes, bounds).slope(x.astype(dtypes.computing), evaluate, jnp)
    tangent = (slope * tangents[0].astype(dtypes.computing)).astype(dtypes.result)
    return _differentiable(function, dtypes, x, bounds), tangent


def _compile(function: Elementwise, dtypes: Dtypes) -> Any:
    def values(x: Array, bounds: Bounds | None) -> Array:
        return _differentiable(function, dtypes, x.astype(dtypes.result), bounds)

    values.__name__ = function.name  # in profiles
    key = (function.stepwise, function.derivative, dtypes.result)
    return _COMPILED.setdefault(key, jax.jit(values))


STRATEGY: Direct = Jax()
