"""The fused forms as Numba compiles them: the namespace that they see, and their own functions.

Everything is in float64. Each primitive is an instruction, so that a selection stays one: a
branch would end vectorisation.
"""

from collections.abc import Callable
from dis import get_instructions
from functools import cache, reduce
from types import FunctionType, ModuleType
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core.imputils import lower_constant
from numba.extending import (
    intrinsic,
    models,
    overload,
    register_jitable,
    register_model,
    typeof_impl,
)
from numba.types import Opaque, boolean, float64, int64, void

from arraylogit._kernels import FLOAT64, WIDE, Spec, polynomial
from arraylogit._record import Array, Elementwise, Evaluate, Namespace

# Numba's default error model branches, to raise on division by 0. No products are contracted to
# fused multiply-adds but those of the polynomials, which say so: LLVM would choose others for
# one number than for a vector of them, and the bits of a result depend on its position.
OPTIONS = {"error_model": "numpy"}

# Up to this many coefficients, a polynomial is one chain of operations. A longer one is split into
# two of x^2: that is one more operation, but half the latency.
LONGEST_CHAIN = 7


def _lowered(signature: Any, emit: Callable[..., Any]) -> tuple[Any, Any]:
    # What Numba takes for a primitive: types, and the instructions that `emit(builder, *values)`
    # makes.
    return signature, lambda context, builder, signature, values: emit(builder, *values)


@intrinsic  # type: ignore[untyped-decorator]
def _where(context: Any, condition: Any, a: Any, b: Any) -> Any:
    return _lowered(float64(boolean, float64, float64), ir.IRBuilder.select)


@intrinsic  # type: ignore[untyped-decorator]
def _minimum(context: Any, a: Any, b: Any) -> Any:
    def emit(builder: Any, a: Any, b: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", a, b), a, b)

    return _lowered(float64(float64, float64), emit)


@register_jitable(**OPTIONS)  # type: ignore[untyped-decorator]
def _at_least(x: Any, bound: float) -> Any:
    return _where(x < bound, bound, x)  # NaN stays


@register_jitable(**OPTIONS)  # type: ignore[untyped-decorator]
def _shared(x: Any) -> Any:
    return x


@intrinsic  # type: ignore[untyped-decorator]
def _abs(context: Any, x: Any) -> Any:
    def emit(builder: Any, x: Any) -> Any:
        return builder.call(builder.module.declare_intrinsic("llvm.fabs", [_DOUBLE]), [x])

    return _lowered(float64(float64), emit)


@intrinsic  # type: ignore[untyped-decorator]
def _bits(context: Any, x: Any) -> Any:
    return _lowered(int64(float64), lambda builder, x: builder.bitcast(x, ir.IntType(64)))


@intrinsic  # type: ignore[untyped-decorator]
def _from_bits(context: Any, i: Any) -> Any:
    return _lowered(float64(int64), lambda builder, i: builder.bitcast(i, _DOUBLE))


@intrinsic  # type: ignore[untyped-decorator]
def _sum_of_powers(context: Any, x: Any, coefficients: Any) -> Any:
    def emit(builder: Any, x: Any, coefficients: Any) -> Any:
        takes = ir.FunctionType(_DOUBLE, [_DOUBLE] * 3)
        fmuladd = builder.module.declare_intrinsic("llvm.fmuladd", [_DOUBLE], takes)

        def horner(x: Any, first: Any, *rest: Any) -> Any:
            return reduce(lambda p, a: builder.call(fmuladd, [p, x, a]), rest, first)

        numbers = cgutils.unpack_tuple(builder, coefficients)
        if len(numbers) <= LONGEST_CHAIN:
            return horner(x, *numbers)
        square = builder.fmul(x, x)
        return horner(
            x, horner(square, *numbers[-2::-2][::-1]), horner(square, *numbers[-1::-2][::-1])
        )

    return _lowered(float64(float64, coefficients), emit)


@intrinsic  # type: ignore[untyped-decorator]
def widest_vectors(context: Any) -> Any:
    """Vectorise the function that calls this for the widest registers there are.

    On some processors with registers of 512 bits LLVM chooses 256, which takes longer.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        # llvmlite's own `add` takes only the attributes that it knows.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return void(), build


@overload(polynomial, jit_options=OPTIONS)  # type: ignore[untyped-decorator]
def _polynomial(x: Any, coefficients: Any) -> Any:
    # A loop over many coefficients would remain one, in which Numba copies them.
    def values(x: Any, coefficients: Any) -> Any:
        return _sum_of_powers(x, coefficients)

    return values


_DOUBLE = ir.DoubleType()


def _namespace(spec: Spec) -> Any:
    xp: Any = ModuleType("kernels")  # a module is the one namespace that Numba takes
    xp.where, xp.minimum, xp.at_least, xp.abs = _where, _minimum, _at_least, _abs
    xp.shared = _shared
    xp.bits, xp.from_bits = _bits, _from_bits
    xp.spec = spec
    return xp


class _Record(Opaque):  # type: ignore[misc]
    # The type of one record, which formulas of derivatives name.
    def __init__(self, record: Elementwise) -> None:
        super().__init__(f"Elementwise({record.name})")
        self.record = record


register_model(_Record)(models.OpaqueModel)


@typeof_impl.register(Elementwise)  # type: ignore[untyped-decorator]
def _type_of(record: Elementwise, context: Any) -> _Record:
    return _Record(record)


@lower_constant(_Record)  # type: ignore[untyped-decorator]
def _constant(context: Any, builder: Any, kind: Any, record: Elementwise) -> Any:
    return context.get_dummy_value()


def _evaluator(xp: Namespace) -> Evaluate:
    def evaluate(record: Elementwise, x: Array) -> Array:
        raise NotImplementedError("it is compiled, never called")

    @overload(evaluate, jit_options=OPTIONS)  # type: ignore[untyped-decorator]
    def _(record: Any, x: Any) -> Any:
        form = compilable(record.record.fused)

        def values(record: Any, x: Any) -> Any:
            return form(x, xp)

        return values

    return evaluate


KINDS = {
    dtype: (_namespace(spec), _evaluator(_namespace(spec)))
    for dtype, spec in {"float32": WIDE, "float64": FLOAT64}.items()
}
"""For each dtype, what its forms are evaluated with: a namespace, and the values of a record."""


@cache
def compilable(function: Any) -> Any:
    """Return a function that Numba may call where it compiles, with all that it calls."""
    for instruction in get_instructions(function):
        called = function.__globals__.get(str(instruction.argval))
        calls = instruction.opname == "LOAD_GLOBAL" and isinstance(called, FunctionType)
        if calls and called is not polynomial:
            compilable(called)
    return register_jitable(**OPTIONS)(function)
