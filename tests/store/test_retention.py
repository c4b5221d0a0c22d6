"""Old events go, the chain stays: on real files, with clocks that are wrong, and power cuts."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from doorctl.core.decision import Event, EventKind
from doorctl.store.chain import base
from doorctl.store.database import Store
from doorctl.store.events import forget_policies, keep_policy, policies
from doorctl.store.findings import Kind
from doorctl.store.retention import REST_SECONDS, prune
from doorctl.store.verify import looking, verify
from tests.store.tampering import by_hand
from tests.store.test_durability import start

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def fill(store: Store, *ages: timedelta, policy: str | None = None) -> None:
    """Events that are so old."""
    with store.undisturbed():
        for i, age in enumerate(ages):
            store.record(Event(EventKind.TAMPER, 0.0, detail=f"thing {i}"), time=NOW - age, policy=policy)


def ask(
    store: Store,
    older_than: datetime | None = NOW - YEAR,
    *,
    most: int = 500,
    max_events: int = 1000,
    now: datetime = NOW,
    at: float = 0.0,
) -> int:
    with store.undisturbed() as db:
        return prune(db, older_than=older_than, max_events=max_events, most=most, now=now, at=at)


def whole(store: Store) -> bool:
    with looking(store.path.parent) as db:
        return verify(db) == ()


def test_what_is_too_old_goes_and_the_chain_stays(store: Store) -> None:
    """The oldest up to the limit, with what would follow within hours; an event tells up to which number; the
    table and the chain agree, and what comes later follows."""
    fill(
        store, *(YEAR + DAY * n for n in (3, 2, 1)), YEAR - timedelta(hours=5), YEAR - timedelta(hours=7), DAY
    )
    assert ask(store) == 4
    kept = store.events()
    assert [event.id for event in kept] == [5, 6, 7]
    assert (kept[-1].kind, kept[-1].time) == ("EventsPruned", NOW)
    assert kept[-1].detail == "up to event 4: older than 2025-06-01T12:00:00.000Z"
    with store.reading() as db:
        assert base(db).id == 4
    assert whole(store)
    store.record(Event(EventKind.TAMPER, 0.0))
    assert store.events()[-1].id == 8
    assert whole(store)
    assert ask(store, at=REST_SECONDS) == 0


def test_too_many_go_by_shares(store: Store) -> None:
    """One more than the limit is enough for a hundredth of it to go, and it is told; the others stay."""
    fill(store, *[DAY] * 1000)
    assert ask(store) == 0
    fill(store, DAY)
    assert ask(store) == 10
    assert [event.id for event in store.events()][::991] == [11, 1002]
    assert store.events()[-1].detail == "up to event 10: more than 1000"
    assert whole(store)
    assert ask(store) == 0
    assert ask(store, max_events=500, most=30) == 30


def test_what_was_erased_is_in_no_byte_of_the_file(store: Store) -> None:
    """After the journal has been written back, as it is now and then."""
    fill(store, YEAR + DAY, DAY)
    secret = b"thing 0"
    store.clear_traces()
    assert secret in store.path.read_bytes()
    assert ask(store) == 1
    store.clear_traces()
    assert secret not in store.path.read_bytes()


def test_asking_costs_nothing_where_there_is_nothing_to_do(store: Store) -> None:
    """Of 20,000 events the daemon looks at the first and the last: SQLite's own steps are counted."""
    fill(store, *[DAY] * 20_000)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with store.undisturbed() as db:
        db.set_progress_handler(count, 1)
        assert prune(db, older_than=NOW - YEAR, max_events=200_000, now=NOW) == 0
        db.set_progress_handler(None, 0)
    assert steps < 200


def test_a_clock_that_is_not_trusted_erases_nothing(store: Store) -> None:
    """Nobody knows the time, or it is 1970: nothing is too old, though it may still be too many."""
    fill(store, *[10 * YEAR] * 1001)
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    assert ask(store, None, max_events=2000) == 0
    assert ask(store, long_ago - YEAR, now=long_ago, max_events=2000) == 0
    assert ask(store, None) == 10


def test_a_clock_far_ahead_erases_little_at_a_time(store: Store) -> None:
    """In 2099 everything is too old: so many events go, and no more within the hour, whoever asks how often
    and sets the clock how far. The last one stays, and so does what happened since."""
    fill(store, *[DAY] * 100)
    ahead = datetime(2099, 1, 1, tzinfo=UTC)
    assert ask(store, ahead - YEAR, now=ahead, most=20, at=1e6) == 20
    for minute in range(50):
        later = ahead + minute * YEAR
        assert ask(store, later - YEAR, now=later, most=20, at=1e6 + 60 * minute) == 0
    assert ask(store, ahead - YEAR, now=ahead, most=20, at=1e6 + REST_SECONDS) == 20
    assert ask(store, ahead - YEAR, now=ahead, most=20, at=100.0) == 20  # the machine was started again
    assert whole(store)
    gone = ask(store, ahead - YEAR, now=ahead, most=500, at=1e6 + 3 * REST_SECONDS)
    assert gone == 40
    assert [event.kind for event in store.events()] == ["EventsPruned"] * 4
    fill(store, DAY)
    assert ask(store, ahead + YEAR, now=ahead + 3 * YEAR, at=9e6) == 4  # but for the last
    assert whole(store)


def test_an_event_of_an_impossible_time_goes_with_the_next(store: Store) -> None:
    """Written by a clock that was not set, or far ahead: such an event neither goes at once nor stays for
    ever."""
    start_of_time = NOW - datetime(1970, 1, 1, tzinfo=UTC)
    fill(store, start_of_time, start_of_time, -73 * YEAR, DAY, start_of_time, 400 * DAY)
    assert ask(store) == 0
    later = NOW + YEAR
    assert ask(store, later - YEAR, now=later) == 4  # of what is left, one is the last, which tells how old
    assert ask(store, later - YEAR, now=later, at=1e6) == 2
    assert whole(store)


def test_many_events_of_impossible_times_go_as_well(store: Store) -> None:
    """More of them than go at once."""
    fill(store, *[-73 * YEAR] * 50, YEAR + DAY, DAY)
    assert ask(store, most=20) == 20
    assert ask(store, most=20, at=REST_SECONDS) == 20
    assert ask(store, most=20, at=2 * REST_SECONDS) == 11
    assert whole(store)


def test_rules_go_with_the_last_event_that_names_them(store: Store) -> None:
    """Those that are still named stay, and the newest, which the next decision may be made by."""
    with store.undisturbed() as db:
        names = [keep_policy(db, f'{{"threshold": 0.{n}}}') for n in range(5)]
    fill(store, YEAR + DAY, policy=names[0])
    fill(store, YEAR + DAY, policy=names[1])
    fill(store, DAY, policy=names[1])
    assert ask(store) == 2
    with store.undisturbed() as db:
        assert forget_policies(db) == 3
        assert set(policies(db)) == {names[1], names[4]}
    assert whole(store)


def test_what_was_tampered_with_is_told_when_it_goes(store: Store) -> None:
    """The chain forgets the evidence with the events; the event that tells of them keeps it."""
    fill(store, *[YEAR + DAY] * 5, DAY)
    with by_hand(store.path.parent) as db:
        db.execute("UPDATE events SET detail = CAST(x'ff' AS TEXT) WHERE id = 3")
    assert ask(store) == 5
    assert store.events()[-1].detail.endswith("; event 3 was not as it was written")
    with looking(store.path.parent) as db:
        (finding,) = verify(db)
    assert (finding.kind, finding.spans) == (Kind.ERASED, ((7, 7),))


def test_a_note_that_was_taken_away_comes_back(store: Store) -> None:
    """And that it was gone is told."""
    fill(store, YEAR + DAY, DAY)
    with by_hand(store.path.parent) as db:
        db.execute("DELETE FROM pruned")
    assert ask(store) == 1
    with looking(store.path.parent) as db:
        assert [finding.kind for finding in verify(db)] == [Kind.ERASED]


PRUNE_FOR_EVER = """
from doorctl.store.retention import prune
with Store(place) as store:
    while True:
        for i in range(3):
            store.record(Event(EventKind.RELAY_ON, float(i), detail="x" * 300))
        with store.undisturbed() as db:
            prune(db, older_than=None, max_events=20, most=7)
        print(store.events(limit=1)[0].id, flush=True)
"""


def test_kill_9_while_events_are_erased(tmp_path: Path) -> None:
    """Six programs are killed at random moments amid erasing: the chain holds, the table agrees with it."""
    last = 0
    for seed in range(6):
        with start(PRUNE_FOR_EVER, tmp_path, "Ann") as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(random.Random(seed).uniform(0.0, 0.3))
            writer.send_signal(signal.SIGKILL)
            rest, errors = writer.communicate()
        assert writer.returncode == -signal.SIGKILL, errors
        promised = [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        with looking(tmp_path) as db:
            assert verify(db) == ()
            first, newest = db.execute("SELECT min(id), max(id) FROM events").fetchone()
        assert newest >= max(promised, default=last)
        last = newest
    assert first > 1


def test_a_number_made_up_does_not_erase_the_rest(store: Store) -> None:
    """Somebody adds an event of a number far ahead: that is one too many, not a million."""
    fill(store, *[DAY] * 50)
    with by_hand(store.path.parent) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(events)") if row[1] != "id"]
        names = ", ".join(columns)
        db.execute(f"INSERT INTO events (id, {names}) SELECT 1000000, {names} FROM events WHERE id = 50")
    assert ask(store) == 0
    assert isinstance(store.events(limit=1)[0].id, int)
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT count(*) FROM events").fetchone() == (51,)
    db.close()
