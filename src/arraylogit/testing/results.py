"""A table of the committed results: the last comparison, and the sweeps of every float32."""

import json
from pathlib import Path

from arraylogit.testing.render import View, text


def tabulate(directory: Path) -> str:
    """Return the README of a directory that holds `conformance` and `exhaustive`, as Markdown.

    Parameters
    ----------
    directory : Path
        ``conformance/report.json`` is what `python -m arraylogit.testing compare` wrote, and each
        of ``exhaustive/*.json`` what `arraylogit.testing.sweep` did; either may be absent.
    """
    sweeps = [json.loads(path.read_text()) for path in sorted(directory.glob("exhaustive/*.json"))]
    report = directory / "conformance" / "report.json"
    view = View(json.loads(report.read_text())) if report.exists() else None
    return text("results.md", sweeps=sweeps, view=view)
