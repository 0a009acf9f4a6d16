"""Faults to put into the package, each with the test that must reject it.

Loaded as a pytest plugin (``-p tests.mutants``) with the name of one in ``MUTANT``.
"""

import os
from dataclasses import replace

import numpy as np

from arraylogit import (
    _expit,
    _expit_log_jacobian,
    _inputs,
    _log_expit,
    _logit,
    _logit_exp,
    _logit_log_jacobian,
)
from arraylogit._strategies import _direct, _numpy


def naive_formula():
    _logit._LOGIT = replace(_logit._LOGIT, formula=_logit._wide_formula)


def formula_that_overflows():
    _expit._EXPIT = replace(_expit._EXPIT, wide_formula=lambda x, xp: xp.exp(x) / (1 + xp.exp(x)))


def logarithm_of_expit():
    def formula(x, xp):
        return xp.log(1 / (1 + xp.exp(-x)))

    record = replace(_log_expit._LOG_EXPIT, formula=formula, wide_formula=formula)
    _log_expit._LOG_EXPIT = record


def logit_of_the_exponential():
    def formula(x, xp):
        p = xp.exp(x)
        return xp.log(p / (1 - p))

    _logit_exp._LOGIT_EXP = replace(_logit_exp._LOGIT_EXP, formula=formula, wide_formula=formula)


def log_2_in_one_part():
    _logit_exp._plus_log_2 = lambda x: x + _logit_exp._LOG_2


def logarithm_of_the_slope_of_expit():
    def formula(x, xp):
        return xp.log(_expit._derivative(x, xp))

    record = replace(_expit_log_jacobian._EXPIT_LOG_JACOBIAN, formula=formula)
    _expit_log_jacobian._EXPIT_LOG_JACOBIAN = replace(record, wide_formula=formula)


def slope_of_the_other_sign():
    record, old = _logit_log_jacobian._LOGIT_LOG_JACOBIAN, _logit_log_jacobian._derivative
    changed = replace(record, derivative=lambda x, xp: -old(x, xp))
    _logit_log_jacobian._LOGIT_LOG_JACOBIAN = changed


def _continued(module, record, formula):
    continuation = replace(
        getattr(module, record).continuation, formula=formula, wide_formula=formula
    )
    setattr(module, record, replace(getattr(module, record), continuation=continuation))


def textbook_logit_of_complex_numbers():
    _continued(_logit, "_LOGIT", lambda z, xp: xp.log(z / (1 - z)))


def textbook_expit_of_complex_numbers():
    _continued(_expit, "_EXPIT", lambda z, xp: 1 / (1 + xp.exp(-z)))


def zeros_of_a_side_lose_their_sign():
    formula = _logit._complex_formula
    _continued(_logit, "_LOGIT", lambda z, xp: formula(xp.real(z) + 1j * (xp.imag(z) + 0.0), xp))


def gradient_without_its_conjugate():
    from arraylogit._strategies import _torch

    def backward(ctx, gradient):
        return _torch._from_context(ctx, gradient), None, None, None, None

    _torch._PointwiseUntransformed.backward = staticmethod(backward)


def y_times_1_minus_y():
    def derivative(x, xp):
        y = _expit._formula(x, xp)
        return y * (1 - y)

    _expit._EXPIT = replace(_expit._EXPIT, derivative=derivative)


def derivative_without_domain():
    _logit._LOGIT = replace(_logit._LOGIT, derivative=lambda x, xp: 1 / x + 1 / (1 - x))


def slope_cut_at_the_bounds():
    def slope(self, x, bounds, xp):
        d = self.derivative(x, xp)
        return xp.where((x <= bounds[0]) | (x >= bounds[1]), 0.0, d) if bounds else d

    type(_logit._LOGIT).slope = slope


def eps_0_is_none():
    choose = _inputs.choose_bounds
    _inputs.choose_bounds = lambda *arguments: choose(*arguments) if arguments[-1] else None


def bound_rounded_to_1():
    _inputs._bounds = lambda eps, limits: _direct.Bounds(max(eps, limits.smallest), 1 - eps)


def bound_underflown_to_0():
    _inputs._bounds = lambda eps, limits: _direct.Bounds(eps, min(1 - eps, limits.below_one))


def bounds_of_float64():
    evaluate = _numpy.NumPy.evaluate

    def wider(self, function, x, dtypes, bounds, out):
        return evaluate(self, function, x.astype("float64"), dtypes, bounds, out)

    _numpy.NumPy.evaluate = wider
    _numpy.NumPy.limits = lambda self, x, computing: _direct.Limits(float, 5e-324, 1 - 2**-53)


def eps_not_checked():
    choose = _inputs.choose_bounds
    _inputs.choose_bounds = lambda *arguments: choose(*arguments[:-1], min(arguments[-1], 0.5))


def nan_swallowed_by_the_clamp():
    _numpy.np.clip = lambda x, lower, upper: np.fmin(np.fmax(x, lower), upper)


def default_dtype_is_float64():
    def dtypes(self, x):
        return _direct.Dtypes(self.xp.float64, self.xp.float64)

    _direct.Direct.dtypes = dtypes


def halves_computed_as_they_are():
    _numpy.NumPy.dtypes = lambda self, x: _direct.Dtypes(x.dtype, x.dtype)
    _numpy.NumPy.evaluate = lambda self, function, x, *_: function.formula(x, np)


def out_written_before_it_is_checked():
    check = _inputs.check_out

    def late(function, strategy, x, dtypes, out):
        out[...] = 0
        check(function, strategy, x, dtypes, out)

    _inputs.check_out = late


def overlap_not_seen():
    nditer = np.nditer

    def careless(operands, flags, **options):
        return nditer(operands, flags=[f for f in flags if f != "copy_if_overlap"], **options)

    _numpy.np.nditer = careless


def warnings_let_through():
    from contextlib import nullcontext

    _numpy.np.errstate = lambda **_: nullcontext()


REJECTED_BY = {
    naive_formula: "test_accuracy.py::test_within_the_bound[logit-float64-numpy]",
    formula_that_overflows: "test_values.py::test_special_values[numpy-expit-alone]",
    logarithm_of_expit: "test_values.py::test_special_values[numpy-log_expit-alone]",
    logit_of_the_exponential: "test_values.py::test_subnormals[numpy]",
    log_2_in_one_part: "test_accuracy.py::test_within_the_bound[logit_exp-float64-numpy]",
    logarithm_of_the_slope_of_expit: "test_values.py::test_special_values[numpy-expit_log_jacobian"
    "-alone]",
    slope_of_the_other_sign: "test_derivatives.py::test_table[torch-backward-logit_log_jacobian"
    "-None-0.25",
    textbook_logit_of_complex_numbers: "test_complex.py::test_accuracy[numpy-logit-complex128]",
    textbook_expit_of_complex_numbers: "test_complex.py::test_accuracy[numpy-expit-complex128]",
    zeros_of_a_side_lose_their_sign: "test_complex.py::test_sides_of_the_cuts_and_branch_points"
    "[numpy]",
    gradient_without_its_conjugate: "test_complex.py::test_torch[logit]",
    y_times_1_minus_y: "test_derivatives.py::test_table[torch-backward-expit-None-80.0",
    derivative_without_domain: "test_derivatives.py::test_table[torch-backward-logit-None-1.5",
    slope_cut_at_the_bounds: "test_derivatives.py::test_table[jax-grad-logit-0.25-0.25",
    eps_0_is_none: "test_eps.py::test_bounds_are_those_of_the_computing_dtype[numpy-0.0",
    bound_rounded_to_1: "test_eps.py::test_positive_eps_means_finite[numpy-1e-20]",
    bound_underflown_to_0: "test_eps.py::test_positive_eps_means_finite[numpy-1e-50]",
    bounds_of_float64: "test_eps.py::test_bounds_are_those_of_the_computing_dtype[numpy-1e-30",
    eps_not_checked: "test_eps.py::test_refused[numpy-0.51",
    nan_swallowed_by_the_clamp: "test_eps.py::test_bounds_are_those_of_the_computing_dtype[numpy",
    default_dtype_is_float64: "test_values.py::test_dtypes[strict-2025.12-no_float64-logit-int32",
    halves_computed_as_they_are: "test_values.py::test_half_precision_is_rounded_once[numpy",
    out_written_before_it_is_checked: "test_out.py::test_dtypes[numpy-logit-float32-int32",
    overlap_not_seen: "test_out.py::test_partial_overlap[numpy-3-300000]",
    warnings_let_through: "test_values.py::test_silence[numpy-logit]",
}


def pytest_configure():
    (mutate,) = [f for f in REJECTED_BY if f.__name__ == os.environ["MUTANT"]]
    mutate()


def pytest_collection_modifyitems(items):
    chosen = REJECTED_BY[next(f for f in REJECTED_BY if f.__name__ == os.environ["MUTANT"])]
    items[:] = [item for item in items if item.nodeid.removeprefix("tests/").startswith(chosen)]
