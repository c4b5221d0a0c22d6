"""Events in the tables, and the rules that they were decided by.

Functions on a connection within a transaction, as in ``rows``.
"""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime

from doorctl.core.decision import Event
from doorctl.store.chain import append
from doorctl.store.records import StoredEvent
from doorctl.store.rows import Row, now_text, time_of, time_text


def add_event(db: sqlite3.Connection, event: Event, time: str, policy: str | None = None) -> int:
    """Write an event; its number. Of a person only the number is kept, so that a name can be erased.

    Args:
        db: the transaction.
        event: what happened.
        time: when, as ``time_text`` has it.
        policy: the digest of the rules by which it was decided.
    """
    content = (
        time,
        float(event.at),
        str(event.kind),
        event.person.id if event.person else None,
        str(event.reason) if event.reason else None,
        None if event.score is None else float(event.score),
        None if event.margin is None else float(event.margin),
        event.detail,
        event.nearest.id if event.nearest else None,
        int(event.lookalike),
        int(event.raised),
        policy,
    )
    return append(db, content)


def read_events(
    db: sqlite3.Connection, since: datetime | None, person_id: int | None, limit: int | None, after_id: int
) -> tuple[StoredEvent, ...]:
    """The last ``limit`` events that qualify, oldest first."""
    sql = """
        SELECT * FROM (
            SELECT events.id, time, kind, at, person_id, coalesce(people.name, '#' || person_id) AS who,
                reason, score, margin, detail, nearest_id,
                coalesce(other.name, '#' || nearest_id) AS most_like, lookalike, raised, policy
            FROM events LEFT JOIN people ON people.id = person_id
                LEFT JOIN people AS other ON other.id = nearest_id
            WHERE events.id > :after AND (:since IS NULL OR time >= :since)
                AND (:person IS NULL OR person_id = :person)
            ORDER BY events.id DESC LIMIT :limit
        ) ORDER BY id
    """
    named = {
        "after": after_id,
        "since": time_text(since) if since else None,
        "person": person_id,
        "limit": -1 if limit is None else limit,
    }
    rows = db.execute(sql, named).fetchall()
    return tuple(_event_of(row) for row in rows)


def _event_of(row: Row) -> StoredEvent:
    number, time, *rest = row
    rest[-3:-1] = [bool(flag) for flag in rest[-3:-1]]
    return StoredEvent(number, time_of(time), *rest)


def keep_policy(db: sqlite3.Connection, text: str) -> str:
    """Keep the rules that decisions are made by from now on, each once; the digest that names them."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    row = (digest, text, now_text())
    db.execute("INSERT INTO policies VALUES (?, ?, ?) ON CONFLICT DO NOTHING", row)
    return digest


def policies(db: sqlite3.Connection) -> dict[str, str]:
    """The rules of past decisions, by digest."""
    return dict(db.execute("SELECT digest, text FROM policies").fetchall())


def forget_policies(db: sqlite3.Connection) -> int:
    """Forget rules that no event names any more, but for the newest; how many. It reads every event once."""
    named = "SELECT DISTINCT policy FROM events WHERE policy IS NOT NULL"
    sql = f"DELETE FROM policies WHERE rowid < (SELECT max(rowid) FROM policies) AND digest NOT IN ({named})"
    return db.execute(sql).rowcount
