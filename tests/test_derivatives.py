"""The derivative table, cell by cell, on every library that differentiates."""

from functools import cache

import mpmath
import numpy as np
import pytest

from arraylogit import expit, logit, special
from arraylogit.testing import reference
from tests.functions import FUNCTIONS, each_function

INF, NAN = np.inf, np.nan


class Torch:
    package = "torch"

    def __init__(self, mode):
        self.mode = mode

    def derivative(self, f, x, order=1):
        import torch

        x = torch.from_numpy(x)
        if self.mode == "backward":
            y = f(x.requires_grad_())
            for _ in range(order):
                (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
            return y.detach().numpy()
        one = torch.func.grad if self.mode == "func.grad" else self._jvp
        for _ in range(order):
            f = one(f)
        return torch.vmap(f)(x).numpy()

    @staticmethod
    def _jvp(f):
        import torch

        return lambda x: torch.func.jvp(f, (x,), (torch.ones_like(x),))[1]


@cache
def _derived(f, mode, order):
    # Jitted, so that the next order traces it no more.
    import jax

    if not order:
        return f
    g = jax.jit(_derived(f, mode, order - 1))
    if mode == "forward":
        return jax.jit(lambda x: jax.jvp(g, (x,), (jax.numpy.ones_like(x),))[1])
    return jax.jit(jax.grad(g))


class Jax:
    package = "jax"

    def __init__(self, mode):
        self.mode = mode

    def derivative(self, f, x, order=1):
        import jax

        with jax.enable_x64(x.dtype == np.float64):
            # Of one length, because each length is compiled.
            given = jax.numpy.asarray(np.resize(x, 60))
            return np.asarray(jax.vmap(_derived(f, self.mode, order))(given))[: x.size]


# `conformance` tests JAX without jit.
WAYS = [Torch("backward"), Torch("func.grad"), Torch("forward"), Jax("jit")]


def _named(way):
    return f"{way.package}-{way.mode}"


@pytest.fixture(params=WAYS, ids=_named)
def way(request):
    pytest.importorskip(request.param.package)
    return request.param


# function, eps, x, first derivative, second derivative
TABLE = [
    ("logit", None, 0.0, INF, -INF),
    ("logit", None, -0.0, INF, -INF),
    ("logit", None, 1.0, INF, INF),
    ("logit", None, 0.5, 4.0, 0.0),
    ("logit", None, 0.25, 16 / 3, -128 / 9),
    ("logit", None, 0.75, 16 / 3, 128 / 9),
    ("logit", None, -0.5, NAN, NAN),
    ("logit", None, 1.5, NAN, NAN),
    ("logit", None, INF, NAN, NAN),
    ("logit", None, -INF, NAN, NAN),
    ("logit", None, NAN, NAN, NAN),
    ("logit", 0.25, 0.0, 0.0, 0.0),
    ("logit", 0.25, 0.125, 0.0, 0.0),
    ("logit", 0.25, 0.25, 16 / 3, -128 / 9),
    ("logit", 0.25, 0.5, 4.0, 0.0),
    ("logit", 0.25, 0.75, 16 / 3, 128 / 9),
    ("logit", 0.25, 0.875, 0.0, 0.0),
    ("logit", 0.25, 1.0, 0.0, 0.0),
    ("logit", 0.25, -3.0, 0.0, 0.0),
    ("logit", 0.25, 3.0, 0.0, 0.0),
    ("logit", 0.25, INF, 0.0, 0.0),
    ("logit", 0.25, -INF, 0.0, 0.0),
    ("logit", 0.25, NAN, NAN, NAN),
    ("logit", 0, 0.0, INF, -INF),
    ("logit", 0, 1.0, INF, INF),
    ("logit", 0, -0.5, 0.0, 0.0),
    ("logit", 0, 1.5, 0.0, 0.0),
    ("logit", 0, NAN, NAN, NAN),
    ("expit", None, 0.0, 0.25, 0.0),
    ("expit", None, -0.0, 0.25, 0.0),
    ("expit", None, INF, 0.0, 0.0),
    ("expit", None, -INF, 0.0, 0.0),
    ("expit", None, NAN, NAN, NAN),
    ("expit", None, 20.0, 2.0611536e-09, -2.0611536e-09),
    ("expit", None, -20.0, 2.0611536e-09, 2.0611536e-09),
    ("expit", None, 80.0, 1.8048513e-35, -1.8048513e-35),
    ("log_expit", None, 0.0, 0.5, -0.25),
    ("log_expit", None, -0.0, 0.5, -0.25),
    ("log_expit", None, -INF, 1.0, 0.0),
    ("log_expit", None, INF, 0.0, 0.0),
    ("log_expit", None, NAN, NAN, NAN),
    ("log_expit", None, 20.0, 2.0611536e-09, -2.0611536e-09),
    ("log_expit", None, -20.0, 1.0, -2.0611536e-09),
    ("log_expit", None, 80.0, 1.8048513e-35, -1.8048513e-35),
    ("logit_exp", None, 0.0, INF, INF),
    ("logit_exp", None, -0.0, INF, INF),
    ("logit_exp", None, -INF, 1.0, 0.0),
    ("logit_exp", None, -1.0, 1.5819767, 0.92067359),
    ("logit_exp", None, -np.log(2), 2.0, 2.0),
    ("logit_exp", None, -20.0, 1.0, 2.0611536e-09),
    ("logit_exp", None, -1e-10, 1e10, 1e20),
    ("logit_exp", None, 0.5, NAN, NAN),
    ("logit_exp", None, 200.0, NAN, NAN),
    ("logit_exp", None, INF, NAN, NAN),
    ("logit_exp", None, NAN, NAN, NAN),
    ("logit_log_jacobian", None, 0.0, -INF, INF),
    ("logit_log_jacobian", None, -0.0, -INF, INF),
    ("logit_log_jacobian", None, 1.0, INF, INF),
    ("logit_log_jacobian", None, 0.5, 0.0, 8.0),
    ("logit_log_jacobian", None, 0.25, -8 / 3, 16 + 16 / 9),
    ("logit_log_jacobian", None, -0.5, NAN, NAN),
    ("logit_log_jacobian", None, 1.5, NAN, NAN),
    ("logit_log_jacobian", None, INF, NAN, NAN),
    ("logit_log_jacobian", None, NAN, NAN, NAN),
    ("expit_log_jacobian", None, 0.0, 0.0, -0.5),
    ("expit_log_jacobian", None, -0.0, 0.0, -0.5),
    ("expit_log_jacobian", None, INF, -1.0, 0.0),
    ("expit_log_jacobian", None, -INF, 1.0, 0.0),
    ("expit_log_jacobian", None, 1e-20, -5e-21, -0.5),
    ("expit_log_jacobian", None, -20.0, 1.0, -4.1223072e-09),
    ("expit_log_jacobian", None, 80.0, -1.0, -3.6097026e-35),
    ("expit_log_jacobian", None, NAN, NAN, NAN),
]


@cache
def _function(name, eps):
    function = getattr(special, name)
    return function if eps is None else lambda x: function(x, eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "eps"), dict.fromkeys(row[:2] for row in TABLE))
def test_table(way, name, eps, dtype):
    rows = [row[2:] for row in TABLE if row[:2] == (name, eps)]
    x, first, second = np.asarray(rows).T
    x = x.astype(dtype)
    f = _function(name, eps)
    y = way.derivative(f, x)
    assert y.dtype == dtype
    exact = np.isin(first, [INF, 4.0, 0.0, 0.25])
    np.testing.assert_array_equal(y[exact], first[exact])
    np.testing.assert_allclose(y, first, rtol=1e-6)
    np.testing.assert_allclose(way.derivative(f, x, 2), second, rtol=2e-6, atol=1e-300)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy(way, dtype):
    """Within 3 ULP of mpmath, tails included."""
    rng = np.random.default_rng(0)
    tiny = np.finfo(dtype).tiny
    tail = 80 if dtype == "float32" else 700
    small = np.concatenate([rng.random(40), 10.0 ** -rng.uniform(0, 30, 20)])
    line = np.concatenate([rng.uniform(-5, 5, 30), rng.uniform(-tail, tail, 30)])
    cases = {"logit": small, "expit": line, "log_expit": line, "logit_exp": -small}
    cases |= {"logit_log_jacobian": small, "expit_log_jacobian": line}
    for function in FUNCTIONS:
        name = function.__name__
        x = cases[name].astype(dtype)
        for v, got in zip(x, way.derivative(function, x), strict=True):
            want = reference.exact(f"{name}_derivative", v)
            ulp = float(np.spacing(max(abs(np.asarray(float(want), dtype)), tiny)))
            assert abs(mpmath.mpf(float(got)) - want) <= 3 * ulp, (name, v)


_EXACT = {
    "logit": lambda x: mpmath.log(x) - mpmath.log(1 - x),
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "log_expit": lambda x: -mpmath.log(1 + mpmath.exp(-x)),
    "logit_exp": lambda x: x - mpmath.log(1 - mpmath.exp(x)),
    "logit_log_jacobian": lambda x: -mpmath.log(x) - mpmath.log(1 - x),
    "expit_log_jacobian": lambda x: -x - 2 * mpmath.log(1 + mpmath.exp(-x)),
}
_BELOW, _ABOVE = np.nextafter(0.5, 0), np.nextafter(0.5, 1)
_PROBABILITIES = [1e-9, 1e-5, 1e-3, 0.25, 0.3, 0.5 - 2.0**-40, _BELOW, 0.5, _ABOVE]
_PROBABILITIES += [0.5 + 2.0**-30, 1 - 2.0**-20, 1 - 2.0**-40]
_LINE = [-20, -1e-3, -1e-9, 0.0, 1e-9, 2.0**-20, 1e-3, _BELOW, 0.5, _ABOVE, 0.7, 30]
_NEGATIVE = [-30, -3, -np.log(2), -np.log(2) + 1e-12, -_ABOVE, -0.5, -_BELOW]
_NEGATIVE += [-1e-3, -1e-5, -1e-9]


@each_function
@pytest.mark.parametrize("way", [*WAYS, Jax("forward")], ids=_named, indirect=True)
def test_orders_1_to_4(way, function):
    """All digits are right, at 0, 1/2 and next to them as well."""
    name = function.__name__
    points = _PROBABILITIES if name.startswith("logit") else _LINE
    points = _NEGATIVE if name == "logit_exp" else points
    for order in (1, 2, 3, 4):
        got = way.derivative(function, np.asarray(points), order)
        with mpmath.workdps(120):
            exact = [mpmath.diff(_EXACT[name], mpmath.mpf(x), order) for x in points]
            # An exact 0 is 0 only up to the digits of mpmath.
            want = np.asarray([float(v) if abs(v) > 1e-20 else 0.0 for v in exact])
        np.testing.assert_allclose(got, want, rtol=2e-14, atol=0, err_msg=f"order {order}")


def test_hessian_at_0_3(way):
    if way.package == "torch":
        import torch

        second = torch.func.hessian(logit)(torch.tensor(0.3, dtype=torch.float64))
        hessian = torch.autograd.functional.hessian(logit, torch.tensor(0.3, dtype=torch.float64))
        assert float(second) == float(hessian)
    else:
        import jax

        with jax.enable_x64(True):
            second = jax.hessian(logit)(0.3)
    np.testing.assert_allclose(float(second), -1 / 0.3**2 + 1 / 0.7**2, rtol=1e-14)


def test_torch_saves_one_tensor():
    torch = pytest.importorskip("torch")
    saved = []

    def pack(x):
        saved.append(x)
        return x

    for dtype in (torch.float16, torch.float32):
        for eps in (None, 1e-3):
            x = torch.rand(5).to(dtype).requires_grad_()
            saved.clear()
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
                logit(x, eps)
            assert [(t.dtype, t.data_ptr()) for t in saved] == [(dtype, x.data_ptr())]


def test_nested_transformations():
    """A tangent or gradient may belong to a level below that of the outermost tensor."""
    torch = pytest.importorskip("torch")
    x = torch.linspace(-30, 30, 7, dtype=torch.float64)
    t = torch.exp(-x.abs())
    exact = t / (1 + t) ** 2
    ones = torch.ones_like(x)
    below = torch.func.jvp(torch.vmap(expit), (x,), (ones,))[1]
    above = torch.vmap(lambda v: torch.func.jvp(expit, (v,), (torch.ones_like(v),))[1])(x)
    inside = torch.func.grad(lambda v: torch.vmap(expit)(v).sum())(x)
    diagonal = torch.func.jacfwd(torch.vmap(expit))(x).diag()
    for got in (below, above, inside, diagonal):
        torch.testing.assert_close(got, exact, rtol=1e-14, atol=0)

    def jvp(f):
        return lambda v: torch.func.jvp(f, (v,), (torch.ones_like(v),))[1]

    x = torch.tensor([0.3, 0.6], dtype=torch.float64)
    second = -1 / x**2 + 1 / (1 - x) ** 2
    for f in (
        jvp(jvp(logit)),
        jvp(jvp(torch.vmap(logit))),
        jvp(torch.vmap(jvp(logit))),
        torch.vmap(jvp(jvp(logit))),
        jvp(torch.func.grad(lambda v: logit(v).sum())),
        torch.func.grad(lambda v: jvp(torch.vmap(logit))(v).sum()),
    ):
        torch.testing.assert_close(f(x), second, rtol=1e-14, atol=0)
