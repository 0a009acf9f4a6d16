"""NumPy, as it is and on the engine of arraylogit that Numba compiles."""

import ml_dtypes
import numpy as np

from arraylogit.testing.backends.base import Backend, OnEngine


class NumPy(Backend):
    """The defaults, and the layouts that NumPy alone has."""

    def strange_layouts(self, values):
        yield from super().strange_layouts(values)
        if values.dtype != ml_dtypes.bfloat16:
            yield "bytes swapped", values.astype(values.dtype.newbyteorder()), values
        misaligned = np.empty(values.nbytes + 1, np.uint8)[1:].view(values.dtype)
        misaligned = misaligned.reshape(values.shape)
        misaligned[...] = values
        yield "misaligned", misaligned, values


class NumbaOnNumPy(OnEngine, NumPy):
    pass


ROWS = (NumPy("numpy"), NumbaOnNumPy("numpy:numba"))
