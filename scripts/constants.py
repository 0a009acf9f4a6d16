"""Compute and print the constants of arraylogit._kernels: polynomials and the parts of log 2.

    python scripts/constants.py

The exchange algorithm of Remez, in 60 decimal digits. The leading coefficients are rounded to the
target's precision one after the other, and the others fitted again, so that no rounding of a
coefficient is lost. Each polynomial's largest error is printed with it.
"""

from collections.abc import Callable
from typing import NamedTuple

import mpmath as mp


class Wanted(NamedTuple):
    """A polynomial to fit: of `degree`, to `function` on an interval, with its first term given.

    The error that is made small is ``weight * (polynomial - function)``: relative to the result
    of the kernel that the polynomial is part of.
    """

    function: Callable[[mp.mpf], mp.mpf]
    weight: Callable[[mp.mpf], mp.mpf]
    interval: tuple[float, float]
    degree: int
    first: float | None = None


def _exponential(r: mp.mpf) -> mp.mpf:
    return (mp.expm1(r) - r) / r**2


def _logarithm(f: mp.mpf) -> mp.mpf:
    return (mp.log1p(f) - f) / f**2


def _artanh(t: mp.mpf) -> mp.mpf:
    s = mp.sqrt(t)
    return 2 * (mp.atanh(s) - s) / s**3


# (e^r - 1 - r)/r^2 on half the distance between two multiples of log 2, and a little more.
_REDUCED = (-0.3472, 0.3472)
# (log(1 + f) - f)/f^2 for 1 + f between 89/128 and 89/64.
_FRACTION = (89 / 128 - 1, 89 / 64 - 1)
# (2 artanh(s) - 2s)/s^3 as a polynomial in s^2.
_QUOTIENT = 0.2305**2


def exponential(degree: int) -> Wanted:
    """Fit the exponential's polynomial, its error relative to e^r."""
    return Wanted(_exponential, lambda r: r**2 / mp.exp(r), _REDUCED, degree, 0.5)


def logarithm(degree: int) -> Wanted:
    """Fit the logarithm's polynomial, its error relative to log(1 + f)."""
    return Wanted(_logarithm, lambda f: f**2 / mp.log1p(f), _FRACTION, degree, -0.5)


def artanh_of_half(degree: int) -> Wanted:
    """Fit the same for 2 artanh(s/2), where s is almost 1."""
    return Wanted(
        lambda t: _artanh(t / 4) / 8,
        lambda t: mp.sqrt(t) ** 3 / (2 * mp.atanh(mp.sqrt(t) / 2)),
        (0.0, 4 * 0.4623**2),
        degree,
    )


def artanh(degree: int) -> Wanted:
    """Fit the logit's polynomial, its error relative to 2 artanh(s)."""
    return Wanted(
        _artanh, lambda t: mp.sqrt(t) ** 3 / (2 * mp.atanh(mp.sqrt(t))), (0.0, _QUOTIENT), degree
    )


def fit(wanted: Wanted, precision: int) -> tuple[list[float], float]:
    """Return the coefficients, the highest first, and the logarithm to base 2 of the error."""
    with mp.workdps(60):
        grid = _Grid(wanted)
        fixed: list[mp.mpf] = [] if wanted.first is None else [mp.mpf(wanted.first)]
        while len(fixed) < min(4, grid.size - 1):
            fixed.append(_round(grid.fit(fixed)[len(fixed)], precision))
        coefficients = [_round(a, precision) for a in grid.fit(fixed)]
        error = max(abs(e) for e in grid.errors(coefficients, grid.weights))
        return [float(a) for a in reversed(coefficients)], float(mp.log(error, 2))


class _Grid:
    """The function and its weight on a fine grid of Chebyshev's nodes."""

    def __init__(self, wanted: Wanted) -> None:
        self.size = wanted.degree + 1
        low, high = wanted.interval
        count = 24 * self.size
        angles = (mp.pi * (2 * i + 1) / (2 * count) for i in range(count))
        self.points = [(low + high) / 2 - (high - low) / 2 * mp.cos(a) for a in angles]
        self.weights = [abs(wanted.weight(x)) for x in self.points]
        self.values = [wanted.function(x) for x in self.points]

    def errors(self, coefficients: list[mp.mpf], weights: list[mp.mpf]) -> list[mp.mpf]:
        return [
            w * (mp.polyval(coefficients[::-1], x) - y)
            for x, w, y in zip(self.points, weights, self.values, strict=True)
        ]

    def fit(self, fixed: list[mp.mpf]) -> list[mp.mpf]:
        """Return all coefficients, the lowest first, of which the first ones are given."""
        free = self.size - len(fixed)
        # The polynomial fits (function - fixed terms)/x^k, which is not 0 at 0. The weight takes
        # the sign of x^k, so that the errors alternate.
        weights = [
            -w if x < 0 and len(fixed) % 2 else w
            for x, w in zip(self.points, self.weights, strict=True)
        ]
        last = len(self.points) - 1
        nodes = [round(last * (1 - mp.cos(mp.pi * i / free)) / 2) for i in range(free + 1)]
        coefficients: list[mp.mpf] = []
        for _ in range(20):
            matrix, right = mp.matrix(free + 1), mp.matrix(free + 1, 1)
            for row, node in enumerate(nodes):
                x, w = self.points[node], weights[node]
                for column in range(free):
                    matrix[row, column] = w * x ** (column + len(fixed))
                matrix[row, free] = (-1) ** row
                right[row] = w * (self.values[node] - mp.polyval(fixed[::-1], x))
            solution = mp.lu_solve(matrix, right)
            coefficients = fixed + [solution[i] for i in range(free)]
            found = _extrema(self.errors(coefficients, weights), free + 1)
            if found == nodes:
                break
            nodes = found
        return coefficients


def _extrema(errors: list[mp.mpf], count: int) -> list[int]:
    """Return where the error is largest on each run of one sign, `count` runs side by side."""
    runs: list[int] = []
    for i, error in enumerate(errors):
        if runs and (errors[runs[-1]] < 0) == (error < 0):
            if abs(error) > abs(errors[runs[-1]]):
                runs[-1] = i
        else:
            runs.append(i)
    while len(runs) > count:
        # Drop the smallest one, and a neighbour if it is not an end: signs still alternate.
        sizes = [abs(errors[i]) for i in runs]
        ends = (0, len(runs) - 1)
        if len(runs) == count + 1:
            runs.pop(min(ends, key=sizes.__getitem__))
            continue
        least = sizes.index(min(sizes))
        runs.pop(least)
        if least not in ends:
            runs.pop(least - 1 if sizes[least - 1] < sizes[least + 1] else least)
    return runs


def _round(x: mp.mpf, precision: int) -> mp.mpf:
    with mp.workprec(precision):
        return +x


def log2_parts(bits: int, precision: int) -> list[float]:
    """Return log 2 in three parts: `bits` bits, a number of the dtype, and what they lack."""
    with mp.workdps(60):
        high = _round(mp.log(2), bits)
        middle = _round(mp.log(2) - high, precision)
        low = _round(mp.log(2) - high - middle, precision)
        return [float(x) for x in (high, middle, low)]


# The precision of each Spec, the bits of the first part of log 2, and its polynomials. FLUSHED has
# the others of FLOAT32.
WANTED = {
    "FLOAT32": (24, 15, {"exp": exponential(5), "log": logarithm(10), "artanh": artanh(3)}),
    "FLUSHED": (24, 15, {"artanh": artanh_of_half(5)}),
    "FLOAT64": (53, 42, {"exp": exponential(10), "log": logarithm(20), "artanh": artanh(9)}),
    "WIDE": (53, 42, {"exp": exponential(6), "log": logarithm(12), "artanh": artanh(5)}),
}


def main() -> None:
    """Print the constants."""
    for name, (precision, bits, polynomials) in WANTED.items():
        print(f"{name}: log 2 = " + " + ".join(x.hex() for x in log2_parts(bits, precision)))
        for kind, wanted in polynomials.items():
            _show(kind, wanted, precision)


def _show(kind: str, wanted: Wanted, precision: int) -> None:
    coefficients, error = fit(wanted, precision)
    print(f"    {kind}=(  # 2^{error:.1f}")
    print("".join(f"        {a!r},\n" for a in coefficients) + "    ),")


if __name__ == "__main__":
    main()
