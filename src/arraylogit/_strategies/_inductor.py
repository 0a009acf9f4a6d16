"""torch's compiler: one kernel for a function, a dtype and a kind of bounds, of any length."""

from types import FunctionType
from typing import Any

import torch

from arraylogit._record import Array, Bounds, Call

_KERNELS: dict[Any, Any] = {}

# The kernels may be contracted to fused multiply-adds.
_OPTIONS: dict[str, Any] = {"cpp.enable_floating_point_contract_flag": "fast"}


def takes(x: Array, *others: Array) -> bool:
    """Return whether `x` is dense, of two elements or more."""
    # torch.compile would compile other versions for 0 and 1.
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
    # torch.compile would compile a version for each number of dimensions: a kernel gets vectors.
    with torch.no_grad():
        y = kernel(limits, *(_vector(t, x) for t in inputs)).as_strided(x.shape, x.stride())
    return y if out is None else out.copy_(y)


def _vector(x: Array, like: Array) -> Array:
    if x.stride() != like.stride():
        x = torch.empty_like(like).copy_(x)
    # Not a view: torch.compile guards on the base of a view too.
    vector = torch.empty(0, dtype=x.dtype, device=x.device)
    return vector.set_(x.untyped_storage(), x.storage_offset(), (x.numel(),), (1,))


def _order(x: Array) -> list[int]:
    return sorted(range(x.ndim), key=x.stride, reverse=True)


def _compile(formula: Any, call: Call) -> Any:
    def kernel(limits: list[Array], *inputs: Array) -> Array:
        bounded = call._replace(bounds=Bounds(*limits) if limits else None)
        return formula(bounded, *inputs).to(inputs[0].dtype)

    # A code object of its own: torch.compile limits the number of versions of each.
    code = kernel.__code__.replace(co_name=f"{call.function.name}{formula.__name__}")
    own = FunctionType(code, kernel.__globals__, code.co_name, None, kernel.__closure__)
    return torch.compile(own, fullgraph=True, dynamic=True, options=_OPTIONS)
