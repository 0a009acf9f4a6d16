"""Dask: one lazy layer that evaluates the function on every chunk."""

from typing import TYPE_CHECKING, Any

import dask.array as da
from dask.array.utils import meta_from_array

from arraylogit import _strategies
from arraylogit._strategies._direct import Bounds, Direct, Dtypes, Limits

if TYPE_CHECKING:
    from arraylogit._elementwise import Elementwise

Array = Any


class Dask(Direct):
    """Leaves every chunk to the strategy of its own library."""

    lazy = True

    def __init__(self) -> None:
        super().__init__(da)

    def dtypes(self, x: Array) -> Dtypes | None:
        chunk = meta_from_array(x)
        return _strategy_of_chunk(chunk).dtypes(chunk)

    def limits(self, x: Array, computing: Any) -> Limits:
        chunk = meta_from_array(x)
        return _strategy_of_chunk(chunk).limits(chunk, computing)

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        return "Dask arrays are lazy"

    def evaluate(
        self,
        function: "Elementwise",
        x: Array,
        dtypes: Dtypes,
        bounds: Bounds | None,
        out: None,
    ) -> Array:
        return da.map_blocks(
            _evaluate_chunk,
            x,
            function=function,
            dtypes=dtypes,
            bounds=bounds,
            token=function.name,
            dtype=dtypes.result,
            meta=_evaluate_chunk(meta_from_array(x), function, dtypes, bounds),
        )


def _evaluate_chunk(
    chunk: Array, function: "Elementwise", dtypes: Dtypes, bounds: Bounds | None
) -> Array:
    return _strategy_of_chunk(chunk).evaluate(function, chunk, dtypes, bounds, None)


def _strategy_of_chunk(chunk: Array) -> Direct:
    strategy = _strategies.strategy_of(chunk)
    if strategy is None:
        raise TypeError(f"chunks must be arrays, got {type(chunk).__name__}")
    return strategy


STRATEGY: Direct = Dask()
