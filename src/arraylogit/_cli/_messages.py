"""The messages of the command line."""

import sys


class UsageError(Exception):
    """An error of the user, told in one line."""


def say(text: str) -> None:
    """Print a message on standard error, apart from the results."""
    if sys.stderr is not None:  # it may have been closed
        print(f"arraylogit: {text}", file=sys.stderr)


def on_terminal() -> bool:
    """Return whether messages go to a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def one_line(error: Exception) -> str:
    """Return the message of an error, joined to one line."""
    return " ".join(str(error).split())
