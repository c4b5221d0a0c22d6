"""One face's visit to the door, and how its refusals are counted and told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from doorctl.core.decision import Event, EventKind
from doorctl.core.lockout import Outcome
from doorctl.core.records import Liveness, Person, Reason, Vector

GLANCE_SECONDS = 0.5
"""Between two frames that look at the camera no more than this counts as looking."""


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
    nearest: Person | None = None
    """Whom the face was most like."""
    lookalike: bool = False
    raised: bool = False
    """Whether more was asked, since there was a lock."""


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
    track: int = 0
    face: Vector | None = field(default=None, compare=False)
    """The face's template when it had looked for long enough to try: one that followed the face could be led
    to another."""
    recognised: Person | None = None
    """Whom frames showed well enough to be let in, life apart."""
    confirmed: int = 0
    """How many did."""
    looked: float = 0.0
    """Seconds for which it has looked at the camera and was judged."""
    looking_at: float = -inf
    """When it was last seen to look at the camera, if it has not looked away since."""
    near: tuple[tuple[Person, int], ...] = ()
    """Whom refused frames nearly matched, and how many."""
    locked: bool = False
    """Whether it is the face of a stranger who is locked out."""
    let_in: bool = False
    charged_at: float = inf
    """When it was counted as a failed attempt, if it was."""
    over: bool = False
    """Whether it has had its time."""
    aside: tuple[Presentation, ...] = field(default=(), compare=False)
    """Visits of other faces of a moment ago: people stand side by side, and are nearest by turns."""

    @property
    def charged(self) -> bool:
        """Whether it was counted as a failed attempt."""
        return self.charged_at < inf

    def lately(self, at: float, seconds: float) -> tuple[tuple[Person, float], ...]:
        """Who was let in so short a time ago that they are not let in again."""
        return tuple((who, then) for who, then in self.granted if at - then < seconds)

    def why_barred(self, person: Person) -> Reason | None:
        """Why this person cannot be let in during this visit, if so."""
        return next((reason for who, reason, _ in self.barred if who.id == person.id), None)

    def recognises(self, person: Person) -> Presentation:
        """One more frame that shows somebody well enough."""
        return replace(self, recognised=person, confirmed=self.confirmed + 1)

    def was_let_in(self, at: float, granted: tuple[tuple[Person, float], ...]) -> Presentation:
        """What goes on of a visit when somebody is let in during it."""
        kept = Presentation(at, granted=granted, barred=self.barred, track=self.track, face=self.face)
        return replace(kept, let_in=True, aside=self.aside)

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

    def looks(self, at: float, looking: bool) -> Presentation:
        """One more frame that is judged, in which the face looks at the camera or does not."""
        gained = min(at - self.looking_at, GLANCE_SECONDS) if looking and self.looking_at > -inf else 0.0
        return replace(self, looked=self.looked + max(0.0, gained), looking_at=at if looking else -inf)

    def refused(self, new: Refusal, at: float, near: Person | None = None) -> Presentation:
        """One more refused frame; ``near``: whom it nearly matched."""
        counts = dict(self.near)
        if near is not None:
            counts[near] = counts.get(near, 0) + 1
        return replace(
            self,
            refusals=_add(self.refusals, new),
            refused_in_a_row=self.refused_in_a_row + 1,
            refused_since=min(self.refused_since, at),
            near=tuple(counts.items()),
        )

    @property
    def refused_frames(self) -> int:
        return sum(refusal.frames for refusal in self.refusals)

    @property
    def main(self) -> Refusal:
        """What the refusals come to: the reason met most often, the more severe of two met equally."""
        undecided = Refusal(Reason.LIVENESS_UNSURE, None, 0, 0.0, None)
        return max(self.refusals, key=lambda r: (r.frames, -_SEVERITY.index(r.reason)), default=undecided)

    @property
    def outcome(self) -> Outcome:
        """What the visit is counted as, if it has failed."""
        return _OUTCOMES.get(self.main.reason, Outcome.STRANGER)

    @property
    def nearly(self) -> Person | None:
        """Whom at least half of the refused frames nearly matched."""
        who, frames = max(self.near, key=lambda one: one[1], default=(None, 0))
        return who if 2 * frames >= self.refused_frames > 0 else None

    def denial(self, at: float) -> Event:
        """The event of a refused visit."""
        main = self.main
        return Event(
            *(EventKind.ACCESS_DENIED, at, main.person, main.reason, main.score, main.margin, main.detail),
            nearest=main.nearest,
            lookalike=main.lookalike,
            raised=main.raised,
        )


def granted(person: Person, weakest: Evidence, detail: str, at: float, *, raised: bool) -> Event:
    """The event of somebody who is let in, on the weakest of the frames that spoke for it."""
    event = Event(EventKind.ACCESS_GRANTED, at, person, Reason.RECOGNISED, weakest.score, weakest.margin)
    return replace(event, detail=detail, lookalike=weakest.lookalike, raised=raised)


_SEVERITY = (
    Reason.SPOOF,
    Reason.CHALLENGE_FAILED,
    Reason.DENIED,
    Reason.SCHEDULE,
    Reason.UNKNOWN_PERSON,
    Reason.AMBIGUOUS,
    Reason.LIVENESS_UNSURE,
    Reason.LOCKED_OUT,
)
"""Which reason names a presentation when two were met equally often."""


_OUTCOMES = {
    Reason.SPOOF: Outcome.SPOOF,
    Reason.CHALLENGE_FAILED: Outcome.CHALLENGE,
    Reason.DENIED: Outcome.DENIED,
}


def _add(refusals: tuple[Refusal, ...], new: Refusal) -> tuple[Refusal, ...]:
    """Count a refused frame with those of its kind; the highest score stands for them all."""
    for i, old in enumerate(refusals):
        if (old.reason, old.person) == (new.reason, new.person):
            best = max(old, new, key=lambda r: r.score)
            return (*refusals[:i], replace(best, frames=old.frames + 1), *refusals[i + 1 :])
    return (*refusals, new)
