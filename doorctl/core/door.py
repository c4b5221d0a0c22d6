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

Who tries too often is refused at once for a while, and so is everyone but known people, of
whom more is asked meanwhile (``core.lockout``). A face must look at the camera for
``dwell_seconds``; whoever did and was not let in has failed an attempt (``core.attempt``).
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite

from doorctl.core.attempt import (
    arrive,
    bar_person,
    begin_challenge,
    lapse,
    leave,
    looked_enough,
    looks,
    lose_challenge,
    refuse,
    rules_of,
)
from doorctl.core.challenge import Challenge, Failure, Phase, advance
from doorctl.core.decision import Cause, Decision, Event, EventKind, Release
from doorctl.core.gallery import NOBODY
from doorctl.core.inputs import Clear, Command, Draw, Hold, Input, Line, Noise, Shut, Switched, Tick
from doorctl.core.judgement import is_new, judge
from doorctl.core.liveness import Finding, LivenessMode, Verdict, assess
from doorctl.core.lockout import settled, succeeded
from doorctl.core.orders import bounded, expire, obey, refused, worded
from doorctl.core.passage import held_open, noisy, passed, released, switched
from doorctl.core.policy import Policy
from doorctl.core.records import Gate, Match, Observation, Person, Reason
from doorctl.core.state import Door, DoorState
from doorctl.core.visit import Evidence, Presentation, Refusal, granted

HOLD_SECONDS = 10.0
"""A release for a fire alarm is renewed in time, and ends so long after the last that was told of it."""

_THERE = {Gate.TOO_LARGE, Gate.BLURRED, Gate.TOO_DARK, Gate.TOO_BRIGHT}
"""A face is there, near and in view, that cannot be judged: nobody has gone."""


def step(door: Door, fact: Input, policy: Policy) -> tuple[Door, Decision]:
    """Take one input. Total: no input, however odd, raises or releases by accident."""
    if not isfinite(fact.at):
        return replace(door, person=None, evidence=(), drawing=None), Decision(Reason.STALE)
    # A wire tells since when it has its level, and may have waited to be asked.
    heard = isinstance(fact, Switched | Noise)
    went_back = not heard and fact.at < door.at - policy.max_latency_seconds
    drawing = door.drawing
    door = door.set_back(fact.at) if went_back else replace(door, at=max(door.at, fact.at), drawing=None)
    lockout, unlocked = settled(door.lockout, door.at, policy.lockout)
    passage = held_open(door.passage, door.at, 0.0) if door.is_held else door.passage
    passage, waited = passed(passage, door.at, policy.passage)
    door = replace(door, lockout=lockout, passage=passage)
    rules = rules_of(door, policy) or policy.raised()
    door, lapsed = lapse(door, rules)
    door, ended = leave(door, rules)
    door, expired = expire(door)
    if isinstance(fact, Command):
        door, decision = _command(door, fact, policy)
    elif isinstance(fact, Hold | Shut | Clear):
        door, decision = obey(door, fact, policy)
    elif isinstance(fact, Draw):
        door, decision = begin_challenge(door, fact, None if went_back else drawing, policy)
    elif isinstance(fact, Switched):
        door, decision = _switched(door, fact, policy)
    elif isinstance(fact, Noise):
        passage, faulty = noisy(door.passage, fact, door.at)
        door, decision = replace(door, passage=passage), Decision(Reason.SWITCHED, events=faulty)
    elif went_back:
        decision = Decision(Reason.CLOCK_WENT_BACK)
    elif isinstance(fact, Tick):
        decision = Decision(Reason.NO_FACE)
    elif not is_new(fact, door.observed_at, policy):
        door, decision = replace(door, person=None, evidence=()), Decision(Reason.STALE)
    elif fact.gate is not Gate.PASSED:
        door, decision = replace(door, observed_at=fact.at), Decision(judge(fact, policy))
        if door.presentation is not None and fact.gate in _THERE:
            visit = replace(door.presentation.still_there(door.at), seen_at=door.at)
            door = replace(door, presentation=visit)
    else:
        door, decision = _look(replace(door, observed_at=fact.at), fact, policy)
    door, decision = _watched(*_held_open(door, decision, policy), policy)
    return door, replace(decision, events=(*unlocked, *waited, *lapsed, *ended, *expired, *decision.events))


def _look(door: Door, fact: Observation, policy: Policy) -> tuple[Door, Decision]:
    """A frame of a face that can be judged."""
    door, visit, came = arrive(door, fact, policy)
    rules, match = rules_of(door, policy), fact.match or NOBODY
    reason, late = judge(fact, rules or policy), ""
    if reason is Reason.CONFIRMING and match.person is not None:
        late = policy.out_of_hours(match.person, fact)
        reason = Reason.SCHEDULE if late else reason
    shut = rules is not policy and reason is not Reason.CONFIRMING and door.challenge is None
    if visit.over:
        decision = Decision(Reason.ATTEMPT_OVER, score=match.score)
    elif rules is None or shut:
        # Refused at once and not counted: an attempt is what might have been let in.
        door = replace(door, challenge=None)
        door, decision = refuse(door, visit, match, Reason.LOCKED_OUT, policy)
    else:
        visit = looks(visit, fact, rules)
        door = replace(door, presentation=visit)
        if door.challenge is not None:
            door, decision = _challenged(door, door.challenge, fact, reason, rules)
        elif reason is Reason.CONFIRMING and match.person is not None:
            door, decision = _confirm(door, visit, fact, match, match.person, rules)
        else:
            door, decision = refuse(door, visit, match, reason, rules, late)
    return door, replace(decision, events=(*came, *decision.events))


def _command(door: Door, command: Command, policy: Policy) -> tuple[Door, Decision]:
    """A release that was asked for, by an operator or at the exit button."""
    if command.cause is Cause.RECOGNISED:
        return door, Decision(Reason.UNKNOWN_PERSON)  # only evidence may claim that cause
    if command.cause is Cause.UNLOCK and door.lockout.ordered:
        return refused(door, worded(command, None))
    seconds = bounded(command.seconds, policy.open_seconds, policy.max_unlock_seconds)
    if seconds <= 0:
        return door, Decision(Reason.COMMANDED)
    release = Release(command.cause, seconds)
    event = Event(EventKind.UNLOCKED, door.at, reason=Reason.COMMANDED, detail=worded(command, seconds))
    return door.released(seconds), Decision(Reason.COMMANDED, release, (event,))


def _switched(door: Door, fact: Switched, policy: Policy) -> tuple[Door, Decision]:
    """A wire has another level: the exit button releases, a door that closes behind somebody locks."""
    leaf, rules = door.passage.leaf, policy.passage
    passage, events = switched(door.passage, fact, door.at, rules)
    door = replace(door, passage=passage)
    if fact.line is Line.REX and not fact.first and passage.believes(Line.REX):
        if rules.rex_releases:
            door, decision = _command(door, Command(door.at, Cause.REX), policy)
            return door, replace(decision, events=(*events, *decision.events))
        # The wiring releases it.
        passage, more = released(passage, door.at, policy.open_seconds, Cause.REX.value, None, rules)
        door, events = replace(door, passage=passage), (*events, *more)
    behind_them = (
        leaf is not None and leaf.sole and passage.leaf is None and passage.released_at <= leaf.since
    )
    if behind_them and door.state is DoorState.RELEASED:
        door = replace(door, released_until=door.at, passage=replace(passage, may_open_until=door.at))
        return door, Decision(Reason.SWITCHED, events=events, relock=True)
    return door, Decision(Reason.SWITCHED, events=events)


def _fire(door: Door, policy: Policy) -> bool:
    """Whether a fire alarm holds the door released. One that pulses is one: it is not the time for doubts."""
    burns = Line.FIRE in door.passage.on or Line.FIRE in door.passage.unreliable
    return policy.passage.fire_releases and burns


def _held_open(door: Door, decision: Decision, policy: Policy) -> tuple[Door, Decision]:
    """In a fire alarm, if the owner has said so, and on an operator's word it is released again and again."""
    fire = _fire(door, policy)
    end = inf if fire else door.held_until
    if end <= door.at:
        return door, decision
    decision = replace(decision, relock=False)
    if decision.release is not None or door.released_until >= min(door.at + HOLD_SECONDS / 2, end):
        return door, decision
    seconds = min(HOLD_SECONDS, end - door.at)
    release = Release(Cause.FIRE if fire else Cause.HOLD, seconds)
    return door.released(seconds), replace(decision, release=release)


def _watched(door: Door, decision: Decision, policy: Policy) -> tuple[Door, Decision]:
    """A release is made known to whatever watches the door's leaf."""
    release = decision.release
    if release is None:
        return door, decision
    if release.cause in (Cause.FIRE, Cause.HOLD):
        return replace(door, passage=held_open(door.passage, door.at, release.seconds)), decision
    who = decision.person if release.cause is Cause.RECOGNISED else None
    passage, events = released(
        *(door.passage, door.at, release.seconds, release.cause.value, who, policy.passage),
        extended=policy.is_extended(who),
    )
    return replace(door, passage=passage), replace(decision, events=(*decision.events, *events))


def _confirm(
    door: Door, visit: Presentation, fact: Observation, match: Match, person: Person, policy: Policy
) -> tuple[Door, Decision]:
    """A frame that speaks for a person: count it, and grant when there are enough and they show life."""
    if why := visit.why_barred(person):
        return refuse(door, visit.still_there(door.at, person), match, why, policy)
    if person.id in door.lockout.suspects:  # a picture of them was shown
        policy = replace(policy, liveness=LivenessMode.CHALLENGE)
    visit = replace(visit.recognises(person), refused_in_a_row=0, refused_since=inf)
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
    if len(evidence) < policy.frames_asked(match.lookalike) or not looked_enough(visit, policy):
        return door, decision
    if any(who == person for who, _ in visit.lately(door.at, policy.regrant_seconds)):
        door = replace(door, presentation=replace(visit, let_in=True))
        return door, replace(decision, reason=Reason.ALREADY_GRANTED)
    weakest = min(evidence, key=lambda e: e.score)
    found = assess([(e.at, e.life) for e in evidence], policy.passive)
    if policy.liveness is LivenessMode.OFF or (found.verdict is Verdict.LIVE and policy.nets_decide):
        return _grant(door, person, weakest, found.describe(), policy)
    if found.verdict is Verdict.SPOOF:
        told = found.describe()
        return bar_person(door, person, Reason.SPOOF, told, weakest.score, weakest.margin, policy)
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
        return replace(door, presentation=visit.refused(told, door.at, person)), replace(
            decision, reason=Reason.LIVENESS_UNSURE
        )
    return door, decision


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
    door = replace(door, challenge=challenge)
    if challenge.phase is Phase.FAILED:
        return lose_challenge(door, challenge, match.margin, policy)
    if challenge.phase is not Phase.PASSED:
        return door, Decision(Reason.CHALLENGED, person=challenge.person, score=match.score)
    # By the rules as they are now: a reload may have made them stricter.
    if challenge.weakest < policy.threshold:
        return lose_challenge(door, replace(challenge, failure=Failure.SWAPPED), match.margin, policy)
    weakest = Evidence(door.at, challenge.weakest, match.margin, match.lookalike)
    return _grant(door, challenge.person, weakest, challenge.describe(), policy)


def _grant(
    door: Door, person: Person, weakest: Evidence, detail: str, policy: Policy
) -> tuple[Door, Decision]:
    """Let a person in: the one place where a face releases the strike."""
    visit = door.presentation or Presentation(door.at)
    before = visit.lately(door.at, policy.regrant_seconds)
    release = Release(Cause.RECOGNISED, policy.open_for(person))
    event = granted(person, weakest, detail, door.at, raised=policy.under_lock)
    lockout = succeeded(door.lockout, person, visit.face, policy.lockout)
    visit = visit.was_let_in(door.at, (*before, (person, door.at)))
    door = door.released(release.seconds)
    door = replace(door, person=None, evidence=(), presentation=visit, challenge=None, lockout=lockout)
    return door, Decision(Reason.RECOGNISED, release, (event,), person, weakest.score)
