"""Cubed: one operation of bounded memory, which evaluates the function on every chunk."""

from functools import partial
from typing import TYPE_CHECKING, Any

import cubed
import cubed.array_api
import numpy as np

from arraylogit._strategies._chunked import Chunked, evaluate_chunk
from arraylogit._strategies._direct import Bounds, Direct, Dtypes

if TYPE_CHECKING:
    from arraylogit._elementwise import Elementwise

Array = Any


class Cubed(Chunked):
    """Chunks are NumPy's, or have its dtypes."""

    def __init__(self) -> None:
        super().__init__(cubed.array_api)

    def chunk(self, x: Array) -> Array:
        return np.empty(0, x.dtype)

    def evaluate(
        self,
        function: "Elementwise",
        x: Array,
        dtypes: Dtypes,
        bounds: Bounds | None,
        out: None,
    ) -> Array:
        # Not by keywords of map_blocks, which has a `function` of its own further down.
        evaluate = partial(evaluate_chunk, function=function, dtypes=dtypes, bounds=bounds)
        return cubed.map_blocks(evaluate, x, dtype=dtypes.result)


STRATEGY: Direct = Cubed()
