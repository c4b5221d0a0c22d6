"""Everything that ``step`` takes, beside what a frame shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from doorctl.core.decision import Cause
from doorctl.core.records import Observation


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed and nothing was seen: the camera gave no frame, or an unusable one."""

    at: float


@dataclass(frozen=True, slots=True)
class Command:
    """A release asked for by other means than a face: an operator's unlock, or REX."""

    at: float
    cause: Cause
    seconds: float | None = None
    """How long, as far as the policy allows; ``None`` for as long as for anybody."""
    by: str = ""
    """Who asks, by the name that the operating system knows them by."""


@dataclass(frozen=True, slots=True)
class Hold:
    """An operator's word that the door stay released for a while, or no longer."""

    at: float
    seconds: float
    """For so long from now, as far as the policy allows; 0 ends it."""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Shut:
    """An operator's word that nobody be let in, known or not, or that this end."""

    at: float
    on: bool
    by: str = ""


@dataclass(frozen=True, slots=True)
class Draw:
    """Randomness that a decision asked for with ``draw``: what a challenge is made of."""

    at: float
    number: int
    """64 bits, as good as the door's owner can get them."""


@dataclass(frozen=True, slots=True)
class Clear:
    """An operator's word that failed attempts be forgotten, and locks end."""

    at: float
    by: str = ""


class Line(StrEnum):
    """A wire that tells the door something."""

    REX = "rex"
    """The exit button: on while it is pressed."""
    CONTACT = "contact"
    """The door contact: on while the door stands open."""
    TAMPER = "tamper"
    """On while the box is open, or its loop is cut."""
    FIRE = "fire"
    """On while the fire panel gives alarm, or its loop is cut."""


@dataclass(frozen=True, slots=True)
class Switched:
    """A line has another level, and has kept it for long enough to be no glitch."""

    at: float
    """Since when, seconds."""
    line: Line
    on: bool
    first: bool = False
    """Whether it is only how the line was found at the start."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A line changes all the time, and so quickly that it has no level."""

    at: float
    line: Line


Input = Observation | Tick | Command | Hold | Shut | Draw | Clear | Switched | Noise
