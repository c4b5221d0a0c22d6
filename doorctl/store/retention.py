"""Erases events that are too old, or too many: the oldest, so that what is left is a chain still.

What is erased is noted twice: in the table ``pruned``, which the first event that is left must follow, and in
an event of its own, so that nobody can shorten the past unseen by changing that note.

A clock may be wrong, and whoever answers for the network's time may want the past to be forgotten. So

- without a clock to trust nothing is too old;
- at most so many events are erased for their age, and at most once an hour by a clock that nobody sets: a
  clock that is a century ahead costs 12,000 events a day, the oldest first, and there is time to notice;
- an event whose own time cannot be, for it is still to come, or was before there was a doorctl, is as old as
  the first behind it whose time can be, so that it is neither erased at once nor kept for a century;
- events are erased from the oldest on. One that is not too old keeps those behind it, whatever their times.

The last event stays in any case. What is erased is checked first. If it is not as it was written, that is
told in the event, for the chain cannot tell it any more.
"""

from __future__ import annotations

import sqlite3
import time as clock
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from doorctl.core.decision import Event, EventKind
from doorctl.store.chain import COLUMNS, digest
from doorctl.store.events import add_event
from doorctl.store.pieces import SPOILT, any_text
from doorctl.store.rows import Row, time_text

BEFORE_DOORCTL = "2025-01-01T00:00:00.000Z"
"""An event of an earlier time was written by a clock that was not set."""

AHEAD = timedelta(days=1)
"""Likewise an event of so much later than now."""

REST_SECONDS = 3000.0
"""How long nothing is too old after something was: a little less than the hour after which it is asked."""

ALONG = timedelta(hours=6)
"""When events are erased for their age, those go along that would be too old so soon: each time writes an
event, which will itself be too old one day, and there must be fewer of them than of what they tell of."""

LATELY = 5000
"""More events than happen in ``REST_SECONDS``."""

SHARE = 100
"""Where there are too many, one in so many is erased at once."""


def prune(
    db: sqlite3.Connection,
    *,
    older_than: datetime | None,
    max_events: int,
    most: int = 500,
    now: datetime | None = None,
    at: float | None = None,
) -> int:
    """Erase some of the oldest events, if they are too old or too many; cheap if they are not.

    Args:
        db: a transaction.
        older_than: events of before that time are too old; ``None`` if nobody knows what time it is.
        max_events: more are too many.
        most: so many at most are erased at once. Ask again for the rest.
        now: the time; the machine's if it is not given.
        at: seconds on the scale of ``Event.at``; this machine's clock that nobody sets if not given.

    Returns:
        how many were erased.
    """
    now, at = now or datetime.now(UTC), clock.monotonic() if at is None else at
    last = db.execute("SELECT max(id) FROM events").fetchone()[0]
    if last is None:
        return 0
    found = _too_many(db, last, max_events, most) or _too_old(db, last, older_than, most, now, at)
    if not found:
        return 0
    until, why = found
    with any_text(db):
        rows = db.execute(f"SELECT {COLUMNS}, previous, hash FROM events WHERE id <= ? ORDER BY id", (until,))
        erased: list[Row] = rows.fetchall()
    if not erased:
        return 0
    if (wrong := _broken(db, erased)) is not None:
        why += f"; event {wrong} {SPOILT}"
    db.execute("DELETE FROM events WHERE id <= ?", (until,))
    db.execute("INSERT OR REPLACE INTO pruned VALUES (1, ?, ?)", (erased[-1][0], erased[-1][-1]))
    told = Event(EventKind.PRUNED, at, detail=f"up to event {erased[-1][0]}: {why}")
    add_event(db, told, time_text(now))
    return len(erased)


def _too_many(db: sqlite3.Connection, last: int, max_events: int, most: int) -> tuple[int, str] | None:
    """Up to which event there are too many, and why in words."""
    # That one event tells whether there are too many, without counting; it takes more than one number
    # that was made up to make it seem so.
    if not db.execute("SELECT 1 FROM events WHERE id = ?", (last - max_events,)).fetchone():
        return None
    first = db.execute("SELECT min(id) FROM events").fetchone()[0]
    share = max(1, max_events // SHARE)
    return min(first + most - 1, last - max_events + share - 1, last - 1), f"more than {max_events}"


def _too_old(
    db: sqlite3.Connection, last: int, older_than: datetime | None, most: int, now: datetime, at: float
) -> tuple[int, str] | None:
    """Likewise of events that are too old."""
    if older_than is None:
        return None
    latest = time_text(now + AHEAD)
    can_be = "time BETWEEN ? AND ?"
    oldest = db.execute(
        f"SELECT time < ? FROM events WHERE {can_be} ORDER BY id LIMIT 1",
        (time_text(older_than), BEFORE_DOORCTL, latest),
    ).fetchone()
    if oldest is None or not oldest[0] or _lately(db, last, at):
        return None
    until, limit = None, time_text(older_than + ALONG)
    with any_text(db):
        rows = db.execute(
            "SELECT id, time FROM events WHERE id < ? ORDER BY id LIMIT ?", (last, most)
        ).fetchall()
    for number, time in rows:
        if not BEFORE_DOORCTL <= time <= latest:
            continue
        if time >= limit:
            break
        until = number
    else:
        # All that follow, up to one that is too old, cannot be of their times.
        until = rows[-1][0] if rows and until is None else until
    return (until, f"older than {time_text(older_than)}") if until is not None else None


def _lately(db: sqlite3.Connection, last: int, at: float) -> bool:
    """Whether events were erased for their age a short while ago, since this machine was started."""
    sql = """
        SELECT at FROM events WHERE id > ? AND kind = ? AND detail LIKE '%: older than %'
        ORDER BY id DESC LIMIT 1
    """
    row = db.execute(sql, (last - LATELY, str(EventKind.PRUNED))).fetchone()
    return row is not None and row[0] is not None and 0 <= at - row[0] < REST_SECONDS


def _broken(db: sqlite3.Connection, rows: Sequence[Row]) -> int | None:
    """The first of the oldest events that is not as it was written."""
    base = db.execute("SELECT hash FROM pruned").fetchone()
    before = base[0] if base else None
    for *content, previous, own in rows:
        try:
            fits = previous == before and digest(tuple(content), previous) == own
        except (TypeError, AttributeError):  # of a kind that doorctl never writes
            fits = False
        if not fits:
            return int(content[0])
        before = own
    return None
