"""Threads for arrays of NumPy, which has none of its own: only where the user asks for them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from concurrent.futures import Executor


class _Team(NamedTuple):
    number: int  # of threads, the caller's included
    others: "Executor"
    process: int


_TEAM: ContextVar[_Team | None] = ContextVar("arraylogit_team", default=None)


@contextmanager
def num_threads(number: int) -> Iterator[None]:
    """Evaluate large arrays of NumPy on several threads inside a ``with`` block.

    Without it, arraylogit runs on the thread that calls it, as NumPy and SciPy do. torch, JAX and
    Dask have threads of their own, and settings for them: this one does not concern them, and has
    no effect inside the chunks of a Dask array.

    Parameters
    ----------
    number : int
        How many, the calling thread included; at least 1.

    Raises
    ------
    TypeError
        `number` is not an integer.
    ValueError
        `number` is less than 1.

    Notes
    -----
    The setting is one of the context (``contextvars``) that enters the block: other threads
    and tasks do not see it. The threads start with the first array that is large enough to gain
    by them, at least half a million elements, and end with the block. A process forked inside
    the block has none and runs on one thread. The results are the same to the bit. Each thread
    has temporaries of its own, of some 2 MiB.

    Examples
    --------
    >>> import numpy as np
    >>> import arraylogit
    >>> x = np.full(1_000_000, 0.5)
    >>> with arraylogit.num_threads(2):
    ...     y = arraylogit.logit(x)
    """
    from concurrent.futures import ThreadPoolExecutor  # takes milliseconds

    try:
        number = index(number)
    except TypeError:
        raise TypeError(f"num_threads: `number` must be an integer, got {number!r}") from None
    if number < 1:
        raise ValueError(f"num_threads: `number` must be at least 1, got {number}")
    with ThreadPoolExecutor(max(number - 1, 1), "arraylogit") as others:
        token = _TEAM.set(_Team(number, others, os.getpid()))
        try:
            yield
        finally:
            _TEAM.reset(token)


def available() -> int:
    """Return the number of threads that the caller may use."""
    team = _TEAM.get()
    return team.number if team and team.process == os.getpid() else 1


def run(work: Callable[[int, int], Any], size: int, number: int) -> None:
    """Call `work` with the beginning and the end of each of `number` parts of a size, at once."""
    edges = [size * k // number for k in range(number + 1)]
    team = _TEAM.get()
    assert team
    rest = [team.others.submit(work, *edges[k : k + 2]) for k in range(1, number)]
    try:
        work(*edges[:2])
    finally:
        errors = [part.exception() for part in rest]  # waits: nothing is written later
    for error in filter(None, errors):
        raise error
