"""One presentation judged for life alone, whoever it is: for ``doorctl liveness`` and its measurements.

The door's own observer, gates and rules; only the question who it is is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from doorctl.core.liveness import Finding, LivenessRules, Verdict, assess
from doorctl.core.records import Ask, Frame, Gate, Liveness
from doorctl.vision.observe import Observer

EVERY_FACE = Ask(live_from=-inf)


class Outcome(StrEnum):
    """What the door would make of a presentation."""

    LIVE = "live"
    SPOOF = "spoof"
    CHALLENGED = "challenged"
    """Neither: it would be asked to do something, or in passive mode stay outside."""
    NO_RESPONSE = "no_response"
    """Too few usable frames for any verdict."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One frame of a presentation."""

    at: float
    gate: Gate
    life: Liveness


@dataclass(frozen=True, slots=True)
class Sitting:
    """A presentation and its verdict."""

    outcome: Outcome
    finding: Finding | None
    """At the verdict, or at the end where there was none."""
    at: float | None
    """When the verdict fell, seconds; ``None`` where there was none."""
    sights: tuple[Sight, ...]
    highest: float | None
    """The highest fused score that was reached with enough frames: what a threshold is compared with."""

    @property
    def face_seconds(self) -> float:
        """From the first face to the last."""
        times = [sight.at for sight in self.sights if sight.gate is not Gate.NO_FACE]
        return times[-1] - times[0] if times else 0.0

    @property
    def best(self) -> Sight | None:
        """The frame that looks most alive."""
        scored = [sight for sight in self.sights if sight.life.score is not None]
        return max(scored, key=lambda sight: sight.life.score or 0.0, default=None)


def judge_presentation(
    observer: Observer,
    frames: Iterable[Frame | None],
    rules: LivenessRules,
    *,
    window_seconds: float,
    patient: bool = False,
) -> Sitting:
    """Play the frames of one presentation to the observer, all of them, and give its one verdict.

    Args:
        frames: in order of time.
        window_seconds: how long a frame counts, as ``Policy.confirm_seconds``.
        patient: as in passive mode, where the doubtful are looked at further; otherwise doubt is a verdict.

    Raises:
        ModelError: a frame is no picture, or a net cannot be run.
    """
    observer.forget()
    sights = []
    for frame in frames:
        if frame is not None:
            seen = observer.observe(frame, EVERY_FACE)
            sights.append(Sight(frame.at, seen.gate, seen.liveness))
    return decide(sights, rules, window_seconds=window_seconds, patient=patient)


def decide(
    sights: Sequence[Sight], rules: LivenessRules, *, window_seconds: float, patient: bool = False
) -> Sitting:
    """The one verdict on frames that have been looked at, in order of time; as for ``judge_presentation``."""
    recent: list[tuple[float, Liveness]] = []
    found, decided, at, highest = None, None, None, None
    for sight in sights:
        if sight.gate is not Gate.PASSED:
            continue
        recent = [(then, life) for then, life in recent if sight.at - then <= window_seconds]
        recent.append((sight.at, sight.life))
        now = assess(recent, rules)
        if now.score is not None and assess(recent, _ALL).verdict is Verdict.LIVE:
            highest = max(highest or 0.0, now.score)
        if decided is None:
            found = now
            if now.verdict in (Verdict.LIVE, Verdict.SPOOF) or (
                now.verdict is Verdict.UNSURE and not patient
            ):
                decided, at = _OUTCOMES[now.verdict], sight.at
    if decided is None:
        decided = Outcome.NO_RESPONSE if highest is None else Outcome.CHALLENGED
    return Sitting(decided, found, at, tuple(sights), highest)


_ALL = LivenessRules(threshold=0.0, spoof=0.0, stillness=0.0, flexed=0.0)
"""Calls live whatever has enough frames."""

_OUTCOMES = {
    Verdict.LIVE: Outcome.LIVE,
    Verdict.SPOOF: Outcome.SPOOF,
    Verdict.UNSURE: Outcome.CHALLENGED,
}
