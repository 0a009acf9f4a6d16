"""Dask: one lazy layer that evaluates the function on every chunk."""

import dask.array as da
from dask.array.utils import meta_from_array

from arraylogit._record import Array, Call
from arraylogit._strategies._chunked import Chunked, engine_of_chunks, evaluate_chunk
from arraylogit._strategies._direct import Direct


class Dask(Chunked):
    """Chunks may be of any library."""

    def __init__(self) -> None:
        super().__init__(da)

    def chunk(self, x: Array) -> Array:
        return meta_from_array(x)

    def evaluate(self, call: Call, x: Array, out: None) -> Array:
        engine = engine_of_chunks()
        return da.map_blocks(
            evaluate_chunk,
            x,
            call=call,
            engine=engine,
            token=call.function.name,
            dtype=call.dtypes.result,
            meta=evaluate_chunk(self.chunk(x), call, engine),
        )


STRATEGY: Direct = Dask()
