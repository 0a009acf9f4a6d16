"""What the documents show is run."""

import doctest
import re
from pathlib import Path

import pytest

import arraylogit

ROOT = Path(__file__).parent.parent


def test_readme_code_runs():
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    namespace = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)


@pytest.mark.parametrize("name", [name for name in arraylogit.__all__ if name.islower()])
def test_docstring_examples(name):
    function = getattr(arraylogit, name)
    if not callable(function):
        pytest.skip("a module or a constant")
    finder = doctest.DocTestFinder()
    (test,) = finder.find(function, name, globs={})
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_ci_runs_the_test_command_of_the_readme():
    section = (ROOT / "README.md").read_text().split("## Test\n")[1]
    command = section.strip().splitlines()[0].strip()
    _, install, test = command.replace(".venv/bin/", "").split(" && ")
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert test in script
    assert (
        install.replace('".[test]"', '".[test,lint]"').replace("pip install", "pip install -q")
        in script
    )
