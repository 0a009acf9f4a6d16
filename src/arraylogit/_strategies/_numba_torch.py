"""Numba's loops over the memory of torch's tensors."""

from typing import Any

import numpy as np
import torch

from arraylogit import _engine
from arraylogit._record import Array, Call

_DTYPES: dict[Any, Any] = {
    torch.float16: np.dtype(np.float16),
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}


def takes(*tensors: Array) -> bool:
    """Return whether NumPy can see the memory and the dtypes."""
    return all(t.is_cpu and t.dtype in _DTYPES for t in tensors)


def run(formula: Any, call: Call, x: Array, *factor: Array, out: Array | None = None) -> Array:
    """Return the values at `x`, in `out` if given; or the slope times a factor."""
    if out is None:
        out = torch.empty_like(x)
    name = "float32" if call.dtypes.result == torch.float32 else "float64"
    loops = _engine.loops(call.function, name)
    # Rounded to the computing dtype.
    bounds = call.bounds and call.bounds.map(_DTYPES[call.dtypes.computing].type)
    inputs = [_memory(t) for t in (x, *factor)]
    compiled = loops.slopes if factor else loops.values
    compiled(*inputs, bounds, _memory(out), _DTYPES[x.dtype])
    return out


def _memory(x: Array) -> Any:
    return x.detach().numpy() if x.requires_grad else x.numpy()
