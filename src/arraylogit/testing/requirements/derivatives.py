"""Derivatives: forward and reverse, first and second, with and without eps."""

from functools import partial

import mpmath
import numpy as np

from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.backends import dtype_of
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.registry import accepted, describe, nowhere, requirement, says_something
from arraylogit.testing.requirements.accuracy import measure_errors
from arraylogit.testing.requirements.special_values import same
from arraylogit.testing.subject import COMMON

INF, NAN = np.inf, np.nan


def check(subject, x, expected, order=1, **options):
    """Assert derivatives in every mode and in float32 and float64; special ones exactly."""
    for dtype in wide_enough(subject):
        xs, ys = np.asarray(x, dtype), np.asarray(expected, dtype)
        for mode in subject.backend.modes:
            y = subject.derivative(xs, order, mode, **options)
            wrong = ~measure.same_special(y, np.abs(ys) if (ys == 0).all() else ys) & (ys != 0)
            wrong |= (ys == 0) & (y != 0)
            wrong |= np.isfinite(ys) & ~np.isclose(y, ys, rtol=8 * np.finfo(dtype).eps, atol=0)
            nowhere(wrong, y, xs, ys, f"{dtype.name} {mode}{options or ''}", "at")


def wide_enough(subject):
    """Return float32 and float64, or float32 where each takes seconds to compile."""
    wide = [d for d in subject.dtypes if d.itemsize >= 4]
    return wide if "cheap" in subject.features else wide[:1]


for name in ("float32", "float64"):
    requirement(
        f"derivative/reverse-{name}",
        f"The derivative, by reverse mode in {name}, has an error of at most 3 ULP "
        "(`budgets.toml`).",
        needs=f"derivative {name}",
    )(partial(measure_errors, dtype=dtype_of(name), mode="reverse"))


@requirement(
    "derivative/reverse-half",
    "The derivative in float16 and bfloat16 is computed in float32 and rounded once.",
    needs="derivative float16 cheap",
)
def reverse_half(subject):
    for dtype in (d for d in subject.dtypes if d.itemsize < 4):
        x = subject.backend.asarray(np.ones(COMMON, dtype))
        y = subject.backend.derivative(subject.transformed(), x, 1, "reverse")
        got = subject.backend.dtype_name(y)
        assert got == dtype.name, f"{got} for {dtype.name}"
        measure_errors(subject, dtype, "reverse")


@requirement(
    "derivative/tail",
    "expit′ does not vanish before it underflows: at ±20 it is 2.06e−9, in float32 as well.",
    "expit log_expit",
    "derivative",
)
def tail(subject):
    x = [20.0, 80.0] if subject.function == "log_expit" else [20.0, -20.0, 80.0, -80.0]
    check(subject, x, [float(reference.exact(f"{subject.function}_derivative", v)) for v in x])


@requirement(
    "derivative/special",
    "logit′ is +∞ at ±0 and 1 and exactly 4 at 0.5; expit′ is exactly 0.25 at 0, and 0 at ±∞; the "
    "others are their limits.",
    needs="derivative",
)
def special(subject):
    rows = inputs.special(f"{subject.function}_derivative")
    rows = [(x, y) for x, y in rows if not np.isnan(y)]
    check(subject, *zip(*rows, strict=True))


@requirement(
    "derivative/outside",
    "Where the value is NaN, outside the domain, so is the derivative.",
    lambda f: f.domain != (-INF, INF),
    "derivative",
)
def outside(subject):
    first, last = FUNCTIONS[subject.function].domain
    x = [x for x in (-INF, -3.0, 1e-3, 1.5, INF) if not first <= x <= last]
    check(subject, x, [NAN] * len(x))


@requirement("derivative/nan", "The derivative at NaN is NaN.", needs="derivative")
def nan(subject):
    check(subject, [NAN] * 3, [NAN] * 3)


@requirement(
    "derivative/modes",
    "Forward mode and reverse mode, also twice through a graph that is kept, give the same "
    "values, special ones too.",
    needs="derivative cheap",
)
def modes(subject):
    dtype = np.dtype(np.float32)
    x = np.concatenate([inputs.structured(subject.function, dtype, 2000), [-1, 2, INF, -INF, NAN]])
    x = x.astype(dtype)
    for chosen in subject.options(0.25):
        expected = subject.derivative(x, 1, subject.backend.modes[0], **chosen)
        for mode in subject.backend.modes[1:]:
            y = subject.derivative(x, 1, mode, **chosen)
            apart = measure.ulp_error(y, expected.astype(np.float64), dtype)
            assert apart.max() <= 2, (
                f"{y[np.argmax(apart)]} and {expected[np.argmax(apart)]} at {x[np.argmax(apart)]}"
                f" ({mode}, {subject.backend.modes[0]}{chosen or ''})"
            )


@requirement(
    "derivative/clamped",
    "With eps, the derivative outside [eps, 1 − eps] is 0, also outside [0, 1] and at ±∞.",
    "logit",
    "derivative eps",
)
def clamped(subject):
    x = [-INF, -3.0, 0.0, 0.125, 0.875, 1.0, 3.0, INF]
    check(subject, x, [0.0] * len(x), eps=0.25)


@requirement(
    "derivative/at-bound",
    "At exactly eps and 1 − eps, as rounded to the dtype computed in, the derivative is the full "
    "one, at the next number beyond it is 0; in every dtype, 16 bits too.",
    "logit",
    "derivative eps",
)
def at_bound(subject):
    check(subject, [0.25, 0.75], [16 / 3, 16 / 3], eps=0.25)
    for dtype in subject.kinds:
        for eps in (0.1, 0.35, 1e-3) if not subject.compiles else (0.1,):
            x = _about(eps, dtype)
            expected = reference.rounded("logit_derivative", x, eps=eps)
            for mode in subject.backend.modes:
                y = subject.derivative(x, 1, mode, eps=eps)
                wrong = measure.ulp_error(y, expected, dtype) > bound(subject, dtype) + 0.5
                wrong |= (y == 0) != (expected == 0)
                nowhere(wrong, y, x, expected, f"{dtype.name} {mode} eps={eps}", "at")


def _about(eps, dtype):
    # The numbers of a dtype about the two bounds, and one inside.
    middles = [inputs.keys(dtype, float(b), float(b))[0] for b in reference.bounds(eps, dtype)]
    return inputs.at(dtype, np.asarray([m + i for m in middles for i in (-2, -1, 0, 1, 2)]))


def bound(subject, dtype):
    """Return the error allowed of a derivative."""
    return subject.bound(dtype, "derivative")


WEIGHTS = np.asarray([0.5, 2.0, -1.0, 64.0, -0.25, 1.0, -8.0])


@requirement(
    "derivative/chain",
    "The incoming gradient, or tangent, is multiplied with the derivative, element by element: "
    "that of w f(w x) is w² f′(w x). With eps too.",
    needs="derivative",
)
def chain(subject):
    for dtype in subject.kinds:
        at = inputs.inside(subject.function, dtype)
        weights = WEIGHTS.astype(dtype)
        w = subject.backend.asarray(weights)
        x = subject.backend.asarray(at / weights)
        for chosen in subject.options(0.25):
            f = subject.transformed(**chosen)
            slopes = _exact(f"{subject.function}_derivative", at, **chosen)
            expected = weights.astype(np.float64) ** 2 * slopes
            for mode in subject.backend.modes:
                y = subject.backend.derivative(lambda x, f=f, w=w: w * f(w * x), x, 1, mode)
                y = subject.backend.to_numpy(y)
                wrong = measure.ulp_error(y, expected, dtype) > bound(subject, dtype) + 0.5
                where = f"{dtype.name} {mode}{chosen or ''}, weighted {describe(weights[wrong])}"
                nowhere(wrong, y, at, expected, where, "at")


@requirement(
    "derivative/layout",
    "The derivative is the same in any number of axes or none, in any layout of memory and at any "
    "place of 200,003 numbers; with eps, and in 16 bits, too.",
    needs="derivative cheap",
)
def layout(subject):
    dtypes, modes = subject.dtypes, subject.backend.modes
    if subject.compiles:  # arrays without strides, which the other modes see as the first does
        dtypes, modes = subject.kinds, modes[:1]
    for dtype in dtypes:
        few = inputs.typical(subject.function, dtype, 60)
        for chosen in subject.options(0.25):
            f = subject.transformed(**chosen)
            for mode in modes:
                expected = subject.derivative(few, 1, mode, **chosen)
                says_something(expected)
                where = f"{dtype.name} {mode}{chosen or ''}"
                shapes = [(3, 4, 5), *([(200_003,)] if mode == modes[0] else [])]
                if not subject.compiles:
                    shapes.append(())
                for shape in shapes:
                    x = np.resize(few, shape)
                    y = subject.derivative(x, 1, mode, **chosen)
                    _alike(y, np.resize(expected, shape), x, f"shape {shape} {where}")
                if "views" not in subject.features:
                    continue
                places = np.arange(60, dtype=np.float64).reshape(3, 4, 5)
                by_place = zip(
                    subject.backend.layouts(few.reshape(3, 4, 5)),
                    subject.backend.layouts(places),
                    strict=True,
                )
                for (name, x, held), (_, _, place) in by_place:
                    if mode == "forward" and np.unique(held).size < held.size:
                        continue  # torch itself refuses elements that share memory there
                    y = subject.backend.to_numpy(subject.backend.derivative(f, x, 1, mode))
                    _alike(y, expected[place.astype(int)], held, f"{name} {where}")


def _alike(y, expected, x, where):
    assert y.shape == expected.shape, f"{y.shape}, not {expected.shape} ({where})"
    y, expected, x = y.ravel(), expected.ravel(), x.ravel()
    apart = measure.ulp_error(y, expected.astype(np.float64), x.dtype)
    worst = np.argmax(apart)
    assert apart[worst] <= 2, f"{y[worst]}, not {expected[worst]} at {x[worst]} ({where})"


@requirement(
    "derivative/nan-with-eps", "With eps, the derivative at NaN is NaN.", "logit", "derivative eps"
)
def nan_with_eps(subject):
    check(subject, [NAN] * 3, [NAN] * 3, eps=0.25)


@requirement(
    "derivative/eps-zero",
    "With eps=0, the derivative is +∞ at 0 and 1, and 0 outside.",
    "logit",
    "derivative eps cheap",
)
def eps_zero(subject):
    check(subject, [0.0, 1.0, -0.5, 1.5], [INF, INF, 0.0, 0.0], eps=0)


@requirement(
    "derivative/second",
    "The second derivatives of the function and, unless it is traced, of its square plus itself, "
    "whose incoming gradient varies, are right to 16 rounding errors of the larger of their "
    "terms.",
    needs="derivative second",
)
def second(subject):
    for dtype in (d for d in subject.dtypes if d.itemsize >= 4):
        x = np.asarray(FUNCTIONS[subject.function].far_apart, dtype)
        if not subject.compiles:  # another function would take seconds to compile
            f = partial(_with_its_square, subject.transformed())
            y = subject.backend.derivative(f, subject.backend.asarray(x), 2, mode="reverse")
            exact = _second_with_its_square(subject.function, x)
            _second_right(subject.backend.to_numpy(y), x, *exact, f"{dtype.name} f² + f")
        for mode in subject.backend.modes:
            y = subject.derivative(x, 2, mode)
            _second_right(y, x, *_second(subject.function, x), f"{dtype.name} {mode}")


def _second_right(y, x, exact, scale, where):
    wrong = ~(np.abs(y - exact) <= 16 * np.finfo(x.dtype).eps * scale)
    nowhere(wrong, y, x, exact, where, "at")


def _second(function, x):
    # The exact second derivative, and the larger of its terms.
    terms = [FUNCTIONS[function].second(mpmath.mpf(float(v)), mpmath.mp) for v in x]
    return np.asarray(terms, np.float64).T


def _with_its_square(f, x):
    y = f(x)
    return y * y + y


def _second_with_its_square(function, x):
    exact, scale = _second(function, x)
    y, slope = _exact(function, x), _exact(f"{function}_derivative", x)
    scale = 2 * slope**2 + (2 * np.abs(y) + 1) * scale
    return 2 * slope**2 + (2 * y + 1) * exact, scale


def _exact(function, x, **options):
    return np.asarray([float(reference.exact(function, v, **options)) for v in x])


@requirement(
    "derivative/second-clamped",
    "With eps, the second derivative is 0 outside [eps, 1 − eps], and that without eps inside.",
    "logit",
    "derivative second eps",
)
def second_clamped(subject):
    x = [-INF, -3.0, 0.0, 0.125, 0.875, 1.0, 3.0, INF]
    inside = 0.625**-2 - 0.375**-2
    check(subject, [*x, 0.375], [0.0] * len(x) + [inside], order=2, eps=0.25)


@requirement(
    "derivative/second-outside",
    "Where the value is NaN, so is the second derivative.",
    "logit",
    "derivative second",
)
def second_outside(subject):
    check(subject, [-1.0, 1.5, NAN], [NAN] * 3, order=2)


@requirement(
    "derivative/eps-constant",
    "eps is not differentiated: a derivative by it is 0 or refused.",
    "logit",
    "derivative eps cheap",
)
def eps_constant(subject):
    accepted(subject, eps=0.25)
    x = subject.backend.asarray(np.float32([0.0, 0.5, 1.0]))

    def of_eps(eps):
        return subject.call(x, eps=eps)

    eps = subject.backend.asarray(np.asarray(0.25, np.float32))
    try:
        y = subject.backend.derivative(of_eps, eps, 1, subject.backend.modes[-1])
    except (TypeError, ValueError, RuntimeError):
        return
    same(x, subject.backend.to_numpy(y), np.zeros(3, np.float32), "by eps")
