"""Past events page by page, onwards and backwards: a long past takes little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from doorctl.core.decision import EventKind
from doorctl.errors import UnknownEventError
from doorctl.store.database import Store
from doorctl.store.events import policies
from doorctl.store.records import StoredEvent
from doorctl.store.rows import Row, time_of, time_text

PAGE = 2000
"""Events read at a time."""

_SELECT = """
    SELECT events.id, time, kind, at, person_id, coalesce(people.name, '#' || person_id), reason, score,
        margin, detail, nearest_id, coalesce(other.name, '#' || nearest_id), lookalike, raised, policy
    FROM events LEFT JOIN people ON people.id = person_id LEFT JOIN people AS other ON other.id = nearest_id
"""


class History:
    """The events of a store, to look at.

    Args:
        store: where they are; must stay open. Its methods and these raise StoreError alike.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def onwards(
        self, after: int = 0, *, since: datetime | None = None, kinds: Sequence[EventKind] = ()
    ) -> Iterator[StoredEvent]:
        """Events with a higher number, oldest first.

        Args:
            after: a number.
            since: only from this time on.
            kinds: only these; all where it is empty.
        """
        return self._pages(after, "events.id > ?", "ASC", kinds, since)

    def backwards(
        self, before: int, *, kinds: Sequence[EventKind] = (), person_id: int | None = None
    ) -> Iterator[StoredEvent]:
        """Events with a lower number, newest first; of one person where ``person_id`` names them."""
        return self._pages(before, "events.id < ?", "DESC", kinds, None, person_id)

    def event(self, number: int) -> StoredEvent:
        """The event of that number; raise UnknownEventError if there is none."""
        with self._store.reading() as db:
            # SQLite's numbers end below Python's.
            row = db.execute(f"{_SELECT} WHERE events.id = ?", (min(number, 2**62),)).fetchone()
            oldest, newest = db.execute("SELECT min(id), max(id) FROM events").fetchone()
        if row is None:
            kept = f"the store has {oldest} to {newest}" if newest else "nothing has happened yet"
            raise UnknownEventError(f"there is no event {number}", f"{kept}; see 'doorctl events'")
        return _event_of(row)

    def policies(self) -> dict[str, str]:
        """The rules of past decisions as JSON, by digest."""
        with self._store.reading() as db:
            return policies(db)

    def _pages(
        self,
        number: int,
        where: str,
        order: str,
        kinds: Sequence[EventKind],
        since: datetime | None,
        person_id: int | None = None,
    ) -> Iterator[StoredEvent]:
        conditions, values = [where], list[object]()
        if kinds:
            conditions.append(f"kind IN ({', '.join('?' * len(kinds))})")
            values += [str(kind) for kind in kinds]
        if since is not None:
            conditions.append("time >= ?")
            values.append(time_text(since))
        if person_id is not None:
            conditions.append("person_id = ?")
            values.append(person_id)
        sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY events.id {order} LIMIT {PAGE}"
        while True:
            with self._store.reading() as db:
                rows = db.execute(sql, (number, *values)).fetchall()
            yield from map(_event_of, rows)
            if len(rows) < PAGE:
                return
            number = rows[-1][0]


def _event_of(row: Row) -> StoredEvent:
    number, time, *rest = row
    rest[-3:-1] = [bool(flag) for flag in rest[-3:-1]]
    return StoredEvent(number, time_of(time), *rest)
