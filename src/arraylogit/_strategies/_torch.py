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
            wide = x.device.type == "cpu"  # for 32 bits a part too
            return Dtypes(torch.complex128 if wide else dtype, dtype, complex=True)
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
        computing, result, _ = dtypes
        x = x.to(result)
        if out is not None:
            return _write(function, x, computing, bounds, out)
        lower, upper = bounds or (None, None)
        requires_grad = x.requires_grad and torch.is_grad_enabled()
        if torch.compiler.is_compiling():
            if requires_grad:
                return _Pointwise.apply(x, lower, upper, function, computing)  # type: ignore[no-untyped-call]
            return _evaluate(function, x, computing, bounds)
        primal, tangent = _unpack_dual(x)
        if tangent is not None:
            # By hand: a Function inside torch.func.jvp inside another loses the outer tangent.
            y = self.evaluate(function, primal, dtypes, bounds, None)
            tangent = _times_slope(function, primal, computing, bounds, tangent)
            return forward_ad.make_dual(y, tangent)  # type: ignore[no-untyped-call]
        if requires_grad or _transforms_active():
            return _PointwiseForwardMode.apply(x, lower, upper, function, computing)  # type: ignore[no-untyped-call]
        return _evaluate(function, x, computing, bounds)


# Inside torch.func's transforms, x may hide the level that differentiates it. Private to torch:
# without it, every call goes through the Function, which is right but slow.
_transforms_active = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)


def _unpack_dual(x: Array) -> Any:
    try:
        return forward_ad.unpack_dual(x)  # type: ignore[no-untyped-call]
    except RuntimeError:  # torch.vmap has no rule for it: leave a batch of duals to the Function
        return x, None


class _Pointwise(torch.autograd.Function):
    @staticmethod
    def forward(
        x: Array, lower: Any, upper: Any, function: "Elementwise", computing: Any
    ) -> Array:
        return _evaluate(function, x, computing, _bounds(lower, upper))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Array) -> None:
        x, ctx.lower, ctx.upper, ctx.function, ctx.computing = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Array) -> Any:
        # The conjugates, which reals are their own: torch's convention for complex gradients.
        gradient = _from_context(ctx, gradient.conj()).conj().resolve_conj()
        return gradient, None, None, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, x: Array, lower: Any, upper: Any, function: Any, computing: Any
    ) -> Any:
        # The function is elementwise: a batch is one more dimension, the first. It is called
        # anew, so that duals and further batches inside x are seen.
        x_dim, lower_dim, upper_dim = in_dims[:3]
        x = x.expand(info.batch_size, *x.shape) if x_dim is None else x.movedim(x_dim, 0)
        bounds = _bounds(_batch(lower, lower_dim, x.ndim), _batch(upper, upper_dim, x.ndim))
        return STRATEGY.evaluate(function, x, Dtypes(computing, x.dtype), bounds, None), 0


def _batch(bound: Any, dim: int | None, ndim: int) -> Any:
    if dim is None:
        return bound
    bound = bound.movedim(dim, 0)
    return bound.reshape(bound.shape[0], *[1] * (ndim - bound.ndim), *bound.shape[1:])


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
    return _times_slope(ctx.function, x, ctx.computing, _bounds(ctx.lower, ctx.upper), factor)


def _times_slope(
    function: "Elementwise", x: Array, computing: Any, bounds: Bounds | None, factor: Array
) -> Array:
    slope = function.slope(x.to(computing), bounds, torch)
    return (factor.to(computing) * slope).to(x.dtype)


def _bounds(lower: Any, upper: Any) -> Bounds | None:
    return None if lower is None else Bounds(lower, upper)


def _values(function: "Elementwise", x: Array, computing: Any, bounds: Bounds | None) -> Array:
    result = x.dtype
    x = x.to(computing)
    if bounds:
        x = torch.clamp(x, *bounds)
    if x.device.type == "cpu" and computing.itemsize < 8:
        return function.wide_formula(x.double(), torch).to(result)
    return function.formula(x, torch).to(result)


def _splits(x: Array, bounds: Bounds | None) -> bool:
    return (
        not (bounds and isinstance(bounds.lower, torch.Tensor))
        and type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.device.type == "cpu"
        and x.numel() > BLOCK
        and not torch.compiler.is_compiling()
    )


def _evaluate(function: "Elementwise", x: Array, computing: Any, bounds: Bounds | None) -> Array:
    if _splits(x, bounds):
        return _write(function, x, computing, bounds, torch.empty_like(x))
    return _values(function, x, computing, bounds)


def _write(
    function: "Elementwise", x: Array, computing: Any, bounds: Bounds | None, out: Array
) -> Array:
    if not _splits(x, bounds):
        return out.copy_(_values(function, x, computing, bounds))
    if _overlap(x, out):
        x = x.clone()
    for block, y in _blocks(x, out, BLOCK * torch.get_num_threads()):
        y.copy_(_values(function, block, computing, bounds))
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
