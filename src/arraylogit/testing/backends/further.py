"""Further libraries, whose adapters are a few lines each."""

from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import ml_dtypes
import numpy as np

from arraylogit.testing.backends.base import Backend
from arraylogit.testing.backends.jax import Jax


class Mlx(Backend):
    module = "mlx.core"
    dtypes = ("float16", "bfloat16", "float32")
    default = "float32"
    features = frozenset({"cheap", "writable"})

    def version(self):
        return str(self.xp.__version__)

    def device(self):
        return str(self.xp.default_device())

    def asarray(self, x):
        if x.dtype == ml_dtypes.bfloat16:
            return self.xp.array(x.astype(np.float32)).astype(self.xp.bfloat16)
        return self.xp.array(np.array(x))

    def to_numpy(self, y):
        if y.dtype == self.xp.bfloat16:
            return np.asarray(y.astype(self.xp.float32)).astype(ml_dtypes.bfloat16)
        return np.asarray(y)

    def flushes(self, dtype):
        # exp alone makes no subnormal numbers, in float32 and what is computed in it.
        takes, makes = super().flushes(dtype)
        small = self.to_numpy(self.xp.exp(self.asarray(np.float32([-88]))))
        return takes, makes or (dtype != "float16" and bool(small[0] == 0))


class Sparse(Backend):
    """pydata/sparse: zeros are not stored."""

    module = "sparse"
    dtypes = ("float16", "float32", "float64")
    features = frozenset({"cheap", "immutable"})

    def asarray(self, x):
        return self.xp.COO.from_numpy(np.array(x))

    def to_numpy(self, y):
        return y.todense()


class MArray(Backend):
    """Arrays of NumPy with a mask; none of the elements is masked."""

    module = "marray"
    dtypes = ("float32", "float64")
    features = frozenset({"cheap", "writable"})

    @cached_property
    def xp(self):
        # Once: arrays of different namespaces, even of the same library, are different types.
        return import_module("marray").masked_namespace(np)

    def asarray(self, x):
        return self.xp.asarray(np.array(x))

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
        return self.xp.asarray(np.array(x))

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

    def _session(self, f, dtype, ndim):
        import onnxruntime

        x = self.xp.argument(shape=(None,) * ndim, dtype=getattr(self.xp, dtype.name))
        model = self.xp.build({"x": x}, {"y": f(x)})
        return onnxruntime.InferenceSession(model.SerializeToString())


class Cubed(Backend):
    module = "cubed"
    dtypes = ("float32", "float64")
    features = frozenset({"immutable"})

    def asarray(self, x):
        # asarray takes no more than 1 MB
        return self.xp.from_array(np.array(x), chunks=tuple(max(n // 2 + 1, 1) for n in x.shape))

    def to_numpy(self, y):
        with np.errstate(all="ignore"):
            return np.asarray(y.compute())


class Quantity(Jax):
    """unxt: JAX arrays with a unit, here none."""

    module = "unxt"
    features = frozenset({"immutable"})
    modes = ()

    def asarray(self, x):
        return self.xp.Quantity(super().asarray(x), "")

    def to_numpy(self, y):
        return np.asarray(y.value)

    def is_array(self, y):
        return isinstance(y, self.xp.Quantity)


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
        return self.xp.asarray(x, copy=True, device="cpu")

    def to_numpy(self, y):
        return y.asnumpy()


ROWS = (
    Mlx("mlx"),
    Sparse("sparse"),
    MArray("marray"),
    Ndonnx("ndonnx"),
    Ndonnx("ndonnx:onnxruntime", onnxruntime=True),
    Cubed("cubed"),
    Quantity("unxt"),
    Dpnp("dpnp"),
)
