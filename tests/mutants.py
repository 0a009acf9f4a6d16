"""Faults to put into the package, each with the test that must reject it."""

from contextlib import nullcontext
from dataclasses import replace
from numbers import Real

import numpy as np

from arraylogit import (
    _call,
    _expit,
    _expit_log_jacobian,
    _log_expit,
    _logit,
    _logit_exp,
    _logit_log_jacobian,
)
from arraylogit._record import Bounds, Call, Dtypes
from arraylogit._strategies import _direct, _numpy


def _change(module, **fields):
    """Change the public record of a module."""
    name = module.__name__.rpartition("._")[2].upper()
    setattr(module, name, replace(getattr(module, name), **fields))


def _compute(module, form):
    """Compute the function of a module by one form everywhere."""
    _change(module, stepwise=form, wide=form, trusted=None, fused=None)


def naive_stepwise():
    _change(_logit, stepwise=_logit._wide)


def formula_that_overflows():
    _compute(_expit, lambda x, xp: xp.exp(x) / (1 + xp.exp(x)))


def logarithm_of_expit():
    _compute(_log_expit, lambda x, xp: xp.log(1 / (1 + xp.exp(-x))))


def zero_of_log_expit_from_above():
    def form(x, xp):
        return xp.where(x < 0, x, 0.0) - xp.log1p(xp.exp(-xp.abs(x)))

    _compute(_log_expit, form)


def logit_of_the_exponential():
    def form(x, xp):
        p = xp.exp(x)
        return xp.log(p / (1 - p))

    _compute(_logit_exp, form)


def log_2_in_one_part():
    _logit_exp._plus_log_2 = lambda x: x + _logit_exp._LOG_2


def exponential_without_its_error():
    _logit_exp._SLOPE = replace(_logit_exp._SLOPE, stepwise=lambda x, xp: 1 / (1 - xp.exp(x)))


def slope_that_cancels_at_0():
    def form(x, xp):
        t = xp.exp(-x)
        return (1 - t) / (1 + t)

    record = replace(_expit.TANH_HALF, stepwise=form, wide=form, fused=None)
    _expit_log_jacobian.TANH_HALF = record


def _logit_by_a_quotient(k, excess):
    def form(x, xp):
        c = 1 - x
        a = x / c
        k_of_a = xp.where(a < 0.65, x * 0 + k, x * 0 + 1)
        e = (x - k_of_a * c) - (a - k_of_a) * c + a * excess * ((2 * c - 1) + (2 * x - 1)) / 2
        return xp.log(a) + xp.where(xp.abs(2 * x - 1) < 0.5, e / x, x - x)

    _change(_logit, stepwise=form)


def rounding_of_the_complement_ignored_by_logit():
    _logit_by_a_quotient(k=0.5, excess=0)


def differences_not_exact_in_logit():
    _logit_by_a_quotient(k=1.0, excess=1)


def rounding_ignored_by_expit():
    def form(x, xp):
        t = xp.exp(-xp.abs(x))
        q = t / (1 + t)
        return xp.where(x < 0, q, 1 - q)

    _change(_expit, stepwise=form)


def small_numbers_taken_for_negative_ones():
    stepwise = _expit.EXPIT.stepwise

    def form(x, xp):
        q = stepwise(-xp.abs(x), xp)
        return xp.maximum(q, xp.minimum(2.0**30 * x, 1 - q))

    _compute(_expit, form)


def rounding_ignored_by_log_expit():
    def form(x, xp):
        t = xp.exp(-xp.abs(x))
        return -(xp.log(1 + t) - xp.where(x < 0, x, t - t))

    _change(_log_expit, stepwise=form)


def rounding_ignored_by_logit_log_jacobian():
    _change(_logit_log_jacobian, stepwise=_logit_log_jacobian._wide)


def rounding_ignored_by_expit_log_jacobian():
    _change(_expit_log_jacobian, stepwise=_expit_log_jacobian._wide)


def logarithm_of_the_slope_of_expit():
    _compute(_expit_log_jacobian, lambda x, xp: xp.log(_expit.EXPIT_SLOPE.stepwise(x, xp)))


def slope_of_the_other_sign():
    old = _logit_log_jacobian.LOGIT_LOG_JACOBIAN.derivative
    _change(_logit_log_jacobian, derivative=lambda x, evaluate: -old(x, evaluate))


def second_derivative_of_the_other_sign():
    old = _expit.EXPIT_SLOPE.derivative
    _expit.EXPIT_SLOPE = replace(
        _expit.EXPIT_SLOPE, derivative=lambda x, evaluate: -old(x, evaluate)
    )


def _continue(module, form):
    continuation = getattr(module, module.__name__.rpartition("._")[2].upper()).continuation
    _change(module, continuation=replace(continuation, stepwise=form))


def textbook_logit_of_complex_numbers():
    _continue(_logit, lambda z, xp: xp.log(z / (1 - z)))


def textbook_expit_of_complex_numbers():
    _continue(_expit, lambda z, xp: 1 / (1 + xp.exp(-z)))


def expit_of_complex_numbers_that_overflows():
    _continue(_expit, lambda z, xp: xp.exp(z) / (1 + xp.exp(z)))


def parts_joined_by_a_product():
    _logit.join = lambda z, real, imag, xp: real + 1j * imag


def complex_logarithms_let_in():
    choose = _call._choose_dtypes

    def careless(function, strategy, x):
        return choose(replace(function, continuation=function), strategy, x)

    _call._choose_dtypes = careless


def zeros_of_a_side_lose_their_sign():
    form = _logit.LOGIT.continuation.stepwise
    _continue(_logit, lambda z, xp: form(xp.real(z) + 1j * (xp.imag(z) + 0.0), xp))


def gradient_without_its_conjugate():
    from arraylogit._strategies import _torch

    def backward(ctx, gradient):
        return _torch._times_slope(ctx, *ctx.saved_tensors, gradient), None, None, None, None

    _torch._Rule.backward = staticmethod(backward)


def y_times_1_minus_y():
    def slope(x, xp):
        y = 1 / (1 + xp.exp(-x))
        return y * (1 - y)

    record = replace(_expit.EXPIT_SLOPE, stepwise=slope, wide=slope, fused=None)
    _expit.EXPIT_SLOPE = record


def derivative_without_domain():
    def slope(x, xp):
        return 1 / x + 1 / (1 - x)

    _logit.LOGIT_SLOPE = replace(_logit.LOGIT_SLOPE, stepwise=slope, fused=None)


def slope_of_minus_0():
    def slope(x, xp):
        return (1 / x + 1 / (1 - x)) * xp.where((x >= 0) & (x <= 1), x * 0 + 1, float("nan"))

    _logit.LOGIT_SLOPE = replace(_logit.LOGIT_SLOPE, stepwise=slope, fused=None)


def kink_of_the_absolute_value():
    def derivative(x, evaluate):
        negative = (x < 0) * 1.0
        return negative + (1 - 2 * negative) * evaluate(_expit.EXPIT, -abs(x))

    _change(_log_expit, derivative=derivative)


def slope_evaluated_beyond_the_bounds():
    def slope(self, x, evaluate, xp):
        d = self.function.derivative(x, evaluate)
        return xp.where((x < self.bounds[0]) | (x > self.bounds[1]), d * 0, d)

    _slope_with_bounds(slope)


def slope_cut_at_the_bounds():
    def slope(self, x, evaluate, xp):
        d = self.function.derivative(x, evaluate)
        return xp.where((x <= self.bounds[0]) | (x >= self.bounds[1]), 0.0, d)

    _slope_with_bounds(slope)


def _slope_with_bounds(slope):
    plain = Call.slope
    Call.slope = lambda self, *others: (slope if self.bounds else plain)(self, *others)


def eps_0_is_none():
    choose = _call._choose_bounds
    _call._choose_bounds = lambda *arguments: choose(*arguments) if arguments[-1] else None


def _bounds_of_numpy(bounds):
    _numpy.NumPy.bounds = lambda self, x, computing, eps: Bounds(*bounds(eps, np.finfo(computing)))


def bound_rounded_to_1():
    _bounds_of_numpy(lambda eps, info: (max(eps, info.smallest_subnormal), 1 - eps))


def bound_underflown_to_0():
    _bounds_of_numpy(lambda eps, info: (eps, min(1 - eps, 1 - info.eps / 2)))


def bounds_of_float64():
    evaluate = _numpy.NumPy.evaluate

    def wider(self, call, x, out):
        wide = call._replace(dtypes=call.dtypes._replace(computing=np.dtype(float)))
        return evaluate(self, wide, x, out)

    _bounds_of_numpy(lambda eps, info: (max(eps, 5e-324), min(1 - eps, 1 - 2**-53)))
    _numpy.NumPy.evaluate = wider


def bounds_of_a_traced_eps_underflow():
    def bounds(self, x, computing, eps):
        lower = self.cast(eps, computing)
        return Bounds(lower, 1 - lower)

    known = _direct.Direct.bounds
    _direct.Direct.bounds = lambda self, x, computing, eps: (
        known if isinstance(eps, Real) else bounds
    )(self, x, computing, eps)


def eps_not_checked():
    choose = _call._choose_bounds
    _call._choose_bounds = lambda *arguments: choose(*arguments[:-1], min(arguments[-1], 0.5))


def nan_swallowed_by_the_clamp():
    _numpy.np.clip = lambda x, lower, upper: np.fmin(np.fmax(x, lower), upper)


def clamped_in_place():
    clip = np.clip
    _numpy.np.clip = lambda x, lower, upper: clip(x, lower, upper, out=x)


def default_dtype_is_float64():
    dtypes, wide = _direct.Direct.dtypes, lambda xp: Dtypes(xp.float64, xp.float64)
    _direct.Direct.dtypes = lambda self, x: (
        wide(self.xp) if self.xp.isdtype(x.dtype, "integral") else dtypes(self, x)
    )


def halves_computed_as_they_are():
    _numpy.NumPy.dtypes = lambda self, x: Dtypes(x.dtype, x.dtype)
    _numpy.NumPy.evaluate = lambda self, call, x, out: call.function.stepwise(x, np)


def out_written_before_it_is_checked():
    check = _call._check_out

    def late(name, strategy, x, dtypes, out):
        out[...] = 0
        check(name, strategy, x, dtypes, out)

    _call._check_out = late


def overlap_not_seen():
    nditer = np.nditer

    def careless(operands, flags, **options):
        return nditer(operands, flags=[f for f in flags if f != "copy_if_overlap"], **options)

    _numpy.np.nditer = careless


def overlap_not_seen_on_torch():
    from arraylogit._strategies import _torch

    _torch.overwrites = lambda out, x: False


def gradient_lost_in_out():
    from arraylogit._strategies import _torch

    refusal = _torch.Torch.refusal_of_out
    _torch.Torch.refusal_of_out = lambda self, x, out: refusal(self, x.detach(), out)


def wider_tensor_saved():
    from arraylogit._strategies import _torch

    evaluate = _torch.Torch.evaluate

    def wider(self, call, x, out):
        computing = call.dtypes.computing
        alike = call._replace(dtypes=call.dtypes._replace(result=computing))
        return evaluate(self, alike, x.to(computing), out).to(x.dtype)

    _torch.Torch.evaluate = wider


def rest_of_the_blocks_left_out():
    from arraylogit._strategies import _torch

    split = _torch._split

    def whole(tensors, size):
        return (part for part in split(tensors, size) if part[0].numel() == size)

    _torch._split = whole


def derivatives_shared_by_a_formula():
    from arraylogit._strategies import _jax

    class ByFormula(dict):
        def _by_formula(self, key):
            return tuple(part for part in key if getattr(part, "__name__", "") != "<lambda>")

        def get(self, key):
            return super().get(self._by_formula(key))

        def setdefault(self, key, compiled):
            return super().setdefault(self._by_formula(key), compiled)

    _jax._COMPILED = ByFormula()


def dask_computes_at_once():
    from arraylogit._strategies import _dask

    evaluate = _dask.Dask.evaluate
    _dask.Dask.evaluate = lambda self, call, x, out: evaluate(self, call, x.persist(), out)


def windows_that_overlap_let_in():
    _numpy.elements_overlap = lambda shape, steps, size: False


def smallest_subnormal_lost():
    _change(_log_expit, trusted=_log_expit._wide)


def warnings_let_through():
    _numpy.np.errstate = lambda **_: nullcontext()


REJECTED_BY = {
    naive_stepwise: "test_formulas.py::test_error_of_the_formula_itself[logit]",
    exponential_without_its_error: "test_derivatives.py::test_table[torch-func.grad-logit_exp",
    slope_that_cancels_at_0: "test_derivatives.py::test_table[torch-func.grad-expit_log_jacobian",
    rounding_of_the_complement_ignored_by_logit: "test_formulas.py::test_error_of_the_formula"
    "_itself[logit]",
    differences_not_exact_in_logit: "test_formulas.py::test_error_of_the_formula_itself[logit]",
    rounding_ignored_by_expit: "test_formulas.py::test_error_of_the_formula_itself[expit]",
    rounding_ignored_by_log_expit: "test_formulas.py::test_error_of_the_formula_itself[log_expit]",
    rounding_ignored_by_logit_log_jacobian: "test_formulas.py::test_error_of_the_formula"
    "_itself[logit_log_jacobian]",
    rounding_ignored_by_expit_log_jacobian: "test_formulas.py::test_error_of_the_formula"
    "_itself[expit_log_jacobian]",
    slope_of_the_other_sign: "test_derivatives.py::test_table[torch-func.grad-logit_log_jacobian",
    second_derivative_of_the_other_sign: "test_derivatives.py::test_table[torch-func.grad-expit-",
    textbook_logit_of_complex_numbers: "test_complex.py::test_accuracy[numpy-logit-complex128]",
    textbook_expit_of_complex_numbers: "test_complex.py::test_accuracy[numpy-expit-complex128]",
    expit_of_complex_numbers_that_overflows: "test_complex.py::test_limits_in_silence[numpy-expit"
    "-(10000+1j)",
    parts_joined_by_a_product: "test_complex.py::test_sides_of_the_cuts_and_branch_points[torch:",
    complex_logarithms_let_in: "test_complex.py::test_refused[numpy]",
    zeros_of_a_side_lose_their_sign: "test_complex.py::test_sides_of_the_cuts_and_branch_points"
    "[numpy]",
    gradient_without_its_conjugate: "test_complex.py::test_torch[logit]",
    y_times_1_minus_y: "test_derivatives.py::test_table[torch-func.grad-expit-",
    derivative_without_domain: "test_derivatives.py::test_table[torch-func.grad-logit-None",
    slope_of_minus_0: "test_derivatives.py::test_table[torch-func.grad-logit-None",
    kink_of_the_absolute_value: "test_derivatives.py::test_table[torch-func.grad-log_expit-None",
    slope_evaluated_beyond_the_bounds: "test_derivatives.py::test_table[torch-func.grad-logit-0",
    slope_cut_at_the_bounds: "test_derivatives.py::test_table[jax-jit-logit-0.25",
    bounds_of_a_traced_eps_underflow: "test_jax.py::test_traced_eps_clamps_as_a_known_one[1e-30]",
    bounds_of_float64: "test_eps.py::test_bounds_are_those_of_the_computing_dtype[numpy-1e-30",
    eps_not_checked: "test_eps.py::test_refused[numpy-0.51",
    clamped_in_place: "test_inputs.py::test_numpy_layouts[small-float64-0.125]",
    overlap_not_seen: "test_out.py::test_partial_overlap[numpy-3-300000]",
    overlap_not_seen_on_torch: "test_out.py::test_partial_overlap[torch:eager-3-300000]",
    gradient_lost_in_out: "test_out.py::test_torch_refusals",
    wider_tensor_saved: "test_derivatives.py::test_torch_saves_one_tensor",
    rest_of_the_blocks_left_out: "test_torch.py::test_layouts_give_the_same_bits[shape2]",
    derivatives_shared_by_a_formula: "test_jax.py::test_records_that_share_a_formula_keep_their"
    "_derivatives",
    dask_computes_at_once: "test_dask.py::test_lazy_one_layer_chunks_kept",
    windows_that_overlap_let_in: "test_out.py::test_windows_that_overlap_are_refused",
    smallest_subnormal_lost: "test_values.py::test_subnormals[torch:eager]",
    warnings_let_through: "test_values.py::test_silence[numpy-logit]",
}

# The requirement of `conformance` that rejects each, the backend and the function.
BREAKS = {
    formula_that_overflows: ("special-values/infinite", "numpy", "expit"),
    logarithm_of_expit: ("accuracy/float64", "numpy", "log_expit"),
    zero_of_log_expit_from_above: ("special-values/zero-sign", "numpy", "log_expit"),
    logit_of_the_exponential: ("special-values/subnormal", "numpy", "logit_exp"),
    log_2_in_one_part: ("accuracy/float64", "numpy", "logit_exp"),
    small_numbers_taken_for_negative_ones: ("accuracy/float64", "numpy", "expit"),
    logarithm_of_the_slope_of_expit: ("accuracy/float64", "numpy", "expit_log_jacobian"),
    eps_0_is_none: ("eps/zero", "numpy", "logit"),
    bound_rounded_to_1: ("eps/finite-float32", "numpy", "logit"),
    bound_underflown_to_0: ("eps/finite-float32", "numpy", "logit"),
    nan_swallowed_by_the_clamp: ("eps/nan", "numpy", "logit"),
    default_dtype_is_float64: ("dtypes/integers", "array_api_strict:no_float64", "logit"),
    halves_computed_as_they_are: ("accuracy/float16", "numpy", "logit"),
    out_written_before_it_is_checked: ("out/cast", "numpy", "logit"),
}
