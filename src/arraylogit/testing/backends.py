"""Where a function can run: a row for each library, device and mode.

A backend makes arrays from NumPy's and gives them back, transforms and differentiates functions
as its library does, and says what it can do. It is a context manager: everything else is done
inside, where the library's settings are those of the backend. A library is imported by the first
use, never by this module.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import cache, cached_property, lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import ml_dtypes
import numpy as np

from arraylogit.testing.budgets import bound

Array = Any
Function = Callable[..., Any]

FLOATS = ("float16", "bfloat16", "float32", "float64")

FEATURES = {
    "backwards": "its slices have no negative steps",
    "cheap": "every new shape, dtype or eps would take seconds to compile: see the eager backend",
    "chunks": "the arrays are in one piece",
    "compile": "it compiles nothing",
    "derivative": "it differentiates nothing",
    "errstate": "its operations do not raise NumPy's floating-point errors",
    "export": "it exports no programs",
    "fork": "it does not survive a fork",
    "immutable": "its arrays can be written to",
    "lazy": "its arrays hold values, not plans",
    "second": "it has no second derivatives",
    "shard": "it shards nothing",
    "order": "the order of axes in memory cannot be chosen",
    "traces": "it traces nothing",
    "views": "its slices are copies",
    "vmap": "it maps nothing over a batch",
    "writable": "its arrays cannot be written to",
}
"""What only some backends can do, and what is said of one that cannot."""


def dtype_of(name: str) -> np.dtype:
    """Return the dtype of NumPy or ml_dtypes of a name."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


class Backend(AbstractContextManager):
    """NumPy's arrays, and what a subclass changes.

    Attributes
    ----------
    name : str
        ``library``, ``library:mode`` or ``library:device:mode``.
    dtypes : tuple of str
        The real floating-point ones.
    default : str
        The one that integers become.
    features : frozenset of str
        Some of `FEATURES`.
    modes : tuple of str
        Ways to differentiate.
    of_ours : bool
        Whether it differs from another backend for our functions alone.
    """

    module = "numpy"
    dtypes: tuple[str, ...] = FLOATS
    default = "float64"
    features = frozenset({"backwards", "cheap", "errstate", "fork", "order", "views", "writable"})
    modes: tuple[str, ...] = ()
    of_ours = False

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    @property
    def library(self) -> str:
        """The first part of the name."""
        return self.name.partition(":")[0]

    @property
    def writable(self) -> bool:
        """Whether its arrays can be written to."""
        return "writable" in self.features

    @property
    def flushes_subnormals(self) -> bool:
        """Whether it takes subnormal numbers of float32 for 0."""
        return self.flushes("float32")[0]

    @property
    def evaluates_wide(self) -> bool:
        """Whether our functions are evaluated in float64 there, for float32."""
        return bound("value", "logit", "float32", self.name) < 0.51

    def array(self, values: Any, dtype: Any = None) -> Array:
        """Return an array of the library with values that NumPy can read."""
        return self.asarray(np.array(values, dtype_of(dtype) if isinstance(dtype, str) else dtype))

    def missing(self) -> str | None:
        """Return why the backend cannot run here, or None."""
        package = self.module.partition(".")[0]
        return None if find_spec(package) else f"{package} is not installed"

    def version(self) -> str:
        """Return the version of the library."""
        return str(import_module(self.module.partition(".")[0]).__version__)

    def device(self) -> str:
        """Return what the library calls the hardware."""
        return "CPU"

    def settings(self) -> AbstractContextManager:
        """Return the context that functions run in."""
        return nullcontext()

    def __enter__(self) -> "Backend":
        self._stack = ExitStack()
        self._stack.enter_context(self.settings())
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.close()

    def asarray(self, x: np.ndarray) -> Array:
        """Return an array of the library with a copy of the values and the dtype of `x`."""
        return np.array(x)

    def to_numpy(self, y: Array) -> np.ndarray:
        """Return the values of an array of the library."""
        return np.asarray(y)

    def layouts(self, values: np.ndarray) -> Iterator[tuple[str, Array, np.ndarray]]:
        """Yield arrays in all the ways that they can lie in memory, and what each holds.

        Parameters
        ----------
        values : ndarray
            What they are views of, of three axes.
        """
        x = self.asarray(values)
        for name, index in {
            "every other": np.s_[:, ::2, 1::3],
            "one row": np.s_[1, ...],
            "one column": np.s_[..., 1],
        }.items():
            yield name, x[index], values[index]
        yield "transposed", self.asarray(values[0]).T, values[0].T
        yield from self.strange_layouts(values)

    def strange_layouts(self, values: np.ndarray) -> Iterator[tuple[str, Array, np.ndarray]]:
        """Yield those that only some libraries have."""
        yield from self._steps(np.array(values), np.broadcast_to)
        if values.dtype != ml_dtypes.bfloat16:
            yield "bytes swapped", values.astype(values.dtype.newbyteorder()), values
        misaligned = np.empty(values.nbytes + 1, np.uint8)[1:].view(values.dtype)
        misaligned = misaligned.reshape(values.shape)
        misaligned[...] = values
        yield "misaligned", misaligned, values

    def _steps(self, x: Array, broadcast_to: Function) -> Iterator[tuple[str, Array, np.ndarray]]:
        values = self.to_numpy(x)
        for name, index in {
            "all axes backwards": np.s_[::-1, ::-1, ::-1],
            "one axis backwards": np.s_[:, ::-1, :],
            "every other backwards": np.s_[0, 0, ::-2],
        }.items():
            yield name, x[index], values[index]
        index = np.s_[:, :1, :]
        repeated = np.broadcast_to(values[index], values.shape)
        yield "repeated by a stride of 0", broadcast_to(x[index], values.shape), repeated
        yield "one number", broadcast_to(x[0, 0, 1], (7, 9)), np.full((7, 9), values[0, 0, 1])

    def is_array(self, y: Any) -> bool:
        """Return whether `y` is an array of the library, on the device of the backend."""
        return type(y) is type(self.asarray(np.zeros(1))) or isinstance(y, np.generic)

    def dtype_name(self, y: Array) -> str:
        """Return NumPy's name for the dtype of an array."""
        return str(y.dtype).rpartition(".")[2]

    def transform(self, f: Function) -> Function:
        """Return `f` as the mode runs it."""
        return f

    def derivative(self, f: Function, x: Array, order: int, mode: str) -> Array:
        """Return the derivative of an elementwise function, one of `modes`."""
        raise NotImplementedError(f"{self.name} differentiates nothing")

    def flushes(self, dtype: str) -> tuple[bool, bool]:
        """Return whether subnormal numbers are taken for 0, and whether they become 0."""
        info = ml_dtypes.finfo(dtype_of(dtype))
        tiny = np.asarray([info.smallest_subnormal, info.smallest_normal], dtype_of(dtype))
        with np.errstate(all="ignore"):
            up = self.to_numpy(self.asarray(tiny[:1]) * 2.0**10)
            down = self.to_numpy(self.asarray(tiny[1:]) * 0.5)
        return bool(up[0] == 0), bool(down[0] == 0)


class Dask(Backend):
    module = "dask.array"
    features = frozenset({"cheap", "chunks", "immutable", "lazy"})

    def asarray(self, x):
        import dask.array

        # Two chunks along every axis, with a remainder.
        return dask.array.from_array(np.array(x), tuple(max(n // 2 + 1, 1) for n in x.shape))

    def to_numpy(self, y):
        return np.asarray(y.compute(scheduler="synchronous"))

    def is_array(self, y):
        import dask.array

        return isinstance(y, dask.array.Array)

    @staticmethod
    @contextmanager
    def computing_nothing() -> Iterator[None]:
        """Raise wherever something is computed."""
        import dask

        def refuse(*args, **kwargs):
            raise AssertionError("a lazy array was computed")

        with dask.config.set(scheduler=refuse):
            yield

    @staticmethod
    def layers(y) -> int:
        """Return how many layers the graph of an array has."""
        return len(y.dask.layers)


class Strict(Backend):
    """array-api-strict: what the standard does not promise is an error."""

    module = "array_api_strict"
    features = frozenset({"backwards", "cheap", "views", "writable"})

    def __init__(self, name, device="CPU_DEVICE", version="2025.12"):
        super().__init__(name)
        self._device, self._version = device, version
        narrow = device in ("no_float64", "no_x64")
        self.dtypes = ("float32",) if narrow else ("float32", "float64")
        self.default = "float32" if narrow or device == "device2" else "float64"

    def device(self):
        return self._device

    def settings(self):
        import array_api_strict

        return array_api_strict.ArrayAPIStrictFlags(api_version=self._version)

    def asarray(self, x):
        import array_api_strict as xp

        return xp.asarray(np.array(x), device=xp.Device(self._device))

    def strange_layouts(self, values):
        return self._steps(self.asarray(values), import_module(self.module).broadcast_to)

    def to_numpy(self, y):
        import array_api_strict as xp

        return np.asarray(y.to_device(xp.Device("CPU_DEVICE")))

    def is_array(self, y):
        import array_api_strict as xp

        return type(y) is type(xp.asarray(0.0)) and y.device == xp.Device(self._device)


class CuPy(Backend):
    module = "cupy"
    dtypes = ("float16", "float32", "float64")
    features = frozenset({"backwards", "cheap", "order", "views", "writable"})

    def missing(self):
        if reason := super().missing():
            return reason
        import cupy

        return None if cupy.cuda.is_available() else "CuPy sees no GPU"

    def device(self):
        import cupy

        return cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()

    def asarray(self, x):
        import cupy

        return cupy.asarray(x)

    def strange_layouts(self, values):
        return self._steps(self.asarray(values), import_module(self.module).broadcast_to)

    def to_numpy(self, y):
        return y.get()

    def is_array(self, y):
        import cupy

        return isinstance(y, cupy.ndarray)


class Torch(Backend):
    module = "torch"
    default = "float32"
    features = frozenset(
        {"cheap", "compile", "derivative", "export", "fork", "order", "second", "views"}
        | {"vmap", "writable"}
    )
    modes = ("reverse", "reverse with graph", "forward")

    def __init__(self, name, device="cpu"):
        super().__init__(name)
        self._device = device
        if device != "cpu":
            self.features -= {"fork"}

    def missing(self):
        if reason := super().missing():
            return reason
        import torch

        if self._device == "cuda" and not torch.cuda.is_available():
            return "torch sees no GPU"
        return None

    def device(self):
        import torch

        return "CPU" if self._device == "cpu" else torch.cuda.get_device_name()

    def settings(self):
        import torch._dynamo

        # As many versions as there are functions, dtypes and kinds of length.
        return torch._dynamo.config.patch(recompile_limit=1000, accumulated_recompile_limit=10_000)

    def asarray(self, x):
        import torch

        x = np.array(x)
        if x.dtype == ml_dtypes.bfloat16:
            return torch.from_numpy(x.view(np.uint16)).view(torch.bfloat16).to(self._device)
        return torch.from_numpy(x).to(self._device)

    def to_numpy(self, y):
        import torch

        y = y.detach().cpu()
        if y.dtype == torch.bfloat16:
            return y.contiguous().view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
        return y.numpy()

    def is_array(self, y):
        import torch

        return isinstance(y, torch.Tensor) and y.device.type == self._device

    def strange_layouts(self, values):
        # It has no negative strides.
        x = self.asarray(values)
        expanded = np.broadcast_to(values[:, :1], values.shape)
        yield "repeated by a stride of 0", x[:, :1].expand(values.shape), expanded
        yield "one number", x[0, 0, 1].expand(7, 9), np.full((7, 9), values[0, 0, 1])
        yield "axes in another order", x.permute(2, 0, 1), values.transpose(2, 0, 1)

    def derivative(self, f, x, order, mode):
        import torch

        if mode == "forward":
            for _ in range(order):
                f = self._pushed_forward(f)
            return f(x).detach()
        x = x.detach().requires_grad_()
        y = f(x)
        for i in reversed(range(order)):
            graph = mode == "reverse with graph" or i > 0
            (y,) = torch.autograd.grad(y, x, torch.ones_like(y), create_graph=graph)
        return y.detach()

    @staticmethod
    def _pushed_forward(f):
        import torch

        return lambda x: torch.func.jvp(f, (x,), (torch.ones_like(x),))[1]

    def vmap(self, f: Function) -> Function:
        """Return `f` mapped over the first axis."""
        import torch

        return torch.vmap(f)

    def compile(self, f: Function) -> Function:
        """Return `f` compiled as a whole, refusing a graph break, but without code of its own."""
        import torch

        return torch.compile(f, fullgraph=True, dynamic=True, backend="aot_eager")

    def export(self, f: Function, x: Array) -> Function:
        """Return `f` exported as a program, for arrays like `x`."""
        import torch

        class Module(torch.nn.Module):
            def forward(self, x):
                return f(x)

        return torch.export.export(Module(), (x,)).module()

    def abstract(self, f: Function, x: Array) -> tuple[tuple[int, ...], str]:
        """Return shape and dtype of the result, from those of `x` alone."""
        import torch

        y = f(torch.empty_like(x, device="meta"))
        if y.device.type != "meta":
            raise AssertionError("a meta tensor gave values")
        return tuple(y.shape), self.dtype_name(y)

    def differentiable(self, *orders: Function) -> Function:
        """Return a function of arrays from NumPy functions: it, its derivative, and so on."""
        import torch

        class Node(torch.autograd.Function):
            @staticmethod
            def forward(x, level):
                return self.asarray(orders[level](self.to_numpy(x)))

            @staticmethod
            def setup_context(ctx, inputs, output):
                x, ctx.level = inputs
                ctx.save_for_backward(x)
                ctx.save_for_forward(x)

            @staticmethod
            def backward(ctx, gradient):
                return gradient * Node.apply(ctx.saved_tensors[0], ctx.level + 1), None

            @staticmethod
            def jvp(ctx, tangent, _):
                return tangent * Node.apply(ctx.saved_tensors[0], ctx.level + 1)

        return lambda x: Node.apply(x, 0)


class _OnEngine:
    # Evaluated by an engine of arraylogit; another implementation runs as without it.
    of_ours = True

    def missing(self):
        return super().missing() or (None if find_spec("numba") else "numba is not installed")

    @contextmanager
    def settings(self):
        from arraylogit import engine

        with super().settings(), engine("numba"):
            yield


class NumbaOnNumPy(_OnEngine, Backend):
    pass


class NumbaOnTorch(_OnEngine, Torch):
    pass


INDUCTOR = {"realize_opcount_threshold": 5}
"""Options to compile long formulas: what is used twice is lowered once, not once for each use.

The same code comes out, in a fifth of the time.
"""


class TorchCompile(Torch):
    """Compiled by inductor: values and first derivatives, of arrays of any length."""

    features = frozenset({"derivative"})
    modes = ("reverse",)

    @contextmanager
    def settings(self):
        import torch._dynamo

        # Constants of kernels stay constants, as for arrays of one length.
        with super().settings(), torch._dynamo.config.patch(specialize_float=True):
            yield

    def transform(self, f):
        import torch

        return torch.compile(f, fullgraph=True, dynamic=True, options=INDUCTOR)


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
        return None if self._platform in _jax_devices() else f"JAX sees no {self._platform}"

    def device(self):
        return "CPU" if self._platform == "cpu" else _jax_devices()[self._platform].device_kind

    @contextmanager
    def settings(self):
        import jax

        before = jax.config.jax_enable_x64
        # For all threads, unlike the context manager of JAX.
        jax.config.update("jax_enable_x64", self._x64)
        try:
            with jax.default_device(_jax_devices()[self._platform]):
                yield
        finally:
            jax.config.update("jax_enable_x64", before)

    def asarray(self, x):
        import jax

        return jax.device_put(np.array(x), _jax_devices()[self._platform])

    def is_array(self, y):
        import jax

        return isinstance(y, jax.Array) and y.devices() == {_jax_devices()[self._platform]}

    def transform(self, f):
        import jax

        return jax.jit(f) if self._jit else f

    def derivative(self, f, x, order, mode):
        return self._derived(f, order, mode)(x)

    @lru_cache(maxsize=64)  # noqa: B019  what is compiled is kept; backends live for ever
    def _derived(self, f: Function, order: int, mode: str) -> Function:
        one = self._pulled_back if mode == "reverse" else self._pushed_forward
        for _ in range(order):
            f = self.transform(one(f))
        return f

    @staticmethod
    def _pulled_back(f):
        import jax

        def derivative(x):
            y, pull = jax.vjp(f, x)
            return pull(jax.numpy.ones_like(y))[0]

        return derivative

    @staticmethod
    def _pushed_forward(f):
        import jax

        return lambda x: jax.jvp(f, (x,), (jax.numpy.ones_like(x),))[1]

    def vmap(self, f):
        import jax

        return jax.vmap(f)

    def compile(self, f):
        import jax

        return jax.jit(f)

    def export(self, f, x):
        import jax

        return jax.export.export(jax.jit(f))(x).call

    def abstract(self, f, x):
        import jax

        y = jax.eval_shape(f, x)
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
        import jax

        def node(level):
            @jax.custom_jvp
            def f(x):
                return jax.pure_callback(
                    orders[level],
                    jax.ShapeDtypeStruct(x.shape, x.dtype),
                    x,
                    vmap_method="expand_dims",
                )

            @f.defjvp
            def _(primals, tangents):
                return f(*primals), tangents[0] * node(level + 1)(*primals)

            return f

        return node(0)


class Mlx(Backend):
    module = "mlx.core"
    dtypes = ("float16", "bfloat16", "float32")
    default = "float32"
    features = frozenset({"cheap", "writable"})

    def version(self):
        return str(import_module("mlx.core").__version__)

    def device(self):
        return str(import_module("mlx.core").default_device())

    def asarray(self, x):
        import mlx.core

        if x.dtype == ml_dtypes.bfloat16:
            return mlx.core.array(x.astype(np.float32)).astype(mlx.core.bfloat16)
        return mlx.core.array(np.array(x))

    def to_numpy(self, y):
        import mlx.core

        if y.dtype == mlx.core.bfloat16:
            return np.asarray(y.astype(mlx.core.float32)).astype(ml_dtypes.bfloat16)
        return np.asarray(y)

    def flushes(self, dtype):
        # exp alone makes no subnormal numbers, in float32 and what is computed in it.
        takes, makes = super().flushes(dtype)
        small = self.to_numpy(import_module("mlx.core").exp(self.asarray(np.float32([-88]))))
        return takes, makes or (dtype != "float16" and bool(small[0] == 0))


class Sparse(Backend):
    """pydata/sparse: zeros are not stored."""

    module = "sparse"
    dtypes = ("float16", "float32", "float64")
    features = frozenset({"cheap", "immutable"})

    def asarray(self, x):
        import sparse

        return sparse.COO.from_numpy(np.array(x))

    def to_numpy(self, y):
        return y.todense()


class MArray(Backend):
    """Arrays of NumPy with a mask; none of the elements is masked."""

    module = "marray"
    dtypes = ("float32", "float64")
    features = frozenset({"cheap", "writable"})

    @cached_property
    def _xp(self):
        # Once: arrays of different namespaces, even of the same library, are different types.
        return import_module("marray").masked_namespace(np)

    def asarray(self, x):
        return self._xp.asarray(np.array(x))

    def to_numpy(self, y):
        return np.asarray(y.data)


class Ndonnx(Backend):
    """ndonnx: arrays of known values; or a traced model, optimised and run by onnxruntime."""

    module = "ndonnx"
    dtypes = ("float16", "float32", "float64")

    def __init__(self, name, onnxruntime=False):
        super().__init__(name)
        self._onnxruntime = onnxruntime
        self.features = frozenset() if onnxruntime else frozenset({"writable"})

    def missing(self):
        absent = not find_spec("onnxruntime") and "onnxruntime is not installed"
        return super().missing() or (absent or None if self._onnxruntime else None)

    def version(self):
        from importlib.metadata import version

        names = ["ndonnx", "onnxruntime"] if self._onnxruntime else ["ndonnx"]
        return ", ".join(version(name) for name in names)

    def asarray(self, x):
        import ndonnx

        return ndonnx.asarray(np.array(x))

    def to_numpy(self, y):
        return y.unwrap_numpy()

    def transform(self, f):
        if not self._onnxruntime:
            return f
        models: dict[Any, Any] = {}

        def run(x):
            x = x.unwrap_numpy()
            key = x.dtype, x.ndim
            if key not in models:
                models[key] = self._session(f, *key)
            return self.asarray(models[key].run(None, {"x": x})[0])

        return run

    @staticmethod
    def _session(f, dtype, ndim):
        import ndonnx
        import onnxruntime

        x = ndonnx.argument(shape=(None,) * ndim, dtype=getattr(ndonnx, dtype.name))
        model = ndonnx.build({"x": x}, {"y": f(x)})
        return onnxruntime.InferenceSession(model.SerializeToString())


class Cubed(Backend):
    module = "cubed"
    dtypes = ("float32", "float64")
    features = frozenset({"immutable"})

    def asarray(self, x):
        import cubed

        # asarray takes no more than 1 MB
        return cubed.from_array(np.array(x), chunks=tuple(max(n // 2 + 1, 1) for n in x.shape))

    def to_numpy(self, y):
        with np.errstate(all="ignore"):
            return np.asarray(y.compute())


class Quantity(Jax):
    """unxt: JAX arrays with a unit, here none."""

    module = "unxt"
    features = frozenset({"immutable"})
    modes = ()

    def asarray(self, x):
        import unxt

        return unxt.Quantity(super().asarray(x), "")

    def to_numpy(self, y):
        return np.asarray(y.value)

    def is_array(self, y):
        import unxt

        return isinstance(y, unxt.Quantity)


class Dpnp(Backend):
    """dpnp: NumPy on SYCL, here on the CPU also where there is a GPU."""

    module = "dpnp"
    dtypes = ("float16", "float32", "float64")
    features = frozenset({"backwards", "cheap", "order", "views", "writable"})

    def missing(self):
        if reason := super().missing():
            return reason
        import dpctl

        return None if dpctl.has_cpu_devices() else "SYCL sees no CPU (.ci/dpnp says why)"

    def asarray(self, x):
        import dpnp

        return dpnp.asarray(x, copy=True, device="cpu")

    def strange_layouts(self, values):
        return self._steps(self.asarray(values), import_module(self.module).broadcast_to)

    def to_numpy(self, y):
        return y.asnumpy()


@cache
def _jax_devices() -> dict[str, Any]:
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


BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend("numpy"),
        NumbaOnNumPy("numpy:numba"),
        Dask("dask"),
        Strict("array_api_strict"),
        *(
            Strict(f"array_api_strict:{device}", device)
            for device in ("device1", "device2", "no_float64", "no_x64")
        ),
        *(Strict(f"array_api_strict:{v}", version=v) for v in ("2024.12", "2023.12", "2022.12")),
        Torch("torch:eager"),
        NumbaOnTorch("torch:numba"),
        TorchCompile("torch:compile"),
        Jax("jax:eager"),
        Jax("jax:jit", jit=True),
        Jax("jax:jit-x32", jit=True, x64=False),
        Mlx("mlx"),
        Sparse("sparse"),
        MArray("marray"),
        Ndonnx("ndonnx"),
        Ndonnx("ndonnx:onnxruntime", onnxruntime=True),
        Cubed("cubed"),
        Quantity("unxt"),
        Dpnp("dpnp"),
        CuPy("cupy:cuda"),
        Torch("torch:cuda:eager", "cuda"),
        TorchCompile("torch:cuda:compile", "cuda"),
        Jax("jax:cuda:eager", platform="cuda"),
        Jax("jax:cuda:jit", platform="cuda", jit=True),
    )
}
"""All of them, installed or not. A new library, device or mode is one row."""


def register(backend: Backend) -> Backend:
    """Add a row to those that are known."""
    if backend.name in BACKENDS:
        raise ValueError(f"two backends are called {backend.name}")
    BACKENDS[backend.name] = backend
    return backend


def backend(name: str) -> Backend:
    """Return the backend of a name."""
    if name not in BACKENDS:
        raise ValueError(f"no backend is called {name!r}: there are {', '.join(BACKENDS)}")
    return BACKENDS[name]


def others(than: Backend) -> list[Backend]:
    """Return a backend, of those that are here, for each library but that of a backend."""
    names = ("numpy", "torch:eager", "jax:eager", "array_api_strict", "dask")
    return [
        chosen
        for chosen in map(backend, names)
        # Subclasses are for arrays that hold those of the same library.
        if not isinstance(than, type(chosen)) or type(chosen) is Backend is not type(than)
        if chosen.name.partition(":")[0] != than.name.partition(":")[0]
        if not chosen.missing()
    ]


def select(prefixes: str) -> list[Backend]:
    """Return the backends that a comma-separated list of names or their beginnings means."""
    chosen = []
    for prefix in parts(prefixes):
        found = _beginning_with(prefix)
        if not found:
            raise ValueError(f"no backend begins with {prefix!r}: {', '.join(BACKENDS)}")
        chosen += [b for b in found if b not in chosen]
    return chosen


def absent(names: str) -> list[str]:
    """Return why what a comma-separated list names cannot run here.

    A name is that of backends, as for `select`, or of any other library to import. By the name of
    a library alone no GPU is meant.
    """
    reasons = []
    for name in parts(names):
        found = _beginning_with(name)
        for b in found:
            without_device = ":cuda" in b.name and ":cuda" not in name
            reason = Backend.missing(b) if without_device else b.missing()
            if reason:
                reasons.append(f"{b}: {reason}")
        if not found and not find_spec(name.partition(".")[0]):
            reasons.append(
                f"{name!r} is neither an installed library nor the beginning of a backend: "
                f"{', '.join(BACKENDS)}"
            )
    return reasons


def parts(names: str) -> list[str]:
    """Return the names of a comma-separated list."""
    return [name for part in names.split(",") if (name := part.strip())]


def _beginning_with(prefix: str) -> list[Backend]:
    return [b for b in BACKENDS.values() if f"{b.name}:".startswith(f"{prefix}:")]
