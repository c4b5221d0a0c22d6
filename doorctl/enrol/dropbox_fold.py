"""Many entries of Dropbox's listings, page by page, folded to one net result."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from dropbox.files import DeletedMetadata, FileMetadata, FolderMetadata

from doorctl.enrol.source import Entry

_LIKE_A_FILE = re.compile(r"\.\w{1,5}\Z")
"""The name of a file, by its looks; of a path that is called otherwise nobody can say what it was before."""


class Fold:
    """What a run of entries comes to; later ones win.

    Args:
        folder: the folder that is listed, ``/Door photos``; empty for the root.

    Attributes:
        files: what is there, by key.
        deleted: keys that have gone since the run's cursor, each with everything below it.
        unclear: whether ``files`` and ``deleted`` cannot tell what became of what was there before the run,
            so that only a listing of everything can.
    """

    def __init__(self, folder: str) -> None:
        self._depth = folder.count("/")
        self._above: set[str] = set()
        self.files: dict[str, Entry] = {}
        self.deleted: dict[str, None] = {}
        self.unclear = False

    def add(self, metadata: Any) -> None:
        """Take the next entry of a listing, in the order that Dropbox tells them in.

        https://www.dropbox.com/developers/documentation/http/documentation#files-list_folder-continue
        says what each kind does to what stood at its path, and below it.
        """
        if metadata.path_lower is None:
            return  # a file that is not mounted in this account
        key = self._below(metadata.path_lower)
        if isinstance(metadata, FileMetadata):
            self._drop(key)
            above = _above(key)
            self._above.update(above)
            # Back again, or in a folder that is back: then ``deleted`` says too much. And a file ousts a
            # folder with all that was in it, which ``deleted`` does not say.
            self.unclear |= not self.deleted.keys().isdisjoint((key, *above))
            self.unclear |= not _LIKE_A_FILE.search(key)
            self.files[key] = self._entry(metadata, key)
        elif isinstance(metadata, DeletedMetadata):
            self._drop(key)
            self.deleted[key] = None
            self.unclear |= not key  # the folder itself: it may be there again by now
        elif isinstance(metadata, FolderMetadata):
            if self.files.pop(key, None):
                self.deleted[key] = None
            # A folder ousts a file, but not what is in the folder, which ``deleted`` cannot say.
            self.unclear |= bool(_LIKE_A_FILE.search(key))

    def _below(self, path: str) -> str:
        """A path from the folder on. Told by depth: Dropbox's idea of small letters need not be Python's."""
        return "/".join(path.split("/")[1 + self._depth :])

    def _drop(self, key: str) -> None:
        """Forget what the run has told of a path, and of those below it."""
        self.files.pop(key, None)
        if key in self._above or not key:
            below = f"{key}/" if key else ""
            for other in [name for name in self.files if name.startswith(below)]:
                del self.files[other]

    def _entry(self, metadata: Any, key: str) -> Entry:
        shared = metadata.sharing_info
        # A Google document has no bytes, so no hash; this one changes with it, and fetching it will fail.
        content = metadata.content_hash or hashlib.sha256(metadata.rev.encode()).hexdigest()
        return Entry(
            path=_writable(self._below(metadata.path_display or metadata.path_lower)),
            key=_writable(key),
            size=metadata.size,
            hash=content,
            by=(shared.modified_by or "") if shared else "",
        )


def _writable(text: str) -> str:
    """Half a character, which JSON may carry, cannot be written down: no such name may stop a round."""
    return text.encode(errors="replace").decode()


def _above(key: str) -> list[str]:
    """``a/b/c`` -> ``a``, ``a/b``."""
    parts = key.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]
