"""`--require` turns a test that cannot run into an error."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from arraylogit.testing import backends

ROOT = Path(__file__).parents[1]


def test_what_is_here_is_not_absent():
    assert backends.absent("") == []
    assert backends.absent("numpy, array_api_strict:device1,mpmath,") == []


@pytest.mark.parametrize("name", ["pnadas", "torch-cuda", "numpy:fast"])
def test_a_name_of_nothing(name):
    (reason,) = backends.absent(f"numpy,{name}")
    assert reason.startswith(f"{name!r} is neither an installed library nor")


def test_no_gpu_is_meant_by_the_name_of_a_library(monkeypatch):
    cuda = backends.backend("cupy:cuda")
    monkeypatch.setattr(backends.base, "find_spec", lambda name: name == "cupy")
    monkeypatch.setattr(cuda, "missing", lambda: "CuPy sees no GPU")
    assert backends.absent("cupy") == []
    assert backends.absent("cupy:cuda") == ["cupy:cuda: CuPy sees no GPU"]
    monkeypatch.setattr(backends.base, "find_spec", lambda name: False)
    assert backends.absent("cupy") == ["cupy:cuda: cupy is not installed"]


@pytest.mark.parametrize("tests", ["tests/test_require.py", "conformance/test_out.py"])
def test_both_suites_refuse_to_begin(tests):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", tests, "--collect-only", "--require", "torch-cuda"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--require: 'torch-cuda' is neither" in run.stderr


def test_the_commands_that_are_written_down_name_what_there_is():
    files = [*ROOT.glob("*.md"), *(ROOT / ".ci").iterdir(), *ROOT.glob(".github/workflows/*.yml")]
    known = (ROOT / "pyproject.toml").read_text()
    written = "".join(file.read_text() for file in files)
    extras = re.findall(r"(?:arraylogit|\.)\[([\w,]+)\]", written)
    assert {"test", "cupy,testing"} <= set(extras)
    there = tomllib.loads(known)["project"]["optional-dependencies"]
    assert {name for found in extras for name in found.split(",")} <= set(there)
    names = {
        name
        for found in re.findall(r"--require[ =]([\w:.,-]+)", written)
        for name in backends.parts(found)
    }
    assert {"torch:cuda", "cupy:cuda", "pandas"} <= names
    for name in names:
        library = re.search(rf'^  "{name}[>"]|"{name}>', known, re.MULTILINE)
        assert library or not backends.absent(name) or backends.select(name), name
