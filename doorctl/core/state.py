"""What the door remembers from one input to the next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from math import inf

from doorctl.core.challenge import Challenge
from doorctl.core.lockout import Lockout
from doorctl.core.passage import Passage
from doorctl.core.records import Person
from doorctl.core.visit import Evidence, Presentation


class DoorState(Enum):
    """What the strike is told to be."""

    LOCKED = "locked"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Door:
    """All that the door remembers. It begins with nothing but, perhaps, the locks of before."""

    at: float = -inf
    """The latest time told by any input."""
    observed_at: float = -inf
    """Time of capture of the last frame. Inputs of other kinds may be ahead of it by a moment."""
    released_until: float = -inf
    held_until: float = -inf
    """Until when an operator wants the door held open."""
    person: Person | None = None
    """Whom the evidence speaks for."""
    evidence: tuple[Evidence, ...] = ()
    presentation: Presentation | None = None
    challenge: Challenge | None = None
    drawing: tuple[Person, int] | None = None
    """Whom a challenge is to be drawn for, and the number of their track; good for the very next input."""
    lockout: Lockout = field(default_factory=Lockout)
    passage: Passage = field(default_factory=Passage)

    @property
    def state(self) -> DoorState:
        return DoorState.RELEASED if self.at < self.released_until else DoorState.LOCKED

    @property
    def is_held(self) -> bool:
        """Whether an operator wants the door held open."""
        return self.at < self.held_until

    def released(self, seconds: float) -> Door:
        return replace(self, released_until=max(self.released_until, self.at + seconds))

    def set_back(self, at: float) -> Door:
        """On a scale of time that has gone back: what rests on ages is forgotten, but no lock and no wire."""
        shift = at - self.at
        return Door(
            at=at,
            held_until=self.held_until + shift,
            lockout=self.lockout.moved(shift),
            passage=self.passage.moved(shift),
        )
