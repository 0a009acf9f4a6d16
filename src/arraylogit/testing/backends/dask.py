"""Dask: lazy arrays in chunks, here of NumPy's."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from arraylogit.testing.backends.base import Backend


class Dask(Backend):
    module = "dask.array"
    features = frozenset({"cheap", "chunks", "immutable", "lazy"})

    def asarray(self, x):
        # Two chunks along every axis, with a remainder.
        return self.xp.from_array(np.array(x), tuple(max(n // 2 + 1, 1) for n in x.shape))

    def to_numpy(self, y):
        return np.asarray(y.compute(scheduler="synchronous"))

    def is_array(self, y):
        return isinstance(y, self.xp.Array)

    @staticmethod
    @contextmanager
    def computing_nothing() -> Iterator[None]:
        """Raise wherever something is computed."""
        import dask

        def refuse(*args, **kwargs):
            raise AssertionError("a lazy array was computed")

        with dask.config.set(scheduler=refuse):
            yield

    @staticmethod
    def layers(y) -> int:
        """Return how many layers the graph of an array has."""
        return len(y.dask.layers)


ROWS = (Dask("dask"),)
