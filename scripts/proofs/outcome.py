"""What rounds with the folder came to, as lines that can be compared, and what may not be half done."""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorctl.store.opened import FILE
from tests.enrol.standin_state import State

_LISTS = {
    "person": "SELECT people.id, people.name, people.key, people.denied, persons.denied, "
    "(SELECT group_concat(path) FROM marked WHERE person_id = people.id) "
    "FROM people JOIN persons USING (id) ORDER BY people.id",
    "photo": "SELECT people.name, sha256, source, foldered, spare, quality, held.id, held.why, model, vector "
    "FROM photos JOIN people ON people.id = person_id LEFT JOIN templates ON templates.photo_id = photos.id "
    "LEFT JOIN held ON held.photo_id = photos.id ORDER BY people.name, sha256, model",
    "file": "SELECT key, path, size, hash, state, person, spelt, sha256, was, why, hint, gone, tries, "
    "changed_by FROM files ORDER BY key",
    "folder": "SELECT name, rules, synced IS NULL FROM folder",
    "event": "SELECT kind, person_id, reason, detail FROM events "
    "WHERE kind NOT IN ('SyncFailed', 'SyncBack') ORDER BY id",
    "removed": "SELECT seq - (SELECT count(*) FROM people) FROM sqlite_sequence WHERE name = 'people'",
}


@contextmanager
def copied(data: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the database as it lies there, journal and all, so that looking at it changes nothing."""
    with tempfile.TemporaryDirectory(dir=data.parent) as place:
        for name in (FILE, f"{FILE}-wal"):
            if (data / name).exists():
                shutil.copyfile(data / name, Path(place, name))
        with closing(sqlite3.connect(Path(place, FILE))) as db:
            yield db


def state_of(data: Path, folder: State) -> list[str]:
    """Everything that a run came to, without times, as lines that can be compared."""
    with copied(data) as db:
        found = [
            f"{what}: {' | '.join(_shown(value) for value in row)}"
            for what, sql in _LISTS.items()
            for row in db.execute(sql)
        ]
        cursor, digest = db.execute("SELECT cursor, receipt FROM folder").fetchone()
        found += [f"integrity: {row[0]}" for row in db.execute("PRAGMA integrity_check")]
    page: dict[str, Any] = {"has_more": True, "cursor": cursor}
    while page["has_more"]:
        page = folder.list_more(page["cursor"])
        # The receipt is written after the round: whether the cursor has seen it does not matter.
        news = (entry["path_display"] for entry in page["entries"])
        found += [f"the cursor has not seen: {path}" for path in news if "/_doorctl" not in path]
    for path in (path for path in folder.paths() if "/_doorctl/" in path):
        text, _, anchor = folder.read(path).rpartition(b"\naudit anchor: ")
        known = hashlib.sha256(text).hexdigest() == digest.partition(" ")[0]
        found.append(f"receipt {path}: known {known}, anchored {anchor.startswith(b'event ')}")
        found += re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", text.decode()).splitlines()
    return found


def _shown(value: object) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


_HALF_DONE = {
    "a file is taken and its photo is not there": """
        SELECT key FROM files WHERE state = 'taken' AND NOT EXISTS (SELECT 1 FROM photos
            JOIN people ON people.id = person_id
            WHERE photos.sha256 = files.sha256 AND people.key = files.person)
    """,
    "a photo of the folder is there and no file behind it": """
        SELECT photos.id FROM photos JOIN people ON people.id = person_id WHERE foldered AND NOT EXISTS (
            SELECT 1 FROM files WHERE files.person = people.key
                AND photos.sha256 IN (files.sha256, files.was))
    """,
    "a photo has no template": "SELECT id FROM photos WHERE id NOT IN (SELECT photo_id FROM templates)",
    "a person has no photo": "SELECT id FROM people WHERE id NOT IN (SELECT person_id FROM photos)",
}


@dataclass(frozen=True)
class Settled:
    """A file that has been dealt with."""

    path: str
    hash: str
    removed: int | None
    """How many people had been removed when its face was somebody else's: once it is more, it is looked at
    again. ``None`` for good."""


def settled(data: Path) -> set[Settled]:
    """The files that need not be fetched any more."""
    sql = """
        SELECT path, hash, CASE state WHEN 'conflict' THEN after_event END FROM files
        WHERE state IN ('taken', 'refused', 'conflict')
    """
    with copied(data) as db:
        return {Settled(*row) for row in db.execute(sql)} if _has_files(db) else set()


def removed(data: Path) -> int:
    """How many people have been removed."""
    with copied(data) as db:
        found = db.execute(_LISTS["removed"]).fetchone()
    return int(found[0]) if found else 0


def half_done(data: Path) -> list[str]:
    """What should be all or nothing, and is neither."""
    with copied(data) as db:
        wrong = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        if _has_files(db):
            wrong += [f"{what}: {row[0]}" for what, sql in _HALF_DONE.items() for row in db.execute(sql)]
    return wrong


def _has_files(db: sqlite3.Connection) -> bool:
    """Whether the tables have been made: a kill may come before that."""
    return bool(db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'files'").fetchone())
