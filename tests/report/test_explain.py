"""Real decisions of ``step()``, kept in a real store with their rules, and explained."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from doorctl.core.decision import Cause, Event, EventKind
from doorctl.core.inputs import Clear, Command, Hold, Line, Shut, Switched
from doorctl.core.liveness import LivenessMode
from doorctl.core.records import Person, Reason
from doorctl.errors import UnknownEventError
from doorctl.report.explain import Explainer, Explanation
from doorctl.report.why import UNKNOWN_RULES
from doorctl.store.database import Store
from doorctl.store.history import History
from doorctl.store.records import StoredEvent
from tests.report.conftest import START
from tests.report.simulated_door import Look, SimulatedDoor, a_face
from tests.report.test_meaning import REFUSALS

GRACE, EILEEN, ALAN = Person(1, "Grace Hopper"), Person(2, "Eileen Collins"), Person(3, "Alan Turing")
PRINT = Look(GRACE, 0.93, 0.004, moves=False, obeys=False)
STRANGER = Look(GRACE, 0.45, 0.9, face=a_face(1))


def last(store: Store, kind: EventKind, reason: Reason | None = None) -> StoredEvent:
    found = (one for one in History(store).backwards(1 << 40, kinds=[kind]))
    return next(one for one in found if reason is None or one.reason == reason)


def explained(store: Store, number: int) -> Explanation:
    names = {person.id: person.name for person in store.people()}
    return Explainer(History(store), names).explain(number)


def words(found: Explanation) -> str:
    return "\n".join((found.says, *found.why, *found.after, *found.helps))


def told(door: SimulatedDoor, kind: EventKind, reason: Reason | None = None) -> str:
    """The last event of that kind, in words."""
    return words(explained(door.store, last(door.store, kind, reason).id))


def unknown(door: SimulatedDoor) -> None:
    door.comes(replace(STRANGER, score=0.70), 3.0)


def ambiguous(door: SimulatedDoor) -> None:
    door.comes(Look(GRACE, 0.9, 0.95, margin=0.11, lookalike=True), 3.0)


def denied(door: SimulatedDoor) -> None:
    door.note(EventKind.PERSON_DENIED, "by anna", GRACE)
    door.until(door.at + 60)
    door.comes(Look(replace(GRACE, denied=True), 0.9), 3.0)


def late(door: SimulatedDoor) -> None:
    door.comes(Look(ALAN, 0.9), 3.0)


def picture(door: SimulatedDoor) -> None:
    door.comes(PRINT, 3.0)


def lazy(door: SimulatedDoor) -> None:
    door.comes(Look(GRACE, 0.9, 0.35, obeys=False), 9.0)


def dim(door: SimulatedDoor) -> None:
    door.policy = replace(door.policy, liveness=LivenessMode.PASSIVE)
    door.comes(Look(GRACE, 0.9, 0.35), 3.0)


def locked(door: SimulatedDoor) -> None:
    for number in range(10):
        door.comes(replace(STRANGER, face=a_face(100 + number)), 2.0)
    door.comes(Look(EILEEN, 0.79), 3.0)


CASES: list[tuple[Callable[[SimulatedDoor], None], Reason, tuple[str, ...]]] = [
    (unknown, Reason.UNKNOWN_PERSON, ("0.74", "below", "within 0.1", "Grace Hopper", "0.6 s", "enrol")),
    (ambiguous, Reason.AMBIGUOUS, ("0.11", "0.16 was asked", "usual 0.08", "looks alike", "people list")),
    (denied, Reason.DENIED, ("Grace Hopper was recognised", "on 2026-", "by anna (event 4)", "people allow")),
    (late, Reason.SCHEDULE, ("Alan Turing was recognised", "outside their times", "access")),
    (picture, Reason.SPOOF, ("picture of Grace Hopper", "anti-spoof nets gave 0.0", "0.02", "print")),
    (lazy, Reason.CHALLENGE_FAILED, ("asked to", "not done in time", "0 of 2 done", "nets were in doubt")),
    (dim, Reason.LIVENESS_UNSURE, ("not clear", "gave 0.3", "from 0.62 on", "9 times", "3 was asked")),
    (locked, Reason.LOCKED_OUT, ("refused at once", "0.74", "from 0.84 on", "lockdown after failed", "10")),
]


@pytest.mark.parametrize(("story", "reason", "needs"), CASES, ids=[str(case[1]) for case in CASES])
def test_every_refusal_is_explained(
    door: SimulatedDoor, story: Callable[[SimulatedDoor], None], reason: Reason, needs: tuple[str, ...]
) -> None:
    """With the figures of that moment, what they were held against, and what would help."""
    story(door)
    text = told(door, EventKind.ACCESS_DENIED, reason)
    for need in needs:
        assert need in text, text
    event = last(door.store, EventKind.ACCESS_DENIED, reason)
    if event.score is not None:
        assert f"{event.score:.2f}" in text
    assert UNKNOWN_RULES not in text


def test_no_refusal_is_without_a_test() -> None:
    """The cases above are all the reasons that an event of a refusal can have."""
    assert {reason for _, reason, _ in CASES} == REFUSALS


def test_a_grant_is_explained(door: SimulatedDoor) -> None:
    """Score over threshold, lead, frames, signs of life, the schedule's word, and what came of it."""
    door.comes(Look(GRACE, 0.9, 0.95))
    door.opens(0.5, 2.0)
    door.until(door.at + 5)
    event = last(door.store, EventKind.ACCESS_GRANTED)
    text = words(explained(door.store, event.id))
    assert event.score is not None
    assert f"scored {event.score:.2f} as Grace Hopper: {event.score - 0.74:.2f} above" in text
    for need in (
        "0.30 in similarity; 0.08 was asked",
        "5 frames within 1.5 s",
        "from 0.62 on",
        "9 times as much as noise",
        "The access rules let them pass",
        "the relay was switched on: the strike was released",
        "Grace Hopper opened the door",
        "the door was locked again",
        f"dispute {event.id}",
    ):
        assert need in text, text
    assert "no RelayOn" not in text


def test_a_grant_during_a_lock_says_so(door: SimulatedDoor) -> None:
    """The raised threshold, from what it was raised, by which event; and the challenge that was asked."""
    locked(door)
    door.comes(Look(EILEEN, 0.9), 9.0)
    lock, text = last(door.store, EventKind.LOCKED_DOWN), told(door, EventKind.ACCESS_GRANTED)
    for need in ("0.84, raised from 0.74 by a lock", f"event {lock.id}", "since there was a lock", "and did"):
        assert need in text, text


def test_a_lock_names_the_refusals_that_led_to_it(door: SimulatedDoor) -> None:
    """Their numbers, and the rule that they broke."""
    locked(door)
    text = told(door, EventKind.LOCKED_DOWN)
    refusals = [one.id for one in History(door.store).onwards(kinds=[EventKind.ACCESS_DENIED])][:10]
    assert ", ".join(map(str, refusals)) in text
    assert "10 failed attempts of anybody, or 3 pictures" in text


def test_a_face_that_is_locked_out(door: SimulatedDoor) -> None:
    """The lock of a face is found as the reason why it is refused at once."""
    for _ in range(6):
        door.comes(replace(STRANGER, score=0.5), 2.0)
    lock = last(door.store, EventKind.LOCKED_OUT)
    assert f"the lock of an unknown face: event {lock.id}" in told(
        door, EventKind.ACCESS_DENIED, Reason.LOCKED_OUT
    )
    assert "One face may fail 4 times" in told(door, EventKind.LOCKED_OUT)


def test_an_ordered_lockdown_is_told_apart(door: SimulatedDoor) -> None:
    """Who was refused, and whose order was: both name the operator's event, not an older lock's."""
    locked(door)
    door.take(Clear(door.at, "ben"))
    door.take(Shut(door.at, True, "anna"))
    order = last(door.store, EventKind.LOCKED_DOWN)
    door.comes(Look(EILEEN, 0.95), 3.0)
    door.take(Command(door.at, Cause.UNLOCK, 5.0, "carl"))
    for text in (
        told(door, EventKind.ACCESS_DENIED, Reason.LOCKED_OUT),
        told(door, EventKind.REFUSED_COMMAND),
    ):
        assert f"an operator's lockdown: event {order.id}" in text
        assert "by anna" in text
    assert "carl gave the order" in told(door, EventKind.REFUSED_COMMAND)
    assert "since somebody ordered it" in words(explained(door.store, order.id))


def test_who_tries_again_and_is_let_in_is_told(door: SimulatedDoor) -> None:
    """A refusal that the nearest person was let in right after was most likely theirs."""
    door.comes(Look(GRACE, 0.70, 0.95), 3.0)
    door.until(door.at + 5)
    assert door.comes(Look(GRACE, 0.9, 0.95))
    assert "Grace Hopper was let in, who it was most like" in told(door, EventKind.ACCESS_DENIED)


def test_a_release_that_was_not_carried_out_is_told(store: Store) -> None:
    """A grant without RelayOn after it: the log says why."""
    number = store.record(Event(EventKind.ACCESS_GRANTED, 1.0, None, Reason.RECOGNISED, 0.9), time=START)
    assert "no RelayOn is written" in words(explained(store, number))


def test_without_stored_rules_nothing_is_guessed(store: Store) -> None:
    """Events of before this version are told with their figures alone."""
    for reason in REFUSALS:
        event = Event(EventKind.ACCESS_DENIED, 1.0, None, reason, 0.6, 0.1)
        text = words(explained(store, store.record(event, time=START)))
        assert UNKNOWN_RULES in text
        assert "threshold of that moment" not in text
    assert explained(store, 1).facts["threshold_asked"] is None


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_is_explained(store: Store, kind: EventKind) -> None:
    """With a person and without, with each reason and detail that may stand there: words, and plain facts."""
    number = store.record(Event(kind, 1.0, None), time=START)
    assert explained(store, number).says.endswith(".")
    details = ("", "by anna", "for 30 s, by anna", "event 1: #1 was it", "rex: pressed for 60 s", "+3.0 s")
    for detail in details:
        for reason in (None, *Reason):
            number = store.record(Event(kind, 2.0, GRACE, reason, 0.5, 0.1, detail), time=START)
            found = explained(store, number)
            assert len(found.says) > 10
            json.dumps(found.facts)


def test_what_a_newer_doorctl_wrote(store: Store) -> None:
    """A kind or a reason that is not known is said to be so, and is no error."""
    with store.undisturbed() as db:
        store.record(Event(EventKind.ACCESS_DENIED, 1.0), time=START)
        db.execute("UPDATE events SET kind = 'DoorSang', reason = 'off_key', policy = 'nothing'")
    assert "DoorSang" in explained(store, 1).says


def test_how_long_things_lasted(door: SimulatedDoor) -> None:
    """Told at either end: alarms, faults, a door held open; a restart ends what it knew of."""
    door.take(Switched(door.at, Line.TAMPER, True))
    door.until(door.at + 90)
    door.take(Switched(door.at, Line.TAMPER, False))
    assert "over 90 s later" in told(door, EventKind.TAMPER)
    assert "begun 90 s before" in told(door, EventKind.TAMPER_ENDED)
    door.take(Hold(door.at, 600.0, "anna"))
    door.until(door.at + 610)
    assert "anna gave the order" in told(door, EventKind.HELD_OPEN)
    assert "begun 10 min before" in told(door, EventKind.HOLD_ENDED)
    door.note(EventKind.CAMERA_LOST, "no frames for 2.0 s")
    assert "No event says that it is over" in told(door, EventKind.CAMERA_LOST)
    door.until(door.at + 40)
    door.note(EventKind.STARTED, "people: 3")
    assert "40 s later when the daemon was started again" in told(door, EventKind.CAMERA_LOST)


def test_there_is_no_such_event(door: SimulatedDoor) -> None:
    """The error says which numbers there are."""
    for number in (99, 10**30):
        with pytest.raises(UnknownEventError, match="there is no event") as raised:
            explained(door.store, number)
        assert "1 to 3" in raised.value.hint
        assert raised.value.exit_code == 66
