"""GPUs: no call waits for the device; and the script that tests them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from arraylogit import logit
from tests.functions import FUNCTIONS

SCRIPT = Path(__file__).parents[1] / "scripts" / "accelerator.py"


@pytest.fixture
def calls():
    """Return calls of every kind, of an array and a 0-d array on a device, and of an `out`."""
    return [
        *(lambda x, eps, out, f=f: f(x) for f in FUNCTIONS),
        lambda x, eps, out: logit(x, 0.1),
        lambda x, eps, out: logit(x, eps),
        lambda x, eps, out: logit(x, 0.1, out=out),
    ]


def test_torch_does_not_wait_for_the_device(calls, needs):
    torch = needs("torch")
    if not torch.cuda.is_available():
        pytest.skip("not run: torch sees no GPU")
    x = torch.rand(1000, device="cuda", requires_grad=True)
    eps, out = torch.tensor(0.1, device="cuda"), torch.empty(1000, device="cuda")
    for call in calls:
        call(x.detach(), eps, out)  # everything that is set up once
    torch.cuda.set_sync_debug_mode("error")
    try:
        for call in calls:
            call(x.detach(), eps, out)
        logit(x, 0.1).sum().backward()
        with pytest.raises(RuntimeError, match="synchroniz"):
            logit(x).sum().item()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_cupy_does_not_wait_for_the_device(calls, needs):
    cupy = needs("cupy")
    if not cupy.cuda.is_available():
        pytest.skip("not run: CuPy sees no GPU")
    x, eps, out = cupy.full(1000, 0.25), cupy.full((), 0.1), cupy.empty(1000)
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        for call in calls:
            call(x, eps, out)
        # Waiting for a captured stream is an error.
        stream.begin_capture()
        for call in calls:
            call(x, eps, out)
        stream.end_capture()


def test_the_script_says_what_it_found(tmp_path):
    out = tmp_path / "results"
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        from accelerator import found
    finally:
        sys.path.pop(0)
    there, reasons = found()
    if there:
        pytest.skip("there is an accelerator: run the script")
    run = subprocess.run(
        [sys.executable, SCRIPT, "--out", out], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 2
    assert run.stderr.startswith("no accelerator was found: ")
    assert all(reason in run.stderr for reason in reasons)
    assert not out.exists()


def test_the_script_writes_a_report(tmp_path, monkeypatch):
    # On the CPU in place of an accelerator, with small commands in place of the suites.
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import accelerator

    from arraylogit.testing.backends import backend

    monkeypatch.setattr(accelerator, "found", lambda: ([backend("numpy")], ["CuPy sees no GPU"]))
    commands = {"tests": ["platform"], "conformance": ["no_such_module"]}
    monkeypatch.setattr(accelerator, "parts", lambda there, out: commands.items())
    monkeypatch.setattr(sys, "argv", ["accelerator.py", "--out", str(tmp_path)])
    assert accelerator.main() == 1
    machine = json.loads((tmp_path / "machine.json").read_text())
    assert machine["devices"] == {"numpy": "CPU"}
    assert machine["versions"]["numpy"] == np.__version__
    assert machine["exit status"] == {"tests": 0, "conformance": 1}
    assert (tmp_path / "tests.txt").stat().st_size > 0
