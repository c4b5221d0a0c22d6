"""The decision to open, proved: no mock, no clock, only values in and values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.decision import Cause, Decision, EventKind
from doorctl.core.door import step
from doorctl.core.inputs import Command, Input, Tick
from doorctl.core.judgement import checks, judge
from doorctl.core.liveness import LivenessMode
from doorctl.core.policy import Policy
from doorctl.core.records import Gate, Match, Observation, Person, Reason
from doorctl.core.state import Door, DoorState

GRACE, EILEEN = Person(1, "Grace Hopper"), Person(2, "Eileen Collins")
DENIED = Person(3, "Gone Bad", denied=True)
POLICY = Policy(
    threshold=0.7, margin=0.08, lookalike_margin=0.16, liveness=LivenessMode.OFF, dwell_seconds=0.4
)
"""Whose face it is, and nothing else: what life has to do with it is proved in ``test_life.py``."""


def seen(
    at: float,
    person: Person | None = GRACE,
    *,
    score: float = 0.9,
    margin: float | None = 0.3,
    gate: Gate = Gate.PASSED,
    delay: float = 0.0,
    lookalike: bool = False,
) -> Observation:
    """One frame of somebody, by default of a known person recognised well."""
    match = Match(person, 0.6, score, margin, lookalike) if gate is Gate.PASSED else None
    return Observation(at, at + delay, gate, match=match)


def run(
    facts: Sequence[Input], policy: Policy = POLICY, door: Door | None = None
) -> list[tuple[Door, Decision]]:
    """Every state and decision along the way."""
    trail = []
    door = door or Door()
    for fact in facts:
        door, decision = step(door, fact, policy)
        trail.append((door, decision))
    return trail


def events(trail: list[tuple[Door, Decision]]) -> list[tuple[EventKind, Person | None, Reason | None]]:
    return [(event.kind, event.person, event.reason) for _, d in trail for event in d.events]


def releases(trail: list[tuple[Door, Decision]]) -> int:
    return sum(decision.release is not None for _, decision in trail)


def test_five_matches_of_one_person_open_the_door_for_three_seconds() -> None:
    """The ordinary way in: the fifth frame grants, with its cause, its person and its weakest score."""
    trail = run([seen(i / 10, score=0.9 - i / 100) for i in range(5)])
    assert [d.reason for _, d in trail] == [Reason.CONFIRMING] * 4 + [Reason.RECOGNISED]
    release = trail[-1][1].release
    assert release is not None
    assert (release.cause, release.seconds) == (Cause.RECOGNISED, 3.0)
    assert trail[-1][0].state is DoorState.RELEASED
    assert trail[-1][1].events[0].score == pytest.approx(0.86)
    assert events(trail) == [(EventKind.ACCESS_GRANTED, GRACE, Reason.RECOGNISED)]
    assert run([Tick(3.5)], door=trail[-1][0])[0][0].state is DoorState.LOCKED


def test_four_frames_are_not_enough() -> None:
    """One frame less than asked for never opens, however long one waits afterwards."""
    assert releases(run([*[seen(i / 10) for i in range(4)], *[Tick(1 + i / 10) for i in range(50)]])) == 0


def test_matches_too_far_apart_do_not_add_up() -> None:
    """Five matches in more than confirm_seconds are five separate glances."""
    assert releases(run([seen(i * 0.4) for i in range(40)])) == 0


@pytest.mark.parametrize(
    ("spoiler", "reason"),
    [
        (seen(0.35, EILEEN), Reason.CONFIRMING),
        (seen(0.35, None), Reason.UNKNOWN_PERSON),
        (seen(0.35, score=0.69), Reason.UNKNOWN_PERSON),
        (seen(0.35, score=nan), Reason.UNKNOWN_PERSON),
        (seen(0.35, margin=0.07), Reason.AMBIGUOUS),
        (seen(0.35, margin=nan), Reason.AMBIGUOUS),
        (seen(0.35, DENIED), Reason.DENIED),
        (seen(0.35, delay=1.1), Reason.STALE),
        (seen(0.3), Reason.STALE),
    ],
)
def test_any_other_face_in_between_starts_the_count_again(spoiler: Observation, reason: Reason) -> None:
    """Four good frames, one that says anything else, one good frame: shut, for that frame's own reason."""
    trail = run([*[seen(i / 10) for i in range(4)], spoiler, seen(0.4)])
    assert trail[4][1].reason is reason
    assert releases(trail) == 0


def test_a_frame_without_a_usable_face_neither_helps_nor_harms() -> None:
    """A blink of the detector between good frames costs a moment, not the count."""
    facts: list[Input] = [
        seen(0.0),
        seen(0.1),
        Tick(0.2),
        seen(0.3, gate=Gate.TOO_SMALL),
        seen(0.4),
        seen(0.5),
        seen(0.6),
    ]
    assert releases(run(facts)) == 1


@pytest.mark.parametrize("gate", [gate for gate in Gate if gate is not Gate.PASSED])
def test_a_face_that_fails_a_gate_never_opens(gate: Gate) -> None:
    """Even with a perfect match attached, a frame that failed its gate speaks for nobody, and says why."""
    match = Match(GRACE, 0.9, 1.0, 0.5)
    trail = run([Observation(i / 10, i / 10, gate, match=match) for i in range(50)])
    assert releases(trail) == 0
    assert {decision.reason.value for _, decision in trail} == {gate.value}


def test_numpys_numbers_are_judged_like_pythons() -> None:
    """A score or margin that comes as numpy's kind of float is compared, not waved through."""
    assert judge(seen(0, score=np.float64(0.6)), POLICY) is Reason.UNKNOWN_PERSON
    assert judge(seen(0, margin=np.float64(0.01)), POLICY) is Reason.AMBIGUOUS
    assert judge(seen(0, DENIED, score=np.float64(0.9)), POLICY) is Reason.DENIED


def test_the_only_person_needs_no_margin() -> None:
    """In a gallery of one there is no second person to be ahead of."""
    assert releases(run([seen(i / 10, margin=None) for i in range(5)])) == 1


@pytest.mark.parametrize(
    ("face", "reason", "named"),
    [
        ({"person": GRACE, "score": 0.4}, Reason.UNKNOWN_PERSON, None),
        ({"person": DENIED}, Reason.DENIED, DENIED),
        ({"person": GRACE, "margin": 0.01}, Reason.AMBIGUOUS, None),
    ],
)
def test_a_refused_presentation_is_told_once(
    face: dict[str, object], reason: Reason, named: Person | None
) -> None:
    """However long someone who may not enter stands there: one AccessDenied, naming only the denied."""
    facts: list[Input] = [seen(i / 10, **face) for i in range(100)]  # type: ignore[arg-type]  # a table of keywords
    trail = run([*facts, Tick(11), Tick(12), Tick(20)])
    assert events(trail) == [(EventKind.ACCESS_DENIED, named, reason)]


def test_a_short_refused_visit_is_told_when_it_ends() -> None:
    """Six refused frames and gone: told once nobody has been seen for gone_seconds, not before."""
    trail = run([*[seen(i / 10, None) for i in range(6)], Tick(1.4), Tick(1.6), Tick(3)])
    assert [bool(d.events) for _, d in trail[-3:]] == [False, True, False]


def test_a_passer_by_is_no_attempt() -> None:
    """Fewer refused frames than a grant would need leave no event."""
    assert events(run([*[seen(i / 10, None) for i in range(4)], Tick(5)])) == []


def test_someone_let_in_who_turns_away_is_not_told_as_a_stranger() -> None:
    """The back of a head in the open door is not an attempt."""
    trail = run([*[seen(i / 10) for i in range(5)], *[seen(0.5 + i / 10, None) for i in range(24)], Tick(9)])
    assert events(trail) == [(EventKind.ACCESS_GRANTED, GRACE, Reason.RECOGNISED)]


def test_staying_in_view_is_not_a_new_grant_until_regrant_seconds() -> None:
    """Someone who chats before the camera does not hold the door open."""
    assert releases(run([seen(i / 10) for i in range(104)])) == 1
    assert releases(run([seen(i / 10) for i in range(112)])) == 2


def test_coming_back_is_a_new_grant_that_prolongs_the_release() -> None:
    """Gone for a second and seen again within the release: granted again, and open for longer."""
    first, again = [seen(i / 10) for i in range(5)], [seen(1.8 + i / 10) for i in range(5)]
    trail = run([*first, *again])
    assert releases(trail) == 2
    assert trail[-1][0].released_until == pytest.approx(2.2 + 3.0)


def test_a_second_person_is_granted_on_their_own_evidence() -> None:
    """Two people one behind the other each need their own five frames."""
    trail = run([*[seen(i / 10) for i in range(5)], *[seen(0.5 + i / 10, EILEEN) for i in range(5)]])
    assert [person for _, person, _ in events(trail)] == [GRACE, EILEEN]


@pytest.mark.parametrize("cause", [Cause.UNLOCK, Cause.REX])
def test_a_command_releases_with_its_own_cause(cause: Cause) -> None:
    """An operator's unlock and the exit button come out of step() like any other release."""
    door, decision = step(Door(), Command(5.0, cause), POLICY)
    assert decision.release is not None
    assert decision.release.cause is cause
    assert [event.kind for event in decision.events] == [EventKind.UNLOCKED]
    assert door.released_until == 8.0


def test_no_command_can_claim_to_be_a_recognition() -> None:
    """Only evidence may claim the cause 'recognised'."""
    assert step(Door(), Command(5.0, Cause.RECOGNISED), POLICY)[1].release is None


def test_two_people_by_turns_do_not_hold_the_door_open() -> None:
    """A and B alternate before the camera for a minute: each is granted at most once in regrant_seconds."""
    faces = [seen(i / 15, (GRACE, EILEEN)[i // 8 % 2]) for i in range(15 * 60)]
    assert 2 <= releases(run(faces)) <= 12


def test_stricter_rules_count_for_frames_seen_before_them() -> None:
    """Four frames under an old, lower threshold and one under the new: no grant on their strength."""
    door = run([seen(i / 10, score=0.55) for i in range(4)], replace(POLICY, threshold=0.5))[-1][0]
    assert step(door, seen(0.4, score=0.9), POLICY)[1].release is None


def test_a_wider_margin_counts_for_frames_seen_before_it() -> None:
    """Likewise the margin: four frames with a lead that no longer suffices are no help to the fifth."""
    door = run([seen(i / 10, margin=0.1) for i in range(4)])[-1][0]
    assert step(door, seen(0.4, margin=0.5), replace(POLICY, margin=0.2))[1].release is None


def test_a_button_pressed_between_capture_and_judgement_forgets_nothing() -> None:
    """An input of another kind may be stamped a moment after the frame in hand: the grant before it still
    stands, and is not given again."""
    granted = run([seen(i / 10) for i in range(5)])[-1][0]
    after = run([Command(0.56, Cause.REX), *[seen(0.5 + i / 10) for i in range(20)]], door=granted)
    assert releases(after) == 1
    assert Reason.CLOCK_WENT_BACK not in {decision.reason for _, decision in after}


def test_a_stranger_is_told_once_though_ticks_run_ahead_of_frames() -> None:
    """Ticks 50 ms ahead of the frames do not end the presentation."""
    facts: list[Input] = []
    for i in range(60):
        facts += [Tick(i / 10 + 0.05), seen(i / 10, None)]
    assert len(events(run(facts))) == 1


def test_a_real_step_back_of_time_forgets_everything() -> None:
    """More than a late frame's worth: whatever rested on ages is gone, and the new scale is taken up."""
    door = run([seen(100 + i / 10) for i in range(4)])[-1][0]
    trail = run([seen(50.0), *[seen(50.1 + i / 10) for i in range(4)]], door=door)
    assert trail[0][1].reason is Reason.CLOCK_WENT_BACK
    assert releases(trail) == 0
    assert releases(run([seen(50.5)], door=trail[-1][0])) == 1


def test_a_frame_judged_before_it_was_taken_is_not_believed() -> None:
    """Clocks that disagree are no evidence."""
    assert releases(run([seen(i / 10, delay=-0.01) for i in range(50)])) == 0


@pytest.mark.parametrize("at", [nan, inf, -inf])
def test_a_time_that_is_none_starts_the_count_again(at: float) -> None:
    """Four good frames, one at no time at all, one good frame: shut."""
    assert releases(run([*[seen(i / 10) for i in range(4)], seen(at), seen(0.4)])) == 0


@pytest.mark.parametrize("at", [nan, inf, -inf])
def test_no_command_releases_at_no_time(at: float) -> None:
    """A release that could not be bounded in time is not given."""
    assert step(Door(), Command(at, Cause.UNLOCK), POLICY)[1].release is None


def test_a_grant_uses_its_evidence_up() -> None:
    """After the pause for a new grant, five new frames are asked for, not one."""
    policy = replace(POLICY, regrant_seconds=0.0, dwell_seconds=0.1)
    trail = run([seen(i / 10) for i in range(9)], policy)
    assert releases(trail) == 1
    assert releases(run([seen(i / 10) for i in range(10)], policy)) == 2


def test_a_stranger_is_told_while_still_there() -> None:
    """Not only on leaving: as soon as the refused frames span confirm_seconds."""
    trail = run([seen(i / 10, None) for i in range(16)])
    assert [bool(d.events) for _, d in trail] == [False] * 15 + [True]


def test_a_good_frame_interrupts_a_row_of_refusals() -> None:
    """Someone known who is sometimes not recognised is not told as refused while they are still trying."""
    facts = [seen(i / 10, GRACE, score=0.9 if i % 4 == 3 else 0.5) for i in range(60)]
    assert events(run(facts)) == []
    assert len(events(run([*facts, Tick(9.0)]))) == 1


def test_a_denial_names_what_weighs_more_when_counts_are_equal() -> None:
    """Five frames of somebody denied and five of a stranger, in either order: told as the denied one."""
    denied = [seen(i / 10, DENIED) for i in range(5)]
    stranger = [seen(0.5 + i / 10, None) for i in range(5)]
    for order in ([*denied, *stranger], [*stranger, *denied]):
        retimed = [replace(f, at=i / 10, judged_at=i / 10) for i, f in enumerate(order)]
        assert [reason for _, _, reason in events(run([*retimed, Tick(5)]))] == [Reason.DENIED]


def test_a_stranger_after_the_release_is_told_though_someone_was_let_in() -> None:
    """Once the strike is locked again, whoever stands there is looked at as anyone."""
    facts = [*[seen(i / 10) for i in range(5)], *[seen(0.5 + i / 10, None) for i in range(60)]]
    assert [kind for kind, _, _ in events(run(facts))] == [EventKind.ACCESS_GRANTED, EventKind.ACCESS_DENIED]


def test_a_lookalike_needs_more_frames() -> None:
    """Somebody who looks like another known person is let in by the tenth frame, not by the fifth."""
    trail = run([seen(i / 10, lookalike=True) for i in range(10)])
    assert [d.release is not None for _, d in trail] == [False] * 9 + [True]


def test_a_lookalike_needs_a_wider_lead() -> None:
    """A lead that does for anyone else is too small for a lookalike; at the wider one it is enough."""
    assert judge(seen(0, margin=0.15), POLICY) is Reason.CONFIRMING
    assert judge(seen(0, margin=0.15, lookalike=True), POLICY) is Reason.AMBIGUOUS
    assert judge(seen(0, margin=0.16, lookalike=True), POLICY) is Reason.CONFIRMING
    (asked,) = (c for c in checks(seen(0, lookalike=True), POLICY) if c.name == "ahead of others")
    assert asked.limit == 0.16
    assert releases(run([seen(i / 20, margin=0.15, lookalike=True) for i in range(100)])) == 0


@pytest.mark.parametrize("first", [False, True])
def test_whoever_becomes_or_ceases_to_be_a_lookalike_starts_again(first: bool) -> None:
    """A lead from before the lookalike was enrolled says nothing of them; nor is half of the one count
    and half of the other enough for either."""
    before = [seen(i / 20, lookalike=first) for i in range(4)]
    needed = 5 if first else 10
    after = [seen(0.2 + i / 20, lookalike=not first) for i in range(needed)]
    trail = run([*before, *after])
    assert [d.release is not None for _, d in trail] == [False] * (3 + needed) + [True]


def test_stricter_rules_for_lookalikes_count_for_frames_seen_before_them() -> None:
    """Nine frames under an old, smaller lead and one under the new, or more frames asked: no grant."""
    door = run([seen(i / 20, margin=0.2, lookalike=True) for i in range(9)])[-1][0]
    last = seen(0.45, margin=0.5, lookalike=True)
    assert step(door, last, POLICY)[1].release is not None
    assert step(door, last, replace(POLICY, lookalike_margin=0.3))[1].release is None
    assert step(door, last, replace(POLICY, lookalike_frames=12))[1].release is None


def test_less_is_never_asked_of_a_lookalike() -> None:
    """A policy with a smaller lead or fewer frames for lookalikes asks of them what it asks of everyone."""
    policy = replace(POLICY, lookalike_margin=0.0, lookalike_frames=1)
    assert judge(seen(0, margin=0.07, lookalike=True), policy) is Reason.AMBIGUOUS
    assert releases(run([seen(i / 10, lookalike=True) for i in range(4)], policy)) == 0
    assert releases(run([seen(i / 10, lookalike=True) for i in range(5)], policy)) == 1


people = st.sampled_from([GRACE, EILEEN, DENIED, None])
odd_times = st.sampled_from([-3.0, -0.05, 0.0, 0.4, 1.0, 2.0, 60.0, nan, inf])
scores = st.one_of(st.sampled_from([0.0, 0.69999, 0.7, 1.0, nan]), st.floats(0.5, 1.0))
margins = st.one_of(st.none(), st.sampled_from([0.07999, 0.08, nan]), st.floats(-0.1, 0.5))
good = st.tuples(st.just("seen"), st.floats(0.01, 0.3), st.sampled_from([GRACE, EILEEN])).map(
    lambda t: [("seen", t[1], {"person": t[2]})]
)
runs = st.tuples(
    st.integers(1, 9), st.floats(0.01, 0.3), st.sampled_from([GRACE, EILEEN, DENIED]), st.booleans()
).map(lambda t: [("seen", t[1], {"person": t[2], "lookalike": t[3]})] * t[0])
oddities = st.fixed_dictionaries(
    {},
    optional={
        "person": people,
        "score": scores,
        "margin": margins,
        "gate": st.sampled_from(list(Gate)),
        "delay": st.sampled_from([-0.1, 0.5, 1.0, 1.01, nan]),
        "lookalike": st.booleans(),
    },
)
odd = st.tuples(
    st.sampled_from(["seen", "tick", "rex"]), st.one_of(st.floats(0.0, 0.5), odd_times), oddities
).map(lambda t: [t])
stories = st.lists(st.one_of(good, runs, runs, odd), min_size=1, max_size=25)


def tell(story: list[list[tuple[str, float, dict[str, object]]]]) -> list[Input]:
    """Turn steps in time into inputs; a step that is not finite spoils that one input only."""
    facts: list[Input] = []
    now = 100.0
    for kind, delta, face in (part for chapter in story for part in chapter):
        at = now + delta
        now = at if abs(at) < inf else now
        if kind == "rex":  # stamped by the clock, so ahead of a frame that was captured and not yet judged
            facts.append(Command(at + 0.4, Cause.REX))
        else:
            facts.append(Tick(at) if kind == "tick" else seen(at, **face))  # type: ignore[arg-type]  # a drawn table
    return facts


def speaks_for(fact: Input, policy: Policy) -> Person | None:
    """The rule for one frame, written a second time and independently of ``judge``."""
    if not isinstance(fact, Observation) or fact.gate is not Gate.PASSED or fact.match is None:
        return None
    m = fact.match
    fresh = fact.judged_at >= fact.at and fact.judged_at - fact.at <= policy.max_latency_seconds
    asked = max(policy.margin, policy.lookalike_margin) if m.lookalike else policy.margin
    lead = m.margin is None or m.margin >= asked
    known = m.person is not None and not m.person.denied and m.score >= policy.threshold
    return m.person if fresh and lead and known else None


@settings(max_examples=1000, deadline=None)
@given(stories, st.integers(2, 6), st.floats(0.3, 2.0), st.integers(0, 4), st.floats(0.0, 0.35))
def test_no_grant_without_its_evidence(
    story: list[list[tuple[str, float, dict[str, object]]]],
    frames: int,
    seconds: float,
    more: int,
    lead: float,
) -> None:
    """Whatever happens before, a grant is preceded by enough matching frames, at distinct rising times,
    within the window, of that one person, with no other usable face and no step back of time in between;
    of a lookalike by more of them and with a wider lead, all since they have been one."""
    policy = replace(
        POLICY,
        confirm_frames=frames,
        confirm_seconds=seconds,
        lookalike_frames=frames + more,
        lookalike_margin=lead,
    )
    facts = tell(story)
    for i, (_, decision) in enumerate(run(facts, policy)):
        if decision.release is None or decision.release.cause is not Cause.RECOGNISED:
            continue
        assert decision.person is not None
        assert not decision.person.denied
        faces = [f for f in facts[: i + 1] if isinstance(f, Observation) and f.gate is Gate.PASSED]
        assert faces[-1].match is not None
        lookalike = faces[-1].match.lookalike
        needed = frames + more * lookalike
        last = faces[-needed:]
        assert [speaks_for(f, policy) for f in last] == [decision.person] * needed
        assert {f.match.lookalike for f in last if f.match} == {lookalike}
        assert last[-1] is facts[i]
        start = next(j for j, f in enumerate(facts) if f is last[0])
        assert all(a.at < b.at for a, b in pairwise(last))
        times = [f.at for f in facts[start : i + 1] if abs(f.at) < inf]
        steps = zip(times, accumulate(times, max), strict=True)
        assert all(at >= latest - policy.max_latency_seconds for at, latest in steps)
        assert last[-1].at - last[0].at <= seconds


@settings(max_examples=500, deadline=None)
@given(stories, st.lists(st.tuples(st.integers(0, 40), st.sampled_from(list(Cause))), max_size=4))
def test_every_release_is_bounded_and_recorded(
    story: list[list[tuple[str, float, dict[str, object]]]], commands: list[tuple[int, Cause]]
) -> None:
    """The door is never released for longer than the last release decision asked for, and each release
    comes with exactly one event that tells its cause."""
    facts = tell(story)
    for place, cause in commands:
        facts.insert(place, Command(facts[min(place, len(facts) - 1)].at, cause))
    last_end = -inf
    for door, decision in run(facts):
        grants = [e for e in decision.events if e.kind in (EventKind.ACCESS_GRANTED, EventKind.UNLOCKED)]
        if decision.release is not None:
            last_end = max(last_end, door.at + decision.release.seconds)
            assert decision.release.seconds == POLICY.open_seconds
        assert len(grants) == (decision.release is not None)
        assert door.released_until <= last_end or door.released_until == -inf


@settings(max_examples=300, deadline=None)
@given(stories)
def test_denied_and_unknown_people_never_pass(
    story: list[list[tuple[str, float, dict[str, object]]]],
) -> None:
    """A story in which every face is denied, below the threshold or nobody's contains no release."""
    facts: list[Input] = []
    for i, fact in enumerate(tell(story)):
        if isinstance(fact, Observation) and fact.match is not None:
            person = DENIED if i % 2 else GRACE
            fact = replace(fact, match=replace(fact.match, person=person, score=1.0 if i % 2 else 0.6999))
        facts.append(fact)
    causes = {d.release.cause for _, d in run(facts) if d.release is not None}
    assert causes <= {Cause.REX}


def test_judge_passes_exactly_what_it_should() -> None:
    """At the threshold and at the margin counts as reached."""
    assert judge(seen(0, score=0.7, margin=0.08), POLICY) is Reason.CONFIRMING
