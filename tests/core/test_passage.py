"""The door's leaf, its button, its loops and the fire panel, through ``step``: what they do and tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.decision import Cause, Decision, Event, EventKind
from doorctl.core.door import HOLD_SECONDS, step
from doorctl.core.guidance import prompt_of
from doorctl.core.inputs import Command, Input, Line, Noise, Switched, Tick
from doorctl.core.liveness import LivenessMode
from doorctl.core.passage import FLAP_SECONDS, FLAPS, MANY, MANY_SECONDS, PassageRules
from doorctl.core.policy import Policy
from doorctl.core.prompt import Prompt
from doorctl.core.records import Person
from doorctl.core.state import Door, DoorState
from tests.core.test_lockout import GRACE
from tests.core.visitors import EILEEN, seen

POLICY = Policy(
    threshold=0.7,
    margin=0.08,
    lookalike_margin=0.16,
    liveness=LivenessMode.OFF,
    dwell_seconds=0.4,
    passage=PassageRules(contact=True),
)
FIRE = replace(POLICY, passage=PassageRules(contact=True, fire_releases=True))
OPEN, CLOSE = True, False


def contact(at: float, on: bool, **more: bool) -> Switched:
    return Switched(at, Line.CONTACT, on, **more)


def let_in(at: float) -> list[Input]:
    """Five frames of Grace, the last of which opens the door at ``at``."""
    return [seen(at - 0.4 + i / 10) for i in range(5)]


def told(
    facts: Sequence[Input], policy: Policy = POLICY
) -> tuple[Door, list[tuple[EventKind, float, Person | None, str]], list[Decision]]:
    """The events of a story, with the times at which they were told; a tick every tenth of a second."""
    door, events, decisions = Door(), list[Event](), list[Decision]()
    ticks = 0
    for fact in facts:
        while ticks / 10 < fact.at:
            door, decision = step(door, Tick(ticks / 10), policy)
            decisions.append(decision)
            ticks += 1
        door, decision = step(door, fact, policy)
        decisions.append(decision)
    events = [event for decision in decisions for event in decision.events]
    return door, [(e.kind, round(e.at, 1), e.person, e.detail) for e in events], decisions


def kinds(facts: Sequence[Input], policy: Policy = POLICY) -> list[tuple[EventKind, float]]:
    """Kinds and times, without those of the grant itself."""
    grant = (EventKind.ACCESS_GRANTED, EventKind.UNLOCKED)
    return [(kind, at) for kind, at, _, _ in told(facts, policy)[1] if kind not in grant]


def test_who_is_let_in_and_opens_has_taken_it() -> None:
    """AccessTaken names the person and the cause, once; closing the door is no event."""
    facts = [*let_in(1.0), contact(2.0, OPEN), contact(3.5, CLOSE), Tick(60)]
    _, events, _ = told(facts)
    assert events[1:] == [(EventKind.ACCESS_TAKEN, 2.0, GRACE, "recognised")]


def test_who_is_let_in_and_does_not_open_has_not_taken_it() -> None:
    """Told a second after the release has ended: until then a slow hand may still open."""
    assert kinds([*let_in(1.0), Tick(60)]) == [(EventKind.ACCESS_NOT_TAKEN, 5.0)]
    assert kinds([*let_in(1.0), contact(4.9, OPEN), contact(5, CLOSE), Tick(60)]) == [
        (EventKind.ACCESS_TAKEN, 4.9)
    ]


def test_a_door_that_opens_by_itself_is_forced() -> None:
    """Before a release, or after it and its grace; that it is closed again is told."""
    facts = [contact(1.0, OPEN), contact(4.0, CLOSE), *let_in(10.0), contact(14.2, OPEN), contact(15, CLOSE)]
    assert kinds(facts) == [
        (EventKind.DOOR_FORCED_OPEN, 1.0),
        (EventKind.DOOR_CLOSED, 4.0),
        (EventKind.ACCESS_NOT_TAKEN, 14.0),
        (EventKind.DOOR_FORCED_OPEN, 14.2),
        (EventKind.DOOR_CLOSED, 15.0),
    ]


def test_a_door_that_stands_open_is_told_at_the_door_and_then_to_all() -> None:
    """Pre-alarm at 20 s, too long at 30 s, once each, and closed at last."""
    facts = [*let_in(1.0), contact(2.0, OPEN), contact(100.0, CLOSE)]
    assert kinds(facts)[1:] == [
        (EventKind.DOOR_PRE_ALARM, 22.0),
        (EventKind.DOOR_OPEN_TOO_LONG, 32.0),
        (EventKind.DOOR_CLOSED, 100.0),
    ]
    door, _, _ = told([*let_in(1.0), contact(2.0, OPEN), Tick(23.0)])
    assert prompt_of(door, Decision(step(door, Tick(23.1), POLICY)[1].reason)) is Prompt.CLOSE_DOOR
    door, _, _ = told([*let_in(1.0), contact(2.0, OPEN), Tick(33.0)])
    assert prompt_of(door, step(door, Tick(33.1), POLICY)[1]) is Prompt.ALARM


def test_a_door_found_open_at_the_start_is_not_forced() -> None:
    """Nobody knows who opened it; but it may not stand open for ever either."""
    assert kinds([contact(0.0, OPEN, first=True), Tick(25), Tick(31)]) == [
        (EventKind.DOOR_PRE_ALARM, 20.0),
        (EventKind.DOOR_OPEN_TOO_LONG, 30.0),
    ]


def test_it_locks_behind_whoever_came_in() -> None:
    """Opened and closed within the release: locked at once. Not before it was opened, nor while another who
    was let in meanwhile is still outside."""
    door, _, decisions = told([*let_in(1.0), contact(1.5, OPEN), contact(2.0, CLOSE)])
    assert decisions[-1].relock
    assert door.state is DoorState.LOCKED
    assert not any(decision.relock for decision in decisions[:-1])
    door, _, decisions = told([*let_in(1.0), contact(1.2, CLOSE)])
    assert not any(decision.relock for decision in decisions)
    other = [*let_in(1.0), contact(1.5, OPEN), Command(1.8, Cause.UNLOCK), contact(2.0, CLOSE)]
    door, _, decisions = told(other)
    assert not any(decision.relock for decision in decisions)
    assert door.state is DoorState.RELEASED


def test_two_who_come_in_through_one_opening_have_both_taken_it() -> None:
    """Nobody is told not to have come."""
    facts = [*let_in(1.0), Command(1.5, Cause.UNLOCK), contact(2.0, OPEN), contact(4.0, CLOSE), Tick(30)]
    assert kinds(facts) == [(EventKind.ACCESS_TAKEN, 2.0)] * 2
    facts = [*let_in(1.0), contact(2.0, OPEN), Command(2.5, Cause.UNLOCK), contact(4.0, CLOSE), Tick(30)]
    assert kinds(facts) == [(EventKind.ACCESS_TAKEN, 2.0), (EventKind.ACCESS_TAKEN, 2.5)]


def test_without_a_contact_nothing_is_said_of_the_leaf() -> None:
    """No door is told to be shut or open where no wire tells it."""
    bare = replace(POLICY, passage=PassageRules())
    assert kinds([*let_in(1.0), Tick(100)], bare) == []


@pytest.mark.parametrize("releases", [True, False])
def test_the_exit_button_opens_without_alarm(releases: bool) -> None:
    """It releases the strike, with its cause, or the wiring does; either way nobody forces the door."""
    policy = replace(POLICY, passage=PassageRules(contact=True, rex_releases=releases))
    rex: list[Input] = [Switched(1.0, Line.REX, True), Switched(1.4, Line.REX, False)]
    _, events, decisions = told([*rex, contact(2.0, OPEN), contact(4.0, CLOSE), Tick(20)], policy)
    found = [decision.release for decision in decisions if decision.release]
    assert [release.cause for release in found] == [Cause.REX] * releases
    assert EventKind.DOOR_FORCED_OPEN not in {kind for kind, *_ in events}
    assert (EventKind.ACCESS_TAKEN, 2.0, None, "rex") in events


def test_a_button_that_was_down_at_the_start_releases_nothing() -> None:
    """Nobody has pressed it just now; letting it go and pressing it again does."""
    facts: list[Input] = [Switched(0.0, Line.REX, True, first=True), Switched(5, Line.REX, False)]
    _, _, decisions = told([*facts, Tick(10)])
    assert not any(decision.release for decision in decisions)
    _, _, decisions = told([*facts, Switched(6, Line.REX, True), Tick(10)])
    assert sum(decision.release is not None for decision in decisions) == 1


def test_a_wire_that_was_asked_late_sets_no_clock_back() -> None:
    """A press of three seconds ago, heard after a frame that took long: what the door knows stays."""
    door, _, _ = told([*let_in(1.0), Tick(5.0)])
    after, decision = step(door, Switched(2.0, Line.REX, True), POLICY)
    assert after.at == door.at
    assert after.presentation == door.presentation
    assert decision.release is not None


def test_an_exit_button_held_down_releases_once_and_is_told_to_be_stuck() -> None:
    """A door must not stay open because a button is wedged; letting go ends it."""
    facts: list[Input] = [
        Switched(1.0, Line.REX, True),
        Tick(100),
        Switched(101, Line.REX, False),
        Switched(102, Line.REX, True),
    ]
    _, events, decisions = told(facts)
    assert sum(decision.release is not None for decision in decisions) == 2
    assert [(kind, at) for kind, at, *_ in events if kind is EventKind.INPUT_FAULT] == [
        (EventKind.INPUT_FAULT, 61.0)
    ]


@pytest.mark.parametrize("line", list(Line))
def test_a_flapping_line_is_one_event_and_releases_nothing(line: Line) -> None:
    """Two changes a second for ten minutes: told once, not believed, and believed again when it is quiet."""
    flaps = [Switched(1 + i / 2, line, i % 2 == 0) for i in range(1200)]
    _, events, decisions = told([*flaps, Tick(1000)])
    assert len(events) <= FLAPS + 4
    faults = [(kind, detail) for kind, _, _, detail in events if kind is EventKind.INPUT_FAULT]
    assert faults == [(EventKind.INPUT_FAULT, f"{line}: changes all the time; see its wire")]
    (back,) = (at for kind, at, *_ in events if kind is EventKind.INPUT_BACK)
    assert 600.5 + FLAP_SECONDS <= back <= 600.5 + MANY_SECONDS
    late = decisions[-3000:]
    assert not any(decision.release for decision in late)


@pytest.mark.parametrize("line", list(Line))
def test_a_line_without_a_level_is_one_event(line: Line) -> None:
    """A loose wire that never settles is told once, and again only after it has been well."""
    noise = [Noise(1.0 + i, line) for i in range(60)]
    assert [kind for kind, _ in kinds([*noise, Tick(90), Noise(91, line)], FIRE)] == [
        EventKind.INPUT_FAULT,
        EventKind.INPUT_BACK,
        EventKind.INPUT_FAULT,
    ]


@pytest.mark.parametrize("line", list(Line))
def test_a_line_that_flaps_slowly_is_one_event_too(line: Line) -> None:
    """A change every 1.15 s for an hour: believed for two minutes, and no longer."""
    flaps = [Switched(1 + i * 1.15, line, i % 2 == 0) for i in range(3130)]
    _, events, decisions = told(flaps)
    assert [kind for kind, *_ in events].count(EventKind.INPUT_FAULT) == 1
    assert len(events) <= MANY + 10
    assert not any(decision.release for decision in decisions[len(decisions) // 2 :])


def test_one_line_that_flaps_does_not_cover_another() -> None:
    """Each is counted by itself, however fast the other is."""
    both: list[Input] = [Switched(1 + i / 10, Line.REX, i % 2 == 0) for i in range(3000)]
    both += [Switched(1 + i / 2, Line.TAMPER, i % 2 == 0) for i in range(600)]
    _, events, _ = told(sorted(both, key=lambda fact: fact.at))
    assert [kind for kind, *_ in events].count(EventKind.INPUT_FAULT) == 2
    assert len(events) < 30


def test_it_does_not_lock_before_whoever_is_still_outside() -> None:
    """Two were let in and the door has opened once; or somebody came out by the button: the timer ends it."""
    two = [*let_in(1.0), *(seen(1.1 + i / 10, EILEEN, track=2) for i in range(5))]
    _, _, decisions = told([*two, contact(2.0, OPEN), contact(2.6, CLOSE)])
    assert sum(decision.release is not None for decision in decisions) == 2
    assert not any(decision.relock for decision in decisions)
    out = replace(POLICY, passage=PassageRules(contact=True, rex_releases=False))
    rex: list[Input] = [Switched(1.2, Line.REX, True), Switched(1.4, Line.REX, False)]
    _, _, decisions = told([*let_in(1.0), *rex, contact(1.5, OPEN), contact(2.2, CLOSE)], out)
    assert not any(decision.relock for decision in decisions)


@pytest.mark.parametrize("line", [Line.REX, Line.FIRE])
def test_no_wire_that_is_on_for_ever_covers_a_forced_door(line: Line) -> None:
    """A button that is stuck, or a fire loop that is cut where it releases nothing, excuses nobody."""
    assert (EventKind.DOOR_FORCED_OPEN, 500.0) in kinds([Switched(1, line, True), contact(500, OPEN)])


def test_a_door_that_has_locked_again_is_forced_if_it_opens() -> None:
    """What was left of the release went with it."""
    facts = [*let_in(1.0), contact(1.3, OPEN), contact(1.8, CLOSE), contact(3.5, OPEN)]
    assert kinds(facts) == [(EventKind.ACCESS_TAKEN, 1.3), (EventKind.DOOR_FORCED_OPEN, 3.5)]


def test_an_alarm_is_told_once_and_so_is_its_end() -> None:
    """Whatever the wire does between: noise makes no second alarm, and an end that came amid it is told."""
    fire: list[Input] = [Switched(1, Line.FIRE, True), Noise(5, Line.FIRE)]
    assert kinds([*fire, Tick(60)]) == [
        (EventKind.FIRE_ALARM, 1.0),
        (EventKind.INPUT_FAULT, 5.0),
        (EventKind.INPUT_BACK, 15.0),
    ]
    assert kinds([*fire, Switched(6, Line.FIRE, False), Tick(60)])[-2:] == [
        (EventKind.INPUT_BACK, 16.0),
        (EventKind.FIRE_ALARM_ENDED, 16.0),
    ]


def test_a_fire_alarm_that_pulses_is_one() -> None:
    """Some panels blink their output: the door stays released all the while."""
    state, held = Door(), True
    for i in range(1000):
        fact: Input = Switched(i / 10, Line.FIRE, i % 10 == 0) if i % 5 == 0 else Tick(i / 10)
        state, _ = step(state, fact, FIRE)
        held &= state.state is DoorState.RELEASED
    assert held


def test_a_contact_that_was_not_believed_is_taken_as_it_is_found() -> None:
    """A door that stood open when the wire began to flap, and does when it ends, has stood open all along."""
    flaps = [contact(1 + i / 2, i % 2 == 0) for i in range(21)]
    assert kinds([*flaps, Tick(52)])[-3:] == [
        (EventKind.INPUT_BACK, 21.0),
        (EventKind.DOOR_PRE_ALARM, 25.0),
        (EventKind.DOOR_OPEN_TOO_LONG, 35.0),
    ]


def test_tamper_and_fire_are_told_when_they_begin_and_end() -> None:
    """Neither opens the door by itself."""
    facts = [
        *(Switched(1, Line.TAMPER, True), Switched(5, Line.TAMPER, False)),
        *(Switched(10, Line.FIRE, True), Switched(20, Line.FIRE, False)),
    ]
    _, _, decisions = told(facts)
    assert kinds(facts) == [
        (EventKind.TAMPER, 1),
        (EventKind.TAMPER_ENDED, 5),
        (EventKind.FIRE_ALARM, 10),
        (EventKind.FIRE_ALARM_ENDED, 20),
    ]
    assert not any(decision.release for decision in decisions)


def test_a_fire_alarm_holds_the_door_released_where_the_owner_says_so() -> None:
    """Without a gap while it lasts, by releases that end by themselves; a closing door does not lock."""
    facts: list[Input] = [
        Switched(10, Line.FIRE, True),
        *(contact(20 + i * 5, i % 2 == 0) for i in range(10)),
        Switched(100, Line.FIRE, False),
        Tick(120),
    ]
    door, events, decisions = told(facts, FIRE)
    assert EventKind.DOOR_FORCED_OPEN not in {kind for kind, *_ in events}
    assert not any(decision.relock for decision in decisions)
    assert {d.release.cause for d in decisions if d.release} == {Cause.FIRE}
    state, held = Door(), True
    for at in range(100, 1000):
        fact: Input = Switched(10.0, Line.FIRE, True) if at == 100 else Tick(at / 10)
        state, _ = step(state, fact, FIRE)
        held &= state.state is DoorState.RELEASED
    assert held
    assert door.state is DoorState.LOCKED
    state, _ = step(state, Switched(100.0, Line.FIRE, False), FIRE)
    assert state.released_until <= 100 + HOLD_SECONDS


def test_it_does_not_lock_behind_anybody_in_a_fire() -> None:
    """Who was let in just before comes in, and the door stays released for those who come out."""
    alarm = Switched(1.2, Line.FIRE, True)
    _, _, decisions = told([*let_in(1.0), alarm, contact(1.5, OPEN), contact(2.0, CLOSE), Tick(3)], FIRE)
    assert not any(decision.relock for decision in decisions)


def test_people_who_need_more_time_have_it() -> None:
    """The strike is released for longer, and the door may stand open for longer, for them alone."""
    policy = replace(POLICY, extended=frozenset({"grace hopper"}))
    facts = [*let_in(1.0), contact(9.0, OPEN), contact(99.0, CLOSE)]
    _, _, decisions = told(facts, policy)
    assert [d.release.seconds for d in decisions if d.release] == [10.0]
    assert kinds(facts, policy) == [
        (EventKind.ACCESS_TAKEN, 9.0),
        (EventKind.DOOR_PRE_ALARM, 59.0),
        (EventKind.DOOR_OPEN_TOO_LONG, 69.0),
        (EventKind.DOOR_CLOSED, 99.0),
    ]
    assert kinds(facts, replace(policy, extended=frozenset({"eileen collins"})))[1] == (
        EventKind.DOOR_FORCED_OPEN,
        9.0,
    )


STORY = st.lists(
    st.tuples(
        st.floats(0.01, 20.0),
        st.one_of(
            st.tuples(st.sampled_from(Line), st.booleans()),
            st.sampled_from(["unlock", "grace", "tick", "noise"]),
        ),
    ),
    max_size=60,
)


def story(steps: list[tuple[float, object]]) -> list[Input]:
    at, facts = 0.0, list[Input]()
    for gap, what in steps:
        at += gap
        match what:
            case (Line() as line, bool(on)):
                facts.append(Switched(at, line, on))
            case "unlock":
                facts.append(Command(at, Cause.UNLOCK))
            case "grace":
                facts += let_in(at + 0.4)
                at += 0.4
            case "noise":
                facts.append(Noise(at, Line.CONTACT))
            case _:
                facts.append(Tick(at))
    return facts


@settings(max_examples=200, deadline=None)
@given(STORY, st.booleans())
def test_nothing_but_a_cause_releases_and_no_wire_alone(
    steps: list[tuple[float, object]], fire: bool
) -> None:
    """Whatever the wires do: a release is of a face, an unlock, a believed press of the exit button, or
    a fire alarm where the owner says so; and each use of the door that is told was released before."""
    policy, door, open_releases = (FIRE if fire else POLICY), Door(), 0
    for fact in story(steps):
        door, decision = step(door, fact, policy)
        if decision.release is not None:
            cause = decision.release.cause
            if cause is Cause.REX:
                assert isinstance(fact, Switched)
                assert (fact.line, fact.on) == (Line.REX, True)
                assert Line.REX not in door.passage.unreliable
            if cause is Cause.FIRE:
                assert fire
                assert Line.FIRE in door.passage.on | door.passage.unreliable
            open_releases += cause is not Cause.FIRE
        for event in decision.events:
            if event.kind in (EventKind.ACCESS_TAKEN, EventKind.ACCESS_NOT_TAKEN):
                open_releases -= 1
        assert open_releases >= 0
        if decision.relock:
            assert door.state is DoorState.LOCKED
            assert isinstance(fact, Switched)


@settings(max_examples=100, deadline=None)
@given(STORY)
def test_alarms_come_by_turns_with_their_end(steps: list[tuple[float, object]]) -> None:
    """No alarm of the leaf is told twice without a closing between, and none is closed that was not told."""
    door, alarms = Door(), set[EventKind]()
    for fact in story(steps):
        door, decision = step(door, fact, POLICY)
        for event in decision.events:
            if event.kind in (EventKind.DOOR_FORCED_OPEN, EventKind.DOOR_OPEN_TOO_LONG):
                assert event.kind not in alarms
                alarms.add(event.kind)
            if event.kind is EventKind.DOOR_CLOSED:
                assert alarms
                alarms.clear()
