"""The benchmarks run, and the committed results support the claims."""

import json
import platform
import tomllib
from pathlib import Path

import pytest
from benchmarks import __main__ as benchmarks
from benchmarks import contests, processes, report, timing

from arraylogit.testing.environment import cpu

ROOT = Path(__file__).parent.parent
RESULTS = report.committed(ROOT)
CLAIMS = tomllib.loads((ROOT / "benchmarks" / "claims.toml").read_text())["claim"]


@pytest.mark.filterwarnings("ignore")  # those of the peers
@pytest.mark.parametrize("library", [name for name in contests.LIBRARIES if "cuda" not in name])
def test_a_small_run(library, tmp_path):
    if library not in contests.available():
        pytest.skip(f"not run: {library} is not available")
    file, figure = tmp_path / "results.json", tmp_path / "figure.svg"
    options = ["--dtypes=bfloat16,float64", "--seconds=0", "--rounds=2", "--clock=wall"]
    # Where each size is compiled, one.
    options += [f"--sizes={'100' if library.startswith('jax') else '1,100'}"]
    options += ["--cases=plain,strided,eps,out,gradient"]
    if "compiled" in library:  # each takes seconds to compile
        options += ["--sizes=100", "--dtypes=float64", "--cases=plain", "--functions=logit"]
    options += [f"--libraries={library}", f"--json={file}", f"--plot={figure}"]
    assert benchmarks.main(options) == 0
    results = json.loads(file.read_text())
    functions = {row["function"] for row in results["rows"]}
    assert functions == ({"logit"} if "compiled" in library else set(contests.FUNCTIONS))
    for row in results["rows"]:
        assert 0 < row["low"] <= row["ratio"] <= row["high"]
    assert "| float64 |" in report.full_tables(report.read([file]))
    assert figure.stat().st_size > 1000


def test_a_ratio_is_the_time_of_the_peer_over_ours():
    now = 0.0

    def take(seconds):
        def call():
            nonlocal now
            now += seconds

        return call

    calls = {"ours": take(2.0), "slower": take(6.0), "quicker": take(1.0)}
    ratios = timing.measure(calls, lambda: now, 0.0, 3)
    assert ratios["slower"] == {"ratio": 3, "low": 3, "high": 3, "best": 3}
    assert ratios["quicker"]["ratio"] == 0.5


@pytest.mark.parametrize("processor", ["xeon", "zen5"])
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: " ".join(map(str, claim.values())))
def test_claims_hold_in_the_committed_results(claim, processor):
    files = RESULTS if processor == "xeon" else (RESULTS[0].parent / processor).glob("*.json")
    claim = dict(claim)
    least = claim.pop("at_least")
    on_amd = claim.pop("on_amd", least)
    least = least if processor == "xeon" else on_amd
    (row,) = [row for row in report.read(files)["rows"] if claim.items() <= row.items()]
    assert row["ratio"] >= least


def test_the_documents_show_the_committed_results():
    for path, table in report.tables_of_documents(ROOT, report.read(RESULTS)).items():
        _, begin, rest = path.read_text().partition(report.BEGIN)
        shown, end, _ = rest.partition(report.END)
        assert begin, path
        assert end, path
        assert shown.strip() == table, "python -m benchmarks --documents"


@pytest.mark.parametrize(
    ("library", "case"),
    [(library, case) for library in ("numpy", "torch") for case in ("plain", "out", "gradient")],
)
def test_blocks_bound_the_memory(library, case):
    if library not in contests.available() or (library, case) == ("numpy", "gradient"):
        pytest.skip(f"not run: {library} is not available, or has no gradients")
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("not run: Linux alone lets a process reset its peak of memory")
    size = 4 * 10**6  # whole temporaries in float64 would take 32 MB each
    assert processes.peak_memory(library, "logit", "float32", size, case) < 8


@pytest.mark.parametrize("avx512", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", ["logit", "log_expit"])
def test_no_slower_than_scipy_with_and_without_avx512(function, dtype, avx512):
    pytest.importorskip("scipy")
    # 1.1 at least, less the noise; but 0.73 by two logarithms without vector code on an AMD.
    slower = "AMD" in cpu() and (function, dtype, avx512) == ("logit", "float64", False)
    assert processes.beside_scipy(function, dtype, avx512) > (0.6 if slower else 0.9)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc's memory")
@pytest.mark.parametrize(
    ("dtype", "size"), [("float32", 40_000), ("float64", 12_000), ("float64", 50_000)]
)
def test_no_size_takes_its_temporaries_anew_from_the_system(dtype, size):
    _, faults = processes.at_size("logit", dtype, size)
    assert faults < 8  # more than 60 with blocks that the system has to give each time


def test_the_sizes_in_fresh_processes(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "at_size", lambda function, dtype, size: (size / 7, 0.0))
    file = tmp_path / "results.json"
    options = ["--libraries=numpy", "--functions=logit", "--dtypes=float32", "--sizes=1"]
    options += ["--seconds=0", "--rounds=2", "--clock=wall", "--cliffs", f"--json={file}"]
    assert benchmarks.main(options) == 0
    rows = json.loads(file.read_text())["cliffs"]
    assert {row["dtype"] for row in rows} == {"float32", "float64"}
    assert {10**n for n in range(3, 8)} < {row["size"] for row in rows}
    assert rows[0]["ns"] == 142.86
