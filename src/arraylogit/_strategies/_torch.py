"""torch: one autograd.Function, and blocks that stay in cache in eager mode on the CPU."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import forward_ad

from arraylogit._strategies._direct import Bounds, Direct, Dtypes

if TYPE_CHECKING:
    from arraylogit._elementwise import Elementwise

Array = Any

# Elements a block and thread: see the NumPy strategy. torch shares an operation between threads
# in chunks of at least this size.
BLOCK = 32768


class Torch(Direct):
    """Saves one tensor for the backward pass; on the CPU, evaluates float32 in float64."""

    def __init__(self) -> None:
        super().__init__(torch)

    def dtypes(self, x: Array) -> Dtypes | None:
        dtype = x.dtype
        if dtype.is_complex:
            return None
        if not dtype.is_floating_point:
            dtype = torch.get_default_dtype()
        return Dtypes(torch.float32 if dtype.itemsize < 4 else dtype, dtype)

    def concrete(self, eps: Array) -> float | None:
        if torch.compiler.is_compiling() or eps.device.type != "cpu":  # no synchronisation
            return None
        try:
            return float(eps.detach().item())
        except RuntimeError:  # under torch.vmap, and in FakeTensor and meta tensors
            return None

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        if torch.is_grad_enabled() and (x.requires_grad or out.requires_grad):
            return "`out` is not differentiated, and `input` or `out` requires a gradient"
        if any(step == 0 and n > 1 for step, n in zip(out.stride(), out.shape, strict=True)):
            return "its elements share memory"
        return None

    def device(self, x: Array) -> Any:
        return x.device

    def can_cast(self, dtype: Any, to: Any) -> bool:
        return bool(torch.can_cast(dtype, to))

    def cast(self, x: Array, dtype: Any) -> Array:
        return x.to(dtype)

    def evaluate(
        self,
        function: "Elementwise",
        x: Array,
        dtypes: Dtypes,
        bounds: Bounds | None,
        out: Array | None,
    ) -> Array:
        if not x.dtype.is_floating_point:
            x = x.to(dtypes.result)
        if out is not None:
            return _write(function, x, dtypes, bounds, out)
        lower, upper = bounds or (None, None)
        requires_grad = x.requires_grad and torch.is_grad_enabled()
        if torch.compiler.is_compiling():
            if requires_grad:
                return _Pointwise.apply(x, lower, upper, function, dtypes)  # type: ignore[no-untyped-call]
            return _evaluate(function, x, dtypes, bounds)
        primal, tangent = _unpack_dual(x)
        if tangent is not None:
            # By hand: a Function inside torch.func.jvp inside another loses the outer tangent.
            y = self.evaluate(function, primal, dtypes, bounds, None)
            return forward_ad.make_dual(y, _times_slope(function, primal, dtypes, bounds, tangent))
        if requires_grad or _transforms_active():
            return _PointwiseForwardMode.apply(x, lower, upper, function, dtypes)  # type: ignore[no-untyped-call]
        return _evaluate(function, x, dtypes, bounds)


# Inside torch.func's transforms, x may hide the level that differentiates it. Private to torch:
# without it, every call goes through the Function, which is right but slow.
_transforms_active = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)


def _unpack_dual(x: Array) -> Any:
    try:
        return forward_ad.unpack_dual(x)  # type: ignore[no-untyped-call]
    except RuntimeError:  # torch.vmap has no rule for it: leave a batch of duals to the Function
        return x, None


class _Pointwise(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Array, lower: Any, upper: Any, function: "Elementwise", dtypes: Dtypes
    ) -> Array:
        return _evaluate(function, x, dtypes, _bounds(lower, upper))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Array) -> None:
        x, ctx.lower, ctx.upper, ctx.function, ctx.dtypes = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Array) -> Any:
        return _from_context(ctx, gradient), None, None, None, None


class _PointwiseForwardMode(_Pointwise):
    # Apart, because torch.compile refuses a Function that defines jvp.
    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Array) -> None:
        _Pointwise.setup_context(ctx, inputs, output)
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def jvp(ctx: Any, tangent: Array, *_: None) -> Array:
        return _from_context(ctx, tangent)


def _from_context(ctx: Any, factor: Array) -> Array:
    (x,) = ctx.saved_tensors
    return _times_slope(ctx.function, x, ctx.dtypes, _bounds(ctx.lower, ctx.upper), factor)


def _times_slope(
    function: "Elementwise", x: Array, dtypes: Dtypes, bounds: Bounds | None, factor: Array
) -> Array:
    slope = function.slope(x.to(dtypes.computing), bounds, torch)
    return (factor.to(dtypes.computing) * slope).to(x.dtype)


def _bounds(lower: Any, upper: Any) -> Bounds | None:
    return None if lower is None else Bounds(lower, upper)


def _values(function: "Elementwise", x: Array, dtypes: Dtypes, bounds: Bounds | None) -> Array:
    x = x.to(dtypes.computing)
    if bounds:
        x = torch.clamp(x, *bounds)
    if x.device.type == "cpu" and dtypes.computing.itemsize < 8:
        return function.wide_formula(x.double(), torch).to(dtypes.result)
    return function.formula(x, torch).to(dtypes.result)


def _splits(x: Array) -> bool:
    return (
        type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.device.type == "cpu"
        and x.numel() > BLOCK
        and not torch.compiler.is_compiling()
    )


def _evaluate(function: "Elementwise", x: Array, dtypes: Dtypes, bounds: Bounds | None) -> Array:
    if _splits(x):
        return _write(function, x, dtypes, bounds, torch.empty_like(x))
    return _values(function, x, dtypes, bounds)


def _write(
    function: "Elementwise", x: Array, dtypes: Dtypes, bounds: Bounds | None, out: Array
) -> Array:
    if not _splits(x):
        return out.copy_(_values(function, x, dtypes, bounds))
    if _overlap(x, out):
        x = x.clone()
    for block, y in _blocks(x, out, BLOCK * torch.get_num_threads()):
        y.copy_(_values(function, block, dtypes, bounds))
    return out


def _overlap(x: Array, out: Array) -> bool:
    same_storage = x.untyped_storage().data_ptr() == out.untyped_storage().data_ptr()
    return same_storage and not out.is_set_to(x)


def _blocks(x: Array, out: Array, size: int) -> Iterator[tuple[Array, Array]]:
    """Split both tensors alike into views of at most `size` elements, in the order of memory."""
    order = sorted(range(x.ndim), key=out.stride, reverse=True)
    x, out = x.permute(order), out.permute(order)
    if x.is_contiguous() and out.is_contiguous():
        x, out = x.view(-1), out.view(-1)
    yield from _split(x, out, size)


def _split(x: Array, out: Array, size: int) -> Iterator[tuple[Array, Array]]:
    row = x[0].numel()
    if row > size:
        for pair in zip(x, out, strict=True):
            yield from _split(*pair, size)
    else:
        yield from zip(x.split(size // row), out.split(size // row), strict=True)


STRATEGY: Direct = Torch()
