"""Wrong derivatives: of JAX, of torch, in either direction."""

from functools import wraps

import arraylogit
from conformance.mutants.mutant import mutant, rejected_by


def logit(x):
    return arraylogit.logit(x)


def with_eps(eps):
    return lambda x: arraylogit.logit(x, eps)


def slope(x):
    return 1 / x + 1 / (1 - x)


# JAX


def jax_function(derivative, value=logit):
    """Return a function of JAX with a derivative of its own."""

    @wraps(derivative)
    def function(x):
        import jax

        f = jax.custom_jvp(value)
        f.defjvp(lambda x, t: (value(*x), derivative(*x) * t[0]))
        return f(x)

    return function


def on_jax(name, requirement, says, derivative):
    mutant(name, requirement, says, jax_function(derivative), backend="jax:eager")


on_jax(
    "derivative_of_the_formula_near_half",
    "derivative/special",
    "at 0.5",
    lambda x: abs(slope(x)) * 1.001,
)
on_jax(
    "another_gradient_for_one",
    "transform/vmap-derivative",
    "Not equal",
    lambda x: slope(x) * (1.01 - 0.01 * x.ndim),
)
on_jax("derivative_beyond_the_domain", "derivative/outside", "^-1.33|, -1.33", slope)
on_jax("derivative_beyond_the_domain", "derivative/second-outside", "^-0.75", slope)


@rejected_by("derivative/tail", "^0.0", computes="expit", backend="jax:eager")
def y_times_1_minus_y(x):
    f = arraylogit.expit
    return jax_function(lambda x: f(x) * (1 - f(x)), lambda x: f(x))(x)


@rejected_by("derivative/nan", "^4.0", backend="jax:eager")
@jax_function
def gradient_of_nan(x):
    import jax.numpy as jnp

    return jnp.where(x == x, slope(x), 4.0)


@rejected_by("derivative/second", "at", backend="jax:eager")
@jax_function
def second_derivative_of_a_constant(x):
    import jax

    return jax.lax.stop_gradient(abs(slope(x)))


@rejected_by("derivative/clamped derivative/eps-zero", "at", backend="jax:eager")
def clamp_not_differentiated(x, eps=None):
    return jax_function(slope, with_eps(eps))(x)


@rejected_by("derivative/at-bound", "2.66", backend="jax:eager")
def half_the_gradient_at_the_bound(x, eps=None):
    import jax.numpy as jnp

    return arraylogit.logit(x if eps is None else jnp.minimum(jnp.maximum(x, eps), 1 - eps))


@rejected_by("derivative/at-bound derivative/nan-with-eps", "^0.0", backend="jax:eager")
def no_gradient_at_the_bound(x, eps=None):
    import jax.numpy as jnp

    if eps is None:
        return arraylogit.logit(x)
    inside = (x > eps) & (x < 1 - eps)
    return jax_function(lambda x: jnp.where(inside, slope(x), 0), with_eps(eps))(x)


@rejected_by("derivative/eps-constant", "for 0.0", backend="jax:eager")
def eps_differentiated(x, eps=None):
    import jax.numpy as jnp

    x = x if eps is None else jnp.clip(x, eps, 1 - eps)
    return jnp.log(x / (1 - x))


# torch


def torch_function(backward, forward=None, value=logit):
    """Return a function of torch with its own backward pass: of the input and the gradient.

    `forward`, of the input and the tangent, is the same if it is not given.
    """

    def function(x):
        import torch

        class Function(torch.autograd.Function):
            @staticmethod
            def forward(x):
                return value(x)

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.save_for_backward(*inputs)
                ctx.save_for_forward(*inputs)

            @staticmethod
            def backward(ctx, gradient):
                return backward(ctx.saved_tensors[0], gradient)

            @staticmethod
            def jvp(ctx, tangent):
                return (forward or backward)(ctx.saved_tensors[0], tangent)

        return Function.apply(x)

    return function


def on_torch(name, requirement, says, *passes):
    mutant(name, requirement, says, torch_function(*passes), backend="torch:eager")


def product(x, gradient):
    return (slope(x.double()) * gradient).to(x.dtype)


def wrong_for(found):
    """Return a backward pass that is wrong for some inputs, right for all others."""
    return lambda x, gradient: product(x, gradient * (1.01 if found(x) else 1))


on_torch("half_as_much_forward", "derivative/modes", "forward", lambda x, g: g, lambda x, t: t / 2)
on_torch("incoming_gradient_ignored", "derivative/chain", "weighted", lambda x, g: product(x, 1))
on_torch(
    "incoming_gradient_clipped",
    "derivative/chain",
    "weighted",
    lambda x, g: product(x, g.clamp(-50, 50)),
)
on_torch(
    "incoming_gradient_constant",
    "derivative/second",
    r"f² \+ f",
    lambda x, g: product(x, g.detach()),
)
on_torch(
    "incoming_gradient_summed", "derivative/chain", "weighted", lambda x, g: product(x, g.mean())
)
for name, says, found in (
    ("wrong_gradient_of_strides", "every other", lambda x: not x.is_contiguous()),
    ("wrong_gradient_in_2_axes", r"shape \(3, 4, 5\)|one row", lambda x: x.ndim > 1),
    ("wrong_gradient_of_many", "200003", lambda x: x.numel() > 150_000),
    ("wrong_gradient_in_0d", r"shape \(\)", lambda x: x.ndim == 0),
):
    on_torch(name, "derivative/layout", says, wrong_for(found))


@rejected_by("derivative/modes", "reverse with graph", backend="torch:eager")
def another_gradient_the_second_time(x):
    passes = []

    def backward(x, gradient):
        passes.append(x)
        return product(x, gradient * len(passes))

    return torch_function(backward, lambda x, tangent: product(x, tangent))(x)


def clamped_where(inside):
    """Return a function whose gradient is 0 where `inside`, of input and eps, is not."""

    @wraps(inside)
    def function(x, eps=None):
        def backward(x, gradient):
            kept = x == x if eps is None else inside(x, eps)
            return product(x, gradient).where(kept, x.new_zeros(()))

        return torch_function(backward, value=with_eps(eps))(x)

    return function


@rejected_by("derivative/at-bound", "eps=0.35|eps=0.1|eps=0.001", backend="torch:eager")
@clamped_where
def gradient_within_bounds_not_rounded(x, eps):
    return (x.double() >= eps) & (x.double() <= 1 - eps)


@rejected_by("derivative/at-bound", "^0.0.*eps=0.1", backend="torch:eager")
@clamped_where
def no_gradient_at_a_bound_of_0_1(x, eps):
    if eps != 0.1:
        return (x.double() >= eps) & (x.double() <= 1 - eps)
    inside = (x.double() > eps) & (x.double() < 1 - eps)
    return inside & (x != x.new_tensor(eps)) & (x != 1 - x.new_tensor(eps))


@rejected_by("derivative/at-bound", "float16", backend="torch:eager")
@clamped_where
def bounds_of_float16_in_the_gradient(x, eps):
    import torch

    wide = x.dtype if x.dtype != torch.bfloat16 else torch.float32
    low, high = (torch.tensor(b, dtype=torch.float64).to(wide) for b in (eps, 1 - eps))
    return (x.to(wide) >= low) & (x.to(wide) <= high)


@rejected_by("derivative/second-clamped", "at 0.375", backend="torch:eager")
def no_second_derivative_with_eps(x, eps=None):
    if eps is None:
        return arraylogit.logit(x)
    inside = (x >= eps) & (x <= 1 - eps)
    fixed = (slope(x.detach()) * inside).nan_to_num()
    return torch_function(lambda x, g: fixed * g + 0 * x.nan_to_num(), value=with_eps(eps))(x)


@rejected_by("derivative/second-clamped", "^nan", backend="torch:eager")
def gradient_by_where(input, eps=None):
    import torch

    if eps is None:
        return arraylogit.logit(input)
    x = torch.where((input < eps) | (input > 1 - eps), 0.5 + 0 * input, input)
    return torch.where(input == x, torch.log(x / (1 - x)), torch.log(input / (1 - input)) * 0)


@rejected_by(
    "derivative/reverse-half", "ULP, 0.51 allowed", computes="expit", backend="torch:eager"
)
@rejected_by(
    "derivative/reverse-float32 derivative/reverse-float64",
    "ULP, 3.0 allowed",
    computes="expit",
    backend="torch:eager",
)
def derivative_of_torch(x):
    import torch

    return torch.sigmoid(x)
