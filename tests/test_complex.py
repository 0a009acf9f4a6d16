"""logit and expit of complex numbers: values, cuts, limits and derivatives."""

from functools import cache

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpc, mpf

from arraylogit import expit, log_expit, logit, logit_exp
from arraylogit.testing import complex_plane

INF, NAN = np.inf, np.nan
BOTH = pytest.mark.parametrize("function", [logit, expit], ids=["logit", "expit"])

# Largest error of a part, in its own ULP; for expit, whose real part crosses 0 between the real
# axis and the next pole, in ULP of |expit(z)|. Correctly rounded from complex128 where that is
# affordable.
BOUNDS = {"logit": 4.5, "expit": 8.0}
ROUNDED_ONCE = 0.501


def points(name, count=400, seed=0):
    """Numbers of every magnitude, next to the branch points, the poles and 1/2, and between."""
    rng = np.random.default_rng(seed)

    def signed(lowest, highest):
        return 10.0 ** rng.uniform(lowest, highest, count) * rng.choice([-1, 1], count)

    def box(x, y):
        return rng.uniform(-x, x, count) + 1j * rng.uniform(-y, y, count)

    if name == "logit":
        parts = [
            signed(-320, 300) + 1j * signed(-320, 300),
            rng.uniform(0, 1, count) + 1j * signed(-320, 300),
            signed(140, 170) + 1j * signed(140, 170),
            *(centre + signed(-17, 1) + 1j * signed(-17, 1) for centre in (0, 0.5, 1)),
            box(3, 2),
        ]
    else:
        poles = np.pi * (2 * rng.integers(-5, 5, count) + 1)
        parts = [
            box(740, 100),
            box(40, 10),
            box(2, 4),
            signed(-17, 1) + 1j * (poles + signed(-17, 1)),
            rng.uniform(-40, 40, count) + 1j * signed(-300, 5),
            signed(-17, 1) + 1j * signed(-17, 1),
        ]
    return np.concatenate(parts)


@cache  # for all libraries
def exact(name, z):
    x, y = mpf(float(z.real)), mpf(float(z.imag))
    if name == "expit":
        return 1 / (1 + mp.exp(-mpc(x, y)))
    lower = x < 0.5
    nearer = x if lower else 1 - x
    size = mp.log1p(abs(2 * x - 1) / (nearer**2 + y**2)) / 2
    return mpc(-size if lower else size, mp.atan2(y, x) + mp.atan2(y, 1 - x))


def ulp(value, info):
    exponent = int(info.minexp) if value == 0 else max(mp.mag(value) - 1, int(info.minexp))
    return mpf(2) ** (exponent - info.nmant)


def errors(name, z, w, dtype, flushes):
    """Return the error of both parts in ULP, those of |w| for expit."""
    info = np.finfo(dtype)
    for v, got in zip(z, w, strict=True):
        want = exact(name, v)
        if flushes and min(abs(v.real), abs(v.imag), abs(want.real), abs(want.imag)) < info.tiny:
            continue
        measure = abs(want) if name == "expit" else want.real
        yield float(abs(mpf(float(got.real)) - want.real) / ulp(measure, info)), v
        yield float(abs(mpf(float(got.imag)) - want.imag) / ulp(want.imag, info)), v


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@BOTH
def test_accuracy(library, function, dtype):
    real = {"complex64": "float32", "complex128": "float64"}[dtype]
    if real not in library.dtypes:
        pytest.skip(f"the library has no {dtype}")
    name = function.__name__
    with np.errstate(all="ignore"):
        z = points(name).astype(dtype)
    z = z[np.isfinite(z) & (z.real != 0) & (z.imag != 0)]
    w = function(library.array(z))
    assert library.dtype_name(w) == dtype
    with mpmath.workprec(400):
        found = list(errors(name, z, library.to_numpy(w), real, library.flushes_subnormals))
    rounded_once = library.evaluates_wide and dtype == "complex64"
    worst, witness = max(found)
    assert worst <= (ROUNDED_ONCE if rounded_once else BOUNDS[name]), witness
    assert worst > 0.49


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@BOTH
def test_worst_of_a_search(library, function, dtype):
    real = {"complex64": "float32", "complex128": "float64"}[dtype]
    if real not in library.dtypes or np.finfo(np.longdouble).nmant < 60:
        pytest.skip(f"no {dtype}, or nothing wider to compare with")
    z = complex_plane.points(function.__name__, dtype, 60_000)
    worst, at = complex_plane.worst(
        function.__name__, z, library.to_numpy(function(library.array(z)))
    )
    rounded_once = library.evaluates_wide and dtype == "complex64"
    assert worst <= (ROUNDED_ONCE if rounded_once else BOUNDS[function.__name__]), at
    assert worst > 0.49


def test_the_search_finds_errors():
    """The checks reject log(z) - log(1 - z), and one number off by 9 ULP."""
    z = complex_plane.points("logit", "complex128", 6000)
    with np.errstate(all="ignore"):
        assert complex_plane.worst("logit", z, np.log(z) - np.log(1 - z))[0] > 1e6
    w = logit(z)
    w[5] += 9 * np.spacing(w[5].real)
    worst, at = complex_plane.worst("logit", z, w)
    assert at == z[5]
    assert worst > 4.9


@BOTH
def test_on_the_real_axis(library, function):
    """The parts there, the ends included, and both sides of the cuts."""
    x = np.linspace(0, 1, 1001) if function is logit else np.linspace(-700, 700, 1401)
    dtype = library.dtypes[-1]
    x = x.astype(dtype)
    w = library.to_numpy(function(library.array(x + 0j)))
    eps = np.finfo(dtype).eps
    y = library.to_numpy(function(library.array(x)))
    normal = (abs(y) >= np.finfo(dtype).tiny) | (y == 0)
    np.testing.assert_allclose(w.real[normal], y[normal], rtol=6 * eps)
    assert (w.imag == 0).all()
    assert not np.signbit(w.imag).any()


def test_sides_of_the_cuts_and_branch_points(library):
    z = [complex(x, y) for x in (-1.0, 2.0) for y in (0.0, -0.0)]
    w = library.to_numpy(logit(library.array(z, "complex64")))
    side = np.float32(np.pi)
    np.testing.assert_array_equal(w.imag, [side, -side, side, -side])
    np.testing.assert_allclose(w.real, np.log([0.5, 0.5, 2, 2]), rtol=1e-6)
    w = library.to_numpy(logit(library.array([0, 1, complex(1, -0.0), 0.5], "complex64")))
    np.testing.assert_array_equal(w.real, [-INF, INF, INF, 0])
    np.testing.assert_array_equal(w.imag, [0, 0, 0, 0])
    np.testing.assert_array_equal(np.signbit(w.imag), [False, False, True, False])


@BOTH
def test_conjugates_to_the_bit(library, function):
    with np.errstate(over="ignore"):
        z = points(function.__name__, 100).astype("complex64")
    z = z[np.isfinite(z)]
    w = library.to_numpy(function(library.array(z)))
    conjugate = library.to_numpy(function(library.array(z.conj())))
    np.testing.assert_array_equal(conjugate, w.conj())
    np.testing.assert_array_equal(np.signbit(conjugate.imag), ~np.signbit(w.imag))


@BOTH
def test_complex_step(library, function):
    """The imaginary part is the derivative times the step, exact to working precision."""
    dtype, step = (
        ("complex128", 1e-200) if library.dtypes[-1] == "float64" else ("complex64", 1e-30)
    )
    x = np.asarray([0.1, 0.3, 0.5, 0.999, 1e-5])
    x = x if function is logit else 1000 * (x - 0.5) / 30
    x = x.astype(library.dtypes[-1])
    w = library.to_numpy(function(library.array(x + 1j * x.dtype.type(step), dtype)))
    t = np.exp(-abs(x.astype(float)))
    slope = 1 / (x * (1 - x.astype(float))) if function is logit else t / (1 + t) ** 2
    rtol = 8 * np.finfo(x.dtype).eps
    np.testing.assert_allclose(w.imag.astype(float) / step, slope, rtol=rtol)


LIMITS = [
    (expit, -80 + 1j, np.exp(-80 + 1j)),
    (expit, 80 + 1j, 1 + 1j * np.exp(-80) * np.sin(1)),
    (expit, -1e4 + 1j, 0),
    (expit, 1e4 + 1j, 1),
    (expit, complex(-INF, 3), 0),
    (expit, complex(INF, 3), 1),
    (expit, complex(-INF, INF), 0),
    (expit, complex(INF, NAN), 1),
    (expit, complex(0, INF), complex(NAN, NAN)),
    (expit, complex(NAN, 1), complex(NAN, NAN)),
    (logit, complex(INF, 1), complex(0, np.pi)),
    (logit, complex(-INF, -1), complex(0, -np.pi)),
    (logit, complex(1, INF), complex(0, np.pi)),
    (logit, complex(INF, -INF), complex(0, -np.pi)),
    (logit, complex(NAN, 1), complex(NAN, NAN)),
    (logit, complex(1, NAN), complex(NAN, NAN)),
]


@pytest.mark.parametrize(("function", "z", "w"), LIMITS)
def test_limits_in_silence(library, function, z, w):
    for size in (1, 1003):
        with np.errstate(all="raise"):
            got = function(library.array(np.full(size, z, "complex64")))
            got = library.to_numpy(got)
        np.testing.assert_allclose(got.real, np.full(size, np.real(w)), rtol=1e-6)
        np.testing.assert_allclose(got.imag, np.full(size, np.imag(w)), rtol=1e-6)


def test_refused(library):
    z = library.array([0.5j], "complex64")
    with pytest.raises(TypeError, match=r"logit: `eps` must be None where `input` is complex"):
        logit(z, 0.1)
    for function in (log_expit, logit_exp):
        with pytest.raises(TypeError, match=r"real floating-point dtype, got .*complex64"):
            function(z)


@BOTH
def test_out(library, function):
    if not library.writable:
        pytest.skip("its arrays cannot be written to")
    z = np.asarray([0.25 + 1j, -2 - 3j], "complex64")
    expected = library.to_numpy(function(library.array(z)))
    x = library.array(z)
    assert function(x, out=x) is x
    np.testing.assert_array_equal(library.to_numpy(x), expected)
    real = library.array([7, 7], "float32")
    with pytest.raises(TypeError, match="`out` must have a dtype that .*complex64 can be cast to"):
        function(library.array(z), out=real)
    np.testing.assert_array_equal(library.to_numpy(real), [7, 7])


def test_scalars_and_other_dtypes():
    assert type(logit(0.5j)) is np.complex128
    assert logit([0.25, 0.5j]).dtype == complex
    w = logit(np.asarray([0.25 + 0.5j], np.clongdouble))
    assert w.dtype == np.clongdouble
    np.testing.assert_allclose(w.astype(complex), logit([0.25 + 0.5j]), rtol=1e-15)


Z = np.asarray([0.3 + 0.4j, -1.5 - 0.25j, 2 + 1e-3j, 0.5 + 0j, 1j, -1j])
SLOPES = {"logit": 1 / (Z * (1 - Z)), "expit": np.exp(-Z) / (1 + np.exp(-Z)) ** 2}


@BOTH
def test_torch(function):
    torch = pytest.importorskip("torch")
    z = torch.from_numpy(Z).requires_grad_()
    assert torch.autograd.gradcheck(function, z, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(function, z, check_fwd_over_rev=True)
    (gradient,) = torch.autograd.grad(function(z).real.sum(), z)
    slope = SLOPES[function.__name__]
    np.testing.assert_allclose(gradient.numpy(), slope.conj(), rtol=1e-13)
    tangent = torch.func.jvp(function, (z.detach(),), (torch.ones_like(z),))[1]
    np.testing.assert_allclose(tangent.numpy(), slope, rtol=1e-13)
    batched = torch.vmap(function)(z.detach().reshape(2, 3))
    torch.testing.assert_close(batched.reshape(-1), function(z).detach(), rtol=0, atol=0)


@BOTH
def test_jax(function):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        z = jax.numpy.asarray(Z)
        one = jax.grad(function, holomorphic=True)
        slope = SLOPES[function.__name__]
        for f in (jax.vmap(one), jax.jit(jax.vmap(one)), jax.vmap(jax.jit(one))):
            np.testing.assert_allclose(f(z), slope, rtol=1e-13)
        tangent = jax.jvp(function, (z,), (jax.numpy.ones_like(z),))[1]
        np.testing.assert_allclose(tangent, slope, rtol=1e-13)
        w = function(z)
        np.testing.assert_allclose(jax.jit(jax.vmap(function))(z), w, rtol=1e-15)
