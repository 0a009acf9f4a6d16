"""The option of `tests` and of the suite, which may run together."""

from contextlib import suppress


def pytest_addoption(parser):
    """Add it, unless the suite has."""
    with suppress(ValueError):
        parser.addoption(
            "--require",
            default="",
            help="comma-separated libraries whose absence is an error, not a skip",
        )
