"""The active challenge: a person does two things that nobody could foresee, each when asked and not before.

Pure values. The door hands over every frame of the face, this says what the person is
asked, and how it ended. A picture cannot do it, a recording does other things, and
whoever swaps faces on the way is noticed by the track, the likeness, or the pose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from statistics import median

from doorctl.core.actions import (
    PROMPTS,
    Action,
    ChallengeRules,
    at_rest,
    draw,
    frontal,
    in_depth,
    numbers,
    real,
    shown_by,
)
from doorctl.core.liveness import fuse
from doorctl.core.prompt import Prompt
from doorctl.core.records import Head, Observation, Person


class Failure(StrEnum):
    """How a challenge is lost."""

    LATE = "not done in time"
    EARLY = "done before it was asked"
    WRONG = "something else was done"
    LOST = "the face was lost from view"
    SWAPPED = "another face"
    CROWDED = "a second face"
    SPOOF = "the nets call it a picture"


LATELY_SECONDS, SPAN_SECONDS = 1.0, 0.4
"""The nets are heard on the frontal frames of so long, over at least so long."""


class Phase(Enum):
    """Where a challenge stands."""

    SETTLE = "settle"
    """The person faces the camera and is recognised."""
    PAUSE = "pause"
    """A time that nobody can foresee, in which nothing may be done."""
    ASK = "ask"
    """The prompt is shown."""
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, eq=False)
class Challenge:
    """One challenge under way."""

    person: Person
    track: int
    actions: tuple[Action, ...]
    pauses: tuple[float, ...]
    since: float
    """When the present phase began."""
    seen_at: float
    phase: Phase = Phase.SETTLE
    failure: Failure | None = None
    done: int = 0
    heads: tuple[Head, ...] = ()
    """Neutral frames of the present settling."""
    base: Head | None = None
    """The neutral pose, by the frames just before."""
    home: Head | None = None
    """The first of them: after each action the head comes back to it."""
    held: int = 0
    strayed: int = 0
    doubts: int = 0
    scores: tuple[tuple[float, float], ...] = ()
    """(time, what the anti-spoof nets said) of frontal frames; empty where there are none."""
    weakest: float = 1.0
    """The lowest score of a match among the frontal frames that count."""

    @property
    def anchor(self) -> int:
        """For ``Ask.anchor``: turns are told against the first frame after the neutral ones."""
        return self.done + 1 if self.phase in (Phase.PAUSE, Phase.ASK) else 0

    @property
    def prompt(self) -> Prompt:
        """What the person is to be told now."""
        return PROMPTS[self.actions[self.done]] if self.phase is Phase.ASK else Prompt.LOOK_HERE

    def describe(self) -> str:
        """What was asked and how it went, for an event."""
        told = "challenge " + ", ".join(self.actions)
        told += (
            f": {self.failure.value} ({self.done} of {len(self.actions)} done)" if self.failure else " done"
        )
        return told + (f"; nets {fuse([p for _, p in self.scores]):.2f}" if self.scores else "")


def begin(person: Person, track: int, number: int, at: float, rules: ChallengeRules) -> Challenge:
    """A challenge for a person who has just been recognised, made of a random number."""
    actions, pauses = draw(number, rules)
    return Challenge(person, track, actions, pauses, since=at, seen_at=at)


def overdue(challenge: Challenge, at: float, rules: ChallengeRules) -> Failure | None:
    """What time alone makes of a challenge at ``at``; asked before any frame is looked at."""
    if challenge.phase is not Phase.PAUSE and at - challenge.since > rules.deadline_seconds:
        return Failure.LATE
    return Failure.LOST if at - challenge.seen_at > rules.gap_seconds else None


def advance(
    challenge: Challenge,
    seen: Observation,
    recognised: Person | None,
    *,
    rules: ChallengeRules,
    threshold: float,
    spoof: float,
) -> Challenge:
    """Take one frame of a face that passed its gates.

    Args:
        recognised: whom the frame on its own would let in.
        threshold: least score of a match.
        spoof: fused score of the nets below which a face is clearly a picture.

    Returns:
        The challenge with ``phase`` PASSED or FAILED if it has ended.
    """
    match, head = seen.match, seen.head
    if challenge.phase in (Phase.PASSED, Phase.FAILED):
        return challenge
    if failure := overdue(challenge, seen.at, rules):
        return _failed(challenge, failure)
    other = match is not None and match.person != challenge.person and match.score >= threshold
    if seen.track != challenge.track or other or (recognised is not None and recognised != challenge.person):
        return _failed(challenge, Failure.SWAPPED)
    if seen.crowded:
        return _failed(challenge, Failure.CROWDED)
    if head is None or match is None or seen.face is None or not real(head):
        return challenge  # says nothing; the gap's limit sees to it that this does not go on
    challenge = replace(challenge, seen_at=seen.at)
    if recognised is None and frontal(challenge.base or challenge.home, head, rules):
        challenge = replace(challenge, doubts=challenge.doubts + 1)
        if challenge.doubts > rules.doubts:
            return _failed(challenge, Failure.SWAPPED)
    if (
        recognised is not None
        and seen.liveness.score is not None
        and frontal(challenge.base or challenge.home, head, rules)
    ):
        challenge = replace(challenge, scores=(*challenge.scores, (seen.at, seen.liveness.score)))
        lately = [(at, p) for at, p in challenge.scores if seen.at - at <= LATELY_SECONDS]
        enough = len(lately) >= rules.settle_frames and lately[-1][0] - lately[0][0] >= SPAN_SECONDS - 1e-9
        if enough and not fuse([p for _, p in lately]) >= spoof:
            return _failed(challenge, Failure.SPOOF)
    if challenge.phase is not Phase.SETTLE:
        return _watch(challenge, seen, head, rules)
    challenge = _settle(challenge, seen, head, recognised is not None, match.score, rules)
    last = [p for _, p in challenge.scores[-rules.settle_frames :]]
    if challenge.phase is Phase.PASSED and last and not fuse(last) >= spoof:
        return _failed(challenge, Failure.SPOOF)
    return challenge


def _settle(
    challenge: Challenge, seen: Observation, head: Head, recognised: bool, score: float, rules: ChallengeRules
) -> Challenge:
    """Wait for frames in a row that show the person, facing the camera and at rest."""
    neutral = recognised and frontal(challenge.home, head, rules, rules.home)
    heads = (*challenge.heads, head)[-rules.settle_frames :] if neutral else ()
    while heads and not at_rest(heads, rules):
        heads = heads[1:]
    challenge = replace(challenge, heads=heads)
    if neutral:
        challenge = replace(challenge, weakest=min(challenge.weakest, score))
    if len(heads) < rules.settle_frames or seen.face is None:
        return challenge
    if challenge.done == len(challenge.actions):
        return replace(challenge, phase=Phase.PASSED)
    base = Head(*(median(values) for values in zip(*map(numbers, heads), strict=True)))
    return replace(
        challenge,
        phase=Phase.PAUSE,
        since=seen.at,
        heads=(),
        base=base,
        home=challenge.home or base,
        held=0,
        strayed=0,
    )


def _watch(challenge: Challenge, seen: Observation, head: Head, rules: ChallengeRules) -> Challenge:
    """While nothing may be done, and while one thing is asked."""
    base, at = challenge.base, seen.at
    if base is None:
        return _failed(challenge, Failure.LOST)
    waited = at - challenge.since
    if challenge.phase is Phase.PAUSE and waited >= challenge.pauses[challenge.done]:
        # The prompt lights up once this frame has been judged, and no sooner.
        challenge = replace(challenge, phase=Phase.ASK, since=max(at, seen.judged_at), held=0)
        waited = at - challenge.since
    asked = challenge.actions[challenge.done] if challenge.phase is Phase.ASK else None
    others = set(shown_by(base, head, rules, rules.coupled if asked else 1.0)) - {asked}
    right = asked in set(shown_by(base, head, rules)) and in_depth(asked, seen.turned, rules) and not others
    early = asked is None or (right and waited < rules.reaction_seconds)
    strayed = challenge.strayed + 1 if others or (right and early) else 0
    held = challenge.held + 1 if right and not early else 0
    challenge = replace(challenge, held=held, strayed=strayed)
    if strayed >= rules.hold_frames:
        return _failed(challenge, Failure.EARLY if early else Failure.WRONG)
    if held < rules.hold_frames:
        return challenge
    return replace(challenge, phase=Phase.SETTLE, since=at, done=challenge.done + 1, base=None, held=0)


def _failed(challenge: Challenge, failure: Failure) -> Challenge:
    return replace(challenge, phase=Phase.FAILED, failure=failure)
