"""Dask: one lazy layer that evaluates the function on every chunk."""

from typing import TYPE_CHECKING, Any

import dask.array as da
from dask.array.utils import meta_from_array

from arraylogit._strategies._chunked import Chunked, evaluate_chunk
from arraylogit._strategies._direct import Bounds, Direct, Dtypes

if TYPE_CHECKING:
    from arraylogit._elementwise import Elementwise

Array = Any


class Dask(Chunked):
    """Chunks may be of any library."""

    def __init__(self) -> None:
        super().__init__(da)

    def chunk(self, x: Array) -> Array:
        return meta_from_array(x)

    def evaluate(
        self,
        function: "Elementwise",
        x: Array,
        dtypes: Dtypes,
        bounds: Bounds | None,
        out: None,
    ) -> Array:
        return da.map_blocks(
            evaluate_chunk,
            x,
            function=function,
            dtypes=dtypes,
            bounds=bounds,
            token=function.name,
            dtype=dtypes.result,
            meta=evaluate_chunk(self.chunk(x), function, dtypes, bounds),
        )


STRATEGY: Direct = Dask()
