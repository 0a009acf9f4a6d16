"""The kernels and the forms by them, on NumPy and on XLA: constants, accuracy, special values."""

import importlib.util
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pytest

from arraylogit import (
    _expit,
    _expit_log_jacobian,
    _kernels,
    _log_expit,
    _logit,
    _logit_exp,
    _logit_log_jacobian,
)

# A dtype, a kind of forms, and the constants that the forms see.
KINDS = {
    "float32": ("float32", "fused", _kernels.FLOAT32),
    "float64": ("float64", "fused", _kernels.FLOAT64),
    "flushed": ("float32", "flushed", _kernels.FLUSHED),
}
INF, NAN = float("inf"), float("nan")


def _logit_exact(x):
    return mp.log(x) - mp.log1p(-x)


def _logit_exp_exact(x):
    return x - mp.log(-mp.expm1(x))


# A record, its exact value, its domain, and the largest error in ULP of its fused form.
RECORDS = {
    "logit": (_logit.LOGIT, _logit_exact, "probability", 0.65),
    "logit_slope": (_logit.LOGIT_SLOPE, lambda x: 1 / x / (1 - x), "probability", 1.5),
    "expit": (_expit.EXPIT, lambda x: 1 / (1 + mp.exp(-x)), "real", 1),
    "expit_slope": (
        _expit.EXPIT_SLOPE,
        lambda x: 1 / (1 + mp.exp(x)) / (1 + mp.exp(-x)),
        "real",
        1.5,
    ),
    "tanh_half": (_expit.TANH_HALF, lambda x: mp.tanh(x / 2), "real", 1.5),
    "log_expit": (_log_expit.LOG_EXPIT, lambda x: -mp.log1p(mp.exp(-x)), "real", 1),
    "logit_exp": (_logit_exp.LOGIT_EXP, _logit_exp_exact, "negative", 1),
    "logit_exp_slope": (_logit_exp._SLOPE, lambda x: -1 / mp.expm1(x), "negative", 1.5),
    "odds_exp": (_logit_exp._ODDS, lambda x: -mp.exp(x) / mp.expm1(x), "negative", 1.5),
    "logit_log_jacobian": (
        _logit_log_jacobian.LOGIT_LOG_JACOBIAN,
        lambda x: -mp.log(x) - mp.log1p(-x),
        "probability",
        1,
    ),
    "logit_log_jacobian_slope": (
        _logit_log_jacobian._SLOPE,
        lambda x: (2 * x - 1) / x / (1 - x),
        "probability",
        1.5,
    ),
    "expit_log_jacobian": (
        _expit_log_jacobian.EXPIT_LOG_JACOBIAN,
        lambda x: -abs(x) - 2 * mp.log1p(mp.exp(-abs(x))),
        "real",
        1,
    ),
}

AT_ENDS = {  # name: {input: value}; outside a bounded domain and at NaN, NaN
    "logit": {0.0: -INF, 0.5: 0.0, 1.0: INF},
    "logit_slope": {0.0: INF, 0.5: 4.0, 1.0: INF},
    "expit": {-INF: 0.0, 0.0: 0.5, INF: 1.0},
    "expit_slope": {-INF: 0.0, 0.0: 0.25, INF: 0.0},
    "tanh_half": {-INF: -1.0, 0.0: 0.0, INF: 1.0},
    "log_expit": {-INF: -INF, INF: -0.0, 1e6: -0.0},
    "logit_exp": {-INF: -INF, 0.0: INF},
    "logit_exp_slope": {-INF: 1.0, 0.0: INF},
    "odds_exp": {-INF: 0.0, 0.0: INF},
    "logit_log_jacobian": {0.0: INF, 1.0: INF},
    "logit_log_jacobian_slope": {0.0: -INF, 0.5: 0.0, 1.0: INF},
    "expit_log_jacobian": {-INF: -INF, INF: -INF},
}
OUTSIDE = {"probability": [-1.0, -1e-40, 1.5, 1e30, INF, -INF], "negative": [1e-40, 2.0, INF]}


def namespace(dtype, spec):
    def where(mask, a, b):  # of two scalars too, which would be float64
        alike = np.result_type(a, b) if hasattr(a, "dtype") or hasattr(b, "dtype") else dtype
        return np.where(mask, a, b).astype(alike)

    return SimpleNamespace(
        spec=spec,
        where=where,
        abs=np.abs,
        minimum=np.minimum,
        at_least=np.maximum,
        shared=lambda x: x,
        bits=lambda x: x.view(f"i{x.itemsize}"),
        from_bits=lambda i: i.view(dtype),
        to_float=lambda i: i.astype(dtype),
    )


def on_numpy(name, kind):
    dtype, form, spec = KINDS[kind]
    form, xp = RECORDS[name][0].form(form), namespace(dtype, spec)

    def f(x):
        with np.errstate(all="ignore"):
            return form(x, xp)

    return f


def in_float64(name):
    """Return the form of float32 numbers evaluated in float64 by the short polynomials."""
    form, xp = RECORDS[name][0].fused, namespace("float64", _kernels.WIDE)

    def f(x):
        with np.errstate(all="ignore"):
            return form(x.astype("float64"), xp).astype("float32")

    return f


LENGTH = 2203  # of all arrays for XLA, so that each form is compiled once


@cache
def xla(name, kind):
    """Return the form compiled, which contracts products and sums."""
    jax = pytest.importorskip("jax")
    cast = jax.lax.bitcast_convert_type
    dtype, form, spec = KINDS[kind]
    form = RECORDS[name][0].form(form)
    xp = SimpleNamespace(
        spec=spec,
        where=jax.numpy.where,
        abs=jax.numpy.abs,
        minimum=jax.numpy.minimum,
        at_least=jax.numpy.maximum,
        shared=lambda x: x,
        bits=lambda x: cast(x, f"int{8 * x.dtype.itemsize}"),
        from_bits=lambda i: cast(i, dtype),
        to_float=lambda i: i.astype(dtype),
    )
    with jax.enable_x64(True):
        return jax.jit(lambda x: form(x, xp)).lower(np.zeros(LENGTH, dtype)).compile()


def on_xla(name, kind):
    compiled = xla(name, kind)

    def f(x):
        import jax

        with jax.enable_x64(True):
            return np.asarray(compiled(np.resize(x, LENGTH)))[: x.size]

    return f


ENGINES = {"numpy": on_numpy, "xla": on_xla}
each_record = pytest.mark.parametrize("name", RECORDS)
each_kind = pytest.mark.parametrize("kind", KINDS)
each_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def around(center, dtype):
    """Return the neighbours of a number, and ever farther ones on both sides."""
    center = np.dtype(dtype).type(center)
    step = np.spacing(center) * 1.9 ** np.arange(0, 30)
    near = center + np.arange(-4, 5) * np.spacing(center)
    return np.concatenate([near, center - step, center + step]).astype(dtype)


@cache
def points(domain, dtype):
    """Return numbers of a domain where formulas fail: next to a crossing, and at its ends."""
    finfo = np.finfo(dtype)
    powers = np.ldexp(1.0, np.arange(int(np.log2(finfo.smallest_subnormal)), 0, 7))
    random = np.random.default_rng(0).random(100)
    if domain == "probability":
        parts = [around(c, dtype) for c in (0.5, 0.25, 0.75, 0.414, 0.586, 1 / 3, 0.2689, 0.7311)]
        parts += [powers, 1 - powers, random, random * powers[np.arange(100) % powers.size]]
        x = np.concatenate(parts).astype(dtype)
        return np.unique(x[(x > 0) & (x < 1)])
    log2, last = np.log(2), -float(np.log(float(finfo.smallest_subnormal)))
    parts = [around(c, dtype) for c in (log2, 1.0, last, log2 / 2, 1.5 * log2, 1.0986, 0.9402, 20)]
    parts += [powers, random, 5 * random, 40 * random, 1.05 * last * random, [1e3, 1e30]]
    x = np.concatenate(parts).astype(dtype)
    x = np.unique(x[x > 0])
    return -x if domain == "negative" else np.concatenate([-x, x])


@cache
def exact(name, at):
    with mp.workdps(50):
        return RECORDS[name][1](mp.mpf(at))


def errors(y, x, name, dtype):
    """Return the errors in ULP, of at least the smallest subnormal number."""
    finfo = np.finfo(dtype)
    found = []
    for value, at in zip(y.tolist(), x.tolist(), strict=True):
        with mp.workdps(50):
            true = exact(name, at)
            size = abs(true)
            if size > float(finfo.max):
                found.append(0.0 if value == mp.sign(true) * INF else INF)
                continue
            exponent = mp.frexp(size)[1] - 1 if size else finfo.minexp
            unit = mp.ldexp(1, max(exponent, finfo.minexp) - finfo.nmant)
            found.append(float(abs(mp.mpf(value) - true) / unit))
    return np.asarray(found)


@each_engine
@each_kind
@each_record
def test_accuracy(name, kind, engine):
    _, _, domain, bound = RECORDS[name]
    dtype = KINDS[kind][0]
    if kind == "flushed":
        bound = max(bound, 1)
    x, flushes = points(domain, dtype), engine is on_xla or kind == "flushed"
    if flushes:
        x = x[np.abs(x) >= np.finfo(dtype).tiny]
    y = engine(name, kind)(x)
    assert y.dtype == dtype
    error = errors(y, x, name, dtype)
    if flushes:
        error[np.abs(y) <= np.finfo(dtype).tiny] = 0
    worst = int(np.argmax(error))
    assert error[worst] <= bound, f"{error[worst]} ULP at {x[worst].item().hex()}"


@each_record
def test_float32_in_float64_is_rounded_correctly(name):
    x = points(RECORDS[name][2], "float32")
    error = errors(in_float64(name)(x), x, name, "float32")
    worst = int(np.argmax(error))
    assert error[worst] <= 0.501, f"{error[worst]} ULP at {x[worst].item().hex()}"


@each_engine
@each_kind
@each_record
def test_special_values(name, kind, engine):
    dtype, domain = KINDS[kind][0], RECORDS[name][2]
    f = engine(name, kind)
    for at, value in AT_ENDS[name].items():
        signs = (1, -1) if at == 0 else (1,)
        x = np.asarray([s * at for s in signs] * 20, dtype)
        y = f(x)
        assert (y == value).all(), (at, y[0])
        if value == 0 and name != "tanh_half":  # whose zero may have either sign
            assert (np.signbit(y) == np.signbit(value)).all(), at
    if name == "log_expit":
        x = -KINDS[kind][2].lowest * np.asarray([1, 1.0005], dtype)
        assert f(x).tobytes() == np.asarray([-0.0, -0.0], dtype).tobytes()
    flushes = engine is on_xla or kind == "flushed"
    outside = [v for v in OUTSIDE.get(domain, []) if abs(v) > 1e-37 or not flushes]
    x = np.asarray([NAN, *outside], "float64")
    with np.errstate(over="ignore"):
        x = x.astype(dtype)
    assert np.isnan(f(x)).all(), f(x)


@each_engine
@each_kind
@pytest.mark.parametrize("name", ["logit", "expit", "log_expit", "logit_exp"])
def test_monotone(name, kind, engine):
    dtype = KINDS[kind][0]
    x = np.sort(points(RECORDS[name][2], dtype))
    if engine is on_xla or kind == "flushed":
        x = x[np.abs(x) >= np.finfo(dtype).tiny]
    assert (np.diff(engine(name, kind)(x)) >= 0).all()


@each_kind
@each_record
def test_xla_evaluates_each_form_in_one_loop(name, kind):
    # XLA splits the loop where a quotient is used twice, and evaluates what leads to it again.
    if name == "odds_exp":
        pytest.skip("two loops: of use to the second derivative only")
    assert xla(name, kind).as_text().split("ENTRY")[1].count(" fusion(") == 1


def _constants():
    path = Path(__file__).parents[1] / "scripts" / "constants.py"
    spec = importlib.util.spec_from_file_location("constants", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["FLOAT32", "FLUSHED", "FLOAT64", "WIDE"])
def test_constants_follow_from_their_script(name):
    constants, spec = _constants(), getattr(_kernels, name)
    precision, bits, polynomials = constants.WANTED[name]
    for kind, wanted in polynomials.items():
        assert list(getattr(spec, kind)) == constants.fit(wanted, precision)[0]
    parts = constants.log2_parts(bits, precision)
    assert list(spec.log2) == parts
    number, integer = (np.float32, np.int32) if precision == 24 else (np.float64, np.int64)
    assert all(float(number(v)) == v for v in [*parts, spec.magic, spec.counter, spec.drop])
    assert spec.one == number(1).view(integer)
    assert spec.least == number(89 / 128).view(integer)
    assert spec.count_bits == number(spec.counter).view(integer)
    assert spec.to_count == spec.count_bits - int(number(spec.magic).view(integer))
    assert spec.scale == 2.0**spec.scale_exponent
    lift, info = -np.log2(spec.drop), np.finfo(number)
    if lift:
        half = np.log(np.longdouble(info.smallest_subnormal) / 2)
        assert spec.lowest < half < np.nextafter(number(spec.lowest), number(0))
    else:  # its power of 2 has an exponent of 0
        assert round(spec.lowest / np.log(2)) == info.minexp - 1
    assert spec.magic == 1.5 * 2.0**spec.mantissa - info.minexp + 1 + lift
    # the largest k has few enough bits for k log2[0] to be exact
    largest = -np.log(float(info.smallest_subnormal)) / np.log(2) + spec.scale_exponent
    assert int(largest).bit_length() + bits <= precision
