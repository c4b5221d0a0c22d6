"""The decision to open, whole and pure.

``step(door, input, policy)`` takes what the door knows and one new fact, and gives
what it knows then and what is to be done. Every release of the strike, whatever its
cause, comes out of here; nothing else may energise the relay.

A grant needs ``confirm_frames`` frames within ``confirm_seconds``, one after another,
each of which shows one and the same person: live, not denied, at or above
the threshold, ahead of the second-best person by the margin. A frame that shows
anything else of a face starts the count again; a frame without a usable face leaves
it to run out of time. Somebody whom the gallery holds a lookalike of needs more
frames and a wider margin; frames from before and after that was so do not add up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from math import inf, isfinite

from doorctl.core.gallery import NOBODY
from doorctl.core.policy import Policy
from doorctl.core.records import (
    Cause,
    Command,
    Decision,
    Event,
    EventKind,
    Gate,
    Input,
    LivenessVerdict,
    Match,
    Observation,
    Person,
    Reason,
    Release,
    Tick,
)


class DoorState(Enum):
    """What the strike is told to be."""

    LOCKED = "locked"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One frame that speaks for letting the person in."""

    at: float
    score: float
    margin: float | None
    lookalike: bool
    """Whether more was asked of the person, for a likeness in the gallery, when it was judged."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Frames of a presentation that were refused for one reason."""

    reason: Reason
    person: Person | None
    frames: int
    score: float
    margin: float | None


@dataclass(frozen=True, slots=True)
class Presentation:
    """One face's visit, from first sight until gone or granted."""

    seen_at: float
    refusals: tuple[Refusal, ...] = ()
    refused_in_a_row: int = 0
    refused_since: float = inf
    denial_told: bool = False
    granted: tuple[tuple[Person, float], ...] = ()
    """Who was let in during it, and when last."""


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

    @property
    def state(self) -> DoorState:
        return DoorState.RELEASED if self.at < self.released_until else DoorState.LOCKED


_SEVERITY = (Reason.SPOOF, Reason.DENIED, Reason.UNKNOWN_PERSON, Reason.AMBIGUOUS, Reason.LIVENESS_UNSURE)
"""Which reason names a presentation when two were met equally often."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question put to a frame, and the reason that a refusal would give."""

    name: str
    passed: bool | None
    """``None`` where it was not put: the policy does not ask for it."""
    reason: Reason
    value: float | None = None
    limit: float | None = None

    @property
    def failed(self) -> bool:
        """Put, and not passed. Not ``passed is False``, for numpy's false is another object."""
        return self.passed is not None and not self.passed


_GATES = (
    ("face found", Gate.NO_FACE, Reason.NO_FACE),
    ("near enough", Gate.TOO_SMALL, Reason.FACE_TOO_SMALL),
    ("wholly in view", Gate.OUT_OF_VIEW, Reason.FACE_OUT_OF_VIEW),
)
"""In the order in which the gates are asked: failing one means that the ones before it were passed."""


def checks(observation: Observation, policy: Policy) -> tuple[Check, ...]:
    """Put every question to one frame, as far as the first gate that it fails."""
    asked: list[Check] = []
    for name, gate, reason in _GATES:
        asked.append(Check(name, observation.gate is not gate, reason))
        if asked[-1].failed:
            return tuple(asked)
    match, liveness = observation.match or NOBODY, observation.liveness
    live = liveness.verdict is LivenessVerdict.LIVE if policy.liveness_required else None
    denied = match.person is not None and match.person.denied
    # Comparisons are written so that a NaN, which compares false with everything, fails them.
    known = match.person is not None and match.score >= policy.threshold
    lead = policy.lead_asked(match.lookalike)
    ahead = match.margin is None or match.margin >= lead
    unchecked = liveness.verdict is LivenessVerdict.NOT_CHECKED
    genuine = None if unchecked else liveness.verdict is not LivenessVerdict.SPOOF
    return (
        *asked,
        Check("no spoof", genuine, Reason.SPOOF, liveness.score),
        Check("known", known, Reason.UNKNOWN_PERSON, match.score, policy.threshold),
        Check("not denied", not denied, Reason.DENIED),
        Check("ahead of others", ahead, Reason.AMBIGUOUS, match.margin, lead),
        Check("live", live, Reason.LIVENESS_UNSURE, liveness.score),
    )


def judge(observation: Observation, policy: Policy) -> Reason:
    """What one frame says on its own; ``CONFIRMING`` is the only answer that speaks for a grant."""
    reasons = (check.reason for check in checks(observation, policy) if check.failed)
    return next(reasons, Reason.CONFIRMING)


def step(door: Door, fact: Input, policy: Policy) -> tuple[Door, Decision]:
    """Take one input. Total: no input, however odd, raises or releases by accident."""
    if not isfinite(fact.at):
        return replace(door, person=None, evidence=()), Decision(Reason.STALE)
    went_back = fact.at < door.at - policy.max_latency_seconds
    # Ages can no longer be told when time went back: forget everything that rests on them.
    door = Door(at=fact.at) if went_back else replace(door, at=max(door.at, fact.at))
    door, ended = _leave(door, policy)
    if isinstance(fact, Command):
        door, decision = _command(door, fact, policy)
    elif went_back:
        decision = Decision(Reason.CLOCK_WENT_BACK)
    elif isinstance(fact, Tick):
        decision = Decision(Reason.NO_FACE)
    elif not _is_new(fact, door, policy):
        door, decision = replace(door, person=None, evidence=()), Decision(Reason.STALE)
    elif fact.gate is not Gate.PASSED:
        door, decision = replace(door, observed_at=fact.at), Decision(judge(fact, policy))
    else:
        door = replace(door, observed_at=fact.at)
        reason, match = judge(fact, policy), fact.match or NOBODY
        if reason is Reason.CONFIRMING and match.person is not None:
            door, decision = _confirm(door, match, match.person, policy)
        else:
            door, decision = _refuse(door, match, reason, policy)
    return door, replace(decision, events=(*ended, *decision.events))


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
    return _released(door, release), Decision(Reason.COMMANDED, release, (event,))


def _released(door: Door, release: Release) -> Door:
    return replace(door, released_until=max(door.released_until, door.at + release.seconds))


def _leave(door: Door, policy: Policy) -> tuple[Door, tuple[Event, ...]]:
    """End the presentation once nobody has been seen for long enough, and let evidence grow old."""
    visit = door.presentation
    if visit is not None and door.at - visit.seen_at >= policy.gone_seconds:
        # Long enough for an attempt, and refused: told now, unless it was told already.
        refused = sum(refusal.frames for refusal in visit.refusals)
        attempt = refused >= policy.confirm_frames and not visit.denial_told
        events = (_denial(visit, door.at),) if attempt else ()
        return replace(door, presentation=None, person=None, evidence=()), events
    fresh = tuple(
        e
        for e in door.evidence
        if door.at - e.at <= policy.confirm_seconds
        # By the rules as they are now: a reload may have made them stricter.
        and e.score >= policy.threshold
        and (e.margin is None or e.margin >= policy.lead_asked(e.lookalike))
    )
    return replace(door, evidence=fresh, person=door.person if fresh else None), ()


def _confirm(door: Door, match: Match, person: Person, policy: Policy) -> tuple[Door, Decision]:
    """A frame that speaks for a person: count it, and grant when there are enough."""
    visit = door.presentation or Presentation(door.at)
    visit = replace(visit, seen_at=door.at, refused_in_a_row=0, refused_since=inf)
    new = Evidence(door.observed_at, match.score, match.margin, match.lookalike)
    needed = policy.frames_asked(match.lookalike)
    # A margin from before a lookalike came says nothing of the lookalike: such frames count no longer.
    before = (e for e in door.evidence if door.person == person and e.lookalike == new.lookalike)
    evidence = (*before, new)[-needed:]
    door = replace(door, person=person, evidence=evidence, presentation=visit)
    decision = Decision(Reason.CONFIRMING, person=person, score=match.score)
    if len(evidence) < needed:
        return door, decision
    lately = tuple((who, at) for who, at in visit.granted if door.at - at < policy.regrant_seconds)
    if any(who == person for who, _ in lately):
        return door, replace(decision, reason=Reason.ALREADY_GRANTED)
    weakest = min(evidence, key=lambda e: e.score)
    release = Release(Cause.RECOGNISED, policy.open_seconds)
    event = Event(EventKind.ACCESS_GRANTED, door.at, person, Reason.RECOGNISED, weakest.score, weakest.margin)
    visit = Presentation(door.at, granted=(*lately, (person, door.at)))
    door = replace(_released(door, release), person=None, evidence=(), presentation=visit)
    return door, Decision(Reason.RECOGNISED, release, (event,), person, weakest.score)


def _refuse(door: Door, match: Match, reason: Reason, policy: Policy) -> tuple[Door, Decision]:
    """A face that may not pass: start the count again, and tell a denial once a presentation."""
    person = match.person if reason is Reason.DENIED else None
    visit = replace(door.presentation or Presentation(door.at), seen_at=door.at)
    events: tuple[Event, ...] = ()
    leaving = bool(visit.granted) and door.state is DoorState.RELEASED
    if not leaving:  # someone let in who turns away through the open door is no stranger
        visit = replace(
            visit,
            refusals=_add(visit.refusals, Refusal(reason, person, 1, match.score, match.margin)),
            refused_in_a_row=visit.refused_in_a_row + 1,
            refused_since=min(visit.refused_since, door.at),
        )
        many = visit.refused_in_a_row >= policy.confirm_frames
        if many and not visit.denial_told and door.at - visit.refused_since >= policy.confirm_seconds:
            events = (_denial(visit, door.at),)
            visit = replace(visit, denial_told=True)
    door = replace(door, person=None, evidence=(), presentation=visit)
    return door, Decision(reason, events=events, person=person, score=match.score)


def _denial(visit: Presentation, at: float) -> Event:
    main = max(visit.refusals, key=lambda r: (r.frames, -_SEVERITY.index(r.reason)))
    return Event(EventKind.ACCESS_DENIED, at, main.person, main.reason, main.score, main.margin)


def _add(refusals: tuple[Refusal, ...], new: Refusal) -> tuple[Refusal, ...]:
    """Count a refused frame with those of its kind; the highest score stands for them all."""
    for i, old in enumerate(refusals):
        if (old.reason, old.person) == (new.reason, new.person):
            best = max(old, new, key=lambda r: r.score)
            return (*refusals[:i], replace(best, frames=old.frames + 1), *refusals[i + 1 :])
    return (*refusals, new)
