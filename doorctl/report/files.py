"""Files for people to take away: written whole or not at all, for their owner alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from doorctl.errors import OutputError

HINT = "name a file in a directory of yours"


@contextmanager
def whole_file(
    path: Path, *, replace: bool, encoding: str = "utf-8", newline: str = "\n"
) -> Iterator[TextIO]:
    """A file to write, mode 0600, that takes its place once it is complete.

    Args:
        path: where it goes.
        replace: whether it may take the place of one that is there.
        encoding, newline: as for ``open``.

    Raises:
        OutputError: it cannot be written, or is there already and may not be replaced.
    """
    if not replace and os.path.lexists(path):
        raise taken(path)
    if path.exists() and not path.is_file():
        raise OutputError(f"{path}: is no file that could be replaced", HINT)
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)  # for its owner alone
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}", HINT) from error
    try:
        with os.fdopen(number, "w", encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _put(name, path, replace)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: cannot be written: {error.strerror}", HINT) from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108 - what mkstemp gave is a string


def taken(path: Path) -> OutputError:
    """What is said where a file would be overwritten."""
    return OutputError(f"{path} exists already", "name another file, or replace it with --force")


def _put(name: str, path: Path, replace: bool) -> None:
    if replace:
        os.replace(name, path)  # noqa: PTH105
        return
    try:
        os.link(name, path)  # unlike a rename it never replaces what somebody else has just put there
    except FileExistsError as error:
        raise taken(path) from error
    except OSError:  # a memory stick's file system knows no links
        os.rename(name, path)  # noqa: PTH104
