"""PyTensor for the conformance suite: its graphs, evaluated, and its own functions.

python -m arraylogit.testing pytensor.math --quick --plugin examples/conformance_pytensor.py
"""

import numpy as np

from arraylogit.testing import backends, targets


class PyTensor(backends.Backend):
    """Symbolic arrays of shared variables, each compiled when its values are asked for."""

    module = "pytensor"
    dtypes = ("float32", "float64")
    features = frozenset({"derivative", "immutable"})
    modes = ("reverse",)

    def asarray(self, x):
        return self.xp.shared(np.array(x))

    def to_numpy(self, y):
        return np.asarray(y.eval())

    def is_array(self, y):
        return isinstance(y, self.xp.tensor.TensorLike)

    def derivative(self, f, x, order, mode):
        variable = x.type()
        y = f(variable)
        for _ in range(order):
            y = self.xp.grad(y.sum(), variable)
        return self.asarray(self.xp.function([variable], y)(x.get_value()))


def of_pytensor():
    """Return its own functions by what they compute."""
    import pytensor.tensor as pt

    functions = {"expit": pt.sigmoid, "log_expit": lambda input: -pt.softplus(-input)}
    return {name: targets.Implementation.of(f) for name, f in functions.items()}


backends.register(PyTensor("pytensor"))
targets.register(targets.Target("pytensor.math", of_pytensor, "pytensor", ("pytensor",)))
