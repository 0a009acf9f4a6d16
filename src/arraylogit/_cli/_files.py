"""Evaluate a function at the numbers of a file, block by block."""

import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

import arraylogit
from arraylogit._cli import _input, _output
from arraylogit._cli._domain import Misfits
from arraylogit._cli._messages import UsageError, one_line
from arraylogit._cli._progress import progress
from arraylogit._strategies._command_line import LIBRARIES, Library

Array = Any

# Elements a block: enough for the threads of a library, few enough to need little memory.
BLOCK = 2**20


@dataclass(frozen=True)
class Job:
    """What to do with each file."""

    command: str
    eps: float | None
    backend: str
    force: bool

    def do(self, source: str, target: str) -> tuple[str, list[str]]:
        """Write the values at the numbers of a file; return a line on it, and remarks."""
        start = time.perf_counter()
        misfits = Misfits(self.command, clamped=self.eps is not None)
        with _input.opened(source) as content:
            if isinstance(content, _input.Numbers):
                with (
                    self._evaluator(content.dtype) as evaluate,
                    _output.writable(target, self.force) as file,
                ):
                    _write(content, evaluate, misfits, file)
                what = f"{content.dtype}, shape {content.shape}"
            else:
                with _output.writable(target, self.force) as file:
                    self._do_archive(content, source, misfits, file)
                what = f"{len(content.infolist())} arrays"
        seconds = time.perf_counter() - start
        return (
            f"wrote {_output.name(target)}: {what}, {misfits.size} elements in {seconds:.2f} s",
            [f"{_input.name(source)}: {remark}" for remark in misfits.remarks()],
        )

    def _do_archive(
        self, archive: zipfile.ZipFile, source: str, misfits: Misfits, file: IO[bytes]
    ) -> None:
        with zipfile.ZipFile(file, "w") as result:
            for info in archive.infolist():
                like = zipfile.ZipInfo(info.filename)
                like.compress_type = info.compress_type
                with (
                    _input.member(archive, info, source) as numbers,
                    self._evaluator(numbers.dtype) as evaluate,
                    result.open(like, "w", force_zip64=True) as entry,
                ):
                    _write(numbers, evaluate, misfits, entry)

    @contextmanager
    def _evaluator(self, dtype: np.dtype[Any]) -> Iterator[Callable[[Array], Array]]:
        function = getattr(arraylogit, self.command)
        if self.eps is not None:
            function = partial(function, eps=self.eps)
        library = _find(self.backend)
        with library.ready_for(dtype):
            device = _device(library, dtype)

            def evaluate(block: Array) -> Array:
                return library.get(function(library.put(block, dtype.name, device)))

            # What the library refuses is refused before anything is written.
            try:
                evaluate(np.empty(0, dtype))
            except (TypeError, ValueError) as error:
                raise UsageError(one_line(error)) from None
            yield evaluate


def _write(
    numbers: _input.Numbers, evaluate: Callable[[Array], Array], misfits: Misfits, file: IO[bytes]
) -> None:
    header = {
        "descr": npy.dtype_to_descr(numbers.dtype),
        "fortran_order": numbers.fortran_order,
        "shape": numbers.shape,
    }
    npy.write_array_header_1_0(file, header)
    with progress(numbers.size) as advance:
        for block in numbers.blocks(BLOCK):
            misfits.count(block)
            file.write(evaluate(block).data)
            advance(block.size)


def _find(backend: str) -> Library:
    if backend not in LIBRARIES:
        raise UsageError(f"--backend must be one of {', '.join(LIBRARIES)}, got {backend!r}")
    library = LIBRARIES[backend]
    if not library.installed():
        raise UsageError(f"--backend {backend} is not installed")
    try:
        library.version()
    except Exception as error:  # a broken installation may raise anything
        raise UsageError(f"--backend {backend} cannot be imported: {one_line(error)}") from None
    return library


def _device(library: Library, dtype: np.dtype[Any]) -> str:
    devices = library.devices()
    if not devices:
        raise UsageError(f"--backend {library.name} finds no device")
    if not library.holds(dtype, devices[0]):
        raise UsageError(f"--backend {library.name} has no {dtype} on {devices[0]}")
    return devices[0]
