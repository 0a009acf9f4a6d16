"""CuPy: NumPy on GPUs."""

from arraylogit.testing.backends.base import Backend


class CuPy(Backend):
    module = "cupy"
    dtypes = ("float16", "float32", "float64")
    features = frozenset({"backwards", "cheap", "order", "views", "writable"})

    def missing(self):
        if reason := super().missing():
            return reason
        return None if self.xp.cuda.is_available() else "CuPy sees no GPU"

    def device(self):
        return self.xp.cuda.runtime.getDeviceProperties(0)["name"].decode()

    def asarray(self, x):
        return self.xp.asarray(x)

    def to_numpy(self, y):
        return y.get()

    def is_array(self, y):
        return isinstance(y, self.xp.ndarray)


ROWS = (CuPy("cupy:cuda"),)
