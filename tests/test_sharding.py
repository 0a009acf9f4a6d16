"""Arrays in pieces on several devices or processes stay where they are, without communication."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def run(program, checks):
    """Run the checks of a program in a process of its own, with eight devices for JAX."""
    process = subprocess.run(
        [sys.executable, HERE / program, *checks],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "8", "JAX_PLATFORMS": "cpu"},
        timeout=300,
    )
    assert process.returncode == 0, process.stderr


JAX = ["eager", "jit", "grad", "shard_map", "traced_eps", "a_collective_is_found"]
TORCH = ["forward", "backward", "out", "compiled", "fully_sharded", "communication_is_found"]


def test_jax(needs):
    needs("jax")
    run("sharded_jax.py", JAX)


def test_torch(needs):
    torch = needs("torch")
    if not torch.distributed.is_available():
        pytest.skip("torch was built without torch.distributed")
    run("sharded_torch.py", TORCH)


def test_a_failing_check_is_an_error(needs):
    needs("jax")
    with pytest.raises(AssertionError, match="no_such_check"):
        run("sharded_jax.py", ["no_such_check"])
