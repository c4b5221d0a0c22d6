"""Which photos a file in the folder stands behind, and what follows when none does any more.

Functions on a connection within a transaction, as in ``rows``. A photo that came from the folder lives as
long as a file stands behind it: as its content now, or as what it was before a version that waits.
"""

from __future__ import annotations

import sqlite3
import time as clock
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Person, Vector
from doorctl.core.spread import most_spread
from doorctl.store.events import add_event
from doorctl.store.rows import now_text, time_text, vector_of
from doorctl.store.sealing import vault_of

MOVED = "the photos go by another name now"
"""Stands in the event of a person who lost nothing but the name."""

LATEST = 10_000
"""More events than happen within minutes."""

_BEHIND = """
    EXISTS (SELECT 1 FROM files JOIN people ON people.key = files.person
        WHERE people.id = photos.person_id AND photos.sha256 IN (files.sha256, files.was))
"""


def pending(db: sqlite3.Connection) -> set[str]:
    """Keys of the files that have gone, and whose going has not been carried out."""
    return {row[0] for row in db.execute("SELECT key FROM files WHERE gone")}


def drop_gone(
    db: sqlite3.Connection, *, marks: bool, spare: Collection[str] = (), later: Collection[str] = ()
) -> None:
    """Carry out what deletions mean, but for people who are denied, and for those to be spared.

    Args:
        db: the transaction.
        marks: whether marks that have gone are lifted.
        spare: keys of people.
        later: content hashes of photos that have moved, and are filed anew another time.
    """
    if marks:
        db.execute("DELETE FROM files WHERE gone AND state = 'mark'")
    going = db.execute("SELECT key, person, hash FROM files WHERE gone AND state != 'mark'").fetchall()
    leave = denied_keys(db) | set(spare)
    db.executemany(
        "DELETE FROM files WHERE key = ?",
        [(key,) for key, who, content in going if who not in leave and content not in later],
    )


def sweep(db: sqlite3.Connection) -> list[Person]:
    """Let go of photos that no file stands behind, and of people with none left: those it returns."""
    db.execute(
        """
        UPDATE files SET was = NULL WHERE was IS NOT NULL AND EXISTS (
            SELECT 1 FROM people JOIN enrolled ON person_id = people.id
            WHERE people.key = files.person AND enrolled.sha256 = files.sha256)
        """
    )
    loose = db.execute(f"SELECT id, person_id FROM photos WHERE foldered AND NOT {_BEHIND}").fetchall()
    denied = denials(db) if loose else {}
    loose = [(photo, person) for photo, person in loose if person not in denied]
    db.executemany("DELETE FROM photos WHERE id = ?", [(photo,) for photo, _ in loose])
    removed: list[Person] = []
    for number in sorted({person for _, person in loose}):
        if db.execute("SELECT 1 FROM photos WHERE person_id = ?", (number,)).fetchone():
            continue
        name = db.execute("SELECT name FROM people WHERE id = ?", (number,)).fetchone()[0]
        db.execute("DELETE FROM people WHERE id = ?", (number,))
        removed.append(Person(number, name))
    return removed


def tell_revoked(db: sqlite3.Connection, people: Iterable[Person], moved: Collection[int] = ()) -> None:
    """Write an event for each; ``moved``: numbers of those who are known by another name now."""
    for person in people:
        why = MOVED if person.id in moved else ""
        event = Event(EventKind.PERSON_REVOKED, clock.monotonic(), person, detail=why)
        add_event(db, event, now_text())


def lately_revoked(db: sqlite3.Connection, seconds: float) -> int:
    """How many people the folder has taken away in the last seconds."""
    since = time_text(datetime.now(UTC) - timedelta(seconds=seconds))
    sql = """
        SELECT count(*) FROM (SELECT * FROM events ORDER BY id DESC LIMIT ?)
        WHERE time > ? AND kind = ? AND detail != ?
    """
    return int(db.execute(sql, (LATEST, since, str(EventKind.PERSON_REVOKED), MOVED)).fetchone()[0])


def known_people(db: sqlite3.Connection) -> dict[str, Person]:
    """Everyone who has a template, denied or not, by key."""
    sql = """
        SELECT key, id, name, denied FROM persons
        WHERE id IN (SELECT person_id FROM enrolled JOIN templates ON photo_id = enrolled.id)
    """
    rows = db.execute(sql).fetchall()
    return {key: Person(number, name, bool(denied)) for key, number, name, denied in rows}


def templates_of(
    db: sqlite3.Connection, model: str, person_id: int | None = None
) -> dict[Person, list[Vector]]:
    """The templates that count, of everybody or of one person."""
    sql = """
        SELECT persons.id, name, denied, vector, sealed, sha256, model FROM persons
        JOIN enrolled ON person_id = persons.id JOIN templates ON photo_id = enrolled.id
        WHERE model = ? AND (? IS NULL OR persons.id = ?) ORDER BY persons.id, templates.id
    """
    vault = vault_of(db)
    vault.ready()
    found: dict[Person, list[Vector]] = {}
    for number, name, denied, *kept in db.execute(sql, (model, person_id, person_id)).fetchall():
        found.setdefault(Person(number, name, bool(denied)), []).append(vector_of(vault.open(*kept)))
    return found


def denied_unknown(db: sqlite3.Connection, model: str) -> bool:
    """Whether somebody is denied who has templates, but none of this model."""
    sql = """
        SELECT 1 FROM persons WHERE denied
            AND id IN (SELECT person_id FROM enrolled JOIN templates ON photo_id = enrolled.id)
            AND id NOT IN (
                SELECT person_id FROM enrolled JOIN templates ON photo_id = enrolled.id WHERE model = ?)
    """
    return db.execute(sql, (model,)).fetchone() is not None


def unknown_to(db: sqlite3.Connection, model: str) -> list[tuple[Person, bool]]:
    """Everyone who has templates, but none of this model; and whether a photo of theirs is in the folder."""
    sql = """
        SELECT id, name, denied,
            EXISTS (SELECT 1 FROM files WHERE person = persons.key AND state = 'taken' AND NOT gone)
        FROM persons
        WHERE id IN (SELECT person_id FROM photos JOIN templates ON photo_id = photos.id) AND id NOT IN
            (SELECT person_id FROM photos JOIN templates ON photo_id = photos.id WHERE model = ?)
        ORDER BY id
    """
    rows = db.execute(sql, (model,)).fetchall()
    return [(Person(number, name, bool(denied)), bool(filed)) for number, name, denied, filed in rows]


def exists(db: sqlite3.Connection, number: int) -> bool:
    """Whether there is, still, a person of that number."""
    return db.execute("SELECT 1 FROM people WHERE id = ?", (number,)).fetchone() is not None


def denied_keys(db: sqlite3.Connection) -> set[str]:
    """Keys of the people who are denied."""
    return {row[0] for row in db.execute("SELECT key FROM persons WHERE denied")}


def denials(db: sqlite3.Connection) -> dict[int, Person]:
    """Everyone who is denied, by number."""
    rows = db.execute("SELECT id, name FROM persons WHERE denied").fetchall()
    return {number: Person(number, name, True) for number, name in rows}


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
        SELECT photos.id, spare, vector, sealed, sha256, model
        FROM photos JOIN templates ON photo_id = photos.id
        WHERE person_id = ? AND model = ? AND photos.id NOT IN (SELECT photo_id FROM held) ORDER BY photos.id
    """
    rows = db.execute(sql, (person_id, model)).fetchall()
    opened = vault_of(db).open
    chosen = most_spread([vector_of(opened(*kept)) for _, _, *kept in rows], most)
    for place, (photo, spare, *_) in enumerate(rows):
        if spare != (place not in chosen):
            db.execute("UPDATE photos SET spare = ? WHERE id = ?", (place not in chosen, photo))
