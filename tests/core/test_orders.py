"""What operators order: a release for a time, the door held open, nobody let in. All through ``step``."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.decision import Cause, Decision, Event, EventKind
from doorctl.core.door import HOLD_SECONDS, step
from doorctl.core.inputs import Clear, Command, Hold, Input, Line, Shut, Switched, Tick
from doorctl.core.lockout import Bar, Lockout, LockoutRules, bar, charge
from doorctl.core.lockout import Outcome as Failed
from doorctl.core.passage import PassageRules
from doorctl.core.records import Person, Reason
from doorctl.core.state import Door, DoorState
from tests.core.test_passage import FIRE, POLICY, contact, let_in, told

ANNA = "anna"
UNLOCK = Command(5.0, Cause.UNLOCK, 7.0, ANNA)
NOBODY_CAN_OPEN = {Cause.RECOGNISED, Cause.UNLOCK, Cause.HOLD}
WIRED = replace(POLICY, passage=PassageRules(contact=True))


def kinds(decision: Decision) -> list[EventKind]:
    return [event.kind for event in decision.events]


def run(facts: list[Input], door: Door | None = None) -> tuple[Door, list[Decision]]:
    door, decisions = door or Door(), list[Decision]()
    for fact in facts:
        door, decision = step(door, fact, WIRED)
        decisions.append(decision)
    return door, decisions


@pytest.mark.parametrize(
    ("asked", "got"),
    [(None, 3.0), (7.0, 7.0), (1e9, 60.0), (inf, 60.0), (nan, None), (-5.0, None), (0.0, None)],
)
def test_an_unlock_is_bounded_whatever_is_asked(asked: float | None, got: float | None) -> None:
    """No order makes a release longer than the policy's longest, nor one of a time that is none."""
    door, decision = step(Door(), Command(5.0, Cause.UNLOCK, asked, ANNA), POLICY)
    if got is None:
        assert (decision.release, decision.events, door.state) == (None, (), DoorState.LOCKED)
        return
    assert decision.release is not None
    assert decision.release.seconds == got
    assert door.released_until == 5.0 + got


def test_an_unlock_is_told_with_who_asked_and_for_how_long() -> None:
    """The event says it; REX, which nobody orders, is told as before."""
    _, decision = step(Door(), UNLOCK, POLICY)
    assert [(e.kind, e.reason, e.detail) for e in decision.events] == [
        (EventKind.UNLOCKED, Reason.COMMANDED, "unlock for 7 s, by anna")
    ]
    _, decision = step(Door(), Command(5.0, Cause.REX), POLICY)
    assert decision.events[0].detail == "rex"


def test_a_door_that_is_held_open_is_released_without_a_gap_until_the_end_and_no_longer() -> None:
    """Ten minutes: renewed in time, by pieces that the relay ends by itself, the last exactly then."""
    door, states, events = Door(), list[tuple[float, DoorState]](), list[Event]()
    facts: list[Input] = [Hold(100.0, 600.0, ANNA), *(Tick(100.0 + i / 4) for i in range(1, 2403))]
    for fact in facts:
        door, decision = step(door, fact, WIRED)
        states.append((fact.at, door.state))
        events += decision.events
        if decision.release is not None:
            assert decision.release.cause is Cause.HOLD
            assert decision.release.seconds <= HOLD_SECONDS
            assert door.released_until <= 700.0
    assert {state for at, state in states if at < 700.0} == {DoorState.RELEASED}
    assert {state for at, state in states if at >= 700.0} == {DoorState.LOCKED}
    assert [(e.kind, e.detail) for e in events] == [
        (EventKind.HELD_OPEN, "for 600 s, by anna"),
        (EventKind.HOLD_ENDED, "its time is over"),
    ]


def test_a_hold_ends_at_once_on_an_operators_word() -> None:
    """What is left of the release goes with it."""
    door, decisions = run([Hold(1.0, 600.0, ANNA), Tick(3.0), Hold(4.0, 0.0, "bert"), Tick(4.1), Tick(30.0)])
    assert decisions[2].relock
    assert [(e.kind, e.detail) for e in decisions[2].events] == [(EventKind.HOLD_ENDED, "by bert")]
    assert door.state is DoorState.LOCKED
    assert all(d.release is None for d in decisions[3:])
    assert step(door, Hold(31.0, 0.0, ANNA), WIRED)[1] == Decision(Reason.COMMANDED)


def test_a_hold_is_bounded() -> None:
    """By the policy's longest; a time that is none holds nothing."""
    door, _ = step(Door(), Hold(0.0, inf), POLICY)
    assert door.held_until == POLICY.max_hold_seconds
    for seconds in (nan, -1.0):
        door, decision = step(Door(), Hold(0.0, seconds), POLICY)
        assert not door.is_held
        assert (decision.release, decision.events) == (None, ())


def test_a_door_that_is_held_open_is_not_told_as_forced_or_open_too_long() -> None:
    """It may stand open; from the hold's end the usual time runs."""
    facts: list[Input] = [Hold(1.0, 300.0), contact(5.0, True), Tick(335.0)]
    _, events, _ = told(facts, WIRED)
    assert [(kind, at) for kind, at, _, _ in events] == [
        (EventKind.HELD_OPEN, 1.0),
        (EventKind.HOLD_ENDED, 301.0),
        (EventKind.DOOR_PRE_ALARM, pytest.approx(321.0, abs=0.2)),
        (EventKind.DOOR_OPEN_TOO_LONG, pytest.approx(331.0, abs=0.2)),
    ]


def test_it_does_not_lock_behind_anybody_while_it_is_held_open() -> None:
    """A known person who comes in and closes the door does not end the hold."""
    facts: list[Input] = [Hold(0.1, 60.0), *let_in(1.0), contact(1.5, True), contact(2.5, False)]
    door, decisions = run(facts)
    assert not decisions[-1].relock
    assert door.state is DoorState.RELEASED


def test_who_comes_while_it_is_held_open_is_told() -> None:
    """The record of entries goes on."""
    _, decisions = run([Hold(0.1, 60.0), *let_in(1.0)])
    assert EventKind.ACCESS_GRANTED in kinds(decisions[-1])


def test_a_lockdown_ends_a_release_and_a_hold_and_lets_nobody_in() -> None:
    """Neither a known face nor an unlock nor a hold; each refusal of an order is told."""
    orders: list[Input] = [Hold(1.0, 600.0, ANNA), Shut(3.0, True, "bert")]
    door, decisions = run(orders)
    assert kinds(decisions[-1]) == [EventKind.HOLD_ENDED, EventKind.LOCKED_DOWN]
    assert decisions[-1].events[1].detail == "until an operator ends it, by bert"
    assert decisions[-1].relock
    assert door.state is DoorState.LOCKED
    door, after = run(
        [
            *let_in(5.0),
            *let_in(6.0),
            Command(7.0, Cause.UNLOCK, 5.0, ANNA),
            Hold(8.0, 60.0, ANNA),
            *(Tick(at) for at in range(9, 30)),
        ],
        door,
    )
    assert all(decision.release is None for decision in after)
    refused = [e.detail for d in after for e in d.events if e.kind is EventKind.REFUSED_COMMAND]
    assert refused == ["unlock, by anna", "hold open, by anna"]


def test_the_ways_out_stay_open_in_a_lockdown() -> None:
    """The exit button and, where the owner says so, the fire panel."""
    door, _ = run([Shut(1.0, True)])
    _, decision = step(door, Switched(2.0, Line.REX, True), WIRED)
    assert decision.release is not None
    assert decision.release.cause is Cause.REX
    _, decision = step(door, Switched(2.0, Line.FIRE, True), FIRE)
    assert decision.release is not None
    assert decision.release.cause is Cause.FIRE


def test_no_order_ends_what_a_fire_alarm_holds_open() -> None:
    """Neither a lockdown nor the end of a hold locks the door in a fire."""
    door, _ = step(Door(), Switched(1.0, Line.FIRE, True), FIRE)
    for order in (Shut(2.0, True), Hold(2.0, 60.0)):
        after, decision = step(door, order, FIRE)
        assert not decision.relock
        after, decision = step(after, Hold(3.0, 0.0), FIRE)
        assert not decision.relock
        assert after.state is DoorState.RELEASED


def test_a_lockdown_ends_on_an_operators_word_alone() -> None:
    """Not by time, not by the end of other locks; then known people are let in again."""
    door, _ = run([Shut(1.0, True), Tick(90_000.0), Clear(90_001.0, ANNA)])
    assert bar(door.lockout, door.at, LockoutRules()) is Bar.SHUT
    door, decisions = run([Shut(90_002.0, False, ANNA), *let_in(90_010.0)], door)
    assert kinds(decisions[0]) == [EventKind.LOCKDOWN_ENDED]
    assert decisions[0].events[0].detail == "refused at once: 0, by anna"
    assert decisions[-1].release is not None


def test_the_same_order_again_changes_nothing_and_is_not_told() -> None:
    """A lockdown that is on, or off, already."""
    for first in (True, False):
        door, _ = run([Shut(1.0, first)])
        assert step(door, Shut(2.0, first), POLICY) == (replace(door, at=2.0), Decision(Reason.COMMANDED))


def test_who_ends_locks_is_told_and_an_ordered_lockdown_stays() -> None:
    """Clearing is of what failed attempts have led to."""
    lockout = Lockout(ordered=True)
    for _ in range(10):
        lockout, _ = charge(lockout, Failed.DENIED, 1.0, LockoutRules(), person=Person(9, "Gone Bad"))
    door, decision = step(Door(lockout=lockout), Clear(2.0, ANNA), POLICY)
    assert decision.events[0].detail == "by anna"
    assert door.lockout.ordered
    assert (door.lockout.failures, door.lockout.locks, door.lockout.until) == ((), 0, -inf)


def test_a_clock_that_goes_back_makes_no_hold_longer() -> None:
    """What is left of it stays what it was."""
    door, _ = run([Hold(1000.0, 60.0), Tick(1010.0), Tick(100.0)])
    assert door.held_until - door.at == pytest.approx(50.0)


ORDERS = st.lists(
    st.tuples(
        st.floats(0.01, 40.0),
        st.one_of(
            st.tuples(st.just("hold"), st.sampled_from([0.0, 1.0, 30.0, 1e6, nan, -1.0, inf])),
            st.tuples(st.just("unlock"), st.sampled_from([None, 1.0, 1e6, nan])),
            st.tuples(st.sampled_from(["shut", "rex", "fire", "contact"]), st.booleans()),
            st.tuples(st.sampled_from(["grace", "tick", "clear", "back"]), st.none()),
        ),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(ORDERS, st.booleans())
def test_orders_release_only_within_their_bounds_and_never_in_a_lockdown(
    steps: list[tuple[float, tuple[str, float | bool | None]]], fire: bool
) -> None:
    """Whatever is ordered, in any order, among faces and wires: no release but for a cause that holds now,
    none longer than that cause allows, holds are told by turns with their ends, and locking follows."""
    policy = FIRE if fire else WIRED
    door, at, held = Door(), 0.0, False
    for gap, (what, value) in steps:
        at = max(0.0, at - 10 * gap) if what == "back" else at + gap
        facts: list[Input] = [Tick(at)]
        if what == "hold" and isinstance(value, float):
            facts = [Hold(at, value)]
        elif what == "unlock":
            facts = [Command(at, Cause.UNLOCK, value)]
        elif what == "shut":
            facts = [Shut(at, bool(value))]
        elif what in ("rex", "fire", "contact"):
            facts = [Switched(at, Line(what), bool(value))]
        elif what == "grace":
            facts = let_in(at + 0.4)
            at += 0.4
        elif what == "clear":
            facts = [Clear(at)]
        for fact in facts:
            door, decision = step(door, fact, policy)
            for event in decision.events:
                if event.kind is EventKind.HELD_OPEN:
                    held = True
                if event.kind is EventKind.HOLD_ENDED:
                    assert held
                    held = False
            assert door.is_held == held
            if decision.relock:
                assert door.state is DoorState.LOCKED
                assert decision.release is None
            if (release := decision.release) is None:
                continue
            assert 0.0 < release.seconds <= max(policy.max_unlock_seconds, HOLD_SECONDS)
            if door.lockout.ordered:
                assert release.cause not in NOBODY_CAN_OPEN
            if release.cause is Cause.HOLD:
                assert held
                assert door.at + release.seconds <= door.held_until + 1e-6
