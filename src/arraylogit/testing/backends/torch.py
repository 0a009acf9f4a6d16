"""torch, on CPU and GPU: eager, on the engine that Numba compiles, compiled by inductor."""

from contextlib import contextmanager
from functools import partial

import ml_dtypes
import numpy as np

from arraylogit.testing.backends.base import Array, Backend, Function, OnEngine


class Torch(Backend):
    module = "torch"
    default = "float32"
    features = frozenset(
        {"cheap", "compile", "derivative", "export", "fork", "order", "second", "views"}
        | {"vmap", "writable"}
    )
    modes = ("reverse", "reverse with graph", "forward")

    def __init__(self, name, device="cpu"):
        super().__init__(name)
        self._device = device
        if device != "cpu":
            self.features -= {"fork"}

    def missing(self):
        if reason := super().missing():
            return reason
        absent = self._device == "cuda" and not self.xp.cuda.is_available()
        return "torch sees no GPU" if absent else None

    def device(self):
        return "CPU" if self._device == "cpu" else self.xp.cuda.get_device_name()

    def settings(self):
        import torch._dynamo

        # As many versions as there are functions, dtypes and kinds of length.
        return torch._dynamo.config.patch(recompile_limit=1000, accumulated_recompile_limit=10_000)

    def asarray(self, x):
        torch, x = self.xp, np.array(x)
        if x.dtype == ml_dtypes.bfloat16:
            return torch.from_numpy(x.view(np.uint16)).view(torch.bfloat16).to(self._device)
        return torch.from_numpy(x).to(self._device)

    def to_numpy(self, y):
        torch, y = self.xp, y.detach().cpu()
        if y.dtype == torch.bfloat16:
            return y.contiguous().view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
        return y.numpy()

    def is_array(self, y):
        return isinstance(y, self.xp.Tensor) and y.device.type == self._device

    def strange_layouts(self, values):
        # It has no negative strides.
        x = self.asarray(values)
        expanded = np.broadcast_to(values[:, :1], values.shape)
        yield "repeated by a stride of 0", x[:, :1].expand(values.shape), expanded
        yield "one number", x[0, 0, 1].expand(7, 9), np.full((7, 9), values[0, 0, 1])
        yield "axes in another order", x.permute(2, 0, 1), values.transpose(2, 0, 1)

    def derivative(self, f, x, order, mode):
        torch = self.xp
        if mode == "forward":
            for _ in range(order):
                f = self._pushed_forward(f)
            return f(x).detach()
        x = x.detach().requires_grad_()
        y, kept = f(x), mode == "reverse with graph"
        for i in reversed(range(order)):
            graph = kept or i > 0
            back = partial(torch.autograd.grad, y, x, torch.ones_like(y), create_graph=graph)
            if kept:
                back()  # through a graph that is kept, one may pass again
            (y,) = back()
        return y.detach()

    def _pushed_forward(self, f):
        return lambda x: self.xp.func.jvp(f, (x,), (self.xp.ones_like(x),))[1]

    def vmap(self, f: Function) -> Function:
        """Return `f` mapped over the first axis."""
        return self.xp.vmap(f)

    def compile(self, f: Function) -> Function:
        """Return `f` compiled as a whole, refusing a graph break, but without code of its own."""
        return self.xp.compile(f, fullgraph=True, dynamic=True, backend="aot_eager")

    def export(self, f: Function, x: Array) -> Function:
        """Return `f` exported as a program, for arrays like `x`."""
        torch = self.xp

        class Module(torch.nn.Module):
            def forward(self, x):
                return f(x)

        return torch.export.export(Module(), (x,)).module()

    def abstract(self, f: Function, x: Array) -> tuple[tuple[int, ...], str]:
        """Return shape and dtype of the result, from those of `x` alone."""
        y = f(self.xp.empty_like(x, device="meta"))
        if y.device.type != "meta":
            raise AssertionError("a meta tensor gave values")
        return tuple(y.shape), self.dtype_name(y)

    def differentiable(self, *orders: Function) -> Function:
        """Return a function of arrays from NumPy functions: it, its derivative, and so on."""

        class Node(self.xp.autograd.Function):
            @staticmethod
            def forward(x, level):
                return self.asarray(orders[level](self.to_numpy(x)))

            @staticmethod
            def setup_context(ctx, inputs, output):
                x, ctx.level = inputs
                ctx.save_for_backward(x)
                ctx.save_for_forward(x)

            @staticmethod
            def backward(ctx, gradient):
                return gradient * Node.apply(ctx.saved_tensors[0], ctx.level + 1), None

            @staticmethod
            def jvp(ctx, tangent, _):
                return tangent * Node.apply(ctx.saved_tensors[0], ctx.level + 1)

        return lambda x: Node.apply(x, 0)


class NumbaOnTorch(OnEngine, Torch):
    pass


class TorchCompile(Torch):
    """Compiled by inductor: values and first derivatives, of arrays of any length."""

    features = frozenset({"derivative"})
    modes = ("reverse",)

    @contextmanager
    def settings(self):
        import torch._dynamo

        # Constants of kernels stay constants, as for arrays of one length.
        with super().settings(), torch._dynamo.config.patch(specialize_float=True):
            yield

    def transform(self, f):
        return self.xp.compile(f, fullgraph=True, dynamic=True)


ROWS = (
    Torch("torch:eager"),
    NumbaOnTorch("torch:numba"),
    TorchCompile("torch:compile"),
    Torch("torch:cuda:eager", "cuda"),
    TorchCompile("torch:cuda:compile", "cuda"),
)
