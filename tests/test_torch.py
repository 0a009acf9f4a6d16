"""What torch users do to a function."""

import numpy as np
import pytest

from arraylogit import expit, logit

torch = pytest.importorskip("torch")


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_compiled_bits_are_those_of_eager(dtype):
    torch._dynamo.reset()
    x = torch.cat([torch.rand(1000), torch.tensor([0, 1, 0.5, 0.5 - 2**-25, 2, -1, torch.nan])])
    x = x.to(dtype)
    f = torch.compile(lambda x: (logit(x), logit(x, 1e-3), expit(x)), fullgraph=True)
    for fast, slow in zip(f(x), (logit(x), logit(x, 1e-3), expit(x)), strict=True):
        assert fast.dtype == dtype
        rtol = 0 if dtype != torch.float64 else 9e-16
        torch.testing.assert_close(fast, slow, rtol=rtol, atol=0, equal_nan=True)


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


def test_against_torch_where_torch_is_right():
    x = torch.rand(1000, dtype=torch.float64) * 0.4
    torch.testing.assert_close(logit(x), torch.logit(x), rtol=1e-15, atol=0)
    torch.testing.assert_close(logit(x, 0.2), torch.logit(x, 0.2), rtol=1e-15, atol=0)
    np.testing.assert_allclose(expit(x), torch.sigmoid(x), rtol=1e-15)
