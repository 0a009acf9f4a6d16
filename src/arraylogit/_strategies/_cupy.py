"""CuPy: the formula fused into one kernel."""

from functools import cache
from typing import Any

import cupy as cp

from arraylogit._record import Array, Bounds, Call, Dtypes, Elementwise
from arraylogit._strategies._direct import Direct, clamp


class CuPy(Direct):
    """Reads and writes device memory once, where CuPy's operators would do so for each."""

    flushes_subnormals = True  # in float32

    def __init__(self) -> None:
        super().__init__(cp)

    def dtypes(self, x: Array) -> Dtypes | None:
        dtype = x.dtype
        if dtype.kind == "f":
            return Dtypes(cp.dtype(cp.float32) if dtype.itemsize < 4 else dtype, dtype)
        if dtype.kind in "biu":
            return Dtypes(cp.dtype(cp.float64), cp.dtype(cp.float64))
        if dtype.kind == "c":
            return Dtypes(dtype, dtype, complex=True)
        return None

    def concrete(self, eps: Array) -> None:
        """Return None: to look at a value would be to wait for the device."""

    def can_cast(self, dtype: Any, to: Any) -> bool:
        return bool(cp.can_cast(dtype, to, "same_kind"))

    def evaluate(self, call: Call, x: Array, out: Array | None) -> Array:
        function, dtypes, bounds = call
        if dtypes.complex:  # of functions that cannot be fused
            return super().evaluate(call, x, out)
        # cp.full sends the number as a kernel argument: nothing is copied from the host.
        arrays = bounds and bounds.map(
            lambda b: b if isinstance(b, cp.ndarray) else cp.full((), b, dtypes.computing)
        )
        y = _fused(function, dtypes, bool(bounds))(x, *(arrays or ()))
        if out is None:
            return y
        out[...] = y
        return out


@cache
def _fused(function: Elementwise, dtypes: Dtypes, clamped: bool) -> Any:
    def values(x: Array, bounds: Any) -> Array:
        x = x.astype(dtypes.computing)
        if bounds:
            x = clamp(x, bounds, cp)
        return function.stepwise(x, cp).astype(dtypes.result)

    if clamped:
        return cp.fuse(lambda x, lower, upper: values(x, Bounds(lower, upper)))
    return cp.fuse(lambda x: values(x, None))


STRATEGY: Direct = CuPy()
