"""Photos from a folder on this machine: a disk, a USB stick, a network share that is mounted."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Self

from doorctl.core.filing import Mark, file_of, ignored, shown
from doorctl.enrol import plain_files
from doorctl.enrol.content_hash import content_hash, file_hash
from doorctl.enrol.folder_errors import ONE_FILE, file_error, folder_error, unmounted, write_error
from doorctl.enrol.plain_files import Found, Seen, TooManyError
from doorctl.enrol.source import Changes, Entry, FetchError, SourceError, UnreachableError

logger = logging.getLogger(__name__)

MOST = 20_000
"""Files and folders. More is no folder of photos: somebody named the wrong one."""
DEPTH = 8
"""Folders in folders; those below the first are only looked into to say that they are not used."""
LARGEST = 64_000_000
"""Bytes. What is larger is no photo and not read, so its hash is empty."""

_UP = {"", ".", ".."}
_LOST = "\ufffd"
"""With two digits for each byte of a name that is not UTF-8: what a path holds can be written anywhere."""


def _denies(path: str) -> bool:
    return isinstance(file_of(path, ends_at="first"), Mark)


@dataclass(frozen=True, slots=True)
class _Look:
    files: dict[str, Seen]
    restless: set[str]
    """Files that may be still being written."""
    mount: str

    @property
    def cursor(self) -> str:
        told = hashlib.sha256()
        for path, seen in sorted(self.files.items()):
            told.update(repr((path, seen, path in self.restless)).encode())
        return f"{told.hexdigest()[:32]}.{self.mount}"


@dataclass(frozen=True, slots=True)
class _Told:
    """A file as it was told of last."""

    entry: Entry
    seen: Seen


class FolderSource:
    """A local folder, see ``PhotoSource``.

    Links, devices and pipes in it are passed over: a link could point at any file of this machine.
    A file that is still being written is told of once it has come to rest, until then as it was before;
    but a mark that denies somebody at once.
    A file that cannot be read, or is larger than ``LARGEST``, has an empty hash; ``fetch`` says why.

    Args:
        path: the folder; it may itself be a link. It need not be there yet.
        poll_seconds: how often ``wait`` looks.
        settle_seconds: how long a file must have rested; 2 is also the coarsest clock of a file system (FAT).
    """

    def __init__(self, path: Path, *, poll_seconds: float = 1.0, settle_seconds: float = 2.0) -> None:
        self.path = path
        self.name = f"folder:{path}"
        self._poll = poll_seconds
        self._settle = settle_seconds
        self._closed = Event()
        self._device: int | None = None
        self._told: dict[str, _Told] | None = None
        self._hashes: dict[Seen, str] = {}
        self._rest: dict[str, tuple[Seen, float, bool]] = {}
        self._real: dict[str, str] = {}
        self._warned = False

    def changes(self, cursor: str | None) -> Changes:
        """Everything that is in the folder; ``complete`` always."""
        look = self._look(cursor)
        if self._told is None:
            # Nothing is known of what was there before: to leave a file out would say that it has gone.
            until = time.monotonic() + 2 * self._settle
            while look.restless and time.monotonic() < until and not self._closed.wait(self._settle / 8):
                look = self._look(cursor)
        told: dict[str, _Told] = {}
        for path, seen in sorted(look.files.items()):
            if self._closed.is_set():
                raise UnreachableError(f"{self.path}: is not looked at any more", "doorctl is stopping")
            if one := self._tell(path, seen, look):
                told[path] = one
        self._told = told
        self._hashes = {seen: hashed for seen in look.files.values() if (hashed := self._hashes.get(seen))}
        self._real = {one.entry.path: path for path, one in told.items() if one.entry.path != path}
        entries = {one.entry.key: one.entry for one in told.values()}
        return Changes(tuple(entries.values()), (), look.cursor, complete=True)

    def wait(self, cursor: str, seconds: float) -> bool:
        """Look at names, sizes and times every ``poll_seconds``; ``close`` ends it."""
        end = time.monotonic() + seconds
        while True:
            start = time.monotonic()
            if self._look(cursor).cursor != cursor:
                return True
            now = time.monotonic()
            # A slow share is not kept busy by being asked.
            pause = max(self._poll, 4 * (now - start))
            if now >= end or self._closed.wait(min(pause, end - now)):
                return False

    def fetch(self, entry: Entry, limit: int) -> bytes:
        """The content of a file, if it is still what was listed."""
        parts, called = self._real.get(entry.path, entry.path).split("/"), shown(entry.path, 200)
        if any(part in _UP for part in parts):
            raise FetchError(f"{called}: is no file in the folder", "use a path as it was listed")
        try:
            with self._open() as root, plain_files.file_below(root, parts) as number:
                size = os.fstat(number).st_size
                with open(number, "rb", closefd=False) as file:
                    data = file.read(limit + 1) if size <= limit else b""
        except SourceError:
            raise
        except OSError as error:
            raise file_error(self.path, called, error) from error
        except ValueError as error:
            raise FetchError(f"{called}: is no file's name", "rename it") from error
        if max(size, len(data)) > limit:
            raise FetchError(f"{called}: is larger than {limit / 1e6:g} MB", "save a smaller copy")
        if not entry.hash:
            raise FetchError(
                f"{called}: was still being written, or could not be read", "it is looked at again"
            )
        if content_hash(data) != entry.hash:
            raise FetchError(f"{called}: has changed since the folder was looked at", "it is looked at again")
        return data

    def write(self, path: str, text: str) -> None:
        """Put a text file into the folder, in UTF-8, with the folders that it lies in."""
        parts = path.split("/")
        if any(part in _UP or "\0" in part for part in parts):
            raise ValueError(f"no place in the folder: {path!a}")
        try:
            with self._open() as root:
                plain_files.write_below(root, parts, text.encode("utf-8", "backslashreplace"))
        except SourceError:
            raise
        except OSError as error:
            raise write_error(self.path, path, error) from error

    def close(self) -> None:
        """End a ``wait`` in another thread."""
        self._closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _open(self, *, moved: bool = False) -> Iterator[int]:
        """The folder's number; unless ``moved`` only if it is on the device that it was on."""
        with ExitStack() as stack:
            try:
                root = stack.enter_context(plain_files.folder(self.path))
                device = os.fstat(root).st_dev
            except OSError as error:
                raise folder_error(self.path, error) from error
            if not moved and self._device not in {None, device}:
                raise unmounted(self.path)
            yield root

    def _look(self, cursor: str | None) -> _Look:
        with self._open(moved=True) as root:
            try:
                device = os.fstat(root).st_dev
                found = plain_files.look(root, skip=ignored, depth=DEPTH, most=MOST)
            except TooManyError as error:
                hint = "let photos.source name a folder that holds nothing but photos of people"
                raise SourceError(f"{self.path}: holds more than {MOST} files", hint) from error
            except OSError as error:
                raise folder_error(self.path, error) from error
        mount = hashlib.sha256(os.fsencode(plain_files.mount_of(self.path))).hexdigest()[:16]
        if not self._is_same_place(device, mount, found, cursor):
            raise unmounted(self.path)
        self._device = device
        if found.strange and not self._warned:
            self._warned = True
            # Without the name, which may be a person's and would outlive them in the journal.
            message = "%s: %d passed over: only plain files and folders are looked at, no links or devices"
            logger.warning(message, self.name, len(found.strange))
        return _Look(found.files, self._restless(found.files), mount)

    def _is_same_place(self, device: int, mount: str, found: Found, cursor: str | None) -> bool:
        """Whether this is the folder of before, not the empty one that a pulled-out stick leaves."""
        if self._device is None:
            # After a start the cursor tells where it was; devices are numbered anew at every boot.
            before = (cursor or "").partition(".")[2]
            return bool(found.files) or before in {"", mount}
        if device == self._device or not self._told:
            return True
        # The same stick in another socket has another number: known by a file that is as it was.
        pairs = ((one.seen, found.files.get(path)) for path, one in self._told.items())
        return any(now and (now.size, now.modified) == (then.size, then.modified) for then, now in pairs)

    def _restless(self, files: dict[str, Seen]) -> set[str]:
        """Files that changed a moment ago, by their own time or since the look before.

        The two differ: on a share the time is another machine's, and a camera's may be years ahead.
        """
        now, clock = time.monotonic(), time.time_ns()
        rest: dict[str, tuple[Seen, float, bool]] = {}
        for path, seen in files.items():
            before = self._rest.get(path)
            rest[path] = before if before and before[0] == seen else (seen, now, before is not None)
        self._rest = rest
        young = {path for path, (_, since, _) in rest.items() if now - since < self._settle}
        return {path for path in young if rest[path][2] or clock - files[path].modified < self._settle * 1e9}

    def _tell(self, path: str, seen: Seen, look: _Look) -> _Told | None:
        """A file as it is, as it was before while it is being written, or not at all if it was not there."""
        hashed = None if path in look.restless else self._hash(path, seen)
        if hashed is None:
            look.restless.add(path)
            if self._told is not None and (path in self._told or not _denies(path)):
                return self._told.get(path)
            hashed = ""  # as it stands in the folder at a start; and a mark's name says all
        utf8 = "".join(f"{_LOST}{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in path)
        return _Told(Entry(utf8, utf8, seen.size, hashed), seen)

    def _hash(self, path: str, seen: Seen) -> str | None:
        """A file's hash; empty if it cannot be read, ``None`` if it has changed meanwhile."""
        if seen.size > LARGEST:
            return ""
        if known := self._hashes.get(seen):
            return known
        try:
            with self._open() as root, plain_files.file_below(root, path.split("/")) as number:
                hashed = file_hash(number)
                after = Seen.of(os.fstat(number))
        except SourceError:
            raise
        except OSError as error:
            if error.errno in plain_files.VANISHED:
                return None
            if error.errno in ONE_FILE:
                return ""
            raise folder_error(self.path, error) from error
        if (after.size, after.modified, after.changed) != (seen.size, seen.modified, seen.changed):
            return None
        self._hashes[seen] = hashed
        return hashed
