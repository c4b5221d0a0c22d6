"""The questions that are put to one frame: whose face it shows, and well enough.

What several frames come to, and whether they show life, is decided in ``core.door``.
"""

from __future__ import annotations

from dataclasses import dataclass

from doorctl.core.gallery import NOBODY
from doorctl.core.policy import Policy
from doorctl.core.records import Gate, Observation, Reason


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
    ("not too near", Gate.TOO_LARGE, Reason.FACE_TOO_LARGE),
    ("light enough", Gate.TOO_DARK, Reason.FACE_TOO_DARK),
    ("not dazzled", Gate.TOO_BRIGHT, Reason.FACE_TOO_BRIGHT),
    ("sharp", Gate.BLURRED, Reason.FACE_BLURRED),
)
"""In the order in which the gates are asked: failing one means that the ones before it were passed."""


def checks(observation: Observation, policy: Policy) -> tuple[Check, ...]:
    """Put every question to one frame, as far as the first gate that it fails."""
    asked: list[Check] = []
    for name, gate, reason in _GATES:
        asked.append(Check(name, observation.gate is not gate, reason))
        if asked[-1].failed:
            return tuple(asked)
    match = observation.match or NOBODY
    denied = match.person is not None and match.person.denied
    # Comparisons are written so that a NaN, which compares false with everything, fails them.
    known = match.person is not None and match.score >= policy.threshold
    lead = policy.lead_asked(match.lookalike)
    ahead = match.margin is None or match.margin >= lead
    return (
        *asked,
        Check("known", known, Reason.UNKNOWN_PERSON, match.score, policy.threshold),
        Check("not denied", not denied, Reason.DENIED),
        Check("ahead of others", ahead, Reason.AMBIGUOUS, match.margin, lead),
    )


def judge(observation: Observation, policy: Policy) -> Reason:
    """What one frame says on its own of who is there; only ``CONFIRMING`` speaks for a grant."""
    reasons = (check.reason for check in checks(observation, policy) if check.failed)
    return next(reasons, Reason.CONFIRMING)


def is_new(seen: Observation, observed_at: float, policy: Policy) -> bool:
    """Whether a frame says something about now: no picture twice, none of the past, none judged unseen."""
    late = seen.judged_at - seen.at
    return seen.at > observed_at and 0.0 <= late <= policy.max_latency_seconds
