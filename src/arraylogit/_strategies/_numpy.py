"""NumPy: block by block in cache, narrow dtypes evaluated in float64."""

from functools import cache
from typing import Any

import numpy as np

from arraylogit import _engine
from arraylogit._containers import overrides_ufuncs
from arraylogit._record import Array, Bounds, Call, Dtypes, Elementwise, Form
from arraylogit._strategies._direct import Direct, elements_overlap, within

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_BY_DTYPE = {
    dtype: Dtypes(max(dtype, np.dtype(np.float32)), dtype)
    for dtype in map(np.dtype, (np.float16, np.float32, np.float64, np.longdouble))
}

# Elements a block: its float64 temporaries, of 96 KiB, stay in cache, and the interpreter's time
# for each operation is spread over tens of microseconds.
BLOCK = 12288

# glibc returns freed blocks of 128 KiB and more to the system, and asks for them again for the
# next temporary: hundreds of page faults a call, which cost more than the arithmetic. After an
# array of 2 MiB has been freed, as here, it keeps that much.
np.empty(2**21, np.uint8)


class NumPy(Direct):
    """Evaluates in blocks that stay in cache, without a warning.

    float32 and narrower are evaluated in float64: 0.5 ULP, in less time than the accurate formula
    takes in float32, where NumPy's logarithm alone is 3.8 ULP off.
    """

    def __init__(self) -> None:
        super().__init__(np)

    def dtypes(self, x: Array) -> Dtypes | None:
        return _BY_DTYPE.get(x.dtype) or _dtypes(x.dtype)

    def bounds(self, x: Array, computing: np.dtype[Any], eps: Any) -> Bounds:
        real, *ends = _ends(computing, self.flushes_subnormals(computing))
        smallest, below_one = within(x.dtype, *ends)
        eps = real(eps)
        return Bounds(max(eps, smallest), min(1 - eps, below_one))

    def concrete(self, eps: Array) -> Any:
        return eps[()] if eps.dtype == np.longdouble else eps.item()

    def refusal_of_out(self, x: Array, out: Array) -> str | None:
        if not out.flags.writeable:
            return "it is read-only"
        if elements_overlap(out.shape, out.strides, out.itemsize):
            return "its elements share memory"
        return None

    def can_cast(self, dtype: Any, to: Any) -> bool:
        return np.can_cast(dtype, to, "same_kind")

    def cast(self, x: Array, dtype: Any) -> Array:
        return x.astype(dtype, copy=False)

    def device(self, x: Array) -> str:
        return "cpu"

    def evaluate(self, call: Call, x: Array, out: Array | None) -> Array:
        kind, result = type(x), call.dtypes.result
        if out is None and x.size == 1 and result.kind == "f" and _is_plain(x):
            return _scalar(call, x)
        with np.errstate(all="ignore"):
            if overrides_ufuncs(kind) or overrides_ufuncs(type(out)):
                # Step by step: each of the subclass's functions converts the unit.
                y = self.cast(_values(call, x), result)
                return y if out is None else np.positive(y, out=out)
            if out is not None:
                target = out.view(np.ndarray)
                fill(call, target if x is out else x.view(np.ndarray), target)
                if type(out) is not np.ndarray:  # NumPy's functions set the mask here
                    out.__array_wrap__(out, (np.positive, (x, out), 0))
                return out
            if issubclass(kind, np.generic) or (
                kind is np.ndarray and x.size <= BLOCK and not _engine.current()
            ):
                return np.asarray(_values(call, x)).astype(result, copy=False)[()]
            if kind is np.ndarray:
                y = np.empty_like(x, result)
            else:
                y = x.astype(result, subok=not isinstance(x, np.memmap))
            fill(call, x.view(np.ndarray), y.view(np.ndarray))
            return y


def _form(function: Elementwise, computing: np.dtype[Any]) -> tuple[Form, np.dtype[Any]]:
    # The form that NumPy evaluates, and the dtype to do so in: float64 for the narrow ones.
    if computing.itemsize < 8:
        return function.form("wide"), _FLOAT64
    return function.form("trusted"), computing


def _values(call: Call, x: Array) -> Array:
    # The values at `x`, of the dtype that NumPy computes in.
    function, (computing, *_), bounds = call
    form, dtype = _form(function, computing)
    x = x.astype(dtype, copy=False)
    if bounds:  # rounded to the dtype of the contract, though computed in a wider one
        x = np.clip(x, *bounds.map(computing.type))
    return form(x, np)


def _scalar(call: Call, x: Array) -> Array:
    # By NumPy's scalars, which take a fifth of the time of its arrays of one element.
    function, (computing, result, _), bounds = call
    number = x.item()
    if bounds:
        lower, upper = bounds.map(computing.type)
        number = min(max(number, lower), upper)  # NaN, the first argument, stays
    if loops := _loops(call):
        y = result.type(loops.number(number))
    else:
        form, dtype = _form(function, computing)
        y = _silent(form, dtype.type(number), result.type)
    if isinstance(x, np.generic):
        return y
    out = x.astype(result)
    out.fill(y)
    return out


@np.errstate(all="ignore")  # in half the time of a `with` block
def _silent(form: Any, number: Any, kind: Any) -> Any:
    return kind(form(number, np))


def _loops(call: Call) -> Any:
    # The loops of the engine of the context, None where it has none.
    _, result, _ = call.dtypes
    if _engine.current() is None or result.itemsize > 8:
        return None
    return _engine.loops(call.function, "float32" if result == _FLOAT32 else "float64")


def _dtypes(dtype: np.dtype[Any]) -> Dtypes | None:
    if dtype.kind in "biu":
        return Dtypes(_FLOAT64, _FLOAT64)
    if dtype.kind in "OSTUMm":
        return None
    native = dtype.newbyteorder("=")
    if native in _BY_DTYPE:  # in another order of bytes
        return _BY_DTYPE[native]
    if dtype.kind == "c":
        return Dtypes(np.result_type(native, np.complex128), native, complex=True)
    # Dtypes that other packages register with NumPy. Not float8_e8m0fnu, which has no negative
    # numbers.
    if "float" in dtype.name and dtype.type(-1) < 0:
        return Dtypes(np.dtype(np.float32), native)
    return None


@cache
def _ends(computing: np.dtype[Any], flushes: bool) -> tuple[type, Any, Any]:
    # The type of a bound, the smallest positive number, and the largest one below 1.
    real = np.longdouble if computing.itemsize > 8 else float
    info = np.finfo(computing)
    smallest = info.smallest_normal if flushes else info.smallest_subnormal
    return real, real(smallest), 1 - real(info.eps) / 2


def _is_plain(x: Array) -> bool:
    return type(x) is np.ndarray or isinstance(x, np.generic)


def fill(call: Call, x: Array, out: Array) -> None:
    """Write the values at `x` to `out`: arrays of NumPy's own type and of one shape."""
    function, dtypes, bounds = call
    if loops := _loops(call):
        loops.values(x, bounds and bounds.map(dtypes.computing.type), out, dtypes.result)
        return
    if x.size <= BLOCK:  # nditer takes microseconds to begin
        out[...] = _values(call, x).astype(dtypes.result, copy=False)  # rounded once, to that
        return
    _, dtype = _form(function, dtypes.computing)
    with blocks(BLOCK, [x, out], [dtype, dtypes.result]) as iterator:
        for block, y in iterator:
            y[...] = _values(call, block)


def blocks(size: int, arrays: list[Array], dtypes: list[np.dtype[Any]], *flags: str) -> Any:
    """Return NumPy's iterator over arrays of one shape, of which the last is written to.

    It visits any strides in memory order and casts block by block. It copies an array first,
    unless each of its elements is where the result for it goes.
    """
    nditer: Any = np.nditer  # whose annotations lack some of the flags
    flags = "overlap_assume_elementwise", *flags
    return nditer(
        arrays,
        flags=["external_loop", "buffered", "copy_if_overlap", "zerosize_ok"],
        op_flags=[["readonly", *flags]] * (len(arrays) - 1) + [["writeonly", *flags]],
        op_dtypes=dtypes,
        casting="unsafe",  # what may be cast has been checked
        buffersize=size,
    )


STRATEGY: Direct = NumPy()
