"""What the system's errors mean to whoever looks after a folder of photos."""

from __future__ import annotations

import errno
import shlex
from pathlib import Path

from doorctl.core.filing import shown
from doorctl.enrol.source import FetchError, ReadOnlyError, SourceError, UnreachableError

_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_ODD = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.ENAMETOOLONG}
ONE_FILE = _ODD | _FORBIDDEN | {errno.EIO}
"""Errors that tell of one file, not of the whole folder."""


def unmounted(path: Path) -> UnreachableError:
    """The device that the folder was on is not there."""
    hint = "plug it in or mount it; if the folder has moved on purpose, put a photo there and restart doorctl"
    return UnreachableError(f"{shown(str(path), 200)}: what was mounted there has gone", hint)


def folder_error(path: Path, error: OSError) -> SourceError:
    """The folder, or one in it that ``error.filename`` names, cannot be used.

    The one in it may go by a person's name. It is not told, for this stands in events and in the journal.
    """
    place = shown(str(path), 200)
    within = bool(error.filename) and Path(error.filename) not in {Path(), path}
    if error.errno == errno.ENOENT:
        hint = "plug in or mount what it is on, or correct photos.source"
        return UnreachableError(f"{place}: there is no such folder", hint)
    if error.errno == errno.ENOTDIR:
        return SourceError(f"{place}: is not a folder", "correct photos.source")
    if error.errno in _FORBIDDEN:
        hint = "let the user that doorctl runs as read it, with everything in it"
        if within:
            hint += f"; that user's 'find {shlex.quote(str(path))} ! -readable' names what it may not"
        what = "a folder in it may not be read" if within else "may not be read"
        return SourceError(f"{place}: {what}: {error.strerror}", hint)
    what = "a folder in it cannot be read" if within else "cannot be read"
    return UnreachableError(f"{place}: {what}: {error.strerror}", "check the disk or the network")


def file_error(path: Path, called: str, error: OSError) -> FetchError | SourceError:
    """A file in it cannot be read; ``called`` is how messages call it."""
    if error.errno == errno.ENOENT:
        return FetchError(f"{called}: has gone", "put it back if it is still needed")
    if error.errno in _FORBIDDEN:
        return FetchError(f"{called}: may not be read", "let the user that doorctl runs as read it")
    if error.errno in _ODD:
        return FetchError(f"{called}: is no plain file any more", "put the photo itself there, no link to it")
    if error.errno in ONE_FILE:
        return FetchError(f"{called}: cannot be read: {error.strerror}", "copy it again")
    return folder_error(path, error)


def write_error(path: Path, file: str, error: OSError) -> SourceError:
    """A file cannot be written to it."""
    where = f"{shown(f'{path}/{file}', 200)}: cannot be written"
    if error.errno in _FULL:
        return ReadOnlyError(f"{where}: no space is left", "remove files there")
    if error.errno in _FORBIDDEN:
        hint = "let the user that doorctl runs as write there; until then it only reads"
        return ReadOnlyError(f"{where}: {error.strerror}", hint)
    if error.errno in _ODD:
        return ReadOnlyError(f"{where}: {error.strerror}", f"move away what is in the way of {shown(file)}")
    return folder_error(path, error)
