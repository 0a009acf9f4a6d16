"""NumPy: block by block in cache, narrow dtypes evaluated in float64."""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from arraylogit import _threads
from arraylogit._record import Array, Bounds, Call, Dtypes
from arraylogit._strategies._direct import Direct, elements_overlap, within

_FLOAT64 = np.dtype(np.float64)
_BY_DTYPE = {
    dtype: Dtypes(max(dtype, np.dtype(np.float32)), dtype)
    for dtype in map(np.dtype, (np.float16, np.float32, np.float64, np.longdouble))
}

# Elements a block: a handful of float64 temporaries stay in a 1-2 MiB second-level cache, and
# the interpreter's time per operation is spread over tens of microseconds of arithmetic.
BLOCK = 32768


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

    def evaluate(self, call: Call, x: Array, out: Array | None) -> Array:
        computing, result, _ = call.dtypes
        wide = computing.itemsize < 8
        dtype = _FLOAT64 if wide else computing
        form = call.function.form("wide" if wide else "stepwise")
        # Rounded to the computing dtype, whatever is computed in.
        bounds = call.bounds and call.bounds.map(computing.type)

        def values(block: Array) -> Array:
            block = block.astype(dtype, copy=False)
            return form(np.clip(block, *bounds) if bounds else block, np)

        with np.errstate(all="ignore"):
            if x.size == 1 and out is None and result.kind == "f" and _is_plain(x):
                # By NumPy's scalars, which take a fifth of the time of its arrays of one element.
                number = x.item()
                if bounds:
                    number = min(max(number, bounds.lower), bounds.upper)  # NaN comes first
                y = result.type(form(dtype.type(number), np))
                return y if isinstance(x, np.generic) else np.array(y).reshape(x.shape)
            if type(x) is np.ndarray or isinstance(out, np.ndarray):
                if x.size <= BLOCK and out is None:
                    return np.asarray(values(x)).astype(result, copy=False)
                return _in_blocks(
                    values, x, dtype, np.empty_like(x, result) if out is None else out, result
                )
            if isinstance(x, np.generic) or _has_own_ufuncs(x):
                return self.cast(values(x), result)[()]
            y = x.astype(result, subok=not isinstance(x, np.memmap))
            _in_blocks(values, x.view(np.ndarray), dtype, y.view(np.ndarray), result)
            return y


def _dtypes(dtype: np.dtype[Any]) -> Dtypes | None:
    if dtype.kind in "biu":
        return Dtypes(_FLOAT64, _FLOAT64)
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


def _has_own_ufuncs(x: Array) -> bool:
    return type(x).__array_ufunc__ is not np.ndarray.__array_ufunc__


def _in_blocks(values: Any, x: Array, dtype: Any, out: Array, result: Any) -> Array:
    threads = max(1, min(_threads.available(), x.size // (8 * BLOCK)))
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
        # Threads take turns in the interpreter less often by larger blocks.
        buffersize=BLOCK * (2 if threads > 1 else 1),
    )

    def fill(share: np.nditer, start: int, end: int) -> None:
        # NumPy's error state is one of a thread.
        with share, np.errstate(all="ignore"):
            share.iterrange = start, end  # type: ignore[misc]
            for block, y in share:
                y[...] = values(block)

    if threads == 1:
        fill(blocks, 0, blocks.itersize)
        return out
    edges = [x.size * k // threads for k in range(threads + 1)]
    with blocks:  # copies have buffers of their own
        _threads.run(fill, [(blocks.copy(), *ends) for ends in pairwise(edges)])
    return out


STRATEGY: Direct = NumPy()
