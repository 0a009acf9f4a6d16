"""Measure a function on every float of an interval: in parallel, and resumable.

    python -m arraylogit.testing.sweep --target arraylogit --function logit --backend torch:eager \
        --out FILE.json

The option `--exhaustive` of the suite does that for each of its subjects.
"""

import argparse
import json
import multiprocessing
import os
import re
import sysconfig
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache, reduce
from hashlib import sha256
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from arraylogit.testing import extensions, inputs, measure, reference
from arraylogit.testing.backends import backend
from arraylogit.testing.environment import environment
from arraylogit.testing.functions import FUNCTIONS, curves, function_of
from arraylogit.testing.targets import resolve, target

Array = np.ndarray


@dataclass(frozen=True)
class Sweep:
    """The description of a sweep, written next to its states to tell them from those of others.

    Attributes
    ----------
    target : str
        The name of a target.
    function : str
        The function, or derivative.
    backend : str
        The name of the backend.
    dtype : str
        ``float32``, or one of 16 bits.
    first, last : float or None
        The interval; None for all bit patterns, NaN included.
    chunk : int
        Floats of one state file; a process evaluates them in pieces of `inputs.CHUNK`.
    """

    target: str
    function: str
    backend: str = "numpy"
    dtype: str = "float32"
    first: float | None = None
    last: float | None = None
    chunk: int = 1 << 24

    def __post_init__(self):
        known = curves()
        if self.function not in known:
            raise ValueError(f"function must be one of {known}, got {self.function!r}")
        if np.dtype(self.dtype).itemsize > 4:
            raise ValueError(f"{self.dtype} has too many numbers to try them all")

    @classmethod
    def over_domain(
        cls, target: str, function: str, backend: str, dtype: str = "float32"
    ) -> "Sweep":
        """Return the sweep over the domain of a function; with NaN, if that is the whole line."""
        domain = function_of(function).domain
        first, last = (None, None) if domain == (-np.inf, np.inf) else domain
        return cls(target, function, backend, dtype, first, last)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; infinities as strings, as JSON has none."""
        return {k: str(v) if v in (-np.inf, np.inf) else v for k, v in asdict(self).items()}

    @property
    def name(self) -> str:
        """The name of the sweep."""
        name = f"{self.target} {self.backend} {self.function} {self.dtype}"
        return name if self.first is None else f"{name} {self.first:g} to {self.last:g}"

    @property
    def keys(self) -> range:
        """The numbers, as `inputs.keys` counts them."""
        return inputs.keys(self.dtype, self.first, self.last)


@dataclass
class Result:
    """The results of a sweep; in JSON, with its description.

    Attributes
    ----------
    summary : Summary
        Of the errors.
    drops : int
        How often the result falls from one number to the next.
    deepest : float
        The deepest such fall, in ULP.
    not_odd, compared : int
        At how many x in [0.5, 1] the logit of 1 - x is not that of x negated, and of how many.
    """

    summary: measure.Summary
    drops: int = 0
    deepest: float = 0.0
    not_odd: int = 0
    compared: int = 0

    def merge(self, other: "Result") -> "Result":
        """Return the result for both."""
        return Result(
            self.summary.merge(other.summary),
            self.drops + other.drops,
            max(self.deepest, other.deepest),
            self.not_odd + other.not_odd,
            self.compared + other.compared,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        deepest = self.deepest if np.isfinite(self.deepest) else str(self.deepest)
        return vars(self) | {"summary": self.summary.to_dict(), "deepest": deepest}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Result":
        """Return what `to_dict` was called on."""
        summary = measure.Summary.from_dict(data["summary"])
        return cls(**data | {"summary": summary, "deepest": float(data["deepest"])})


def evaluate(sweep: Sweep, f: Callable[[Array], Array], numbers: range) -> Result:
    """Measure ``f``, a function of NumPy arrays, at some of the numbers of a sweep.

    Subnormal numbers that the backend takes for 0, or makes 0, are counted and not measured.
    """
    parts = []
    flushes = backend(sweep.backend).flushes(sweep.dtype)
    rising = sweep.function in FUNCTIONS and FUNCTIONS[sweep.function].increasing
    for start in range(0, len(numbers), inputs.CHUNK):
        stop = min(start + inputs.CHUNK, len(numbers))
        # One number more, which belongs to the next piece, shows a drop between the two.
        end = numbers[stop - 1] + 1
        x = inputs.at(sweep.dtype, range(numbers[start], end + (end in sweep.keys)))
        y = f(x)
        if y.shape != x.shape:
            raise ValueError(f"{sweep.target} returned shape {y.shape} for {x.shape}")
        drops = measure.drops(x, y) if rising else (0, 0.0)
        x, y = x[: stop - start], y[: stop - start]
        expected = reference.wide(sweep.function, x)
        lost = measure.lost(x, expected, *flushes)
        summary = measure.summarise(
            sweep.function, x, y, expected, sweep.dtype, measure.EXHAUSTIVE, lost
        )
        odd = (0, 0)
        if sweep.function == "logit" and x[-1] >= 0.5:
            odd = measure.not_odd(f, x[x >= 0.5])
        parts.append(Result(summary, *drops, *odd))
    return reduce(Result.merge, parts)


@cache
def _function(sweep: Sweep) -> Callable[[Array], Array]:
    # Of NumPy arrays; made once in each process.
    extensions.load_all()
    backend(sweep.backend).__enter__()  # for the life of the process
    np.seterr(all="ignore")
    return resolve(sweep.target, sweep.function, sweep.backend)


def _measure_chunk(sweep: Sweep, index: int, path: Path) -> int:
    numbers = sweep.keys[index * sweep.chunk : (index + 1) * sweep.chunk]
    _write(path, evaluate(sweep, _function(sweep), numbers).to_dict())
    return len(numbers)


def _write(path: Path, data: dict[str, Any]) -> None:
    # A file is written completely or not at all, even if the process is killed.
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    temporary.replace(path)


def run(
    sweep: Sweep, state: Path | None = None, workers: int | None = None, progress: bool = False
) -> Result:
    """Measure all numbers of a sweep, but for those whose results `state` holds already.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    state : Path, optional
        Directory of one file for each chunk, made if it does not exist; by default one in
        ``.conformance``, named for the sweep and for what was measured: its source and versions.
    workers : int, optional
        Processes, by default one for each CPU.
    progress : bool
        Show a bar with the time left, which needs tqdm.
    """
    described = sweep.to_dict() | {"source": source(sweep)}
    name = f"{sweep.name} {described['source'][:12]}"
    state = state or Path(".conformance", re.sub(r"[^\w.=-]+", "-", name))
    state.mkdir(parents=True, exist_ok=True)
    of = state / "sweep.json"
    if not of.exists():
        _write(of, described)
    elif (there := json.loads(of.read_text())) != json.loads(json.dumps(described)):
        raise ValueError(f"{state} holds the results of another sweep: {there}")
    total = len(sweep.keys)
    paths = [state / f"{i:05}.json" for i in range(-(-total // sweep.chunk))]
    missing = [i for i, path in enumerate(paths) if not path.exists()]
    left = sum(min(sweep.chunk, total - i * sweep.chunk) for i in missing)
    with _bar(progress, sweep.name, total, total - left) as bar:
        for done in _in_processes(sweep, [(i, paths[i]) for i in missing], workers):
            bar.update(done)
    results = (Result.from_dict(json.loads(path.read_text())) for path in paths)
    return reduce(Result.merge, results)


def source(sweep: Sweep) -> str:
    """Return a digest of the files of the target and of the versions installed."""
    known = target(sweep.target).module.partition(".")[0]
    spec = find_spec(known)
    files = [Path(spec.origin)] if spec and spec.origin and Path(spec.origin).is_file() else []
    if spec and spec.submodule_search_locations:
        installed = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        folders = map(Path, spec.submodule_search_locations)
        # For an installed package, its version will do.
        files = [f for d in folders if str(d.parent) not in installed for f in d.rglob("*.py")]
    files += map(Path, extensions.loaded())
    digest = sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    versions = environment()["versions"], backend(sweep.backend).version()
    distributions = [version(name) for name in packages_distributions().get(known, ())]
    digest.update(repr((versions, distributions)).encode())
    return digest.hexdigest()


def _in_processes(sweep: Sweep, chunks: list[Any], workers: int | None) -> Iterator[int]:
    if not chunks:
        return
    # Spawned, because libraries with threads do not survive a fork; one thread in each.
    context = multiprocessing.get_context("spawn")
    size = min(workers or os.cpu_count() or 1, len(chunks))
    with (
        patch.dict(os.environ, {"OMP_NUM_THREADS": "1"}),
        ProcessPoolExecutor(size, context) as pool,
    ):
        futures = [pool.submit(_measure_chunk, sweep, i, path) for i, path in chunks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


class _Silent:
    def update(self, n: int) -> None:
        pass


def _bar(progress: bool, name: str, total: int, initial: int) -> Any:
    if not progress:
        return nullcontext(_Silent())
    from tqdm import tqdm

    return tqdm(total=total, initial=initial, desc=name, unit=" floats", unit_scale=True)


def main(arguments: list[str] | None = None) -> None:
    """Run a sweep from the command line."""
    parser = argparse.ArgumentParser("python -m arraylogit.testing.sweep", description=__doc__)
    known = curves()
    parser.add_argument("--target", default="arraylogit", help="as for the suite")
    parser.add_argument("--function", choices=known, help="by default the only one of the target")
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--first", type=float, help="of an interval; by default the domain")
    parser.add_argument("--last", type=float)
    parser.add_argument("--workers", type=int, help="processes, by default one for each CPU")
    parser.add_argument("--state", type=Path, help="directory to resume from (.conformance/...)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    chosen = parser.parse_args(arguments)
    function = chosen.function
    if function is None:
        functions = list(target(chosen.target).functions)
        if len(functions) > 1:
            parser.error(f"--function: {chosen.target} has {', '.join(functions)}")
        (function,) = functions
    sweep = Sweep.over_domain(chosen.target, function, chosen.backend, chosen.dtype)
    if chosen.first is not None or chosen.last is not None:
        sweep = replace(sweep, first=chosen.first, last=chosen.last)
    start = time.monotonic()
    result = run(sweep, chosen.state, chosen.workers, progress=True)
    seconds = time.monotonic() - start
    found = {"sweep": sweep.to_dict(), "seconds": round(seconds, 1), "environment": environment()}
    _write(chosen.out, found | result.to_dict())


if __name__ == "__main__":
    main()
