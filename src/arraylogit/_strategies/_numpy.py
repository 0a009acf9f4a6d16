"""NumPy: block by block in cache, narrow dtypes evaluated in float64."""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from arraylogit import _threads
from arraylogit._containers import overrides_ufuncs
from arraylogit._record import Array, Bounds, Call, Dtypes
from arraylogit._strategies._direct import Direct, elements_overlap, within

_FLOAT64 = np.dtype(np.float64)
_BY_DTYPE = {
    dtype: Dtypes(max(dtype, np.dtype(np.float32)), dtype)
    for dtype in map(np.dtype, (np.float16, np.float32, np.float64, np.longdouble))
}

# Elements a block: its float64 temporaries, of 96 KiB, stay in cache, and the interpreter's time
# for each operation is spread over tens of microseconds.
BLOCK = 12288
# Elements for each thread, at least. Threads take turns in the interpreter less often by larger
# blocks.
SHARE, _THREAD_BLOCK = 2**18, 65536

# glibc gives freed memory of 128 KiB back to the system at once, and takes it anew for the next
# temporary: hundreds of page faults a call, which cost more than the arithmetic. Once an array of
# 2 MiB has been freed, as this one is, it keeps that much.
np.empty(2**21, np.uint8)


class NumPy(Direct):
    """Evaluates in blocks that stay in cache, without a warning.

    float32 and narrower are evaluated in float64: 0.5 ULP, for less than the time that the
    accurate formula needs in float32, whose logarithm is itself 3.8 ULP off.
    """

    def __init__(self) -> None:
        super().__init__(np)

    def dtypes(self, x: Array) -> Dtypes | None:
        return _BY_DTYPE.get(x.dtype) or _dtypes(x.dtype)

    def bounds(self, x: Array, computing: np.dtype[Any], eps: Any) -> Bounds:
        real, *ends = _ends(computing)
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
        with np.errstate(all="ignore"):
            if overrides_ufuncs(kind) or overrides_ufuncs(type(out)):
                # Step by step: each of them says what becomes of a unit, and of `out`.
                y = self.cast(_values(call, self.cast(x, _dtype(call))), result)
                return y if out is None else np.positive(y, out=out)
            if out is not None:
                target = out.view(np.ndarray)
                fill(call, target if x is out else x.view(np.ndarray), target)
                if type(out) is not np.ndarray:  # where NumPy's functions pass on a mask
                    out.__array_wrap__(out, (np.positive, (x, out), 0))
                return out
            if x.size == 1 and result.kind == "f" and _is_plain(x):
                return _scalar(call, x)
            if issubclass(kind, np.generic) or (kind is np.ndarray and x.size <= BLOCK):
                y = _values(call, x.astype(_dtype(call), copy=False))
                return np.asarray(y).astype(result, copy=False)[()]
            if kind is np.ndarray:
                y = np.empty_like(x, result)
            else:
                y = x.astype(result, subok=not isinstance(x, np.memmap))
            fill(call, x.view(np.ndarray), y.view(np.ndarray))
            return y


def _dtype(call: Call) -> np.dtype[Any]:
    # What NumPy computes in: float64 for the narrow dtypes.
    computing = call.dtypes.computing
    return _FLOAT64 if computing.itemsize < 8 else computing


def _values(call: Call, x: Array) -> Array:
    # The values at `x`, of the dtype that NumPy computes in.
    function, (computing, *_), bounds = call
    if bounds:  # rounded to the computing dtype, whatever is computed in
        x = np.clip(x, *bounds.map(computing.type))
    return function.form("wide" if computing.itemsize < 8 else "stepwise")(x, np)


def _scalar(call: Call, x: Array) -> Array:
    # By NumPy's scalars, which take a fifth of the time of its arrays of one element.
    function, (computing, result, _), bounds = call
    number = x.item()
    if bounds:
        lower, upper = bounds.map(computing.type)
        number = min(max(number, lower), upper)  # NaN comes first
    form = function.form("wide" if computing.itemsize < 8 else "stepwise")
    y = result.type(form(_dtype(call).type(number), np))
    return y if isinstance(x, np.generic) else np.array(y).reshape(x.shape)


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
    # What other packages register with NumPy; not float8_e8m0fnu, powers of two for scales, which
    # has no negative numbers.
    if "float" in dtype.name and dtype.type(-1) < 0:
        return Dtypes(np.dtype(np.float32), native)
    return None


@cache
def _ends(computing: np.dtype[Any]) -> tuple[type, Any, Any]:
    # The type of a bound, the smallest positive number, and the largest one below 1.
    real = np.longdouble if computing.itemsize > 8 else float
    info = np.finfo(computing)
    return real, real(info.smallest_subnormal), 1 - real(info.eps) / 2


def _is_plain(x: Array) -> bool:
    return type(x) is np.ndarray or isinstance(x, np.generic)


def fill(call: Call, x: Array, out: Array) -> None:
    """Write the values at `x` to `out`: arrays of NumPy's own type and of one shape."""
    dtype, result = _dtype(call), call.dtypes.result
    threads = max(1, min(_threads.available(), x.size // SHARE))
    if threads > 1 and x is not out and np.may_share_memory(x, out):
        threads = 1  # what one of them reads, another may have written
    # nditer visits any strides in memory order, casts block by block, and copies x first where
    # it overlaps out otherwise than element by element.
    blocks = np.nditer(
        [x, out],
        flags=[
            "external_loop",
            "buffered",
            "delay_bufalloc",  # what is never filled is never written, where copies iterate
            "ranged",
            "copy_if_overlap",
            "zerosize_ok",
        ],
        op_flags=[
            ["readonly", "overlap_assume_elementwise"],
            ["writeonly", "overlap_assume_elementwise"],
        ],
        op_dtypes=[dtype, result],
        casting="unsafe",  # what may be cast has been checked
        buffersize=_THREAD_BLOCK if threads > 1 else BLOCK,
    )

    def share(part: np.nditer, start: int, end: int) -> None:
        # NumPy's error state is one of a thread.
        with part, np.errstate(all="ignore"):
            part.iterrange = start, end  # type: ignore[misc]
            for block, y in part:
                y[...] = _values(call, block)

    if threads == 1:
        share(blocks, 0, blocks.itersize)
        return
    edges = [x.size * k // threads for k in range(threads + 1)]
    with blocks:  # copies have buffers of their own
        _threads.run(share, [(blocks.copy(), *ends) for ends in pairwise(edges)])


STRATEGY: Direct = NumPy()
