"""PaddlePaddle for the conformance suite: its tensors, and its own functions.

python -m arraylogit.testing paddle.nn.functional --quick --plugin examples/conformance_paddle.py
"""

import ml_dtypes
import numpy as np

from arraylogit.testing import backends, targets


class Paddle(backends.Backend):
    """Eager tensors on the CPU."""

    module = "paddle"
    default = "float32"
    features = frozenset({"cheap", "derivative", "second", "views", "writable"})
    modes = ("reverse",)

    def asarray(self, x):
        if x.dtype == ml_dtypes.bfloat16:
            return self.asarray(x.astype(np.float32)).astype("bfloat16")
        return self.xp.to_tensor(np.array(x), place="cpu")

    def to_numpy(self, y):
        if self.dtype_name(y) == "bfloat16":
            return y.astype("float32").numpy().astype(ml_dtypes.bfloat16)
        return y.numpy()

    def derivative(self, f, x, order, mode):
        x = x.detach()
        x.stop_gradient = False
        y = f(x)
        for i in reversed(range(order)):
            (y,) = self.xp.grad(y, x, create_graph=i > 0)
        return y.detach()


def logit(x, eps=None):
    """Return Paddle's own, with a number for an array: one of two numbers ends the process."""
    import paddle

    return paddle.logit(x, eps.item() if isinstance(eps, np.ndarray) else eps)


def of_paddle():
    """Return its own functions by what they compute."""
    from paddle.nn import functional

    functions = {"logit": logit, "expit": functional.sigmoid, "log_expit": functional.log_sigmoid}
    return {name: targets.Implementation.of(f) for name, f in functions.items()}


backends.register(Paddle("paddle"))
targets.register(targets.Target("paddle.nn.functional", of_paddle, "paddle", ("paddle",)))
