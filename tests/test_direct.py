"""Strategies are optional: with all of them off, the answers are the same within the bounds."""

import numpy as np
import pytest
from array_api_compat import array_namespace

from arraylogit import _call, logit
from arraylogit._strategies._direct import Direct
from arraylogit.testing import inputs, measure, reference
from tests.functions import each_function

# Evaluated in float32 by NumPy, whose float32 log and exp are 3.8 and 2.5 ULP off.
BOUNDS = {"float32": 4.5, "float64": 2.5, "float16": 0.51, "bfloat16": 0.51}


@pytest.fixture
def without_strategies(monkeypatch):
    def direct(x):
        try:
            xp = array_namespace(x)
        except TypeError:
            return None
        return made.setdefault(xp, Direct(xp))

    made = {}
    monkeypatch.setattr(_call, "strategy_of", direct)
    return made


@each_function
def test_same_answers(library, without_strategies, function):
    name = function.__name__
    for dtype in library.dtypes:
        if dtype == "bfloat16" and library.library in ("numpy", "dask"):
            continue  # the namespace does not know it: only the strategy of NumPy does
        half = dtype in ("float16", "bfloat16")
        numpy_dtype = library.to_numpy(library.array([0.5], dtype)).dtype
        x = inputs.structured(name, "float32" if half else dtype, 20_000)
        with np.errstate(all="ignore"):
            x = x.astype(numpy_dtype)
        y = function(library.array(x, dtype))
        exact = reference.wide(name, x)
        with np.errstate(all="ignore"):
            error = measure.ulp_error(library.to_numpy(y), exact)
        if library.flushes_subnormals:
            tiny = np.finfo("float32" if half else dtype).tiny
            error[(np.abs(x.astype(float)) < tiny) | (np.abs(exact) < tiny)] = 0
            if half:
                error[np.abs(exact) < 2.0**-14] = 0
        assert error.max() <= BOUNDS[dtype], (dtype, x[error.argmax()])
        assert library.dtype_name(y) == dtype
    assert without_strategies


def test_eps_and_out(without_strategies):
    x = np.asarray([0.0, 0.25, 1.0])
    out = np.empty(3)
    assert logit(x, 0.25, out=out) is out
    np.testing.assert_allclose(out, [-np.log(3), -np.log(3), np.log(3)], rtol=1e-15)
    assert np.isfinite(logit(x, 5e-324)).all()


def test_dtypes_of_two_libraries_are_not_compared():
    """array-api-strict warns of it, and a warning is an error here."""
    strict = pytest.importorskip("array_api_strict")
    for xp in (np, strict):
        logit(xp.asarray([0.25], dtype=xp.float32), 0.1)
