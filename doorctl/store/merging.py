"""What of the present outlives that an older database is brought back.

Functions on two connections: ``old``, in memory, which is to take the place of ``now``.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from doorctl.core.decision import EventKind
from doorctl.store.chain import Anchor, base, head
from doorctl.store.forgetting import erase

_WHOLE = ("events", "pruned", "policies", "lockout", "lockout_attempts")
"""Tables of which the present's content counts."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of it."""

    continues: bool
    """Whether the present is what came after the old database: then its events stay."""
    forgotten: tuple[int, ...] = ()
    """Numbers of people who were forgotten since, and are not brought back."""
    denied: tuple[int, ...] = ()
    """Numbers of people who were denied since, and stay so."""


def merge(old: sqlite3.Connection, now: sqlite3.Connection) -> Merged:
    """Within a transaction of the old: keep of the present what must not be undone.

    If its chain of events goes on from the old one's, the events stay, with the locks; whoever was forgotten
    is not brought back, whoever was denied stays so, consent is as it is now, and no number is given twice.
    """
    there = head(old)
    if not _has(now, there):
        return Merged(continues=False)
    for table in _WHOLE:
        rows = now.execute(f"SELECT * FROM {table}").fetchall()
        old.execute(f"DELETE FROM {table}")
        if rows:
            old.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    old.executemany(
        "INSERT OR IGNORE INTO unwanted VALUES (?)", now.execute("SELECT hash FROM unwanted").fetchall()
    )
    for table, count in now.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
        old.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (count, table))
        old.execute(
            "INSERT INTO sqlite_sequence SELECT ?, ? WHERE NOT EXISTS "
            "(SELECT 1 FROM sqlite_sequence WHERE name = ?)",
            (table, count, table),
        )
    known = {number for (number,) in old.execute("SELECT id FROM people").fetchall()}
    forgotten = sorted(
        number
        for (number,) in now.execute(
            "SELECT DISTINCT person_id FROM events WHERE id > ? AND kind = ?",
            (there.id, str(EventKind.PERSON_REMOVED)),
        )
        if number in known
    )
    for number in forgotten:
        erase(old, number)
    return Merged(True, tuple(forgotten), _still(old, now))


def _has(now: sqlite3.Connection, there: Anchor) -> bool:
    """Whether an event stands in the chain, or was the last that was erased for its age."""
    row = now.execute("SELECT hash FROM events WHERE id = ?", (there.id,)).fetchone()
    return (row is not None and row[0] == there.digest) or base(now) == there


def _still(old: sqlite3.Connection, now: sqlite3.Connection) -> tuple[int, ...]:
    """Take over denials and consent of people who are in both; who is denied for it."""
    denied: list[int] = []
    rows = now.execute(
        "SELECT people.id, persons.denied, people.consented FROM people JOIN persons USING (id)"
    )
    for number, out, consented in rows.fetchall():
        old.execute("UPDATE people SET consented = ? WHERE id = ?", (consented, number))
        if out and old.execute("SELECT 1 FROM persons WHERE id = ? AND NOT denied", (number,)).fetchone():
            old.execute("UPDATE people SET denied = 1 WHERE id = ?", (number,))
            denied.append(number)
    suspects = now.execute("SELECT person_id FROM lockout_suspects").fetchall()
    old.execute("DELETE FROM lockout_suspects")
    old.executemany("INSERT INTO lockout_suspects SELECT id FROM people WHERE id = ?", suspects)
    return tuple(denied)
