"""The daemon's side of the audit: anchors in the journal, rules kept once, clocks that are set."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Thread

import pytest

from doorctl.app.anchors import anchor_line
from doorctl.app.audit import FOLLOW_SECONDS, PRUNE_MOST, Audit
from doorctl.app.clock import STEP_SECONDS, ClockWatch
from doorctl.core.decision import Event, EventKind
from doorctl.core.liveness import LivenessMode
from doorctl.core.policy import Policy
from doorctl.core.records import Person
from doorctl.core.schedule import Access, Validity
from doorctl.errors import StoreError
from doorctl.sections import AuditConfig
from doorctl.store.chain import base, head
from doorctl.store.database import Store
from doorctl.store.events import policies

GRACE = Person(1, "Grace Hopper")
POLICY = Policy(threshold=0.8, margin=0.08, lookalike_margin=0.16, liveness=LivenessMode.ADAPTIVE)
GRANTED = Event(EventKind.ACCESS_GRANTED, 1.0, GRACE, score=0.9)


class Clock:
    """A wall clock and a steady one, which a test moves."""

    def __init__(self) -> None:
        self.at, self.wall = 1000.0, 1.8e9

    def passes(self, seconds: float, ahead: float = 0.0) -> None:
        self.at += seconds
        self.wall += seconds + ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def audit_of(store: Store, clock: Clock, **config: int) -> Audit:
    watch = ClockWatch(lambda: clock.wall, lambda: clock.at)
    return Audit(store, AuditConfig(**config), lambda: clock.at, watch, trusted=lambda: True)


def kinds(store: Store) -> list[str]:
    return [event.kind for event in store.events()]


@pytest.mark.parametrize("ahead", [3600.0, -3600.0, STEP_SECONDS + 0.1])
def test_a_clock_that_is_set_is_an_event(store: Store, clock: Clock, ahead: float) -> None:
    """Forward or back, once, with by how much."""
    audit = audit_of(store, clock)
    audit.turn()
    clock.passes(0.1, ahead)
    audit.turn()
    audit.turn()
    assert [(e.kind, e.detail) for e in store.events()] == [("ClockStepped", f"{ahead:+.1f} s")]


def test_a_clock_that_is_set_by_many_small_steps_is_an_event_too(clock: Clock) -> None:
    """A second a minute is nobody's steering."""
    watch = ClockWatch(lambda: clock.wall, lambda: clock.at)
    found = 0.0
    for _ in range(10):
        clock.passes(60.0, 1.0)
        found += watch.step()
    assert found > STEP_SECONDS


def test_a_clock_that_is_steered_is_none(clock: Clock) -> None:
    """What a time server's client does: 500 microseconds a second for a day, seen often or seldom."""
    watch = ClockWatch(lambda: clock.wall, lambda: clock.at)
    for seconds in (*[1 / 15] * 1000, *[1.0] * 1000, *[600.0] * 144):
        clock.passes(seconds, 500e-6 * seconds)
        assert watch.step() == 0.0


def test_the_head_of_the_chain_is_told_to_the_journal_in_time_and_at_the_end(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Every ``anchor_minutes``, not more often, and also where only errors are logged."""
    logging.getLogger("doorctl").setLevel("ERROR")
    try:
        audit = audit_of(store, clock, anchor_minutes=5)
        audit.record(GRANTED)
        for _ in range(11 * 60):
            clock.passes(1.0)
            audit.turn()
        with store.reading() as db:
            line = anchor_line(head(db))
        assert [record.getMessage() for record in caplog.records].count(line) == 2
        audit.close()
        assert caplog.records[-1].getMessage() == line
    finally:
        logging.getLogger("doorctl").setLevel("INFO")


def test_what_follows_from_a_safe_event_is_written_with_the_next_in_order(store: Store, clock: Clock) -> None:
    """Nothing is lost, and the order is that in which it happened."""
    audit = audit_of(store, clock)
    audit.record(GRANTED)
    audit.record(Event(EventKind.RELAY_ON, clock.at))
    audit.record(Event(EventKind.ACCESS_TAKEN, clock.at, GRACE))
    assert kinds(store) == ["AccessGranted"]
    audit.record(Event(EventKind.RELAY_OFF, clock.at))
    assert kinds(store) == ["AccessGranted", "RelayOn", "AccessTaken", "RelayOff"]
    times = [event.time for event in store.events()]
    assert times == sorted(times)


def test_what_nothing_follows_is_written_soon_and_at_the_end(store: Store, clock: Clock) -> None:
    """A door that is held open tells so within seconds; one that stops, at once."""
    audit = audit_of(store, clock)
    audit.record(Event(EventKind.RELAY_ON, clock.at))
    clock.passes(FOLLOW_SECONDS - 0.1)
    audit.turn()
    assert kinds(store) == []
    clock.passes(0.1)
    audit.turn()
    assert kinds(store) == ["RelayOn"]
    audit.record(Event(EventKind.RELAY_ON, clock.at))
    audit.close()
    assert kinds(store) == ["RelayOn", "RelayOn"]


def test_the_log_tells_of_no_event_that_was_not_kept(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a transaction fails at its end, what it held was never so: nothing is logged of it, what waited
    waits still, and the rules are kept anew."""
    caplog.set_level("INFO", "doorctl")
    audit = audit_of(store, clock)
    audit.record(Event(EventKind.RELAY_ON, clock.at))

    def fails() -> None:
        with audit.whole():
            audit.record(GRANTED, POLICY)
            raise StoreError("the disk is full")

    with pytest.raises(StoreError):
        fails()
    assert (kinds(store), caplog.records) == ([], [])
    audit.record(GRANTED, POLICY)
    assert kinds(store) == ["RelayOn", "AccessGranted"]
    told = [record.getMessage() for record in caplog.records]
    assert told == ["event 1: RelayOn", "event 2: AccessGranted #1 score 0.90"]
    with store.reading() as db:
        assert store.events()[-1].policy in policies(db)


def test_only_anchors_are_told_where_an_owner_wants_warnings_alone(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """``log.level: warning`` keeps events out of the log."""
    logging.getLogger("doorctl").setLevel("WARNING")
    try:
        audit = audit_of(store, clock)
        audit.record(GRANTED)
        audit.close()
    finally:
        logging.getLogger("doorctl").setLevel("INFO")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["audit anchor"]


def test_threads_that_write_at_once_wait_for_each_other(store: Store, clock: Clock) -> None:
    """The relay's thread and the loop: whoever is first, nobody waits for ever, and no event is lost."""
    audit = audit_of(store, clock)

    def loop() -> None:
        for _ in range(100):
            with audit.whole():
                audit.record(GRANTED, POLICY)

    def relay() -> None:
        for on in [True, False] * 50:
            audit.record(Event(EventKind.RELAY_ON if on else EventKind.RELAY_OFF, clock.at))

    threads = [Thread(target=loop, daemon=True), Thread(target=relay, daemon=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    audit.close()
    assert Counter(kinds(store)) == {"AccessGranted": 100, "RelayOn": 50, "RelayOff": 50}


def test_the_rules_of_a_decision_are_kept_once_and_found_by_it(store: Store, clock: Clock) -> None:
    """Each decision names the rules of its moment; what is no decision names none."""
    audit, stricter = audit_of(store, clock), replace(POLICY, threshold=0.9)
    for policy in (POLICY, POLICY, stricter, POLICY):
        audit.record(GRANTED, policy)
    audit.record(Event(EventKind.RELAY_OFF, 2.0))
    with store.reading() as db:
        kept = policies(db)
    named = [event.policy for event in store.events()]
    assert named[-1] is None
    assert [json.loads(kept[digest])["threshold"] for digest in named if digest] == [0.8, 0.8, 0.9, 0.8]
    assert len(kept) == 2


def test_no_name_stands_in_the_rules(store: Store, clock: Clock) -> None:
    """Hours and extra time are people's: what is kept with the events must not outlive them."""
    access = Access(valid={"grace hopper": Validity(last=date(2026, 6, 30))})
    audit = audit_of(store, clock)
    audit.record(GRANTED, replace(POLICY, access=access, extended=frozenset({"alan turing"})))
    with store.reading() as db:
        (text,) = policies(db).values()
    assert "hopper" not in text
    assert "turing" not in text


def test_old_events_go_by_pieces_without_stopping_the_loop(store: Store, clock: Clock) -> None:
    """More than are kept: the oldest go, some each turn, until there are no more than may be."""
    for _ in range(3 * PRUNE_MOST):
        store.record(GRANTED)
    audit = audit_of(store, clock, max_events=1000)
    for _ in range(60):
        clock.passes(1.0)
        audit.turn()
    assert 990 <= len(store.events()) <= 1010
    with store.reading() as db:
        assert base(db).id >= PRUNE_MOST
