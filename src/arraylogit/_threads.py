"""Threads for arrays of NumPy, which has none of its own: only where the user asks for them."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future


@dataclass
class _Team:
    number: int  # of threads, the caller's included
    helpers: "Executor"
    process: int
    closed: bool = False


_TEAM: ContextVar[_Team | None] = ContextVar("arraylogit_team", default=None)


def num_threads(number: int) -> AbstractContextManager[None]:
    """Evaluate large arrays of NumPy on several threads inside a ``with`` block.

    Without it, arraylogit runs on the thread that calls it, as NumPy and SciPy do. torch, JAX and
    Dask have threads of their own, and settings for them: this one does not concern them, and has
    no effect inside the chunks of a Dask array.

    Parameters
    ----------
    number : int
        How many, the calling thread included; at least 1.

    Returns
    -------
    context manager
        For one ``with`` statement.

    Raises
    ------
    TypeError
        `number` is not an integer.
    ValueError
        `number` is less than 1.

    Notes
    -----
    The setting is one of the context (``contextvars``): threads and tasks that were started
    outside the block do not see it. The threads start with the first array that is large enough
    to gain by them, at least half a million elements, and end with the block. A process forked
    inside the block has none and runs on one thread. The results are the same to the bit. Each
    thread has temporaries of its own, of 1 to 5 MiB.

    Examples
    --------
    >>> import numpy as np
    >>> import arraylogit
    >>> x = np.full(1_000_000, 0.5)
    >>> with arraylogit.num_threads(2):
    ...     y = arraylogit.logit(x)
    """
    try:
        number = index(number)
    except TypeError:
        raise TypeError(f"num_threads: `number` must be an integer, got {number!r}") from None
    if number < 1:
        raise ValueError(f"num_threads: `number` must be at least 1, got {number}")
    return _block(number)


@contextmanager
def _block(number: int) -> Iterator[None]:
    if number == 1:
        with _set(None):
            yield
        return
    from concurrent.futures import ThreadPoolExecutor  # takes milliseconds

    with ThreadPoolExecutor(number - 1, "arraylogit") as helpers:
        team = _Team(number, helpers, os.getpid())
        with _set(team):
            try:
                yield
            finally:
                team.closed = True  # for a task that outlives the block


@contextmanager
def _set(team: _Team | None) -> Iterator[None]:
    token = _TEAM.set(team)
    try:
        yield
    finally:
        # Another context than that of the beginning, as in an asynchronous fixture of pytest, has
        # a setting of its own.
        with suppress(ValueError):
            _TEAM.reset(token)


def available() -> int:
    """Return the number of threads that the caller may use."""
    team = _TEAM.get()
    return team.number if team and not team.closed and team.process == os.getpid() else 1


def run(work: Callable[..., Any], parts: list[tuple[Any, ...]]) -> None:
    """Call `work` with the arguments of each part, on as many threads, and return after all."""
    team, pending = _TEAM.get(), deque(parts)
    running: list[Future[None]] = []

    def drain() -> None:
        while True:
            try:
                part = pending.popleft()
            except IndexError:
                return
            work(*part)

    try:
        try:
            for _ in parts[1:]:
                assert team
                running.append(team.helpers.submit(drain))
        except RuntimeError:  # the block has ended meanwhile, or the system has no more threads
            pass
        drain()
    finally:
        pending.clear()  # after an error
        interrupt = _wait(running)
    if interrupt:
        raise interrupt
    for helper in running:
        helper.result()


def _wait(running: "list[Future[None]]") -> KeyboardInterrupt | None:
    # Whatever happens: what an error leaves running would write to `out` later.
    interrupt = None
    for helper in running:
        while not helper.done():
            try:
                helper.exception()
            except KeyboardInterrupt as error:
                interrupt = error
    return interrupt
