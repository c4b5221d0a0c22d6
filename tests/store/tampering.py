"""Chains of events, and what somebody who can write the file might do to them: with SQL, on the real file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Person, Reason
from doorctl.store.chain import COLUMNS, Anchor, digest
from doorctl.store.database import Store
from doorctl.store.events import keep_policy
from doorctl.store.findings import Kind
from doorctl.store.opened import FILE
from doorctl.store.retention import prune

Pick = Callable[[int, int], int]
"""Chooses a number from the first to the last."""
Row = tuple[Any, ...]

ALL = f"{COLUMNS}, previous, hash"


@dataclass(frozen=True)
class Expected:
    """What has to be found."""

    named: tuple[int, ...]
    """Events that must be named."""
    kinds: tuple[Kind, ...]
    """One of these must be what names the first of them."""


def write_chain(place: Path, count: int, erase: int = 0) -> None:
    """Events of many kinds, most with rules that they were decided by; the first ``erase`` are erased."""
    with Store(place) as store, store.undisturbed() as db:
        rules = [keep_policy(db, f'{{"threshold": {n}}}') for n in (0.7, 0.8)]
        for i in range(count):
            event = Event(
                (EventKind.ACCESS_DENIED, EventKind.RELAY_ON, EventKind.TAMPER)[i % 3],
                float(i) / 3,
                Person(i % 4 + 1, "") if i % 3 == 0 else None,
                Reason.UNKNOWN_PERSON if i % 3 == 0 else None,
                i / 7 if i % 2 else None,
                0.0 if i % 5 else None,
                f"thing {i}",
                Person(i % 5 + 1, "") if i % 4 == 0 else None,
                lookalike=i % 4 == 1,
                raised=i % 5 == 1,
            )
            store.record(event, policy=rules[i % 2] if i % 3 else None)
        while erase > 0:
            erase -= prune(db, older_than=None, max_events=count - erase, most=erase, at=0.0)


@contextmanager
def by_hand(place: Path) -> Iterator[sqlite3.Connection]:
    """The file as somebody with a shell would change it, who lets nothing be checked."""
    with closing(sqlite3.connect(place / FILE, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("BEGIN")
        yield db
        db.execute("COMMIT")


def rows(db: sqlite3.Connection) -> list[Row]:
    return db.execute(f"SELECT {ALL} FROM events ORDER BY id").fetchall()


def row_of(db: sqlite3.Connection, number: int) -> Row:
    row: Row = db.execute(f"SELECT {ALL} FROM events WHERE id = ?", (number,)).fetchone()
    return row


def insert(db: sqlite3.Connection, row: Row) -> None:
    db.execute(f"INSERT INTO events ({ALL}) VALUES ({', '.join('?' * len(row))})", row)


def anew(row: Row, previous: bytes | None = None) -> Row:
    """A row with its digest computed anew."""
    before = row[-2] if previous is None else previous
    return (*row[:-2], before, digest(row[:-2], before))


def put(db: sqlite3.Connection, number: int, row: Row) -> None:
    db.execute("DELETE FROM events WHERE id = ?", (number,))
    insert(db, row)


def renumber(db: sqlite3.Connection, start: int, by: int) -> None:
    db.execute("UPDATE events SET id = -id - 1000000 WHERE id >= ?", (start,))
    db.execute("UPDATE events SET id = -id - 1000000 + ? WHERE id < -100000", (by,))


def span(db: sqlite3.Connection) -> tuple[int, int]:
    first, last = db.execute("SELECT min(id), max(id) FROM events").fetchone()
    return first, last


CHANGES = {
    "time": ("'2020-01-01T00:00:00.000Z'",),
    "at": ("99.5", "NULL"),
    "kind": ("'AccessGranted'",),
    "person_id": ("77", "NULL"),
    "reason": ("'spoof'", "''", "NULL"),
    "score": ("0.999", "NULL"),
    "margin": ("0.5", "NULL"),
    "detail": ("'nothing'", "CAST(x'ff' AS TEXT)", "'thing' || char(0)"),
    "nearest_id": ("77", "NULL"),
    "lookalike": ("1 - lookalike", "2"),
    "raised": ("1 - raised",),
    "policy": ("'made up'", "NULL"),
}
"""For each column what it is made; some of it is what SQLite would refuse otherwise."""


def change(db: sqlite3.Connection, number: int, pick: Pick) -> None:
    """Change one column of a row, to something that it was not."""
    before = row_of(db, number)
    column = list(CHANGES)[pick(0, len(CHANGES) - 1)]
    for value in CHANGES[column]:
        try:
            db.execute(f"UPDATE events SET {column} = {value} WHERE id = ?", (number,))
            if row_of(db, number) != before:
                return
        except sqlite3.OperationalError:  # now it is no text any more
            return
    raise AssertionError(f"{column} cannot be changed")


def content(db: sqlite3.Connection, pick: Pick) -> Expected:
    number = pick(*span(db))
    change(db, number, pick)
    return Expected((number,), (Kind.CHANGED,))


def own_digest(db: sqlite3.Connection, pick: Pick) -> Expected:
    number, last = pick(*span(db)), span(db)[1]
    db.execute("UPDATE events SET hash = randomblob(?) WHERE id = ?", (pick(31, 32), number))
    return Expected((number,), (Kind.CHANGED,) if number == last else (Kind.DIGEST,))


def link(db: sqlite3.Connection, pick: Pick) -> Expected:
    number = pick(*span(db))
    db.execute("UPDATE events SET previous = randomblob(32) WHERE id = ?", (number,))
    return Expected((number,), (Kind.PREVIOUS,))


def digest_computed(db: sqlite3.Connection, pick: Pick) -> Expected:
    number = pick(span(db)[0], span(db)[1] - 1)
    row = list(row_of(db, number))
    row[8] += " not"
    put(db, number, anew(tuple(row)))
    return Expected((number,), (Kind.REDONE,))


def removed(db: sqlite3.Connection, pick: Pick) -> Expected:
    first, last = span(db)
    number = pick(first + 1, last - 1)
    db.execute("DELETE FROM events WHERE id = ?", (number,))
    return Expected((number,), (Kind.REMOVED,))


def removed_and_renumbered(db: sqlite3.Connection, pick: Pick) -> Expected:
    first, last = span(db)
    number = pick(first, last - 1)
    until = pick(number, last - 1)
    db.execute("DELETE FROM events WHERE id BETWEEN ? AND ?", (number, until))
    renumber(db, until + 1, number - until - 1)
    return Expected((number, until), (Kind.REMOVED,))


def _made_up(db: sqlite3.Connection, number: int, previous: bytes | None, pick: Pick) -> Row:
    row = (
        number,
        "2026-01-01T00:00:00.000Z",
        1.0,
        "AccessGranted",
        1,
        "recognised",
        0.9,
        0.2,
        "",
        *[None] * 4,
    )
    bare = (*row[:10], 0, 0, None)
    return anew((*bare, b"", b""), previous) if previous else (*bare, bytes([pick(0, 255)]) * 32, bytes(32))


def added(db: sqlite3.Connection, pick: Pick) -> Expected:
    first, last = span(db)
    number = pick(first, last)
    renumber(db, number, 1)
    insert(db, _made_up(db, number, None, pick))
    return Expected((number,), (Kind.ADDED,))


def added_with_right_digest(db: sqlite3.Connection, pick: Pick) -> Expected:
    first, last = span(db)
    number = pick(first + 1, last)
    renumber(db, number, 1)
    insert(db, _made_up(db, number, row_of(db, number - 1)[-1], pick))
    return Expected((number,), (Kind.ADDED,))


def added_at_the_end(db: sqlite3.Connection, pick: Pick) -> Expected:
    """With digests of nothing, or one that fits but does not follow."""
    last = span(db)[1]
    previous = bytes([7]) * 32 if pick(0, 1) else None
    insert(db, _made_up(db, last + 1, previous, pick))
    return Expected((last + 1,), (Kind.REDONE,) if previous else (Kind.CHANGED, Kind.ADDED))


def added_before_the_first(db: sqlite3.Connection, pick: Pick) -> Expected:
    """With number 0 or below, or one that was erased; with or without digests that follow."""
    number = (-3, 0, span(db)[0] - 1)[pick(0, 2)]
    known = db.execute("SELECT hash FROM pruned").fetchone()[0]
    insert(db, _made_up(db, number, (None, known, bytes([7]) * 32)[pick(0, 2)], pick))
    return Expected((number,), (Kind.ADDED,))


def copied(db: sqlite3.Connection, pick: Pick) -> Expected:
    first, last = span(db)
    insert(db, (last + 1, *row_of(db, pick(first, last))[1:]))
    return Expected((last + 1,), (Kind.ADDED,))


def moved(db: sqlite3.Connection, pick: Pick) -> Expected:
    first, last = span(db)
    number = pick(first, last - 1)
    db.execute("UPDATE events SET id = ? WHERE id = ?", (last + 1, number))
    return Expected((last + 1,), (Kind.REORDERED,))


def _exchange(db: sqlite3.Connection, pick: Pick, width: int) -> Expected:
    first, last = span(db)
    one = pick(first, last - 1)
    other = pick(one + 1, last)
    a, b = row_of(db, one), row_of(db, other)
    put(db, one, (one, *b[1:width], *a[width:]))
    put(db, other, (other, *a[1:width], *b[width:]))
    return Expected((one, other), (Kind.REORDERED,))


def contents_exchanged(db: sqlite3.Connection, pick: Pick) -> Expected:
    return _exchange(db, pick, 13)


def rows_exchanged(db: sqlite3.Connection, pick: Pick) -> Expected:
    return _exchange(db, pick, 15)


def oldest_removed(db: sqlite3.Connection, pick: Pick) -> Expected:
    """And, perhaps, the note of erased events made to fit."""
    first, last = span(db)
    until = pick(first, last - 2)
    own = row_of(db, until)[-1]
    db.execute("DELETE FROM events WHERE id <= ?", (until,))
    if pick(0, 1):
        db.execute("UPDATE pruned SET id = ?, hash = ?", (until, own))
    return Expected((first, until), (Kind.REMOVED,))


def note_of_erased(db: sqlite3.Connection, pick: Pick) -> Expected:
    """Its number, its digest, both, the whole."""
    db.execute(
        (
            "UPDATE pruned SET id = id + 1",
            "UPDATE pruned SET hash = randomblob(32)",
            "UPDATE pruned SET id = id + 3, hash = randomblob(32)",
            "DELETE FROM pruned",
        )[pick(0, 3)]
    )
    return Expected((), (Kind.ERASED,))


def rules(db: sqlite3.Connection, pick: Pick) -> Expected:
    names = [row[0] for row in db.execute("SELECT DISTINCT policy FROM events WHERE policy IS NOT NULL")]
    name = sorted(names)[pick(0, len(names) - 1)]
    first = db.execute("SELECT min(id) FROM events WHERE policy = ?", (name,)).fetchone()[0]
    sql = ("UPDATE policies SET text = text || ' ' WHERE digest = ?", "DELETE FROM policies WHERE digest = ?")
    db.execute(sql[pick(0, 1)], (name,))
    return Expected((first,), (Kind.RULES,))


def rebuild(db: sqlite3.Connection, start: int) -> None:
    """Everything from a row on, with right digests."""
    before: bytes | None = None
    for row in rows(db):
        changed = row[0] >= start
        after = anew((*row[:8], "rebuilt", *row[9:]), before) if changed else row
        put(db, row[0], after)
        before = after[-1]


TAMPERINGS = (
    *(content, own_digest, link, digest_computed, removed, removed_and_renumbered, added),
    *(added_with_right_digest, added_at_the_end, added_before_the_first, copied, moved),
    *(contents_exchanged, rows_exchanged, oldest_removed, note_of_erased, rules),
)
"""What can be told from the file alone."""


def anchors_of(place: Path) -> dict[int, Anchor]:
    """The heads that the chain has had, by number."""
    with closing(sqlite3.connect(place / FILE)) as db:
        return {row[0]: Anchor(row[0], row[-1]) for row in rows(db)}
