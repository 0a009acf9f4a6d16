"""Arrays of numbers in files and pipes: their headers and their blocks."""

import json
import math
import os
import shlex
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from arraylogit._cli._messages import UsageError, one_line

STANDARD = "-"
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Numbers:
    """An array in an open file, which is positioned after the header."""

    name: str
    file: IO[bytes]
    stored: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool

    @property
    def size(self) -> int:
        """Return how many numbers there are."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of the results: float64 for integers."""
        integers = self.stored.kind in "biu"
        return np.dtype(np.float64) if integers else self.stored.newbyteorder("=")

    def blocks(self, length: int) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the numbers in the order of the file; a block may overwrite the one before."""
        buffer = np.empty(min(length, self.size), self.stored)
        for start in range(0, self.size, length):
            block = buffer[: self.size - start]
            with _told(self.name):
                count = self.file.readinto(block.view(np.uint8).data)  # type: ignore[attr-defined]
            if count < block.nbytes:
                raise _truncated(self, start + count // self.stored.itemsize)
            yield block.astype(self.dtype, copy=False)


def name(source: str) -> str:
    """Return the name of the source for messages."""
    return "standard input" if source == STANDARD else source


def is_stream(source: str) -> bool:
    """Return whether the source is a pipe or a device, next to which no file can be written."""
    if source == STANDARD:
        return True
    try:
        mode = os.stat(source).st_mode
    except OSError:  # reported when it is opened
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


@contextmanager
def opened(source: str) -> Iterator[Numbers | zipfile.ZipFile]:
    """Yield the array of a .npy file, or the archive of a .npz file."""
    standard, called = source == STANDARD, name(source)
    with ExitStack() as stack:
        with _told(called):
            file = stack.enter_context(open(0 if standard else source, "rb", closefd=not standard))
        if file.isatty():
            raise UsageError(f"{called} is a terminal: name a file, or pipe one in")
        magic = _read(file, npy.MAGIC_LEN, called)
        if not magic:
            raise UsageError(f"{called} is empty")
        if not magic.startswith(b"PK"):
            if not _is_array(magic):
                head = magic + _read(file, 1024, called)
                raise UsageError(_what_else(head, called, "FILE" if standard else source))
            yield _header(magic, file, called)
            return
        archive: IO[bytes] = file
        if not file.seekable():  # an archive must be seekable
            archive = stack.enter_context(tempfile.TemporaryFile())
            with _told(called):
                archive.write(magic)
                shutil.copyfileobj(file, archive)
        with _told(called):
            content = stack.enter_context(zipfile.ZipFile(archive))
        yield content


@contextmanager
def member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, source: str) -> Iterator[Numbers]:
    """Yield an array of a .npz file."""
    called = f"{name(source)}, {info.filename.removesuffix('.npy')!r}"
    with _told(called):
        file = archive.open(info)
    with file:
        magic = _read(file, npy.MAGIC_LEN, called)
        if not _is_array(magic):
            raise UsageError(f"{called} is no array")
        yield _header(magic, file, called)


def _is_array(magic: bytes) -> bool:
    return magic[: len(npy.MAGIC_PREFIX)] == npy.MAGIC_PREFIX[: len(magic)]


def _header(magic: bytes, file: IO[bytes], name: str) -> Numbers:
    version = tuple(magic[len(npy.MAGIC_PREFIX) :])
    try:
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran_order, dtype = read(file)
        if min(shape, default=0) < 0:
            raise ValueError(f"the shape {shape}")
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    except Exception as error:  # a damaged header raises more than NumPy documents
        raise UsageError(
            f"the header of {name} is damaged or truncated: {one_line(error)}"
        ) from None
    numbers = Numbers(name, file, dtype, shape, fortran_order)
    _check(numbers)
    return numbers


def _check(numbers: Numbers) -> None:
    name, dtype = numbers.name, numbers.stored
    mend = "numpy.save(FILE, numpy.load(FILE{}).astype(float)) makes numbers of them"
    if dtype.hasobject:
        pickled = mend.format(", allow_pickle=True")
        raise UsageError(f"{name} holds Python objects, not numbers: {pickled}")
    if dtype.kind in "SUT":
        raise UsageError(f"{name} holds text, not numbers: {mend.format('')}")
    if dtype.kind not in "biuf":
        raise UsageError(
            f"{name} must hold booleans, integers or real floating-point numbers, got {dtype}"
        )
    if isinstance(numbers.file, zipfile.ZipExtFile) or not numbers.file.seekable():
        return  # a missing end is found when it is reached
    there = os.fstat(numbers.file.fileno()).st_size - numbers.file.tell()
    if there < numbers.size * dtype.itemsize:
        raise _truncated(numbers, there // dtype.itemsize)


def _read(file: IO[bytes], length: int, name: str) -> bytes:
    with _told(name):
        return file.read(length)


@contextmanager
def _told(name: str) -> Iterator[None]:
    # Turn errors of a file into messages of one line.
    try:
        yield
    except DAMAGED as error:
        raise UsageError(
            f"{name} is a damaged or truncated .npz file: {one_line(error)}"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None


def _truncated(numbers: Numbers, there: int) -> UsageError:
    return UsageError(
        f"{numbers.name} is truncated: {there} of its {numbers.size} numbers are there"
    )


def _what_else(head: bytes, name: str, path: str) -> str:
    if head.startswith(b"PAR1"):
        what, load = "a Parquet file", f'pandas.read_parquet({_quoted(path)})["COLUMN"]'
    elif _is_text(head):
        what, load = "text", _load_text(head, path)
    else:
        return f"{name} is neither a .npy nor a .npz file"
    imports = f"import numpy{', pandas' if 'pandas' in load else ''}"
    recipe = shlex.quote(f"{imports}; numpy.save({_quoted(f'{path}.npy')}, {load})")
    return f"{name} is {what}, not a .npy file; this makes one of it: python -c {recipe}"


def _load_text(head: bytes, path: str) -> str:
    (first, *_) = head.decode("utf-8", "ignore").splitlines()
    separator = next((c for c in ",;" if c in first), None)
    options = f', delimiter="{separator}"' if separator else ""
    try:
        list(map(float, first.split(separator)))
    except ValueError:  # names of columns
        return f'numpy.genfromtxt({_quoted(path)}{options}, names=True)["COLUMN"]'
    return f"numpy.loadtxt({_quoted(path)}{options})"


def _quoted(text: str) -> str:
    return json.dumps(text)  # in double quotes: the shell's are single ones


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")  # a character may be cut at the end
    return len(text.encode()) >= len(head) - 3 and all(
        c.isprintable() or c.isspace() for c in text
    )
