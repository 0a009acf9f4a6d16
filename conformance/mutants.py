"""Wrong functions, each with the requirement that must reject it, and its message.

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
    """A wrong function, on a backend, and a pattern of the message that rejects it.

    `points` is how many a measurement takes to find what is wrong.
    """

    function: Callable[..., Any]
    computes: str
    backend: str
    requirement: str
    says: str
    points: int = 500


MUTANTS: list[Mutant] = []


def rejected_by(
    requirement: str,
    says: str,
    computes: str = "logit",
    backend: str = "numpy",
    points: int = 500,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function):
        MUTANTS.append(Mutant(function, computes, backend, requirement, says, points))
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
    try:
        return perfect.logit(input, eps)
    except (TypeError, ValueError):
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
    return textbook(input) if input.dtype.kind == "c" else perfect.logit(input, eps)


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


@rejected_by("errors/input", "accepted: b?'0.5'")
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

    x = input if eps is None else jnp.clip(input, eps, 1 - eps)
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


# Functions that read memory wrongly, but not in short contiguous arrays


def _spoiled(y):
    """Return results with an error in each."""
    return y * y.dtype.type(1.01)


@rejected_by("kinds/layout", "backwards")
def wrong_backwards(input):
    y = perfect.logit(input)
    return _spoiled(y) if any(step < 0 for step in input.strides) else y


@rejected_by("kinds/layout", "stride of 0")
def wrong_for_a_stride_of_0(input):
    y = perfect.logit(input)
    return _spoiled(y) if 0 in input.strides else y


@rejected_by("kinds/layout", "bytes swapped")
def bytes_read_in_order(input):
    return perfect.logit(input.view(input.dtype.newbyteorder("=")))


@rejected_by("kinds/layout", "misaligned")
def wrong_where_misaligned(input):
    y = perfect.logit(input)
    return y if input.flags.aligned else _spoiled(y)


@rejected_by("kinds/shape", r"shape \(2, 1, 2, 3\)")
def three_axes_at_most(input):
    y = perfect.logit(input)
    return _spoiled(y) if input.ndim > 3 else y


@rejected_by("kinds/order", "float16")
def order_of_axes_lost_in_float16(input):
    y = perfect.logit(input)
    return np.ascontiguousarray(y) if input.dtype == np.float16 else y


@rejected_by("reproducible/position", "many")
def another_after_2_18_elements(input):
    y = np.atleast_1d(perfect.logit(input))
    y.ravel()[1 << 18 :] *= y.dtype.type(1.01)
    return y.reshape(input.shape)[()]


@rejected_by("reproducible/position", "many")
def another_after_2_20_elements(input):
    y = np.atleast_1d(perfect.logit(input))
    y.ravel()[1 << 20 :] *= y.dtype.type(1.01)
    return y.reshape(input.shape)[()]


@rejected_by("kinds/input-unmodified", "differ")
def float64_clamped_in_place(input, eps=None):
    y = perfect.logit(input, eps)
    if eps is not None and input.dtype == np.float64:
        np.clip(input, eps, 1 - eps, out=input)
    return y


@rejected_by("kinds/input-unmodified", "0.0, not -0.0|0.0.*, not -0.0")
def sign_of_zero_taken_from_the_input(input):
    y = perfect.logit(input)
    if input.flags.writeable:
        input += input.dtype.type(0)
    return y


@rejected_by("kinds/input-unmodified", "out")
def input_used_as_scratch(input, out=None):
    y = perfect.logit(input, out=out)
    if out is not None and out is not input:
        input[...] = 0
    return y


# Faults of eps and out in rare cases


@rejected_by("eps/zero", "for -0.0")
def minus_0_beyond_the_bounds(input, eps=None):
    y = np.asarray(perfect.logit(input, eps))
    wrong = (input == 0) & np.signbit(input) & (eps is not None) & (input.dtype == np.float64)
    return np.where(wrong, y.dtype.type(np.nan), y)


@rejected_by("out/written", "nan, not -inf")
def minus_0_wrong_in_out(input, out=None):
    y = perfect.logit(input, out=out)
    if out is not None:
        out[(input == 0) & np.signbit(input)] = np.nan
    return y


@rejected_by("out/written", "0.0, not -0.0", "log_expit")
def zero_of_the_wrong_sign_in_out(input, out=None):
    y = perfect.log_expit(input, out=out)
    if out is not None:
        out += out.dtype.type(0)
    return y


@rejected_by("out/refused-untouched", "differ")
def many_written_before_the_check(input, eps=None, out=None):
    if isinstance(input, np.ndarray) and input.size > 4096 and out is not None:
        out[:4096] = 0
    return perfect.logit(input, eps, out=out)


@rejected_by("out/refused-untouched", "differ", "log_expit")
def written_before_complex_numbers_are_refused(input, out=None):
    if getattr(input, "dtype", None) == np.complex64 and out is not None:
        out[...] = perfect.log_expit(input.real)
    return perfect.log_expit(input, out=out)


@rejected_by("out/overlap", "differ")
def overlap_backwards_not_seen(input, out=None):
    if out is None or out.strides == input.strides:
        return perfect.logit(input, out=out)
    for i in range(0, input.size, 10):
        perfect.logit(input[i : i + 10], out=out[i : i + 10])
    return out


@rejected_by("out/other-library", "accepted")
def out_of_another_library(input, out=None):
    if out is None or isinstance(out, list | str | np.generic):
        return perfect.logit(input, out=out)
    np.asarray(out)[...] = perfect.logit(input)
    return out


@rejected_by("out/cast", "float16 to float64")
def out_not_rounded_to_the_dtype_of_the_input(input, out=None):
    if out is None or input.dtype != np.float16 or out.dtype != np.float64:
        return perfect.logit(input, out=out)
    return perfect.logit(input.astype(np.float64), out=out)


@rejected_by("eps/refused", "0.505")
def eps_up_to_0_505(input, eps=None):
    return perfect.logit(input, 0.5 if isinstance(eps, float) and 0.501 < eps <= 0.505 else eps)


@rejected_by("eps/refused", "-1e-12")
def eps_a_little_below_0(input, eps=None):
    tiny = isinstance(eps, float) and -1e-12 <= eps < 0
    return perfect.logit(input, 0 if tiny else eps)


@rejected_by("eps/refused", "0.5000000000000001")
def eps_checked_after_rounding(input, eps=None):
    return perfect.logit(input, float(np.float32(eps)) if type(eps) is np.float64 else eps)


@rejected_by("eps/number", "float16")
def eps_rounded_to_3_digits(input, eps=None):
    return perfect.logit(input, round(float(eps), 3) if isinstance(eps, np.float16) else eps)


@rejected_by("errors/mixed", "accepted")
def eps_of_another_library(input, eps=None):
    foreign = eps is not None and not isinstance(eps, np.ndarray) and hasattr(eps, "shape")
    return perfect.logit(input, float(eps) if foreign else eps)


@rejected_by("eps/inside", "eps=0.1")
def rounded_up_near_a_bound(input, eps=None):
    y = perfect.logit(input, eps)
    near = eps not in (None, 0.125) and np.abs(np.asarray(input, np.float64) - eps) < eps / 50
    return np.where(near, np.nextafter(y, np.inf, dtype=y.dtype), y) if y.dtype.kind == "f" else y


# State that calls share


CURRENT_EPS = [None]


@rejected_by("concurrency/threads", "differ")
def eps_of_another_thread(input, eps=None):
    CURRENT_EPS[0] = eps
    time.sleep(1e-3)
    return perfect.logit(input, CURRENT_EPS[0])


@rejected_by("concurrency/threads", "differ")
def results_written_over_by_threads(input):
    y = SHARED[: input.size]
    y[...] = perfect.logit(input)
    time.sleep(1e-3)
    return y.copy()


BY_ADDRESS = {}


@rejected_by("reproducible/changed", "ULP apart")
def cached_by_address(input):
    key = input.ctypes.data, input.shape, input.dtype
    if key not in BY_ADDRESS:
        BY_ADDRESS[key] = perfect.logit(input)
    return BY_ADDRESS[key].copy()


@rejected_by("reproducible/changed", "an earlier result")
def results_in_the_same_memory(input):
    y = SHARED[: input.size]
    y[...] = perfect.logit(input)
    return y


CHANCE = np.random.default_rng(0)


@rejected_by("reproducible/repeated", "many")
def one_in_a_million(input):
    y = np.array(perfect.logit(input))
    return np.where(CHANCE.random(y.shape) < 1e-6, _spoiled(y), y)


# Values that are rarely tested


@rejected_by("accuracy/float32", r"ULP, 0\.501 allowed", points=100_000)
def three_ulp_off_in_3e_6(input):
    y = arraylogit.logit(input)
    wrong = np.abs(input - 0.3141592) < 1.5e-6
    return np.where(wrong, y + 3 * np.spacing(y), y) if y.dtype == np.float32 else y


@rejected_by("accuracy/float64", r"ULP, 2\.0 allowed", points=100_000)
def three_ulp_off_in_3e_6_in_float64(input):
    y = arraylogit.logit(input)
    wrong = np.abs(input - 0.3141592) < 1.5e-6
    return np.where(wrong, y + 3 * np.spacing(y), y)


@rejected_by("dtypes/integers", "int(8|16)", "expit")
def integers_negated_in_their_dtype(input):
    if input.dtype.kind != "i":
        return perfect.expit(input)
    return perfect.expit(np.where(input < 0, -np.float64(-input), input))


@rejected_by("kinds/scalar", "ULP apart|, not")
def a_constant_for_scalars(input):
    y = perfect.logit(input)
    return y * y.dtype.type(1.01) if isinstance(input, float | int) else y


@rejected_by("kinds/sequence", "ULP apart")
def forty_two(input):
    y = perfect.logit(input)
    return np.full(y.shape, 42.0) if isinstance(input, list | tuple) else y


@rejected_by("errors/input", r"timedelta64|m8|accepted: array\(\[1\]")
def spans_of_time_taken(input):
    x = np.asarray(input)
    return perfect.logit(x.astype(float) if x.dtype.kind == "m" else input)


@rejected_by("warnings/none", "many numbers")
def a_warning_for_many(input):
    if input.size > 4096:
        warnings.warn("many numbers", RuntimeWarning, stacklevel=2)
    return perfect.logit(input)


@rejected_by("dtypes/complex", "Not equal|nan", "expit")
def complex_expit_that_overflows(input):
    if input.dtype.kind != "c":
        return perfect.expit(input)
    with np.errstate(all="ignore"):
        return (np.exp(input) / (1 + np.exp(input))).astype(input.dtype)


# Gradients


def torch_function(value, backward):
    """Return a function of torch with its own backward pass: of the input and the gradient."""
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

        jvp = backward

    return Function.apply


def _slope(x):
    x = x.double()
    return 1 / x + 1 / (1 - x)


@rejected_by("derivative/chain", "weighted", backend="torch:eager")
def incoming_gradient_ignored(input):
    return torch_function(arraylogit.logit, lambda x, gradient: _slope(x).to(x.dtype))(input)


@rejected_by("derivative/chain", "weighted", backend="torch:eager")
def incoming_gradient_summed(input):
    return torch_function(
        arraylogit.logit, lambda x, gradient: (_slope(x) * gradient.mean()).to(x.dtype)
    )(input)


def _wrong_gradient(where):
    """Return a function whose gradient is wrong for some inputs, right for all others."""

    def backward(x, gradient):
        return (_slope(x) * gradient * (1.01 if where(x) else 1)).to(x.dtype)

    return lambda input: torch_function(arraylogit.logit, backward)(input)


wrong_gradient_of_strides = rejected_by("derivative/layout", "every other", backend="torch:eager")(
    _wrong_gradient(lambda x: not x.is_contiguous())
)
wrong_gradient_in_2_axes = rejected_by(
    "derivative/layout", r"shape \(3, 4, 5\)|one row", backend="torch:eager"
)(_wrong_gradient(lambda x: x.ndim > 1))
wrong_gradient_of_many = rejected_by("derivative/layout", "200003", backend="torch:eager")(
    _wrong_gradient(lambda x: x.numel() > 150_000)
)


@rejected_by("derivative/at-bound", "^0.0.*eps=0.1", backend="torch:eager")
def no_gradient_at_a_bound_of_0_1(input, eps=None):
    def backward(x, gradient):
        inside = (x.double() > eps) & (x.double() < 1 - eps) if eps is not None else x == x
        if eps == 0.1:
            inside &= (x != x.new_tensor(eps)) & (x != 1 - x.new_tensor(eps))
        elif eps is not None:
            inside = (x.double() >= eps) & (x.double() <= 1 - eps)
        return (_slope(x) * gradient).to(x.dtype).where(inside, x.new_zeros(()))

    return torch_function(lambda x: arraylogit.logit(x, eps), backward)(input)


@rejected_by("derivative/at-bound", "eps=0.35|eps=0.1|eps=0.001", backend="torch:eager")
def gradient_within_bounds_not_rounded(input, eps=None):
    def backward(x, gradient):
        inside = (x.double() >= eps) & (x.double() <= 1 - eps) if eps is not None else x == x
        return (_slope(x) * gradient).to(x.dtype).where(inside, x.new_zeros(()))

    return torch_function(lambda x: arraylogit.logit(x, eps), backward)(input)


@rejected_by("derivative/at-bound", "float16", backend="torch:eager")
def bounds_of_float16_in_the_gradient(input, eps=None):
    import torch

    def backward(x, gradient):
        if eps is None:
            inside = x == x
        else:
            wide = x.dtype if x.dtype != torch.bfloat16 else torch.float32
            low, high = (torch.tensor(b, dtype=torch.float64).to(wide) for b in (eps, 1 - eps))
            inside = (x.to(wide) >= low) & (x.to(wide) <= high)
        return (_slope(x) * gradient).to(x.dtype).where(inside, x.new_zeros(()))

    return torch_function(lambda x: arraylogit.logit(x, eps), backward)(input)


@rejected_by("transform/shard", "ULP apart", backend="jax:eager")
def another_on_two_devices(input):
    import jax

    y = arraylogit.logit(input)
    return y * 1.001 if jax.sharding.get_abstract_mesh().size > 1 else y
