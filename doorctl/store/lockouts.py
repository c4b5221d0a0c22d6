"""Failed attempts and locks in the tables, as ages and remaining durations.

No time of day stands there: neither a wrong clock after a boot nor hours without power make a lock
longer or shorter. Faces of strangers are never written down.

Functions on a connection within a transaction, as in ``rows``.
"""

from __future__ import annotations

import sqlite3
from math import inf, isfinite

from doorctl.core.lockout import Lockout


def keep(db: sqlite3.Connection, lockout: Lockout, at: float) -> None:
    """Write down what must outlive the process.

    Args:
        db: the transaction.
        lockout: as it is now.
        at: now, on its scale of time.
    """
    db.execute(
        "UPDATE lockout SET locks = ?, down = ?, remaining = ?, shut = ?, since_last = ?, ordered = ?",
        (
            lockout.locks,
            lockout.down,
            max(0.0, lockout.until - at),
            at - lockout.since if isfinite(lockout.since) else None,
            at - lockout.last if isfinite(lockout.last) else None,
            lockout.ordered,
        ),
    )
    db.execute("DELETE FROM lockout_attempts")
    db.executemany(
        "INSERT INTO lockout_attempts (age, spoof) VALUES (?, ?)",
        [
            (at - then, spoof)
            for spoof, times in enumerate((lockout.failures, lockout.spoofs))
            for then in times
        ],
    )
    db.execute("DELETE FROM lockout_suspects")
    db.executemany(
        # Somebody may have been removed a moment ago.
        "INSERT INTO lockout_suspects SELECT id FROM people WHERE id = ?",
        [(number,) for number in sorted(lockout.suspects)],
    )


def kept(db: sqlite3.Connection, at: float) -> Lockout:
    """What was written down, as if the time without power had not been.

    Args:
        db: the connection.
        at: now, on the scale of time that the door goes by.
    """
    sql = "SELECT locks, down, remaining, shut, since_last, ordered FROM lockout"
    locks, down, remaining, shut, since_last, ordered = db.execute(sql).fetchone()
    attempts = db.execute("SELECT age, spoof FROM lockout_attempts ORDER BY age DESC").fetchall()
    return Lockout(
        failures=tuple(at - age for age, spoof in attempts if not spoof),
        spoofs=tuple(at - age for age, spoof in attempts if spoof),
        locks=locks,
        until=at + remaining if remaining > 0 else -inf,
        since=inf if shut is None else at - shut,
        last=-inf if since_last is None else at - since_last,
        down=bool(down),
        suspects=frozenset(row[0] for row in db.execute("SELECT person_id FROM lockout_suspects")),
        ordered=bool(ordered),
    )


def clear(db: sqlite3.Connection) -> None:
    """An operator ends every lock but an ordered one; a running door is told by ``times_cleared``."""
    keep(db, Lockout(ordered=kept(db, 0.0).ordered), 0.0)
    db.execute("UPDATE lockout SET cleared = cleared + 1")
    db.execute("UPDATE changed SET count = count + 1")


def times_cleared(db: sqlite3.Connection) -> int:
    """How often an operator has ended every lock."""
    return int(db.execute("SELECT cleared FROM lockout").fetchone()[0])


def suspects(db: sqlite3.Connection) -> list[str]:
    """Names of the people who are asked for a challenge next time."""
    sql = "SELECT name FROM people JOIN lockout_suspects ON person_id = id ORDER BY name"
    return [row[0] for row in db.execute(sql)]
