"""Liveness by the nets' scores: what frames come to together, and what the door makes of that."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.decision import EventKind
from doorctl.core.door import step
from doorctl.core.guidance import asks
from doorctl.core.inputs import Input
from doorctl.core.liveness import LivenessMode, LivenessRules, Verdict, assess, fuse
from doorctl.core.prompt import Prompt
from doorctl.core.records import Gate, Liveness, Observation, Reason
from doorctl.core.state import Door
from tests.core.visitors import EILEEN, FPS, GRACE, POLICY, seen, visit

PASSIVE = replace(POLICY, liveness=LivenessMode.PASSIVE)
ADAPTIVE = replace(POLICY, liveness=LivenessMode.ADAPTIVE)
RULES = LivenessRules()

scores = st.one_of(st.sampled_from([0.0, 0.02, 0.05, 0.5, 0.62, 1.0]), st.floats(0, 1))


def frames(
    *scores: float | None, fps: float = 10.0, stillness: float | None = 9.0
) -> list[tuple[float, Liveness]]:
    return [(i / fps, Liveness(score, 0.0, stillness, 9.0)) for i, score in enumerate(scores)]


def test_the_fused_score_is_the_mean_of_the_log_odds() -> None:
    """Equal scores keep their value, opposite ones cancel out, and sure ones are not outvoted by count."""
    assert fuse([0.8] * 7) == pytest.approx(0.8)
    assert fuse([0.9, 0.1]) == pytest.approx(0.5)
    assert fuse([0.98, 0.98, 0.98, 0.0, 0.0]) < 0.5 < sum([0.98] * 3 + [0.0] * 2) / 5


@given(st.lists(scores, min_size=1, max_size=30))
def test_the_fused_score_lies_among_the_scores(some: list[float]) -> None:
    """It is a mean: never below the least nor above the largest, whatever their order."""
    assert min(*some, 0.99) - 1e-5 <= fuse(some) <= max(some) + 1e-5
    assert fuse(some[::-1]) == pytest.approx(fuse(some))


def test_a_verdict_needs_frames_and_time() -> None:
    """Four frames, or five within a fifth of a second, are not enough for either verdict."""
    for score in (1.0, 0.0):
        assert assess(frames(*[score] * 4), RULES).verdict is Verdict.PENDING
        assert assess(frames(*[score] * 5, fps=20), RULES).verdict is Verdict.PENDING
    assert assess(frames(*[1.0] * 5), RULES).verdict is Verdict.LIVE
    assert assess(frames(*[0.0] * 5), RULES).verdict is Verdict.SPOOF


def test_frames_without_a_score_count_neither_way() -> None:
    """Blurred or unjudged frames neither fill the count nor pull the score; nor do scores that are none."""
    assert assess(frames(1.0, None, 1.0, None, 1.0, None, 1.0), RULES).verdict is Verdict.PENDING
    assert assess(frames(1.0, nan, 1.0, 2.0, 1.0, -1.0, 1.0), RULES).verdict is Verdict.PENDING
    assert assess(frames(1.0, 2.0, 1.0, 2.0, 1.0), RULES).verdict is Verdict.PENDING
    assert assess(frames(None, None), RULES).verdict is Verdict.PENDING


def test_doubt_takes_a_second() -> None:
    """A face between clearly live and clearly fake is given a second before it is called doubtful."""
    assert assess(frames(*[0.3] * 10), RULES).verdict is Verdict.PENDING
    assert assess(frames(*[0.3] * 11), RULES).verdict is Verdict.UNSURE


def test_a_still_face_is_never_live() -> None:
    """However live the nets call it: it waits while nothing moves, and then it is a still picture, or in
    doubt where it moves a little or that cannot be told."""
    assert assess(frames(*[1.0] * 9, stillness=1.0), RULES).verdict is Verdict.PENDING
    found = assess(frames(*[1.0] * 11, stillness=1.0), RULES)
    assert (found.verdict, found.species) == (Verdict.SPOOF, "still picture")
    for stillness in (RULES.frozen, None):
        assert assess(frames(*[1.0] * 9, stillness=stillness), RULES).verdict is Verdict.PENDING
        assert assess(frames(*[1.0] * 11, stillness=stillness), RULES).verdict is Verdict.UNSURE
    assert "moved 1.0 times the noise" in found.describe()


@pytest.mark.parametrize("flexed", [None, 0.0, 3.4, nan])
def test_a_flat_picture_is_never_clearly_live(flexed: float | None) -> None:
    """However live the nets call it, and however it is moved: a face that has not changed as no flat picture
    can is in doubt after a second, and the event says why."""
    told = [(i / 10, Liveness(1.0, 0.0, 9.0, flexed)) for i in range(11)]
    assert assess(told[:9], RULES).verdict is Verdict.PENDING
    found = assess(told, RULES)
    assert (found.verdict, found.species) == (Verdict.UNSURE, "flat picture")
    told[-1] = (1.0, Liveness(1.0, 0.0, 9.0, 3.5))
    assert assess(told, RULES).verdict is Verdict.LIVE


@pytest.mark.parametrize(("screen", "species"), [(0.0, "print"), (1.0, "screen")])
def test_a_spoof_is_named(screen: float, species: str) -> None:
    """The nets' other classes say what it may be, with the score and the frames behind it."""
    found = assess([(i / 10, Liveness(0.001, screen, 9.0, 9.0)) for i in range(6)], RULES)
    assert found.species == species
    assert found.describe().startswith(f"suspected {species}, nets 0.00 over 6 frames")


@settings(max_examples=300)
@given(st.lists(st.tuples(st.floats(0.01, 0.3), scores), min_size=1, max_size=30))
def test_clearly_live_is_clear(story: list[tuple[float, float]]) -> None:
    """LIVE is only ever said of five frames over 0.4 s whose fused score reaches the threshold; SPOOF of as
    many below the other limit; and no list of frames is both."""
    at, told = 0.0, []
    for gap, score in story:
        at += gap
        told.append((at, Liveness(score, 0.0, 9.0, 9.0)))
    found = assess(told, RULES)
    enough = len(told) >= 5 and told[-1][0] - told[0][0] >= 0.4 - 1e-6
    fused = fuse([score for _, score in story])
    if found.verdict is Verdict.LIVE:
        assert enough
        assert fused >= RULES.threshold
    if found.verdict is Verdict.SPOOF:
        assert enough
        assert fused < RULES.spoof


@pytest.mark.parametrize("policy", [PASSIVE, ADAPTIVE])
def test_the_clearly_live_pass_at_once(policy) -> None:  # type: ignore[no-untyped-def]  # a Policy
    """Seven frames at 15 a second span 0.4 s: then the door opens, and the event tells the nets' score."""
    came = visit(policy, seconds=2)
    assert [(e.kind, e.person) for e in came.events] == [(EventKind.ACCESS_GRANTED, GRACE)]
    assert came.events[0].at == pytest.approx(0.4)
    assert came.events[0].detail.startswith("nets 0.99 over 7 frames")
    assert not {p for _, p in came.prompts} & {Prompt.TURN_LEFT, Prompt.OPEN_MOUTH}


@pytest.mark.parametrize("policy", [PASSIVE, ADAPTIVE])
def test_a_clear_picture_is_refused_at_once_and_for_the_visit(policy) -> None:  # type: ignore[no-untyped-def]  # a Policy
    """Told once, with the species suspected, and nothing that follows in this visit opens."""
    came = visit(policy, change=lambda f, p, c: seen(f.at, live=0.001 if c < 8 else 1.0, screen=1.0))
    assert not came.granted
    assert came.reasons == [Reason.SPOOF]
    assert came.events[0].person == GRACE
    assert "suspected screen" in came.events[0].detail


def test_one_lucky_frame_does_not_open() -> None:
    """A picture that is called live in every fourth frame is refused."""
    came = visit(PASSIVE, change=lambda f, p, c: seen(f.at, live=1.0 if c % 4 == 0 else 0.001))
    assert not came.granted


def test_the_doubtful_are_asked_where_the_mode_is_adaptive() -> None:
    """Half live, half not, for a second: a challenge, and in when it is passed; in passive mode never."""
    asked = visit(ADAPTIVE, live=0.4)
    assert asked.granted
    assert "challenge" in asked.events[0].detail
    shut = visit(PASSIVE, live=0.4)
    assert not shut.granted
    assert shut.reasons == []
    _, gone = step(shut.door, seen(12.0, gate=Gate.NO_FACE), PASSIVE)
    assert [e.reason for e in gone.events] == [Reason.LIVENESS_UNSURE]
    assert "nets 0.40" in gone.events[0].detail


def test_nobody_lends_their_life_to_another() -> None:
    """A living stranger's or colleague's frames are no help to the picture that is shown after them."""

    def swap(frame: Observation, prompt: Prompt, count: int) -> Input:
        return seen(frame.at, EILEEN, live=1.0) if count < 6 else seen(frame.at, live=0.001)

    came = visit(PASSIVE, change=swap)
    assert not came.granted
    assert Reason.SPOOF in came.reasons


def test_a_living_face_that_turns_into_a_picture_does_not_pass() -> None:
    """Three living frames and then a print of the same person: the fused score is that of the print."""
    came = visit(PASSIVE, change=lambda f, p, c: seen(f.at, live=1.0 if c < 3 else 0.0001))
    assert not came.granted


def test_a_picture_does_not_bar_another_person() -> None:
    """Whoever comes after a refused picture of somebody else, in the same moment, is judged alone."""

    def then(frame: Observation, prompt: Prompt, count: int) -> Input:
        return seen(frame.at, live=0.001) if count < 10 else seen(frame.at, EILEEN)

    came = visit(PASSIVE, change=then)
    assert [(e.kind, e.person) for e in came.events] == [
        (EventKind.ACCESS_DENIED, GRACE),
        (EventKind.ACCESS_GRANTED, EILEEN),
    ]


@pytest.mark.parametrize("gate", [Gate.BLURRED, Gate.TOO_DARK, Gate.TOO_BRIGHT, Gate.TOO_LARGE])
def test_a_refused_picture_is_not_forgiven_while_it_is_there(gate: Gate) -> None:
    """Moved, shaded or brought near for a while, and then shown again: still the same visit."""

    def shade(frame: Observation, prompt: Prompt, count: int) -> Input:
        if count < 10:
            return seen(frame.at, live=0.001)
        return seen(frame.at, gate=gate) if count < 40 else frame

    came = visit(PASSIVE, change=shade)
    assert not came.granted


def test_whoever_was_refused_may_come_again_though_others_stay() -> None:
    """Misjudged, gone for a while, and back, while somebody else was there all the time: judged afresh."""

    def queue(frame: Observation, prompt: Prompt, count: int) -> Input:
        if count < 10:
            return seen(frame.at, live=0.001)
        return seen(frame.at, EILEEN, score=0.5) if count < 40 else frame

    came = visit(PASSIVE, change=queue)
    assert [(e.kind, e.person) for e in came.events] == [
        (EventKind.ACCESS_DENIED, GRACE),
        (EventKind.ACCESS_GRANTED, GRACE),
    ]


def test_frames_of_another_track_do_not_add_up() -> None:
    """Half a visit of one face and half of another, both taken for the same person: neither is a whole."""
    assert visit(PASSIVE, seconds=0.8).granted
    assert not visit(PASSIVE, change=lambda f, p, c: replace(f, track=c)).granted
    assert not visit(PASSIVE, seconds=0.6, change=lambda f, p, c: replace(f, track=c // 5)).granted


def test_the_nets_are_asked_only_where_a_decision_needs_them() -> None:
    """Not with liveness off, nor for whoever was just let in; in all other cases from the threshold on."""
    assert asks(Door(), PASSIVE).live_from == PASSIVE.threshold
    assert asks(Door(), replace(PASSIVE, liveness=LivenessMode.OFF)).live_from > 1
    came = visit(PASSIVE, seconds=1.0)
    assert came.granted
    assert asks(came.door, PASSIVE).live_from > 1
    other, _ = step(came.door, seen(1.0 + 1 / FPS, EILEEN), PASSIVE)
    assert asks(other, PASSIVE).live_from == PASSIVE.threshold
    challenged = visit(POLICY, seconds=1.0)
    assert asks(challenged.door, POLICY).closely
    assert not asks(Door(), POLICY).closely


stories = st.lists(
    st.tuples(
        st.floats(0.01, 0.3),
        st.sampled_from([GRACE, EILEEN, None]),
        st.one_of(st.none(), scores, st.just(nan)),
        st.sampled_from([None, 0.0, 1.0, 9.0]),
        st.sampled_from([None, 0.0, 3.4, 9.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=500, deadline=None)
@given(stories, st.sampled_from([PASSIVE, ADAPTIVE]))
def test_no_grant_without_life(story, policy) -> None:  # type: ignore[no-untyped-def]  # drawn tables
    """Without a challenge, a grant follows frames of that person alone, in a row and in the window, whose
    fused score is clearly live, the face having moved, and as no flat picture can."""
    policy = replace(policy, passive=RULES)
    door, at, facts = Door(), 0.0, []
    for gap, person, live, stillness, flexed, usable in story:
        at += gap
        gate = Gate.PASSED if usable else Gate.BLURRED
        facts.append(seen(at, person, live=live, stillness=stillness, flexed=flexed, gate=gate))
        door, decision = step(door, facts[-1], policy)
        if decision.release is None:
            continue
        window = [f for f in facts if f.gate is Gate.PASSED and at - f.at <= policy.confirm_seconds]
        row = []
        for f in reversed(window):
            if f.match is None or f.match.person != decision.person:
                break
            row.append(f)
        found = assess([(f.at, f.liveness) for f in reversed(row)], RULES)
        # Evidence may be a part of the row, since a refusal or a grant empties it: then a part is enough.
        parts = (assess([(f.at, f.liveness) for f in reversed(row[: n + 1])], RULES) for n in range(len(row)))
        assert found.verdict is Verdict.LIVE or any(part.verdict is Verdict.LIVE for part in parts)
        assert len(row) >= policy.confirm_frames
