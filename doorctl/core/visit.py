"""One face's visit to the door, and how its refusals are counted and told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from doorctl.core.records import Event, EventKind, Liveness, Person, Reason


@dataclass(frozen=True, slots=True)
class Evidence:
    """One frame that speaks for letting the person in."""

    at: float
    score: float
    margin: float | None
    lookalike: bool
    """Whether more was asked of the person, for a likeness in the gallery, when it was judged."""
    life: Liveness = Liveness()
    track: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Frames of a presentation that were refused for one reason."""

    reason: Reason
    person: Person | None
    frames: int
    score: float
    margin: float | None
    detail: str = ""


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
    barred: tuple[tuple[Person, Reason, float], ...] = ()
    """Who was found to be a picture, or failed a challenge, and when they were last there: one presentation,
    one verdict."""

    def lately(self, at: float, seconds: float) -> tuple[tuple[Person, float], ...]:
        """Who was let in so short a time ago that they are not let in again."""
        return tuple((who, then) for who, then in self.granted if at - then < seconds)

    def why_barred(self, person: Person) -> Reason | None:
        """Why this person cannot be let in during this visit, if so."""
        return next((reason for who, reason, _ in self.barred if who.id == person.id), None)

    def still_there(self, at: float, person: Person | None = None) -> Presentation:
        """Whoever is barred, or this one of them, is there at ``at``: it is the same visit."""
        barred = tuple(
            (who, reason, at if person is None or who.id == person.id else then)
            for who, reason, then in self.barred
        )
        return replace(self, barred=barred)

    def without_gone(self, at: float, seconds: float) -> Presentation:
        """Whoever was barred and has been away for so long may try again."""
        return replace(self, barred=tuple(one for one in self.barred if at - one[2] < seconds))

    def refused(self, new: Refusal, at: float) -> Presentation:
        """One more refused frame."""
        return replace(
            self,
            refusals=_add(self.refusals, new),
            refused_in_a_row=self.refused_in_a_row + 1,
            refused_since=min(self.refused_since, at),
        )

    @property
    def refused_frames(self) -> int:
        return sum(refusal.frames for refusal in self.refusals)

    def denial(self, at: float) -> Event:
        """What the refusals come to: the reason met most often, the more severe of two met equally."""
        main = max(self.refusals, key=lambda r: (r.frames, -_SEVERITY.index(r.reason)))
        return Event(
            EventKind.ACCESS_DENIED, at, main.person, main.reason, main.score, main.margin, main.detail
        )


_SEVERITY = (
    Reason.SPOOF,
    Reason.CHALLENGE_FAILED,
    Reason.DENIED,
    Reason.UNKNOWN_PERSON,
    Reason.AMBIGUOUS,
    Reason.LIVENESS_UNSURE,
)
"""Which reason names a presentation when two were met equally often."""


def _add(refusals: tuple[Refusal, ...], new: Refusal) -> tuple[Refusal, ...]:
    """Count a refused frame with those of its kind; the highest score stands for them all."""
    for i, old in enumerate(refusals):
        if (old.reason, old.person) == (new.reason, new.person):
            best = max(old, new, key=lambda r: r.score)
            return (*refusals[:i], replace(best, frames=old.frames + 1), *refusals[i + 1 :])
    return (*refusals, new)
