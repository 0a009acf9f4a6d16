"""Importing arraylogit imports no array library but NumPy, and costs little."""

import ast
import os
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
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
    # The entry point of pytest alone does not even import NumPy.
    code = "import pytest_arraylogit, sys; print({'arraylogit', 'numpy'} & set(sys.modules))"
    assert _run(code).stdout.strip() == "set()"


def test_the_adapters_of_the_suite_import_no_library():
    assert _imported_by("from arraylogit.testing import backends, targets") == "[]"


def test_the_check_above_can_fail():
    pytest.importorskip("dask.array")
    code = "import arraylogit, dask.array; arraylogit.logit(dask.array.ones(1))"
    assert "dask" in _imported_by(code)


def test_libraries_are_named_by_their_adapters_alone():
    package = Path(arraylogit.__file__).parent
    adapters = {*package.glob("_strategies/*.py"), *package.glob("testing/backends/*.py")}
    adapters.add(package / "testing" / "targets.py")
    imports = re.compile(rf"^\s*(import|from) ({'|'.join(LIBRARIES)})\b", re.MULTILINE)
    found = {path for path in package.rglob("*.py") if imports.search(path.read_text("utf-8"))}
    assert found - adapters == set()
    assert package / "_strategies" / "_torch.py" in found


def test_one_library_does_not_bring_another():
    pytest.importorskip("torch")
    found = _imported_by("import torch, arraylogit; arraylogit.logit(torch.rand(2))")
    assert "torch" in found
    assert "jax" not in found
    assert "dask" not in found


def test_import_costs_under_10_ms_beyond_numpy():
    # CPU time, because other programs affect the time on the wall. NumPy's own 70 ms tell how fast
    # the machine is. Bytecode is cached from the first run on, as for an installed package.
    code = "from time import process_time as t; a = t(); import numpy; b = t(); import arraylogit"
    costs = []
    for _ in range(10):
        found = _run(f"{code}; print(b - a, t() - b)", PYTHONDONTWRITEBYTECODE="")
        numpy, ours = map(float, found.stdout.split())
        costs.append(ours / max(1, numpy / 0.070))
    assert min(costs) < 0.010, costs


def _imports(path, package):
    # The modules of the package that a module imports at its top level.
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith(package.name):
            whole = node.module.split(".")[1:]
            for alias in node.names:
                for parts in ([*whole, alias.name], whole):
                    file = package.joinpath(*parts)
                    found = [
                        f for f in (file.with_suffix(".py"), file / "__init__.py") if f.exists()
                    ]
                    if found:
                        yield found[0]
                        break


def _circle(package):
    graph = {p: set(_imports(p, package)) - {p} for p in package.rglob("*.py")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [p.stem for p in error.args[1]]
    return None


def test_modules_import_each_other_in_no_circle():
    assert _circle(Path(arraylogit.__file__).parent) is None


def test_a_circle_would_be_seen(tmp_path):
    package = tmp_path / "arraylogit"
    package.mkdir()
    (package / "a.py").write_text("from arraylogit import b")
    (package / "b.py").write_text("from arraylogit.a import f")
    assert set(_circle(package)) == {"a", "b"}
