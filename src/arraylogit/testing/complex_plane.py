"""The search for the largest errors of complex logit and expit.

    python -m arraylogit.testing.complex_plane [--backend jax:eager] [--points 1_000_000]

Numbers of every magnitude are tried, most of them next to the branch points, the poles and 1/2.
Our own function on `numpy.clongdouble` finds the worst of them, and mpmath measures their errors.
"""

import argparse
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpc, mpf

import arraylogit

Array = np.ndarray

FUNCTIONS = ("logit", "expit")

# Inputs at which earlier formulas were worst.
WORST = {
    "logit": [
        -31.721779449132573 + 0.16832482558477718j,
        29249786 - 11824167j,
        -7.667858235777003 + 2.4051294633394065j,
        17352390 - 667822.3j,
        -3.7452653297527942 - 0.22139748431863457j,
    ],
    "expit": [
        -0.30494987964630127 - 3.1639175415039062j,
        0.21995917 + 3.142349j,
        -18.07981831379244 + 0.001336804399382939j,
        -0.7092920711305866 + 3.1405700195922135j,
        0.13783391 + 3.1410084j,
        -0.17653126 + 3.1418345j,
        -0.704452465678769 + 3.143565419055039j,
    ],
}


def points(function: str, dtype: Any, count: int, seed: int = 0) -> Array:
    """Return about `count` finite numbers off the axes, the worst known ones among them."""
    rng = np.random.default_rng(seed)
    form = np.finfo(dtype)
    top, digits = np.log10(float(form.max)) - 1, 1.5 * float(form.precision)
    count = count // 6 + 1

    def signed(lowest: float, highest: float) -> Array:
        return 10.0 ** rng.uniform(lowest, highest, count) * rng.choice([-1, 1], count)

    def box(x: float, y: float) -> Array:
        return rng.uniform(-x, x, count) + 1j * rng.uniform(-y, y, count)

    def around(centre: Any) -> Array:
        return centre + signed(-digits, 1) + 1j * signed(-digits, 1)

    if function == "logit":
        size = signed(0, 9)
        parts = [
            signed(-top, top) + 1j * signed(-top, top),
            around(rng.choice([0, 0.5, 1], count)),
            signed(-2, 3) + 1j * signed(-2, 3),
            size + 1j * size * rng.uniform(-1, 1, count),
            size * rng.uniform(-1, 1, count) + 1j * size,
            box(4, 3),
        ]
    else:
        poles = 1j * np.pi * (2 * rng.integers(-5, 5, count) + 1)
        parts = [
            box(2 * top, 100),
            box(3, 10),
            around(poles),
            box(1, 1) / 2 + poles,
            rng.uniform(-40, 40, count) + 1j * signed(-digits, 3),
            around(0),
        ]
    with np.errstate(over="ignore"):
        z = np.concatenate([*parts, WORST[function]]).astype(dtype)
    return z[np.isfinite(z) & (z.real != 0) & (z.imag != 0)]


def exact(function: str, z: complex) -> mpc:
    """Return the value, to the digits of mpmath's context."""
    x, y = mpf(float(z.real)), mpf(float(z.imag))
    if function == "expit":
        return 1 / (1 + mp.exp(-mpc(x, y)))
    lower = x < 0.5
    nearer = x if lower else 1 - x
    size = mp.log1p(abs(2 * x - 1) / (nearer**2 + y**2)) / 2
    return mpc(-size if lower else size, mp.atan2(y, x) + mp.atan2(y, 1 - x))


def worst(function: str, z: Array, w: Array, kept: int = 8) -> tuple[float, complex]:
    """Return the largest error of a part of `w` in ULP, and where.

    Each part is measured in its own ULP, but the real part of expit, which crosses 0 between the
    real axis and the next pole, in that of ``|expit(z)|``. Subnormal numbers do not count.
    """
    candidates: set[int] = set()
    with np.errstate(all="ignore"):
        wide = getattr(arraylogit, function)(z.astype(np.clongdouble))
        tiny = np.finfo(z.dtype).tiny
        normal = np.minimum(abs(wide.real), abs(wide.imag)) >= tiny
        normal &= np.minimum(abs(z.real), abs(z.imag)) >= tiny
        size = abs(wide) if function == "expit" else wide.real
        for got, want, measure in ((w.real, wide.real, size), (w.imag, wide.imag, wide.imag)):
            error = np.where(normal, abs(got - want) / _ulp(measure, z.dtype), 0)
            candidates.update(np.argsort(error)[-kept:].tolist())
    found = []
    with mpmath.workprec(400):
        for i in candidates:
            value = exact(function, z[i])
            size = abs(value) if function == "expit" else value.real
            parts = ((w[i].real, value.real, size), (w[i].imag, value.imag, value.imag))
            for got, want, measure in parts:
                unit = mpf(float(_ulp(np.asarray(float(measure)), z.dtype)))
                found.append((float(abs(mpf(float(got)) - want) / unit), i))
    largest, i = max(found)
    return largest, complex(z[i])


def _ulp(value: Array, dtype: Any) -> Array:
    form = np.finfo(dtype)
    exponent = np.maximum(np.frexp(value)[1] - 1, form.minexp)
    unit: Array = np.ldexp(np.ones_like(value), exponent - form.nmant)
    return unit


def main(arguments: list[str] | None = None) -> None:
    """Search on the libraries named, and print the largest errors."""
    from arraylogit.testing.backends import backend

    parser = argparse.ArgumentParser("python -m arraylogit.testing.complex_plane")
    parser.add_argument("--backend", action="append", help="as for the suite (numpy)")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    for name in chosen.backend or ["numpy"]:
        with backend(name) as library:
            for function in FUNCTIONS:
                f = library.transform(getattr(arraylogit, function))
                for dtype in ("complex64", "complex128"):
                    z = points(function, dtype, chosen.points, chosen.seed)
                    w = library.to_numpy(f(library.asarray(z)))
                    error, at = worst(function, z, w)
                    print(f"{name} {function} {dtype}: {error:.3f} ULP at {at}")


if __name__ == "__main__":
    main()
