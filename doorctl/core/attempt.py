"""How a visit goes on, is refused, and ends, and what a failed one counts as. Nothing here opens the door.

A presentation is one face's visit. It is a failed attempt if the face looked at the camera for
``dwell_seconds`` and was not let in: counted once, when it ends, or after ``attempt_seconds``.
Nobody is let in on a shorter look either, so there is no way of trying that is not counted.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from doorctl.core.challenge import Challenge, Failure, begin, overdue
from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Draw
from doorctl.core.lockout import Bar, Outcome, bar, charge, locked_out
from doorctl.core.policy import Policy
from doorctl.core.records import Head, Match, Observation, Person, Reason, Vector
from doorctl.core.state import Door, DoorState
from doorctl.core.visit import Presentation, Refusal

ASIDE_SECONDS = 30.0
"""Whoever is back so soon, while others were before the camera, has not been away."""
MOST_ASIDE = 4

TINY = 1e-6
"""Seconds: what rounding may take from a sum of times between frames."""

_NEARLY = (Reason.UNKNOWN_PERSON, Reason.AMBIGUOUS)


def rules_of(door: Door, policy: Policy) -> Policy | None:
    """The rules for whoever is there now: raised while there is a lock; ``None`` lets nobody in."""
    asked = bar(door.lockout, door.at, policy.lockout)
    if asked is Bar.USUAL and door.presentation is not None and door.presentation.locked:
        asked = Bar.RAISED
    if asked is Bar.SHUT:
        return None
    return policy if asked is Bar.USUAL else policy.raised()


def arrive(door: Door, seen: Observation, policy: Policy) -> tuple[Door, Presentation, tuple[Event, ...]]:
    """Take a face that can be judged for the one of before, or for another, whose visit begins.

    Args:
        door: as it was before this frame.
        seen: a frame that has passed all gates.
        policy: the usual rules.

    Returns:
        the door, with the visit that the frame belongs to, and what is to be told of one that has ended.
    """
    visit, events = door.presentation, tuple[Event, ...]()
    if visit is not None and door.challenge is not None:  # which sees for itself whose face it is
        visit = replace(visit, seen_at=door.at)
        return replace(door, presentation=visit), visit, ()
    looking = _looking(seen.head, policy)
    if visit is not None and visit.let_in and not visit.lately(door.at, policy.regrant_seconds):
        visit = Presentation(door.at, track=visit.track, face=visit.face)  # who stays is looked at again
    if (
        visit is not None
        and (looking or seen.track != visit.track)
        and _unlike(visit.face, seen.probe, policy)
    ):
        door, events = _end(door, visit, policy)
        visit = _other(visit, seen.probe, door.at, policy)
        door = replace(door, person=None, evidence=())
    elif visit is not None and _perhaps_in_person(visit, seen, door.at, policy):
        visit = Presentation(door.at, granted=visit.granted, aside=visit.aside)
    visit = visit or Presentation(door.at)
    if looking and seen.probe is not None and not looked_enough(visit, policy):
        visit = replace(visit, face=seen.probe)
    visit = replace(visit, seen_at=door.at, track=seen.track)
    if visit.looked >= policy.attempt_seconds and not (visit.let_in or visit.over):
        door, more = _end(door, visit, policy)
        events = (*events, *more)
        visit = replace(visit, over=True, charged_at=min(visit.charged_at, door.at), denial_told=True)
    if not visit.locked and locked_out(door.lockout, seen.probe, door.at, policy.lockout):
        visit = replace(visit, locked=True)
    return replace(door, presentation=visit), visit, events


def leave(door: Door, policy: Policy) -> tuple[Door, tuple[Event, ...]]:
    """End the presentation once nobody has been seen for long enough, and let evidence grow old."""
    visit = door.presentation
    if visit is not None and door.at - visit.seen_at >= policy.gone_seconds:
        door, events = _end(door, visit, policy)
        return replace(door, presentation=None, person=None, evidence=()), events
    if visit is not None and visit.barred:
        door = replace(door, presentation=visit.without_gone(door.at, policy.gone_seconds))
    fresh = tuple(
        e
        for e in door.evidence
        if door.at - e.at <= policy.confirm_seconds
        # By the rules as they are now: a reload or a lock may have made them stricter.
        and e.score >= policy.threshold
        and (e.margin is None or e.margin >= policy.lead_asked(e.lookalike))
    )
    return replace(door, evidence=fresh, person=door.person if fresh else None), ()


def looks(visit: Presentation, seen: Observation, policy: Policy) -> Presentation:
    """Count how long the face has looked at the camera."""
    return visit.looks(seen.at, _looking(seen.head, policy))


def looked_enough(visit: Presentation, policy: Policy) -> bool:
    """Whether the visit is an attempt: let in or counted."""
    return visit.looked >= policy.dwell_seconds - TINY


def refuse(
    door: Door, visit: Presentation, match: Match, reason: Reason, policy: Policy, detail: str = ""
) -> tuple[Door, Decision]:
    """A face that may not pass: start the count again, and tell a denial once a presentation."""
    named = reason in (Reason.DENIED, Reason.SCHEDULE, Reason.SPOOF, Reason.CHALLENGE_FAILED)
    person = match.person if named else None
    events: tuple[Event, ...] = ()
    leaving = visit.let_in and door.state is DoorState.RELEASED
    if not leaving:  # someone let in who turns away through the open door is no stranger
        near = match.person if reason in _NEARLY and match.score >= policy.threshold - policy.near else None
        told = Refusal(
            *(reason, person, 1, match.score, match.margin, detail),
            nearest=match.person,
            lookalike=match.lookalike,
            raised=policy.under_lock,
        )
        visit = visit.refused(told, door.at, near)
        many = visit.refused_in_a_row >= policy.confirm_frames
        tells = many and (reason is Reason.LOCKED_OUT or looked_enough(visit, policy))
        if tells and not visit.denial_told and door.at - visit.refused_since >= policy.confirm_seconds:
            visit = replace(visit, denial_told=True)
            lockout = door.lockout
            if reason is Reason.LOCKED_OUT:
                door = replace(door, lockout=replace(lockout, refused=lockout.refused + 1))
            if reason is not Reason.LOCKED_OUT or not lockout.refused:
                events = (visit.denial(door.at),)
    door = replace(door, person=None, evidence=(), presentation=visit)
    return door, Decision(reason, events=events, person=person, score=match.score)


def bar_person(
    door: Door,
    person: Person,
    reason: Reason,
    detail: str,
    score: float,
    margin: float | None,
    policy: Policy,
) -> tuple[Door, Decision]:
    """Refuse a person for the rest of this visit, tell it at once, and count it."""
    visit = door.presentation or Presentation(door.at)
    outcome = Outcome.SPOOF if reason is Reason.SPOOF else Outcome.CHALLENGE
    events: tuple[Event, ...] = (
        Event(
            *(EventKind.ACCESS_DENIED, door.at, person, reason, score, margin, detail),
            nearest=person,
            raised=policy.under_lock,
        ),
    )
    lockout, locks = charge(door.lockout, outcome, door.at, policy.lockout, person=person)
    barred = (*visit.barred, (person, reason, door.at))
    visit = replace(visit, barred=barred, denial_told=True, charged_at=min(visit.charged_at, door.at))
    door = replace(door, person=None, evidence=(), presentation=visit, challenge=None, lockout=lockout)
    return door, Decision(reason, events=(*events, *locks), person=person, score=score)


def begin_challenge(
    door: Door, drawn: Draw, drawing: tuple[Person, int] | None, policy: Policy
) -> tuple[Door, Decision]:
    """Begin the challenge that the last frame asked for, and no other."""
    late = door.at - door.observed_at > policy.challenge.gap_seconds
    if drawing is None or late or rules_of(door, policy) is None:
        return door, Decision(Reason.NO_FACE)
    person, track = drawing
    challenge = begin(person, track, drawn.number, door.at, policy.challenge)
    return replace(door, challenge=challenge), Decision(Reason.CHALLENGED, person=person)


def lapse(door: Door, policy: Policy) -> tuple[Door, tuple[Event, ...]]:
    """End a challenge whose time is up, whatever has come in."""
    challenge = door.challenge
    failure = overdue(challenge, door.at, policy.challenge) if challenge else None
    if challenge is None or failure is None:
        return door, ()
    door, decision = lose_challenge(door, replace(challenge, failure=failure), None, policy)
    return door, decision.events


def lose_challenge(
    door: Door, challenge: Challenge, margin: float | None, policy: Policy
) -> tuple[Door, Decision]:
    """A challenge that was not passed."""
    reason = Reason.SPOOF if challenge.failure is Failure.SPOOF else Reason.CHALLENGE_FAILED
    told = challenge.describe()
    return bar_person(door, challenge.person, reason, told, challenge.weakest, margin, policy)


def _end(door: Door, visit: Presentation, policy: Policy) -> tuple[Door, tuple[Event, ...]]:
    """Tell and count a visit that was long enough for an attempt, and failed."""
    if not looked_enough(visit, policy) or visit.let_in or visit.charged:
        return door, ()
    told = () if visit.denial_told else (visit.denial(door.at),)
    if visit.main.reason is Reason.SCHEDULE:  # no attempt to be somebody else
        return door, told
    outcome, person, face = visit.outcome, visit.main.person, None
    if (
        outcome is Outcome.STRANGER
        and visit.recognised is not None
        and visit.confirmed >= visit.refused_frames
    ):
        # Somebody known, or a picture of them, that went before it was clear which.
        outcome, person = Outcome.CHALLENGE, visit.recognised
    elif outcome is Outcome.STRANGER:
        # A face that is nearly somebody's is not remembered: nobody known is locked out by a picture.
        person, face = visit.nearly, visit.face if visit.nearly is None else None
    lockout, locks = charge(door.lockout, outcome, door.at, policy.lockout, face=face, person=person)
    return replace(door, lockout=lockout), (*told, *locks)


def _other(visit: Presentation, face: Vector | None, at: float, policy: Policy) -> Presentation:
    """The visit of another face: one that goes on, or a new one. The one of before was counted."""
    aside = tuple(one for one in visit.aside if at - one.seen_at < ASIDE_SECONDS)
    back = next((one for one in aside if one.face is not None and not _unlike(one.face, face, policy)), None)
    charged_at = min(visit.charged_at, at) if looked_enough(visit, policy) else visit.charged_at
    left = replace(visit, aside=(), charged_at=charged_at, looking_at=-inf)
    rest = (*(one for one in aside if one is not back), left)[-MOST_ASIDE:]
    return replace(back or Presentation(at), granted=visit.granted, barred=visit.barred, aside=rest)


def _perhaps_in_person(visit: Presentation, seen: Observation, at: float, policy: Policy) -> bool:
    """Whether somebody known may stand before a picture of theirs that was refused, and still hangs there.

    It is another attempt, and counted. A stranger's visit goes on, however often the face is lost from sight.
    """
    known = visit.recognised is not None or bool(visit.barred)
    return known and seen.track != visit.track and at - visit.charged_at >= policy.gone_seconds


def _unlike(before: Vector | None, now: Vector | None, policy: Policy) -> bool:
    """Whether two faces are surely not the same one's."""
    if before is None or now is None or before.shape != now.shape:
        return False
    return float(before @ now) < policy.lockout.alike


def _looking(head: Head | None, policy: Policy) -> bool:
    return head is None or (abs(head.yaw) <= policy.look_yaw and abs(head.pitch) <= policy.look_pitch)
