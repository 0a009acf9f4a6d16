"""The record of each function, from which every check takes what is known of it.

A formula of exact values takes a number of mpmath and mpmath's own functions, ``f(x, mp)``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, log
from typing import Any

import numpy as np

Array = Any
Exact = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Curve:
    """The values of a function, or of its derivative.

    Attributes
    ----------
    exact : callable
        The value at a number of mpmath, right up to the last `lost` bits of the precision.
    wide : callable
        The values at an array of a wider dtype, each right to a few units there.
    special : dict of float to float
        The values that are exact or limits; others are irrational, or no tie.
    definition : callable, optional
        The textbook formula at a number of mpmath, cancellation included.
    lost : int
        Bits that `exact` may lose.
    worst : dict of str to callable
        Formulas that are evaluated in the dtype itself to find inputs where these are worst.
    """

    exact: Exact
    wide: Callable[[Array], Array]
    special: dict[float, float] = field(default_factory=dict)
    definition: Exact | None = None
    lost: int = 8
    worst: dict[str, Callable[[Array], Array]] = field(default_factory=dict)


@dataclass(frozen=True)
class Function:
    """Everything that a check needs to know of a function.

    Attributes
    ----------
    name : str
        The name of its implementations.
    domain : tuple of float
        Where it and its derivative are numbers or infinities; they are NaN elsewhere.
    value, derivative : Curve
        Values, and those of the derivative.
    second : callable
        The second derivative at a number of mpmath, and the scale of its terms.
    range : tuple of float
        Least and greatest value.
    increasing : bool
        Whether the values grow with the inputs.
    inverse : str
        The function that leads back, if it is well-conditioned.
    back_from : tuple of float
        The inputs that it leads back to.
    complex : callable, optional
        The value at a complex number of mpmath.
    examples : tuple
        Inputs, their results to four decimals as documented, and eps, if any.
    textbook : callable, optional
        The textbook formula, on NumPy.
    middle : tuple
        The borders and the name of the interval that errors are reported by, between two tails.
    centres : callable
        Inputs where formulas change or results leave a format, whose neighbours are tried.
    stretched : tuple
        Intervals of plots, ``(first, last, origin)``: stretched next to their origin, an end.
    interval : tuple of float
        Beyond it, float32 results are constant, or the input.
    subnormal_results : int
        The sign of the inputs whose results are subnormal; 0 where such inputs are the matter.
    """

    name: str
    domain: tuple[float, float]
    value: Curve
    derivative: Curve
    second: Callable[[Any, Any], tuple[Any, Any]]
    range: tuple[float, float] = (-inf, inf)
    increasing: bool = False
    inverse: str = ""
    back_from: tuple[float, float] = (-inf, inf)
    complex: Exact | None = None
    examples: tuple[tuple[Any, ...], ...] = ()
    textbook: Callable[..., Array] | None = None
    middle: tuple[float, float, str] = (-1.0, 1.0, "next to 0")
    centres: Callable[[Any], list[float]] = lambda form: [0.0]
    stretched: tuple[tuple[float, float, float], ...] = ()
    interval: tuple[float, float] = (-104.0, 104.0)
    subnormal_results: int = 0

    @property
    def samples(self) -> tuple[float, ...]:
        """A few inputs that every dtype has, whose results differ."""
        first, last = self.domain
        if (first, last) == (0, 1):
            return (0.125, 0.25, 0.375, 0.625, 0.75, 0.875, 0.96875)
        some = (-6.0, -3.0, -0.75, -0.6875, -0.25, 0.25, 0.75, 3.0, 6.0)
        return tuple(x for x in some if first < x < last)

    @property
    def far_apart(self) -> tuple[float, ...]:
        """Inputs next to the ends of the domain, and between."""
        first, last = self.domain
        if (first, last) == (0, 1):
            return (1e-6, 0.01, 0.25, 0.3, 0.5, 0.625, 0.99)
        some = (-80.0, -20.0, -1.0, -0.6875, -0.5, -1e-3, 0.0, 0.5, 1.0, 20.0, 80.0)
        return tuple(x for x in some if first < x < last)


FUNCTIONS: dict[str, Function] = {}
"""The records by name; functions that `register` adds are checked like ours."""


def register(function: Function) -> Function:
    """Add a function to those that are known."""
    if function.name in FUNCTIONS:
        raise ValueError(f"two functions are called {function.name}")
    FUNCTIONS[function.name] = function
    return function


_DERIVATIVE = "_derivative"


def function_of(name: str) -> Function:
    """Return the record of a function, by its name or that of its derivative."""
    return FUNCTIONS[name.removesuffix(_DERIVATIVE)]


def curve_of(name: str) -> Curve:
    """Return the values of a function, or of its derivative where the name says that."""
    function = function_of(name)
    return function.derivative if name.endswith(_DERIVATIVE) else function.value


def derivatives() -> tuple[str, ...]:
    """Return the names of all derivatives."""
    return tuple(f"{name}{_DERIVATIVE}" for name in FUNCTIONS)


def curves() -> tuple[str, ...]:
    """Return the names of all functions and derivatives."""
    return (*FUNCTIONS, *derivatives())


# Formulas that several functions share.

_UNIT = {
    "domain": (0, 1),
    "middle": (0.25, 0.75, "next to 0.5"),
    "centres": lambda form: [0.25, 0.5, 0.75, 1.0],
    "stretched": ((0, 0.25, 0), (0.25, 0.5, 0.5), (0.5, 0.75, 0.5), (0.75, 1, 1)),
    "interval": (0.0, 1.0),
}


def _line_centres(form: Any) -> list[float]:
    # Where expit is 0.25, 0.5, 0.75; where it rounds to 1; where exp(x) overflows, is subnormal,
    # is 0.
    edges = [0.0, log(3), (form.digits + 2) * log(2), (form.highest + 1) * log(2)]
    edges += [-form.lowest * log(2), (form.digits + 1 - form.lowest) * log(2)]
    return [*edges, *(-edge for edge in edges)]


_LINE = {"domain": (-inf, inf), "centres": _line_centres}


def _slope(x: Any, mp: Any) -> Any:
    t = mp.exp(-abs(x))
    return t / (1 + t) ** 2


# logit


def _exact_logit(x: Any, mp: Any) -> Any:
    return mp.log1p((2 * x - 1) / (1 - x)) if 0.25 < x < 0.75 else mp.log(x / (1 - x))


def _wide_logit_derivative(x: Array) -> Array:
    inside = (x >= 0) & (x <= 1)
    return np.where(inside, 1 / np.abs(x * (1 - x)), np.nan)  # of -0, +inf


def _compensated_logit(x: Array) -> Array:
    w, t = 2 * (1 - x), 2 * x
    return np.log(t) - (np.log(w) - ((w - 1) - (1 - t)) * t)


def textbook_logit(input: Array, eps: Any = None) -> Array:
    """Return log(x / (1 - x)), of x between eps and 1 - eps."""
    if eps:
        input = np.clip(input, eps, 1 - eps)
    return np.log(input / (1 - input))


register(
    Function(
        "logit",
        value=Curve(
            _exact_logit,
            # Both logarithms have the same sign, and vanish where the result does.
            lambda x: np.log(2 * x) - np.log1p(1 - 2 * x),
            {0.0: -inf, 0.5: 0.0, 1.0: inf},
            lambda x, mp: mp.log(x / (1 - x)),
            worst={
                "log(x/(1-x))": lambda x: np.log(x / (1 - x)),
                "log(2x) - log(2(1-x)), compensated": _compensated_logit,
            },
        ),
        derivative=Curve(
            lambda x, mp: 1 / (x * (1 - x)),
            _wide_logit_derivative,
            {0.0: inf, 0.5: 4.0, 1.0: inf},
            lambda x, mp: 1 / x + 1 / (1 - x),
            worst={"1/x + 1/(1-x)": lambda x: 1 / x + 1 / (1 - x)},
        ),
        second=lambda x, mp: (1 / (1 - x) ** 2 - 1 / x**2, 1 / (1 - x) ** 2 + 1 / x**2),
        examples=(
            ([0.2, 0.5, 0.8], [-1.3863, 0.0, 1.3863]),
            ([0.0, 1.0], [-inf, inf]),
            ([0.0, 1.0], [-13.8155, 13.8023], 1e-6),
        ),
        increasing=True,
        inverse="expit",
        back_from=(1e-30, 1),
        complex=lambda z, mp: mp.log(z / (1 - z)),
        textbook=textbook_logit,
        **_UNIT,
    )
)

# expit


def _wide_expit(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))  # 0 only where the result is, in the narrower dtype


def _wide_expit_derivative(x: Array) -> Array:
    t = np.exp(-np.abs(x))
    return t / (1 + t) ** 2


def _two_sided_expit(x: Array) -> Array:
    t = np.exp(-np.abs(x))
    q = t / (1 + t)
    return np.where(x < 0, q, 1 - q)


def _multiplied_expit_derivative(x: Array) -> Array:
    t = np.exp(-np.abs(x))
    return t / (1 + t * (2 + t))


def textbook_expit(input: Array) -> Array:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-input))


register(
    Function(
        "expit",
        value=Curve(
            lambda x, mp: 1 / (1 + mp.exp(-x)),
            _wide_expit,
            {-inf: 0.0, 0.0: 0.5, inf: 1.0},
            lambda x, mp: 1 / (1 + mp.exp(-x)),
            worst={
                "1/(1+exp(-x))": lambda x: 1 / (1 + np.exp(-x)),
                "t/(1+t), t = exp(-|x|)": _two_sided_expit,
            },
        ),
        derivative=Curve(
            _slope,
            _wide_expit_derivative,
            {-inf: 0.0, 0.0: 0.25, inf: 0.0},
            lambda x, mp: mp.exp(-x) / (1 + mp.exp(-x)) ** 2,
            worst={"t/(1+t(2+t)), t = exp(-|x|)": _multiplied_expit_derivative},
        ),
        second=lambda x, mp: (-_slope(x, mp) * mp.tanh(x / 2), _slope(x, mp)),
        range=(0, 1),
        examples=(([-log(4), 0.0, log(4)], [0.2, 0.5, 0.8]),),
        increasing=True,
        complex=lambda z, mp: 1 / (1 + mp.exp(-z)),
        textbook=textbook_expit,
        subnormal_results=-1,
        **_LINE,
    )
)

# log_expit


def _exact_log_expit(x: Any, mp: Any) -> Any:
    return min(x, 0) - mp.log1p(mp.exp(-abs(x)))


def textbook_log_expit(input: Array) -> Array:
    """Return log(expit(x))."""
    return np.log(textbook_expit(input))


register(
    Function(
        "log_expit",
        value=Curve(
            _exact_log_expit,
            lambda x: -(np.maximum(-x, 0) + np.log1p(np.exp(-np.abs(x)))),
            # The limit from below, and what -exp(-x) underflows to before it.
            {-inf: -inf, inf: -0.0},
            lambda x, mp: mp.log(1 / (1 + mp.exp(-x))),
            worst={
                "min(x,0) - log1p(exp(-|x|))": lambda x: (
                    np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))
                )
            },
        ),
        derivative=Curve(
            lambda x, mp: 1 / (1 + mp.exp(x)),
            lambda x: _wide_expit(-x),
            {-inf: 1.0, 0.0: 0.5, inf: 0.0},
            lambda x, mp: 1 / (1 + mp.exp(x)),
            worst={"1/(1+exp(x))": lambda x: 1 / (1 + np.exp(x))},
        ),
        second=lambda x, mp: (-_slope(x, mp), _slope(x, mp)),
        range=(-inf, 0),
        examples=(([-1000.0, 0.0, 3.0], [-1000.0, -0.6931, -0.0486]),),
        increasing=True,
        inverse="logit_exp",
        back_from=(-30, 8),
        textbook=textbook_log_expit,
        subnormal_results=1,
        **_LINE,
    )
)

# logit_exp


def _plus_log_2(x: Array) -> Array:
    # Exact to a hundred digits next to -log 2, where each of the sums is.
    for i, digit in enumerate((0xB17217F7, 0xD1CF79AB, 0xC9E3B398, 0x03F2F6AF), 1):
        x = x + np.ldexp(x.dtype.type(digit), -32 * i)
    return x


def _wide_logit_exp(x: Array) -> Array:
    # With h = x + log 2 the result is h - log(2 - exp(h)), whose terms have opposite signs and
    # both vanish at -log 2.
    h = _plus_log_2(x)
    crossing = h - np.log1p(-np.expm1(h))
    return np.where(x < -0.35, crossing, x - np.log(-np.expm1(x)))


def _wide_logit_exp_derivative(x: Array) -> Array:
    return np.where(x <= 0, 1 / np.abs(np.expm1(x)), np.nan)  # of 0, +inf


def _logit_exp_centres(form: Any) -> list[float]:
    # Results turn at -log 2, and become the input itself when exp(l) vanishes.
    return [log(0.25), -log(2), log(0.75), 0.0, -1.0, -(form.digits + 2) * log(2)]


def textbook_logit_exp(input: Array) -> Array:
    """Return logit(exp(l))."""
    return textbook_logit(np.exp(input))


register(
    Function(
        "logit_exp",
        domain=(-inf, 0),
        value=Curve(
            lambda x, mp: x - mp.log(-mp.expm1(x)),
            _wide_logit_exp,
            {-inf: -inf, 0.0: inf},
            lambda x, mp: mp.log(mp.exp(x) / (1 - mp.exp(x))),
            # Its logarithm of 1 + (l + log 2) cancels 65, as no number of up to 64 bits is nearer
            # to -log 2 than that.
            lost=72,
            worst={"x - log(-expm1(x))": lambda x: x - np.log(-np.expm1(x))},
        ),
        derivative=Curve(
            lambda x, mp: -1 / mp.expm1(x),
            _wide_logit_exp_derivative,
            {-inf: 1.0, 0.0: inf},
            lambda x, mp: 1 / (1 - mp.exp(x)),
            worst={"-1/expm1(x)": lambda x: -1 / np.expm1(x)},
        ),
        second=lambda x, mp: (mp.exp(x) / mp.expm1(x) ** 2,) * 2,
        increasing=True,
        inverse="log_expit",
        back_from=(-inf, -1e-30),
        examples=(([-1000.0, -1.0, -1e-20], [-1000.0, -0.5413, 46.0517]),),
        textbook=textbook_logit_exp,
        middle=(-1.0, -0.5, "next to -log 2"),
        centres=_logit_exp_centres,
        stretched=((-1, -log(2), -log(2)), (-log(2), -0.5, -log(2)), (-0.5, 0, 0)),
        interval=(-104.0, 0.0),
    )
)

# The log-Jacobians


def textbook_logit_log_jacobian(input: Array) -> Array:
    """Return -log(x (1 - x))."""
    return -np.log(input * (1 - input))


register(
    Function(
        "logit_log_jacobian",
        value=Curve(
            lambda x, mp: -(mp.log(x) + mp.log1p(-x)),
            lambda x: -(np.log(x) + np.log1p(-x)),
            {0.0: inf, 1.0: inf},
            lambda x, mp: mp.log(1 / (x * (1 - x))),
            worst={"-log(x) - log1p(-x)": lambda x: -np.log(x) - np.log1p(-x)},
        ),
        derivative=Curve(
            lambda x, mp: (2 * x - 1) / (x * (1 - x)),
            lambda x: (2 * x - 1) * _wide_logit_derivative(x),
            {0.0: -inf, 0.5: 0.0, 1.0: inf},
            lambda x, mp: 1 / (1 - x) - 1 / x,
            worst={"1/(1-x) - 1/x": lambda x: 1 / (1 - x) - 1 / x},
        ),
        second=lambda x, mp: (1 / x**2 + 1 / (1 - x) ** 2,) * 2,
        range=(0, inf),
        examples=(([0.0, 0.2, 0.5], [inf, 1.8326, 1.3863]),),
        textbook=textbook_logit_log_jacobian,
        **_UNIT,
    )
)


def textbook_expit_log_jacobian(input: Array) -> Array:
    """Return log(expit(x) expit(-x))."""
    return np.log(textbook_expit(input) * (1 - textbook_expit(input)))


register(
    Function(
        "expit_log_jacobian",
        value=Curve(
            lambda x, mp: _exact_log_expit(x, mp) + _exact_log_expit(-x, mp),
            lambda x: -(np.abs(x) + 2 * np.log1p(np.exp(-np.abs(x)))),
            {-inf: -inf, inf: -inf},
            lambda x, mp: mp.log(mp.exp(-x) / (1 + mp.exp(-x)) ** 2),
            worst={
                "-|x| - 2 log1p(exp(-|x|))": lambda x: (
                    -np.abs(x) - 2 * np.log1p(np.exp(-np.abs(x)))
                )
            },
        ),
        derivative=Curve(
            lambda x, mp: -mp.tanh(x / 2),
            lambda x: 0 - np.tanh(x / 2),  # +0 at 0
            {-inf: 1.0, 0.0: 0.0, inf: -1.0},
            lambda x, mp: (1 - mp.exp(x)) / (1 + mp.exp(x)),
            worst={"-tanh(x/2)": lambda x: -np.tanh(x / 2)},
        ),
        second=lambda x, mp: (-2 * _slope(x, mp), 2 * _slope(x, mp)),
        range=(-inf, 0),
        examples=(([-1000.0, 0.0, 3.0], [-1000.0, -1.3863, -3.0972]),),
        textbook=textbook_expit_log_jacobian,
        subnormal_results=1,
        **_LINE,
    )
)
