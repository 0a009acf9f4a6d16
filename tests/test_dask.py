"""Dask: lazy, one layer a call, chunks kept."""

import pickle

import numpy as np
import pytest

from arraylogit import expit, logit

da = pytest.importorskip("dask.array")

X = np.random.default_rng(0).random((20, 30)).astype("float32")


@pytest.fixture
def x():
    return da.from_array(X, chunks=(7, 11))


def test_values(x):
    np.testing.assert_array_equal(logit(x).compute(), logit(X))
    np.testing.assert_array_equal(logit(x, 0.2).compute(), logit(X, 0.2))
    np.testing.assert_array_equal(expit(x).compute(scheduler="processes"), expit(X))


def test_lazy_one_layer_chunks_kept(x):
    def refuse(*_, **__):
        raise AssertionError("computed")

    import dask

    with dask.config.set(scheduler=refuse):
        y = logit(x, 0.2)
    assert len(y.dask.layers) == len(x.dask.layers) + 1
    assert y.chunks == x.chunks
    assert y.dtype == "float32"
    assert y.name.startswith("logit-")
    with pytest.raises(AssertionError, match="computed"), dask.config.set(scheduler=refuse):
        y.compute()


def test_the_name_is_that_of_the_computation(x):
    assert logit(x, 0.2).name == logit(x, 0.2).name
    assert logit(x, 0.2).name != logit(x, 0.3).name != expit(x).name


def test_unknown_chunks(x):
    chosen = x[x > 0.5]
    assert np.isnan(chosen.chunks[0]).any()
    np.testing.assert_array_equal(logit(chosen).compute(), logit(X[X > 0.5]))


def test_meta_is_that_of_the_chunks():
    ma = da.ma.masked_greater(da.from_array(X, chunks=10), 0.5)
    y = logit(ma)
    assert type(y._meta) is np.ma.MaskedArray
    np.testing.assert_array_equal(y.compute().mask, X > 0.5)


def test_integers(x):
    y = logit((x > 0.5).astype("int8"))
    assert y.dtype == "float64"
    assert set(np.unique(y.compute())) == {-np.inf, np.inf}


def test_the_graph_is_picklable(x):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(logit(x))).compute(), logit(X))
