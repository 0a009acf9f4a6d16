"""Where results go: a file that appears when it is complete, or a stream."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from arraylogit._cli._messages import UsageError
from arraylogit._cli._signals import removed_at_the_end

STANDARD = "-"
INCOMPLETE = ".arraylogit-incomplete"


def name(target: str) -> str:
    """Return the name of the target for messages."""
    return "standard output" if target == STANDARD else target


def check(target: str, force: bool) -> None:
    """Raise an error if the target cannot be written to or may not be replaced."""
    if target != STANDARD and not _is_stream(target) and Path(target).exists() and not force:
        raise UsageError(f"{target} exists: --force replaces it")


@contextmanager
def writable(target: str, force: bool) -> Iterator[IO[bytes]]:
    """Yield a file to write to; an error leaves nothing of it."""
    check(target, force)
    opened = _stream(target) if target == STANDARD or _is_stream(target) else _replacing(target)
    try:
        with opened as file:
            if file.isatty():
                raise UsageError(f"{name(target)} is a terminal: name a file, or pipe it on")
            yield file
            check(target, force)  # somebody else may have made it meanwhile
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write {name(target)}: {error.strerror}") from None


def left_over(target: str) -> Iterator[Path]:
    """Yield the files that killed runs have left next to the target."""
    if target != STANDARD:
        for path in Path(os.path.realpath(target)).parent.glob(f".*{INCOMPLETE}"):
            with suppress(OSError), path.open("rb") as file:
                if _lock(file):
                    yield path


def _is_stream(target: str) -> bool:
    # A symbolic link is followed.
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise UsageError(f"cannot write {target}: it is a directory")
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return True
    if not stat.S_ISREG(mode):
        raise UsageError(f"cannot write {target}: it is no file, pipe or character device")
    return False


def _stream(target: str) -> IO[bytes]:
    if target == STANDARD:
        return open(1, "wb", closefd=False)
    # Neither created nor truncated.
    return open(target, "wb", opener=lambda path, flags: os.open(path, os.O_WRONLY))


@contextmanager
def _replacing(target: str) -> Iterator[IO[bytes]]:
    final = Path(os.path.realpath(target))
    temporary = final.with_name(f".{final.name[:50]}.{secrets.token_hex(4)}{INCOMPLETE}")
    with removed_at_the_end(temporary):
        with temporary.open("xb") as file:
            _lock(file)
            if final.exists():
                with suppress(OSError, AttributeError):  # only root may, and not everywhere
                    old = final.stat()
                    os.chown(temporary, old.st_uid, old.st_gid)
                shutil.copymode(final, temporary)
            yield file
        os.replace(temporary, final)


def _lock(file: IO[bytes]) -> bool:
    # Lock the file for the life of this process; return whether that worked, True on systems
    # without locks.
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True
