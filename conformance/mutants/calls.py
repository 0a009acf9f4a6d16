"""Wrong calls: warnings, errors, results that depend on the length, on chance, on other calls."""

import os
import random
import time
import warnings

import numpy as np

from arraylogit.testing.perfect import logit
from conformance.mutants.mutant import mutant, rejected_by, spoiled, textbook

# Warnings and errors


@rejected_by("warnings/none", "RuntimeWarning")
def a_warning(x):
    warnings.warn("something was divided by zero", RuntimeWarning, stacklevel=2)
    return logit(x)


@rejected_by("warnings/none", "many numbers")
def a_warning_for_many(x):
    if x.size > 4096:
        warnings.warn("many numbers", RuntimeWarning, stacklevel=2)
    return logit(x)


@rejected_by("warnings/errstate", "FloatingPointError")
def errors_of_the_caller(x):
    return np.log(x / (1 - x))


@rejected_by("warnings/errstate", "FloatingPointError")
def eps_that_underflows(x, eps=None):
    return logit(x, eps if eps is None else np.float64(eps).astype(x.dtype))


@rejected_by("warnings/errstate", "changed to")
def errors_silenced_for_good(x):
    np.seterr(all="ignore")
    return logit(x)


@rejected_by("warnings/errstate", "filters of warnings")
def warnings_silenced_for_good(x):
    warnings.filterwarnings("ignore", "of logit")
    return logit(x)


@rejected_by("errors/input", "accepted: b?'0.5'")
def text_converted(x):
    return logit(np.asarray(x, np.float64))


@rejected_by("errors/input", r"timedelta64|m8|accepted: array\(\[1\]")
def spans_of_time_taken(x):
    given = np.asarray(x)
    return logit(given.astype(float) if given.dtype.kind == "m" else x)


# Reproducibility


CHANCE = np.random.default_rng(0)
CALLS = []


@rejected_by("reproducible/repeated", "the first call")
def wrong_at_first(x):
    CALLS.append(x.size)
    return logit(x) if len(CALLS) > 1 else spoiled(logit(x))


@rejected_by("reproducible/repeated", "differ")
def at_random(x):
    return logit(x) * x.dtype.type(1 + random.random() / 10)


@rejected_by("reproducible/repeated", "many")
def one_in_a_million(x):
    y = np.array(logit(x))
    return np.where(CHANCE.random(y.shape) < 1e-6, spoiled(y), y)


@rejected_by("reproducible/alone", "differ")
def another_kernel_for_one(x):
    return textbook(x) if x.size == 1 else logit(x)


@rejected_by("reproducible/alone", "differ")
def computed_in_float16_in_0d(x):
    return logit(x) if x.ndim or x.dtype != np.float16 else textbook(x)


@rejected_by("reproducible/strided", "differ")
def another_kernel_for_strides(x):
    return logit(x) if x.flags.c_contiguous else textbook(x)


@rejected_by("reproducible/position", "differ")
def another_kernel_for_the_rest(x):
    y = logit(x)
    rest = x.size % 8
    if x.ndim == 1 and rest:
        y[-rest:] *= x.dtype.type(1.01)
    return y


def _another_after(n):
    def function(x):
        y = np.atleast_1d(logit(x))
        y.ravel()[n:] *= y.dtype.type(1.01)
        return y.reshape(x.shape)[()]

    return function


@rejected_by("reproducible/position", "differ")
def the_last_after_a_block_of_2_16(x):
    y = logit(x)
    if x.size == 2**16 + 1:
        y[-1:] = spoiled(y[-1:])
    return y


for power in (18, 20):
    name = f"another_after_2_{power}_elements"
    mutant(name, "reproducible/position", "many", _another_after(1 << power))


# State that calls share


SHARED = np.empty(1_000_000, np.float32)
WIDE = np.empty(1_000_000)
BY_ADDRESS = {}
CURRENT_EPS = [None]
PROCESS = os.getpid()


@rejected_by("concurrency/threads", "differ")
def a_buffer_for_all_threads(x):
    y = SHARED[: x.size]
    y[...] = x[::-1]
    time.sleep(1e-3)
    y[...] = textbook(y[::-1].copy())
    return y.copy()


@rejected_by("concurrency/threads", "differ")
def results_written_over_by_threads(x):
    y = SHARED[: x.size]
    y[...] = logit(x)
    time.sleep(1e-3)
    return y.copy()


@rejected_by("concurrency/threads", "differ")
def float64_written_over_by_threads(x):
    if x.dtype != np.float64:
        return logit(x)
    y = WIDE[: x.size]
    y[...] = logit(x)
    time.sleep(1e-3)
    return y.copy()


@rejected_by("concurrency/threads", "differ")
def eps_of_another_thread(x, eps=None):
    CURRENT_EPS[0] = eps
    time.sleep(1e-3)
    return logit(x, CURRENT_EPS[0])


@rejected_by("concurrency/fork", "differ")
def lost_in_a_fork(x):
    y = logit(x)
    return y if os.getpid() == PROCESS else y * 0


@rejected_by("reproducible/changed", "ULP apart")
def cached_by_address(x):
    key = x.ctypes.data, x.shape, x.dtype
    if key not in BY_ADDRESS:
        BY_ADDRESS[key] = logit(x)
    return BY_ADDRESS[key].copy()


@rejected_by("reproducible/changed", "an earlier result")
def results_in_the_same_memory(x):
    y = SHARED[: x.size]
    y[...] = logit(x)
    return y


@rejected_by("reproducible/changed", "^409. of 4099 differ")
def float64_in_the_same_memory(x):
    if x.dtype != np.float64 or x.ndim == 0:
        return logit(x)
    y = WIDE[: x.size]
    y[...] = logit(x)
    return y
