"""The decision to open, whole and pure.

``step(door, input, policy)`` takes what the door knows and one new fact, and gives
what it knows then and what is to be done. Every release of the strike, whatever its
cause, comes out of here; nothing else may energise the relay.

A grant needs ``confirm_frames`` frames within ``confirm_seconds``, one after another, each
of which shows one and the same person as ``core.judgement`` asks. A frame that shows
anything else of a face starts the count again; a frame without a usable face leaves
it to run out of time. Somebody whom the gallery holds a lookalike of needs more
frames and a wider margin; frames from before and after that was so do not add up.

The frames together must show a living person (``core.liveness``), or the person does what
the door asks (``core.challenge``). Who fails that is not let in before coming again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from math import inf, isfinite

from doorctl.core.challenge import Challenge, Failure, Phase, advance, begin, overdue
from doorctl.core.gallery import NOBODY
from doorctl.core.judgement import judge
from doorctl.core.liveness import Finding, LivenessMode, Verdict, assess
from doorctl.core.policy import Policy
from doorctl.core.records import (
    Cause,
    Command,
    Decision,
    Draw,
    Event,
    EventKind,
    Gate,
    Input,
    Match,
    Observation,
    Person,
    Reason,
    Release,
    Tick,
)
from doorctl.core.visit import Evidence, Presentation, Refusal


class DoorState(Enum):
    """What the strike is told to be."""

    LOCKED = "locked"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Door:
    """All that the door remembers from one input to the next."""

    at: float = -inf
    """The latest time told by any input."""
    observed_at: float = -inf
    """Time of capture of the last frame. Inputs of other kinds may be ahead of it by a moment."""
    released_until: float = -inf
    person: Person | None = None
    """Whom the evidence speaks for."""
    evidence: tuple[Evidence, ...] = ()
    presentation: Presentation | None = None
    challenge: Challenge | None = None
    drawing: tuple[Person, int] | None = None
    """Whom a challenge is to be drawn for, and the number of their track; good for the very next input."""

    @property
    def state(self) -> DoorState:
        return DoorState.RELEASED if self.at < self.released_until else DoorState.LOCKED

    def released(self, seconds: float) -> Door:
        return replace(self, released_until=max(self.released_until, self.at + seconds))


_THERE = {Gate.TOO_LARGE, Gate.BLURRED, Gate.TOO_DARK, Gate.TOO_BRIGHT}
"""A face is there, near and in view, that cannot be judged: nobody has gone."""


def step(door: Door, fact: Input, policy: Policy) -> tuple[Door, Decision]:
    """Take one input. Total: no input, however odd, raises or releases by accident."""
    if not isfinite(fact.at):
        return replace(door, person=None, evidence=(), drawing=None), Decision(Reason.STALE)
    went_back = fact.at < door.at - policy.max_latency_seconds
    # Ages can no longer be told when time went back: forget everything that rests on them.
    drawing = door.drawing
    door = Door(at=fact.at) if went_back else replace(door, at=max(door.at, fact.at), drawing=None)
    door, lapsed = _lapse(door, policy)
    door, ended = _leave(door, policy)
    if isinstance(fact, Command):
        door, decision = _command(door, fact, policy)
    elif isinstance(fact, Draw):
        door, decision = _begin(door, fact, None if went_back else drawing, policy)
    elif went_back:
        decision = Decision(Reason.CLOCK_WENT_BACK)
    elif isinstance(fact, Tick):
        decision = Decision(Reason.NO_FACE)
    elif not _is_new(fact, door, policy):
        door, decision = replace(door, person=None, evidence=()), Decision(Reason.STALE)
    elif fact.gate is not Gate.PASSED:
        door, decision = replace(door, observed_at=fact.at), Decision(judge(fact, policy))
        if door.presentation is not None and fact.gate in _THERE:
            visit = replace(door.presentation.still_there(door.at), seen_at=door.at)
            door = replace(door, presentation=visit)
    else:
        door = replace(door, observed_at=fact.at)
        reason, match = judge(fact, policy), fact.match or NOBODY
        if door.challenge is not None:
            door, decision = _challenged(door, door.challenge, fact, reason, policy)
        elif reason is Reason.CONFIRMING and match.person is not None:
            door, decision = _confirm(door, fact, match, match.person, policy)
        else:
            door, decision = _refuse(door, match, reason, policy)
    return door, replace(decision, events=(*lapsed, *ended, *decision.events))


def _is_new(seen: Observation, door: Door, policy: Policy) -> bool:
    """Whether a frame says something about now: no picture twice, none of the past, none judged unseen."""
    late = seen.judged_at - seen.at
    return seen.at > door.observed_at and 0.0 <= late <= policy.max_latency_seconds


def _command(door: Door, command: Command, policy: Policy) -> tuple[Door, Decision]:
    """A release that was asked for, by an operator or at the exit button."""
    if command.cause is Cause.RECOGNISED:
        return door, Decision(Reason.UNKNOWN_PERSON)  # only evidence may claim that cause
    release = Release(command.cause, policy.open_seconds)
    event = Event(EventKind.UNLOCKED, command.at, reason=Reason.COMMANDED, detail=command.cause.value)
    return door.released(policy.open_seconds), Decision(Reason.COMMANDED, release, (event,))


def _leave(door: Door, policy: Policy) -> tuple[Door, tuple[Event, ...]]:
    """End the presentation once nobody has been seen for long enough, and let evidence grow old."""
    visit = door.presentation
    if visit is not None and door.at - visit.seen_at >= policy.gone_seconds:
        # Long enough for an attempt, and refused: told now, unless it was told already.
        attempt = visit.refused_frames >= policy.confirm_frames and not visit.denial_told
        events = (visit.denial(door.at),) if attempt else ()
        return replace(door, presentation=None, person=None, evidence=()), events
    if visit is not None and visit.barred:
        door = replace(door, presentation=visit.without_gone(door.at, policy.gone_seconds))
    fresh = tuple(
        e
        for e in door.evidence
        if door.at - e.at <= policy.confirm_seconds
        # By the rules as they are now: a reload may have made them stricter.
        and e.score >= policy.threshold
        and (e.margin is None or e.margin >= policy.lead_asked(e.lookalike))
    )
    return replace(door, evidence=fresh, person=door.person if fresh else None), ()


def _confirm(
    door: Door, fact: Observation, match: Match, person: Person, policy: Policy
) -> tuple[Door, Decision]:
    """A frame that speaks for a person: count it, and grant when there are enough and they show life."""
    visit = door.presentation or Presentation(door.at)
    if why := visit.why_barred(person):
        return _refuse(replace(door, presentation=visit.still_there(door.at, person)), match, why, policy)
    visit = replace(visit, seen_at=door.at, refused_in_a_row=0, refused_since=inf)
    new = Evidence(door.observed_at, match.score, match.margin, match.lookalike, fact.liveness, fact.track)
    # A margin from before a lookalike came says nothing of the lookalike: such frames count no longer.
    # Nor does what another track showed, for its face may have been another.
    before = (
        e
        for e in door.evidence
        if door.person == person and e.lookalike == new.lookalike and e.track == new.track
    )
    evidence = (*before, new)
    door = replace(door, person=person, evidence=evidence, presentation=visit)
    decision = Decision(Reason.CONFIRMING, person=person, score=match.score)
    if len(evidence) < policy.frames_asked(match.lookalike):
        return door, decision
    if any(who == person for who, _ in visit.lately(door.at, policy.regrant_seconds)):
        return door, replace(decision, reason=Reason.ALREADY_GRANTED)
    weakest = min(evidence, key=lambda e: e.score)
    found = assess([(e.at, e.life) for e in evidence], policy.passive)
    if policy.liveness is LivenessMode.OFF or (found.verdict is Verdict.LIVE and policy.nets_decide):
        return _grant(door, person, weakest.score, weakest.margin, found.describe(), policy)
    if found.verdict is Verdict.SPOOF:
        return _bar(door, person, Reason.SPOOF, found.describe(), weakest.score, weakest.margin)
    return _doubt(door, fact.track, found, weakest, decision, policy)


def _doubt(
    door: Door, track: int, found: Finding, weakest: Evidence, decision: Decision, policy: Policy
) -> tuple[Door, Decision]:
    """A known face that is not clearly live: look on, or ask for a challenge."""
    person, visit = door.person, door.presentation
    if person is None or visit is None:
        return door, decision
    unsure = found.verdict is Verdict.UNSURE
    if policy.liveness is LivenessMode.CHALLENGE or (policy.liveness is LivenessMode.ADAPTIVE and unsure):
        door = replace(door, drawing=(person, track))
        return door, replace(decision, reason=Reason.LIVENESS_UNSURE, draw=True)
    if unsure:
        told = Refusal(Reason.LIVENESS_UNSURE, person, 1, weakest.score, weakest.margin, found.describe())
        return replace(door, presentation=visit.refused(told, door.at)), replace(
            decision, reason=Reason.LIVENESS_UNSURE
        )
    return door, decision


def _begin(
    door: Door, drawn: Draw, drawing: tuple[Person, int] | None, policy: Policy
) -> tuple[Door, Decision]:
    """Begin the challenge that the last frame asked for, and no other."""
    if drawing is None or door.at - door.observed_at > policy.challenge.gap_seconds:
        return door, Decision(Reason.NO_FACE)
    person, track = drawing
    challenge = begin(person, track, drawn.number, door.at, policy.challenge)
    return replace(door, challenge=challenge), Decision(Reason.CHALLENGED, person=person)


def _challenged(
    door: Door, challenge: Challenge, fact: Observation, reason: Reason, policy: Policy
) -> tuple[Door, Decision]:
    """One frame of a face that does, or does not, what it was asked."""
    match = fact.match or NOBODY
    challenge = advance(
        challenge,
        fact,
        match.person if reason is Reason.CONFIRMING else None,
        rules=policy.challenge,
        threshold=policy.threshold,
        spoof=policy.passive.spoof,
    )
    visit = replace(door.presentation or Presentation(door.at), seen_at=door.at)
    door = replace(door, challenge=challenge, presentation=visit)
    if challenge.phase is Phase.FAILED:
        return _lose(door, challenge, match.margin)
    if challenge.phase is not Phase.PASSED:
        return door, Decision(Reason.CHALLENGED, person=challenge.person, score=match.score)
    # By the rules as they are now: a reload may have made them stricter.
    if challenge.weakest < policy.threshold:
        return _lose(door, replace(challenge, failure=Failure.SWAPPED), match.margin)
    return _grant(door, challenge.person, challenge.weakest, match.margin, challenge.describe(), policy)


def _lapse(door: Door, policy: Policy) -> tuple[Door, tuple[Event, ...]]:
    """End a challenge whose time is up, whatever has come in."""
    challenge = door.challenge
    failure = overdue(challenge, door.at, policy.challenge) if challenge else None
    if challenge is None or failure is None:
        return door, ()
    door, decision = _lose(door, replace(challenge, failure=failure), None)
    return door, decision.events


def _lose(door: Door, challenge: Challenge, margin: float | None) -> tuple[Door, Decision]:
    """A challenge that was not passed."""
    reason = Reason.SPOOF if challenge.failure is Failure.SPOOF else Reason.CHALLENGE_FAILED
    return _bar(door, challenge.person, reason, challenge.describe(), challenge.weakest, margin)


def _bar(
    door: Door, person: Person, reason: Reason, detail: str, score: float, margin: float | None
) -> tuple[Door, Decision]:
    """Refuse a person for the rest of this visit, and tell it at once."""
    visit = door.presentation or Presentation(door.at)
    visit = replace(visit, barred=(*visit.barred, (person, reason, door.at)), denial_told=True)
    event = Event(EventKind.ACCESS_DENIED, door.at, person, reason, score, margin, detail)
    door = replace(door, person=None, evidence=(), presentation=visit, challenge=None)
    return door, Decision(reason, events=(event,), person=person, score=score)


def _grant(
    door: Door, person: Person, score: float, margin: float | None, detail: str, policy: Policy
) -> tuple[Door, Decision]:
    """Let a person in: the one place where a face releases the strike."""
    visit = door.presentation or Presentation(door.at)
    before = visit.lately(door.at, policy.regrant_seconds)
    release = Release(Cause.RECOGNISED, policy.open_seconds)
    event = Event(EventKind.ACCESS_GRANTED, door.at, person, Reason.RECOGNISED, score, margin, detail)
    visit = Presentation(door.at, granted=(*before, (person, door.at)), barred=visit.barred)
    door = replace(
        door.released(policy.open_seconds), person=None, evidence=(), presentation=visit, challenge=None
    )
    return door, Decision(Reason.RECOGNISED, release, (event,), person, score)


def _refuse(door: Door, match: Match, reason: Reason, policy: Policy) -> tuple[Door, Decision]:
    """A face that may not pass: start the count again, and tell a denial once a presentation."""
    named = reason in (Reason.DENIED, Reason.SPOOF, Reason.CHALLENGE_FAILED)
    person = match.person if named else None
    visit = replace(door.presentation or Presentation(door.at), seen_at=door.at)
    events: tuple[Event, ...] = ()
    leaving = bool(visit.granted) and door.state is DoorState.RELEASED
    if not leaving:  # someone let in who turns away through the open door is no stranger
        visit = visit.refused(Refusal(reason, person, 1, match.score, match.margin), door.at)
        many = visit.refused_in_a_row >= policy.confirm_frames
        if many and not visit.denial_told and door.at - visit.refused_since >= policy.confirm_seconds:
            events = (visit.denial(door.at),)
            visit = replace(visit, denial_told=True)
    door = replace(door, person=None, evidence=(), presentation=visit)
    return door, Decision(reason, events=events, person=person, score=match.score)
