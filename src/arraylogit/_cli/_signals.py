"""An end by signal: quiet, with the status that a shell expects, and no file left half-written."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from arraylogit._cli._messages import on_terminal

# Those that end a program and can be caught; a machine may lack some.
NAMES = ("INT", "TERM", "HUP", "QUIT", "ALRM", "USR1", "USR2", "XCPU", "VTALRM", "PROF", "BREAK")
_BROKEN_PIPE = getattr(signal, "SIGPIPE", signal.SIGTERM)
_UNCAUGHT = (signal.SIG_DFL, signal.default_int_handler)

_incomplete: set[os.PathLike[str]] = set()


@contextmanager
def removed_at_the_end(path: os.PathLike[str]) -> Iterator[None]:
    """Remove a file, where it is still there, when the block ends: by itself, error or signal."""
    _incomplete.add(path)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(path)
        _incomplete.discard(path)


@contextmanager
def quiet_end() -> Iterator[None]:
    """Let signals, and a reader that has gone, end the program without a traceback."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, f"SIG{name}", None) for name in NAMES):
            # What is ignored, as by nohup, stays so.
            if number is not None and signal.getsignal(number) in _UNCAUGHT:
                before[number] = signal.signal(number, _end)
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:  # as where it was closed
                sys.stdout.flush()
    except BrokenPipeError:
        _end(_BROKEN_PIPE)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None = None) -> None:
    # No exception, which somebody else's code could swallow; and whoever started the program sees
    # which signal ended it.
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
