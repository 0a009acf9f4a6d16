"""Transformations that libraries apply: compile, map, export, shard, delay, pickle."""

import copy
import pickle
import warnings

import numpy as np

from arraylogit.testing import inputs, measure
from arraylogit.testing.registry import close, requirement, right, says_something

SPECIAL = np.float32([-1.0, 0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0, np.nan])


def numbers(subject):
    """Return some with special values, and an even number of them in all, which have others."""
    return np.concatenate([SPECIAL, inputs.inside(subject.function, np.float32)])


@requirement(
    "transform/compiled",
    "Compiled as a whole, without a graph break, the values stay within the bounds.",
    needs="compile",
)
def compiled_whole(subject):
    x = np.concatenate([SPECIAL, inputs.structured(subject.function, np.float32, 1000)])
    compiled = subject.backend.compile(lambda x: subject.call(x))
    close(subject, subject.through(compiled, x), subject(x), x)


@requirement(
    "transform/compiled-eps",
    "Compiled with eps, closed over, the values stay within the bounds.",
    "logit",
    "compile eps",
)
def compiled_eps(subject):
    x = numbers(subject)
    compiled = subject.backend.compile(lambda x: subject.call(x, eps=0.125))
    close(subject, subject.through(compiled, x), subject(x, eps=0.125), x)


@requirement(
    "transform/compiled-derivative",
    "The derivative of the compiled function, and the compiled derivative, are the derivative.",
    needs="compile derivative",
)
def compiled_derivative(subject):
    x = inputs.structured(subject.function, np.float32, 1000)
    compiled = subject.backend.compile(lambda x: subject.call(x))
    y = subject.backend.derivative(compiled, subject.backend.asarray(x), 1, "reverse")
    expected = subject.derivative(x)
    apart = measure.ulp_error(subject.backend.to_numpy(y), expected.astype(np.float64), x.dtype)
    worst = np.argmax(apart)
    assert apart[worst] <= 2 * subject.bound(x.dtype, "derivative") + 1, (
        f"{apart[worst]:.4g} ULP apart at {x[worst]}"
    )


@requirement(
    "transform/traced-eps",
    "A traced eps gives the values that the number gives; where functions are traced, the "
    "derivatives too.",
    "logit",
    "compile eps",
)
def traced_eps(subject):
    x = numbers(subject)
    compiled = subject.backend.compile(lambda x, eps: subject.call(x, eps=eps))
    for eps in (0.0, 0.125, 0.5, 1e-3):
        traced = subject.backend.asarray(np.asarray(eps, np.float32))
        y = subject.backend.to_numpy(compiled(subject.backend.asarray(x), traced))
        close(subject, y, subject(x, eps=eps), x, f"eps={eps}")
    if "traces" in subject.features:
        x, traced = x[x == x], subject.backend.asarray(np.asarray(0.125, np.float32))
        given = subject.backend.asarray(x)
        y = subject.backend.derivative(lambda x: compiled(x, traced), given, 1, "reverse")
        expected = subject.derivative(x, eps=0.125)
        np.testing.assert_allclose(subject.backend.to_numpy(y), expected, rtol=1e-6)


@requirement(
    "transform/one-trace",
    "Another value of eps traces nothing anew.",
    "logit",
    "traces eps",
)
def one_trace(subject):
    x = subject.backend.asarray(np.linspace(0, 1, 1237, dtype=np.float32))
    subject.call(x, eps=0.125)
    with subject.backend.counting_traces() as traced:
        for eps in (0.25, 0.375, 1e-3):
            subject.call(x, eps=eps)
    assert not traced, f"{len(traced)} traces for three values of eps: {', '.join(traced)}"


@requirement(
    "transform/vmap", "Mapped over a batch, it gives the values, with eps too.", needs="vmap"
)
def vmap(subject):
    x = np.stack([numbers(subject), numbers(subject)[::-1]])
    for chosen in subject.options(0.125):
        mapped = subject.backend.vmap(lambda x, chosen=chosen: subject.call(x, **chosen))
        y, expected = subject.through(mapped, x), subject(x, **chosen)
        close(subject, y.ravel(), expected.ravel(), x.ravel(), f"{chosen or ''}")


@requirement(
    "transform/vmap-derivative",
    "The derivative mapped over a batch is the derivative.",
    needs="vmap derivative",
)
def vmap_derivative(subject):
    x = inputs.inside(subject.function, np.float32)
    expected = subject.derivative(x)
    says_something(expected)
    for mode in {subject.backend.modes[-1], "forward"}:
        one = subject.backend.vmap(
            lambda x, mode=mode: subject.backend.derivative(subject.call, x, 1, mode)
        )
        np.testing.assert_allclose(subject.through(one, x), expected, rtol=1e-6)


@requirement("transform/export", "Exported as a program, it gives the values.", needs="export")
def export(subject):
    x = numbers(subject)
    program = subject.backend.export(subject.call, subject.backend.asarray(x))
    close(subject, subject.through(program, x), subject(x), x)


@requirement(
    "transform/abstract",
    "Shape and dtype of the result follow from those of the input, without values.",
    needs="export",
)
def abstract(subject):
    for dtype in subject.dtypes:
        x = subject.backend.asarray(np.full((2, 3), 0.25, dtype))
        found = subject.backend.abstract(subject.call, x)
        assert found == ((2, 3), dtype.name), found


@requirement(
    "transform/shard",
    "Mapped over the shards of a mesh, of two devices where they can be simulated, it gives the "
    "values.",
    needs="shard",
)
def shard(subject):
    x = numbers(subject)
    close(subject, subject.through(subject.backend.shard(subject.call), x), subject(x), x)


@requirement("transform/pickle", "The function can be copied and pickled.", needs="cheap")
def copied_and_pickled(subject):
    x = inputs.inside(subject.function, np.float32)
    raw = subject.call.raw
    with warnings.catch_warnings(action="ignore"):  # of modules in which pickle looks for it
        copies = copy.deepcopy(raw), pickle.loads(pickle.dumps(raw))
    for f in copies:
        right(subject, subject.through(f, x), x)


@requirement("lazy/no-compute", "The call computes nothing.", needs="lazy")
def no_compute(subject):
    x = subject.backend.asarray(SPECIAL)
    for chosen in subject.options(0.25):
        with subject.backend.computing_nothing():
            y = subject.call(x, **chosen)
        assert subject.backend.is_array(y), f"{type(y).__name__} is not lazy"


@requirement("lazy/one-layer", "The call adds one layer to the graph, with eps too.", needs="lazy")
def one_layer(subject):
    x = subject.backend.asarray(SPECIAL)
    for chosen in subject.options(0.25):
        added = subject.backend.layers(subject.call(x, **chosen)) - subject.backend.layers(x)
        assert added == 1, f"{added} layers {chosen or ''}"
