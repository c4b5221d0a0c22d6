"""The rules of one door, as values; ``door.py`` is what keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field

from doorctl.core.actions import ChallengeRules
from doorctl.core.liveness import LivenessMode, LivenessRules


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
    gone_seconds: float = 1.0
    """How long no face must be near enough and in view for a presentation to be over."""
    passive: LivenessRules = field(default_factory=LivenessRules)
    challenge: ChallengeRules = field(default_factory=ChallengeRules)

    @property
    def nets_decide(self) -> bool:
        """Whether the anti-spoof nets alone may find a face to be live."""
        return self.liveness in (LivenessMode.PASSIVE, LivenessMode.ADAPTIVE)

    def lead_asked(self, lookalike: bool) -> float:
        """Least lead over the second-best person, in cosine."""
        return max(self.margin, self.lookalike_margin) if lookalike else self.margin

    def frames_asked(self, lookalike: bool) -> int:
        """How many frames a grant needs."""
        return max(self.confirm_frames, self.lookalike_frames) if lookalike else self.confirm_frames
