"""Dask on a cluster: processes compute, and may die; and from one Zarr store to another."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from arraylogit import expit, logit
from arraylogit._strategies._numpy import NumPy

da = pytest.importorskip("dask.array")

X = np.random.default_rng(0).random((40, 30)).astype("float32")
EXAMPLE = Path(__file__).parents[1] / "examples" / "zarr_dask.py"


@pytest.fixture(scope="module")
def client(needs):
    distributed = needs("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_the_workers_compute_and_the_client_does_not(client, monkeypatch):
    y = logit(da.from_array(X, chunks=(7, 11)), 0.2)
    expected = logit(X, 0.2)

    def refuse(*_):
        raise AssertionError("computed on the client")

    monkeypatch.setattr(NumPy, "evaluate", refuse)
    np.testing.assert_array_equal(client.compute(y).result(), expected)
    with pytest.raises(AssertionError, match="on the client"):
        y.compute(scheduler="synchronous")


@pytest.mark.parametrize("f", [logit, expit, partial(logit, eps=1e-3)])
def test_functions_travel_to_the_workers(client, f):
    assert pickle.loads(pickle.dumps(logit)) is logit
    futures = client.map(f, list(X))
    np.testing.assert_array_equal(np.stack(client.gather(futures)), f(X))


def _threads_started():
    before = len(os.listdir("/proc/self/task"))
    logit(np.full(10**6, 0.25, "float32"))
    return len(os.listdir("/proc/self/task")) - before


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_no_threads_beyond_those_of_the_worker(client):
    assert set(client.run(_threads_started).values()) == {0}


def _slow(chunk, folder):
    tempfile.mkstemp(dir=folder)  # one file for each time that a chunk is computed
    time.sleep(0.05)
    return chunk


def test_a_killed_worker_loses_nothing(client, tmp_path):
    x = da.from_array(X, chunks=(1, 30)).map_blocks(_slow, folder=str(tmp_path), dtype="float32")
    future = client.compute(logit(x, 0.2))
    while len(list(tmp_path.iterdir())) < 10:
        time.sleep(0.01)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    assert not future.done()
    np.testing.assert_array_equal(future.result(timeout=60), logit(X, 0.2))
    assert len(list(tmp_path.iterdir())) > len(X)


def _example(*arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE, *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_zarr_to_zarr(tmp_path, needs):
    zarr = needs("zarr")
    source, target = tmp_path / "p.zarr", tmp_path / "z.zarr"
    zarr.create_array(source, data=X, chunks=(7, 11), attributes={"of": "rain"})
    run = _example(source, target, "--eps", 1e-6)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("1,200 elements")
    assert "100% Completed" in run.stderr
    y = zarr.open_array(target, mode="r")
    assert (y.chunks, y.dtype, dict(y.attrs)) == ((7, 11), "float32", {"of": "rain"})
    np.testing.assert_array_equal(y[...], logit(X, 1e-6))
    again = _example(source, target)
    assert (again.returncode, "exists" in again.stderr) == (2, True)


def test_zarr_to_zarr_on_a_cluster_that_runs(client, tmp_path, needs):
    zarr = needs("zarr")
    source, target = tmp_path / "p.zarr", tmp_path / "z.zarr"
    address = client.scheduler.address
    run = _example(source, target, "--make", 1e5, "--scheduler", address)
    assert run.returncode == 0, run.stderr
    x, y = (zarr.open_array(store, mode="r")[...] for store in (source, target))
    assert x.shape == (100_000,)
    np.testing.assert_array_equal(y, logit(x))
