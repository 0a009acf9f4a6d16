"""Wrong functions, each with the requirement that must reject it, and what that must say.

Most are the perfect ones of `arraylogit.testing.perfect` with one fault.
"""

import os
import random
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

import arraylogit
from arraylogit.testing import perfect


@dataclass(frozen=True)
class Mutant:
    """A wrong function, on a backend, and a pattern of what its rejection says."""

    function: Callable[..., Any]
    computes: str
    backend: str
    requirement: str
    says: str


MUTANTS: list[Mutant] = []


def rejected_by(
    requirement: str, says: str, computes: str = "logit", backend: str = "numpy"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function):
        MUTANTS.append(Mutant(function, computes, backend, requirement, says))
        return function

    return register


def textbook(x):
    with np.errstate(all="ignore"):
        return np.log(x / (1 - x))


# Values


@rejected_by("accuracy/float32", r"4\.194e\+06 ULP")
def naive_formula(input):
    return textbook(input)


@rejected_by("accuracy/float32", r"^1\.\d+ ULP, 0\.501 allowed")
def relative_error_of_5e_8(input):
    x = input.astype(np.float64)
    return (perfect.logit(x) * (1 + 5e-8)).astype(input.dtype)


@rejected_by("accuracy/float64", "ULP, 2.0 allowed")
def computed_in_float32(input):
    return perfect.logit(input.astype(np.float32)).astype(input.dtype)


@rejected_by("accuracy/float16", "ULP, 0.51 allowed", "expit")
def computed_in_float16(input):
    with np.errstate(all="ignore"):
        return 1 / (1 + np.exp(-input))


@rejected_by("accuracy/bfloat16", "ULP, 0.51 allowed", "log_expit")
def truncated_to_bfloat16(input):
    if input.dtype != ml_dtypes.bfloat16:
        return perfect.log_expit(input)
    y = perfect.log_expit(input.astype(np.float32))
    return (y.view(np.uint32) >> 16).astype(np.uint16).view(ml_dtypes.bfloat16)


@rejected_by("special-values/subnormal", "^-inf")
def minus_infinity_for_subnormal_numbers(input):
    smallest = ml_dtypes.finfo(input.dtype).smallest_normal
    return perfect.logit(np.where(input < smallest, input * 0, input))


@rejected_by("special-values/subnormal", "^0", "expit")
def underflows_too_early(input):
    with np.errstate(all="ignore"):
        return np.where(np.isinf(np.exp(-input)), input.dtype.type(0), perfect.expit(input))


@rejected_by("special-values/range", r"^1\.0", "expit")
def more_than_1(input):
    y = perfect.expit(input)
    return np.where(y == 1, np.nextafter(y, y + y), y) if y.dtype.kind == "f" else y


@rejected_by("special-values/zero", "^inf for -0.0")
def sign_of_zero(input):
    y = np.asarray(perfect.logit(input))
    return np.where((input == 0) & np.signbit(input), -y, y)


@rejected_by("special-values/one", "for 1")
def one_is_finite(input):
    return np.minimum(perfect.logit(input), input.dtype.type(88.7))


@rejected_by("special-values/half", "^-0.0 for 0.5")
def minus_zero_at_half(input):
    return -perfect.logit(1 - input)


@rejected_by("special-values/infinite", "^-inf, inf for -inf, inf")
def infinity_is_not_outside(input):
    return np.where(np.isinf(input), input, perfect.logit(input))


@rejected_by("special-values/zero-sign", "^0.0 for inf", "log_expit")
def zero_of_the_wrong_sign(input):
    return perfect.log_expit(input) + input.dtype.type(0)


@rejected_by("special-values/nan", "^0.* for nan")
def nan_swallowed(input):
    return np.nan_to_num(perfect.logit(input).astype(np.float64), posinf=np.inf, neginf=-np.inf)


@rejected_by("special-values/outside", "^-inf")
def outside_is_clamped(input):
    return perfect.logit(np.clip(input, 0, 1))


@rejected_by("identity/even", "ULP between the mirror", "expit_log_jacobian")
def half_of_the_slope(input):
    return perfect.log_expit(input)


@rejected_by("identity/odd", "ULP between")
def not_odd(input):
    y = perfect.logit(input)
    return np.where(input < 0.5, y * (1 + np.finfo(y.dtype).eps * 4), y).astype(y.dtype)


@rejected_by("identity/monotone", "drops", "expit")
def not_monotone(input):
    y = np.asarray(perfect.expit(input))
    return np.where(np.asarray(input).view(f"u{y.itemsize}") % 2, y * y.dtype.type(0.99), y)


@rejected_by("identity/round-trip", "for")
def not_the_inverse(input):
    y = perfect.logit(input)
    return y * y.dtype.type(1 + 1e-5)


@rejected_by("identity/complement", "at ±", "expit")
def sum_is_not_1(input):
    y = perfect.expit(input)
    return y * y.dtype.type(1 + 1e-6)


@rejected_by("identity/exact-log", r"exp\(", "log_expit")
def not_the_logarithm(input):
    y = perfect.log_expit(input)
    return y * y.dtype.type(1 + 1e-5)


@rejected_by("special-values/flushed", "^-inf", backend="jax:eager")
def flushed_by_xla(input):
    return arraylogit.logit(input)


@rejected_by("accuracy/agreement", "ULP apart", "expit", "torch:eager")
def another_on_torch(input):
    y = arraylogit.expit(input)
    return y if isinstance(y, np.ndarray) else y * 1.001


# eps


@rejected_by("eps/bounds", "inf")
def wrong_sign_in_the_upper_bound(input, eps=None):
    return perfect.logit(input if eps is None else np.clip(input, eps, 1 + eps))


@rejected_by("eps/bounds", "13.8155")
def bounds_of_float64(input, eps=None):
    x = np.asarray(input, np.float64)
    return perfect.logit(x if eps is None else np.clip(x, eps, 1 - eps)).astype(input.dtype)


@rejected_by("eps/finite-float16", "inf")
@rejected_by("eps/finite-bfloat16", "inf")
def eps_ignored_in_half_precision(input, eps=None):
    return perfect.logit(input, None if input.dtype.itemsize < 4 else eps)


@rejected_by("eps/finite-float32", "^inf")
@rejected_by("eps/finite-float64", "^inf")
def upper_bound_rounded_to_1(input, eps=None):
    if eps is None:
        return perfect.logit(input)
    return perfect.logit(np.clip(input, eps, input.dtype.type(1) - input.dtype.type(eps)))


@rejected_by("eps/zero", "^nan")
def eps_0_taken_for_none(input, eps=None):
    return perfect.logit(input, eps or None)


@rejected_by("eps/none", "inf, inf")
def none_taken_for_eps_0(input, eps=None):
    return perfect.logit(input, eps or 0)


@rejected_by("eps/nan", "for nan")
def nan_swallowed_by_the_clamp(input, eps=None):
    if eps is None:
        return perfect.logit(input)
    return perfect.logit(np.fmax(np.fmin(input, 1 - eps), input.dtype.type(eps)), eps)


@rejected_by("eps/inside", "differ")
def less_accurate_with_eps(input, eps=None):
    return perfect.logit(input) if eps is None else textbook(np.clip(input, eps, 1 - eps))


@rejected_by("eps/layout", "Not equal")
def bounds_in_another_order_alone(input, eps=None):
    if eps is None:
        return perfect.logit(input)
    order = np.minimum, np.maximum
    bounds = 1 - eps, eps
    if np.ndim(input) == 0:
        order, bounds = order[::-1], bounds[::-1]
    return textbook(order[1](order[0](input, bounds[0]), bounds[1]))


@rejected_by("eps/refused", "accepted")
def eps_not_checked(input, eps=None):
    return textbook(input)


@rejected_by("eps/number", "TypeError")
@rejected_by("eps/array", "TypeError")
def eps_must_be_float(input, eps=None):
    if not isinstance(eps, float | None):
        raise TypeError("eps must be a float")
    return perfect.logit(input, eps)


@rejected_by("errors/mixed", "accepted")
def eps_of_any_shape(input, eps=None):
    return perfect.logit(input, np.ravel(eps)[0] if isinstance(eps, np.ndarray) else eps)


@rejected_by("errors/message", "did not match|does not match|Regex")
def says_nothing(input, eps=None):
    try:
        return perfect.logit(input, eps)
    except ValueError:
        raise ValueError("bad argument") from None


# Dtypes and kinds


@rejected_by("dtypes/kept", "float64 for float16")
def dtype_promoted(input):
    return perfect.logit(input.astype(np.float64))


@rejected_by("dtypes/integers", "float32 for bool")
def integers_to_float32(input):
    return perfect.logit(input if input.dtype.kind in "Vf" else input.astype(np.float32))


@rejected_by("dtypes/longdouble", "Not equal")
def longdouble_in_float64(input):
    return perfect.logit(input.astype(np.float64)).astype(input.dtype)


@rejected_by("dtypes/complex", "float64 for complex64|ComplexWarning")
def imaginary_part_dropped(input):
    return perfect.logit(input.real.astype(np.float64))


@rejected_by("dtypes/complex-ends", "nan", backend="jax:eager")
def complex_of_jax(input):
    import jax.scipy.special

    return jax.scipy.special.logit(input)


@rejected_by("dtypes/complex-eps", "accepted")
def eps_ignored_in_complex(input, eps=None):
    return textbook(input)


@rejected_by("kinds/library", "ndarray", backend="torch:eager")
def another_library(input):
    return perfect.logit(input.numpy())


@rejected_by("kinds/library", "Array", backend="array_api_strict:device1")
def another_device(input):
    import array_api_strict

    return arraylogit.logit(input).to_device(array_api_strict.Device("CPU_DEVICE"))


@rejected_by("kinds/shape", r"\(1,\) for \(\)")
def no_scalars(input):
    return perfect.logit(np.atleast_1d(input))


@rejected_by("kinds/chunks", "", backend="dask")
def one_chunk(input):
    return arraylogit.logit(input).rechunk(-1)


@rejected_by("kinds/layout", "ULP apart")
def memory_read_in_order(input):
    flat = input.T.ravel() if input.ndim == 2 and not input.flags.c_contiguous else input
    return perfect.logit(flat).reshape(input.shape)


@rejected_by("kinds/order", "for")
def order_of_axes_lost(input):
    return np.ascontiguousarray(perfect.logit(input))


@rejected_by("kinds/input-unmodified", "differ")
def input_modified(input, eps=None):
    if eps is not None:
        np.clip(input, eps, 1 - eps, out=input)
    return perfect.logit(input)


@rejected_by("kinds/read-only", "read-only")
def input_must_be_writable(input):
    input += 0
    return perfect.logit(input)


@rejected_by("kinds/scalar", "ndarray")
def arrays_for_scalars(input):
    return np.asarray(perfect.logit(input))


@rejected_by("kinds/sequence", "AttributeError")
def arrays_only(input):
    return perfect.logit(input.copy())


@rejected_by("kinds/subclass", "ndarray")
def mask_dropped(input):
    return perfect.logit(np.asarray(input))


@rejected_by("kinds/input-by-name", "TypeError")
def another_name(x):
    return perfect.logit(x)


# out


@rejected_by("out/written", "another object")
def out_not_returned(input, out=None):
    return perfect.logit(input, out=out)[...] if out is not None else perfect.logit(input)


@rejected_by("out/input", "differ")
def out_written_too_early(input, out=None):
    if out is None:
        return perfect.logit(input)
    np.subtract(1, input, out=out)
    out[...] = textbook(1 - out) if out is not input else textbook(input)
    return out


@rejected_by("out/cast", "accepted")
def out_of_any_dtype(input, out=None):
    if out is None:
        return perfect.logit(input)
    with np.errstate(all="ignore"):
        out[...] = perfect.logit(input)
    return out


@rejected_by("out/strided", "elements between")
def gaps_written(input, out=None):
    if out is not None and not out.flags.c_contiguous:
        out.base[1::2] = 0
    return perfect.logit(input, out=out)


@rejected_by("out/overlap", "differ")
def overlap_not_seen(input, out=None):
    if out is None:
        return perfect.logit(input)
    for i in range(0, input.size, 10_000):
        perfect.logit(input[i : i + 10_000], out=out[i : i + 10_000])
    return out


@rejected_by("out/wrong-shape", "accepted")
def out_resized(input, out=None):
    if out is not None:
        out.resize(input.shape, refcheck=False)
    return perfect.logit(input, out=out)


@rejected_by("out/refused-untouched", "differ")
def out_written_before_the_check(input, eps=None, out=None):
    if out is not None:
        out[...] = 0
    return perfect.logit(input, eps, out=out)


@rejected_by("out/immutable", "accepted", backend="dask")
def out_ignored(input, out=None):
    return arraylogit.logit(input)


@rejected_by("out/read-only", "accepted")
def out_made_writable(input, out=None):
    if out is not None:
        out.flags.writeable = True
    return perfect.logit(input, out=out)


@rejected_by("out/other-library", "accepted")
def out_of_any_kind(input, out=None):
    return perfect.logit(input, out=out if isinstance(out, np.ndarray) else None)


@rejected_by("out/gradient", "accepted", backend="torch:eager")
def out_not_differentiated(input, out=None):
    return arraylogit.logit(input.detach(), out=out)


# Warnings and errors


@rejected_by("warnings/none", "RuntimeWarning")
def a_warning(input):
    warnings.warn("something was divided by zero", RuntimeWarning, stacklevel=2)
    return perfect.logit(input)


@rejected_by("warnings/errstate", "FloatingPointError")
def errors_of_the_caller(input):
    return np.log(input / (1 - input))


@rejected_by("errors/input", "accepted: '0.5'")
def text_converted(input):
    return perfect.logit(np.asarray(input, np.float64))


# Reproducibility and concurrency


@rejected_by("reproducible/repeated", "differ")
def at_random(input):
    return perfect.logit(input) * input.dtype.type(1 + random.random() / 10)


@rejected_by("reproducible/alone", "differ")
def another_kernel_for_one(input):
    return textbook(input) if input.size == 1 else perfect.logit(input)


@rejected_by("reproducible/position", "differ")
def another_kernel_for_the_rest(input):
    y = perfect.logit(input)
    rest = input.size % 8
    if input.ndim == 1 and rest:
        y[-rest:] *= input.dtype.type(1.01)
    return y


@rejected_by("reproducible/strided", "differ")
def another_kernel_for_strides(input):
    return perfect.logit(input) if input.flags.c_contiguous else textbook(input)


SHARED = np.empty(1_000_000, np.float32)


@rejected_by("concurrency/threads", "differ")
def a_buffer_for_all_threads(input):
    y = SHARED[: input.size]
    y[...] = input[::-1]
    time.sleep(1e-3)
    y[...] = textbook(y[::-1].copy())
    return y.copy()


PROCESS = os.getpid()


@rejected_by("concurrency/fork", "differ")
def lost_in_a_fork(input):
    y = perfect.logit(input)
    return y if os.getpid() == PROCESS else y * 0


# Derivatives


def jax_function(value, derivative):
    import jax

    f = jax.custom_jvp(value)
    f.defjvp(lambda x, t: (value(*x), derivative(*x) * t[0]))
    return f


@rejected_by("derivative/tail", "^0.0", "expit", "jax:eager")
def y_times_1_minus_y(input):
    def derivative(x):
        y = arraylogit.expit(x)
        return y * (1 - y)

    return jax_function(lambda x: arraylogit.expit(x), derivative)(input)


@rejected_by("derivative/at-bound", "2.66", backend="jax:eager")
def half_the_gradient_at_the_bound(input, eps=None):
    import jax.numpy as jnp

    if eps is None:
        return arraylogit.logit(input)
    return arraylogit.logit(jnp.minimum(jnp.maximum(input, eps), 1 - eps))


@rejected_by("derivative/at-bound", "^0.0", backend="jax:eager")
@rejected_by("derivative/nan-with-eps", "^0.0", backend="jax:eager")
def no_gradient_at_the_bound(input, eps=None):
    import jax.numpy as jnp

    if eps is None:
        return arraylogit.logit(input)
    inside = (input > eps) & (input < 1 - eps)
    return jax_function(
        lambda x: arraylogit.logit(x, eps), lambda x: jnp.where(inside, 1 / x + 1 / (1 - x), 0)
    )(input)


@rejected_by("derivative/clamped", "at", backend="jax:eager")
@rejected_by("derivative/eps-zero", "at", backend="jax:eager")
def clamp_not_differentiated(input, eps=None):
    f = jax_function(lambda x: arraylogit.logit(x, eps), lambda x: 1 / x + 1 / (1 - x))
    return f(input)


@rejected_by("derivative/outside", "^-1.33|, -1.33", backend="jax:eager")
@rejected_by("derivative/second-outside", "^-0.75", backend="jax:eager")
def derivative_beyond_the_domain(input):
    return jax_function(lambda x: arraylogit.logit(x), lambda x: 1 / x + 1 / (1 - x))(input)


@rejected_by("derivative/second-clamped", "^nan", backend="torch:eager")
def gradient_by_where(input, eps=None):
    import torch

    if eps is None:
        return arraylogit.logit(input)
    x = torch.where((input < eps) | (input > 1 - eps), 0.5 + 0 * input, input)
    return torch.where(input == x, torch.log(x / (1 - x)), torch.log(input / (1 - input)) * 0)


@rejected_by("derivative/special", "at 0.5", backend="jax:eager")
def derivative_of_the_formula_near_half(input):
    return jax_function(lambda x: arraylogit.logit(x), lambda x: abs(1 / x + 1 / (1 - x)) * 1.001)(
        input
    )


@rejected_by("derivative/nan", "^4.0", backend="jax:eager")
def gradient_of_nan(input):
    import jax.numpy as jnp

    return jax_function(
        lambda x: arraylogit.logit(x), lambda x: jnp.where(x == x, 1 / x + 1 / (1 - x), 4.0)
    )(input)


@rejected_by("derivative/modes", "forward", backend="torch:eager")
def half_as_much_forward(input):
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return arraylogit.logit(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, gradient):
            return gradient

        @staticmethod
        def jvp(ctx, tangent):
            return tangent / 2

    return Function.apply(input)


@rejected_by("derivative/eps-constant", "for 0.0", backend="jax:eager")
def eps_differentiated(input, eps=None):
    import jax.numpy as jnp

    x = jnp.clip(input, eps, 1 - eps)
    return jnp.log(x / (1 - x))


@rejected_by("derivative/second", "at", backend="jax:eager")
def second_derivative_of_a_constant(input):
    import jax

    def derivative(x):
        return jax.lax.stop_gradient(abs(1 / x + 1 / (1 - x)))

    return jax_function(lambda x: arraylogit.logit(x), derivative)(input)


@rejected_by("derivative/reverse-float32", "ULP, 3.0 allowed", "expit", "torch:eager")
@rejected_by("derivative/reverse-float64", "ULP, 3.0 allowed", "expit", "torch:eager")
@rejected_by("derivative/reverse-half", "ULP, 0.51 allowed", "expit", "torch:eager")
def derivative_of_torch(input):
    import torch

    return torch.sigmoid(input)


# Transformations


@rejected_by("transform/compiled", "graph break|Unsupported|Tensor.item", backend="torch:eager")
def a_graph_break(input):
    import torch

    torch._dynamo.graph_break()
    return arraylogit.logit(input)


@rejected_by("reproducible/compiled", "ULP from eager", backend="jax:jit")
@rejected_by("transform/compiled-eps", "ULP apart", backend="jax:eager")
@rejected_by("transform/export", "ULP apart", backend="jax:eager")
@rejected_by("transform/shard", "ULP apart", backend="jax:eager")
def another_when_compiled(input, eps=None):
    import jax

    y = arraylogit.logit(input, eps)
    return y * 1.001 if isinstance(input, jax.core.Tracer) else y


@rejected_by("transform/compiled-derivative", "ULP apart", backend="torch:eager")
def another_when_compiled_by_torch(input):
    import torch

    y = arraylogit.logit(input)
    return y * 1.001 if torch.compiler.is_compiling() else y


@rejected_by("transform/vmap-derivative", "Not equal", backend="jax:eager")
def another_gradient_for_one(input):
    return jax_function(
        lambda x: arraylogit.logit(x), lambda x: (1 / x + 1 / (1 - x)) * (1.01 - 0.01 * x.ndim)
    )(input)


@rejected_by("transform/one-trace", "traces for three values", backend="jax:eager")
def eps_traced_as_a_constant(input, eps=None):
    import jax

    return jax.jit(arraylogit.logit, static_argnums=1)(input, eps)


@rejected_by("transform/traced-eps", "Tracer|Concretization|traced", backend="jax:eager")
def eps_looked_at(input, eps=None):
    return arraylogit.logit(input, eps if eps is None else float(eps))


@rejected_by("transform/vmap", "data-dependent|item|vmap", backend="torch:eager")
def values_looked_at(input):
    return arraylogit.logit(input) if bool((input > 0).any()) else arraylogit.logit(input + 0)


@rejected_by("transform/abstract", "meta", backend="torch:eager")
def values_of_a_meta_tensor(input):
    import torch

    return torch.zeros(input.shape, dtype=input.dtype)


@rejected_by("transform/pickle", "pickle")
def _forgets_its_name(input):
    return perfect.logit(input)


_forgets_its_name.__qualname__ = "<locals>.f"


@rejected_by("lazy/no-compute", "was computed", backend="dask")
def computed_at_once(input):
    import dask.array

    return dask.array.from_array(perfect.logit(input.compute()), input.chunks)


@rejected_by("lazy/one-layer", "layers", backend="dask")
def a_layer_for_each_operation(input):
    import dask.array

    return dask.array.log(input / (1 - input))
