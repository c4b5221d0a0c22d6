"""Failed attempts and the locks that they lead to, as values: what no order of attempts can get round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.decision import Event, EventKind
from doorctl.core.lockout import (
    SHORT,
    STRANGERS,
    Bar,
    Lockout,
    LockoutRules,
    Outcome,
    bar,
    charge,
    locked_out,
    settled,
    succeeded,
)
from doorctl.core.records import Person, Vector

RULES = LockoutRules()
GRACE, EILEEN = Person(1, "Grace Hopper"), Person(2, "Eileen Collins")


def face(number: int) -> Vector:
    """A face that is like no other."""
    vector = np.zeros(32, np.float32)
    vector[number % 32] = 1.0
    return vector


@dataclass(frozen=True)
class Try:
    """Somebody tries, so long after the one before."""

    gap: float
    who: int
    outcome: Outcome = Outcome.STRANGER


GAPS = st.one_of(
    st.floats(0.1, 5), st.floats(5, 100), st.sampled_from([30.0, 60.0, 120.0, 240.0, 300.0, 900.0, 3600.0])
)
TRIES = st.lists(
    st.builds(Try, GAPS, st.integers(0, 3), st.sampled_from([*[Outcome.STRANGER] * 3, *Outcome])), max_size=80
)


def failed(times: int, outcome: Outcome = Outcome.STRANGER, *, start: float = 0.0, who: int = 0) -> Lockout:
    """So many failed attempts, a second apart."""
    lockout = Lockout()
    for i in range(times):
        lockout, _ = charge(lockout, outcome, start + i, RULES, face=face(who), person=GRACE)
    return lockout


def test_the_fifth_failure_locks_a_face_out_for_thirty_seconds_and_each_further_one_for_twice_as_long() -> (
    None
):
    """30, 60, 120 ... and never more than 15 minutes; another face is not concerned."""
    at, lockout, lengths = 0.0, Lockout(), list[float]()
    for _ in range(12):
        lockout, events = charge(
            lockout, Outcome.STRANGER, at, replace(RULES, door_failures=100), face=face(0)
        )
        until = lockout.strangers[0].until
        assert (until > at) == any(event.kind is EventKind.LOCKED_OUT for event in events)
        assert locked_out(lockout, face(0), at, RULES) == (until > at)
        assert not locked_out(lockout, face(1), at, RULES)
        assert not locked_out(lockout, face(0), until, RULES)
        lengths.append(max(0.0, until - at))
        at = max(until, at + 2)
    assert lengths == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]


def test_ten_failures_or_three_pictures_within_five_minutes_lock_the_door_down() -> None:
    """One fewer does not; nor do ten over a longer time. Denied people and missed challenges count too."""
    assert bar(failed(9), 9, RULES) is Bar.USUAL
    assert bar(failed(10), 10, RULES) is Bar.RAISED
    assert bar(failed(10, Outcome.DENIED), 10, RULES) is Bar.RAISED
    assert bar(failed(10, Outcome.CHALLENGE), 10, RULES) is Bar.RAISED
    assert bar(failed(2, Outcome.SPOOF), 2, RULES) is Bar.USUAL
    assert bar(failed(3, Outcome.SPOOF), 3, RULES) is Bar.RAISED
    lockout = Lockout()
    for i in range(40):
        lockout, _ = charge(lockout, Outcome.STRANGER, i * 33.4, RULES, face=face(i))
        assert bar(lockout, i * 33.4, RULES) is Bar.USUAL


def test_lockdowns_double_up_to_a_quarter_of_an_hour_and_are_told() -> None:
    """60, 120, 240 ... 900 seconds; each is told when it begins and when it is over."""
    lockout, at, lengths = failed(9), 9.0, list[float]()
    for _ in range(7):
        for _ in range(10):  # as many as it takes
            lockout, events = charge(lockout, Outcome.STRANGER, at, RULES)
            if events:
                break
            at += 1
        assert [event.kind for event in events] == [EventKind.LOCKED_DOWN]
        lengths.append(lockout.until - at)
        assert settled(lockout, lockout.until - 0.1, RULES)[1] == ()
        at = lockout.until
        lockout, ended = settled(lockout, at, RULES)
        assert [event.kind for event in ended] == [EventKind.LOCKDOWN_ENDED]
        assert settled(lockout, at + 1, RULES)[1] == ()
    assert lengths == [60, 120, 240, 480, 900, 900, 900]


def test_an_hour_of_peace_forgets() -> None:
    """After memory_seconds without a failure the next lockdown is a first one, and faces are forgotten."""
    lockout, _ = settled(failed(10), 9 + 3599, RULES)
    assert (lockout.locks, len(lockout.strangers)) == (1, 1)
    lockout, _ = settled(lockout, 9 + 3600, RULES)
    assert (lockout.locks, lockout.strangers, lockout.failures) == (0, (), ())


@settings(max_examples=300)
@given(TRIES)
def test_no_order_of_attempts_lets_more_than_the_limit_through(tries: list[Try]) -> None:
    """By an independent count: after ten in five minutes, or five of one face, the next comes after the lock.

    Whoever is refused at once is not counted, and cannot make a lock longer.
    """
    lockout, at = Lockout(), 0.0
    let_try: list[tuple[float, Try]] = []
    locks = 0
    free = -inf
    of_face: dict[int, list[float]] = {}
    for one in tries:
        at += one.gap
        lockout, _ = settled(lockout, at, RULES)
        if let_try and at - let_try[-1][0] >= RULES.memory_seconds and at >= free:
            locks = 0
        past = of_face.setdefault(one.who, [])
        if past and at - past[-1] >= RULES.memory_seconds:
            past.clear()
        face_free = past[-1] + min(900.0, 30.0 * 2 ** (len(past) - 5)) if len(past) >= 5 else -inf
        shut = bar(lockout, at, RULES) is not Bar.USUAL
        out = locked_out(lockout, face(one.who), at, RULES)
        assert shut == (at < free)
        assert out == (at < face_free)
        if shut or out:
            continue
        lockout, _ = charge(lockout, one.outcome, at, RULES, face=face(one.who), person=GRACE)
        let_try.append((at, one))
        if one.outcome is Outcome.STRANGER:
            past.append(at)
        recent = [t for then, t in let_try if at - then < 300]
        if len(recent) >= 10 or sum(t.outcome is Outcome.SPOOF for t in recent) >= 3:
            free = at + min(900.0, 60.0 * 2**locks)
            locks += 1


@given(TRIES)
def test_known_people_are_never_shut_out(tries: list[Try]) -> None:
    """With known_people_pass no attempts, even such as are not refused at once, lead to a shut door."""
    lockout, at = Lockout(), 0.0
    for one in tries:
        at += one.gap
        lockout, _ = charge(lockout, one.outcome, at, RULES, face=face(one.who), person=GRACE)
        assert bar(lockout, at, RULES) is not Bar.SHUT


@given(TRIES, st.floats(1, 3600))
def test_the_door_is_never_shut_for_longer_than_it_may_be(tries: list[Try], step: float) -> None:
    """Without known_people_pass: after max_seconds in a row known people pass, unless it is to be cleared."""
    rules = replace(RULES, known_people_pass=False)
    lockout, at, shut_since = Lockout(), 0.0, inf
    for one in tries:
        for _ in range(3):
            at += min(one.gap, step)
            lockout, _ = settled(lockout, at, rules)
            shut = bar(lockout, at, rules) is Bar.SHUT
            shut_since = min(shut_since, at) if shut else inf
            assert at - shut_since < rules.max_seconds or not shut
        if bar(lockout, at, rules) is not Bar.SHUT:
            lockout, _ = charge(lockout, one.outcome, at, rules, face=face(one.who), person=GRACE)


def test_shutting_in_a_row_is_counted_over_short_pauses() -> None:
    """Lockdowns that follow one another within five minutes are one row; after an hour known people pass."""
    rules = replace(RULES, known_people_pass=False)
    lockout, at, first = Lockout(), 0.0, None
    while at < 5000:
        at += 1
        lockout, _ = settled(lockout, at, rules)
        found = bar(lockout, at, rules)
        if found is Bar.USUAL:
            lockout, _ = charge(lockout, Outcome.DENIED, at, rules)
        elif first is None:
            first = at
        elif at - first >= rules.max_seconds + 2:
            assert found is Bar.RAISED
    assert first is not None


def test_a_lockdown_can_wait_for_an_operator() -> None:
    """With until_cleared it lasts until the state is made anew, whatever time passes."""
    rules = replace(RULES, until_cleared=True)
    lockout, _ = charge(failed(9), Outcome.STRANGER, 10, rules)
    for at in (11.0, 1e4, 1e8):
        lockout, events = settled(lockout, at, rules)
        assert (bar(lockout, at, rules), events) == (Bar.RAISED, ())
        assert bar(lockout, at, replace(rules, known_people_pass=False)) is Bar.SHUT
    assert bar(Lockout(), 1e8, rules) is Bar.USUAL


@given(TRIES, st.integers(0, 3))
def test_a_success_resets_only_its_own(tries: list[Try], who: int) -> None:
    """Whoever is let in is not suspect any more, and their face no stranger's; all else stays as it was."""
    lockout, at = Lockout(), 0.0
    for one in tries:
        at += one.gap
        person = GRACE if one.who else EILEEN
        lockout, _ = charge(lockout, one.outcome, at, RULES, face=face(one.who), person=person)
    after = succeeded(lockout, GRACE, face(who), RULES)
    assert after.suspects == lockout.suspects - {GRACE.id}
    assert [id(s) for s in after.strangers] == [
        id(s) for s in lockout.strangers if not np.array_equal(s.face, face(who))
    ]
    assert dict(after.short) == {n: count for n, count in lockout.short if n != GRACE.id}
    same = ("failures", "spoofs", "locks", "until", "since", "last", "down")
    assert [getattr(after, key) for key in same] == [getattr(lockout, key) for key in same]


def test_a_picture_is_charged_to_the_door_and_its_person_asked_next_time() -> None:
    """Nobody's face is locked out by a picture of it."""
    lockout = failed(3, Outcome.SPOOF)
    assert lockout.suspects == {GRACE.id}
    assert lockout.strangers == ()


def test_whoever_falls_short_again_and_again_is_told() -> None:
    """Every third visit in a row that nearly matches a person is an event that names them."""
    lockout, told = Lockout(), list[Event]()
    for i in range(2 * SHORT):
        lockout, events = charge(lockout, Outcome.STRANGER, i * 400.0, RULES, face=face(0), person=GRACE)
        told += [event for event in events if event.kind is EventKind.FALLS_SHORT]
    assert [(event.person, event.at) for event in told] == [
        (GRACE, (SHORT - 1) * 400.0),
        (GRACE, (2 * SHORT - 1) * 400.0),
    ]
    assert succeeded(lockout, GRACE, None, RULES).short == ()


def test_many_faces_are_remembered_and_no_more() -> None:
    """The memory is bounded, and whoever is locked out is not pushed out of it by newcomers."""
    rules = replace(RULES, door_failures=10_000)
    rng, lockout = np.random.default_rng(0), Lockout()
    for i in range(5):
        lockout, _ = charge(lockout, Outcome.STRANGER, i, rules, face=face(0))
    for i in range(3 * STRANGERS):
        other = rng.standard_normal(32).astype(np.float32)
        other[0] = 0
        unit = other / np.linalg.norm(other)
        lockout, _ = charge(lockout, Outcome.STRANGER, 5 + i / 100, replace(rules, alike=0.99), face=unit)
    assert len(lockout.strangers) == STRANGERS
    assert locked_out(lockout, face(0), 8, rules)


@pytest.mark.parametrize("odd", [np.full(32, np.nan, np.float32), np.zeros(0, np.float32)])
def test_a_face_that_is_none_is_nobody_known(odd: Vector) -> None:
    """A vector of another length, or not of numbers, breaks nothing and matches nobody."""
    lockout = failed(5)
    assert not locked_out(lockout, odd, 5, RULES)
    charge(lockout, Outcome.STRANGER, 5, RULES, face=odd)


@given(TRIES, st.floats(-1e6, 1e6))
def test_a_clock_that_is_set_moves_everything(tries: list[Try], shift: float) -> None:
    """Ages and remaining durations are the same on the new scale."""
    lockout, at = Lockout(), 0.0
    for one in tries:
        at += one.gap
        lockout, _ = charge(lockout, one.outcome, at, RULES, face=face(one.who), person=GRACE)
    moved = lockout.moved(shift)
    for ahead in (0.37, 10.37, 31.37, 61.37, 1000.37):
        assert bar(moved, at + shift + ahead, RULES) is bar(lockout, at + ahead, RULES)
