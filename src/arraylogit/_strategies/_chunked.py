"""Lazy arrays of chunks: each chunk is left to the strategy of its own library."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from arraylogit import _strategies
from arraylogit._strategies._direct import Bounds, Direct, Dtypes, Limits
from arraylogit._threads import num_threads

if TYPE_CHECKING:
    from arraylogit._elementwise import Elementwise

Array = Any


class Chunked(Direct, ABC):
    """What the libraries of such arrays share."""

    lazy = True

    @abstractmethod
    def chunk(self, x: Array) -> Array:
        """Return an empty array of the kind that the chunks of `x` are."""

    def dtypes(self, x: Array) -> Dtypes | None:
        chunk = self.chunk(x)
        return _strategy_of(chunk).dtypes(chunk)

    def limits(self, x: Array, computing: Any) -> Limits:
        chunk = self.chunk(x)
        return _strategy_of(chunk).limits(chunk, computing)

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        return f"{type(x).__module__.partition('.')[0].capitalize()} arrays are lazy"


def evaluate_chunk(
    chunk: Array, function: "Elementwise", dtypes: Dtypes, bounds: Bounds | None
) -> Array:
    """Return the values of `function` at a chunk, on one thread: chunks have theirs."""
    with num_threads(1):
        return _strategy_of(chunk).evaluate(function, chunk, dtypes, bounds, None)


def _strategy_of(chunk: Array) -> Direct:
    strategy = _strategies.strategy_of(chunk)
    if strategy is None:
        raise TypeError(f"chunks must be arrays, got {type(chunk).__name__}")
    return strategy
