"""Names, silence and shapes. `conformance` checks the values, on every library."""

import numpy as np
import pytest

import arraylogit
from arraylogit import expit, log_expit, logit, logit_exp
from tests.functions import FUNCTIONS, each_function

INF, NAN = np.inf, np.nan


def test_special_holds_the_same_functions():
    for function in FUNCTIONS:
        assert getattr(arraylogit, function.__name__) is function
    assert set(arraylogit.__all__) == {
        *arraylogit.special.__all__,
        "engine",
        "special",
        "__version__",
    }


def test_subnormals(library):
    """To the last of them, where `conformance` allows for a rounding."""
    for dtype in set(library.dtypes) & {"float32", "float64"}:
        smallest = float(np.finfo(dtype).smallest_subnormal)
        y = library.to_numpy(logit(library.array([smallest], dtype)))
        exact = -INF if library.flushes_subnormals else np.log(smallest)
        np.testing.assert_allclose(y, [exact], rtol=1e-7)
        y = library.to_numpy(logit_exp(library.array([-smallest], dtype)))
        np.testing.assert_allclose(y, [-exact], rtol=1e-7)
        deepest = {"float32": -103.97, "float64": -745.13}[dtype]
        last = 0 if library.flushes_subnormals else smallest
        assert library.to_numpy(expit(library.array([deepest], dtype))) == last
        assert library.to_numpy(log_expit(library.array([-deepest], dtype))) == -last


@each_function
def test_silence(library, function):
    # On libraries that may be built on NumPy, its own errors are raised as well.
    x = library.array([0.0, 1.0, -1.0, 2.0, 1e4, -1e4, INF, -INF, NAN, 1e-40], "float32")
    with np.errstate(all="raise"):
        y = function(x)
        assert np.isnan(library.to_numpy(y)[-2])


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 0, 3), (3, 4), (2, 1, 5)])
def test_shape_and_kind_are_kept(library, shape):
    x = library.array(np.full(shape, 0.75), "float32")
    some = FUNCTIONS if library.library == "numpy" else []  # kinds/shape has no eps
    for y in (logit(x, eps=0.1), *(function(x) for function in some)):
        assert type(y) is type(x)
        assert tuple(y.shape) == shape
        assert getattr(y, "device", None) == getattr(x, "device", None)
        assert library.to_numpy(y).shape == shape
