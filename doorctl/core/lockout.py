"""Who has tried too often: failed attempts become locks, as values.

An attempt is one presentation, however long it lasts. Too many failed ones of one face lock that
face out, too many of anybody lock the door down; each further one within reach of the others locks
for twice as long. While a lock holds, whoever it concerns is refused at once and nothing is counted.

Where ``known_people_pass`` holds, a lock bars no known person: it raises the threshold and asks for
a challenge. So no number of strangers or pictures keeps a known, living person out.

The counts are those of NIST SP 800-63B-4 (2025), 3.2.3.3, for biometrics: at most 5 failed attempts
in a row, or 10 where presentation attacks are detected, and from then on at least 30 seconds before
each further one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import inf

import numpy as np

from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Person, Vector

STRANGERS = 64
"""So many faces are remembered at most: more than the door lets try before it locks itself down."""

SHORT = 3
"""So many visits in a row that nearly match a person, and never do, are told."""


@dataclass(frozen=True, slots=True)
class LockoutRules:
    """Limits. Seconds, unless said otherwise; see ``config/doorctl.yaml``."""

    face_failures: int = 5
    """Failed attempts of one unknown face, after which it is locked out."""
    face_seconds: float = 30.0
    door_failures: int = 10
    """Failed attempts of anybody within ``window_seconds``, after which the door is locked down."""
    door_spoofs: int = 3
    """Pictures of known people within ``window_seconds``, after which it is, too."""
    window_seconds: float = 300.0
    door_seconds: float = 60.0
    longest_seconds: float = 900.0
    """No lock is longer, however often it was doubled."""
    memory_seconds: float = 3600.0
    """So long after the last failed attempt a face, or that there were locks, is forgotten."""
    known_people_pass: bool = True
    """Whether known people are let in meanwhile, at a raised threshold and with a challenge."""
    max_seconds: float = 3600.0
    """In a row the door is shut for everybody for no longer; then known people pass."""
    until_cleared: bool = False
    """Whether a lockdown lasts until an operator ends it."""
    alike: float = 0.5
    """Cosine from which two faces of strangers count as the same one's."""


class Outcome(Enum):
    """What made an attempt fail."""

    STRANGER = "stranger"
    DENIED = "denied"
    CHALLENGE = "challenge"
    SPOOF = "spoof"


class Bar(Enum):
    """What the door asks of whoever comes now."""

    USUAL = "usual"
    RAISED = "raised"
    """A raised threshold and a challenge."""
    SHUT = "shut"
    """Nobody is let in."""


@dataclass(frozen=True, slots=True, eq=False)
class Stranger:
    """An unknown face that failed. Kept in memory alone."""

    face: Vector
    failures: int
    at: float
    """When it failed last."""
    until: float = -inf
    """It is locked out until then."""


@dataclass(frozen=True, slots=True, eq=False)
class Lockout:
    """Failed attempts, and the locks that they have led to. Times on the scale of ``Frame.at``."""

    failures: tuple[float, ...] = ()
    """When attempts failed, the latest last: no more than can count."""
    spoofs: tuple[float, ...] = ()
    locks: int = 0
    """How many lockdowns there were in a row: each lasts twice as long as the one before."""
    until: float = -inf
    """The door is locked down until then."""
    since: float = inf
    """When the first of those lockdowns began that followed one another without a pause."""
    last: float = -inf
    """When an attempt failed last."""
    down: bool = False
    """Whether a lockdown was told that has not ended yet."""
    refused: int = 0
    """Visits that were refused at once since the last lock began: the first of them is told."""
    suspects: frozenset[int] = frozenset()
    """Numbers of people who are asked for a challenge next time: a picture of them was shown."""
    strangers: tuple[Stranger, ...] = ()
    short: tuple[tuple[int, int], ...] = ()
    """Numbers of people who fell short, and how often in a row."""
    ordered: bool = False
    """Whether an operator has shut the door for everybody, until an operator ends it."""

    def moved(self, seconds: float) -> Lockout:
        """The same on a scale of time that was set forward by so much."""
        return replace(
            self,
            failures=tuple(at + seconds for at in self.failures),
            spoofs=tuple(at + seconds for at in self.spoofs),
            until=self.until + seconds,
            since=self.since + seconds,
            last=self.last + seconds,
            strangers=tuple(replace(s, at=s.at + seconds, until=s.until + seconds) for s in self.strangers),
        )


def bar(lockout: Lockout, at: float, rules: LockoutRules) -> Bar:
    """What the lockdown asks of everybody at a time."""
    if lockout.ordered:
        return Bar.SHUT
    if not _locked_down(lockout, at, rules):
        return Bar.USUAL
    long = at - lockout.since >= rules.max_seconds and not rules.until_cleared
    return Bar.RAISED if rules.known_people_pass or long else Bar.SHUT


def locked_out(lockout: Lockout, face: Vector | None, at: float, rules: LockoutRules) -> bool:
    """Whether a face is that of a stranger who is locked out."""
    here = _find(lockout.strangers, face, rules)
    return here is not None and at < lockout.strangers[here].until


def charge(
    lockout: Lockout,
    outcome: Outcome,
    at: float,
    rules: LockoutRules,
    *,
    face: Vector | None = None,
    person: Person | None = None,
) -> tuple[Lockout, tuple[Event, ...]]:
    """Count a failed attempt, once.

    Args:
        lockout: what was counted before.
        outcome: what made it fail.
        at: when it ended, seconds.
        rules: the limits.
        face: a template of a stranger's face, of unit length.
        person: of whom a picture was shown, who failed a challenge, or whom a stranger nearly matched.
    """
    lockout = _recent(lockout, at, rules)
    spoofs = (*lockout.spoofs, at) if outcome is Outcome.SPOOF else lockout.spoofs
    failures = (*lockout.failures, at)
    lockout = replace(
        lockout, failures=failures[-rules.door_failures :], spoofs=spoofs[-rules.door_spoofs :], last=at
    )
    events: tuple[Event, ...] = ()
    if outcome is Outcome.STRANGER:
        lockout, events = _remember(lockout, face, at, rules)
        lockout, short = _fell_short(lockout, person, at)
        events = (*events, *short)
    elif outcome is not Outcome.DENIED and person is not None:
        lockout = replace(lockout, suspects=lockout.suspects | {person.id})
    if len(lockout.failures) >= rules.door_failures or len(lockout.spoofs) >= rules.door_spoofs:
        lockout, down = _lock_down(lockout, at, rules)
        events = (*events, down)
    return lockout, events


def succeeded(lockout: Lockout, person: Person, face: Vector | None, rules: LockoutRules) -> Lockout:
    """Somebody was let in: what was held against them is forgotten, and nothing else."""
    here = _find(lockout.strangers, face, rules)
    return replace(
        lockout,
        suspects=lockout.suspects - {person.id},
        short=tuple(one for one in lockout.short if one[0] != person.id),
        strangers=tuple(s for place, s in enumerate(lockout.strangers) if place != here),
    )


def settled(lockout: Lockout, at: float, rules: LockoutRules) -> tuple[Lockout, tuple[Event, ...]]:
    """What is left at a time: what is long past is forgotten, and a lockdown that has ended is told."""
    if lockout.strangers and any(at - s.at >= rules.memory_seconds for s in lockout.strangers):
        kept = tuple(s for s in lockout.strangers if at - s.at < rules.memory_seconds)
        lockout = replace(lockout, strangers=kept)
    if lockout.failures and at - lockout.failures[0] >= rules.window_seconds:
        lockout = _recent(lockout, at, rules)
    if not lockout.locks or _locked_down(lockout, at, rules):
        return lockout, ()
    events: tuple[Event, ...] = ()
    if lockout.down:
        told = f"refused at once: {lockout.refused}"
        events = (Event(EventKind.LOCKDOWN_ENDED, at, detail=told),)
        lockout = replace(lockout, down=False)
    if at - lockout.last >= rules.memory_seconds:
        lockout = replace(lockout, locks=0, until=-inf, since=inf)
    return lockout, events


def _locked_down(lockout: Lockout, at: float, rules: LockoutRules) -> bool:
    return at < lockout.until or (rules.until_cleared and lockout.down)


def _recent(lockout: Lockout, at: float, rules: LockoutRules) -> Lockout:
    return replace(
        lockout,
        failures=tuple(then for then in lockout.failures if at - then < rules.window_seconds),
        spoofs=tuple(then for then in lockout.spoofs if at - then < rules.window_seconds),
    )


def _doubled(seconds: float, times: int, rules: LockoutRules) -> float:
    return float(min(rules.longest_seconds, seconds * 2.0 ** min(times, 30)))


def _lock_down(lockout: Lockout, at: float, rules: LockoutRules) -> tuple[Lockout, Event]:
    seconds = _doubled(rules.door_seconds, lockout.locks, rules)
    follows = at - lockout.until < rules.window_seconds
    told = f"for {seconds:g} s" if not rules.until_cleared else "until an operator clears it"
    counts = f"failed attempts: {len(lockout.failures)}, pictures: {len(lockout.spoofs)}"
    event = Event(EventKind.LOCKED_DOWN, at, detail=f"{told}; {counts}")
    lockout = replace(
        lockout,
        locks=lockout.locks + 1,
        until=max(lockout.until, at + seconds),
        since=lockout.since if follows else at,
        down=True,
        refused=0,
    )
    return lockout, event


def _remember(
    lockout: Lockout, face: Vector | None, at: float, rules: LockoutRules
) -> tuple[Lockout, tuple[Event, ...]]:
    """Count a stranger's failure with those of the same face."""
    if face is None or not np.isfinite(face).all():
        return lockout, ()
    here = _find(lockout.strangers, face, rules)
    # The first sight of a face stays: a template that follows the face could be led to another.
    known = Stranger(face, 0, at) if here is None else lockout.strangers[here]
    failures = known.failures + 1
    known, events = replace(known, failures=failures, at=at), tuple[Event, ...]()
    if failures >= rules.face_failures:
        seconds = _doubled(rules.face_seconds, failures - rules.face_failures, rules)
        told = f"an unknown face for {seconds:g} s; failed attempts: {failures}"
        known, events = replace(known, until=at + seconds), (Event(EventKind.LOCKED_OUT, at, detail=told),)
        lockout = replace(lockout, refused=0)
    others = [s for place, s in enumerate(lockout.strangers) if place != here]
    return replace(lockout, strangers=(*_fewer(others, at), known)), events


def _fewer(strangers: Sequence[Stranger], at: float) -> list[Stranger]:
    """Room for one more: whoever is locked out stays, and of the others those who failed last."""
    return sorted(strangers, key=lambda s: (at < s.until, s.at))[-(STRANGERS - 1) :]


def _fell_short(lockout: Lockout, person: Person | None, at: float) -> tuple[Lockout, tuple[Event, ...]]:
    """Count a visit that nearly matched a person; tell it when there were several."""
    if person is None:
        return lockout, ()
    counts = dict(lockout.short)
    counts[person.id] = counts.pop(person.id, 0) + 1
    lockout = replace(lockout, short=tuple(counts.items())[-STRANGERS:])
    if counts[person.id] % SHORT:
        return lockout, ()
    told = f"visits in a row: {counts[person.id]}; more photos, or better ones, would help"
    return lockout, (Event(EventKind.FALLS_SHORT, at, person, detail=told),)


def _find(strangers: Sequence[Stranger], face: Vector | None, rules: LockoutRules) -> int | None:
    """The remembered face that is most like this one, if it is like enough."""
    if face is None or not strangers:
        return None
    likeness = [float(s.face @ face) if s.face.shape == face.shape else -inf for s in strangers]
    best = max(range(len(strangers)), key=lambda place: likeness[place])
    # Written so that a NaN, which compares false with everything, is like nobody.
    return best if likeness[best] >= rules.alike else None
