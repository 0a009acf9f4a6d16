"""Measure the largest errors of the forms by the kernels, in ULP, with the number that shows each.

    python -m scripts.kernel_errors {numpy,xla} {float32,float64,flushed} [name ...]
        [--exhaustive | --between LOW HIGH]

The fused forms of a dtype, or those of float32 without subnormal numbers. float32, against
float64: every number of a domain with --exhaustive, every one of some magnitudes with --between,
else one in 997. float64, against the 64 bits of longdouble (x86): a million structured numbers or
more, ten million with --exhaustive. Also counted: results that are not rounded correctly, and
neighbours whose results are in the wrong order. XLA's CPU flushes subnormal numbers: there, they
are left out.
"""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from tests.test_kernels import KINDS, RECORDS, on_numpy, on_xla

Array = Any

# The reference of the logit, and of logit_exp, crosses 0 without cancellation.
LOG2 = (np.log(np.longdouble(2)), np.longdouble("-1.14583527268e-20"))


def logit(x: Array) -> Array:
    """Return log(x/(1 - x))."""
    middle = np.log1p((2 * x - 1) / (1 - x))
    return np.where(np.abs(x - 0.5) < 0.25, middle, np.log(x) - np.log1p(-x))


def logit_exp(x: Array) -> Array:
    """Return log(exp(x)/(1 - exp(x))), as 2 artanh(exp(x + log 2) - 1) where it is small."""
    high = x.dtype.type(LOG2[0])
    low = x.dtype.type((LOG2[0] - np.longdouble(high)) + LOG2[1])
    m = np.expm1((x + high) + low)
    return np.where(np.abs(m) < 0.2, np.log1p(m) - np.log1p(-m), x - np.log(-np.expm1(x)))


def softplus(x: Array) -> Array:
    """Return log(1 + exp(-abs(x)))."""
    return np.log1p(np.exp(-np.abs(x)))


EXACT = {
    "logit": logit,
    "logit_slope": lambda x: 1 / x / (1 - x),
    "expit": lambda x: np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x))),
    "expit_slope": lambda x: np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2,
    "tanh_half": lambda x: np.tanh(x / 2),
    "log_expit": lambda x: np.minimum(x, 0) - softplus(x),
    "logit_exp": logit_exp,
    "logit_exp_slope": lambda x: -1 / np.expm1(x),
    "odds_exp": lambda x: -np.exp(x) / np.expm1(x),
    "logit_log_jacobian": lambda x: -np.log(x) - np.log1p(-x),
    "logit_log_jacobian_slope": lambda x: (2 * x - 1) / x / (1 - x),
    "expit_log_jacobian": lambda x: -np.abs(x) - 2 * softplus(x),
}


def every_float32(domain: str, step: int, low: float, high: float) -> Iterator[Array]:
    """Yield the domain's numbers of magnitudes from `low` to `high` in order, one in `step`."""
    high = min(high, 1.0) if domain == "probability" else high
    begin, last = np.asarray([low, high], np.float32).view(np.uint32).tolist()
    for sign in {"probability": [0], "negative": [1], "real": [0, 1]}[domain]:
        for first in range(begin, last, step << 20):
            bits = np.arange(first, min(first + (step << 20), last), step, dtype=np.uint32)
            yield (bits | np.uint32(sign << 31)).view(np.float32)


def structured_float64(domain: str, count: int) -> Iterator[Array]:
    """Yield numbers close to crossings and ends, as well as uniform ones, `count` of each kind."""
    random = np.random.default_rng(0)
    u, log2 = random.random(count), float(LOG2[0])
    small = 2.0 ** -random.integers(0, 60, count)
    if domain == "probability":
        yield from (u, 0.25 + 0.3 * u, 0.5 + (u - 0.5) * small, 1 - u * small)
        yield from (u * 2.0 ** -random.integers(0, 1040, count), np.ldexp(u, -1060))
        return
    near = np.abs(log2 * random.integers(0, 60, count) / 2 + (u - 0.5) * small)
    for x in (2 * u, 40 * u, 30 + 8 * u, 750 * u, 700 + 46 * u, log2 + (u - 0.5) * small, near):
        yield -x
        if domain == "real":
            yield x
    yield -u * 2.0 ** -random.integers(0, 1040, count)


def errors(y: Array, exact: Array) -> Array:
    """Return the errors in ULP, of at least the smallest subnormal number."""
    finfo = np.finfo(y.dtype)
    exponent = np.maximum(np.frexp(exact)[1] - 1, finfo.minexp) - finfo.nmant
    error = np.abs(y.astype(exact.dtype) - exact) / np.ldexp(exact.dtype.type(1), exponent)
    return np.where(y == exact.astype(y.dtype), np.where(np.isfinite(y), error, 0), error)


def measure(name: str, engine: str, kind: str, exhaustive: bool, bounds: list[float]) -> str:
    """Return a line of what was found."""
    domain, dtype = RECORDS[name][2], KINDS[kind][0]
    f = {"numpy": on_numpy, "xla": on_xla}[engine](name, kind)
    tiny = float(np.finfo(dtype).tiny) if engine == "xla" or kind == "flushed" else 0
    if dtype == "float32":
        parts, wider = every_float32(domain, 1 if exhaustive else 997, *bounds), np.float64
    else:
        parts, wider = (
            structured_float64(domain, 1_000_000 if exhaustive else 150_000),
            np.longdouble,
        )
    worst, witness, wrong, drops, count = 0.0, 0.0, 0, 0, 0
    for x in parts:
        x = x[(np.abs(x) >= tiny) & (x != 0) & ((domain != "probability") | (x < 1))]
        if not x.size:
            continue
        with np.errstate(all="ignore"):
            y, exact = f(x), EXACT[name](x.astype(wider))
            error = np.where(np.abs(y) <= tiny, 0, errors(y, exact))
        if dtype == "float32":
            with np.errstate(invalid="ignore"):  # of two infinities
                drops += int((np.diff(y) * np.sign(np.diff(exact)) < 0).sum())
        at = int(np.argmax(error))
        count, wrong = count + x.size, wrong + int((error > 0.5).sum())
        if not error[at] <= worst:
            worst, witness = float(error[at]), float(x[at])
    return (
        f"{name} {kind} {engine}: {worst:.4f} ULP at {witness.hex()} ({witness!r}); "
        f"{100 * wrong / count:.3f} % of {count} not rounded correctly; {drops} drops"
    )


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["numpy", "xla"])
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("names", nargs="*", choices=[[], *RECORDS], metavar="name")
    parser.add_argument("--exhaustive", action="store_true")
    parser.add_argument("--between", nargs=2, type=float, metavar=("LOW", "HIGH"))
    options = parser.parse_args()
    every = options.exhaustive or options.between is not None
    bounds = options.between or [float(np.finfo("float32").smallest_subnormal), np.inf]
    for name in options.names or RECORDS:
        print(measure(name, options.engine, options.kind, every, bounds), flush=True)


if __name__ == "__main__":
    main()
