"""Laws that hold for every shape, stride and value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arraylogit import expit, log_expit, logit, logit_exp
from tests.functions import FUNCTIONS

DTYPES = st.sampled_from(["float16", "float32", "float64"])
SHAPES = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7)
MOST = 2 * 7**4  # elements of a view


@st.composite
def views(draw):
    """An array of any values, seen through any permutation, steps and broadcasting."""
    dtype = draw(DTYPES)
    shape = draw(SHAPES)
    bits = np.dtype(dtype).itemsize * 8
    elements = st.one_of(
        st.floats(0, 1, width=bits),
        st.floats(width=bits),
        st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan]),
    )
    x = draw(npst.arrays(dtype, shape, elements=elements))
    x = x.transpose(draw(st.permutations(range(x.ndim))))
    steps = draw(st.tuples(*[st.sampled_from([1, -1, 2, -2]) for _ in range(x.ndim)]))
    x = x[tuple(slice(None, None, step) for step in steps)]
    if draw(st.booleans()):
        x = np.broadcast_to(x, (2, *x.shape))
    return x


EPS = st.one_of(st.none(), st.floats(0, 0.5))
PACKAGES = ["numpy", "torch", "jax", "dask"]


def _same(function, x, package):
    if package == "numpy":
        return function(x)
    module = pytest.importorskip({"jax": "jax.numpy", "dask": "dask.array"}.get(package, package))
    if package == "torch":
        return function(module.from_numpy(np.array(x))).numpy()
    if package == "jax":
        # Of one length, because each length is compiled; `conformance` tries the shapes.
        padded = np.full(MOST, 0.5, x.dtype)
        padded[: x.size] = x.ravel()
        return np.asarray(function(module.asarray(padded)))[: x.size].reshape(x.shape)
    return np.asarray(function(module.asarray(x)))


@settings(max_examples=150, deadline=None)
@given(x=views(), eps=EPS)
def test_elementwise(x, eps):
    """Shape and dtype are kept, each element gives its result alone, the input is not modified."""
    before = x.copy()
    for function in (lambda x: logit(x, eps), *FUNCTIONS):
        y = function(x)
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
        alone = np.asarray([function(v) for v in x.ravel()], x.dtype).reshape(x.shape)
        np.testing.assert_array_equal(y, alone)
    np.testing.assert_array_equal(x, before)


@settings(max_examples=100, deadline=None)
@given(x=views(), eps=EPS)
def test_domain(x, eps):
    y = logit(x, eps)
    if eps is None:
        with np.errstate(invalid="ignore"):
            outside = ~((x >= 0) & (x <= 1))
        np.testing.assert_array_equal(np.isnan(y), outside)
    else:
        np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
        assert eps == 0 or np.isfinite(y[~np.isnan(x)]).all()
    p = expit(x)
    np.testing.assert_array_equal(np.isnan(p), np.isnan(x))
    assert ((p >= 0) & (p <= 1))[~np.isnan(x)].all()
    q = log_expit(x)
    np.testing.assert_array_equal(np.isnan(q), np.isnan(x))
    assert np.signbit(q[~np.isnan(x)]).all()
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(np.isnan(logit_exp(x)), ~(x <= 0))


@settings(max_examples=60, deadline=None)
@given(x=views(), eps=EPS)
@pytest.mark.parametrize("package", PACKAGES[1:])
def test_the_same_on_every_library(package, x, eps):
    if package == "jax" and x.dtype == np.float64:
        with np.errstate(over="ignore"):
            x = x.astype(np.float32)
    tiny = np.finfo(np.float32 if x.dtype == np.float16 else x.dtype).tiny
    for function in (lambda x: logit(x, eps), *FUNCTIONS):
        y, other = function(x), _same(function, x, package)
        assert (other.shape, other.dtype) == (y.shape, y.dtype)
        if package == "jax":
            if 0 < (eps or 0) < 2 * tiny:
                continue  # where subnormals are flushed, the smallest bound is larger
            kept = (np.abs(x) >= tiny) | (x == 0) | ~np.isfinite(x)
            kept &= (np.abs(y) >= np.finfo(x.dtype).tiny) | (y == 0)
            y, other = y[kept], other[kept]
            np.testing.assert_allclose(other, y, rtol=2 * np.finfo(x.dtype).eps)
        else:
            rtol = np.finfo(x.dtype).eps * (2 if x.dtype == np.float64 else 0)
            np.testing.assert_allclose(other, y, rtol=rtol)


@settings(max_examples=200, deadline=None)
@given(x=st.floats(-700, 700))
def test_round_trip(x):
    """Up to the condition number of expit, which is flat next to 1."""
    p = expit(x)
    if p < 1 and p > 0:
        spread = np.spacing(p) / (p * expit(-x))
        assert abs(logit(p) - x) <= 2 * spread + 4 * np.spacing(abs(x))
