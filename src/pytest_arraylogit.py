"""The entry point of pytest: loads the suite, if a run asks for it.

It is outside of the package `arraylogit`, which imports NumPy. A run that does not ask for the
suite must neither import NumPy nor get the suite's options, whose names others may use.
"""

from typing import Any


def pytest_load_initial_conftests(early_config: Any, args: list[str]) -> None:
    """Load the suite, before the options are read, if its tests are to be run."""
    if "arraylogit.testing" in args:
        early_config.pluginmanager.import_plugin("arraylogit.testing.plugin")
