"""Cubed: one operation of bounded memory, which evaluates the function on every chunk."""

from functools import partial

import cubed
import cubed.array_api
import numpy as np

from arraylogit._record import Array, Call
from arraylogit._strategies._chunked import Chunked, engine_of_chunks, evaluate_chunk
from arraylogit._strategies._direct import Direct


class Cubed(Chunked):
    """Chunks are NumPy's, or have its dtypes."""

    def __init__(self) -> None:
        super().__init__(cubed.array_api)

    def chunk(self, x: Array) -> Array:
        return np.empty(0, x.dtype)

    def evaluate(self, call: Call, x: Array, out: None) -> Array:
        chunk = partial(evaluate_chunk, call=call, engine=engine_of_chunks())
        return cubed.map_blocks(chunk, x, dtype=call.dtypes.result)


STRATEGY: Direct = Cubed()
