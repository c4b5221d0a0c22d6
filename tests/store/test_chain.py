"""The chain of events: what is digested, and old files that come into one."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest

from doorctl.core.decision import Event, EventKind
from doorctl.errors import StoreError
from doorctl.store.chain import GENESIS, Anchor, append, base, digest, head
from doorctl.store.database import Store
from doorctl.store.opened import FILE
from doorctl.store.schema import MIGRATIONS, migrate
from doorctl.store.verify import examine, looking
from tests.store.tampering import by_hand, rows

CONTENT = (
    *(7, "2026-01-31T08:15:00.250Z", 12.5, "AccessDenied", None, "unknown_person"),
    *(0.39, None, 'a "né" \x00', 3, 1, 0, "d9fffb232316960198f4538b4e67c2b8"),
)


def test_the_digest_never_changes() -> None:
    """What was written once must verify for ever: SHA-256 of this text, and no other."""
    text = (
        r'[7,"2026-01-31T08:15:00.250Z",12.5,"AccessDenied",null,"unknown_person",0.39,null,'
        r'"a \"n\u00e9\" \u0000",3,1,0,"d9fffb232316960198f4538b4e67c2b8",'
        f'"{"00" * 32}"]'
    )
    wanted = "b152ca1e7d8166c036dd2cad66f8f0a7991261a2bca8d4b7a560eb3181ec5fb5"
    assert hashlib.sha256(text.encode()).hexdigest() == digest(CONTENT, GENESIS).hex() == wanted
    assert digest(CONTENT, bytes([1]) * 32).hex() != wanted


@pytest.mark.parametrize("place", range(len(CONTENT)))
def test_the_digest_covers_every_column(place: int) -> None:
    """And tells a number from its text, and nothing from an empty text."""
    known = {digest(CONTENT, GENESIS)}
    for value in (None, "", 0, 0.0, "0", "null", -1, f"{CONTENT[place]} "):
        if value != CONTENT[place] or type(value) is not type(CONTENT[place]):
            changed = digest((*CONTENT[:place], value, *CONTENT[place + 1 :]), GENESIS)
            assert changed not in known, value
            known.add(changed)


def test_each_event_follows_the_one_before(tmp_path: Path) -> None:
    """From nothing on; the head is the last one's number and digest."""
    with Store(tmp_path) as store, store.undisturbed() as db:
        assert head(db) == base(db) == Anchor(0, GENESIS)
        assert [store.record(Event(EventKind.TAMPER, 0.0)) for _ in range(3)] == [1, 2, 3]
        found = rows(db)
        assert [row[-2] for row in found] == [GENESIS, found[0][-1], found[1][-1]]
        assert head(db) == Anchor(3, found[2][-1])
        assert str(head(db)) == f"event 3 sha256 {found[2][-1].hex()}"


def test_numbers_that_sqlite_changes_are_digested_as_it_keeps_them(tmp_path: Path) -> None:
    """No NaN, no infinity, no minus before a zero."""
    with Store(tmp_path) as store:
        for value in (float("nan"), float("inf"), -0.0, 1e308, 3.0, 5e-324):
            store.record(Event(EventKind.TAMPER, value, score=value, margin=value))
    with looking(tmp_path) as db:
        assert examine(db).findings == ()


def test_an_old_file_comes_into_a_chain(tmp_path: Path) -> None:
    """Events of a file from before, with gaps in their numbers and all there was in them, verify afterwards;
    what comes later follows. Before that, the file says that it has no chain."""
    db = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    migrate(db, MIGRATIONS[:4])
    for number, score in ((3, 0.5), (4, None), (9, -0.0), (10, 1 / 3)):
        db.execute(
            "INSERT INTO events (id, time, at, kind, person_id, reason, score, detail) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (number, "2026-01-31T08:15:00.250Z", 2, "AccessDenied", number, "spoof", score, "é \x00"),
        )
    db.close()
    with pytest.raises(StoreError, match="from before there was a chain"), looking(tmp_path):
        pass
    with Store(tmp_path) as store:
        assert [event.id for event in store.events()] == [3, 4, 9, 10]
        assert store.record(Event(EventKind.TAMPER, 0.0)) == 11
    with looking(tmp_path) as looked:
        seen = examine(looked)
    assert (seen.findings, seen.count, seen.first, seen.last) == ((), 5, 3, 11)
    with by_hand(tmp_path) as db:
        db.execute("DELETE FROM events WHERE id = 9")
    with looking(tmp_path) as looked:
        assert [finding.spans for finding in examine(looked).findings] == [((5, 9),)]


def test_an_event_is_refused_where_the_note_of_erased_ones_is_gone(tmp_path: Path) -> None:
    """Nobody knows what it would have to follow: that is an error with a way out, and nothing is written."""
    with Store(tmp_path) as store, store.undisturbed() as db:
        db.execute("DELETE FROM pruned")
        with pytest.raises(StoreError, match="events verify"):
            append(db, CONTENT[1:])
        assert rows(db) == []
