"""The rules of one door, as values; ``door.py`` is what keeps them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from doorctl.core.actions import ChallengeRules
from doorctl.core.liveness import LivenessMode, LivenessRules
from doorctl.core.lockout import LockoutRules
from doorctl.core.names import name_key
from doorctl.core.passage import PassageRules
from doorctl.core.records import Observation, Person
from doorctl.core.schedule import Access, why_not

_NAMING = ("access", "passed", "extended")


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules, fixed until the next reload. Seconds, unless said otherwise."""

    threshold: float
    """Least calibrated score of a match, 0 to 1."""
    margin: float
    """Least lead over the second-best person, in cosine."""
    lookalike_margin: float
    """The same for somebody whom the gallery holds a lookalike of. Below ``margin`` it asks for nothing."""
    liveness: LivenessMode
    """``OFF`` lets a photo open the door; the owner must have said so."""
    confirm_frames: int = 5
    lookalike_frames: int = 10
    """Frames for somebody with a lookalike. Below ``confirm_frames`` it asks for nothing."""
    confirm_seconds: float = 1.5
    open_seconds: float = 3.0
    regrant_seconds: float = 10.0
    """How long someone who stays in view after a grant is not granted again."""
    max_latency_seconds: float = 1.0
    """Oldest picture, when judged, that still counts."""
    dwell_seconds: float = 0.6
    """How long a face must have looked at the camera to be let in, and for a refusal to be a failed attempt:
    nobody is let in who could not have been counted."""
    attempt_seconds: float = 20.0
    """Whoever has looked for so long and was not let in has failed, and must go away before trying again."""
    look_yaw: float = 40.0
    """Degrees to either side that a head may be turned and still look at the camera."""
    look_pitch: float = 35.0
    gone_seconds: float = 1.0
    """How long no face must be near enough and in view for a presentation to be over."""
    passive: LivenessRules = field(default_factory=LivenessRules)
    challenge: ChallengeRules = field(default_factory=ChallengeRules)
    lockout: LockoutRules = field(default_factory=LockoutRules)
    raised_threshold: float = 0.8
    """Least score of a match while somebody is locked out; never below ``threshold``."""
    near: float = 0.1
    """So little below the threshold a face nearly matches."""
    passage: PassageRules = field(default_factory=PassageRules)
    access: Access = field(default_factory=Access)
    """Who may pass when."""
    passed: datetime | None = None
    """A time that is over for certain, if one is known: it counts while nobody knows what time it is."""
    extended: frozenset[str] = frozenset()
    """Keys of the names of people for whom the door opens for longer."""
    extended_open_seconds: float = 10.0
    max_unlock_seconds: float = 60.0
    """The longest release that an operator may ask for."""
    max_hold_seconds: float = 43200.0
    """The longest that an operator may have the door held open."""
    under_lock: bool = False
    """Whether these are the rules while there is a lock."""

    @property
    def nets_decide(self) -> bool:
        """Whether the anti-spoof nets alone may find a face to be live."""
        return self.liveness in (LivenessMode.PASSIVE, LivenessMode.ADAPTIVE)

    def out_of_hours(self, person: Person, seen: Observation) -> str:
        """Why a person may not pass at this time, if so."""
        return why_not(self.access, name_key(person.name), seen.when, passed=self.passed) or ""

    def is_extended(self, person: Person | None) -> bool:
        """Whether the door opens for longer for this person."""
        return person is not None and name_key(person.name) in self.extended

    def open_for(self, person: Person) -> float:
        """How long the strike is released for a person."""
        return (
            max(self.open_seconds, self.extended_open_seconds)
            if self.is_extended(person)
            else self.open_seconds
        )

    def raised(self) -> Policy:
        """The rules for known people while there is a lock: a higher threshold, and always a challenge."""
        threshold = max(self.threshold, self.raised_threshold)
        return replace(self, threshold=threshold, liveness=LivenessMode.CHALLENGE, under_lock=True)

    def facts(self) -> dict[str, Any]:
        """The rules as plain values, to be kept beside what was decided by them.

        Without the people's hours and names, which a name's removal could not reach there.
        """
        found = {rule.name: getattr(self, rule.name) for rule in fields(self) if rule.name not in _NAMING}
        return {
            name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
            for name, value in found.items()
        }

    def lead_asked(self, lookalike: bool) -> float:
        """Least lead over the second-best person, in cosine."""
        return max(self.margin, self.lookalike_margin) if lookalike else self.margin

    def frames_asked(self, lookalike: bool) -> int:
        """How many frames a grant needs."""
        return max(self.confirm_frames, self.lookalike_frames) if lookalike else self.confirm_frames
