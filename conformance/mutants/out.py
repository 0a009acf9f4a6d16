"""Wrong treatment of `out`: written wrongly, too early or where it must be refused."""

import numpy as np

import arraylogit
from arraylogit.testing.perfect import log_expit, logit
from conformance.mutants.mutant import rejected_by, textbook

# Written


@rejected_by("out/written", "another object")
def out_not_returned(x, out=None):
    return logit(x, out=out)[...] if out is not None else logit(x)


@rejected_by("out/written", "nan, not -inf")
def minus_0_wrong_in_out(x, out=None):
    y = logit(x, out=out)
    if out is not None:
        out[(x == 0) & np.signbit(x)] = np.nan
    return y


@rejected_by("out/written", "0.0, not -0.0", computes="log_expit")
def zero_of_the_wrong_sign_in_out(x, out=None):
    y = log_expit(x, out=out)
    if out is not None:
        out += out.dtype.type(0)
    return y


@rejected_by("out/written", "another object")
def number_for_an_out_in_0d(x, out=None):
    return logit(x, out=out)[()] if out is not None else logit(x)


@rejected_by("out/strided", "bytes swapped")
def out_written_in_the_order_of_bytes(x, out=None):
    if out is None:
        return logit(x)
    logit(x, out=out.view(out.dtype.newbyteorder("=")))
    return out


@rejected_by("out/input", "eps")
def clamped_in_place_by_rounded_bounds(x, eps=None, out=None):
    if out is x and eps is not None:
        np.clip(x, np.float16(eps), 1 - np.float16(eps), out=out)
        eps = None
    return logit(x, eps, out=out)


@rejected_by("out/input", "differ")
def out_written_too_early(x, out=None):
    if out is None:
        return logit(x)
    np.subtract(1, x, out=out)
    out[...] = textbook(1 - out) if out is not x else textbook(x)
    return out


@rejected_by("out/strided", "elements between")
def gaps_written(x, out=None):
    if out is not None and not out.flags.c_contiguous:
        out.base[1::2] = 0
    return logit(x, out=out)


def _by_pieces(n, x, out):
    for i in range(0, len(x), n):
        logit(x[i : i + n], out=out[i : i + n])
    return out


@rejected_by("out/overlap", "differ")
def overlap_not_seen(x, out=None):
    return logit(x) if out is None else _by_pieces(10_000, x, out)


@rejected_by("out/overlap", "differ")
def overlap_not_seen_in_float64(x, out=None):
    return _by_pieces(10_000, x, out) if out is not None and x.itemsize == 8 else logit(x, out=out)


@rejected_by("out/overlap", "transposed")
def overlap_of_axes_not_seen(x, out=None):
    return _by_pieces(1, x, out) if out is not None and x.ndim == 2 else logit(x, out=out)


@rejected_by("out/overlap", "differ")
def overlap_backwards_not_seen(x, out=None):
    if out is None or out.strides == x.strides:
        return logit(x, out=out)
    return _by_pieces(10, x, out)


@rejected_by("out/cast", "accepted")
def out_of_any_dtype(x, out=None):
    if out is None:
        return logit(x)
    with np.errstate(all="ignore"):
        out[...] = logit(x)
    return out


@rejected_by("out/cast", "float16 to float64")
def out_not_rounded_to_the_dtype_of_the_input(x, out=None):
    widened = out is not None and x.dtype == np.float16 and out.dtype == np.float64
    return logit(x.astype(np.float64) if widened else x, out=out)


# Refused


@rejected_by("out/wrong-shape", "accepted")
def out_resized(x, out=None):
    if out is not None:
        out.resize(x.shape, refcheck=False)
    return logit(x, out=out)


@rejected_by("out/refused-untouched", "differ")
def out_written_before_the_check(x, eps=None, out=None):
    if out is not None:
        out[...] = 0
    return logit(x, eps, out=out)


@rejected_by("out/refused-untouched", "differ")
def many_written_before_the_check(x, eps=None, out=None):
    if isinstance(x, np.ndarray) and x.size > 4096 and out is not None:
        out[:4096] = 0
    return logit(x, eps, out=out)


@rejected_by("out/refused-untouched", "differ", computes="log_expit")
def written_before_complex_numbers_are_refused(x, out=None):
    if getattr(x, "dtype", None) == np.complex64 and out is not None:
        out[...] = log_expit(x.real)
    return log_expit(x, out=out)


@rejected_by("out/immutable", "accepted", backend="dask")
def out_ignored(x, out=None):
    return arraylogit.logit(x)


@rejected_by("out/read-only", "accepted")
def out_made_writable(x, out=None):
    if out is not None:
        out.flags.writeable = True
    return logit(x, out=out)


@rejected_by("out/other-library", "accepted")
def out_of_any_kind(x, out=None):
    return logit(x, out=out if isinstance(out, np.ndarray) else None)


@rejected_by("out/other-library", "accepted")
def out_of_another_library(x, out=None):
    if out is None or isinstance(out, list | str | np.generic):
        return logit(x, out=out)
    np.asarray(out)[...] = logit(x)
    return out


@rejected_by("out/gradient", "accepted", backend="torch:eager")
def out_not_differentiated(x, out=None):
    return arraylogit.logit(x.detach(), out=out)
