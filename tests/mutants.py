"""Faults to put into the package, each with the test that must reject it."""

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
    _threads,
)
from arraylogit._strategies import _direct, _numpy


def _everywhere(record, formula):
    return replace(record, formula=formula, eager_formula=formula, wide_formula=formula)


def naive_formula():
    _logit._LOGIT = replace(_logit._LOGIT, formula=_logit._wide_formula)


def naive_eager_formula():
    _logit._LOGIT = replace(_logit._LOGIT, eager_formula=_logit._wide_formula)


def formula_that_overflows():
    _expit._EXPIT = replace(_expit._EXPIT, wide_formula=lambda x, xp: xp.exp(x) / (1 + xp.exp(x)))


def logarithm_of_expit():
    def formula(x, xp):
        return xp.log(1 / (1 + xp.exp(-x)))

    _log_expit._LOG_EXPIT = _everywhere(_log_expit._LOG_EXPIT, formula)


def zero_of_log_expit_from_above():
    def formula(x, xp):
        return xp.where(x < 0, x, 0.0) - xp.log1p(xp.exp(-xp.abs(x)))

    _log_expit._LOG_EXPIT = _everywhere(_log_expit._LOG_EXPIT, formula)


def logit_of_the_exponential():
    def formula(x, xp):
        p = xp.exp(x)
        return xp.log(p / (1 - p))

    _logit_exp._LOGIT_EXP = _everywhere(_logit_exp._LOGIT_EXP, formula)


def log_2_in_one_part():
    _logit_exp._plus_log_2 = lambda x: x + _logit_exp._LOG_2


def exponential_without_its_error():
    _logit_exp.exp_and_error = lambda x, near, xp: (xp.exp(x), 0.0)


def slope_that_cancels_at_0():
    _expit_log_jacobian.exp_and_error = lambda x, near, xp: (xp.exp(x), 0.0)


def _logit_by_a_quotient(k, excess):
    def formula(x, xp):
        c = 1 - x
        a = x / c
        k_of_a = xp.where(a < 0.65, x * 0 + k, x * 0 + 1)
        e = (x - k_of_a * c) - (a - k_of_a) * c + a * excess * ((2 * c - 1) + (2 * x - 1)) / 2
        return xp.log(a) + xp.where(xp.abs(2 * x - 1) < 0.5, e / x, x - x)

    _logit._LOGIT = replace(_logit._LOGIT, formula=formula)


def rounding_of_the_complement_ignored_by_logit():
    _logit_by_a_quotient(k=0.5, excess=0)


def differences_not_exact_in_logit():
    _logit_by_a_quotient(k=1.0, excess=1)


def rounding_ignored_by_expit():
    def formula(x, xp):
        t = xp.exp(-xp.abs(x))
        q = t / (1 + t)
        return xp.where(x < 0, q, 1 - q)

    _expit._EXPIT = replace(_expit._EXPIT, formula=formula)


def small_numbers_taken_for_negative_ones():
    def formula(x, xp):
        q = _expit._lesser(x, xp)
        return xp.maximum(q, xp.minimum(2.0**30 * x, 1 - q))

    _expit._EXPIT = replace(_expit._EXPIT, eager_formula=formula)


def rounding_ignored_by_log_expit():
    def formula(x, xp):
        t = xp.exp(-xp.abs(x))
        return -(xp.log(1 + t) - xp.where(x < 0, x, t - t))

    _log_expit._LOG_EXPIT = replace(_log_expit._LOG_EXPIT, formula=formula)


def rounding_ignored_by_logit_log_jacobian():
    record = _logit_log_jacobian._LOGIT_LOG_JACOBIAN
    changed = replace(record, formula=_logit_log_jacobian._wide_formula)
    _logit_log_jacobian._LOGIT_LOG_JACOBIAN = changed


def rounding_ignored_by_expit_log_jacobian():
    record = _expit_log_jacobian._EXPIT_LOG_JACOBIAN
    changed = replace(record, formula=_expit_log_jacobian._wide_formula)
    _expit_log_jacobian._EXPIT_LOG_JACOBIAN = changed


def logarithm_of_the_slope_of_expit():
    def formula(x, xp):
        return xp.log(_expit._derivative(x, xp))

    record = _everywhere(_expit_log_jacobian._EXPIT_LOG_JACOBIAN, formula)
    _expit_log_jacobian._EXPIT_LOG_JACOBIAN = record


def slope_of_the_other_sign():
    record, old = _logit_log_jacobian._LOGIT_LOG_JACOBIAN, _logit_log_jacobian._derivative
    changed = replace(record, derivative=lambda x, xp: -old(x, xp))
    _logit_log_jacobian._LOGIT_LOG_JACOBIAN = changed


def _continued(module, record, formula):
    continuation = _everywhere(getattr(module, record).continuation, formula)
    setattr(module, record, replace(getattr(module, record), continuation=continuation))


def textbook_logit_of_complex_numbers():
    _continued(_logit, "_LOGIT", lambda z, xp: xp.log(z / (1 - z)))


def textbook_expit_of_complex_numbers():
    _continued(_expit, "_EXPIT", lambda z, xp: 1 / (1 + xp.exp(-z)))


def expit_of_complex_numbers_that_overflows():
    _continued(_expit, "_EXPIT", lambda z, xp: xp.exp(z) / (1 + xp.exp(z)))


def parts_joined_by_a_product():
    _logit.join = lambda z, real, imag, xp: real + 1j * imag


def complex_logarithms_let_in():
    choose = _inputs.choose_dtypes
    _inputs.choose_dtypes = lambda *arguments: choose(*arguments[:-1], True)


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


def slope_of_minus_0():
    def derivative(x, xp):
        return (1 / x + 1 / (1 - x)) * xp.where((x >= 0) & (x <= 1), 1.0, float("nan"))

    _logit._LOGIT = replace(_logit._LOGIT, derivative=derivative)


def kink_of_the_absolute_value():
    def derivative(x, xp):
        t = xp.exp(-xp.abs(x))
        return xp.where(x < 0, 1.0, t) / (1 + t)

    _log_expit._LOG_EXPIT = replace(_log_expit._LOG_EXPIT, derivative=derivative)


def slope_evaluated_beyond_the_bounds():
    def slope(self, x, bounds, xp):
        d = self.derivative(x, xp)
        return xp.where((x < bounds[0]) | (x > bounds[1]), 0.0, d) if bounds else d

    type(_logit._LOGIT).slope = slope


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


def bounds_of_a_traced_eps_underflow():
    def bounds(eps, strategy, limits, dtypes):
        lower = strategy.cast(eps, dtypes.computing)
        return _direct.Bounds(lower, 1 - lower)

    _inputs._traced_bounds = bounds


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


def clamped_in_place():
    clip = np.clip
    _numpy.np.clip = lambda x, lower, upper: clip(x, lower, upper, out=x)


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


def overlap_not_seen_on_torch():
    from arraylogit._strategies import _torch

    _torch._overlap = lambda x, out: False


def gradient_lost_in_out():
    from arraylogit._strategies import _torch

    refusal = _torch.Torch.refusal_of_out
    _torch.Torch.refusal_of_out = lambda self, x, out: refusal(self, x.detach(), out)


def wider_tensor_saved():
    from arraylogit._strategies import _torch

    setup = _torch._Pointwise.setup_context

    def wider(ctx, inputs, output):
        x, *others, computing = inputs
        setup(ctx, (x.to(computing), *others, computing), output)

    _torch._Pointwise.setup_context = staticmethod(wider)


def rest_of_the_blocks_left_out():
    from arraylogit._strategies import _torch

    split = _torch._split

    def whole(tensors, size):
        return (part for part in split(tensors, size) if part[0].numel() == size)

    _torch._split = whole


def derivatives_shared_by_a_formula():
    from arraylogit._strategies import _jax

    class ByFormula(dict):
        def get(self, key):
            return super().get(key[::2])

        def setdefault(self, key, compiled):
            return super().setdefault(key[::2], compiled)

    _jax._COMPILED = ByFormula()


def dask_computes_at_once():
    from arraylogit._strategies import _dask

    evaluate = _dask.Dask.evaluate
    _dask.Dask.evaluate = lambda self, function, x, *others: evaluate(
        self, function, x.persist(), *others
    )


def part_of_a_thread_left_out():
    run = _threads.run

    def short(work, parts):
        run(work, parts[:-1])

    _threads.run = short


def overlap_not_seen_by_threads():
    _numpy.np.may_share_memory = lambda x, out: False


def buffers_written_beside_the_threads():
    nditer = np.nditer

    def hasty(operands, flags, **options):
        return nditer(operands, flags=[f for f in flags if f != "delay_bufalloc"], **options)

    _numpy.np.nditer = hasty


def errors_that_do_not_wait():
    _threads._wait = lambda running: None


def windows_that_overlap_let_in():
    _numpy.elements_overlap = lambda shape, steps, size: False


def smallest_subnormal_lost():
    record = _log_expit._LOG_EXPIT
    _log_expit._LOG_EXPIT = replace(record, eager_formula=_log_expit._wide_formula)


def threads_within_the_chunks_of_dask():
    from contextlib import nullcontext

    from arraylogit._strategies import _chunked

    _chunked.num_threads = nullcontext


def warnings_let_through():
    from contextlib import nullcontext

    _numpy.np.errstate = lambda **_: nullcontext()


REJECTED_BY = {
    naive_formula: "test_formulas.py::test_error_of_the_formula_itself[logit-formula]",
    naive_eager_formula: "test_formulas.py::test_error_of_the_formula_itself[logit-eager_formula]",
    formula_that_overflows: "test_values.py::test_special_values[numpy-expit-alone]",
    logarithm_of_expit: "test_values.py::test_special_values[numpy-log_expit-alone]",
    zero_of_log_expit_from_above: "test_values.py::test_special_values[numpy-log_expit-alone]",
    logit_of_the_exponential: "test_values.py::test_subnormals[numpy]",
    log_2_in_one_part: "test_accuracy.py::test_within_the_bound[logit_exp-float64-numpy]",
    exponential_without_its_error: "test_derivatives.py::test_table[torch-backward-logit_exp-None"
    "--1e-10",
    slope_that_cancels_at_0: "test_derivatives.py::test_table[torch-backward-expit_log_jacobian"
    "-None-1e-20",
    rounding_of_the_complement_ignored_by_logit: "test_formulas.py::test_error_of_the_formula"
    "_itself[logit-formula]",
    differences_not_exact_in_logit: "test_formulas.py::test_error_of_the_formula"
    "_itself[logit-formula]",
    rounding_ignored_by_expit: "test_formulas.py::test_error_of_the_formula_itself[expit-formula]",
    small_numbers_taken_for_negative_ones: "test_accuracy.py::test_within_the_bound[expit-float64"
    "-numpy]",
    rounding_ignored_by_log_expit: "test_formulas.py::test_error_of_the_formula_itself[log_expit"
    "-formula]",
    rounding_ignored_by_logit_log_jacobian: "test_formulas.py::test_error_of_the_formula"
    "_itself[logit_log_jacobian-formula]",
    rounding_ignored_by_expit_log_jacobian: "test_formulas.py::test_error_of_the_formula"
    "_itself[expit_log_jacobian-formula]",
    logarithm_of_the_slope_of_expit: "test_values.py::test_special_values[numpy-expit_log_jacobian"
    "-alone]",
    slope_of_the_other_sign: "test_derivatives.py::test_table[torch-backward-logit_log_jacobian"
    "-None-0.25",
    textbook_logit_of_complex_numbers: "test_complex.py::test_accuracy[numpy-logit-complex128]",
    textbook_expit_of_complex_numbers: "test_complex.py::test_accuracy[numpy-expit-complex128]",
    expit_of_complex_numbers_that_overflows: "test_complex.py::test_limits_in_silence[numpy-expit"
    "-(10000+1j)",
    parts_joined_by_a_product: "test_complex.py::test_sides_of_the_cuts_and_branch_points[torch:",
    complex_logarithms_let_in: "test_complex.py::test_refused[numpy]",
    zeros_of_a_side_lose_their_sign: "test_complex.py::test_sides_of_the_cuts_and_branch_points"
    "[numpy]",
    gradient_without_its_conjugate: "test_complex.py::test_torch[logit]",
    y_times_1_minus_y: "test_derivatives.py::test_table[torch-backward-expit-None-80.0",
    derivative_without_domain: "test_derivatives.py::test_table[torch-backward-logit-None-1.5",
    slope_of_minus_0: "test_derivatives.py::test_table[torch-backward-logit-None--0.0",
    kink_of_the_absolute_value: "test_derivatives.py::test_table[torch-backward-log_expit-None"
    "-0.0",
    slope_evaluated_beyond_the_bounds: "test_derivatives.py::test_table[torch-backward-logit-0.25"
    "-0.0",
    slope_cut_at_the_bounds: "test_derivatives.py::test_table[jax-grad-logit-0.25-0.25",
    eps_0_is_none: "test_eps.py::test_bounds_are_those_of_the_computing_dtype[numpy-0.0",
    bound_rounded_to_1: "test_eps.py::test_positive_eps_means_finite[numpy-1e-20]",
    bound_underflown_to_0: "test_eps.py::test_positive_eps_means_finite[numpy-1e-50]",
    bounds_of_a_traced_eps_underflow: "test_jax.py::test_traced_eps_clamps_as_a_known_one[1e-30]",
    bounds_of_float64: "test_eps.py::test_bounds_are_those_of_the_computing_dtype[numpy-1e-30",
    eps_not_checked: "test_eps.py::test_refused[numpy-0.51",
    nan_swallowed_by_the_clamp: "test_eps.py::test_bounds_are_those_of_the_computing_dtype[numpy",
    clamped_in_place: "test_inputs.py::test_numpy_layouts[small-float64-0.125]",
    default_dtype_is_float64: "test_values.py::test_dtypes[array_api_strict:no_float64-logit-int",
    halves_computed_as_they_are: "test_values.py::test_half_precision_is_rounded_once[numpy",
    out_written_before_it_is_checked: "test_out.py::test_dtypes[numpy-logit-float32-int32",
    overlap_not_seen: "test_out.py::test_partial_overlap[numpy-3-300000]",
    overlap_not_seen_on_torch: "test_out.py::test_partial_overlap[torch-3-300000]",
    gradient_lost_in_out: "test_out.py::test_torch_refusals",
    wider_tensor_saved: "test_derivatives.py::test_torch_saves_one_tensor",
    rest_of_the_blocks_left_out: "test_torch.py::test_layouts_give_the_same_bits[shape2]",
    derivatives_shared_by_a_formula: "test_jax.py::test_records_that_share_a_formula_keep_their"
    "_derivatives",
    dask_computes_at_once: "test_dask.py::test_lazy_one_layer_chunks_kept",
    part_of_a_thread_left_out: "test_threads.py::test_out",
    overlap_not_seen_by_threads: "test_threads.py::test_out",
    buffers_written_beside_the_threads: "test_threads.py::test_out",
    errors_that_do_not_wait: "test_threads.py::test_an_error_waits_for_what_has_begun",
    windows_that_overlap_let_in: "test_out.py::test_windows_that_overlap_are_refused",
    smallest_subnormal_lost: "test_values.py::test_subnormals[torch]",
    threads_within_the_chunks_of_dask: "test_threads.py::test_not_in_the_chunks_of_dask",
    warnings_let_through: "test_values.py::test_silence[numpy-logit]",
}
