"""Sharded arrays on eight simulated devices; a program, as their number is set before JAX starts.

`test_sharding.py` runs it, with the checks as arguments.
"""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from arraylogit import expit, logit

COLLECTIVE = re.compile(r"\b(all-(gather|reduce|to-all)|collective-\w+|reduce-scatter)\b")
X = np.linspace(0, 1, 64, dtype="float32").reshape(16, 4)
SPECS = [P("i", "j"), P(None, "j"), P()]


def meshes():
    assert jax.device_count() == 8
    for kind in (AxisType.Auto, AxisType.Explicit):
        yield jax.make_mesh((4, 2), ("i", "j"), axis_types=(kind, kind))


def clamped(x):
    return logit(x, 0.1)


ORDERS = (logit, expit, clamped), (clamped, logit, expit)  # on each mesh


def sharded():
    """Yield X on every mesh, sharded in every way, with a function to try."""
    for mesh, functions in zip(meshes(), ORDERS, strict=True):
        for spec, f in zip(SPECS, functions, strict=True):
            yield jax.device_put(X, NamedSharding(mesh, spec)), f


def assert_kept(y, x, expected):
    assert y.sharding.is_equivalent_to(x.sharding, x.ndim), (y.sharding, x.sharding)
    np.testing.assert_allclose(y, expected, rtol=3e-7)


def compiled(f, *arguments):
    return jax.jit(f).lower(*arguments).compile()


def collectives(compiled):
    """Return the names of the collective operations in a compiled function."""
    return {found.group(1) for found in COLLECTIVE.finditer(compiled.as_text())}


def jitted(f, *arguments):
    """Return the result of a function compiled, which must not communicate."""
    f = compiled(f, *arguments)
    assert not collectives(f)
    return f(*arguments)


def eager():
    for x, f in sharded():
        assert_kept(f(x), x, f(jnp.asarray(X)))


def jit():
    for x, f in sharded():
        assert_kept(jitted(f, x), x, f(jnp.asarray(X)))


def grad():
    def slope(f):
        return lambda x: jax.vjp(f, x)[1](jnp.ones_like(x))[0]

    for x, f in sharded():
        expected = slope(f)(jnp.asarray(X))
        assert_kept(slope(f)(x), x, expected)
        assert_kept(jitted(slope(f), x), x, expected)


def shard_map():
    for x, f in sharded():
        mapped = jax.shard_map(
            f, mesh=x.sharding.mesh, in_specs=x.sharding.spec, out_specs=x.sharding.spec
        )
        for y in (mapped(x), jitted(mapped, x)):
            assert_kept(y, x, f(jnp.asarray(X)))


def traced_eps():
    for x, _ in sharded():
        assert_kept(jitted(logit, x, 0.1), x, logit(jnp.asarray(X), 0.1))


def a_collective_is_found():
    for mesh in meshes():
        x = jax.device_put(X, NamedSharding(mesh, P("i")))
        assert collectives(compiled(lambda x: logit(x) - jnp.max(x), x)) == {"all-reduce"}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        globals()[name]()
