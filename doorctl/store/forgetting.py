"""An operator erases a person: what goes, what the folder must not bring back, and what is left.

Functions on a connection within a transaction, as in ``rows``.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from doorctl.core.decision import EventKind
from doorctl.core.plan import State
from doorctl.store.chain import Anchor
from doorctl.store.files import unwant
from doorctl.store.rows import time_of


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A receipt of a person who was erased."""

    id: int
    """The number, which is never given to anybody else."""
    name: str
    time: datetime
    photos: int
    """Held ones among them. Pictures were never kept: these are what was known of them."""
    templates: int
    files: tuple[str, ...]
    """Paths of files in the folder that go by this name, as far as they were seen there last."""
    event: Anchor
    """The event that records it."""
    events: int
    """How many events keep the number, that one among them."""
    backups: int
    """How many backups were made of this person, as far as events tell."""
    last_backup: datetime | None
    traces: bool
    """Whether traces stay in the journal of the database until another program has ended that reads it."""


def erase(db: sqlite3.Connection, number: int) -> tuple[int, int, tuple[str, ...]]:
    """Erase a person with everything that is known of them; how many photos, templates, and which files.

    Args:
        db: the transaction.
        number: the person's.
    """
    (key,) = db.execute("SELECT key FROM people WHERE id = ?", (number,)).fetchone()
    photos, templates = db.execute(
        "SELECT count(DISTINCT photos.id), count(templates.id) FROM photos "
        "LEFT JOIN templates ON photo_id = photos.id WHERE person_id = ?",
        (number,),
    ).fetchone()
    files = _forget_files(db, key)
    db.execute("DELETE FROM people WHERE id = ?", (number,))
    return photos, templates, files


def _forget_files(db: sqlite3.Connection, person: str) -> tuple[str, ...]:
    """The folder must not bring them back, and no name may be left; paths of what stood there last."""
    rows = db.execute(
        "SELECT key, path, hash, state, person, spelt, gone FROM files ORDER BY path"
    ).fetchall()
    called = re.compile(rf"(?<!\w){re.escape(person)}(?!\w)")
    # What was refused because of where it stands names nobody in the table, and yet its path may.
    theirs = [row for row in rows if person in row[4:6] or (not row[4] and called.search(_folded(row[1])))]
    unwant(db, person, [row[2] for row in theirs if row[4] == person and row[3] != State.MARK])
    db.executemany("DELETE FROM files WHERE key = ?", [(row[0],) for row in theirs])
    # A mark may be among them: the next round lists everything, and finds it.
    db.execute("UPDATE folder SET rules = ''")
    return tuple(row[1] for row in theirs if not row[6])


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def left(db: sqlite3.Connection, number: int, since: datetime) -> tuple[int, int, datetime | None]:
    """How many events keep a number, how many backups were made since that time, and when the last one."""
    (events,) = db.execute(
        "SELECT count(*) FROM events WHERE person_id = ? OR nearest_id = ?", (number, number)
    ).fetchone()
    times = [
        time_of(text)
        for (text,) in db.execute("SELECT time FROM events WHERE kind = ?", (str(EventKind.BACKED_UP),))
    ]
    made = [time for time in times if time >= since]
    return events, len(made), max(made, default=None)
