"""The commands that make reports, and what `docs/results` holds of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jinja2")

from arraylogit.testing import render, results
from tests.test_conformance_sweep import swept

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "arraylogit.testing", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class TestCommand:
    def test_compare(self, tmp_path):
        options = ("--backend", "numpy", "-k", "special-values/half", "-p", "no:randomly")
        done = run("compare", "--out", str(tmp_path), *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "arraylogit: 0 requirements broken" in done.stdout
        found = json.loads((tmp_path / "report.json").read_text())
        assert found["command"].startswith("python -m arraylogit.testing compare --out ")
        assert {"arraylogit", "numpy-formula"} <= set(found["targets"])
        states = {
            (s["target"], s["requirements"]["special-values/half"]["state"])
            for s in found["subjects"]
            if s["function"] == "logit"
        }
        assert ("arraylogit", "kept") in states
        before = (tmp_path / "report.md").read_text()
        (tmp_path / "report.md").unlink()
        assert run("render", str(tmp_path)).returncode == 0
        assert (tmp_path / "report.md").read_text() == before

    def test_unknown_option(self):
        done = run("render", "--nonsense")
        assert done.returncode == 2
        assert "--nonsense" in done.stderr


def test_a_sweep_is_in_the_table(tmp_path):
    swept(tmp_path / "exhaustive", "--target", "numpy-formula", "--function", "logit")
    text = results.tabulate(tmp_path)
    assert "| logit | numpy-formula | numpy | float16 | 15,361 | 512 | 0.4998 |" in text
    (out,) = tmp_path.glob("exhaustive/*.json")
    data = json.loads(out.read_text())
    data["summary"]["overall"]["max"] = 511.0
    out.write_text(json.dumps(data))
    assert results.tabulate(tmp_path) != text


class TestKept:
    """What docs/results holds follows from its JSON files."""

    def test_readme(self):
        assert (RESULTS / "README.md").read_text() == results.tabulate(RESULTS)

    def test_report(self):
        directory = RESULTS / "conformance"
        document = json.loads((directory / "report.json").read_text())
        assert (directory / "report.md").read_text() == render.markdown(document)
        assert (directory / "report.html").read_text() == render.html(document)
        assert document["command"].endswith(" compare")

    def test_size(self):
        limits = {"report.json": 4e6, "report.html": 5e5, "report.md": 1e6}
        for name, limit in limits.items():
            assert (RESULTS / "conformance" / name).stat().st_size < limit

    def test_ours_keeps_what_is_required(self):
        view = render.View(json.loads((RESULTS / "conformance" / "report.json").read_text()))
        ours, *others = view.targets
        assert ours.name == "arraylogit"
        assert not ours.with_state("broken") + ours.with_state("not run")
        inaccurate = {t.name for t in others if "accuracy/float32" in t.with_state("broken")}
        assert inaccurate >= {"torch.special", "jax.scipy.special", "numpy-formula"}
