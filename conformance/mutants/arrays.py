"""Wrong treatment of arrays: dtypes, kinds, memory."""

import numpy as np

import arraylogit
from arraylogit.testing.perfect import expit, logit
from conformance.mutants.mutant import (
    mutant,
    rejected_by,
    textbook,
    unclamped_where,
    wrong_where,
    wrong_with_eps,
)

# Dtypes

mutant(
    "dtype_promoted", "dtypes/kept", "float64 for float16", lambda x: logit(x.astype(np.float64))
)


@rejected_by("dtypes/integers", "float32 for bool")
def integers_to_float32(x):
    return logit(x if x.dtype.kind in "Vf" else x.astype(np.float32))


@rejected_by("dtypes/integers", "int(8|16)", computes="expit")
def integers_negated_in_their_dtype(x):
    return expit(np.where(x < 0, -np.float64(-x), x) if x.dtype.kind == "i" else x)


@rejected_by("dtypes/integers", "int32 bytes swapped")
def bytes_of_integers_read_in_order(x):
    return logit(x.view(x.dtype.newbyteorder("=")) if x.dtype.kind == "i" else x)


@rejected_by("dtypes/kept", "float64 for float16 .*computed", backend="dask")
def another_dtype_than_declared(x):
    return x.map_blocks(lambda block: arraylogit.logit(block.astype(np.float64)), meta=x._meta)


unclamped_where(
    "integers_not_clamped", "dtypes/integers", "int32.*eps", lambda x: x.dtype.kind == "i"
)


@rejected_by("dtypes/longdouble", "Not equal")
def longdouble_in_float64(x):
    return logit(x.astype(np.float64)).astype(x.dtype)


@rejected_by("dtypes/complex", "float64 for complex64|ComplexWarning")
def imaginary_part_dropped(x):
    return logit(x.real.astype(np.float64))


@rejected_by("dtypes/complex", "Not equal|nan", computes="expit")
def complex_expit_that_overflows(x):
    if x.dtype.kind != "c":
        return expit(x)
    with np.errstate(all="ignore"):
        return (np.exp(x) / (1 + np.exp(x))).astype(x.dtype)


@rejected_by("dtypes/complex-ends", "nan", backend="jax:eager")
def complex_of_jax(x):
    import jax.scipy.special

    return jax.scipy.special.logit(x)


@rejected_by("dtypes/complex-eps", "accepted")
def eps_ignored_in_complex(x, eps=None):
    return textbook(x) if x.dtype.kind == "c" else logit(x, eps)


# Libraries, devices, containers, shapes

mutant("one_chunk", "kinds/chunks", "", lambda x: arraylogit.logit(x).rechunk(-1), backend="dask")
mutant("arrays_for_scalars", "kinds/scalar", "ndarray", lambda x: np.asarray(logit(x)))


@rejected_by("kinds/chunks", "eps", backend="dask")
def one_chunk_with_eps(x, eps=None):
    y = arraylogit.logit(x, eps)
    return y if eps is None else y.rechunk(-1)


@rejected_by("kinds/library", "ndarray", backend="torch:eager")
def another_library(x):
    return logit(x.numpy())


@rejected_by("kinds/library", "Array", backend="array_api_strict:device1")
def another_device(x):
    import array_api_strict

    return arraylogit.logit(x).to_device(array_api_strict.Device("CPU_DEVICE"))


@rejected_by("lazy/no-compute", "was computed", backend="dask")
def computed_at_once(x):
    import dask.array

    return dask.array.from_array(logit(x.compute()), x.chunks)


@rejected_by("lazy/one-layer", "layers", backend="dask")
def a_layer_for_each_operation(x):
    import dask.array

    return dask.array.log(x / (1 - x))


@rejected_by("lazy/one-layer", "eps", backend="dask")
def another_layer_with_eps(x, eps=None):
    return arraylogit.logit(x if eps is None else x + 0, eps)


@rejected_by("kinds/sequence", "ULP apart")
def lists_of_integers_give_integers(x):
    y = logit(x)
    return np.sign(y).astype(int) if isinstance(x, list) and x == [0, 1] else y


@rejected_by("kinds/sequence", "ULP apart")
def forty_two(x):
    y = logit(x)
    return np.full(y.shape, 42.0) if isinstance(x, list | tuple) else y


unclamped_where("lists_not_clamped", "kinds/sequence", "list.*eps", lambda x: type(x) is list)
unclamped_where("floats_not_clamped", "kinds/scalar", "eps", lambda x: type(x) is float)
wrong_where(
    "a_constant_for_scalars",
    "kinds/scalar",
    "ULP apart|, not",
    lambda x: isinstance(x, float | int),
)
mutant("no_scalars", "kinds/shape", r"\(1,\) for \(\)", lambda x: logit(np.atleast_1d(x)))
wrong_where("three_axes_at_most", "kinds/shape", r"shape \(2, 1, 2, 3\)", lambda x: x.ndim > 3)
mutant("arrays_only", "kinds/sequence", "AttributeError", lambda x: logit(x.copy()))
mutant("mask_dropped", "kinds/subclass", "ndarray", lambda x: logit(np.asarray(x)))


@rejected_by("kinds/subclass", "ndarray.*eps")
def mask_dropped_with_eps(x, eps=None):
    return logit(x if eps is None else np.clip(np.asarray(x), eps, 1 - eps))


mutant("another_name", "kinds/input-by-name", "TypeError", lambda x: logit(x))


# Memory


def backwards(x):
    return any(step < 0 for step in x.strides)


wrong_where("wrong_backwards", "kinds/layout", "backwards", backwards)
wrong_with_eps("wrong_backwards_with_eps", "kinds/layout", "backwards.*eps", backwards)
wrong_with_eps(
    "wrong_with_eps_for_bytes_swapped", "kinds/layout", "eps", lambda x: not x.dtype.isnative
)
wrong_where("wrong_for_a_stride_of_0", "kinds/layout", "stride of 0", lambda x: 0 in x.strides)
wrong_where("wrong_where_misaligned", "kinds/layout", "misaligned", lambda x: not x.flags.aligned)


@rejected_by("kinds/layout", "bytes swapped")
def bytes_read_in_order(x):
    return logit(x.view(x.dtype.newbyteorder("=")))


@rejected_by("kinds/layout", "ULP apart")
def memory_read_in_order(x):
    flat = x.T.ravel() if x.ndim == 2 and not x.flags.c_contiguous else x
    return logit(flat).reshape(x.shape)


@rejected_by("kinds/layout", "read-only")
def one_result_for_a_repeated_number(x):
    if x.size < 2 or any(x.strides):
        return logit(x)
    return np.broadcast_to(logit(x[(0,) * x.ndim]), x.shape)


@rejected_by("kinds/order", "float16")
def order_of_axes_lost_in_float16(x):
    y = logit(x)
    return np.ascontiguousarray(y) if x.dtype == np.float16 else y


@rejected_by("kinds/read-only", "read-only")
def input_must_be_writable_with_eps(x, eps=None):
    if eps is not None:
        x += 0
    return logit(x, eps)


@rejected_by("kinds/read-only", "read-only")
def input_must_be_writable(x):
    x += 0
    return logit(x)


@rejected_by("kinds/input-unmodified", "differ")
def input_modified(x, eps=None):
    if eps is not None:
        np.clip(x, eps, 1 - eps, out=x)
    return logit(x)


@rejected_by("kinds/input-unmodified", "differ")
def float64_clamped_in_place(x, eps=None):
    y = logit(x, eps)
    if eps is not None and x.dtype == np.float64:
        np.clip(x, eps, 1 - eps, out=x)
    return y


@rejected_by("kinds/input-unmodified", "0.0, not -0.0|0.0.*, not -0.0")
def sign_of_zero_taken_from_the_input(x):
    y = logit(x)
    if x.flags.writeable:
        x += x.dtype.type(0)
    return y


@rejected_by("kinds/input-unmodified", "out")
def input_used_as_scratch(x, out=None):
    y = logit(x, out=out)
    if out is not None and out is not x:
        x[...] = 0
    return y


mutant("order_of_axes_lost", "kinds/order", "for", lambda x: np.ascontiguousarray(logit(x)))
