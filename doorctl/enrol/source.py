"""What every folder of photos looks like to whoever learns from it."""

from __future__ import annotations

from typing import Protocol, Self

from doorctl.core.listing import Changes, Entry
from doorctl.errors import DoorctlError

__all__ = [
    "Changes",
    "Entry",
    "FetchError",
    "PhotoSource",
    "ReadOnlyError",
    "SourceError",
    "UnreachableError",
]


class SourceError(DoorctlError, OSError):
    """The folder cannot be used before a person has done something (EX_CONFIG's neighbour, EX_NOPERM)."""

    exit_code = 77


class UnreachableError(SourceError):
    """The folder cannot be reached for now: try again later (EX_TEMPFAIL).

    Args:
        message: what is wrong.
        hint: what the reader can do about it.
        retry_after: seconds that the other side asks to wait; 0 if it does not say.
    """

    exit_code = 75

    def __init__(self, message: str, hint: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class FetchError(DoorctlError):
    """One file alone cannot be had: it has gone, or what comes is not what was listed (EX_NOINPUT)."""

    exit_code = 66


class ReadOnlyError(SourceError):
    """Nothing may be written to the folder."""


class PhotoSource(Protocol):
    """A folder of photos. Used by one thread at a time."""

    name: str
    """Which folder it is, the same at every start: ``dropbox:/Door photos``, ``folder:/srv/photos``."""

    def changes(self, cursor: str | None) -> Changes:
        """What has happened since ``cursor``; ``None``, or one that is not known any more: everything.

        Raises:
            SourceError, UnreachableError: it cannot be told; nothing is lost.
        """

    def wait(self, cursor: str, seconds: float) -> bool:
        """Return as soon as something may have happened since ``cursor``, or after some seconds.

        Returns:
            whether something may have happened.

        Raises:
            SourceError, UnreachableError: as for ``changes``.
        """

    def fetch(self, entry: Entry, limit: int) -> bytes:
        """The content of a file, checked against its hash; never more than ``limit`` bytes of it.

        Raises:
            FetchError: this file cannot be had.
            SourceError, UnreachableError: as for ``changes``.
        """

    def write(self, path: str, text: str) -> None:
        """Put a text file into the folder, in one piece, over any that is there.

        Raises:
            ReadOnlyError: nothing may be written there.
            SourceError, UnreachableError: as for ``changes``.
        """

    def close(self) -> None:
        """Let go of connections; a ``wait`` in another thread need not return at once."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
