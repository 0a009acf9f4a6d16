"""Lazy arrays of chunks: the strategy of its own library evaluates each chunk."""

from abc import ABC, abstractmethod
from typing import Any

from arraylogit import _engine, _strategies
from arraylogit._record import Array, Bounds, Call, Dtypes
from arraylogit._strategies._direct import Direct


class Chunked(Direct, ABC):
    """The part that the libraries of such arrays share."""

    lazy = True

    @abstractmethod
    def chunk(self, x: Array) -> Array:
        """Return an empty array of the type and dtype of the chunks of `x`."""

    def dtypes(self, x: Array) -> Dtypes | None:
        chunk = self.chunk(x)
        return _strategy_of(chunk).dtypes(chunk)

    def bounds(self, x: Array, computing: Any, eps: Any) -> Bounds:
        chunk = self.chunk(x)
        return _strategy_of(chunk).bounds(chunk, computing, eps)

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        return f"{type(x).__module__.partition('.')[0].capitalize()} arrays are lazy"


def engine_of_chunks() -> _engine.Engine | None:
    """Return the engine of the context, on one thread: chunks have threads of their own."""
    engine = _engine.current()
    return engine and engine._replace(threads=1)


def evaluate_chunk(chunk: Array, call: Call, engine: _engine.Engine | None) -> Array:
    """Return the values at a chunk."""
    with _engine.using(engine):
        return _strategy_of(chunk).evaluate(call, chunk, None)


def _strategy_of(chunk: Array) -> Direct:
    strategy = _strategies.strategy_of(chunk)
    if strategy is None:
        raise TypeError(f"chunks must be arrays, got {type(chunk).__name__}")
    return strategy
