"""Functions of files: values, dtypes, shapes and libraries."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import arraylogit
from arraylogit import special
from arraylogit.__main__ import main
from arraylogit._cli import _files
from arraylogit._strategies._command_line import LIBRARIES
from tests.cli.shell import fails_with_one_line, run

INSTALLED = [name for name, library in LIBRARIES.items() if library.installed()]


def test_there_and_back_from_the_shell(probs, tmp_path):
    done = run("logit", probs)
    assert (done.returncode, done.stderr) == (0, "")
    logits = tmp_path / "probs.logit.npy"
    assert done.stdout.startswith(f"wrote {logits}: float64, shape (6, 7), 42 elements in ")
    assert done.stdout.count("\n") == 1
    done = run("expit", logits, "--out", tmp_path / "back.npy")
    assert (done.returncode, done.stderr) == (0, "")
    p = np.load(probs)
    assert np.array_equal(np.load(logits), arraylogit.logit(p))
    np.testing.assert_allclose(np.load(tmp_path / "back.npy"), p, rtol=1e-14)

    done = run("logit", probs, "--eps", "0.7", "-o", tmp_path / "new")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "arraylogit: logit: `eps` must be in [0, 0.5], got 0.7\n"


MATRIX = np.linspace(0, 1, 24).reshape(4, 6)


@pytest.mark.parametrize("function", special.__all__)
@pytest.mark.parametrize(
    "x",
    [
        MATRIX,
        np.asfortranarray(MATRIX),
        np.asfortranarray(MATRIX.reshape(2, 3, 4).astype("float32")),
        MATRIX.astype("float16"),
        MATRIX.astype(np.longdouble),
        MATRIX.astype(">f8"),
        np.array(0.25),
        np.empty((0, 3), "float32"),
        np.array([False, True]),
        np.array([[0, 1], [1, 0]], "uint8"),
        np.array([0.25, -0.0, 1, 2, -np.inf, np.nan, 5e-324]),
    ],
    ids=lambda x: f"{x.dtype}-{x.shape}-{'F' if x.flags.fnc else 'C'}",
)
@pytest.mark.usefixtures("small_blocks")
def test_any_shape_dtype_and_order(tmp_path, function, x):
    np.save(tmp_path / "x.npy", x)
    assert main([function, str(tmp_path / "x.npy")]) == 0
    y = np.load(tmp_path / f"x.{function}.npy")
    expected = np.asarray(getattr(arraylogit, function)(x))
    assert y.dtype == expected.dtype
    assert y.flags.fnc == x.flags.fnc
    np.testing.assert_array_equal(y, expected, strict=True)
    assert len(list(tmp_path.iterdir())) == 2


HAS_NO_FLOAT16 = {"array-api-strict"}  # refused: see the errors


@pytest.mark.parametrize(
    ("backend", "dtype", "x64"),
    [
        (backend, dtype, x64)
        for backend in INSTALLED
        for dtype in ("float16", "float32", "float64", "int64")
        for x64 in ((False, True) if backend == "jax" else (False,))
        if dtype != "float16" or backend not in HAS_NO_FLOAT16
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_a_backend_computes_in_the_dtype_that_numpy_would(tmp_path, backend, dtype, x64):
    np.save(tmp_path / "x.npy", MATRIX.astype(dtype))
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", x64)
    try:
        assert main(["logit", str(tmp_path / "x.npy"), "--backend", backend, "--eps", "0.01"]) == 0
        assert jax.config.jax_enable_x64 is x64
    finally:
        jax.config.update("jax_enable_x64", before)
    y = np.load(tmp_path / "x.logit.npy")
    expected = arraylogit.logit(MATRIX.astype(dtype), eps=0.01)
    assert y.dtype == expected.dtype
    np.testing.assert_array_max_ulp(y, expected, 4)


def test_eps_is_used(probs):
    assert main(["logit", str(probs), "--eps", "0.4"]) == 0
    y = np.load(probs.with_name("probs.logit.npy"))
    assert np.array_equal(y, arraylogit.logit(np.load(probs), eps=0.4))


def test_a_backend_that_is_not_installed_gets_one_line(probs, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    error = fails_with_one_line(["logit", probs, "--backend", "torch"], capsys)
    assert error == "arraylogit: --backend torch is not installed\n"


@pytest.mark.parametrize("backend", sorted(set(INSTALLED) - {"numpy", "dask"}))
def test_a_dtype_that_a_backend_lacks_gets_one_line(tmp_path, capsys, backend):
    x = MATRIX.astype("float16" if backend in HAS_NO_FLOAT16 else np.longdouble)
    if x.dtype == np.float64:
        pytest.skip("longdouble is float64 here")
    np.save(tmp_path / "x.npy", x)
    error = fails_with_one_line(["logit", tmp_path / "x.npy", "--backend", backend], capsys)
    assert f"--backend {backend} has no {x.dtype}" in error
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from Linux")
def test_a_large_file_needs_little_memory(tmp_path):
    source = tmp_path / "large.npy"
    np.lib.format.open_memmap(source, mode="w+", dtype="float64", shape=(2**24,))
    script = f"""
import re
from arraylogit.__main__ import main
from arraylogit._cli import _files

def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) * 1024

before = peak()
main(["logit", {str(source)!r}])
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    needed = int(done.stdout.split()[-1])
    assert 8 * _files.BLOCK < needed < source.stat().st_size / 2
