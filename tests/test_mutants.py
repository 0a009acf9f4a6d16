"""The tests are tested: each fault in `tests.mutants` is rejected by the test named for it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import REJECTED_BY

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("mutant", REJECTED_BY, ids=lambda mutant: mutant.__name__)
def test_is_rejected(mutant):
    file = REJECTED_BY[mutant].partition("::")[0]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "-p", "tests.mutants", f"tests/{file}"],
        cwd=ROOT,
        env={**os.environ, "MUTANT": mutant.__name__},
        capture_output=True,
        text=True,
    )
    # 1: a test failed; not 5, none was chosen, nor an error outside of the test.
    assert run.returncode == 1, run.stdout + run.stderr
    assert re.search(r"^1 failed", run.stdout, re.MULTILINE), run.stdout
