"""What the command line says beside its results."""

import sys


class UsageError(Exception):
    """What the user should know, in one line."""


def say(text: str) -> None:
    """Print a line of our own, where it does not mix with results."""
    if sys.stderr is not None:  # as where it was closed
        print(f"arraylogit: {text}", file=sys.stderr)


def on_terminal() -> bool:
    """Return whether somebody watches what is said."""
    return sys.stderr is not None and sys.stderr.isatty()


def one_line(error: Exception) -> str:
    """Return the message of an error, which may have several lines."""
    return " ".join(str(error).split())
