"""MLX's own functions for the conformance suite, on its arrays with their transformations.

python -m arraylogit.testing mlx.nn --quick --plugin examples/conformance_mlx.py
"""

from arraylogit.testing import backends, targets


class Mlx(type(backends.backend("mlx"))):
    """The arrays that the suite knows, differentiated, compiled and mapped."""

    features = frozenset({"cheap", "compile", "derivative", "second", "vmap", "writable"})
    modes = ("reverse", "forward")

    def derivative(self, f, x, order, mode):
        for _ in range(order):
            f = self._differentiated(f, mode)
        return f(x)

    def _differentiated(self, f, mode):
        of = self.xp.vjp if mode == "reverse" else self.xp.jvp
        return lambda x: of(f, [x], [self.xp.ones_like(x)])[1][0]

    def compile(self, f):
        return self.xp.compile(f)

    def vmap(self, f):
        return self.xp.vmap(f)


def of_mlx():
    """Return its own functions by what they compute."""
    from mlx import nn

    functions = {"expit": nn.sigmoid, "log_expit": nn.log_sigmoid}
    return {name: targets.Implementation.of(f) for name, f in functions.items()}


backends.register(Mlx("mlx:transforms"))
targets.register(targets.Target("mlx.nn", of_mlx, "mlx", ("mlx:transforms",)))
