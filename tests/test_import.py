"""Importing arraylogit imports no array library but NumPy, and costs little."""

import subprocess
import sys

import pytest

LIBRARIES = ("torch", "jax", "jaxlib", "dask", "cupy", "scipy", "array_api_strict")


def _run(code, *options):
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def _imported_by(code):
    found = _run(f"{code}\nimport sys\nprint([m for m in {LIBRARIES} if m in sys.modules])")
    return found.stdout.strip()


def test_imports_no_array_library():
    code = "from arraylogit import special\nfor f in special.__all__: getattr(special, f)([0.5])"
    assert _imported_by(code) == "[]"


def test_the_check_above_can_fail():
    pytest.importorskip("dask.array")
    code = "import arraylogit, dask.array; arraylogit.logit(dask.array.ones(1))"
    assert "dask" in _imported_by(code)


def test_one_library_does_not_bring_another():
    pytest.importorskip("torch")
    found = _imported_by("import torch, arraylogit; arraylogit.logit(torch.rand(2))")
    assert "torch" in found
    assert "jax" not in found
    assert "dask" not in found


def _milliseconds(report, module):
    (row,) = [row for row in report if row.split("|")[-1].strip() == module]
    return int(row.split("|")[1]) / 1000


def test_import_costs_under_10_ms_beyond_numpy():
    costs = []
    for _ in range(5):
        report = _run("import numpy; import arraylogit", "-X", "importtime").stderr.splitlines()
        # On a busy machine everything takes longer: NumPy's own 70 ms say how much.
        busy = max(1, _milliseconds(report, "numpy") / 70)
        costs.append(_milliseconds(report, "arraylogit") / busy)
    assert min(costs) < 10, costs
