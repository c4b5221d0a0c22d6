"""The files that the Dropbox stand-in holds, and everything that has ever happened to them."""

from __future__ import annotations

import hashlib
import secrets
import threading
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

BLOCK = 4 * 1024 * 1024
"""Bytes that Dropbox hashes at a time: https://www.dropbox.com/developers/reference/content-hash"""
DISALLOWED = {".ds_store", ".dropbox", "desktop.ini", "icon\r", "thumbs.db"}


class LookupFailedError(Exception):
    """Nothing fitting stands at a path; the argument is the tag of ``files.LookupError``."""


class WriteFailedError(Exception):
    """A path cannot be written; the arguments are tags of ``files.WriteError``, outermost first."""


class CursorResetError(Exception):
    """A cursor that is not known, or not any more."""


def content_hash(data: bytes) -> str:
    """Dropbox's hash of a file: SHA-256 over the SHA-256 of each block, in hexadecimal."""
    blocks = [hashlib.sha256(data[at : at + BLOCK]).digest() for at in range(0, len(data), BLOCK)]
    return hashlib.sha256(b"".join(blocks)).hexdigest()


def dbid(name: str) -> str:
    """An account id as Dropbox makes them, 40 characters, always the same for a name."""
    return f"dbid:{hashlib.sha256(name.encode()).hexdigest()[:35]}"


def key_of(path: str) -> str:
    """What tells paths apart: ``path_lower``."""
    return unicodedata.normalize("NFC", path).lower()


def parent_of(path: str) -> str:
    """``/a/b`` -> ``/a``, ``/a`` -> the root."""
    return path.rpartition("/")[0]


def check_path(path: str) -> None:
    """Raise for a path that is malformed, or the root's."""
    root, *parts = path.split("/")
    if root or not parts or any(part in {"", ".", ".."} or len(part) > 255 for part in parts):
        raise LookupFailedError("malformed_path")


@dataclass(frozen=True, slots=True)
class Node:
    """A file or folder as it is now, or a revision as it was."""

    display: str
    event: int
    id: str
    folder: bool
    data: bytes = b""
    rev: str = ""
    server_modified: str = ""
    client_modified: str = ""
    by: str = ""
    downloadable: bool = True


@dataclass(frozen=True, slots=True)
class Event:
    """A path came or changed, or went."""

    number: int
    display: str
    gone: bool
    folder: bool


class Tree:
    """Files and folders of one account, written to by tests and by uploads. Thread-safe.

    Args:
        owner: account id that uploads are made by.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.changed = threading.Condition()
        self._nodes: dict[str, Node] = {}
        self._journal: list[Event] = []
        self._revisions: dict[str, Node] = {}
        self._shared: dict[str, str] = {}

    def put(
        self, path: str, data: bytes, by: str = "", *, client_modified: str = "", downloadable: bool = True
    ) -> Json:
        """Write a file as some user, with the folders above it; always a new revision.

        Args:
            by: account id of the user, see ``dbid``; if given, the file must be in a folder, which is
                shared unless it is already, as Dropbox tells who changed a file in shared folders only.
            downloadable: false for what can only be exported, such as a Paper document.

        Returns:
            the file's metadata.
        """
        check_path(path)
        if by and len(by) != 40:
            raise ValueError(f"{by!r} is no account id: use dbid('a name')")
        with self.changed:
            display = self._place(path)
            if by and not self._sharer(key_of(display)):
                self.share(parent_of(display))
            old = self._nodes.get(key_of(display))
            if old is not None and old.folder:
                raise WriteFailedError("conflict", "folder")
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            node = Node(
                display=display,
                event=0,
                id=old.id if old else f"id:{secrets.token_urlsafe(16)}",
                folder=False,
                data=data,
                server_modified=now,
                client_modified=client_modified or now,
                by=by or self.owner,
                downloadable=downloadable,
            )
            return self.metadata(self._write(node))

    def mkdir(self, path: str) -> Json:
        """Make a folder, with those above it; one that is there stays."""
        check_path(path)
        with self.changed:
            display = self._place(path)
            node = self._nodes.get(key_of(display))
            if node is None:
                node = self._write(Node(display, 0, f"id:{secrets.token_urlsafe(16)}", folder=True))
            elif not node.folder:
                raise WriteFailedError("conflict", "file")
            return self.metadata(node)

    def share(self, path: str) -> None:
        """Make a folder a shared one: what is below it tells who changed it."""
        with self.changed:
            if not path or not self.find(path).folder:
                raise ValueError("only a folder below the root can be shared")
            self._shared[key_of(path)] = str(84_528_192_421 + len(self._shared))

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with everything in it: one deleted entry, as Dropbox reports it."""
        with self.changed:
            node = self.find(path)
            for key in self._below(key_of(node.display)):
                del self._nodes[key]
                self._shared.pop(key, None)
            self._note(node.display, gone=True, folder=node.folder)

    def move(self, source: str, target: str) -> None:
        """Move a file or folder: a deleted entry, and a new one for each path, with the ids it had."""
        check_path(target)
        with self.changed:
            node = self.find(source)
            if key_of(target).startswith(key_of(node.display) + "/"):
                raise ValueError("a folder cannot be moved into itself")
            same = key_of(target) == key_of(node.display)
            if key_of(target) in self._nodes and not same:
                raise WriteFailedError("conflict", "folder" if self.find(target).folder else "file")
            moved = [self._nodes[key] for key in self._below(key_of(node.display))]
            shared = dict(self._shared)
            self.delete(source)
            display = self._place(target)
            for old in moved:
                new = self._write(replace(old, display=display + old.display[len(node.display) :]))
                if key_of(old.display) in shared:
                    self._shared[key_of(new.display)] = shared[key_of(old.display)]

    def find(self, path: str) -> Node:
        """What stands at a path, an ``id:`` or a ``rev:``; not the root.

        Raises:
            LookupFailedError: ``not_found`` or ``malformed_path``.
        """
        with self.changed:
            if path.startswith("rev:"):
                found = self._revisions.get(path.removeprefix("rev:"))
            elif path.startswith("id:"):
                found = next((node for node in self._nodes.values() if node.id == path), None)
            else:
                check_path(path)
                found = self._nodes.get(key_of(path))
            if found is None:
                raise LookupFailedError("not_found")
            return found

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return self.find(path).data

    def paths(self) -> list[str]:
        """Every file, by ``path_display``, sorted."""
        with self.changed:
            return sorted(node.display for node in self._nodes.values() if not node.folder)

    def metadata(self, node: Node) -> Json:
        """What Dropbox tells of a file or folder, with its ``.tag``."""
        with self.changed:
            key = key_of(node.display)
            shown: Json = {
                ".tag": "folder" if node.folder else "file",
                "name": node.display.rpartition("/")[2],
                "path_lower": key,
                "path_display": node.display,
                "id": node.id,
            }
            sharer = self._sharer(key)
            if not node.folder:
                shown |= {
                    "client_modified": node.client_modified,
                    "server_modified": node.server_modified,
                    "rev": node.rev,
                    "size": len(node.data),
                    "is_downloadable": node.downloadable,
                    "content_hash": content_hash(node.data),
                }
                if not node.downloadable:
                    shown["export_info"] = {"export_as": "html"}
            if sharer:
                shown |= {"parent_shared_folder_id": sharer, "sharing_info": {"read_only": False}}
                shown["sharing_info"]["parent_shared_folder_id"] = sharer
                if not node.folder:
                    shown["sharing_info"]["modified_by"] = node.by
            if key in self._shared:
                shown.setdefault("sharing_info", {"read_only": False})["shared_folder_id"] = self._shared[key]
            return shown

    def gone(self, display: str) -> Json:
        """What Dropbox tells of a path that was deleted."""
        name = display.rpartition("/")[2]
        return {".tag": "deleted", "name": name, "path_lower": key_of(display), "path_display": display}

    def _sharer(self, key: str) -> str:
        """Id of the shared folder that a path is in; empty if in none."""
        while key := parent_of(key):
            if key in self._shared:
                return self._shared[key]
        return ""

    def _below(self, key: str) -> list[str]:
        """The key and those below it, folders before what is in them."""
        return sorted(other for other in self._nodes if f"{other}/".startswith(f"{key}/"))

    def _place(self, path: str) -> str:
        """The path with its folders as they are written already, and made if they are not there."""
        path = unicodedata.normalize("NFC", path)
        if path.rpartition("/")[2].lower() in DISALLOWED:
            raise WriteFailedError("disallowed_name")
        folder = parent_of(path)
        if not folder:
            return path
        above = self._nodes.get(key_of(folder))
        if above is None:
            above = self.find(self.mkdir(folder)["path_lower"])
        elif not above.folder:
            raise WriteFailedError("conflict", "file_ancestor")
        return above.display + path[len(folder) :]

    def _write(self, node: Node) -> Node:
        rev = "" if node.folder else f"{0x015_0000_0000 + len(self._journal):012x}{secrets.token_hex(4)}"
        node = replace(node, event=len(self._journal), rev=rev)
        self._nodes[key_of(node.display)] = node
        if rev:
            self._revisions[rev] = node
        self._note(node.display, gone=False, folder=node.folder)
        return node

    def _note(self, display: str, *, gone: bool, folder: bool) -> None:
        self._journal.append(Event(len(self._journal), display, gone, folder))
        self.changed.notify_all()
