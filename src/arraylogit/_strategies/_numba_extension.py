"""The functions in code that Numba compiles, which loads this module by itself.

A number gives a number, an array a new one of its shape. float32 stays float32; whatever else is
real becomes float64, as on NumPy.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
from numba.core.errors import TypingError
from numba.core.target_extension import current_target
from numba.extending import overload, register_jitable
from numba.types import Array, Boolean, Integer, NoneType, Omitted, float32, float64, unliteral

from arraylogit import special
from arraylogit._expit import EXPIT
from arraylogit._expit_log_jacobian import EXPIT_LOG_JACOBIAN
from arraylogit._log_expit import LOG_EXPIT
from arraylogit._logit import LOGIT
from arraylogit._logit_exp import LOGIT_EXP
from arraylogit._logit_log_jacobian import LOGIT_LOG_JACOBIAN
from arraylogit._record import Elementwise
from arraylogit._strategies._numba_kernels import KINDS, OPTIONS, compilable, widest_vectors


def init() -> None:
    """Tell Numba how a call of each function is compiled."""
    for function in (EXPIT, LOG_EXPIT, LOGIT_EXP, LOGIT_LOG_JACOBIAN, EXPIT_LOG_JACOBIAN):
        overload(getattr(special, function.name), jit_options=OPTIONS)(_unclamped(function))
    overload(special.logit, jit_options=OPTIONS)(_logit)


def _unclamped(function: Elementwise) -> Callable[..., Any]:
    def typed(input: Any) -> Any:
        compute = _computation(function, input)

        def values(input: Any) -> Any:
            return compute(input, -inf, inf)

        return values

    return typed


def _logit(input: Any, eps: Any = None) -> Any:
    compute = _computation(LOGIT, input)
    if eps is None or isinstance(eps, NoneType) or (isinstance(eps, Omitted) and not eps.value):

        def values(input: Any, eps: Any = None) -> Any:
            return compute(input, -inf, inf)

        return values
    if unliteral(eps) not in (float32, float64) and not isinstance(eps, Integer):
        raise TypingError(f"logit: `eps` must be None or a real number, got {eps}")
    real, smallest, below_one = _ends(_dtype(LOGIT, input))

    def clamped_values(input: Any, eps: Any = None) -> Any:
        if not 0 <= eps <= 0.5:
            raise ValueError("logit: `eps` must be in [0, 0.5]")
        lower = real(max(np.float64(eps), smallest)) if eps > 0 else real(0)
        return compute(input, lower, real(min(1 - np.float64(eps), below_one)) if eps > 0 else 1.0)

    return clamped_values


def _ends(dtype: Any) -> tuple[Any, float, float]:
    # The type of a bound, the smallest positive number, and the largest one below 1.
    real = np.float32 if dtype == float32 else np.float64
    info = np.finfo(real)
    return real, float(info.smallest_subnormal), 1 - float(info.eps) / 2


def _dtype(function: Elementwise, input: Any) -> Any:
    # float32 or float64, for the result.
    if current_target() == "cuda":
        raise TypingError(
            f"{function.name}: it is not compiled for CUDA: call it on arrays of CuPy or torch"
        )
    kind = unliteral(input.dtype if isinstance(input, Array) else input)
    if kind in (float32, float64):
        return kind
    if isinstance(kind, Integer | Boolean):
        return float64
    raise TypingError(
        f"{function.name}: `input` must be a real number or an array of them, of float32, "
        f"float64, integers or booleans, got {input}"
    )


def _computation(function: Elementwise, input: Any) -> Any:
    # A function of `input` and two bounds.
    dtype = _dtype(function, input)
    xp, _ = KINDS[str(dtype)]
    form, where, real = compilable(function.fused), xp.where, _ends(dtype)[0]

    @register_jitable(**OPTIONS)  # type: ignore[untyped-decorator]
    def one(number: Any, lower: Any, upper: Any) -> Any:
        x = np.float64(number)
        x = where(x < lower, lower, x)  # NaN stays
        return real(form(where(x > upper, upper, x), xp))

    if not isinstance(input, Array):
        return one
    contiguous = input.layout == "C"

    @register_jitable(**OPTIONS)  # type: ignore[untyped-decorator]
    def elementwise(x: Any, lower: Any, upper: Any) -> Any:
        # Over what is contiguous, for LLVM to vectorise it.
        widest_vectors()
        out = np.empty(x.shape, real)
        flat = out.reshape(-1)
        if contiguous:
            read = x.reshape(-1)
            for i in range(flat.size):
                flat[i] = one(read[i], lower, upper)
        else:
            out[...] = x
            for i in range(flat.size):
                flat[i] = one(flat[i], lower, upper)
        return out

    return elementwise
