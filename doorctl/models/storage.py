"""Putting files in place whole or not at all, and telling whether they still are."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doorctl.errors import ModelError


class DirectoryError(ModelError):
    """The models directory cannot be used, wherever the models come from."""


_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FOR_ALL_TO_READ = 0o644
_PIECE = 1 << 20


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file in one step that survives a power cut; until then the old one stays.

    Raises:
        DirectoryError: the disk is full, or the directory cannot be written.
    """
    temporary: Path | None = None
    with told(file.parent):
        try:
            handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
            temporary = Path(name)
            with os.fdopen(handle, "wb") as output:
                output.write(content)
                output.flush()
                os.fchmod(output.fileno(), _FOR_ALL_TO_READ)
                os.fsync(output.fileno())
            temporary.replace(file)
            _sync(file.parent)
        except BaseException:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            raise


def sha256_of(file: Path) -> str | None:
    """A file's sha256 in hexadecimal, or ``None`` if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as source:
            while piece := source.read(_PIECE):
                digest.update(piece)
    except OSError:
        return None
    return digest.hexdigest()


@contextmanager
def told(directory: Path) -> Iterator[None]:
    """Turn the system's errors about ``directory`` into ``DirectoryError``."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise DirectoryError(
                f"no space is left for models in {directory}", "free some; what was installed before still is"
            ) from error
        raise DirectoryError(
            f"models cannot be written to {directory} ({error.strerror or error})",
            "check that the directory can be written by this user",
        ) from error


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Make ``directory`` and keep other installations out of it for a while.

    Raises:
        DirectoryError: it cannot be made or read, or another installation is at work.
    """
    with told(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DirectoryError(f"another installation is at work in {directory}", "wait for it") from error
        yield
    finally:
        os.close(lock)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        # Some file systems (FAT on a stick) cannot sync a directory; the file itself is synced.
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
