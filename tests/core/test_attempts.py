"""What counts as an attempt at the door, and what follows: whole days, frame by frame, through ``step``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from doorctl.core.decision import Cause, Event, EventKind
from doorctl.core.door import step
from doorctl.core.guidance import asks
from doorctl.core.inputs import Clear, Command, Input, Tick
from doorctl.core.liveness import LivenessMode
from doorctl.core.lockout import Bar, bar
from doorctl.core.policy import Policy
from doorctl.core.prompt import Prompt
from doorctl.core.records import Ask, Head, Liveness, Observation, Person, Reason, Vector
from doorctl.core.schedule import Access, ClockUnsure, Group, Span, Validity
from doorctl.core.state import Door
from tests.core.visitors import EILEEN, GRACE, Visit, visit

POLICY = Policy(threshold=0.7, margin=0.08, lookalike_margin=0.16, liveness=LivenessMode.ADAPTIVE)
SHUT = replace(POLICY, lockout=replace(POLICY.lockout, known_people_pass=False))
DENIED = replace(GRACE, denied=True)
STRANGER: dict[str, Any] = {"person": GRACE, "score": 0.3, "live": None}
PRINT: dict[str, Any] = {"live": 0.005, "stillness": 0.5, "flexed": 0.2, "flat": True, "obey": False}


def face(number: int) -> Vector:
    """A face that is like no other."""
    vector = np.zeros(400, np.float32)
    vector[number % 400] = 1.0
    return vector


def scored(frame: Observation, score: float) -> Observation:
    """The frame, matched so well."""
    assert frame.match is not None
    return replace(frame, match=replace(frame.match, score=score))


@dataclass
class Day:
    """A day at one door, visit after visit."""

    policy: Policy = POLICY
    door: Door = field(default_factory=Door)
    at: float = 0.0
    events: list[Event] = field(default_factory=list)

    def comes(self, seconds: float, *, away: float = 1.2, **look: Any) -> Visit:
        """Somebody stands there for so long, and goes."""
        came = visit(self.policy, door=self.door, start=self.at, seconds=seconds, **look)
        self.door = came.door
        self.at += seconds
        self.events += came.events
        self.wait(away)
        return came

    def wait(self, seconds: float) -> None:
        """Nobody is there."""
        self.at += seconds
        self.door, decision = step(self.door, Tick(self.at), self.policy)
        self.events += decision.events

    def count(self, kind: EventKind, reason: Reason | None = None) -> int:
        return sum(e.kind is kind and reason in (None, e.reason) for e in self.events)

    @property
    def bar(self) -> Bar:
        return bar(self.door.lockout, self.door.at, self.policy.lockout)

    @property
    def failures(self) -> int:
        return len(self.door.lockout.failures)


def lockdown(day: Day) -> None:
    """Ten strangers in a row."""
    for number in range(10):
        day.comes(1.0, **STRANGER, probe=face(100 + number))
    assert day.bar is not Bar.USUAL


def test_three_hundred_passers_by_never_lock_the_door() -> None:
    """Who walks past looking ahead, or throws a short glance at the camera, has not tried."""
    day = Day()
    for number in range(150):
        day.comes(2.0, away=1.5, **STRANGER, probe=face(number), yaw=60.0)
        day.comes(0.5, away=1.5, **STRANGER, probe=face(150 + number))
    assert (day.events, day.failures, day.bar) == ([], 0, Bar.USUAL)


def test_standing_there_is_one_attempt_however_long() -> None:
    """A second or a quarter of an hour, lost from sight now and then: one denial, one count. It is told while
    the stranger is there."""
    flickers: dict[str, Any] = {"change": lambda frame, _, count: replace(frame, track=count // 70)}
    steady: dict[str, Any] = {}
    for seconds, more in ((1.0, steady), (15.0, steady), (900.0, steady), (900.0, flickers)):
        day = Day()
        day.comes(seconds, **STRANGER, probe=face(0), **more)
        assert day.count(EventKind.ACCESS_DENIED) == 1
        assert [stranger.failures for stranger in day.door.lockout.strangers] == [1]


def test_an_attempt_is_over_after_twenty_seconds() -> None:
    """Whoever stands on is not judged any more, even by a face that would match, until they have gone."""
    day = Day(replace(POLICY, liveness=LivenessMode.PASSIVE))
    turns = 21 * 15
    came = day.comes(
        30.0,
        probe=face(0),
        change=lambda frame, _, count: scored(frame, 0.3) if count < turns else frame,
    )
    assert not came.granted
    assert came.trail[-1][1].reason is Reason.ATTEMPT_OVER
    assert day.failures == 1
    assert day.comes(2.0, probe=face(0)).granted


def test_nobody_is_let_in_on_a_shorter_look_than_is_counted() -> None:
    """The door opens after dwell_seconds and not before, and never for somebody who looks elsewhere."""
    granted = [s for s in (0.2, 0.4, 0.55, 0.75, 1.0) if Day().comes(s).granted]
    assert granted == [0.75, 1.0]
    assert not Day().comes(5.0, yaw=45.0).granted
    assert Day(replace(POLICY, dwell_seconds=0.2)).comes(0.5).granted


def test_looks_add_up_within_a_visit_and_not_beyond() -> None:
    """Short glances, with looks elsewhere between them, are one attempt once they come to 0.6 s."""

    def glances(frame: Observation, _: Prompt, count: int) -> Observation:
        return frame if count % 12 < 6 else replace(frame, head=Head(60.0, 0.0, 0.0))

    day = Day()
    day.comes(2.5, **STRANGER, change=glances)
    assert day.failures == 1
    day = Day()
    for _ in range(20):
        day.comes(0.5, **STRANGER, probe=face(0))
    assert day.failures == 0


def test_another_face_is_another_attempt() -> None:
    """Pictures held up one after another, without a pause, count one by one."""
    came = visit(
        seconds=8.0,
        **STRANGER,
        change=lambda frame, _, count: replace(frame, probe=face(count // 15), track=count // 15),
    )
    assert len(came.door.lockout.failures) == 7  # the eighth is still there
    assert [event.kind for event in came.events].count(EventKind.ACCESS_DENIED) == 7


def test_two_who_stand_side_by_side_are_two_attempts() -> None:
    """By turns each is the nearest face; they are counted once each, not at every turn."""
    came = visit(
        seconds=15.0,
        **STRANGER,
        change=lambda frame, _, count: replace(frame, probe=face(count // 15 % 2), track=count // 15),
    )
    assert len(came.door.lockout.failures) == 2


def test_a_stranger_before_does_not_delay_the_next() -> None:
    """The one who steps forward is judged afresh, and let in as soon as ever; the stranger is counted."""

    def steps_forward(frame: Observation, _: Prompt, count: int) -> Observation:
        return replace(scored(frame, 0.3), probe=face(1)) if count < 30 else replace(frame, track=2)

    came = visit(POLICY, seconds=3.0, change=steps_forward, probe=face(0))
    assert came.granted
    assert next(e.at for e in came.events if e.kind is EventKind.ACCESS_GRANTED) == pytest.approx(
        2.6, abs=0.1
    )
    assert len(came.door.lockout.failures) == 1


def test_who_is_let_in_in_the_end_has_not_failed() -> None:
    """Badly seen for two seconds, then recognised: no count, and nothing is left of it."""
    day = Day()
    came = day.comes(
        4.0,
        probe=face(0),
        change=lambda frame, _, count: scored(frame, 0.6) if count < 30 else frame,
    )
    assert came.granted
    assert day.failures == 0


def test_a_stranger_who_tries_for_an_hour_gets_the_attempts_of_the_limits() -> None:
    """One face: five attempts, then one after 30, 60, 120, 240, 480, 900 and 900 seconds; the rest is refused
    at once and told as such."""
    day = Day()
    while day.at < 3600:
        day.comes(2.0, **STRANGER, probe=face(0))
    assert day.count(EventKind.ACCESS_DENIED, Reason.UNKNOWN_PERSON) == 5 + 7
    # However often it comes meanwhile, that it is refused is told once for each lock.
    assert day.count(EventKind.ACCESS_DENIED, Reason.LOCKED_OUT) == day.count(EventKind.LOCKED_OUT) == 8


def test_many_faces_get_no_more_than_the_door_allows() -> None:
    """A new face each time, for an hour: ten in five minutes, and what each lockdown leaves of that."""
    day, tries = Day(), list[float]()
    for number in range(20_000):
        before = day.count(EventKind.ACCESS_DENIED, Reason.UNKNOWN_PERSON)
        day.comes(0.8, **STRANGER, probe=face(number))
        if day.count(EventKind.ACCESS_DENIED, Reason.UNKNOWN_PERSON) > before:
            tries.append(day.at)
        if day.at > 3600:
            break
    assert 50 <= len(tries) <= 10 * day.count(EventKind.LOCKED_DOWN) <= 70
    for first, last in zip(tries, tries[9:], strict=False):
        following = [at for at in tries if at > last]
        if last - first < 290 and following:
            assert following[0] - last >= 60


@pytest.mark.parametrize("passes", [True, False])
def test_a_lockdown_refuses_at_once_and_uncounted(passes: bool) -> None:
    """Strangers are told that the door is locked for a while; they cannot make it longer."""
    day = Day(POLICY if passes else SHUT)
    lockdown(day)
    until = day.door.lockout.until
    came = day.comes(5.0, **STRANGER, probe=face(1))
    assert {decision.reason for _, decision in came.trail} == {Reason.LOCKED_OUT}
    assert {prompt for _, prompt in came.prompts} == {Prompt.LOCKED_OUT}
    assert came.reasons == [Reason.LOCKED_OUT]
    assert day.door.lockout.until == until


def test_a_known_person_passes_a_lockdown_by_a_challenge() -> None:
    """A live, well recognised person does what is asked and is let in, in every mode of liveness; who does
    nothing is not, nor whose score is between the usual threshold and the raised one."""
    for mode in LivenessMode:
        day = Day(replace(POLICY, liveness=mode))
        lockdown(day)
        assert not day.comes(6.0, obey=False).granted
        assert not day.comes(6.0, score=0.75).granted
        came = day.comes(12.0, react=0.3)
        assert came.granted, mode
        assert Prompt.GRANTED in {prompt for _, prompt in came.prompts}
        assert any(
            prompt
            in {Prompt.TURN_LEFT, Prompt.TURN_RIGHT, Prompt.LOOK_UP, Prompt.LOOK_DOWN, Prompt.OPEN_MOUTH}
            for _, prompt in came.prompts
        )


def test_without_known_people_pass_nobody_gets_in_but_by_other_means() -> None:
    """Not even a known person; an unlock and the exit button work as ever; afterwards all is as usual."""
    day = Day(SHUT)
    lockdown(day)
    assert not day.comes(12.0).granted
    assert asks(day.door, day.policy) == Ask()
    for cause in (Cause.UNLOCK, Cause.REX):
        day.door, decision = step(day.door, Command(day.at, cause), day.policy)
        assert decision.release is not None
    day.wait(60)
    assert day.comes(2.0).granted


def test_an_operator_ends_a_lockdown() -> None:
    """All is forgotten at once, and told."""
    day = Day(SHUT)
    lockdown(day)
    day.door, decision = step(day.door, Clear(day.at), day.policy)
    assert [event.kind for event in decision.events] == [EventKind.LOCKS_CLEARED]
    assert day.comes(2.0).granted


def test_an_operators_word_holds_for_whoever_stands_there() -> None:
    """A face that is locked out, or has had its time, is looked at afresh."""
    day = Day()
    for _ in range(5):
        day.comes(1.0, **STRANGER, probe=face(0))
    came = visit(POLICY, door=day.door, start=day.at, seconds=2.0, **STRANGER, probe=face(0))
    assert came.reasons == [Reason.LOCKED_OUT]
    door, _ = step(came.door, Clear(day.at + 2), POLICY)
    came = visit(POLICY, door=door, start=day.at + 2.1, seconds=2.0, **STRANGER, probe=face(0))
    assert came.reasons == [Reason.UNKNOWN_PERSON]


@pytest.mark.parametrize("mode", [LivenessMode.ADAPTIVE, LivenessMode.PASSIVE, LivenessMode.CHALLENGE])
def test_a_print_shown_fifty_times_never_keeps_its_person_out(mode: LivenessMode) -> None:
    """It is charged to the door, which is locked down; she is asked for a challenge, and let in."""
    day = Day(replace(POLICY, liveness=mode))
    for round_ in range(10):
        for _ in range(5):
            assert not day.comes(3.0, **PRINT, probe=face(0)).granted
        assert GRACE.id in day.door.lockout.suspects
        assert day.comes(12.0, react=0.3, probe=face(0)).granted, round_
        assert GRACE.id not in day.door.lockout.suspects
    assert day.count(EventKind.LOCKED_DOWN) > 0
    assert day.door.lockout.strangers == ()


def test_whose_picture_was_shown_is_asked_for_a_challenge_once() -> None:
    """One picture does not lock the door; its person is asked, another is not, and the next time neither."""
    day = Day()
    day.comes(2.0, **PRINT)
    assert day.bar is Bar.USUAL
    assert day.comes(2.0, person=EILEEN).granted
    assert not day.comes(2.0).granted
    assert day.comes(12.0, react=0.3).granted
    day.wait(20)
    assert day.comes(2.0).granted


def test_a_locked_out_face_that_comes_to_match_is_asked_for_more() -> None:
    """A stranger who is locked out and suddenly matches somebody gets in neither by a look nor by a challenge
    at the usual threshold; known people are not concerned."""
    day = Day(replace(POLICY, liveness=LivenessMode.PASSIVE))
    for _ in range(5):
        day.comes(1.0, **STRANGER, probe=face(0))
    assert day.count(EventKind.LOCKED_OUT) == 1
    assert not day.comes(3.0, probe=face(0), score=0.75).granted
    assert day.comes(2.0, probe=face(1), person=EILEEN).granted
    # Live, well matched, and does what is asked: a locked face shuts the door for no known person.
    day.policy = SHUT
    assert day.comes(12.0, probe=face(0), react=0.3).granted
    assert day.door.lockout.strangers == ()


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize(
    "picture",
    [
        {"seconds": 0.8, "live": 0.3},
        {"seconds": 1.0, "score": 0.65, "live": None},
        {"seconds": 2.0, "live": 0.005},
    ],
)
def test_no_picture_of_somebody_locks_their_face_out(passes: bool, picture: dict[str, Any]) -> None:
    """Withdrawn before the verdict, blurred, or found out: her face is no stranger's, whatever follows for
    the door; and she is let in as soon as that is over."""
    day = Day(POLICY if passes else SHUT)
    for _ in range(6):
        day.comes(**picture, probe=face(0), obey=False)
    assert day.count(EventKind.LOCKED_OUT) == 0
    assert day.door.lockout.strangers == ()
    day.wait(200)
    assert day.comes(12.0, probe=face(0), react=0.3).granted


def test_a_picture_that_hangs_there_keeps_nobody_out() -> None:
    """She steps in front of a print of hers that has been refused: another track, another attempt."""

    def steps_in(frame: Observation, _: Prompt, count: int) -> Observation:
        spoof = replace(frame, liveness=Liveness(0.005, 0.0, 0.5, 0.2), turned=(0.0, 0.0))
        return spoof if count < 45 else replace(frame, track=2)

    came = visit(POLICY, seconds=18.0, change=steps_in, probe=face(0), react=0.3)
    assert came.reasons[0] is Reason.SPOOF
    assert came.granted


def test_a_face_that_turns_into_others_is_counted_as_what_it_was() -> None:
    """Whoever ends each visit by turning away slowly is remembered by how they looked at the camera; and a
    picture that changes slowly into others is one attempt after another."""

    def blend(one: int, other: int, share: float) -> Vector:
        vector = (1 - share) * face(one) + share * face(other)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    day = Day()
    for number in range(20):

        def turns(frame: Observation, _: Prompt, count: int, number: int = number) -> Observation:
            share = min(1.0, max(0.0, (count - 15) / 8))
            away = replace(frame, probe=blend(0, 1 + number, share))
            return away if count < 15 else replace(away, head=Head(60.0, 0.0, 0.0))

        day.comes(23 / 15, **STRANGER, change=turns, away=35.0)
    assert day.count(EventKind.LOCKED_OUT) > 3
    assert len(day.door.lockout.strangers) == 1

    def morphs(frame: Observation, _: Prompt, count: int) -> Observation:
        return replace(frame, probe=blend(count // 20, count // 20 + 1, count % 20 / 20))

    came = visit(seconds=19.0, **STRANGER, change=morphs)
    assert len(came.door.lockout.failures) >= 9


def test_after_a_grant_attempts_count_again() -> None:
    """Who follows in the same place is looked at afresh once regrant_seconds have passed, and counted."""

    def follows(frame: Observation, _: Prompt, count: int) -> Input | None:
        if 30 <= count < 40:
            return None
        return frame if count < 30 else replace(frame, liveness=replace(frame.liveness, score=0.3), track=2)

    came = visit(replace(POLICY, liveness=LivenessMode.PASSIVE), seconds=60.0, change=follows, probe=face(0))
    assert came.granted
    assert came.door.presentation is not None
    assert came.door.presentation.over
    assert came.door.lockout.last > 20


def test_whoever_comes_in_behind_is_called_by_name() -> None:
    """A denied person behind somebody who was let in is denied, not a stranger who was unsure."""

    def behind(frame: Observation, _: Prompt, count: int) -> Observation:
        assert frame.match is not None
        denied = replace(frame, match=replace(frame.match, person=DENIED), probe=face(1), track=2)
        return frame if count < 14 else denied

    day = Day(replace(POLICY, liveness=LivenessMode.PASSIVE))
    day.comes(3.0, probe=face(0), change=behind)
    assert day.events[-1].person == DENIED
    assert day.events[-1].reason is Reason.DENIED
    assert day.door.lockout.strangers == ()


def test_two_who_change_places_slowly_are_two_attempts() -> None:
    """Every six seconds the other is nearest, for a minute."""
    came = visit(
        seconds=66.0,
        **STRANGER,
        change=lambda frame, _, count: replace(frame, probe=face(count // 90 % 2), track=count // 90),
    )
    assert sum(stranger.failures for stranger in came.door.lockout.strangers) == 2


def test_denied_people_and_missed_challenges_count_for_the_door_alone() -> None:
    """They are nobody's unknown face."""
    day = Day()
    for _ in range(10):
        day.comes(1.0, person=DENIED, probe=face(0))
    assert day.bar is Bar.RAISED
    assert day.door.lockout.strangers == ()
    day = Day(replace(POLICY, liveness=LivenessMode.CHALLENGE))
    for _ in range(10):
        day.comes(8.0, obey=False, probe=face(0))
    assert day.bar is Bar.RAISED
    assert day.count(EventKind.ACCESS_DENIED, Reason.CHALLENGE_FAILED) == 10
    assert day.door.lockout.strangers == ()


def test_who_falls_short_again_and_again_is_told_by_name() -> None:
    """Three visits just below the threshold; far below it nobody is named."""
    day = Day()
    for _ in range(3):
        day.comes(1.0, score=0.65, probe=face(0))
    assert [e.person for e in day.events if e.kind is EventKind.FALLS_SHORT] == [GRACE]
    day = Day(replace(POLICY, liveness=LivenessMode.PASSIVE))
    for _ in range(3):
        day.comes(3.0, live=0.3, probe=face(0))
    assert GRACE.id in day.door.lockout.suspects
    day = Day()
    for _ in range(4):
        day.comes(1.0, score=0.55, probe=face(0))
    assert day.count(EventKind.FALLS_SHORT) == 0


def test_leaving_before_the_verdict_is_a_failed_attempt() -> None:
    """A picture that is taken away before the nets are sure has been tried all the same."""
    day = Day(replace(POLICY, liveness=LivenessMode.PASSIVE))
    day.comes(0.8, live=0.3)
    assert day.failures == 1


def test_a_clock_that_goes_back_ends_no_lock() -> None:
    """The lock lasts for as long as it had left."""
    day = Day(SHUT)
    lockdown(day)
    left = day.door.lockout.until - day.door.at
    day.door, _ = step(day.door, Tick(day.at - 1e5), day.policy)
    assert day.door.lockout.until - day.door.at == pytest.approx(left)


MORNINGS = Access(
    members={"grace hopper": (Group("mornings", ((Span(6 * 60, 12 * 60),),) * 7),)},
    valid={"eileen collins": Validity(last=date(2026, 12, 31))},
)
MORNING, EVENING = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 19, tzinfo=UTC)


@pytest.mark.parametrize("mode", LivenessMode)
def test_nobody_is_let_in_out_of_hours(mode: LivenessMode) -> None:
    """In no mode, nor by a challenge; it is told by name, with what is wrong, and is no failed attempt."""
    policy = replace(POLICY, liveness=mode, access=MORNINGS)
    for when, why in ((EVENING, "outside_times"), (None, "clock_unsure")):
        day = Day(policy)
        came = day.comes(12.0, react=0.3, change=lambda frame, _, __, when=when: replace(frame, when=when))
        assert not came.granted
        assert [(e.kind, e.person, e.reason, e.detail) for e in came.events] == [
            (EventKind.ACCESS_DENIED, GRACE, Reason.SCHEDULE, why)
        ]
        assert day.failures == 0
    came = Day(policy).comes(12.0, react=0.3, change=lambda frame, _, __: replace(frame, when=MORNING))
    assert came.granted


def test_hours_that_end_in_mid_challenge_end_it() -> None:
    """Whoever began in time and is not done in time stays outside."""
    day = Day(replace(POLICY, liveness=LivenessMode.CHALLENGE, access=MORNINGS))
    late = day.comes(
        12.0,
        react=0.3,
        change=lambda frame, _, count: replace(frame, when=MORNING if count < 30 else EVENING),
    )
    assert not late.granted


def test_whoever_has_no_hours_needs_no_clock() -> None:
    """Rules for some are none for others."""
    other = Person(9, "Alan Turing")
    assert Day(replace(POLICY, access=MORNINGS)).comes(2.0, person=other).granted
    gone = datetime(2027, 1, 1, tzinfo=UTC)
    came = Day(replace(POLICY, access=MORNINGS)).comes(
        2.0, person=EILEEN, change=lambda frame, _, __: replace(frame, when=gone)
    )
    assert [(e.person, e.detail) for e in came.events] == [(EILEEN, "no_longer_valid")]


def test_an_unsure_clock_does_not_bring_back_whose_time_is_over() -> None:
    """Whoever cuts power and network gains nothing by it: the door remembers when it was last running."""
    lenient = replace(MORNINGS, when_clock_unsure=ClockUnsure.ALLOW)
    before, after = datetime(2026, 12, 30, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    for passed, granted in ((before, True), (after, False)):
        day = Day(replace(POLICY, access=lenient, passed=passed))
        assert day.comes(2.0, person=EILEEN).granted is granted
