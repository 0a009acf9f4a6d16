"""The libraries that one test body runs on: a row each."""

import importlib.util
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

HALVES = ("float16", "bfloat16")


@dataclass(frozen=True)
class Library:
    """How to make arrays of a library, and what it can do."""

    name: str
    package: str
    dtypes: tuple[str, ...] = ("float32", "float64")
    default: str = "float64"  # dtype of the result for integers
    writable: bool = True
    flushes_subnormals: bool = False
    evaluates_wide: bool = False  # float32 in float64: correctly rounded
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.package) is not None

    def context(self):
        if self.name == "jax-x64":
            import jax

            return jax.enable_x64(True)
        if self.package == "array_api_strict":
            import array_api_strict

            return array_api_strict.ArrayAPIStrictFlags(api_version=self.options["version"])
        return nullcontext()

    def asarray(self, values, dtype=None):
        x = np.array(values, dtype=numpy_dtype(dtype))
        if self.package == "torch":
            import torch

            if x.dtype == ml_dtypes.bfloat16:
                return torch.from_numpy(x.view(np.uint16)).view(torch.bfloat16)
            return torch.from_numpy(x).to(self.options["device"])
        if self.package == "jax":
            import jax.numpy

            return jax.numpy.asarray(x)
        if self.package == "dask":
            import dask.array

            return dask.array.from_array(x, chunks=3 if 0 < x.size < 100 else "auto")
        if self.package == "array_api_strict":
            import array_api_strict

            device = array_api_strict.Device(self.options["device"])
            return array_api_strict.asarray(x, device=device)
        if self.package == "cupy":
            import cupy

            return cupy.asarray(x)
        return x

    def numpy(self, x):
        if self.package == "torch":
            import torch

            x = x.detach().cpu()
            if x.dtype == torch.bfloat16:
                return x.view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
            return x.numpy()
        if self.package == "array_api_strict":
            import array_api_strict

            x = x.to_device(array_api_strict.Device("CPU_DEVICE"))
        if self.package == "cupy":
            return x.get()
        return np.asarray(x)

    def dtype_name(self, x) -> str:
        return str(x.dtype).split(".")[-1]


def numpy_dtype(name):
    return ml_dtypes.bfloat16 if name == "bfloat16" else name


def _strict(version: str, device: str) -> Library:
    narrow = device in ("no_float64", "no_x64")
    return Library(
        f"strict-{version}-{device}",
        "array_api_strict",
        dtypes=("float32",) if narrow else ("float32", "float64"),
        default="float32" if narrow or device == "device2" else "float64",
        options={"version": version, "device": device},
    )


LIBRARIES = [
    Library("numpy", "numpy", (*HALVES, "float32", "float64"), evaluates_wide=True),
    Library(
        "torch",
        "torch",
        (*HALVES, "float32", "float64"),
        default="float32",
        evaluates_wide=True,
        options={"device": "cpu"},
    ),
    Library(
        "jax",
        "jax",
        (*HALVES, "float32"),
        default="float32",
        writable=False,
        flushes_subnormals=True,
    ),
    Library(
        "jax-x64", "jax", (*HALVES, "float32", "float64"), writable=False, flushes_subnormals=True
    ),
    Library("dask", "dask", (*HALVES, "float32", "float64"), writable=False, evaluates_wide=True),
    *(
        _strict("2025.12", device)
        for device in ("CPU_DEVICE", "device1", "device2", "no_float64", "no_x64")
    ),
    _strict("2023.12", "CPU_DEVICE"),
    Library(
        "torch:cuda",
        "torch",
        (*HALVES, "float32", "float64"),
        default="float32",
        options={"device": "cuda"},
    ),
    Library("cupy:cuda", "cupy", ("float16", "float32", "float64"), flushes_subnormals=True),
]


def why_not(library: Library) -> str | None:
    """Return why a library cannot run here, or None."""
    if not library.installed:
        return f"{library.package} is not installed"
    if library.name == "torch:cuda":
        import torch

        return None if torch.cuda.is_available() else "torch sees no GPU"
    if library.name == "cupy:cuda":
        import cupy

        return None if cupy.cuda.is_available() else "CuPy sees no GPU"
    return None
