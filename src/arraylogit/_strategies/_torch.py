"""torch: one autograd.Function, and blocks that stay in cache in eager mode on the CPU."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd import forward_ad

from arraylogit._record import Array, Bounds, Call, Dtypes, Elementwise
from arraylogit._strategies._direct import Direct, elements_overlap

_FLOAT32, _FLOAT64 = torch.float32, torch.float64
_BY_DTYPE = {
    torch.bfloat16: Dtypes(_FLOAT32, torch.bfloat16),
    torch.float16: Dtypes(_FLOAT32, torch.float16),
    _FLOAT32: Dtypes(_FLOAT32, _FLOAT32),
    _FLOAT64: Dtypes(_FLOAT64, _FLOAT64),
}

# Elements a block, on one thread or two: more than on NumPy, for torch takes microseconds to start
# an operation, and no more than 8 MiB of temporaries allow.
BLOCK = 49152


class Torch(Direct):
    """Saves one tensor for the backward pass; on the CPU, evaluates float32 in float64."""

    def __init__(self) -> None:
        super().__init__(torch)

    def dtypes(self, x: Array) -> Dtypes | None:
        dtype = x.dtype
        if dtype in _BY_DTYPE:
            return _BY_DTYPE[dtype]
        if dtype.is_complex:
            wide = x.device.type == "cpu"  # for 32 bits a part too
            return Dtypes(torch.complex128 if wide else dtype, dtype, complex=True)
        if dtype.is_floating_point:  # of 8 bits or fewer
            return Dtypes(_FLOAT32, dtype)
        return _BY_DTYPE[torch.get_default_dtype()]

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
        if elements_overlap(out.shape, out.stride(), 1):
            return "its elements share memory"
        return None

    def device(self, x: Array) -> Any:
        return x.device

    def can_cast(self, dtype: Any, to: Any) -> bool:
        return bool(torch.can_cast(dtype, to))

    def cast(self, x: Array, dtype: Any) -> Array:
        return x.to(dtype)

    def evaluate(self, call: Call, x: Array, out: Array | None) -> Array:
        function, dtypes, bounds = call
        if x.dtype != dtypes.result:
            x = x.to(dtypes.result)
        if out is not None:
            return _write(call, x, out)
        arguments = (x, *(bounds or (None, None)), function, dtypes)
        requires_grad = x.requires_grad and torch.is_grad_enabled()
        if torch.compiler.is_compiling():
            if requires_grad:
                return _Pointwise.apply(*arguments)  # type: ignore[no-untyped-call]
            return _evaluate(call, x)
        primal, tangent = _unpack_dual(x)
        if tangent is not None and (_transforms_active() or not requires_grad):
            # By hand: a Function inside torch.func.jvp inside another loses the outer tangent. But
            # what the backward pass saves must be the dual itself: else forward mode over reverse
            # mode would lose it there.
            y = self.evaluate(call, primal, None)
            tangent = _times_slope(call, primal, tangent)
            return forward_ad.make_dual(y, tangent)  # type: ignore[no-untyped-call]
        if tangent is None and not _transforms_active():
            if requires_grad:
                return _PointwiseUntransformed.apply(*arguments)  # type: ignore[no-untyped-call]
            return _evaluate(call, x)
        return _PointwiseForwardMode.apply(*arguments)  # type: ignore[no-untyped-call]


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
    def forward(x: Array, lower: Any, upper: Any, function: Elementwise, dtypes: Dtypes) -> Array:
        return _evaluate(Call(function, dtypes, _bounds(lower, upper)), x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, ctx.lower, ctx.upper, ctx.function, ctx.dtypes = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Array) -> Any:
        # The conjugates, which reals are their own: torch's convention for complex gradients.
        gradient = _from_context(ctx, gradient.conj()).conj().resolve_conj()
        return gradient, None, None, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, x: Array, lower: Any, upper: Any, function: Any, dtypes: Any
    ) -> Any:
        # The function is elementwise: a batch is one more dimension, the first. It is called
        # anew, so that duals and further batches inside x are seen.
        x_dim, lower_dim, upper_dim = in_dims[:3]
        x = x.expand(info.batch_size, *x.shape) if x_dim is None else x.movedim(x_dim, 0)
        bounds = _bounds(_batch(lower, lower_dim, x.ndim), _batch(upper, upper_dim, x.ndim))
        return STRATEGY.evaluate(Call(function, dtypes, bounds), x, None), 0


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


class _PointwiseUntransformed(torch.autograd.Function):
    # Without setup_context, before which torch inspects the signature of forward: most of the
    # time of a short call. torch.func's transforms need it.
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Array:
        _Pointwise.setup_context(ctx, inputs, None)
        return _Pointwise.forward(*inputs)

    backward = staticmethod(_Pointwise.backward)


def _from_context(ctx: Any, factor: Array) -> Array:
    (x,) = ctx.saved_tensors
    call = Call(ctx.function, ctx.dtypes, _bounds(ctx.lower, ctx.upper))
    return _times_slope(call, x, factor)


def _times_slope(call: Call, x: Array, factor: Array) -> Array:
    computing = call.dtypes.computing

    def product(x: Array, factor: Array) -> Array:
        slope = call.slope(x.to(computing), _evaluate_record, torch)
        return (factor.to(computing) * slope).to(x.dtype)

    if torch.is_grad_enabled() or _transforms_active() or not _splits(x, call.bounds):
        return product(x, factor)
    out = torch.empty_like(x)
    for block, part, y in _blocks(x, factor, out):
        y.copy_(product(block, part))
    return out


def _evaluate_record(function: Elementwise, x: Array) -> Array:
    return STRATEGY.evaluate(Call(function, Dtypes(x.dtype, x.dtype)), x, None)


def _bounds(lower: Any, upper: Any) -> Bounds | None:
    return None if lower is None else Bounds(lower, upper)


def _values(call: Call, x: Array) -> Array:
    function, (computing, *_), bounds = call
    if bounds:
        x = torch.clamp(x.to(computing), *bounds)
    if function.wide and x.device.type == "cpu" and computing.itemsize < 8:
        return function.wide(x.double(), torch)
    return function.stepwise(x.to(computing), torch)


def _splits(x: Array, bounds: Bounds | None) -> bool:
    return (
        not torch.compiler.is_compiling()  # first: a size asked for is one the compiler guards
        and x.numel() > BLOCK
        and x.device.type == "cpu"
        and type(x) in (torch.Tensor, torch.nn.Parameter)
        and not (bounds and isinstance(bounds.lower, torch.Tensor))
    )


def _evaluate(call: Call, x: Array) -> Array:
    if _splits(x, call.bounds):
        return _write(call, x, torch.empty_like(x))
    return _values(call, x).to(x.dtype)


def _write(call: Call, x: Array, out: Array) -> Array:
    if not _splits(x, call.bounds):
        return out.copy_(_values(call, x).to(x.dtype))
    if _overlap(x, out):
        x = x.clone()
    for block, y in _blocks(x, out):
        values = _values(call, block)
        y.copy_(values if y.dtype == x.dtype else values.to(x.dtype))
    return out


def _overlap(x: Array, out: Array) -> bool:
    same_storage = x.untyped_storage().data_ptr() == out.untyped_storage().data_ptr()
    return same_storage and not out.is_set_to(x)


def _blocks(*tensors: Array) -> Iterator[tuple[Array, ...]]:
    """Split tensors alike into views that fit in cache, in the order of the last one's memory."""
    last = tensors[-1]
    order = sorted(range(last.ndim), key=last.stride, reverse=True)
    tensors = tuple(tensor.permute(order) for tensor in tensors)
    if all(tensor.is_contiguous() for tensor in tensors):
        tensors = tuple(tensor.view(-1) for tensor in tensors)
    yield from _split(tensors, BLOCK // 2 * max(2, torch.get_num_threads()))


def _split(tensors: tuple[Array, ...], size: int) -> Iterator[tuple[Array, ...]]:
    row = tensors[0][0].numel()
    if row > size:
        for rows in zip(*tensors, strict=True):
            yield from _split(rows, size)
    else:
        rows = size // row
        for start in range(0, len(tensors[0]), rows):
            yield tuple(tensor[start : start + rows] for tensor in tensors)


STRATEGY: Direct = Torch()
