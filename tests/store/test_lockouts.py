"""Failed attempts and locks in the real database, over power cuts and wrong clocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.app.lockouts import Lockouts
from doorctl.core.lockout import Bar, Lockout, LockoutRules, Outcome, bar, charge
from doorctl.core.records import Person
from doorctl.errors import StoreError
from doorctl.store import lockouts
from doorctl.store.database import Store
from doorctl.store.records import NewPhoto

RULES = LockoutRules()
UNIT = np.eye(8, dtype=np.float32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as store:
        yield store


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One that examples share: each writes over what was there."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        yield store


def after_a_power_cut(store: Store, lockout: Lockout, at: float, at_boot: float) -> Lockout:
    with store.undisturbed() as db:
        lockouts.keep(db, lockout, at)
    with store.undisturbed() as db:
        return lockouts.kept(db, at_boot)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0.1, 400), st.sampled_from(Outcome)), min_size=1, max_size=40),
    st.floats(0, 1000),
    st.floats(0, 1e9),
)
def test_a_power_cut_neither_clears_nor_extends(
    shared: Store, tries: list[tuple[float, Outcome]], later: float, boot: float
) -> None:
    """Whenever it comes, whatever the clock says then: the same locks for the same time, the same counts."""
    lockout, at = Lockout(), 0.0
    for gap, outcome in tries:
        at += gap
        lockout, _ = charge(lockout, outcome, at, RULES)
    at += later
    again = after_a_power_cut(shared, lockout, at, boot)
    for ahead in (0.0, 0.3, 7.3, 61.3, 301.3, 905.3, 5000.3):
        for rules in (RULES, replace(RULES, known_people_pass=False), replace(RULES, until_cleared=True)):
            near_an_end = abs(lockout.until - at - ahead) < 1e-3
            before, after = bar(lockout, at + ahead, rules), bar(again, boot + ahead, rules)
            assert before is after or near_an_end
    assert [boot - then for then in again.failures] == pytest.approx(
        [at - t for t in lockout.failures], abs=1e-3
    )
    assert (again.locks, len(again.spoofs), again.down) == (lockout.locks, len(lockout.spoofs), lockout.down)


def test_people_to_be_asked_are_kept_until_they_are_removed(store: Store) -> None:
    """Whose picture was shown is remembered by number, and forgotten with the person."""
    numbers = {}
    for place, name in enumerate(("Grace Hopper", "Eileen Collins")):
        photo = NewPhoto(f"{place:064x}", "photo.jpg", "net", UNIT[place])
        numbers[name] = store.enrol(name, [photo]).person.id
    lockout = Lockout(suspects=frozenset([*numbers.values(), 99]))
    assert after_a_power_cut(store, lockout, 0, 0).suspects == set(numbers.values())
    with store.undisturbed() as db:
        assert lockouts.suspects(db) == ["Eileen Collins", "Grace Hopper"]
    store.forget("Grace Hopper")
    with store.undisturbed() as db:
        assert lockouts.kept(db, 0).suspects == {numbers["Eileen Collins"]}


def test_no_face_of_a_stranger_is_written(store: Store) -> None:
    """Not a byte of it is in the files."""
    face = np.arange(1, 9, dtype=np.float32) / np.float32(np.sqrt(204))
    lockout = Lockout()
    for at in range(6):
        lockout, _ = charge(lockout, Outcome.STRANGER, at, RULES, face=face)
    assert after_a_power_cut(store, lockout, 6, 0).strangers == ()
    found = b"".join(file.read_bytes() for file in store.path.parent.iterdir())
    assert face[2:4].tobytes() not in found


class Writes:
    """Counts the transactions that write locks down."""

    def __init__(self, store: Store) -> None:
        self._store, self._lockouts = store, Lockouts(store)
        self._lockouts.before(0.0)
        self.count = 0

    def keep(self, lockout: Lockout, at: float) -> None:
        before = self._changes()
        self._lockouts.keep(lockout, at)
        self.count += self._changes() != before

    def _changes(self) -> int:
        with self._store.undisturbed() as db:
            return db.total_changes


def test_nothing_is_written_while_nothing_is_counted(store: Store) -> None:
    """A quiet door wears no card; a lock that runs out is written every ten seconds, and then no more."""
    writes, lockout, at = Writes(store), Lockout(), 0.0
    for at in np.arange(0.0, 60.0, 0.1):
        writes.keep(lockout, float(at))
    assert writes.count == 0
    for _ in range(10):
        lockout, _ = charge(lockout, Outcome.DENIED, 60.0, RULES, person=Person(1, "Gone Bad"))
    for at in np.arange(60.0, 90.0, 0.1):
        writes.keep(lockout, float(at))
    assert writes.count == 3
    over = Lockout(locks=1, last=60.0)
    for at in np.arange(400.0, 1000.0, 0.1):
        writes.keep(over, float(at))
    assert writes.count == 3 + 1 + 1  # how long ago it was, every five minutes


def test_another_programs_writing_stops_no_door(store: Store) -> None:
    """While somebody else holds the database, looking goes on, and ages are written another time; what was
    counted anew is not passed over."""
    own = Lockouts(store)
    lockout = Lockout(failures=(0.0,), last=0.0)
    own.before(0.0)
    own.keep(lockout, 0.0)
    other, busy = Store(store.path.parent), Store(store.path.parent, busy_seconds=0.05)
    with other, busy, other.undisturbed():
        mine = Lockouts(busy)
        assert mine.before(1.0).failures == (1.0,)
        assert not mine.was_cleared()
        mine.keep(mine.before(1.0), 20.0)
        with pytest.raises(StoreError):
            mine.keep(Lockout(), 20.0)


def test_a_lock_is_on_disk_before_the_next_frame(store: Store) -> None:
    """What was counted is read again by another program at once."""
    own = Lockouts(store)
    own.keep(own.before(5.0), 5.0)
    lockout = Lockout()
    for _ in range(10):
        lockout, _ = charge(lockout, Outcome.DENIED, 5.0, RULES)
    own.keep(lockout, 5.0)
    with Store(store.path.parent) as other, other.undisturbed() as db:
        assert bar(lockouts.kept(db, 0.0), 59.0, RULES) is Bar.RAISED
        assert bar(lockouts.kept(db, 0.0), 61.0, RULES) is Bar.USUAL


def test_an_operators_word_reaches_a_running_door(store: Store) -> None:
    """Whoever looks at the store's version sees that something has changed, and asks once."""
    own, version = Lockouts(store), store.version()
    assert not own.was_cleared()
    with Store(store.path.parent) as other, other.undisturbed() as db:
        lockouts.clear(db)
    assert store.version() != version
    assert own.was_cleared()
    assert not own.was_cleared()


def test_an_ordered_lockdown_outlives_a_power_cut_and_the_clearing_of_others(store: Store) -> None:
    """It ends on the word that it waits for, and on no other."""
    with store.undisturbed() as db:
        lockouts.keep(db, Lockout(ordered=True), 5.0)
        lockouts.clear(db)
        assert lockouts.kept(db, 7.0).ordered
        lockouts.keep(db, Lockout(), 8.0)
        assert not lockouts.kept(db, 9.0).ordered
