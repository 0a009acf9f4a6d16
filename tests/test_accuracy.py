"""Error in ULP over ten million structured points a library, dtype and function.

A lower bound of the true maximum; `conformance` has the exhaustive sweeps.
"""

from contextlib import nullcontext
from functools import lru_cache

import mpmath
import numpy as np
import pytest

import arraylogit
from arraylogit import _logit_exp, logit
from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.budgets import bound
from tests.functions import each_function

CHUNKS, POINTS = 10, 1_000_000


def _numpy(f):
    return f, nullcontext()


def _torch(f):
    import torch

    return lambda x: f(torch.from_numpy(x)).numpy(), nullcontext()


def _torch_compiled(f):
    import torch

    torch._dynamo.reset()
    compiled = torch.compile(f, fullgraph=True, dynamic=True)
    return lambda x: compiled(torch.from_numpy(x)).numpy(), nullcontext()


def _jax_jitted(f):
    import jax

    jitted = jax.jit(f)
    return lambda x: np.asarray(jitted(x)), jax.enable_x64(True)


MODES = {
    "numpy": _numpy,
    "torch:eager": _torch,
    "torch:compile": _torch_compiled,
    "jax:jit": _jax_jitted,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_function
def test_within_the_bound(function, dtype, mode):
    pytest.importorskip(mode.partition(":")[0])
    f, context = MODES[mode](function)
    worst, witness = 0.0, None
    with context:
        for seed in range(CHUNKS):
            x, exact = points(function.__name__, dtype, seed)
            y = f(x)
            error = measure.ulp_error(y, exact)
            if mode.startswith("jax"):  # XLA flushes subnormals
                tiny = np.finfo(dtype).tiny
                error[(np.abs(x) < tiny) | (np.abs(exact) < tiny)] = 0
            if error.max() > worst:
                worst, witness = error.max(), x[error.argmax()]
    assert worst <= bound("value", function.__name__, dtype, mode), float(witness).hex()
    assert worst > 0.49  # something was measured


# Where the error of a former form, or of a library, was beyond the bound, and points at random
# did not show it.
WITNESSES = {
    "log_expit": ["0x1.09fd4f92cf772p+2", "0x1.1cdaf468fc2b9p+2"],
    "expit": ["-0x1.2892f26587e21p+5"],
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", WITNESSES)
def test_at_known_witnesses(name, mode):
    pytest.importorskip(mode.partition(":")[0])
    f, context = MODES[mode](getattr(arraylogit, name))
    x = np.repeat([float.fromhex(number) for number in WITNESSES[name]], 16)
    with context:
        error = measure.ulp_error(f(x), reference.wide(name, x))
    assert error.max() <= bound("value", name, "float64", mode)


@lru_cache(maxsize=CHUNKS)  # for all modes
def points(name, dtype, seed):
    x = inputs.structured(name, dtype, POINTS, seed)
    # One shape for all, so that a compiled function is compiled once.
    x = np.concatenate([x, np.full(POINTS + 20_000 - x.size, x[0], x.dtype)])
    return x, reference.wide(name, x)


def test_the_parts_of_log_2():
    high, middle, low = _logit_exp._HIGH, _logit_exp._MIDDLE, _logit_exp._LOW
    with mpmath.workprec(200):
        assert high == float(mpmath.nint(mpmath.ldexp(mpmath.log(2), 22)) / 2**22)
        assert high == np.float32(high)
        nearest = float(mpmath.log(2))
        assert middle == float(mpmath.mpf(high) - nearest)
        assert high - middle == nearest == _logit_exp._LOG_2
        assert low == float(mpmath.log(2) - nearest)


@each_function
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_monotone(library, dtype, function):
    """Where the slope has one sign; logit without a drop."""
    if dtype not in library.dtypes:
        pytest.skip(f"the library has no {dtype}")
    x = np.sort(inputs.structured(function.__name__, dtype, 200_000))
    if library.flushes_subnormals:
        x = x[(x == 0) | (abs(x) >= np.finfo("float32" if dtype == "float16" else dtype).tiny)]
    y = library.to_numpy(function(library.array(x, dtype)))
    slope = reference.wide(f"{function.__name__}_derivative", x)
    rounded_once = dtype == "float16" or (library.evaluates_wide and dtype == "float32")
    for direction in (1, -1):
        rising = direction * slope > 0
        count, largest = measure.drops(x[rising], direction * y[rising])
        assert largest <= (1 if function is logit or rounded_once else 3), count


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_odd(library, dtype):
    if dtype not in library.dtypes:
        pytest.skip(f"the library has no {dtype}")
    x = inputs.structured("logit", dtype, 200_000)
    x = x[x >= 0.5]
    y = library.to_numpy(logit(library.array(x, dtype)))
    mirrored = library.to_numpy(logit(library.array(1 - x, dtype)))
    rounded_once = dtype == "float16" or (library.evaluates_wide and dtype == "float32")
    of_numpy = library.library == "array_api_strict" and dtype == "float32"  # whose log is inexact
    bound = 0 if rounded_once else 5 if of_numpy else 2
    np.testing.assert_array_max_ulp(mirrored, -y, bound)
