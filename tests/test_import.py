"""Importing arraylogit imports no array library but NumPy, and costs little."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import arraylogit

LIBRARIES = ("torch", "jax", "jaxlib", "dask", "cupy", "scipy", "array_api_strict")


def _run(code, **environment):
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | environment
    )


def _imported_by(code):
    found = _run(f"{code}\nimport sys\nprint([m for m in {LIBRARIES} if m in sys.modules])")
    return found.stdout.strip()


def test_imports_no_array_library():
    code = "from arraylogit import special\nfor f in special.__all__: getattr(special, f)([0.5])"
    assert _imported_by(code) == "[]"


def test_imports_nothing_of_the_suite():
    code = "import arraylogit, pytest_arraylogit, sys; print('arraylogit.testing' in sys.modules)"
    assert _run(code).stdout.strip() == "False"
    # The entry point of pytest by itself does not even import NumPy.
    code = "import pytest_arraylogit, sys; print({'arraylogit', 'numpy'} & set(sys.modules))"
    assert _run(code).stdout.strip() == "set()"


def test_the_check_above_can_fail():
    pytest.importorskip("dask.array")
    code = "import arraylogit, dask.array; arraylogit.logit(dask.array.ones(1))"
    assert "dask" in _imported_by(code)


def test_libraries_are_named_by_their_adapters_alone():
    package = Path(arraylogit.__file__).parent
    adapters = {*package.glob("_strategies/*.py"), package / "_cli" / "_libraries.py"}
    adapters |= {package / "testing" / name for name in ("backends.py", "targets.py")}
    imports = re.compile(rf"^\s*(import|from) ({'|'.join(LIBRARIES)})\b", re.MULTILINE)
    found = {path for path in package.rglob("*.py") if imports.search(path.read_text("utf-8"))}
    assert found - adapters == set()
    assert package / "_cli" / "_libraries.py" in found


def test_one_library_does_not_bring_another():
    pytest.importorskip("torch")
    found = _imported_by("import torch, arraylogit; arraylogit.logit(torch.rand(2))")
    assert "torch" in found
    assert "jax" not in found
    assert "dask" not in found


def test_import_costs_under_10_ms_beyond_numpy():
    # Time of the processor, as that on the wall is everybody's. NumPy's own 70 ms say how fast
    # the machine is. Bytecode is kept from the first time on, as that of an installed package is.
    code = "from time import process_time as t; a = t(); import numpy; b = t(); import arraylogit"
    costs = []
    for _ in range(10):
        found = _run(f"{code}; print(b - a, t() - b)", PYTHONDONTWRITEBYTECODE="")
        numpy, ours = map(float, found.stdout.split())
        costs.append(ours / max(1, numpy / 0.070))
    assert min(costs) < 0.010, costs
