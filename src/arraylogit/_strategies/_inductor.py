"""torch's compiler: one kernel for a function, a dtype and a kind of bounds, of any length."""

from types import FunctionType
from typing import Any

import torch

from arraylogit._record import Array, Bounds, Call

_KERNELS: dict[Any, Any] = {}

# What is used twice is lowered once, not once for each use: the same code in a fifth of the time.
_OPTIONS: dict[str, Any] = {"realize_opcount_threshold": 5}


def takes(x: Array, *others: Array) -> bool:
    """Return whether `x` is dense, of two elements or more."""
    # torch.compile makes other versions for 0 and 1.
    return bool(x.numel() > 1 and x.permute(_order(x)).is_contiguous())


def run(formula: Any, call: Call, *inputs: Array, out: Array | None = None) -> Array:
    """Return ``formula(call, *inputs)`` in the dtype of the first input, in `out` if given."""
    function, dtypes, bounds = call
    x, computing = inputs[0], dtypes.computing
    key = formula, function.stepwise, function.derivative, dtypes, x.device.type, not bounds
    kernel = _KERNELS.get(key)
    if kernel is None:
        kernel = _KERNELS.setdefault(key, _compile(formula, call))
    limits = [torch.full((), b, dtype=computing, device=x.device) for b in bounds or ()]
    # torch.compile makes a version for each number of dimensions: a kernel sees vectors alone.
    with torch.no_grad():
        y = kernel(limits, *(_vector(t, x) for t in inputs)).as_strided(x.shape, x.stride())
    return y if out is None else out.copy_(y)


def _vector(x: Array, like: Array) -> Array:
    if x.stride() != like.stride():
        x = torch.empty_like(like).copy_(x)
    # No view, for torch.compile looks at what a view is of, too.
    vector = torch.empty(0, dtype=x.dtype, device=x.device)
    return vector.set_(x.untyped_storage(), x.storage_offset(), (x.numel(),), (1,))


def _order(x: Array) -> list[int]:
    return sorted(range(x.ndim), key=x.stride, reverse=True)


def _compile(formula: Any, call: Call) -> Any:
    def kernel(limits: list[Array], *inputs: Array) -> Array:
        bounded = call._replace(bounds=Bounds(*limits) if limits else None)
        return formula(bounded, *inputs).to(inputs[0].dtype)

    # With code of its own: torch.compile keeps a limited number of versions for each.
    code = kernel.__code__.replace(co_name=f"{call.function.name}{formula.__name__}")
    own = FunctionType(code, kernel.__globals__, code.co_name, None, kernel.__closure__)
    return torch.compile(own, fullgraph=True, dynamic=True, options=_OPTIONS)
