"""What torch users do to a function."""

import re
import subprocess
import sys
from functools import partial

import array_api_strict
import numpy as np
import pytest

from arraylogit import expit, logit
from tests.functions import FUNCTIONS, INSIDE, each_function

torch = pytest.importorskip("torch")
forward_ad = torch.autograd.forward_ad
tree_map_only = torch.utils._pytree.tree_map_only


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(0.1, 0.9, 5))

    def forward(self, x):
        return logit(x * self.weight, eps=1e-3) + expit(x) * logit(self.weight)


@pytest.fixture(scope="module")
def compiled():
    torch.manual_seed(0)
    torch._dynamo.reset()
    model = Model()
    return model, torch.compile(model, fullgraph=True)


def test_compile_forward_and_backward(compiled):
    model, fast = compiled
    x = torch.rand(7, 5)
    torch.testing.assert_close(fast(x), model(x), rtol=3e-7, atol=1e-7)
    gradients = []
    for f in (model, fast):
        model.zero_grad()
        f(x).sum().backward()
        gradients.append(model.weight.grad.clone())
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-6)


def test_compile_with_eps_as_an_argument():
    torch._dynamo.reset()
    f = torch.compile(logit, fullgraph=True, backend="aot_eager")
    x = torch.tensor([-1.0, 0.0, 0.3, 1.0, 2.0, torch.nan], requires_grad=True)
    for eps in (0.0, 0.1, 0.2, 1e-30, torch.tensor(0.1), torch.tensor(1e-30)):
        torch.testing.assert_close(f(x, eps), logit(x, eps), equal_nan=True)
    (slope,) = torch.autograd.grad(f(x, 0.25).sum(), x)
    torch.testing.assert_close(slope[1:5], torch.tensor([0, 1 / 0.21, 0, 0]))


def test_export():
    class Exported(torch.nn.Module):
        def forward(self, x):
            return logit(x, 1e-3), expit(x)

    x = torch.rand(4, 3)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(Exported(), (x,), dynamic_shapes={"x": {0: batch}})
    other = torch.rand(6, 3)
    for got, expected in zip(
        program.module()(other), (logit(other, 1e-3), expit(other)), strict=True
    ):
        torch.testing.assert_close(got, expected)


def test_vmap():
    x = torch.rand(3, 4)
    torch.testing.assert_close(torch.vmap(logit)(x), logit(x), rtol=0, atol=0)
    torch.testing.assert_close(torch.vmap(expit, 1, 1)(x), expit(x), rtol=0, atol=0)
    eps = torch.tensor([0.1, 0.2, 0.3])
    rows = torch.stack([logit(row, e) for row, e in zip(x, eps, strict=True)])
    torch.testing.assert_close(torch.vmap(logit)(x, eps), rows, rtol=0, atol=0)
    table = torch.vmap(torch.vmap(logit, (None, 0)), (0, None))(x[0], eps)
    expected = torch.stack([logit(x[0], e) for e in eps], 1)
    torch.testing.assert_close(table, expected, rtol=0, atol=0)
    slope = torch.vmap(torch.func.grad(logit), (0, None))(x[0], 0.25)
    assert set(slope[(x[0] < 0.25) | (x[0] > 0.75)].tolist()) <= {0.0}


def test_meta_and_fake_tensors():
    from torch._subclasses import FakeTensorMode

    y = logit(torch.empty(3, 4, device="meta", dtype=torch.float16), 1e-3)
    assert (y.device.type, y.shape, y.dtype) == ("meta", (3, 4), torch.float16)
    with FakeTensorMode() as mode:
        for n in (3, 10**6):
            y = logit(mode.from_tensor(torch.rand(n)), 1e-3)
            assert (type(y).__name__, y.shape, y.dtype) == ("FakeTensor", (n,), torch.float32)


def test_memory_format_and_strides_are_kept():
    for size in (3, 60):
        x = torch.rand(2, 4, size, size).to(memory_format=torch.channels_last)
        for y in (logit(x), expit(x), logit(x.half(), 1e-3)):
            assert y.is_contiguous(memory_format=torch.channels_last)
        x = torch.rand(size * 40, size * 50).T
        assert logit(x).stride() == x.stride()


@pytest.mark.parametrize("shape", [(300, 400), (3, 70_000), (100_000,), (5, 2, 40_000)])
def test_layouts_give_the_same_bits(shape):
    x = torch.rand(shape)
    expected = logit(x)
    views = [
        (x.mT.contiguous().mT if x.ndim > 1 else x, expected),
        (torch.stack([x, x], -1)[..., 1], expected),
        (x[..., ::3], expected[..., ::3]),
        (x[:1].expand(4, *shape[1:]), expected[:1].expand(4, *shape[1:])),
        (x[..., 3:], expected[..., 3:]),
    ]
    for view, y in views:
        torch.testing.assert_close(logit(view), y, rtol=0, atol=0)
        out = torch.empty_like(view, memory_format=torch.contiguous_format)
        torch.testing.assert_close(logit(view, out=out), y, rtol=0, atol=0)
        single = logit(view.reshape(-1)[-5:])
        torch.testing.assert_close(single, y.reshape(-1)[-5:], rtol=0, atol=0)


def test_parameter_and_subclass():
    class Tagged(torch.Tensor):
        pass

    assert type(logit(torch.nn.Parameter(torch.rand(3)))) is torch.Tensor
    for n in (3, 100_000):
        assert type(logit(torch.rand(n).as_subclass(Tagged))) is Tagged


def test_default_dtype_is_followed():
    torch.set_default_dtype(torch.float64)
    try:
        assert logit(torch.tensor([0, 1])).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert logit(torch.tensor([True])).dtype == torch.float32


def test_no_grad_and_inference_mode():
    x = torch.rand(3, requires_grad=True)
    with torch.no_grad():
        assert not logit(x).requires_grad
    with torch.inference_mode():
        assert logit(x).is_inference()


@pytest.mark.parametrize(
    "first",
    [
        "with torch.inference_mode(): logit(torch.rand(2))",
        "with FakeTensorMode(): logit(torch.rand(2))",
        "torch.vmap(logit)(torch.rand(2))",
        "torch.func.grad(logit)(torch.tensor(0.3))",
        "torch.compile(logit, backend='eager')(torch.rand(2))",
    ],
)
def test_tensors_are_plain_whatever_the_first_call_was_in(first):
    code = f"""
import torch
from torch._subclasses import FakeTensorMode
from arraylogit import logit
{first}
from arraylogit._strategies import _torch
assert _torch._is_plain(torch.rand(2))
with torch.inference_mode():
    assert _torch._is_plain(torch.rand(2))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_against_torch_where_torch_is_right():
    x = torch.rand(1000, dtype=torch.float64) * 0.4
    torch.testing.assert_close(logit(x), torch.logit(x), rtol=1e-15, atol=0)
    torch.testing.assert_close(logit(x, 0.2), torch.logit(x, 0.2), rtol=1e-15, atol=0)
    np.testing.assert_allclose(expit(x), torch.sigmoid(x), rtol=1e-15)


BIG = 100_000  # several blocks


@pytest.fixture(params=[4, 49_152], ids=["in blocks", "whole"])
def split(request, monkeypatch):
    from arraylogit._strategies import _torch

    monkeypatch.setattr(_torch, "BLOCK", request.param)


@pytest.mark.parametrize("n", [1000, BIG])
@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (torch.float32, torch.float64),
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
    ],
)
def test_out_of_another_width_on_the_same_memory(n, narrow, wide):
    values = torch.rand(n)
    for source, target in [(narrow, wide), (wide, narrow)]:
        memory = torch.zeros(n, dtype=wide)
        x, out = (
            memory if dtype is wide else memory.view(narrow)[:n] for dtype in (source, target)
        )
        x.copy_(values)
        expected = logit(x.clone()).to(target)
        logit(x, out=out)
        torch.testing.assert_close(out, expected, rtol=0, atol=0)


@pytest.mark.parametrize("n", [1000, BIG])
@pytest.mark.parametrize(("source", "target"), [(0, 7), (7, 0)])
def test_out_overlaps_in_another_storage(n, source, target):
    memory = np.random.default_rng(0).random(n + 7, dtype=np.float32)
    x, out = (torch.from_numpy(memory[start : start + n]) for start in (source, target))
    expected = logit(x.clone())
    logit(x, out=out)
    torch.testing.assert_close(out, expected, rtol=0, atol=0)


def test_eps_is_never_differentiated():
    x, eps, one = torch.tensor([0.1, 0.3, 0.7]), torch.tensor(0.2), torch.tensor(1.0)
    needs = eps.clone().requires_grad_()
    torch._dynamo.reset()
    assert not logit(x, needs).requires_grad
    assert not torch.compile(logit, backend="aot_eager", fullgraph=True)(x, needs).requires_grad
    several = torch.stack([eps, eps])
    zeros = torch.zeros(2, 3)
    over_eps = torch.vmap(logit, (None, 0))
    _, tangent = torch.func.jvp(lambda e: over_eps(x, e), (several,), (several,))
    torch.testing.assert_close(tangent, zeros)
    with forward_ad.dual_level():
        y = over_eps(x, forward_ad.make_dual(several, several))
        assert forward_ad.unpack_dual(y).tangent is None
        y = logit(x, forward_ad.make_dual(eps, one))
        assert forward_ad.unpack_dual(y).tangent is None
    of_eps = torch.func.grad(lambda e: over_eps(x, e).sum())
    torch.testing.assert_close(of_eps(several), torch.zeros(2))
    torch.testing.assert_close(torch.func.grad(lambda e: of_eps(e).sum())(several), torch.zeros(2))


def test_vmap_of_jvp_with_a_tangent_of_eps():
    x, eps = torch.rand(2, 3), torch.tensor([0.1, 0.2])

    def tangent(x, e):
        return torch.func.jvp(logit, (x, e), (torch.ones_like(x), torch.ones_like(e)))[1]

    alone = torch.stack([tangent(row, e) for row, e in zip(x, eps, strict=True)])
    torch.testing.assert_close(torch.vmap(tangent)(x, eps), alone, rtol=0, atol=0)


@each_function
@pytest.mark.parametrize("n", [4, BIG])
def test_compile_with_out(function, n):
    torch._dynamo.reset()
    x = torch.tensor(INSIDE[function.__name__]).repeat(n)
    out = torch.empty_like(x)
    f = torch.compile(function, fullgraph=True, backend="aot_eager")
    assert f(x, out=out) is out
    torch.testing.assert_close(out, function(x))


def test_compile_with_out_of_other_sizes():
    torch._dynamo.reset()
    f = torch.compile(logit, fullgraph=True, backend="aot_eager")
    for shape in (4, 3), (5, 7), (8, 6):
        x = torch.rand(shape).T
        torch.testing.assert_close(f(x, out=torch.empty_like(x)), logit(x))


def test_bad_eps_in_a_compiled_function():
    torch._dynamo.reset()
    x = torch.rand(3)
    f = torch.compile(logit, backend="aot_eager")
    with pytest.raises(ValueError, match=r"logit: `eps` must be in \[0, 0.5\], got 2.0"):
        f(x, 2.0)
    with pytest.raises(TypeError, match="logit: `eps` must be"):
        f(x, "a")
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported, match="`eps` must be in"):
        torch.compile(logit, backend="aot_eager", fullgraph=True)(x, 2.0)


@each_function
@pytest.mark.parametrize("n", [4, BIG])
def test_traces_serve_every_length(function, n):
    from torch.fx.experimental.proxy_tensor import make_fx

    values = torch.tensor(INSIDE[function.__name__])
    x, other = values[:4].repeat(n), values[:4].repeat(2 * n)
    for f in (torch.jit.trace(function, (x,)), make_fx(lambda x: function(x))(x)):
        torch.testing.assert_close(f(other), function(other))


def test_subnormal_eps_while_subnormals_are_flushed():
    x = torch.tensor([-1.0, 0.0, 1.0, 2.0])
    arrays = [x.to(dtype) for dtype in (torch.float16, torch.float32, torch.float64)]
    arrays += [array.numpy() for array in arrays]
    arrays += [arrays[-1][1:2], 0.0, np.float32(0), array_api_strict.asarray(arrays[-1])]
    if not torch.set_flush_denormal(True):
        pytest.skip("the processor cannot")
    try:
        for array in arrays:
            for eps in (1e-40, 1e-310, 5e-324):
                assert np.isfinite(np.asarray(logit(array, eps))).all()
        assert logit(x, 0.0).isinf().all()
        assert logit(x, -0.0).isinf().all()
    finally:
        torch.set_flush_denormal(False)


@each_function
def test_batched_gradients(function, split):
    x = torch.tensor(INSIDE[function.__name__]).repeat(4).requires_grad_()
    directions = torch.rand(3, len(x))
    (batched,) = torch.autograd.grad(function(x), x, directions, is_grads_batched=True)
    alone = [torch.autograd.grad(function(x), x, d)[0] for d in directions]
    torch.testing.assert_close(batched, torch.stack(alone), rtol=0, atol=0)
    jacobian = torch.autograd.functional.jacobian(function, x, vectorize=True)
    one_by_one = torch.autograd.functional.jacobian(function, x)
    torch.testing.assert_close(jacobian, one_by_one, rtol=0, atol=0)


def clamped(x, out=None):
    return logit(x, 0.2, out=out)


@pytest.mark.parametrize("function", [*FUNCTIONS, clamped])
def test_modes_of_differentiation_agree(function, split):
    """Longer and shorter than a block, with every option, twice."""
    values = INSIDE.get(function.__name__, INSIDE["logit"])
    x = torch.tensor(values, dtype=torch.float64).repeat(4)
    x.requires_grad_()
    assert torch.autograd.gradcheck(
        function,
        x,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )
    assert torch.autograd.gradgradcheck(
        function, x, check_fwd_over_rev=True, check_batched_grad=True
    )
    x = x.detach()
    ones = torch.ones_like(x)

    def jvp(f):
        return lambda v: torch.func.jvp(f, (v,), (ones,))[1]

    def vjp(f):
        return lambda v: torch.func.vjp(f, v)[1](ones)[0]

    first = vjp(function)(x)
    second = vjp(vjp(function))(x)
    torch.testing.assert_close(jvp(function)(x), first, rtol=0, atol=0)
    for f in (jvp(jvp(function)), jvp(vjp(function)), vjp(jvp(function))):
        torch.testing.assert_close(f(x), second, rtol=1e-14, atol=1e-15)
    with forward_ad.dual_level():
        y = forward_ad.unpack_dual(function(forward_ad.make_dual(x, ones)))
        torch.testing.assert_close(y.tangent, first, rtol=0, atol=0)
        written = function(forward_ad.make_dual(x, ones), out=torch.empty_like(x))
        torch.testing.assert_close(forward_ad.unpack_dual(written).tangent, first, rtol=0, atol=0)


class Wrapper(torch.Tensor):
    """A tensor that has no memory of its own."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, dtype=inner.dtype, strides=inner.stride()
        )

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        args, kwargs = tree_map_only(cls, lambda x: x.inner, (args, kwargs or {}))
        return tree_map_only(torch.Tensor, cls, function(*args, **kwargs))


def test_out_is_a_wrapper(split):
    for wrap in (lambda x: x, Wrapper):
        inner = torch.zeros(9)
        x, out = torch.rand(9), Wrapper(inner)
        assert logit(wrap(x), out=out) is out
        torch.testing.assert_close(inner, logit(x), rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch warns of beta and deprecated features
def test_sparse_nested_and_quantized():
    x = torch.tensor([[0.0, 0.5], [0.25, 0.0]])
    for sparse in (x.to_sparse(), x.to_sparse_csr(), x.to_sparse_csc(), x.to_mkldnn()):
        with pytest.raises(TypeError, match=r"^expit: `input` must be dense.*input\.to_dense\(\)"):
            expit(sparse)
    with pytest.raises(TypeError, match=r"^logit: `out` must be writable: .*sparse"):
        logit(x, out=x.to_sparse())
    quantized = torch.quantize_per_tensor(x, 0.1, 0, torch.quint8)
    with pytest.raises(TypeError, match=r"^logit: `input` must be .*input\.dequantize\(\)"):
        logit(quantized)
    assert logit(quantized.dequantize()).shape == (2, 2)
    rows = [torch.rand(3), torch.rand(2)]
    with pytest.raises(TypeError, match=r"^logit: `input` must be .*layout=torch\.jagged"):
        logit(torch.nested.nested_tensor(rows))
    for n in (1, BIG):
        rows = [torch.rand(3 * n), torch.rand(2 * n)]
        jagged = torch.nested.nested_tensor(rows, layout=torch.jagged, requires_grad=True)
        y = logit(jagged)
        for row, got in zip(rows, y.unbind(), strict=True):
            torch.testing.assert_close(got, logit(row), rtol=0, atol=0)
        (slope,) = torch.autograd.grad(y.values().sum(), jagged)
        torch.testing.assert_close(slope.unbind()[1], 1 / rows[1] + 1 / (1 - rows[1]))


@each_function
def test_functionalize(function):
    functionalize = torch.func.functionalize
    x = torch.tensor(INSIDE[function.__name__], dtype=torch.float64)
    y, slope = function(x), torch.func.grad(lambda x: function(x).sum())(x)
    for f in (
        functionalize(function),
        torch.vmap(functionalize(function)),
        functionalize(torch.vmap(function)),
        functionalize(lambda x: function(x, out=torch.empty_like(x))),
    ):
        torch.testing.assert_close(f(x), y, rtol=0, atol=0)
    f = functionalize(lambda x: function(x).sum())
    torch.testing.assert_close(torch.func.grad(f)(x), slope, rtol=0, atol=0)
    needs = x.clone().requires_grad_()
    (got,) = torch.autograd.grad(f(needs), needs)
    torch.testing.assert_close(got, slope, rtol=0, atol=0)


def test_compiled_under_vmap():
    def mapped(x):
        return torch.vmap(logit)(x), torch.vmap(expit)(x)

    torch._dynamo.reset()
    x = torch.tensor(INSIDE["logit"])
    tolerance = 4 * torch.finfo(torch.float32).eps
    y = torch.compile(mapped, fullgraph=True)(x)
    torch.testing.assert_close(y, (logit(x), expit(x)), rtol=tolerance, atol=0)


def test_compiled_gradients_in_16_bits():
    # In one graph, because each takes seconds to compile.
    functions = [*FUNCTIONS, logit]
    dtypes = [torch.float16] * len(FUNCTIONS) + [torch.bfloat16]
    inputs = [
        torch.tensor(INSIDE[f.__name__]).to(dtype).requires_grad_()
        for f, dtype in zip(functions, dtypes, strict=True)
    ]

    def all_of_them(*inputs):
        return [f(x) for f, x in zip(functions, inputs, strict=True)]

    compiled, eager = (
        torch.autograd.grad([y.sum() for y in g(*inputs)], inputs)
        for g in (torch.compile(all_of_them, fullgraph=True), all_of_them)
    )
    for found, expected, dtype in zip(compiled, eager, dtypes, strict=True):
        torch.testing.assert_close(found, expected, rtol=torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize(
    ("function", "dtype"),
    [*((f, torch.float64) for f in FUNCTIONS), (logit, torch.float32)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_inductor_makes_one_loop_of_vectors(function, dtype, monkeypatch):
    """Of strided input too, by few lowered steps, and without a logarithm."""
    from torch._inductor.loop_body import InterpreterShim
    from torch._inductor.utils import fresh_cache, run_and_get_code

    steps = []
    run_node = InterpreterShim.run_node
    monkeypatch.setattr(
        InterpreterShim, "run_node", lambda self, n: steps.append(n) or run_node(self, n)
    )
    torch._dynamo.reset()
    with fresh_cache():
        x = torch.tensor(INSIDE[function.__name__]).to(dtype).repeat(100)[::3]
        y, (code, *_) = run_and_get_code(torch.compile(function, fullgraph=True), x)
    torch.testing.assert_close(y, function(x), rtol=4 * torch.finfo(dtype).eps, atol=0)
    assert 100 < len(steps) < 5000  # 30,000 where what is used twice is lowered twice
    (loop,) = code.split("for(int64_t x0")[1:]
    assert "Vectorized" in loop
    assert not re.search(r"\b(log|exp)\w*\(", code.replace(function.__name__, ""))


def test_compiled_where_sizes_depend_on_data():
    def f(x, mask):
        y = x[mask]
        z = y.view(1, -1).expand(3, -1).contiguous()
        return logit(y), expit(z.T), expit(z[:, ::2])

    torch._dynamo.reset()
    x = torch.rand(100)
    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        results = torch.compile(f, fullgraph=True)(x, x > 0.3)
    torch.testing.assert_close(results, f(x, x > 0.3), rtol=1e-6, atol=0)


def test_export_for_other_strides_and_lengths():
    class Exported(torch.nn.Module):
        def forward(self, x):
            return logit(x)

    rows, columns = torch.export.Dim("rows"), torch.export.Dim("columns")
    for example, sizes, others in (
        (torch.rand(8, 6)[::2, ::2], {0: rows}, (torch.rand(3, 9).T, torch.rand(9, 3))),
        (torch.rand(4, 6), {0: rows, 1: columns}, (torch.rand(7, 9), torch.rand(9, 7).T)),
    ):
        program = torch.export.export(Exported(), (example,), dynamic_shapes=(sizes,)).module()
        for x in others:
            torch.testing.assert_close(program(x), logit(x), rtol=1e-6, atol=0)


def test_compiled_on_jagged():
    torch._dynamo.reset()
    x = torch.nested.nested_tensor([torch.rand(3), torch.rand(5)], layout=torch.jagged)
    y = torch.compile(logit, backend="aot_eager")(x)
    torch.testing.assert_close(y.values(), logit(x).values(), rtol=1e-6, atol=0)


def test_transforms_that_differentiate_are_not_compiled():
    """They run eagerly, by our rules; a whole graph is refused."""
    x = torch.tensor([0.0, 1e-30, 0.3, 0.9])
    for f in (
        torch.func.grad(lambda x: logit(x).sum()),
        torch.vmap(torch.func.grad(expit)),
        torch.func.grad(lambda x: torch.vmap(logit)(x).sum()),
        lambda x: torch.func.jvp(expit, (x,), (torch.ones_like(x),))[1],
    ):
        torch._dynamo.reset()
        # What is left to compile is of no interest.
        compiled = partial(torch.compile, f, backend="aot_eager")
        torch.testing.assert_close(compiled()(x), f(x), rtol=1e-6, atol=0)
        torch._dynamo.reset()
        with pytest.raises(torch._dynamo.exc.Unsupported, match="the rules of arraylogit"):
            compiled(fullgraph=True)(x)
