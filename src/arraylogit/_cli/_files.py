"""A function of a file: block by block, and all or nothing."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from arraylogit._cli._libraries import LIBRARIES, Library

Array = Any

# Elements a block: many enough for a library's threads, few enough to need little memory.
BLOCK = 2**20


class UsageError(Exception):
    """What the user should know, in one line."""


def transform(function: Callable[..., Array], source: Path, target: Path, backend: str) -> str:
    """Write the values of `function` at the numbers of a file; return what was done."""
    start = time.perf_counter()
    x = _open(source)
    dtype = np.dtype(np.float64) if x.dtype.kind in "biu" else x.dtype.newbyteorder("=")
    library = _find(backend)
    with library.ready_for(dtype):
        evaluate = _evaluator(function, library, dtype)
        # Whatever the library would refuse, before anything is written.
        try:
            evaluate(np.empty(0, dtype))
        except (TypeError, ValueError) as error:
            raise UsageError(_line(error)) from None
        with _replacing(target) as file:
            header = {
                "descr": npy.dtype_to_descr(dtype),
                "fortran_order": x.flags.fnc,
                "shape": x.shape,
            }
            npy.write_array_header_1_0(file, header)
            with _progress(x.size) as advance:
                for block in _blocks(x, source, dtype):
                    file.write(evaluate(block).data)
                    advance(block.size)
    seconds = time.perf_counter() - start
    return f"wrote {target}: {dtype}, shape {x.shape}, {x.size} elements in {seconds:.2f} s"


def _open(source: Path) -> np.memmap[Any, Any]:
    try:
        x = npy.open_memmap(source, mode="r")
    except OSError as error:
        raise UsageError(f"cannot read {source}: {error.strerror}") from None
    except Exception as error:  # a damaged header raises more than NumPy documents
        raise UsageError(
            f"{source} is not a complete .npy file of numbers: {_line(error)}"
        ) from None
    if x.dtype.kind not in "biuf":
        raise UsageError(
            f"{source} must hold booleans, integers or real floating-point numbers, got {x.dtype}"
        )
    return x


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _find(backend: str) -> Library:
    if backend not in LIBRARIES:
        raise UsageError(f"--backend must be one of {', '.join(LIBRARIES)}, got {backend!r}")
    library = LIBRARIES[backend]
    if not library.installed():
        raise UsageError(f"--backend {backend} is not installed")
    try:
        library.version()
    except Exception as error:  # whatever a broken installation raises
        raise UsageError(f"--backend {backend} cannot be imported: {_line(error)}") from None
    return library


def _evaluator(
    function: Callable[..., Array], library: Library, dtype: np.dtype[Any]
) -> Callable[[Array], Array]:
    devices = library.devices()
    if not devices:
        raise UsageError(f"--backend {library.name} finds no device")
    device = devices[0]
    if not library.holds(dtype, device):
        raise UsageError(f"--backend {library.name} has no {dtype} on {device}")
    return lambda block: library.get(function(library.put(block, dtype.name, device)))


def _blocks(x: np.memmap[Any, Any], source: Path, dtype: np.dtype[Any]) -> Iterator[Array]:
    # Copies in the order of the file. A map for each block, so that what was read is forgotten.
    for start in range(0, x.size, BLOCK):
        shape = (min(BLOCK, x.size - start),)
        try:
            block = np.memmap(source, x.dtype, "r", x.offset + start * x.itemsize, shape)
        except (OSError, ValueError) as error:  # it has changed since
            raise UsageError(f"cannot read {source}: {error}") from None
        yield np.array(block, dtype)


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    # A file that takes the place of the target at the end, and vanishes after any error.
    if target.is_dir():
        raise UsageError(f"cannot write {target}: it is a directory")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
        os.replace(temporary, target)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    finally:
        with suppress(OSError):  # it is gone already, or never came to be
            temporary.unlink()


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], object]]:
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        yield lambda count: None
        return
    # On a terminal only, and only where the job takes longer than a second.
    with tqdm(total=size, delay=1, disable=None, unit=" elements", unit_scale=True) as bar:
        yield bar.update
