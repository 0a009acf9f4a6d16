"""The array libraries that the command line knows: how to find them and pass arrays to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from arraylogit.testing.budgets import bound

Array = Any


class Library:
    """A library whose arrays are NumPy's; subclasses override what differs."""

    name: str
    module: str

    def installed(self) -> bool:
        """Return whether the library is there, without importing it."""
        return find_spec(self.module.partition(".")[0]) is not None

    @property
    def xp(self) -> Any:
        """The module, imported by the first use."""
        return import_module(self.module)

    def version(self) -> str:
        """Import the library and return its version."""
        package, _, _ = self.xp.__name__.partition(".")
        return str(import_module(package).__version__)

    def devices(self) -> list[str]:
        """Return one device of each kind, the default one first."""
        return ["cpu"]

    def dtypes(self, device: str) -> list[str]:
        """Return the real floating-point dtypes that arrays on a device can have."""
        bfloat16 = ["bfloat16"] if find_spec("ml_dtypes") else []
        return ["float16", *bfloat16, "float32", "float64"]

    def holds(self, dtype: np.dtype[Any], device: str) -> bool:
        """Return whether an array on a device can have this dtype of NumPy."""
        return dtype.name in self.dtypes(device)

    def remark(self) -> str:
        """Return a remark on these dtypes for the user."""
        return ""

    @contextmanager
    def ready_for(self, dtype: np.dtype[Any]) -> Iterator[None]:
        """Switch a library that has modes to one that has this dtype."""
        yield

    def put(self, x: np.ndarray, dtype: str, device: str) -> Array:
        """Return an array of the library, of a dtype that represents `x` exactly."""
        if dtype == "bfloat16":
            dtype = import_module("ml_dtypes").bfloat16
        return x.astype(dtype, copy=False)

    def get(self, y: Array) -> np.ndarray:
        """Return an array of the library as one of NumPy (float32 for bfloat16)."""
        return np.asarray(y)

    def row(self, device: str) -> str:
        """Return the name of a device in budgets.toml."""
        return self.module.partition(".")[0]

    def bound(self, function: str, dtype: str, device: str) -> float:
        """Return the largest error that the function may have, in ULP."""
        return bound("value", function, dtype, self.row(device))


class NumPy(Library):
    name = module = "numpy"

    def holds(self, dtype: np.dtype[Any], device: str) -> bool:
        return True


class Torch(Library):
    name = module = "torch"

    def devices(self) -> list[str]:
        accelerator = self.xp.accelerator
        there = accelerator.is_available()
        return ["cpu", accelerator.current_accelerator().type] if there else ["cpu"]

    def row(self, device: str) -> str:
        return "torch:eager" if device == "cpu" else f"torch:{device}:eager"

    def dtypes(self, device: str) -> list[str]:
        narrow = ["float16", "bfloat16", "float32"]
        return narrow if device == "mps" else [*narrow, "float64"]

    def put(self, x: np.ndarray, dtype: str, device: str) -> Array:
        host = x.astype("float32" if dtype == "bfloat16" else dtype, copy=False)
        return self.xp.asarray(host, dtype=getattr(self.xp, dtype), device=device)

    def get(self, y: Array) -> np.ndarray:
        return np.asarray((y.float() if y.dtype == self.xp.bfloat16 else y).cpu())


class Jax(Library):
    name = module = "jax"

    def row(self, device: str) -> str:
        return "jax:eager"

    def remark(self) -> str:
        return "" if self._x64() else "float64: set JAX_ENABLE_X64=1"

    def devices(self) -> list[str]:
        default = self.xp.default_backend()
        return ["cpu"] if default == "cpu" else [default, "cpu"]

    def dtypes(self, device: str) -> list[str]:
        narrow = ["float16", "bfloat16", "float32"]
        return [*narrow, "float64"] if self._x64() else narrow

    @contextmanager
    def ready_for(self, dtype: np.dtype[Any]) -> Iterator[None]:
        before, update = self._x64(), self.xp.config.update
        update("jax_enable_x64", before or dtype == np.float64)
        try:
            yield
        finally:
            update("jax_enable_x64", before)

    def _x64(self) -> bool:
        return bool(self.xp.numpy.result_type(float) == np.float64)

    def put(self, x: np.ndarray, dtype: str, device: str) -> Array:
        host = x.astype(self.xp.numpy.dtype(dtype), copy=False)
        return self.xp.device_put(host, self.xp.devices(device)[0])


class Dask(NumPy):
    name = "dask"
    module = "dask.array"

    def put(self, x: np.ndarray, dtype: str, device: str) -> Array:
        return self.xp.from_array(super().put(x, dtype, device))

    def get(self, y: Array) -> np.ndarray:
        return np.asarray(y.compute())


class CuPy(Library):
    name = module = "cupy"

    def devices(self) -> list[str]:
        return ["cuda"] if self.xp.cuda.is_available() else []

    def dtypes(self, device: str) -> list[str]:
        return ["float16", "float32", "float64"]

    def put(self, x: np.ndarray, dtype: str, device: str) -> Array:
        return self.xp.asarray(x, dtype=dtype)

    def get(self, y: Array) -> np.ndarray:
        return np.asarray(y.get())


class Strict(Library):
    name = "array-api-strict"
    module = "array_api_strict"

    def devices(self) -> list[str]:
        return ["CPU_DEVICE"]  # the others are simulated, for tests

    def dtypes(self, device: str) -> list[str]:
        return ["float32", "float64"]

    def put(self, x: np.ndarray, dtype: str, device: str) -> Array:
        xp = self.xp
        return xp.asarray(x, dtype=getattr(xp, dtype), device=xp.Device(device))


_ROWS: tuple[Library, ...] = (NumPy(), Torch(), Jax(), Dask(), CuPy(), Strict())
LIBRARIES = {library.name: library for library in _ROWS}
