"""Files below a folder, reached without following any link that somebody put there.

Every step down is taken from the folder above it (openat), so that a folder which turns
into a link between a look and the next step leads nowhere. Names that are not UTF-8 are
strings with surrogates in here, as Python's ``os`` has them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe or a device that took a file's place must not block, or become the terminal.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
VANISHED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
"""It went away, or became a link, while the folder was being looked at."""


class TooManyError(OSError):
    """There are more files than are looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What tells that a file is the same and unchanged, as far as the system knows without reading it."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Seen:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(slots=True)
class Found:
    """Everything in a folder."""

    files: dict[str, Seen] = field(default_factory=dict)
    """Plain files by path from the folder on."""
    strange: list[str] = field(default_factory=list)
    """Links, devices, pipes and sockets, and folders that lie too deep."""


@contextmanager
def folder(path: str | Path, parent: int | None = None) -> Iterator[int]:
    """An open folder's number; below ``parent`` no link is followed."""
    number = os.open(path, _FOLDER | (0 if parent is None else os.O_NOFOLLOW), dir_fd=parent)
    try:
        yield number
    finally:
        os.close(number)


@contextmanager
def file_below(root: int, parts: Sequence[str]) -> Iterator[int]:
    """An open plain file's number.

    Raises:
        OSError: it cannot be opened; ELOOP if it, or a folder on the way, is a link or no plain file.
    """
    with contextlib.ExitStack() as stack:
        for name in parts[:-1]:
            root = stack.enter_context(folder(name, root))
        number = os.open(parts[-1], _FILE, dir_fd=root)
        stack.callback(os.close, number)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.ELOOP, "is no plain file")
        yield number


def look(root: int, *, skip: Callable[[str], bool], depth: int, most: int) -> Found:
    """All files in a folder and in the folders in it.

    Args:
        root: number of the open folder.
        skip: whether a path is left out; a folder's ends with a slash, and all in it is left out too.
        depth: how many folders deep.
        most: how many things may be there, those left out included.

    Raises:
        TooManyError: there are more.
        OSError: a folder cannot be read; ``filename`` is its path from ``root`` on.
    """
    found, count, where = Found(), 0, ""

    def walk(number: int, prefix: str, left: int) -> None:
        nonlocal count, where
        folders = []
        with os.scandir(number) as entries:
            for entry in entries:
                count += 1
                if count > most:
                    raise TooManyError(errno.EFBIG, f"more than {most}")
                path = prefix + entry.name
                if skip(path + "/" if entry.is_dir(follow_symlinks=False) else path):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    found.files[path] = Seen.of(status)
                elif stat.S_ISDIR(status.st_mode) and left:
                    folders.append(entry.name)
                else:
                    found.strange.append(path)
        for name in folders:
            where = prefix + name
            try:
                with folder(name, number) as below:
                    walk(below, f"{where}/", left - 1)
            except OSError as error:
                if error.errno not in VANISHED:
                    raise

    try:
        walk(root, "", depth)
    except OSError as error:
        error.filename = where
        raise
    return found


def write_below(root: int, parts: Sequence[str], data: bytes) -> None:
    """Write a file in one piece, over any that is there, with the folders that it lies in.

    Whoever reads it meanwhile finds the old one or the new one, also after a power cut.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    with contextlib.ExitStack() as stack:
        for name in parts[:-1]:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=root)
            root = stack.enter_context(folder(name, root))
        # Hidden, and always the same: what a power cut left behind is written over.
        new = f".{parts[-1]}.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new, dir_fd=root)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        number = os.open(new, flags, 0o644, dir_fd=root)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(number)
            os.replace(new, parts[-1], src_dir_fd=root, dst_dir_fd=root)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(new, dir_fd=root)
            raise
        # Some file systems, such as vfat over FUSE, cannot do this for folders.
        with contextlib.suppress(OSError):
            os.fsync(root)


def mount_of(path: Path) -> Path:
    """Where the device that a folder is on is mounted, as far up as can be looked."""
    place = path.resolve()
    try:
        device = place.stat().st_dev
        while place != place.parent and place.parent.stat().st_dev == device:
            place = place.parent
    except OSError:
        pass
    return place
