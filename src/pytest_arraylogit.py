"""The entry point of pytest: loads the suite for a run that asks for it, and nothing for others.

It is no part of the package `arraylogit`, as that imports NumPy, which other runs may not want;
nor may others have options of the suite's names.
"""

from typing import Any


def pytest_load_initial_conftests(early_config: Any, args: list[str]) -> None:
    """Load the suite, before the options are read, where its tests are to be run."""
    if "arraylogit.testing" in args:
        early_config.pluginmanager.import_plugin("arraylogit.testing.plugin")
