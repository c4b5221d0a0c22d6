"""The active challenge, proved through the door itself: only values in and values out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.actions import PROMPTS, Action, ChallengeRules, draw
from doorctl.core.decision import Cause, EventKind
from doorctl.core.door import step
from doorctl.core.inputs import Draw, Input, Tick
from doorctl.core.prompt import Prompt
from doorctl.core.records import Gate, Head, Observation, Person, Reason
from doorctl.core.state import Door
from tests.core.visitors import EILEEN, FPS, GRACE, POLICY, POSES, Visit, seen, visit, with_rules

numbers = st.integers(0, 2**64 - 1)
ASKED = set(PROMPTS.values())


def asked(came: Visit) -> list[Prompt]:
    return [prompt for _, prompt in came.prompts if prompt in ASKED]


@settings(max_examples=200, deadline=None)
@given(numbers)
def test_whoever_does_what_is_asked_is_let_in(number: int) -> None:
    """Every challenge that can be drawn is passed by somebody who does both things, once, and the event says
    which they were."""
    came = visit(number=number)
    actions, pauses = draw(number, POLICY.challenge)
    assert asked(came) == [PROMPTS[action] for action in actions]
    assert [(e.kind, e.person, e.reason) for e in came.events] == [
        (EventKind.ACCESS_GRANTED, GRACE, Reason.RECOGNISED)
    ]
    assert all(action in came.events[0].detail for action in actions)
    assert all(0.4 <= pause <= 1.2 for pause in pauses)


def test_challenges_are_drawn_evenly() -> None:
    """All orders of two different actions come about equally often; never two nods."""
    count = Counter(draw(number * 2654435761, ChallengeRules())[0] for number in range(20_000))
    assert len(count) == 18
    assert {Action.LOOK_UP, Action.LOOK_DOWN} not in [set(pair) for pair in count]
    assert all(first is not second for first, second in count)
    assert 900 < min(count.values()) <= max(count.values()) < 1300


def test_nobody_who_only_stands_there_is_let_in() -> None:
    """A picture that does nothing is refused after the deadline of the first action, and told once."""
    came = visit(obey=False)
    assert not came.granted
    assert came.reasons == [Reason.CHALLENGE_FAILED]
    assert "not done in time (0 of 2 done)" in came.events[0].detail


def test_one_verdict_for_each_visit() -> None:
    """Whoever failed is not asked again, nor let in, before having been gone; then all starts afresh."""
    failed = visit(obey=False, seconds=30)
    assert asked(failed) == asked(visit(obey=False))[:1]
    later = replace(seen(40.0), at=40.0)
    door, decision = step(failed.door, later, POLICY)
    assert decision.reason is Reason.CONFIRMING
    assert door.presentation is not None
    assert door.presentation.barred == ()


def test_a_wrong_action_fails() -> None:
    """Somebody who does the opposite, or anything else than asked, is refused for that."""

    def other(frame: Observation, prompt: Prompt, count: int) -> Input:
        if prompt not in ASKED:
            return frame
        wrong = next(p for p in POSES if p is not prompt)
        yaw, pitch, mouth = POSES[wrong]
        return seen(frame.at, yaw=yaw, pitch=pitch, mouth=mouth)

    came = visit(change=other)
    assert came.reasons == [Reason.CHALLENGE_FAILED]
    assert "something else was done" in came.events[0].detail


@settings(max_examples=100, deadline=None)
@given(numbers)
def test_no_action_counts_before_its_prompt(number: int) -> None:
    """Somebody who already does the first thing, whichever it is, while nothing is asked yet is refused."""
    first, _ = draw(number, POLICY.challenge)[0]
    yaw, pitch, mouth = POSES[PROMPTS[first]]

    def early(frame: Observation, prompt: Prompt, count: int) -> Input:
        started = frame.at > 0.9  # the neutral frames are over, the shortest pause is not
        return seen(frame.at, yaw=yaw, pitch=pitch, mouth=mouth) if started else frame

    came = visit(number=number, change=early)
    assert not came.granted
    assert came.reasons == [Reason.CHALLENGE_FAILED]
    assert "before it was asked" in came.events[0].detail
    assert asked(came) == []


def test_a_reaction_faster_than_any_persons_is_early() -> None:
    """A pose that is there in the very frame after the prompt was begun before it."""
    came = visit(react=0.0)
    assert came.reasons == [Reason.CHALLENGE_FAILED]
    assert "before it was asked" in came.events[0].detail


def test_doing_everything_at_once_is_something_else() -> None:
    """Turned, nodding and with an open mouth, whatever was asked: no draw is passed by one pose."""
    for number in range(18):

        def all_at_once(frame: Observation, prompt: Prompt, count: int) -> Input:
            return seen(frame.at, yaw=25.0, pitch=18.0, mouth=0.6) if prompt in ASKED else frame

        came = visit(number=number, change=all_at_once)
        assert not came.granted
        assert "something else was done" in came.events[0].detail


def test_a_prompt_is_seen_once_its_frame_was_judged() -> None:
    """On a slow machine the light goes on later than the frame was taken: who moves before it is early."""

    def late(frame: Observation, prompt: Prompt, count: int) -> Input:
        return replace(frame, judged_at=frame.at + 0.6)

    assert visit(react=0.8, change=late).granted
    came = visit(react=0.2, change=late)
    assert not came.granted
    assert "before it was asked" in came.events[0].detail


@pytest.mark.parametrize("off", [Head(10, 0, 0), Head(0, 7, 0), Head(0, 0, 0.15)])
def test_people_settle_anew_after_an_action(off: Head) -> None:
    """A head that comes back a little differently from how it was is still a head that came back."""
    acted = False

    def shifted(frame: Observation, prompt: Prompt, count: int) -> Input:
        nonlocal acted
        acted = acted or prompt in ASKED
        if not acted or frame.head is None or frame.head != Head(0, 0, 0):
            return frame
        return replace(frame, head=off) if prompt is Prompt.LOOK_HERE else frame

    assert visit(change=shifted).granted


def test_the_nets_are_heard_to_the_end() -> None:
    """Living at first, and a clear picture in the frames that close the challenge: refused as a spoof."""
    came = visit()
    end = next(at for at, prompt in came.prompts if prompt is Prompt.GRANTED)
    for seconds in (0.3, 0.8, 2.0):
        spoilt = visit(change=lambda f, p, c, s=seconds: seen_like(f, live=1e-6 if f.at > end - s else 0.99))  # type: ignore[misc]  # bound at once
        assert not spoilt.granted
        assert spoilt.reasons == [Reason.SPOOF]


def seen_like(frame: Observation, live: float) -> Observation:
    return replace(frame, liveness=replace(frame.liveness, score=live))


def test_an_action_must_be_held() -> None:
    """One odd frame is a glitch of the mesh: it neither passes nor fails a challenge."""

    def blip(frame: Observation, prompt: Prompt, count: int) -> Input:
        shown = prompt in ASKED and count % 3 == 0
        return frame if shown else seen(frame.at)

    assert visit(change=blip).reasons == [Reason.CHALLENGE_FAILED]

    def glitch(frame: Observation, prompt: Prompt, count: int) -> Input:
        wild = prompt not in ASKED and count % 4 == 0
        return replace(frame, head=Head(60, 0, 0)) if wild else frame

    assert visit(change=glitch, policy=with_rules(settle_frames=3)).granted


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda frame: replace(frame, track=2), "another face"),
        (lambda frame: replace(frame, crowded=True), "a second face"),
        (lambda frame: seen(frame.at, EILEEN), "another face"),
        (lambda frame: seen(frame.at, replace(GRACE, denied=True)), "another face"),
    ],
)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_swap_at_any_moment_ends_it(spoil, why: str, share: float) -> None:  # type: ignore[no-untyped-def]  # a table of functions
    """One frame of another track, a second face, another person, or of somebody denied by now: refused."""
    length = next(at for at, prompt in visit().prompts if prompt is Prompt.GRANTED)
    when = round((0.4 + share * (length - 0.5)) * FPS)
    came = visit(change=lambda frame, prompt, count: spoil(frame) if count == when else frame)
    assert not came.granted
    assert came.reasons[0] is Reason.CHALLENGE_FAILED
    assert why in came.events[0].detail


def test_frontal_frames_must_show_the_person() -> None:
    """Somebody whose likeness is gone whenever they look at the camera is refused, whatever they do."""

    def unlike(frame: Observation, prompt: Prompt, count: int) -> Input:
        frontal = frame.head is not None and frame.head.yaw == frame.head.pitch == frame.head.mouth == 0
        return seen(frame.at, score=0.5) if frontal and frame.at > 0.5 else frame

    came = visit(change=unlike)
    assert not came.granted
    assert "another face" in came.events[0].detail


def test_a_turned_head_need_not_be_recognised() -> None:
    """While the head is turned away the likeness may sink: that is what turning does."""

    def turned(frame: Observation, prompt: Prompt, count: int) -> Input:
        away = frame.head is not None and frame.head != Head(0, 0, 0)
        return replace(frame, match=replace(frame.match, score=0.55)) if away and frame.match else frame

    assert visit(change=turned).granted


def test_a_face_lost_from_view_ends_it() -> None:
    """Half a second without a usable face, whatever came instead, is long enough to swap: refused."""
    for gap in (Gate.NO_FACE, Gate.BLURRED, None):

        def away(frame: Observation, prompt: Prompt, count: int, gap: Gate | None = gap) -> Input | None:
            if not 1.5 < frame.at < 2.2:
                return frame
            return seen(frame.at, gate=gap) if gap else Tick(frame.at)

        came = visit(change=away)
        assert not came.granted
        assert "lost from view" in came.events[0].detail
    short = visit(change=lambda f, p, c: seen(f.at, gate=Gate.BLURRED) if 1.5 < f.at < 1.8 else f)
    assert short.granted


@settings(max_examples=200, deadline=None)
@given(st.floats(0.3, 6.0), st.floats(0.5, 1000.0), st.sampled_from(["tick", "frame", "rex"]))
def test_deadlines_hold_when_time_jumps(when: float, jump: float, what: str) -> None:
    """However far time leaps in mid-challenge, on whatever input: the challenge is lost, not passed over."""
    shift = 0.0

    def leap(frame: Observation, prompt: Prompt, count: int) -> Input | None:
        nonlocal shift
        if frame.at >= when and shift == 0.0:
            shift = jump + 0.01
            if what == "tick":
                return Tick(frame.at + shift)
        return replace(frame, at=frame.at + shift, judged_at=frame.at + shift)

    came = visit(change=leap)
    done = next((at for at, prompt in visit().prompts if prompt is Prompt.GRANTED), 0.0)
    if when < done:
        lost = [e for e in came.events if e.reason is Reason.CHALLENGE_FAILED]
        first = next(e for e in came.events)
        assert when < 0.4 or (lost and first is lost[0])


def test_a_print_that_is_tilted_shows_no_turn() -> None:
    """A plane may make the mesh tell any angle: without parallax it is no turn. An open mouth is no matter
    of depth."""
    policy = POLICY
    for number in range(40):
        turns = Action.OPEN_MOUTH not in draw(number, policy.challenge)[0]
        assert visit(policy, number=number).granted
        assert not (turns and visit(policy, number=number, flat=True).granted)


def test_a_clear_picture_is_refused_in_mid_challenge() -> None:
    """A face that does everything, and that the nets call a picture all along: refused as a spoof, and not
    only in the end."""
    came = visit(live=0.001)
    assert not came.granted
    assert came.reasons == [Reason.SPOOF]
    assert came.events[0].at < 1.5


def test_without_nets_the_challenge_alone_decides() -> None:
    """The fallback set has no anti-spoof nets: who does what is asked gets in."""
    assert visit(live=None, stillness=None).granted


def test_a_challenge_is_drawn_for_the_very_next_input_only() -> None:
    """Randomness that nobody asked for, or that comes late, begins nothing."""
    door = Door()
    for i in range(5):
        door, decision = step(door, seen(i / FPS), POLICY)
    assert decision.draw
    begun, _ = step(door, Draw(door.at, 7), POLICY)
    assert begun.challenge is not None
    ticked, _ = step(door, Tick(door.at + 0.01), POLICY)
    late, _ = step(ticked, Draw(door.at, 7), POLICY)
    assert late.challenge is None
    assert step(Door(), Draw(1.0, 7), POLICY)[0].challenge is None


def test_stricter_rules_count_for_a_challenge_under_way() -> None:
    """A threshold that was raised in mid-challenge holds for the frames before it, too."""
    stricter = (2.0, replace(POLICY, threshold=0.85))

    def better(frame: Observation, prompt: Prompt, count: int) -> Input:
        assert frame.match is not None
        return replace(frame, match=replace(frame.match, score=0.8 if frame.at < 2.0 else 0.95))

    assert visit(change=better).granted
    came = visit(change=better, reloaded=stricter)
    assert not came.granted
    assert came.reasons == [Reason.CHALLENGE_FAILED]


def test_a_challenge_lapses_without_another_frame() -> None:
    """The camera gives nothing any more: the loss is told by the ticks alone."""
    came = visit(seconds=1.5)
    assert came.door.challenge is not None
    door, decision = step(came.door, Tick(2.5), POLICY)
    assert [e.reason for e in decision.events] == [Reason.CHALLENGE_FAILED]
    assert door.challenge is None


def test_the_last_frames_must_show_the_person() -> None:
    """After the last action five frames in a row must be recognised; others start the row again."""
    hidden = 0

    def hide(frame: Observation, prompt: Prompt, count: int) -> Input:
        nonlocal hidden
        done = asked_for == 2 and prompt is Prompt.LOOK_HERE and frame.head == Head(0, 0, 0)
        if not done or hidden >= 4:
            return frame
        hidden += 1
        return seen(frame.at, score=0.5)

    asked_for, last = 0, Prompt.IDLE

    def counted(frame: Observation, prompt: Prompt, count: int) -> Input:
        nonlocal asked_for, last
        if prompt in ASKED and last not in ASKED:
            asked_for += 1
        last = prompt
        return hide(frame, prompt, count)

    came = visit(change=counted)
    assert hidden == 4
    (end,) = (i for i, (_, decision) in enumerate(came.trail) if decision.release is not None)
    frames = [f for f, _ in came.trail[: end + 1] if isinstance(f, Observation)][-5:]
    assert all(f.match is not None and f.match.score >= POLICY.threshold for f in frames)


def test_the_head_must_come_back_between_two_actions() -> None:
    """Whoever stays turned after the first action, and does the second from there, is not let in."""
    number = 1
    assert draw(number, POLICY.challenge)[0] == (Action.TURN_LEFT, Action.LOOK_UP)
    turned = False

    def stay(frame: Observation, prompt: Prompt, count: int) -> Input:
        nonlocal turned
        assert frame.head is not None
        turned = turned or frame.head.yaw > 0
        return seen(frame.at, yaw=25.0 if turned else 0.0, pitch=frame.head.pitch)

    came = visit(number=number, change=stay)
    assert not came.granted
    assert "not done in time (1 of 2 done)" in came.events[0].detail


def test_a_head_that_is_no_number_says_nothing() -> None:
    """Angles that are not finite count neither way; for long, the face counts as lost."""
    came = visit(change=lambda f, p, c: replace(f, head=Head(nan, 0, 0)) if f.at > 1 else f)
    assert not came.granted
    assert "lost from view" in came.events[0].detail


spoilers = st.fixed_dictionaries(
    {},
    optional={
        "track": st.sampled_from([1, 2]),
        "crowded": st.booleans(),
        "person": st.sampled_from([GRACE, EILEEN, None]),
        "score": st.sampled_from([0.3, 0.69, 0.7, 0.95, nan]),
        "gate": st.sampled_from(list(Gate)),
        "yaw": st.sampled_from([-40.0, -16.0, 0.0, 16.0, 40.0]),
        "pitch": st.sampled_from([-20.0, 0.0, 20.0]),
        "mouth": st.sampled_from([0.0, 0.6]),
        "live": st.sampled_from([None, 0.0, 0.5, 1.0]),
    },
)
stretches = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30), spoilers), max_size=5)


@settings(max_examples=300, deadline=None)
@given(numbers, stretches, st.sampled_from([0.3, 0.5, 1.0]))
def test_no_grant_without_one_unbroken_track_of_one_person(
    number: int, story: list[tuple[int, int, dict[str, object]]], react: float
) -> None:
    """Whatever happens, a grant follows a challenge through which every frame is of one track, alone, of
    nobody else; in which each action is shown after its prompt, in order and in time; and whose last frames
    show the person, facing the camera."""

    def spoil(frame: Observation, prompt: Prompt, count: int) -> Input:
        for start, length, face in story:
            if start <= count < start + length:
                look: dict[str, object] = {}
                if frame.head is not None:
                    look = {"yaw": frame.head.yaw, "pitch": frame.head.pitch, "mouth": frame.head.mouth}
                return seen(frame.at, **{**look, **face})  # type: ignore[arg-type]  # a drawn table
        return frame

    came = visit(number=number, change=spoil, react=react)
    for place, (fact, decision) in enumerate(came.trail):
        if decision.release is None:
            continue
        assert decision.release.cause is Cause.RECOGNISED
        start = max(i for i, (f, _) in enumerate(came.trail[:place]) if isinstance(f, Draw))
        frames = [f for f, _ in came.trail[start : place + 1] if isinstance(f, Observation)]
        usable = [f for f in frames if f.gate is Gate.PASSED]
        assert {(f.track, f.crowded) for f in usable} == {(usable[0].track, False)}
        people: set[Person | None] = {f.match.person for f in usable if f.match and f.match.score >= 0.7}
        assert people == {decision.person}
        actions, _ = draw(number, POLICY.challenge)
        shown = [(at, p) for at, p in came.prompts if came.trail[start][0].at <= at <= fact.at and p in ASKED]
        assert [p for _, p in shown] == [PROMPTS[a] for a in actions]
        ends = [at for at, _ in shown[1:]] + [fact.at]
        for (at, prompt), end in zip(shown, ends, strict=True):
            before = [f.head for f in usable if f.at <= at and f.head is not None]
            during = [f.head for f in usable if at < f.at < end and f.head is not None]
            assert any(_does(old, new, prompt) for old in before for new in during)
        last = usable[-POLICY.challenge.settle_frames :]
        assert all(f.match and f.match.score >= 0.7 and f.head and abs(f.head.yaw) <= 25 for f in last)


def _does(before: Head, now: Head, prompt: Prompt) -> bool:
    """Whether a head has changed as a prompt asks, by as much as the rules want."""
    rules = POLICY.challenge
    changes = (
        (now.yaw - before.yaw) / rules.yaw,
        (now.pitch - before.pitch) / rules.pitch,
        (now.mouth - before.mouth) / rules.mouth,
    )
    return any(
        change * wanted >= abs(wanted) > 0 for change, wanted in zip(changes, POSES[prompt], strict=True)
    )
