"""torch: the values in blocks that stay in cache, and one rule for their derivative.

A call goes from `Torch.evaluate` to `_run`, which evaluates `_values` block by block. Under
autograd or a transform, an `autograd.Function` stands between the two. It saves the input alone
and takes the derivative from the record: torch's own rules lose the tails and save every step.
There are two of them, because no single one serves all:

- `_Rule` is for autograd and torch.compile. It has no `setup_context`, for which torch inspects a
  signature at every call, most of the time of a short one; and no `jvp`, which Dynamo refuses.
- `_TransformableRule` is for torch.func and forward mode, which need both.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from numbers import Real
from typing import Any

import torch
from torch.autograd import forward_ad

from arraylogit import _engine
from arraylogit._kernels import FLOAT32, FLOAT64, Spec
from arraylogit._record import Array, Bounds, Call, Dtypes, Elementwise
from arraylogit._strategies._direct import Direct, Place, elements_overlap, overwrites

_FLOAT32, _FLOAT64 = torch.float32, torch.float64
_BY_DTYPE = {
    torch.bfloat16: Dtypes(_FLOAT32, torch.bfloat16),
    torch.float16: Dtypes(_FLOAT32, torch.float16),
    _FLOAT32: Dtypes(_FLOAT32, _FLOAT32),
    _FLOAT64: Dtypes(_FLOAT64, _FLOAT64),
}
_PLAIN_TYPES = (torch.Tensor, torch.nn.Parameter)

_ENGINES = {"numba": "_numba_torch", "inductor": "_inductor"}

# Elements a block, on one thread or two: more than on NumPy, because torch takes microseconds to
# start an operation, and few enough for 8 MiB of temporaries.
BLOCK = 49152


class Torch(Direct):
    """Saves one tensor for the backward pass; on the CPU, evaluates float32 in float64."""

    def __init__(self) -> None:
        super().__init__(torch)

    def refusal_of_input(self, x: Array) -> str | None:
        if x.is_quantized:
            return f"of another dtype than {x.dtype}: pass `input.dequantize()`"
        if x.is_nested and x.layout is torch.strided:
            return (
                "of layout torch.jagged if nested, got torch.strided: pass `layout=torch.jagged`"
            )
        if x.layout not in (torch.strided, torch.jagged):
            return f"dense, for 0 does not stay 0, got {x.layout}: pass `input.to_dense()`"
        return None

    def dtypes(self, x: Array) -> Dtypes | None:
        dtype = x.dtype
        if dtype in _BY_DTYPE:
            return _BY_DTYPE[dtype]
        if dtype.is_complex:
            wide = x.is_cpu  # for 32 bits a part too
            return Dtypes(torch.complex128 if wide else dtype, dtype, complex=True)
        if dtype.is_floating_point:  # of 8 bits
            # Not powers of two for scales, nor pairs of numbers.
            single = dtype.is_signed and not str(dtype).endswith("x2")
            return Dtypes(_FLOAT32, dtype) if single else None
        return _BY_DTYPE[torch.get_default_dtype()]

    def bounds(self, x: Array, computing: Any, eps: Any) -> Bounds:
        # Nothing differentiates a bound, in reverse or in forward mode.
        return super().bounds(x, computing, eps if isinstance(eps, Real) else eps.detach())

    def concrete(self, eps: Array) -> float | None:
        if torch.compiler.is_compiling() or not eps.is_cpu:  # no synchronisation
            return None
        try:
            return float(eps.detach().item())
        except RuntimeError:  # under torch.vmap, and in FakeTensor and meta tensors
            return None

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        if torch.is_grad_enabled() and (x.requires_grad or out.requires_grad):
            return "`out` is not differentiated, and `input` or `out` requires a gradient"
        if out.layout is not x.layout:
            return f"`input` is {x.layout}, and it {out.layout}"
        if elements_overlap(out.shape, out.stride(), 1):
            return "its elements share memory"
        return None

    def device(self, x: Array) -> Any:
        return x.device

    def can_cast(self, dtype: Any, to: Any) -> bool:
        # Not torch.can_cast: it breaks the graph of torch.compile.
        return bool(to.is_complex or (to.is_floating_point and not dtype.is_complex))

    def cast(self, x: Array, dtype: Any) -> Array:
        return x.to(dtype)

    def evaluate(self, call: Call, x: Array, out: Array | None) -> Array:
        if x.dtype != call.dtypes.result:
            x = x.to(call.dtypes.result)
        if functionalization := _functionalization():
            # functionalize refuses autograd Functions. It needs none here, because nothing is
            # written in place: evaluate the tensors that it has wrapped, and wrap the result.
            inner, bounds = functionalization.unwrap_tensors((x, call.bounds))
            with functionalization.redispatch_to_next():
                y = self.evaluate(call._replace(bounds=bounds), inner, None)
            y = functionalization.wrap_tensors(y)
        elif rule := _rule(x):
            y = rule.apply(x, *(call.bounds or (None, None)), call.function, call.dtypes)
        else:
            return _run(_values, call, x, out=out)
        return y if out is None else out.copy_(y)


# Private to torch. Without it, every call takes the second Function: right, but slow.
_transforms_active = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)


def _rule(x: Array) -> Any:
    # The Function for a call that is differentiated or batched; None for any other call.
    requires_grad = x.requires_grad and torch.is_grad_enabled()
    if torch.compiler.is_compiling():
        if _transforms_active() and not _only_batched(x):
            # torch.func.grad, say. Dynamo would differentiate the formula itself, bits included,
            # which have no derivative. So the transform runs eagerly; `fullgraph` refuses it.
            torch._dynamo.graph_break("torch.func does not compile the rules of arraylogit")
        return _Rule if requires_grad else None
    if _transforms_active() or _has_tangent(x):  # a transform may be hidden inside x
        return _TransformableRule
    return _Rule if requires_grad else None


def _only_batched(x: Array) -> bool:
    # Whether torch.vmap is the one transform; Dynamo can ask no more.
    depth = torch._C._functorch.get_dynamic_layer_stack_depth()
    return bool(depth == 1 and torch._C._functorch.is_batchedtensor(x))


def _functionalization() -> Any:
    # The object that wraps and unwraps tensors inside torch.func.functionalize; None outside.
    # Private to torch.
    if torch.compiler.is_compiling() or not _transforms_active():
        return None
    interpreter = torch._C._functorch.peek_interpreter_stack()
    if interpreter is None or interpreter.key() != torch._C._functorch.TransformType.Functionalize:
        return None
    from torch._functorch.pyfunctorch import retrieve_current_functorch_interpreter
    from torch._subclasses.functional_tensor import FunctorchFunctionalizeAPI

    return FunctorchFunctionalizeAPI(retrieve_current_functorch_interpreter())  # type: ignore[arg-type]


def _has_tangent(x: Array) -> bool:
    return forward_ad.unpack_dual(x).tangent is not None  # type: ignore[no-untyped-call]


class _Rule(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Array:
        _keep(ctx, inputs)
        return _run(_values, _call(*inputs[1:]), inputs[0])

    @staticmethod
    def backward(ctx: Any, gradient: Array) -> Any:
        # Conjugated by torch's convention for complex gradients; real numbers do not change.
        (x,) = ctx.saved_tensors
        gradient = _times_slope(ctx, x, gradient.conj()).conj().resolve_conj()
        return gradient, None, None, None, None


class _TransformableRule(torch.autograd.Function):
    @staticmethod
    def forward(x: Array, *rest: Any) -> Array:
        return _run(_values, _call(*rest), x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Array) -> None:
        _keep(ctx, inputs)
        ctx.save_for_forward(inputs[0])

    backward = staticmethod(_Rule.backward)

    @staticmethod
    def jvp(ctx: Any, tangent: Array, *_: None) -> Array:
        # torch turns forward mode off in here, but an outer level needs it. The primal leaves out
        # the tangent of this level, which would count twice.
        with forward_ad._set_fwd_grad_enabled(True):
            (x,) = ctx.saved_tensors
            primal = forward_ad.unpack_dual(x).primal  # type: ignore[no-untyped-call]
            return _times_slope(ctx, primal, tangent)

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Array, lower: Any, upper: Any, *rest: Any) -> Any:
        # The function is elementwise: a batch is one more dimension, the first.
        x_dim, lower_dim, upper_dim = in_dims[:3]
        x = x.expand(info.batch_size, *x.shape) if x_dim is None else x.movedim(x_dim, 0)
        lower, upper = _batch(lower, lower_dim, x.ndim), _batch(upper, upper_dim, x.ndim)
        return STRATEGY.evaluate(_call(lower, upper, *rest), x, None), 0


def _batch(bound: Any, dim: int | None, ndim: int) -> Any:
    if dim is None:
        return bound
    bound = bound.movedim(dim, 0)
    return bound.reshape(bound.shape[0], *[1] * (ndim - bound.ndim), *bound.shape[1:])


def _call(lower: Any, upper: Any, function: Elementwise, dtypes: Dtypes) -> Call:
    return Call(function, dtypes, None if lower is None else Bounds(lower, upper))


def _keep(ctx: Any, inputs: Any) -> None:
    ctx.rest = inputs[1:]
    ctx.save_for_backward(inputs[0])


def _times_slope(ctx: Any, x: Array, factor: Array) -> Array:
    return _run(_products, _call(*ctx.rest), x, factor)


def _evaluate_record(function: Elementwise, x: Array) -> Array:
    return STRATEGY.evaluate(Call(function, Dtypes(x.dtype, x.dtype)), x, None)


def _stored(x: Array) -> Array:
    # For a value that is used more than once. Without this, inductor repeats every step before it
    # for each use, and the repetitions multiply: a function takes many times as long to compile.
    # inductor stores the input of as_strided once. It still makes one loop of all steps, and then
    # removes what is stored.
    return x.as_strided(x.shape, x.stride()) if _strides_are_known(x) else x


def _strides_are_known(x: Array) -> bool:
    # Not where they depend on data, as the length of x[mask] does: inductor may choose others than
    # those that as_strided reads. The comparison is true of every integer, but torch cannot prove
    # it, nor evaluate it where the integer depends on data: then guard_or_false returns False.
    from torch.fx.experimental import symbolic_shapes  # slow to import

    guard_or_false = getattr(symbolic_shapes, "guard_or_false", None)  # new in torch 2.8
    return guard_or_false is not None and all(
        guard_or_false(step * step % 4 != 2) for step in x.stride()
    )


class _Kernels:
    """The primitives of fused forms; torch.compile makes one loop of them."""

    abs, minimum = staticmethod(torch.abs), staticmethod(torch.minimum)
    shared = staticmethod(_stored)

    def __init__(self, spec: Spec, dtype: Any, integer: Any) -> None:
        self.spec, self.dtype, self.integer = spec, dtype, integer

    def bits(self, x: Array) -> Array:
        return x.view(self.integer)

    def from_bits(self, bits: Array) -> Array:
        return _stored(bits.view(self.dtype))

    def at_least(self, x: Array, bound: float) -> Array:
        # By `where`, inductor's loop takes three times as long with AVX-512.
        return torch.clamp(x, min=bound)

    def where(self, condition: Array, x: Any, y: Any) -> Array:
        if not isinstance(x, torch.Tensor) and not isinstance(y, torch.Tensor):
            y = torch.full_like(condition, y, dtype=self.dtype)  # where takes the default dtype
        return torch.where(condition, x, y)


_KERNELS = {
    _FLOAT32: _Kernels(FLOAT32, _FLOAT32, torch.int32),
    _FLOAT64: _Kernels(FLOAT64, _FLOAT64, torch.int64),
}


def _values(call: Call, x: Array) -> Array:
    # The values in the dtype that the chosen form computes in.
    function, (computing, *_), bounds = call
    x = _copied_if_strided(x).to(computing)
    if bounds:
        x = torch.clamp(x, *bounds)
    if function.fused and _fuses(x):
        return function.fused(x, _KERNELS[computing])
    if x.is_cpu and not torch.compiler.is_compiling():
        if function.wide and computing.itemsize < 8:
            return function.wide(x.double(), torch)
        return function.form("trusted")(x, torch)
    return function.stepwise(x, torch)


def _products(call: Call, x: Array, factor: Array) -> Array:
    # The slope times a factor, in the computing dtype.
    computing = call.dtypes.computing
    x, factor = (_copied_if_strided(t).to(computing) for t in (x, factor))
    return factor * call.slope(x, _evaluate_record, torch)


def _fuses(x: Array) -> bool:
    # Whether inductor may get the kernels. An exported program may run where there is no float64
    # and no access to bits, and on other strides.
    return torch.compiler.is_compiling() and not _exporting() and type(x) in _PLAIN_TYPES


def _copied_if_strided(x: Array) -> Array:
    # inductor does not vectorise a loop with many strided loads, and each use of x would be one.
    if _fuses(x) and x.is_cpu and x.ndim and _strides_are_known(x) and min(x.stride()) > 1:
        return _stored(x.clone())
    return x


_exporting = getattr(torch.compiler, "is_exporting", lambda: False)  # new in torch 2.7


def _run(
    formula: Callable[..., Array], call: Call, *inputs: Array, out: Array | None = None
) -> Array:
    """Return ``formula(call, *inputs)`` in the dtype of the first input, in `out` if given."""
    x, tensors = inputs[0], inputs if out is None else (*inputs, out)
    if not torch.compiler.is_compiling() and (engine := _engine.current()):
        compiled = _compiled(engine.name, call, *tensors)
        if compiled:
            return compiled(formula, call, *inputs, out=out)
    if not _splits(*tensors):
        y = formula(call, *inputs).to(x.dtype)
        return y if out is None else out.copy_(y)
    if out is None:
        out = torch.empty_like(x)
    elif overwrites(_place(out), _place(x)):
        inputs = (x.clone(),)
    for *block, part in _blocks(*inputs, out):
        y = formula(call, *block)
        part.copy_(y if part.dtype == x.dtype else y.to(x.dtype))
    return out


def _compiled(name: str, call: Call, *tensors: Array) -> Any:
    # The function by which an engine runs a formula; None if it cannot take the call.
    bounds = call.bounds
    if (
        not call.function.fused
        or call.dtypes.result not in _BY_DTYPE
        or (bounds and isinstance(bounds.lower, torch.Tensor))
        or not _untraced(*tensors)
    ):
        return None
    module = _engine_module(name)
    return module.run if module.takes(*tensors) else None


@cache
def _engine_module(name: str) -> Any:
    return import_module(f"arraylogit._strategies.{_ENGINES[name]}")


def _splits(*tensors: Array) -> bool:
    # Whether to go block by block: long plain tensors, and no tracer, because a traced loop is
    # right for one length only.
    return (
        not torch.compiler.is_compiling()  # first: the compiler guards on every size it is asked
        and torch._C._get_tracing_state() is None  # torch.jit.trace makes a tensor of a size
        and tensors[0].numel() > BLOCK
        and tensors[0].is_cpu
        and _untraced(*tensors)
    )


def _untraced(*tensors: Array) -> bool:
    # Whether tensors are plain, and nothing traces or transforms the call.
    return (
        torch._C._get_tracing_state() is None
        and all(map(_is_plain, tensors))
        and not _transforms_active()
        and torch._C._len_torch_dispatch_stack() == 0
    )


def _is_plain(x: Array) -> bool:
    return (
        type(x) in _PLAIN_TYPES
        and _has_plain_keys(x)
        and not (x.requires_grad and torch.is_grad_enabled())
        and not _has_tangent(x)
    )


def _has_plain_keys(x: Array) -> bool:
    # Dispatch keys show batches, wrappers, lazy conjugates, and tensors without memory. To print
    # them takes a microsecond, hence the dictionary.
    keys = torch._C._dispatch_keys(x)
    known = keys.raw_repr()
    if known not in _IS_PLAIN:
        _IS_PLAIN[known] = str(keys).replace("CUDA", "CPU") in _PLAIN_KEYS
    return _IS_PLAIN[known]


_IS_PLAIN: dict[int, bool] = {}


def _keys(inference: bool) -> str:
    with torch.inference_mode(inference):
        return str(torch._C._dispatch_keys(torch.empty(0, device="cpu")))


# In a thread of its own, which has no modes or transforms: the first call, which imports this, may
# be inside of some.
with ThreadPoolExecutor(1) as _pool:
    _PLAIN_KEYS = set(_pool.map(_keys, (True, False)))


def _place(x: Array) -> Place:
    # By address: two storages may lie in one array of NumPy.
    steps = tuple(x.itemsize * step for step in x.stride())  # which torch counts in elements
    return Place(x.data_ptr(), steps, tuple(x.shape), x.itemsize)


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
        yield from zip(*(tensor.split(size // row) for tensor in tensors), strict=True)


STRATEGY: Direct = Torch()
