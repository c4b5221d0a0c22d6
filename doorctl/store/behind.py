"""Which photos a file in the folder stands behind, and what follows when none does any more.

Functions on a connection within a transaction, as in ``rows``. A photo that came from the folder lives as
long as a file stands behind it: as its content now, or as what it was before a version that waits.
"""

from __future__ import annotations

import sqlite3
import time as clock
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from doorctl.core.plan import State
from doorctl.core.records import Event, EventKind, Person
from doorctl.core.spread import most_spread
from doorctl.store.rows import add_event, now_text, time_text, vector_of

MOVED = "the photos go by another name now"
"""Stands in the event of a person who lost nothing but the name."""

_BEHIND = """
    EXISTS (SELECT 1 FROM files JOIN people ON people.key = files.person
        WHERE people.id = photos.person_id AND photos.sha256 IN (files.sha256, files.was))
"""


def pending(db: sqlite3.Connection) -> list[tuple[str, str, State]]:
    """Key, person and state of the files that have gone, and whose going has not been carried out."""
    rows = db.execute("SELECT key, person, state FROM files WHERE gone ORDER BY key").fetchall()
    return [(key, person, State(state)) for key, person, state in rows]


def drop_gone(db: sqlite3.Connection, *, marks: bool, spare: Collection[str] = ()) -> None:
    """Carry out what deletions mean, but for people who are denied, and for those to be spared.

    Args:
        marks: whether marks that have gone are lifted.
        spare: keys of people.
    """
    if marks:
        db.execute("DELETE FROM files WHERE gone AND state = 'mark'")
    going = db.execute("SELECT key, person FROM files WHERE gone AND state != 'mark'").fetchall()
    leave = denied_keys(db) | set(spare)
    db.executemany("DELETE FROM files WHERE key = ?", [(key,) for key, who in going if who not in leave])


def sweep(db: sqlite3.Connection, moving: Collection[str] = ()) -> tuple[Event, ...]:
    """Let go of photos that no file stands behind, and of people with none left; those are the events.

    Args:
        moving: keys of people whose photos have moved to another name.
    """
    db.execute(
        """
        UPDATE files SET was = NULL WHERE was IS NOT NULL AND EXISTS (
            SELECT 1 FROM people JOIN enrolled ON person_id = people.id
            WHERE people.key = files.person AND enrolled.sha256 = files.sha256)
        """
    )
    loose = db.execute(f"SELECT id, person_id FROM photos WHERE foldered AND NOT {_BEHIND}").fetchall()
    denied = denials(db)
    loose = [(photo, person) for photo, person in loose if person not in denied]
    db.executemany("DELETE FROM photos WHERE id = ?", [(photo,) for photo, _ in loose])
    events: list[Event] = []
    for number in sorted({person for _, person in loose}):
        if db.execute("SELECT 1 FROM photos WHERE person_id = ?", (number,)).fetchone():
            continue
        key, name = db.execute("SELECT key, name FROM people WHERE id = ?", (number,)).fetchone()
        db.execute("DELETE FROM people WHERE id = ?", (number,))
        why = MOVED if key in moving else ""
        events.append(Event(EventKind.PERSON_REVOKED, clock.monotonic(), Person(number, name), detail=why))
        add_event(db, events[-1], now_text())
    return tuple(events)


def lately_revoked(db: sqlite3.Connection, seconds: float) -> int:
    """How many people the folder has taken away in the last seconds."""
    since = time_text(datetime.now(UTC) - timedelta(seconds=seconds))
    sql = "SELECT count(*) FROM events WHERE time > ? AND kind = ? AND detail != ?"
    return int(db.execute(sql, (since, str(EventKind.PERSON_REVOKED), MOVED)).fetchone()[0])


def with_access(db: sqlite3.Connection) -> dict[str, Person]:
    """Everyone who has a template and is not denied, by key."""
    sql = """
        SELECT key, id, name FROM persons WHERE NOT denied
            AND id IN (SELECT person_id FROM enrolled JOIN templates ON photo_id = enrolled.id)
    """
    return {key: Person(number, name) for key, number, name in db.execute(sql).fetchall()}


def everybody(db: sqlite3.Connection) -> list[Person]:
    """All people, denied or not, with templates or without."""
    rows = db.execute("SELECT id, name, denied FROM persons").fetchall()
    return [Person(number, name, bool(denied)) for number, name, denied in rows]


def denied_keys(db: sqlite3.Connection) -> set[str]:
    """Keys of the people who are denied."""
    return {row[0] for row in db.execute("SELECT key FROM persons WHERE denied")}


def denials(db: sqlite3.Connection) -> dict[int, Person]:
    """Everyone who is denied, by number."""
    return {person.id: person for person in everybody(db) if person.denied}


def counting(db: sqlite3.Connection) -> dict[str, set[str]]:
    """For each content hash the keys of the people whom a photo of that content lets in."""
    sql = """
        SELECT hash, person FROM files JOIN people ON people.key = person
        JOIN enrolled ON person_id = people.id AND enrolled.sha256 IN (files.sha256, files.was)
    """
    found: dict[str, set[str]] = {}
    for content, person in db.execute(sql).fetchall():
        found.setdefault(content, set()).add(person)
    return found


def spread_again(db: sqlite3.Connection, model: str, most: int) -> None:
    """Of everyone who has spare photos choose anew which count: some of those that did may have gone."""
    for (number,) in db.execute("SELECT DISTINCT person_id FROM photos WHERE spare").fetchall():
        keep_spread(db, number, model, most)


def keep_spread(db: sqlite3.Connection, person_id: int, model: str, most: int) -> None:
    """Let only so many of a person's templates count: those that differ most."""
    sql = """
        SELECT photos.id, vector, spare FROM photos JOIN templates ON photo_id = photos.id
        WHERE person_id = ? AND model = ? AND photos.id NOT IN (SELECT photo_id FROM held) ORDER BY photos.id
    """
    rows = db.execute(sql, (person_id, model)).fetchall()
    chosen = most_spread([vector_of(blob) for _, blob, _ in rows], most)
    for place, (photo, _, spare) in enumerate(rows):
        if spare != (place not in chosen):
            db.execute("UPDATE photos SET spare = ? WHERE id = ?", (place not in chosen, photo))
