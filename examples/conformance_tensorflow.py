"""TensorFlow for the conformance suite: its arrays, its own functions, and Keras's.

python -m arraylogit.testing tf.math --quick --plugin examples/conformance_tensorflow.py
python -m arraylogit.testing keras.activations:sigmoid=expit --backend tensorflow --plugin ...
"""

import numpy as np

from arraylogit.testing import backends, targets


class TensorFlow(backends.Backend):
    """Eager tensors."""

    module = "tensorflow"
    default = "float32"
    features = frozenset({"cheap", "derivative", "immutable", "second"})
    modes = ("reverse",)

    def asarray(self, x):
        import tensorflow as tf

        return tf.constant(np.array(x))

    def to_numpy(self, y):
        return y.numpy()

    def is_array(self, y):
        import tensorflow as tf

        return tf.is_tensor(y)

    def dtype_name(self, y):
        return y.dtype.name

    def derivative(self, f, x, order, mode):
        import tensorflow as tf

        if order == 0:
            return f(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = self.derivative(f, x, order - 1, mode)
        return tape.gradient(y, x, unconnected_gradients="zero")


def of_tensorflow():
    """Return its own functions by what they compute."""
    import tensorflow as tf

    functions = {"expit": tf.math.sigmoid, "log_expit": tf.math.log_sigmoid}
    return {name: targets.Implementation.of(f) for name, f in functions.items()}


backends.register(TensorFlow("tensorflow"))
targets.register(targets.Target("tf.math", of_tensorflow, "tensorflow", ("tensorflow",)))
