"""Dropbox's content hash, so that a file need not be fetched to know that it has not changed.

Published, with a worked example, at https://www.dropbox.com/developers/reference/content-hash
and as code at https://github.com/dropbox/dropbox-api-content-hasher.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

BLOCK = 4 * 1024 * 1024
"""Bytes of one block, as Dropbox defines it."""


def content_hash(data: bytes) -> str:
    """SHA-256 over the SHA-256 of every 4 MiB of ``data``: 64 hexadecimal digits, in lower case."""
    whole = hashlib.sha256()
    view = memoryview(data)
    for start in range(0, len(data), BLOCK):
        whole.update(hashlib.sha256(view[start : start + BLOCK]).digest())
    return whole.hexdigest()


def file_hash(path: Path | str | int) -> str:
    """The same of a file's content, holding one block of it at a time.

    Args:
        path: the file; or the number of an open one, read from where it stands and left open.

    Raises:
        OSError: it cannot be read.
    """
    whole = hashlib.sha256()
    # Path.open cannot take the number of a file that has been opened and checked.
    with open(path, "rb", closefd=not isinstance(path, int)) as file:
        while block := file.read(BLOCK):
            whole.update(hashlib.sha256(block).digest())
    return whole.hexdigest()
