"""Engines: one compiled loop for arrays that otherwise run one operation after another.

An engine is imported, and compiles, only after the user has asked for it.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from operator import index
from typing import Any, NamedTuple

from arraylogit._record import Elementwise

_PACKAGES = {"numba": "numba", "inductor": "torch"}


class Engine(NamedTuple):
    """What evaluates arrays in place of the library's own operations."""

    name: str
    threads: int = 1


def engine(name: str, threads: int = 1) -> AbstractContextManager[None]:
    """Evaluate eager arrays by one compiled loop inside a ``with`` block.

    Without it, NumPy and torch run one operation after another, each a pass through the cache.
    An engine compiles the function when it is first needed, which takes seconds: for programs
    that evaluate much, not for short ones. ``ARRAYLOGIT_ENGINE=numba`` in the environment sets
    it for a whole process.

    Parameters
    ----------
    name : {"numba", "inductor"}
        "numba" serves arrays of NumPy and dense tensors of torch on the CPU (``pip install
        'arraylogit[numba]'``); "inductor", which is torch's compiler, serves dense tensors of
        torch on any device. Longdouble, complex numbers and arrays with operations of their own
        are evaluated as without an engine.
    threads : int, optional
        How many threads of Numba evaluate one large array; at least 1. Numba has at most
        ``NUMBA_NUM_THREADS``. inductor uses torch's threads (``torch.set_num_threads``).

    Returns
    -------
    context manager
        For one ``with`` statement.

    Raises
    ------
    TypeError
        `name` is not a string, or `threads` is not an integer.
    ValueError
        There is no engine `name`; `threads` is less than 1, or more than 1 for inductor.
    ImportError
        The engine is not installed.

    Notes
    -----
    The setting is one of the context (``contextvars``): threads and tasks that were started
    outside the block do not see it. Chunks of Dask arrays are evaluated by the engine of the
    block in which the function was called, on one thread each. ``docs/howto/engine.md`` says
    what the first call costs, where compiled loops are kept, and how to call the functions in
    code that Numba compiles.

    Examples
    --------
    >>> import numpy as np
    >>> import arraylogit
    >>> x = np.full(1_000_000, 0.5)
    >>> with arraylogit.engine("numba", threads=2):
    ...     y = arraylogit.logit(x)
    """
    return using(_checked(name, threads))


def _checked(name: Any, threads: Any) -> Engine:
    if not isinstance(name, str):
        raise TypeError(f"engine: `name` must be a string, got {name!r}")
    if name not in _PACKAGES:
        raise ValueError(
            f"engine: `name` must be one of {', '.join(map(repr, _PACKAGES))}, got {name!r}"
        )
    try:
        threads = index(threads)
    except TypeError:
        raise TypeError(f"engine: `threads` must be an integer, got {threads!r}") from None
    if threads < 1:
        raise ValueError(f"engine: `threads` must be at least 1, got {threads}")
    if threads > 1 and name == "inductor":
        raise ValueError(
            f"engine: `threads` must be 1 for 'inductor', got {threads}: torch's own threads "
            "are set by torch.set_num_threads"
        )
    if find_spec(_PACKAGES[name]) is None:
        raise ImportError(
            f"engine: {name!r} needs {_PACKAGES[name]}, which is not installed: "
            f"pip install 'arraylogit[{_PACKAGES[name]}]'"
        )
    return Engine(name, threads)


def _of_the_process() -> Engine | None:
    name = os.environ.get("ARRAYLOGIT_ENGINE")
    if not name:
        return None
    try:
        return _checked(name, 1)
    except (ValueError, ImportError) as error:
        raise type(error)(f"ARRAYLOGIT_ENGINE: {error}") from None


_ENGINE: ContextVar[Engine | None] = ContextVar("arraylogit_engine", default=_of_the_process())  # noqa: B039, it is a tuple

_LOOPS: dict[Any, Any] = {}

current = _ENGINE.get
"""Return the engine of the context, or None."""


@contextmanager
def using(engine: Engine | None) -> Iterator[None]:
    """Set the engine, already checked, or None, inside a ``with`` block."""
    token = _ENGINE.set(engine)
    try:
        yield
    finally:
        _ENGINE.reset(token)


def loops(function: Elementwise, dtype: str) -> Any:
    """Return the compiled loops of a function and a dtype, None where there are none."""
    engine = _ENGINE.get()
    if engine is None or engine.name != "numba" or not function.fused:
        return None
    # The record itself is no key: it is slow to hash.
    key = function.fused, function.derivative, dtype, engine.threads
    found = _LOOPS.get(key)
    if found is None:
        from arraylogit._strategies._numba import Loops

        found = _LOOPS.setdefault(key, Loops(function, dtype, engine.threads))
    return found
