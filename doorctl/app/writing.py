"""Files that take their place in one step, or not at all, readable by their owner alone."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_private(file: Path, content: bytes, *, owner_of: Path | None = None) -> None:
    """Write a file whole; it survives a power cut once this returns.

    Args:
        file: its directory must be there.
        content: all of it.
        owner_of: where root writes it, it becomes whoever's this is.

    Raises:
        OSError: it cannot be written; then nothing is left of it, and the one that was there stays.
    """
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600 from the start
    try:
        with os.fdopen(handle, "wb") as new:
            if owner_of is not None and os.geteuid() == 0:
                owner = owner_of.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
            new.write(content)
            new.flush()
            os.fsync(handle)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems (FAT on a stick) cannot sync a directory
            os.fsync(directory)
    finally:
        os.close(directory)
