"""JAX, on CPU and GPU: eager, compiled, and compiled without float64."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from typing import Any

import numpy as np

from arraylogit.testing.backends.base import Backend, Function


@cache
def _devices() -> dict[str, Any]:
    import jax

    # Two for transform/shard: simulated, if nothing has been computed yet.
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a GPU that is there but not supported
        devices = {"cpu": jax.devices("cpu")[0]}
        if jax.default_backend() == "gpu":
            devices["cuda"] = jax.devices("gpu")[0]
    return devices


class Jax(Backend):
    module = "jax"
    features = frozenset(
        {"cheap", "compile", "derivative", "export", "immutable", "second", "shard", "traces"}
        | {"vmap"}
    )
    modes = ("reverse", "forward")

    def __init__(self, name, x64=True, jit=False, platform="cpu"):
        super().__init__(name)
        self._x64, self._jit, self._platform = x64, jit, platform
        if not x64:
            self.dtypes, self.default = ("float16", "bfloat16", "float32"), "float32"

    def missing(self):
        if reason := super().missing():
            return reason
        return None if self._platform in _devices() else f"JAX sees no {self._platform}"

    def device(self):
        return "CPU" if self._platform == "cpu" else _devices()[self._platform].device_kind

    @contextmanager
    def settings(self):
        import jax

        before = jax.config.jax_enable_x64
        # For all threads, unlike the context manager of JAX.
        jax.config.update("jax_enable_x64", self._x64)
        try:
            with jax.default_device(_devices()[self._platform]):
                yield
        finally:
            jax.config.update("jax_enable_x64", before)

    def asarray(self, x):
        import jax

        return jax.device_put(np.array(x), _devices()[self._platform])

    def is_array(self, y):
        return isinstance(y, self.xp.Array) and y.devices() == {_devices()[self._platform]}

    def transform(self, f):
        return self.xp.jit(f) if self._jit else f

    def derivative(self, f, x, order, mode):
        return self._derived(f, order, mode)(x)

    @lru_cache(maxsize=64)  # noqa: B019  what is compiled is kept; backends live for ever
    def _derived(self, f: Function, order: int, mode: str) -> Function:
        one = self._pulled_back if mode == "reverse" else self._pushed_forward
        for _ in range(order):
            f = self.transform(one(f))
        return f

    def _pulled_back(self, f):
        def derivative(x):
            y, pull = self.xp.vjp(f, x)
            return pull(self.xp.numpy.ones_like(y))[0]

        return derivative

    def _pushed_forward(self, f):
        return lambda x: self.xp.jvp(f, (x,), (self.xp.numpy.ones_like(x),))[1]

    def vmap(self, f):
        return self.xp.vmap(f)

    def compile(self, f):
        return self.xp.jit(f)

    def export(self, f, x):
        return self.xp.export.export(self.xp.jit(f))(x).call

    def abstract(self, f, x):
        y = self.xp.eval_shape(f, x)
        return tuple(y.shape), str(y.dtype)

    def shard(self, f: Function) -> Function:
        """Return `f` mapped over the shards of a mesh of two devices, if there are two."""
        import jax
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        devices = jax.devices("gpu" if self._platform == "cuda" else self._platform)[:2]
        mesh, spec = Mesh(np.asarray(devices), ("i",)), PartitionSpec("i")
        mapped = jax.shard_map(f, mesh=mesh, in_specs=spec, out_specs=spec)
        return lambda x: mapped(jax.device_put(x, NamedSharding(mesh, spec)))

    @contextmanager
    def counting_traces(self) -> Iterator[list[str]]:
        """Collect a name for each function that is traced."""
        import jax.monitoring

        found: list[str] = []

        def listen(event, duration, **context):
            if event == "/jax/core/compile/jaxpr_trace_duration":
                found.append(str(context.get("fun_name", "")))

        jax.monitoring.register_event_duration_secs_listener(listen)
        try:
            yield found
        finally:
            jax.monitoring.unregister_event_duration_listener(listen)

    def differentiable(self, *orders):
        jax = self.xp

        def node(level):
            @jax.custom_jvp
            def f(x):
                like = jax.ShapeDtypeStruct(x.shape, x.dtype)
                return jax.pure_callback(orders[level], like, x, vmap_method="expand_dims")

            @f.defjvp
            def _(primals, tangents):
                return f(*primals), tangents[0] * node(level + 1)(*primals)

            return f

        return node(0)


ROWS = (
    Jax("jax:eager"),
    Jax("jax:jit", jit=True),
    Jax("jax:jit-x32", jit=True, x64=False),
    Jax("jax:cuda:eager", platform="cuda"),
    Jax("jax:cuda:jit", platform="cuda", jit=True),
)
