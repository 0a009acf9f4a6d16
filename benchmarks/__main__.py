"""Measure, and print or store, ratios to what a user would call instead.

A ratio is the time of the peer over the time of arraylogit: above 1, arraylogit is quicker.
Contestants run in turn in the same process. "copy" and "one log" are the limits: a copy of the
array, and one logarithm (or exponential) of it.
"""

import argparse
import json
import os
import sys
import tomllib
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

# Settings that libraries read when they are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import numpy as np  # noqa: E402

from arraylogit.testing.environment import cpu, environment  # noqa: E402
from benchmarks import primitives, processes, report, timing  # noqa: E402
from benchmarks.contests import CASES, DTYPES, FUNCTIONS, Contest, available, contests  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    chosen = _parser().parse_args(argv)
    if chosen.table:
        print(report.full_tables(report.read(chosen.table)))
        return 0
    if chosen.primitives:
        print(primitives.table())
        return 0
    if chosen.documents:
        report.update_documents(HERE.parent)
        return 0
    clock = timing.CLOCKS[chosen.clock]
    if chosen.claims:
        return _assert_claims(clock, chosen.seconds, chosen.rounds)
    rows: list[dict[str, Any]] = []
    for contest in contests(
        chosen.libraries, chosen.functions, chosen.dtypes, chosen.sizes, chosen.cases
    ):
        for row in _run(contest, clock, chosen.seconds, chosen.rounds):
            print(report.line(row), flush=True)
            rows.append(row)
    results = {
        "command": "python -m benchmarks " + " ".join(sys.argv[1:] if argv is None else argv),
        "environment": environment() | {"log": np.lib.introspect.opt_func_info("^log$", "float")},
        "rows": rows,
        "memory": _memory(chosen.memory) if chosen.memory else [],
        "cliffs": _cliffs() if chosen.cliffs else [],
        "startup": _startup(chosen.libraries) if chosen.startup else {},
    }
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")
    if chosen.plot:
        report.plot(results, chosen.plot)
    return 0


def _run(contest: Contest, clock: timing.Clock, seconds: float, rounds: int) -> Any:
    with contest.context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peers
        calls = contest.calls()
        if len(calls) < 2:
            return
        for peer, ratios in timing.measure(calls, clock, seconds, rounds).items():
            yield asdict(contest) | {"peer": peer} | ratios


def _assert_claims(clock: timing.Clock, seconds: float, rounds: int) -> int:
    missed, run = 0, available()
    for claim in tomllib.loads((HERE / "claims.toml").read_text())["claim"]:
        peer, least = claim.pop("peer"), claim.pop("at_least")
        on_amd = claim.pop("on_amd", least)
        least = on_amd if "AMD" in cpu() else least
        contest = Contest(**claim)
        if contest.library not in run:
            print(f"{contest.library}: not run")
            continue
        for row in _run(contest, clock, seconds, rounds):
            if row["peer"] == peer:
                verdict = "holds" if row["ratio"] >= least else "MISSED"
                print(f"{report.line(row)}  at least {least}: {verdict}", flush=True)
                missed += verdict == "MISSED"
                break
        else:
            print(f"{claim}: there is no {peer!r} to compare with")
            missed += 1
    return 1 if missed else 0


def _memory(size: int) -> list[dict[str, Any]]:
    rows = []
    for library in {"numpy", "torch"} & set(available()):
        for case in ("plain", "out", *(["gradient"] if library == "torch" else [])):
            for dtype in ("float32", "float64"):
                row = {"library": library, "function": "logit", "dtype": dtype}
                row |= {"size": size, "case": case}
                rows.append(row | {"MiB": round(processes.peak_memory(**row), 1)})
                print(*rows[-1].values(), "MiB", flush=True)
    return rows


def _cliffs() -> list[dict[str, Any]]:
    # NumPy at sizes around those where memory is taken anew, or no longer fits in a cache.
    rows = []
    for dtype in ("float32", "float64"):
        for size in (10**3, 10**4, 12_288, 20_000, 32_768, 40_000, 50_000, 10**5, 10**6, 10**7):
            nanoseconds, faults = processes.at_size("logit", dtype, size)
            row = {"library": "numpy", "function": "logit", "dtype": dtype, "size": size}
            rows.append(row | {"ns": round(nanoseconds, 2), "page faults": round(faults, 1)})
            print(*rows[-1].values(), flush=True)
    return rows


def _startup(libraries: list[str]) -> dict[str, float]:
    found = {"importing arraylogit, over importing NumPy": processes.import_time()}
    for library in libraries:
        if library in ("torch-compiled", "jax-jitted"):
            name = f"first call of logit in {report.NAMES[library]}, the library's over ours"
            found[name] = processes.first_call(library)
    return found


def _parser() -> argparse.ArgumentParser:
    def names(known: Any) -> Any:
        def parse(text: str) -> list[str]:
            if unknown := set(text.split(",")) - set(known):
                raise argparse.ArgumentTypeError(f"{unknown} not in {','.join(known)}")
            return text.split(",")

        return parse

    libraries = available()
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--libraries", type=names(libraries), default=libraries)
    parser.add_argument("--functions", type=names(FUNCTIONS), default=list(FUNCTIONS))
    parser.add_argument("--dtypes", type=names(DTYPES), default=["float32", "float64"])
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(float(size)) for size in text.split(",")],
        default=[1, 10**6],
        help="such as 1,1e4,1e8",
    )
    parser.add_argument("--cases", type=names(CASES), default=["plain"])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each comparison")
    parser.add_argument("--rounds", type=int, default=7, help="at least, for each comparison")
    parser.add_argument(
        "--clock",
        choices=timing.CLOCKS,
        default="cpu",
        help="wall for GPUs and several threads; cpu, on one thread, bears with a busy machine",
    )
    parser.add_argument(
        "--memory",
        type=lambda text: int(float(text)),
        metavar="SIZE",
        help="measure the peak memory too, for an array of SIZE (Linux)",
    )
    parser.add_argument("--cliffs", action="store_true", help="NumPy at sizes 10^3 to 10^7 too")
    parser.add_argument("--startup", action="store_true", help="time imports and first calls too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them")
    parser.add_argument(
        "--table", type=Path, nargs="+", metavar="FILE", help="print the tables of --json files"
    )
    parser.add_argument(
        "--primitives", action="store_true", help="print what one operation costs, in ns"
    )
    parser.add_argument(
        "--documents",
        action="store_true",
        help="put the tables of docs/results/benchmarks into README.md and docs/performance.md",
    )
    parser.add_argument(
        "--claims", action="store_true", help="assert claims.toml; the exit status tells"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
