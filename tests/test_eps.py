"""The clamp: its table cell by cell, and the values of eps that are refused."""

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from arraylogit import logit

# eps, then the results for 0 and 1, computed in float32: 1 - eps is rounded to float32.
BELOW_ONE = 16.635532  # logit of the largest float32 below 1
TABLE = [
    (2.9e-8, math.log(2.9e-8), BELOW_ONE),
    (1e-30, math.log(1e-30), BELOW_ONE),
]


@pytest.mark.parametrize(("eps", "lowest", "highest"), TABLE)
def test_bounds_are_those_of_the_computing_dtype(library, eps, lowest, highest):
    for dtype in [d for d in library.dtypes if d != "float64"]:
        x = library.array([-0.1, 0.0, 1.0, 1.1, -np.inf, np.inf, np.nan], dtype)
        y = logit(x, eps=eps)
        assert library.dtype_name(y) == dtype
        expected = [lowest, lowest, highest, highest, lowest, highest, math.nan]
        rtol = {"float32": 1e-5, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
        np.testing.assert_allclose(library.to_numpy(y).astype(float), expected, rtol=rtol)


def test_the_smallest_bounds(library):
    for dtype in set(library.dtypes) & {"float32", "float64"}:
        info = np.finfo(dtype)
        y = library.to_numpy(logit(library.array([0.0, 1.0], dtype), eps=1e-323))
        if dtype == "float64" and not library.flushes_subnormals:
            lower = math.log(1e-323)
        else:
            smallest = info.tiny if library.flushes_subnormals else info.smallest_subnormal
            lower = math.log(smallest)
        upper = -math.log(info.epsneg)
        np.testing.assert_allclose(y, [lower, upper], rtol=1e-6)


def test_longdouble_bounds_are_not_rounded_to_double():
    eps = np.longdouble("1e-18")
    y = logit(np.asarray([0, 1], dtype=np.longdouble), eps=eps)
    assert y.dtype == np.longdouble
    if np.finfo(np.longdouble).eps < np.finfo(float).eps:
        np.testing.assert_allclose(y, [np.log(eps), -np.log(eps)], rtol=0.02)


@pytest.mark.parametrize(
    "eps",
    [
        Fraction(1, 4),
        ml_dtypes.bfloat16(0.25),
        np.asarray(0.25, dtype=np.float16),
    ],
    ids=repr,
)
def test_any_real_number(library, eps):
    x = library.array([0.1, 0.3, 0.9], "float32")
    np.testing.assert_array_equal(
        library.to_numpy(logit(x, eps)), library.to_numpy(logit(x, 0.25))
    )


def test_array_of_the_library_is_refused(library):
    x = library.array([0.1, 0.3, 0.9], "float32")
    if library.name == "dask":
        with pytest.raises(TypeError, match="logit: `eps` .*lazy"):
            logit(x, library.array(0.25, "float32"))
        return
    with pytest.raises(ValueError, match=r"logit: `eps` must be in \[0, 0.5\], got 0.75"):
        logit(x, library.array(0.75, "float32"))


REFUSED = [
    (-1e-9, ValueError),
    (-1, ValueError),
    (0.51, ValueError),
    (1, ValueError),
    (math.nan, ValueError),
    (math.inf, ValueError),
    (np.float32(0.6), ValueError),
    (np.asarray(-0.1), ValueError),
    ("0.1", TypeError),
    (0.1j, TypeError),
    (True, TypeError),
    (np.bool(False), TypeError),
    ([0.1], TypeError),
    ((), TypeError),
    (np.asarray([0.1]), TypeError),
    (np.asarray(0.1j), TypeError),
    (object(), TypeError),
]


@pytest.mark.parametrize(("eps", "error"), REFUSED, ids=lambda value: repr(value)[:20])
def test_refused(library, eps, error):
    x = library.array([0.1, 0.9], "float32")
    with pytest.raises(error, match=r"^logit: `eps` must be "):
        logit(x, eps)


def test_array_of_another_library_is_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="of the library of `input`, got torch.Tensor"):
        logit(np.asarray([0.1]), torch.tensor(0.1))
