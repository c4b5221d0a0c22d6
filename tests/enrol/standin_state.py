"""Listings of the stand-in's files, page by page, and the cursors that carry on from there."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

from tests.enrol.standin_tree import (
    CursorResetError,
    Event,
    Json,
    LookupFailedError,
    Tree,
    WriteFailedError,
    check_path,
    key_of,
    parent_of,
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing goes on: through what was there at its start, then through what has happened since."""

    folder: str
    recursive: bool
    include_deleted: bool
    exportable: bool
    limit: int
    pending: tuple[str, ...]
    """``path_display`` of what was there at the start and has not been told yet."""
    position: int
    """Events that have been told, or happened before the start."""

    def covers(self, key: str) -> bool:
        """Whether the listing tells of a path: of its own folder too if it is recursive, but of no root."""
        if not self.recursive:
            return parent_of(key) == self.folder
        return f"{key}/".startswith(f"{self.folder}/")


class State(Tree):
    """What the account holds, and the cursors that were given out.

    Args:
        owner: account id that uploads are made by.

    Attributes:
        page: most entries in an answer, whatever limit was asked for.
        backoff: seconds that every answer of a longpoll asks to wait; ``None``: it does not ask.
    """

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.page = 2000
        self.backoff: int | None = None
        self._cursors: dict[str, Cursor] = {}

    def list_folder(
        self,
        path: str,
        *,
        recursive: bool = False,
        include_deleted: bool = False,
        exportable: bool = True,
        limit: int = 2000,
    ) -> Json:
        """First page of a folder.

        Raises:
            LookupFailedError: there is no such folder.
        """
        with self.changed:
            if path:
                node = self.find(path)
                if not node.folder:
                    raise LookupFailedError("not_folder")
                path = node.display
            start = Cursor(
                key_of(path), recursive, include_deleted, exportable, limit, (), len(self._journal)
            )
            there = [self._nodes[key].display for key in sorted(self._nodes) if start.covers(key)]
            if include_deleted:
                past = {key_of(event.display): event.display for event in self._journal if event.gone}
                there += [past[key] for key in sorted(past) if start.covers(key) and key not in self._nodes]
            return self._page(replace(start, pending=tuple(there)))

    def list_more(self, cursor: str) -> Json:
        """The next page; of what has happened since, once the listing is through. A cursor works any number
        of times.

        Raises:
            CursorResetError: the cursor is not known.
            LookupFailedError: the folder has gone.
        """
        with self.changed:
            known = self._known(cursor)
            if self._folder_gone(known):
                raise LookupFailedError("not_found")
            return self._page(known)

    def wait(self, cursor: str, seconds: float, cancelled: Callable[[], bool]) -> bool:
        """Wait until the cursor has something to tell.

        Returns:
            whether it has; false after so many seconds, or as soon as ``cancelled`` (and ``wake``) say so.
        """
        with self.changed:
            known = self._known(cursor)
            self.changed.wait_for(
                lambda: cancelled() or cursor not in self._cursors or self._news(known), seconds
            )
            return self._news(self._known(cursor))

    def wake(self) -> None:
        """Let those who wait look whether they are cancelled."""
        with self.changed:
            self.changed.notify_all()

    def reset_cursors(self) -> None:
        """Forget every cursor that was given out."""
        with self.changed:
            self._cursors.clear()
            self.changed.notify_all()

    def upload(
        self,
        path: str,
        data: bytes,
        mode: str,
        rev: str,
        *,
        autorename: bool,
        strict: bool,
        client_modified: str,
    ) -> Json:
        """Write a file as an app does, with the conflicts of ``files.WriteMode``.

        Raises:
            WriteFailedError: it cannot be written.
        """
        with self.changed:
            if path.startswith("id:"):
                path = self.find(path).display
            check_path(path)
            old = self._nodes.get(key_of(path))
            if old is not None and not old.folder and old.data == data and not strict:
                return self.metadata(old)
            if old is None:
                conflict = strict and mode == "update"
            else:
                conflict = old.folder or mode == "add" or (mode == "update" and old.rev != rev)
            if conflict and not autorename:
                raise WriteFailedError("conflict", "folder" if old is not None and old.folder else "file")
            return self.put(self._free(path) if conflict else path, data, client_modified=client_modified)

    def _free(self, path: str) -> str:
        """The path with the first number that no other has: ``/a.txt`` -> ``/a (1).txt``."""
        folder, name = parent_of(path), path.rpartition("/")[2]
        stem, dot, suffix = name.rpartition(".") if "." in name else (name, "", "")
        numbered = (f"{folder}/{stem} ({number}){dot}{suffix}" for number in count(1))
        return next(one for one in numbered if key_of(one) not in self._nodes)

    def _known(self, cursor: str) -> Cursor:
        if cursor not in self._cursors:
            raise CursorResetError
        known = self._cursors[cursor]
        fresh = self._journal[known.position :]
        if not known.recursive and any(
            event.gone and key_of(event.display) == known.folder for event in fresh
        ):
            if self._folder_gone(known):
                return known
            raise CursorResetError
        return known

    def _folder_gone(self, cursor: Cursor) -> bool:
        return bool(cursor.folder) and cursor.folder not in self._nodes

    def _news(self, cursor: Cursor) -> bool:
        if cursor.pending or self._folder_gone(cursor):
            return True
        return any(self._entry(event, cursor) for event in self._journal[cursor.position :])

    def _page(self, cursor: Cursor) -> Json:
        """Entries from the cursor on, and a cursor for what comes after them."""
        size = min(cursor.limit, self.page)
        entries: list[Json] = []
        if cursor.pending:
            for display in cursor.pending[:size]:
                node = self._nodes.get(key_of(display))
                if node is None and cursor.include_deleted:
                    entries.append(self.gone(display))
                elif node is not None and (node.downloadable or cursor.exportable):
                    entries.append(self.metadata(node))
            cursor = replace(cursor, pending=cursor.pending[size:])
        else:
            position = cursor.position
            for event in self._journal[cursor.position :]:
                if len(entries) == size:
                    break
                position += 1
                if entry := self._entry(event, cursor):
                    entries.append(entry)
            cursor = replace(cursor, position=position)
        token = f"AA{secrets.token_urlsafe(60)}"
        self._cursors[token] = cursor
        return {"entries": entries, "cursor": token, "has_more": self._news(cursor)}

    def _entry(self, event: Event, cursor: Cursor) -> Json | None:
        """What a listing tells of an event: nothing where a later one makes up for it."""
        key = key_of(event.display)
        if not cursor.covers(key):
            return None
        node = self._nodes.get(key)
        if event.gone:
            replaced = node is not None and not node.folder and not event.folder
            return None if replaced else self.gone(event.display)
        if node is None or node.event != event.number or not (node.downloadable or cursor.exportable):
            return None
        return self.metadata(node)
