"""The progress of a long run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from arraylogit._cli._messages import on_terminal, say

# Seconds before the first line, and between lines.
FIRST, BETWEEN = 3.0, 10.0
BAR = ' (pip install "arraylogit[cli]" brings a bar)'


@contextmanager
def progress(size: int) -> Iterator[Callable[[int], object]]:
    """Yield a function that takes the count of numbers just done, and shows the progress."""
    if not on_terminal():
        yield _lines(size, "")
        return
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        yield _lines(size, BAR)
        return
    with tqdm(total=size, delay=1, unit=" numbers", unit_scale=True) as bar:
        yield bar.update


def _lines(size: int, remark: str) -> Callable[[int], None]:
    done, due = 0, time.monotonic() + FIRST

    def advance(count: int) -> None:
        nonlocal done, due, remark
        done += count
        if time.monotonic() >= due:
            say(f"{done} of {size} numbers, {done / size:.0%}{remark}")
            due, remark = time.monotonic() + BETWEEN, ""

    return advance
