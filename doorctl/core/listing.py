"""What a folder of photos holds, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the folder."""

    path: str
    """From the folder on, as it is shown, parted by ``/``: ``Grace Hopper/portrait.jpg``."""
    key: str
    """What tells this path from others: in lower case where capitals do not matter."""
    size: int
    """Bytes."""
    hash: str
    """Dropbox's content hash of what is in it, 64 hexadecimal digits."""
    by: str = ""
    """Who changed it last, where the folder tells."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What has happened in the folder since a cursor, in one piece however many pages it took."""

    entries: tuple[Entry, ...]
    """Files as they are now, each once."""
    deleted: tuple[str, ...]
    """Keys of what has gone, each with everything below it."""
    cursor: str
    """Where the next changes begin."""
    complete: bool
    """Whether ``entries`` is everything that there is, so that what is not among them has gone."""
