"""A Dropbox folder as a source of photos: what changes in it, at once where Dropbox can say so."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from time import monotonic
from typing import Any, Self

from dropbox.exceptions import ApiError, BadInputError
from dropbox.files import ListFolderLongpollArg, WriteMode, list_folder_longpoll

from doorctl.enrol.content_hash import content_hash
from doorctl.enrol.dropbox_client import Hosts, Timeouts, connect
from doorctl.enrol.dropbox_errors import (
    file_refused,
    folder_refused,
    translated,
    write_refused,
)
from doorctl.enrol.dropbox_fold import Fold
from doorctl.enrol.source import Changes, Entry, FetchError, SourceError, UnreachableError
from doorctl.enrol.token import Token

_log = logging.getLogger(__name__)

CHUNK = 64 * 1024
"""Bytes that are read at a time, between looks at whether to stop."""

LONGPOLL_SECONDS = (30, 480)
"""What Dropbox takes for a long poll."""


class DropboxFolder:
    """A ``PhotoSource``: a folder in somebody's Dropbox, and everything below it.

    Used by one thread at a time, but for ``close``.

    Args:
        app_key: the key of the Dropbox app.
        folder: ``/Door photos``, or empty for all that the app may see.
        token: what lets us in.
        longpoll: whether to have Dropbox answer the moment something changes.
        poll_seconds: time between looks without that.
        timeouts: how long a call may last. A hang is cut after ``timeouts.read`` s at the latest, but for a
            long poll and for the looking up of a host's name, which is the operating system's.
        hosts: whom to ask, and whom to trust.
    """

    def __init__(
        self,
        app_key: str,
        folder: str,
        token: Token,
        *,
        longpoll: bool = True,
        poll_seconds: float = 60.0,
        timeouts: Timeouts | None = None,
        hosts: Hosts | None = None,
    ) -> None:
        self.name = f"dropbox:{folder or '/'}"
        self._folder = folder
        self._timeouts = timeouts or Timeouts()
        self._client = connect(app_key, token, hosts or Hosts(), self._timeouts)
        self._poll_seconds = poll_seconds
        self._closed = threading.Event()
        self._looked = -poll_seconds
        self._longpoll = longpoll
        self._longpoll_failed = 0
        self._longpoll_from = self._quiet_until = 0.0

    def changes(self, cursor: str | None) -> Changes:
        """What has happened since ``cursor``, folded to one net result.

        Where that does not tell all, such as when a folder stands where a file stood, everything is listed,
        and ``complete`` is true. No key of ``entries`` is in ``deleted`` or below one that is. Nothing is
        below a key of ``entries`` any more: a file ``a.jpg`` ousts a folder of that name, and all in it.

        Raises:
            SourceError, UnreachableError: it cannot be told; nothing is lost.
        """
        self._looked = monotonic()
        with translated(folder_refused(self._folder)):
            if cursor is not None and (found := self._since(cursor)):
                fold, new = found
                if not fold.unclear:
                    return Changes(tuple(fold.files.values()), tuple(fold.deleted), new, complete=False)
            fold, new = self._pages(self._client.files_list_folder(self._folder, recursive=True))
            return Changes(tuple(fold.files.values()), (), new, complete=True)

    def _since(self, cursor: str) -> tuple[Fold, str] | None:
        """What has happened since a cursor; ``None`` if Dropbox does not know it any more."""
        try:
            return self._pages(self._client.files_list_folder_continue(cursor))
        except (ApiError, BadInputError):
            # Too old, another account's, or never one; or the folder has gone, as listing it will tell.
            pass
        _log.info("%s: the cursor is not known any more, so everything is listed", self.name)
        return None

    def _pages(self, page: Any) -> tuple[Fold, str]:
        """This page and all that follow, as one, and the last one's cursor."""
        fold = Fold(self._folder)
        while True:
            for metadata in page.entries:
                fold.add(metadata)
            if not page.has_more:
                return fold, page.cursor
            self._go_on()
            page = self._client.files_list_folder_continue(page.cursor)

    def wait(self, cursor: str, seconds: float) -> bool:
        """Return as soon as something may have happened since ``cursor``, or after some seconds.

        A long poll may last up to 30 s or ``seconds``, and 90 s longer. Where it is off or fails, the
        answer is yes once in ``poll_seconds``.

        Returns:
            whether something may have happened; never after ``close``, which ends a sleep at once, but not
            a long poll that has begun.

        Raises:
            UnreachableError: Dropbox asks to be left alone for a while.
        """
        end = monotonic() + seconds
        if self._longpoll and monotonic() >= self._longpoll_from:
            if self._sleep(min(self._quiet_until - monotonic(), seconds)) or monotonic() >= end:
                return False
            answer = self._poll_long(cursor, end - monotonic())
            if answer is not None:
                return answer and not self._closed.is_set()
        return self._look_soon(end - monotonic())

    def _poll_long(self, cursor: str, seconds: float) -> bool | None:
        """Whether something has changed; ``None`` if long polling fails."""
        least, most = LONGPOLL_SECONDS
        asked = int(min(max(seconds, least), most))
        limits = (self._timeouts.connect, asked + self._timeouts.longpoll_grace)
        try:
            with translated(lambda reason: SourceError(f"long polling is refused ({reason})")):
                try:
                    question = ListFolderLongpollArg(cursor, asked)
                    result = self._client.request(
                        list_folder_longpoll, "files", question, None, timeout=limits
                    )
                except ApiError as error:
                    if error.error.is_reset():
                        return True  # ``changes`` will find out
                    raise
        except SourceError as error:
            # Whatever it is: if it is wrong with more than long polling, ``changes`` will say so.
            if isinstance(error, UnreachableError) and error.retry_after:
                raise
            if not self._longpoll_failed:
                _log.warning(
                    "%s: long polling fails (%s); looking every %g s", self.name, error, self._poll_seconds
                )
            rest = self._timeouts.longpoll_again * 2.0 ** min(self._longpoll_failed, 30)
            self._longpoll_failed += 1
            self._longpoll_from = monotonic() + min(rest, self._timeouts.longpoll_rest)
            return None
        if self._longpoll_failed:
            _log.info("%s: long polling works again", self.name)
        self._longpoll_failed = 0
        self._quiet_until = monotonic() + (result.backoff or 0)
        return bool(result.changes)

    def _look_soon(self, seconds: float) -> bool:
        """Sleep until it is time to look again, or so many seconds."""
        left = self._looked + self._poll_seconds - monotonic()
        if self._sleep(min(left, seconds)) or left > seconds:
            return False
        self._looked = monotonic()
        return True

    def _sleep(self, seconds: float) -> bool:
        """Sleep; whether ``close`` was called before or meanwhile."""
        return self._closed.wait(max(seconds, 0.0))

    def fetch(self, entry: Entry, limit: int) -> bytes:
        """The content of a file, checked against its hash; no file of more than ``limit`` bytes is begun.

        Raises:
            FetchError: it is too large, has gone or changed, or cannot be had.
            SourceError, UnreachableError: as for ``changes``.
        """
        if entry.size > limit:
            raise FetchError(f"{entry.path}: {entry.size} bytes, expected at most {limit}", "make it smaller")
        with translated(file_refused(entry.path)):
            for _ in range(2):
                data = self._download(entry)
                if len(data) == entry.size and content_hash(data) == entry.hash:
                    return data
        raise FetchError(f"{entry.path}: what comes is not what was listed", "put it there again")

    def _download(self, entry: Entry) -> bytes:
        """What the server sends for a file, one byte more than its size at most."""
        metadata, response = self._client.files_download(self._full(entry.path))
        with closing(response):
            if metadata.content_hash != entry.hash:
                raise FetchError(
                    f"{entry.path}: it is not what was listed any more", "it comes again with the next look"
                )
            data = bytearray()
            while len(data) <= entry.size:
                self._go_on()
                piece = response.raw.read(min(CHUNK, entry.size + 1 - len(data)), decode_content=True)
                if not piece:
                    break
                data += piece
            return bytes(data)

    def write(self, path: str, text: str) -> None:
        """Put a text file (UTF-8) into the folder, over any that is there; Dropbox tells nobody of it.

        Raises:
            ReadOnlyError: nothing may be written there, or there is no space.
            SourceError, UnreachableError: as for ``changes``.
        """
        with translated(write_refused(path)):
            self._client.files_upload(text.encode(), self._full(path), mode=WriteMode.overwrite, mute=True)

    def _full(self, path: str) -> str:
        return f"{self._folder}/{path}"

    def _go_on(self) -> None:
        """Stop between two pieces of work after ``close``.

        Raises:
            UnreachableError: it was called.
        """
        if self._closed.is_set():
            raise UnreachableError("the connection to Dropbox was closed here")

    def close(self) -> None:
        """Let go of connections, from any thread: a sleeping ``wait`` ends at once, a call under way not."""
        self._closed.set()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
