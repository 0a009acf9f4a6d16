"""Error in ULP over ten million structured points a library, dtype and function.

A lower bound of the true maximum; `conformance` has the exhaustive sweeps.
"""

from functools import cache, lru_cache

import mpmath
import numpy as np
import pytest

import arraylogit
from arraylogit import _logit_exp, logit
from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.backends import BACKENDS
from arraylogit.testing.budgets import bound
from tests.functions import each_function

CHUNKS, POINTS = 10, 1_000_000


@pytest.fixture
def backend(request):
    chosen = BACKENDS[request.param]
    if reason := chosen.missing():
        pytest.skip(f"not run: {reason}")
    with chosen:
        yield chosen


# Above other marks, so that one after the other has the same points.
MODES = ["numpy", "torch:eager", "torch:compile", "jax:jit"]
each_backend = pytest.mark.parametrize("backend", MODES, indirect=True)


@each_backend
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_function
def test_within_the_bound(function, dtype, backend):
    f, flushes = backend.transform(function), backend.flushes_subnormals
    worst, witness = 0.0, None
    for seed in range(CHUNKS):
        x, exact = points(function.__name__, dtype, seed)
        y = backend.to_numpy(f(backend.asarray(x)))
        error = measure.ulp_error(y, exact)
        if flushes:
            tiny = np.finfo(dtype).tiny
            error[(np.abs(x) < tiny) | (np.abs(exact) < tiny)] = 0
        if error.max() > worst:
            worst, witness = error.max(), x[error.argmax()]
    assert worst <= bound("value", function.__name__, dtype, backend.name), float(witness).hex()
    assert worst > 0.49  # something was measured


# Where the error of a former form, or of a library, was beyond the bound, and points at random
# did not show it.
WITNESSES = {
    "log_expit": [
        "0x1.09fd4f92cf772p+2",
        "0x1.1cdaf468fc2b9p+2",
        "0x1.e96cfe7adcae2p-1",
        "0x1.051e9dcd389a1p+0",
    ],
    "logit_exp": ["-0x1.523d3b86cc6edp-2"],
    "expit": ["-0x1.2892f26587e21p+5"],
}


@pytest.mark.parametrize("backend", [*MODES, "numpy:numba"], indirect=True)
@pytest.mark.parametrize("name", WITNESSES)
def test_at_known_witnesses(name, backend):
    f = backend.transform(getattr(arraylogit, name))
    x = np.repeat([float.fromhex(number) for number in WITNESSES[name]], 16)
    error = measure.ulp_error(backend.to_numpy(f(backend.asarray(x))), reference.wide(name, x))
    assert error.max() <= bound("value", name, "float64", backend.name)


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


@cache  # for all libraries
def slopes(name, dtype):
    x = np.sort(inputs.structured(name, dtype, 200_000))
    return x, reference.wide(f"{name}_derivative", x)


@each_function
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_monotone(library, dtype, function):
    """Where the slope has one sign; logit without a drop."""
    if dtype not in library.dtypes:
        pytest.skip(f"the library has no {dtype}")
    x, slope = slopes(function.__name__, dtype)
    if library.flushes_subnormals:
        tiny = np.finfo("float32" if dtype == "float16" else dtype).tiny
        kept = (x == 0) | (abs(x) >= tiny)
        x, slope = x[kept], slope[kept]
    y = library.to_numpy(function(library.array(x, dtype)))
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
