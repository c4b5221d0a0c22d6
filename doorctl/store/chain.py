"""Every event is chained to the one before it, so that none can be changed, added or taken away unseen.

An event's digest is SHA-256 over its content, its number and the digest before it, which stands beside it.
Whoever can write the file can compute digests anew: that is found by comparing with heads of the chain
that were noted elsewhere (``Anchor``), in the journal and in the folder's receipt.

Functions on a connection within a transaction, as in ``rows``.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from math import isfinite
from typing import Any

from doorctl.errors import StoreError

GENESIS = bytes(32)
"""What stands before the first event."""

COLUMNS = (
    "id, time, at, kind, person_id, reason, score, margin, detail, nearest_id, lookalike, raised, policy"
)
"""What is digested of an event, in this order."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of the chain at some time: the number of the last event, and its digest."""

    id: int
    digest: bytes

    def __str__(self) -> str:
        return f"event {self.id} sha256 {self.digest.hex()}"


def digest(content: tuple[Any, ...], previous: bytes) -> bytes:
    """What an event's content, of ``COLUMNS``, comes to behind a digest."""
    # JSON is the same for the same values on every machine: shortest decimals that read back exactly.
    text = json.dumps([*content, previous.hex()], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def head(db: sqlite3.Connection) -> Anchor:
    """The last event; what is left of the last that was erased for its age, if there is none after it."""
    row = db.execute("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return Anchor(*row) if row else base(db)


def base(db: sqlite3.Connection) -> Anchor:
    """The last event that was erased for its age: the chain begins behind it."""
    row = db.execute("SELECT id, hash FROM pruned").fetchone()
    if row is None:
        raise StoreError("the note of erased events is gone", "somebody took it: see 'doorctl events verify'")
    return Anchor(*row)


def append(db: sqlite3.Connection, content: tuple[Any, ...]) -> int:
    """Write an event behind the last; its number.

    Args:
        db: the transaction.
        content: ``COLUMNS`` but for the number.
    """
    last = head(db)
    # SQLite keeps no NaN, and gives an integer back as a float where a column is real.
    values = tuple(_real(v) if isinstance(v, float) else v for v in content)
    row = (last.id + 1, *values)
    db.execute(
        f"INSERT INTO events ({COLUMNS}, previous, hash) VALUES ({', '.join('?' * (len(row) + 2))})",
        (*row, last.digest, digest(row, last.digest)),
    )
    written = Anchor(last.id + 1, digest(row, last.digest))
    if head(db) != written:  # a trigger that somebody has put there, or a table that is none
        raise StoreError(
            "events cannot be kept: the database was tampered with",
            "see 'doorctl events verify', and bring back a backup",
        )
    return written.id


def _real(number: float) -> float | None:
    # Nor a zero's sign.
    return number + 0.0 if isfinite(number) else None


def chain_all(db: sqlite3.Connection) -> None:
    """Chain the events of a file from before there was a chain, which stand in ``events_before``."""
    previous = GENESIS
    rows = db.execute(
        "SELECT id, time, at, kind, person_id, reason, score, margin, detail, NULL, 0, 0, NULL "
        "FROM events_before ORDER BY id"
    )
    for row in rows:
        after = digest(row, previous)
        db.execute(
            f"INSERT INTO events ({COLUMNS}, previous, hash) VALUES ({', '.join('?' * 15)})",
            (*row, previous, after),
        )
        previous = after
