"""The folder's files in the tables: what became of each, and which photos they stand behind.

Functions on a connection within a transaction, as in ``rows``; see ``behind`` for what follows.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from doorctl.core.filing import Mark
from doorctl.core.listing import Entry
from doorctl.core.names import name_key
from doorctl.core.plan import Known, State
from doorctl.core.receipt import FileStatus
from doorctl.errors import PhotoError
from doorctl.store.records import NewPhoto
from doorctl.store.rows import now_text, time_of, time_text, vector_of
from doorctl.store.sealing import vault_of


@dataclass(frozen=True, slots=True)
class FolderState:
    """How far the folder has been read."""

    name: str
    """Empty before the first time."""
    cursor: str | None
    rules: str
    """By which its files were judged."""
    synced: datetime | None = None
    """When all was last done."""


RETRY_SECONDS, LONGEST_SECONDS = 30.0, 3600.0
"""A file that failed is tried again after so long, then twice as long, and at last once an hour."""

_REMOVED = """
    (SELECT coalesce(max(seq), 0) - (SELECT count(*) FROM people) FROM sqlite_sequence WHERE name = 'people')
"""


def removed(db: sqlite3.Connection) -> int:
    """How many people have ever been removed: numbers are never given twice."""
    return int(db.execute(f"SELECT {_REMOVED}").fetchone()[0])


def known_files(db: sqlite3.Connection, model: str) -> dict[str, Known]:
    """Every file that has been dealt with, by key."""
    sql = f"""
        SELECT files.key, path, size, hash, changed_by, state, person, gone, tries, time,
            state = 'conflict' AND after_event < {_REMOVED},
            EXISTS (SELECT 1 FROM people JOIN photos ON person_id = people.id
                JOIN templates ON photo_id = photos.id
                WHERE people.key = files.person AND photos.sha256 = files.sha256 AND model = ?)
        FROM files
    """
    return {
        key: Known(
            Entry(path, key, size, content, by),
            State(state),
            person,
            bool(gone),
            bool(learnt),
            bool(freed) or (state == State.PARKED and _due(tries, time)),
        )
        for key, path, size, content, by, state, person, gone, tries, time, freed, learnt in db.execute(
            sql, (model,)
        ).fetchall()
    }


def _due(tries: int, time: str) -> bool:
    past = (datetime.now(UTC) - time_of(time)).total_seconds()
    # A clock that was set back must not put it off for ever.
    return past < 0 or past >= min(LONGEST_SECONDS, RETRY_SECONDS * 2 ** min(tries, 20))


def folder_state(db: sqlite3.Connection) -> FolderState:
    """Which folder has been read, how far, and by which rules."""
    row = db.execute("SELECT name, cursor, rules, synced FROM folder").fetchone()
    if row is None:
        return FolderState("", None, "")
    return FolderState(row[0], row[1], row[2], time_of(row[3]) if row[3] else None)


def begin(db: sqlite3.Connection, name: str, rules: str) -> None:
    """Another folder, or other rules: everything is listed again, and what was refused is looked at again."""
    db.execute("INSERT OR REPLACE INTO folder (one, name, rules) VALUES (1, ?, ?)", (name, rules))
    long_ago = time_text(datetime.fromtimestamp(0, UTC))
    sql = "UPDATE files SET state = 'parked', tries = 0, time = ? WHERE state IN ('refused', 'conflict')"
    db.execute(sql, (long_ago,))
    db.execute("UPDATE files SET hash = '' WHERE state = 'mark'")


def advance(db: sqlite3.Connection, cursor: str, name: str, rules: str) -> None:
    """All that came before the cursor is done, unless everything is to be listed again."""
    sql = "UPDATE folder SET cursor = ?, synced = ? WHERE name = ? AND rules = ?"
    db.execute(sql, (cursor, now_text(), name, rules))


def receipt_digest(db: sqlite3.Connection) -> str:
    """Of the receipt that was last written to the folder."""
    row = db.execute("SELECT receipt FROM folder").fetchone()
    return str(row[0]) if row else ""


def put_receipt_digest(db: sqlite3.Connection, digest: str) -> None:
    """Remember what was written."""
    db.execute("UPDATE folder SET receipt = ?", (digest,))


def file_statuses(db: sqlite3.Connection) -> tuple[FileStatus, ...]:
    """Every file, by path."""
    sql = """
        SELECT path, state, CASE WHEN state = 'mark' THEN coalesce(
                (SELECT group_concat(name, ', ') FROM people WHERE key IN (files.spelt, files.person)), '')
            ELSE coalesce(people.name, files.person) END, files.why, hint, files.time, gone,
            held.id, coalesce(spare, 0), was IS NOT NULL, held.why
        FROM files LEFT JOIN people ON people.key = files.person
        LEFT JOIN photos ON photos.person_id = people.id AND photos.sha256 = files.sha256
        LEFT JOIN held ON held.photo_id = photos.id ORDER BY path
    """
    return tuple(
        FileStatus(
            path, State(state), who, held_why or why, hint, time, bool(gone), held, bool(spare), bool(was)
        )
        for path, state, who, why, hint, time, gone, held, spare, was, held_why in db.execute(sql).fetchall()
    )


def put_mark(db: sqlite3.Connection, entry: Entry, mark: Mark) -> None:
    """It denies whom it spells out; while nobody is called so, whom the rule for names makes of it, too."""
    name, spelt = name_key(mark.name), name_key(mark.spelt)
    if db.execute("SELECT 1 FROM people WHERE key = ?", (spelt,)).fetchone():
        name = spelt
    _put(db, entry, State.MARK, name, spelt=spelt)


def give_way(db: sqlite3.Connection, key: str, person: str, spare: Collection[str]) -> bool:
    """Let go of what a file was under another name; ``False`` if that person is to be spared."""
    row = db.execute("SELECT person FROM files WHERE key = ? AND person != ?", (key, person)).fetchone()
    if row and row[0] in spare:
        return False
    if row:
        db.execute("DELETE FROM files WHERE key = ?", (key,))
    return True


def rekey(db: sqlite3.Connection, entry: Entry, name: str) -> bool:
    """Give another path to a photo that has gone from its own, under the same name; whether it is one."""
    sql = "SELECT key FROM files WHERE gone AND hash = ? AND person = ? AND state = 'taken' ORDER BY key"
    found = db.execute(sql, (entry.hash, name_key(name))).fetchone()
    if found is None:
        return False
    db.execute("DELETE FROM files WHERE key = ? AND key != ?", (entry.key, found[0]))
    db.execute("UPDATE files SET key = ? WHERE key = ?", (entry.key, found[0]))
    put_back(db, [entry])
    return True


def put_taken(db: sqlite3.Connection, entry: Entry, name: str, sha256: str, *, waits: bool) -> None:
    """A template was made of it. While it waits, what the file was before counts on."""
    before = db.execute("SELECT sha256, was, person FROM files WHERE key = ?", (entry.key,)).fetchone()
    was = (before[1] or before[0]) if before and waits and before[2] == name_key(name) else None
    _put(db, entry, State.TAKEN, name_key(name), sha256=sha256, was=None if was == sha256 else was)


def put_refused(db: sqlite3.Connection, entry: Entry, name: str, why: PhotoError, state: State) -> None:
    """It cannot be used, or not yet. What the file was before counts on, if it was the same person's."""
    before = db.execute("SELECT sha256, was, person FROM files WHERE key = ?", (entry.key,)).fetchone()
    key = name_key(name) if name else ""
    was = (before[1] or before[0]) if before and before[2] == key else None
    _put(db, entry, state, key, was=was, why=why.message, hint=why.hint)


def _put(
    db: sqlite3.Connection,
    entry: Entry,
    state: State,
    person: str,
    *,
    spelt: str = "",
    sha256: str | None = None,
    was: str | None = None,
    why: str = "",
    hint: str = "",
) -> None:
    sql = f"""
        INSERT INTO files (key, path, size, hash, changed_by, state, person, spelt, sha256, was, why, hint,
            time, tries, after_event)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {_REMOVED})
        ON CONFLICT (key) DO UPDATE SET path = excluded.path, size = excluded.size, hash = excluded.hash,
            changed_by = excluded.changed_by, state = excluded.state, person = excluded.person,
            spelt = excluded.spelt, sha256 = excluded.sha256, was = excluded.was, why = excluded.why,
            hint = excluded.hint, gone = 0, time = excluded.time, after_event = excluded.after_event,
            tries = CASE WHEN excluded.state = 'parked' AND files.hash = excluded.hash
                THEN files.tries + 1 ELSE 0 END
    """
    values = (entry.key, entry.path, entry.size, entry.hash, entry.by, str(state), person, spelt)
    db.execute(sql, (*values, sha256, was, why, hint, now_text(), 0))


def refusal(db: sqlite3.Connection, key: str) -> tuple[str, str] | None:
    """The content for which a file was refused before, and why."""
    row = db.execute("SELECT hash, why FROM files WHERE key = ? AND why != ''", (key,)).fetchone()
    return (row[0], row[1]) if row else None


def put_back(db: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """They are in the folder as they were, perhaps with other capitals."""
    db.executemany(
        "UPDATE files SET gone = 0, path = ?, changed_by = ? WHERE key = ?",
        [(entry.path, entry.by, entry.key) for entry in entries],
    )


def put_gone(db: sqlite3.Connection, keys: Iterable[str]) -> None:
    """They are not there any more. What never counted is forgotten at once; the rest waits for its turn."""
    db.executemany("UPDATE files SET gone = 1 WHERE key = ?", [(key,) for key in keys])
    db.execute("DELETE FROM files WHERE gone AND sha256 IS NULL AND was IS NULL AND state != 'mark'")


def learnt(db: sqlite3.Connection, entry: Entry, model: str) -> NewPhoto | None:
    """What is known of a file's content already, from a file that has it too, or had it."""
    sql = """
        SELECT quality, vector, sealed, photos.sha256, model
        FROM files JOIN photos ON photos.sha256 = files.sha256 JOIN templates ON photo_id = photos.id
        WHERE hash = ? AND model = ?
        ORDER BY photos.id LIMIT 1
    """
    row = db.execute(sql, (entry.hash, model)).fetchone()
    if row is None:
        return None
    quality, *kept = row
    vector = vector_of(vault_of(db).open(*kept))
    return NewPhoto(row[3], entry.path, model, vector, quality=json.loads(quality))


def leaving(db: sqlite3.Connection, keys: Iterable[str]) -> set[str]:
    """Content hashes of what has gone from its place, or goes from it when these are dealt with."""
    found = {row[0] for row in db.execute("SELECT hash FROM files WHERE gone")}
    for key in keys:
        found.update(row[0] for row in db.execute("SELECT hash FROM files WHERE key = ?", (key,)))
    return found


def unwanted(db: sqlite3.Connection, content: str, name: str) -> bool:
    """Whether an operator did away with this content as this person's."""
    token = _token(content, name_key(name))
    return db.execute("SELECT 1 FROM unwanted WHERE hash = ?", (token,)).fetchone() is not None


def rejected(db: sqlite3.Connection, held: int) -> None:
    """An operator rejects a held photo: the file behind it is refused, whatever it was before counts on."""
    sql = """
        SELECT files.key, files.hash, files.person FROM held JOIN photos ON photos.id = photo_id
        JOIN people ON people.id = person_id
        JOIN files ON files.person = people.key AND files.sha256 = photos.sha256 WHERE held.id = ?
    """
    for key, content, person in db.execute(sql, (held,)).fetchall():
        unwant(db, person, [content])
        why = "an operator looked at it and rejected it"
        set_ = "UPDATE files SET state = 'refused', sha256 = NULL, why = ?, hint = ? WHERE key = ?"
        db.execute(set_, (why, "use another photo of this person", key))


def unwant(db: sqlite3.Connection, person: str, hashes: Iterable[str]) -> None:
    """The folder must not bring these contents back as this person's."""
    tokens: Mapping[str, None] = dict.fromkeys(_token(content, person) for content in hashes)
    db.executemany("INSERT OR IGNORE INTO unwanted VALUES (?)", [(token,) for token in tokens])


def _token(content: str, person: str) -> str:
    """Tells content and name together, and neither to whoever does not have both."""
    return hashlib.sha256(f"{content}\n{person}".encode()).hexdigest()
