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


def sharded():
    """Yield X on every mesh, sharded in every way, with the functions to try."""
    for mesh in meshes():
        for spec in SPECS:
            x = jax.device_put(X, NamedSharding(mesh, spec))
            for f in (logit, expit, lambda x: logit(x, 0.1)):
                yield x, f


def assert_kept(y, x, expected):
    assert y.sharding.is_equivalent_to(x.sharding, x.ndim), (y.sharding, x.sharding)
    np.testing.assert_allclose(y, expected, rtol=3e-7)


def collectives(f, *arguments):
    """Return the names of the collective operations in the compiled function."""
    compiled = jax.jit(f).lower(*arguments).compile().as_text()
    return {found.group(1) for found in COLLECTIVE.finditer(compiled)}


def eager():
    for x, f in sharded():
        assert_kept(f(x), x, f(jnp.asarray(X)))


def jit():
    for x, f in sharded():
        assert_kept(jax.jit(f)(x), x, f(jnp.asarray(X)))
        assert not collectives(f, x)


def grad():
    def slope(f):
        return lambda x: jax.vjp(f, x)[1](jnp.ones_like(x))[0]

    for x, f in sharded():
        expected = slope(f)(jnp.asarray(X))
        assert_kept(slope(f)(x), x, expected)
        assert_kept(jax.jit(slope(f))(x), x, expected)
        assert not collectives(slope(f), x)


def shard_map():
    for x, f in sharded():
        mapped = jax.shard_map(
            f, mesh=x.sharding.mesh, in_specs=x.sharding.spec, out_specs=x.sharding.spec
        )
        for g in (mapped, jax.jit(mapped)):
            assert_kept(g(x), x, f(jnp.asarray(X)))
        assert not collectives(mapped, x)


def traced_eps():
    for x, _ in sharded():
        assert_kept(jax.jit(logit)(x, 0.1), x, logit(jnp.asarray(X), 0.1))
        assert not collectives(logit, x, 0.1)


def a_collective_is_found():
    for mesh in meshes():
        x = jax.device_put(X, NamedSharding(mesh, P("i")))
        assert collectives(lambda x: logit(x) - jnp.max(x), x) == {"all-reduce"}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        globals()[name]()
