"""Tests, conformance and benchmarks on every accelerator that torch, JAX and CuPy see.

    python scripts/accelerator.py [--out docs/results/accelerator]

writes a report of each part, and `machine.json` with devices, driver and versions. The exit status
is 0 if all hold, 1 if something fails, 2 if there is no accelerator: then nothing is written.
"""

import argparse
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from arraylogit.testing import backends  # noqa: E402
from arraylogit.testing.environment import environment  # noqa: E402


def found():
    """Return the backends of accelerators that run here, and why the others do not."""
    of_accelerators = [b for b in backends.BACKENDS.values() if ":cuda" in b.name]
    reasons = {b.name: b.missing() for b in of_accelerators}
    there = [b for b in of_accelerators if reasons[b.name] is None]
    return there, sorted({reason for reason in reasons.values() if reason})


def driver():
    """Return the report of the driver, if its program is installed."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return []


def parts(there, out):
    """Yield the name and the command of each part."""
    names = ",".join(b.name for b in there)
    yield "tests", ["pytest", "tests", "--require", names]
    suite = ["pytest", "conformance", "--backend", names, "--require", names]
    yield "conformance", [*suite, "--report", str(out)]
    if find_spec("benchmarks"):
        yield "benchmarks", ["benchmarks", "--clock", "wall", "--json", str(out / "times.json")]


def main():
    """Run all parts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "accelerator")
    args = parser.parse_args()
    there, reasons = found()
    if not there:
        parser.exit(2, f"no accelerator was found: {'; '.join(reasons)}\n")
    args.out.mkdir(parents=True, exist_ok=True)
    devices = {b.name: b.device() for b in there}
    machine = environment() | {"devices": devices, "driver": driver(), "not run": reasons}
    status = {}
    for name, command in parts(there, args.out):
        print(f"{name}: {' '.join(command)}", flush=True)
        run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.PIPE)
        (args.out / f"{name}.txt").write_bytes(run.stdout)
        status[name] = run.returncode
    machine["exit status"] = status
    (args.out / "machine.json").write_text(json.dumps(machine, indent=2) + "\n")
    print(f"{args.out}: {status}")
    return int(any(status.values()))


if __name__ == "__main__":
    sys.exit(main())
