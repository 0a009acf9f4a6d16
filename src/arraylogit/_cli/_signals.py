"""Ends by signal: quiet, with the status that a shell expects, and without half-written files."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from arraylogit._cli._messages import on_terminal

# Signals that end a program and can be caught; a machine may lack some.
NAMES = ("INT", "TERM", "HUP", "QUIT", "ALRM", "USR1", "USR2", "XCPU", "VTALRM", "PROF", "BREAK")
_BROKEN_PIPE = getattr(signal, "SIGPIPE", signal.SIGTERM)
_UNCAUGHT = (signal.SIG_DFL, signal.default_int_handler)

_incomplete: set[os.PathLike[str]] = set()


@contextmanager
def removed_at_the_end(path: os.PathLike[str]) -> Iterator[None]:
    """Remove a file, if it is still there, when the block ends, by an error or signal too."""
    _incomplete.add(path)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(path)
        _incomplete.discard(path)


@contextmanager
def quiet_end() -> Iterator[None]:
    """End the program without a traceback on a signal or a broken pipe."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, f"SIG{name}", None) for name in NAMES):
            # An ignored signal stays ignored (nohup).
            if number is not None and signal.getsignal(number) in _UNCAUGHT:
                before[number] = signal.signal(number, _end)
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:  # it may have been closed
                sys.stdout.flush()
    except BrokenPipeError:
        _end(_BROKEN_PIPE)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None = None) -> None:
    # Not by an exception, which other code could swallow. The parent process sees the signal.
    for path in _incomplete:
        with suppress(OSError):
            os.unlink(path)
    if number != _BROKEN_PIPE:
        newline = "\n" if on_terminal() else ""  # after ^C, or a progress bar
        with suppress(OSError):
            name = signal.Signals(number).name
            os.write(2, f"{newline}arraylogit: ended by {name}\n".encode())
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
