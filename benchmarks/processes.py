"""Measured in fresh processes: peak memory, the time to import, the time of a first call."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from numpy._core._multiarray_umath import __cpu_dispatch__

# Linux records the peak, and a process can reset it: imports do not count.
_MEMORY = """
import ctypes, json, sys
import numpy as np
import arraylogit

library, function, dtype, size, case = sys.argv[1:]
size = int(size)

def array(n):
    x = np.full(n, 0.25, dtype)
    if library == "numpy":
        return x
    import torch
    return torch.from_numpy(x).requires_grad_(case == "gradient")

def call(x, out):
    f = getattr(arraylogit, function)
    if case == "out":
        return f(x, out=out)
    y = f(x)
    if case == "gradient":
        import torch
        return torch.autograd.grad(y, x, y.detach())
    return y

def status(key):
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith(key)]
    return int(line.split()[1]) * 1024

n = 200_000  # code is loaded when it is first run
call(array(n), array(n) if case == "out" else None)
if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
    libc.malloc_trim(0)  # what was freed counts anew
x = array(size)
out = array(size) if case == "out" else None
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = status("VmRSS")
result = call(x, out)
results = {"plain": 1, "out": 0, "gradient": 2}[case]
print(json.dumps(status("VmHWM") - before - results * x.nbytes))
"""

# Ours and SciPy's function in turn, in cache: the ratio of the best times.
_BESIDE_SCIPY = """
import sys, time
import arraylogit, numpy as np, scipy.special

function, dtype = sys.argv[1:]
x = np.random.default_rng(0).random(10_000).astype(dtype)
best = {}
for _ in range(200):
    for library in (arraylogit, scipy.special):
        f = getattr(library, function)
        start = time.perf_counter()
        for _ in range(5):
            f(x)
        best[library] = min(best.get(library, 1.0), time.perf_counter() - start)
print(best[scipy.special] / best[arraylogit])
"""

_IMPORT = """
import time
start = time.perf_counter(); import numpy
middle = time.perf_counter(); import arraylogit
end = time.perf_counter()
print((end - middle) / (middle - start))
"""

_FIRST_CALL = """
import sys, time
import numpy as np
import arraylogit

library, ours = sys.argv[1:]
if library.startswith("torch"):
    import torch
    x, theirs = torch.rand(1000), torch.logit
    decorate = torch.compile if "compiled" in library else lambda f: f
    if "compiled" in library:
        torch.compile(lambda x: x + 1)(x)  # the compiler's own imports
elif library.startswith("jax"):
    import jax
    x, theirs = jax.numpy.asarray(np.random.rand(1000)), jax.scipy.special.logit
    decorate = jax.jit
    jax.block_until_ready(jax.jit(lambda x: x + 1)(x))
f = decorate(arraylogit.logit if ours == "ours" else theirs)
start = time.perf_counter()
y = f(x)
getattr(y, "block_until_ready", lambda: None)()
print(time.perf_counter() - start)
"""

# The heap is as the first calls leave it: the cost of a size may depend on it.
_SIZES = """
import json, resource, sys, time
import numpy as np
import arraylogit

function, dtype, size = sys.argv[1:]
size = int(size)
f = getattr(arraylogit, function)
x = np.linspace(0.001, 0.999, size, dtype=dtype)
repeats = max(1, 300_000 // size)

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

shortest = fewest = float("inf")
for _ in range(max(7, 30 // max(1, size // 1_000_000))):
    first, start = faults(), time.perf_counter()
    for _ in range(repeats):
        f(x)
    shortest = min(shortest, (time.perf_counter() - start) / repeats)
    fewest = min(fewest, (faults() - first) / repeats)
print(json.dumps([shortest / size * 1e9, fewest]))
"""


def at_size(function: str, dtype: str, size: int) -> tuple[float, float]:
    """Return the nanoseconds an element, and the page faults a call, of NumPy at one size."""
    nanoseconds, faults = json.loads(_run(_SIZES, function, dtype, str(size)))
    return nanoseconds, faults


def peak_memory(library: str, function: str, dtype: str, size: int, case: str) -> float:
    """Return the MiB that a call takes at its peak beyond its input and results (Linux)."""
    return json.loads(_run(_MEMORY, library, function, dtype, str(size), case)) / 2**20


def import_time() -> float:
    """Return the time to import the package over that of NumPy, the shortest of three."""
    return min(float(_run(_IMPORT)) for _ in range(3))


def beside_scipy(function: str, dtype: str, avx512: bool) -> float:
    """Return the time of SciPy's function over ours, with or without NumPy's code for AVX-512."""
    newer = [name for name in __cpu_dispatch__ if name.startswith(("AVX512", "X86_V4"))]
    disabled = {} if avx512 else {"NPY_DISABLE_CPU_FEATURES": " ".join(newer)}
    return float(_run(_BESIDE_SCIPY, function, dtype, **disabled))


def first_call(library: str) -> float:
    """Return the time of the library's first call of its own logit over that of ours."""
    shortest = {
        who: min(float(_run(_FIRST_CALL, library, who)) for _ in range(2))
        for who in ("ours", "theirs")
    }
    return shortest["theirs"] / shortest["ours"]


def _run(script: str, *arguments: str, **environment: str) -> Any:
    root = Path(__file__).parent.parent
    paths = [str(root / "src"), os.environ.get("PYTHONPATH", "")]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"{arguments}: {run.stderr}")
    return run.stdout
