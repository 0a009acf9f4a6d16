"""Functions that a transformation breaks, or that break it."""

import arraylogit
from arraylogit.testing.perfect import logit
from conformance.mutants.mutant import mutant, rejected_by


@rejected_by("transform/compiled", "graph break|Unsupported|Tensor.item", backend="torch:eager")
def a_graph_break(x):
    import torch

    torch._dynamo.graph_break()
    return arraylogit.logit(x)


@rejected_by("reproducible/compiled", "ULP from eager", backend="jax:jit")
@rejected_by(
    "transform/compiled-eps transform/export transform/shard", "ULP apart", backend="jax:eager"
)
def another_when_compiled(x, eps=None):
    import jax

    y = arraylogit.logit(x, eps)
    return y * 1.001 if isinstance(x, jax.core.Tracer) else y


@rejected_by("transform/compiled-derivative", "ULP apart", backend="torch:eager")
def another_when_compiled_by_torch(x):
    import torch

    y = arraylogit.logit(x)
    return y * 1.001 if torch.compiler.is_compiling() else y


@rejected_by("transform/shard", "ULP apart", backend="jax:eager")
def another_on_two_devices(x):
    import jax

    y = arraylogit.logit(x)
    return y * 1.001 if jax.sharding.get_abstract_mesh().size > 1 else y


@rejected_by("transform/one-trace", "traces for three values", backend="jax:eager")
def eps_traced_as_a_constant(x, eps=None):
    import jax

    return jax.jit(arraylogit.logit, static_argnums=1)(x, eps)


@rejected_by("transform/traced-eps", "Tracer|Concretization|traced", backend="jax:eager")
def eps_looked_at(x, eps=None):
    return arraylogit.logit(x, eps if eps is None else float(eps))


@rejected_by("transform/vmap", "ULP apart.*eps", backend="torch:eager")
def another_with_eps_when_mapped(x, eps=None):
    import torch

    mapped = torch._C._functorch.is_batchedtensor(x) and eps is not None
    return arraylogit.logit(x, eps) * (1.001 if mapped else 1)


@rejected_by("transform/traced-eps", "Not equal", backend="jax:eager")
def slope_of_the_clamp_with_a_traced_eps(x, eps=None):
    import jax

    if isinstance(eps, jax.core.Tracer):
        return arraylogit.logit(jax.numpy.clip(x, eps, 1 - eps))
    return arraylogit.logit(x, eps)


@rejected_by("transform/vmap", "data-dependent|item|vmap", backend="torch:eager")
def values_looked_at(x):
    return arraylogit.logit(x if bool((x > 0).any()) else x + 0)


@rejected_by("transform/abstract", "meta", backend="torch:eager")
def values_of_a_meta_tensor(x):
    import torch

    return torch.zeros(x.shape, dtype=x.dtype)


mutant("_forgets_its_name", "transform/pickle", "pickle", lambda x: logit(x))
