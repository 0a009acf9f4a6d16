"""CuPy: the formula fused into one kernel."""

from functools import cache
from typing import Any

import cupy as cp
from array_api_compat import cupy as compat

from arraylogit._record import Array, Bounds, Call, Dtypes, Elementwise
from arraylogit._strategies._direct import Direct, Place, clamp, elements_overlap, overwrites


class CuPy(Direct):
    """Reads and writes device memory once a call, not once an operation as CuPy's operators do."""

    def __init__(self) -> None:
        super().__init__(compat)

    def dtypes(self, x: Array) -> Dtypes | None:
        dtype = x.dtype
        if dtype.kind == "f":
            return Dtypes(cp.dtype(cp.float32) if dtype.itemsize < 4 else dtype, dtype)
        if dtype.kind in "biu":
            return Dtypes(cp.dtype(cp.float64), cp.dtype(cp.float64))
        if dtype.kind == "c":
            return Dtypes(dtype, dtype, complex=True)
        return None

    def flushes_subnormals(self, dtype: Any) -> bool:
        return bool(dtype == cp.float32)  # by -ftz=true, which affects float32 alone

    def bounds(self, x: Array, computing: Any, eps: Any) -> Bounds:
        with x.device:
            return super().bounds(x, computing, eps)

    def concrete(self, eps: Array) -> None:
        """Return None: reading a value would wait for the device."""

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        if elements_overlap(out.shape, out.strides, out.itemsize):
            return "its elements share memory"
        return None

    def can_cast(self, dtype: Any, to: Any) -> bool:
        return bool(cp.can_cast(dtype, to, "same_kind"))

    def evaluate(self, call: Call, x: Array, out: Array | None) -> Array:
        function, dtypes, bounds = call
        with x.device:  # it may not be the current one
            if dtypes.complex:  # cp.fuse refuses some of the functions
                return super().evaluate(call, x, out)
            # A number is sent as a kernel argument: nothing is copied from the host. It is a NumPy
            # scalar, because CuPy 13 computes in float64 with a Python float.
            scalar = dtypes.computing.type
            values = [b if isinstance(b, cp.ndarray) else scalar(b) for b in bounds or ()]
            if out is None:
                return _fused(function, dtypes)(x, *values)
            if overwrites(_place(out), _place(x)):  # threads write while others read
                x = x.copy()
            _fused_into(function, dtypes)(out, x, *values)
            return out


def _place(x: Array) -> Place:
    return Place(x.data.ptr, x.strides, x.shape, x.itemsize)


# CuPy names a kernel after the function. If that is no name of C (such as "<lambda>"), it falls
# back on slower kernels for good, without a word.


@cache
def _fused(function: Elementwise, dtypes: Dtypes) -> Any:
    @cp.fuse(kernel_name=f"arraylogit_{function.name}")  # type: ignore[untyped-decorator]
    def values(x: Array, *bounds: Any) -> Array:
        x = x.astype(dtypes.computing)
        if bounds:
            x = clamp(x, Bounds(*bounds), cp)
        return function.stepwise(x, cp).astype(dtypes.result)

    return values


@cache
def _fused_into(function: Elementwise, dtypes: Dtypes) -> Any:
    values = _fused(function, dtypes)

    @cp.fuse(kernel_name=f"arraylogit_{function.name}_into")  # type: ignore[untyped-decorator]
    def write(out: Array, x: Array, *bounds: Any) -> None:
        out[...] = values(x, *bounds).astype(out.dtype)

    return write


STRATEGY: Direct = CuPy()
