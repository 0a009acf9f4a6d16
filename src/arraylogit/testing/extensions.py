"""Files from outside that register libraries, targets and functions."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

FILES = "ARRAYLOGIT_TESTING_PLUGINS"
"""The environment variable that tells child processes which files to load."""


def load(path: str) -> None:
    """Run a file of Python once, and in the processes of a sweep."""
    file = Path(path).resolve()
    name = f"arraylogit_testing_{file.stem}"
    if name in sys.modules:
        return
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.exists():
        raise ValueError(f"--plugin {path}: no file of Python")
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    os.environ[FILES] = os.pathsep.join([*loaded(), str(file)])


def loaded() -> list[str]:
    """Return the files that this process or its parent has loaded."""
    return list(filter(None, os.environ.get(FILES, "").split(os.pathsep)))


def load_all() -> None:
    """Load the files that the parent process has loaded."""
    for path in loaded():
        load(path)
