"""Numba: loops that it compiles from the fused forms, over memory that NumPy can see.

A function and a dtype have three: the value of one number, a loop of values, and a loop of the
slope times a factor. Other dtypes than float32 and float64 are cast to float64 block by block.
"""

import hashlib
import os
import tempfile
import threading
from collections.abc import Sequence
from functools import cache, cached_property
from math import inf
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba import prange
from numba.misc.appdirs import AppDirs
from numba.types import Array as ArrayType
from numba.types import float64, intp, void

from arraylogit._record import Array, Bounds, Elementwise
from arraylogit._strategies._numba_kernels import KINDS, OPTIONS, compilable, widest_vectors
from arraylogit._strategies._numpy import blocks

# Elements a block: what is cast or copied stays in cache.
BLOCK = 32768
# Elements a thread, at least: many times what it takes to wake one.
SHARE = 65536

_ALL = Bounds(-inf, inf)


class Loops:
    """The compiled loops of one function and dtype."""

    def __init__(self, function: Elementwise, dtype: str, threads: int) -> None:
        self._function, self._threads = function, threads
        self._dtype = np.dtype(dtype)
        self._xp, self._evaluate = KINDS[dtype]
        self._written = numba.from_dtype(self._dtype)[::1]
        self._read = ArrayType(self._written.dtype, 1, "C", readonly=True)

    def number(self, x: float) -> float:
        """Return the value at one number."""
        return self._one(x, *_ALL)  # type: ignore[no-any-return]

    def values(self, x: Array, bounds: Bounds | None, out: Array, result: Any) -> None:
        """Write the values at `x`, rounded to the dtype `result`, to `out`."""
        self._run("_values", (x,), bounds or _ALL, out, result)

    def slopes(
        self, x: Array, factor: Array, bounds: Bounds | None, out: Array, result: Any
    ) -> None:
        """Write the slope at `x` times a factor, rounded to the dtype `result`, to `out`."""
        self._run("_slopes", (x, factor), bounds or _ALL, out, result)

    @cached_property
    def _one(self) -> Any:
        form = compilable(self._function.fused)
        signature = float64(float64, float64, float64)
        return self._compile(_one, signature, form=form, xp=self._xp)

    @cached_property
    def _values(self) -> Any:
        signature = void(self._read, float64, float64, self._written)
        return self._compile(_values, signature, one=self._one)

    @cached_property
    def _slopes(self) -> Any:
        return self._compile(
            _slopes,
            void(self._read, self._read, float64, float64, self._written),
            derivative=compilable(self._function.derivative),
            evaluate=self._evaluate,
            where=self._xp.where,
        )

    @cached_property
    def _values_in_shares(self) -> Any:
        return self._in_shares(_values_in_shares, self._values)

    @cached_property
    def _slopes_in_shares(self) -> Any:
        return self._in_shares(_slopes_in_shares, self._slopes)

    def _in_shares(self, template: Any, loop: Any) -> Any:
        (signature,) = loop.nopython_signatures
        return self._compile(template, void(*signature.args, intp), parallel=True, loop=loop)

    def _compile(
        self, template: Any, signature: Any, *, parallel: bool = False, **names: Any
    ) -> Any:
        # A function of its own name, by which Numba finds it on disk; there, it looks at no
        # variable that a function takes from outside.
        scope = {**template.__globals__, **names}
        function = FunctionType(template.__code__, scope)
        function.__qualname__ = f"{self._function.name}_{self._dtype}{template.__name__}"
        dispatcher = numba.njit(
            **OPTIONS, nogil=True, parallel=parallel, forceinline=template is _one
        )(function)
        ours = (self._function.fused or template).__module__.startswith("arraylogit.")
        if ours and (folder := _cache_folder()):
            with _SETTING:
                before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, folder
                try:
                    dispatcher.enable_caching()
                finally:
                    numba.config.CACHE_DIR = before
        dispatcher.compile(signature)
        dispatcher.disable_compile()
        return dispatcher

    def _run(
        self, name: str, inputs: Sequence[Array], bounds: Bounds, out: Array, result: Any
    ) -> None:
        loop, dtype = getattr(self, name), self._dtype
        if out.size <= BLOCK:
            arrays = (*inputs, out)
            if all(x.dtype == dtype and x.flags.c_contiguous for x in arrays):
                *inputs, y = (x if x.ndim == 1 else x.reshape(-1) for x in arrays)
                loop(*_apart(inputs, y), *bounds, y)
                return
        shares = min(self._threads, numba.config.NUMBA_NUM_THREADS, out.size // SHARE)
        if shares > 1:
            loop = _Shares(getattr(self, f"{name}_in_shares"), loop, shares)
        size = BLOCK if shares < 2 else shares * SHARE * 4
        dtypes = [dtype] * len(inputs) + [result]
        with blocks(size, [*inputs, out], dtypes, "contig", "aligned") as iterator:
            for *parts, y in iterator:
                values = y if y.dtype == dtype else np.empty(y.shape, dtype)
                loop(*_apart(parts, y), *bounds, values)
                if values is not y:
                    y[...] = values


class _Shares:
    # Calls a loop in shares, on threads of Numba, wherever it may.
    def __init__(self, parallel: Any, alone: Any, number: int) -> None:
        self._parallel, self._alone, self._number = parallel, alone, number

    def __call__(self, *arguments: Any) -> None:
        # The simplest of Numba's layers ends the process where two threads enter it.
        if (
            arguments[-1].size < 2 * SHARE
            or not _may_be_parallel()
            or not _PARALLEL.acquire(blocking=False)
        ):
            self._alone(*arguments)
            return
        try:
            before = numba.get_num_threads()
            numba.set_num_threads(self._number)
            try:
                self._parallel(*arguments, self._number)
            finally:
                numba.set_num_threads(before)
        finally:
            _PARALLEL.release()


_PARALLEL = threading.Lock()
_SETTING = threading.Lock()
_PROCESS = os.getpid()

if numba.config.THREADING_LAYER == "default":
    # GNU OpenMP, which is the default, ends a process that was forked after it had begun.
    numba.config.THREADING_LAYER = "forksafe"


def _may_be_parallel() -> bool:
    return os.getpid() == _PROCESS or numba.threading_layer() != "omp"


def _apart(inputs: list[Array], out: Array) -> list[Array]:
    # What the loop reads may not be what it writes: the vectorised code is for two arrays.
    return [x.copy() if np.may_share_memory(x, out) else x for x in inputs]


# What the templates below find in the scope that `Loops._compile` gives them.
_GIVEN: Any = None
derivative = evaluate = form = loop = one = where = xp = _GIVEN


def _one(x: Any, lower: float, upper: float) -> Any:
    x = xp.where(x < lower, lower, x)  # NaN stays
    return form(xp.where(x > upper, upper, x), xp)


def _values(x: Array, lower: float, upper: float, out: Array) -> None:
    widest_vectors()
    for i in range(out.size):
        out[i] = one(np.float64(x[i]), lower, upper)


def _slopes(x: Array, factor: Array, lower: float, upper: float, out: Array) -> None:
    widest_vectors()
    for i in range(out.size):
        number = np.float64(x[i])
        slope = derivative(number, evaluate)
        clamped = (number < lower) | (number > upper)
        out[i] = np.float64(factor[i]) * where(clamped, 0.0, slope)


def _values_in_shares(x: Array, lower: float, upper: float, out: Array, shares: int) -> None:
    for k in prange(shares):
        part = slice(out.size * k // shares, out.size * (k + 1) // shares)
        loop(x[part], lower, upper, out[part])


def _slopes_in_shares(
    x: Array, factor: Array, lower: float, upper: float, out: Array, shares: int
) -> None:
    for k in prange(shares):
        part = slice(out.size * k // shares, out.size * (k + 1) // shares)
        loop(x[part], factor[part], lower, upper, out[part])


@cache
def _cache_folder() -> str | None:
    # Where compiled loops are kept: in the user's folder, one for each version of the sources,
    # since Numba looks at the file of the loop alone.
    base = os.environ.get("ARRAYLOGIT_CACHE_DIR")
    if base == "":
        return None
    sources = sorted(Path(__file__).parents[1].glob("*.py"))
    sources += sorted(Path(__file__).parent.glob("_numba*.py"))
    version = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    folder = Path(base or AppDirs("arraylogit", appauthor=False).user_cache_dir) / version
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:  # then Numba would choose a folder beside the sources
        return None
    return str(folder)
