"""Whether several frames of one face show a living person, as far as looking at them can tell.

One frame is never enough: the anti-spoof nets' scores of the last frames are taken
together, and a face that does not move at all is none that lives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log

from doorctl.core.records import Liveness


class LivenessMode(StrEnum):
    """What is asked of a known face before it opens the door."""

    PASSIVE = "passive"
    """The nets alone decide."""
    CHALLENGE = "challenge"
    """Everyone does what the door asks, such as to turn the head."""
    ADAPTIVE = "adaptive"
    """The nets decide what is clear; the doubtful are asked."""
    OFF = "off"
    """A photo opens the door."""


class Verdict(StrEnum):
    """What frames of one face come to."""

    PENDING = "pending"
    """Too few frames, or too short a time."""
    LIVE = "live"
    SPOOF = "spoof"
    UNSURE = "unsure"


FALSEST, LIVELIEST = 1e-6, 0.99
"""Scores count as at least and at most so much. Not alike, for a few living frames must not outweigh the
picture that comes after them."""


@dataclass(frozen=True, slots=True)
class LivenessRules:
    """The rules of the passive verdict. How they were chosen: ``scripts/prove liveness``."""

    threshold: float = 0.62
    """Least fused score that is clearly live: above what doubtful screens reached, and low enough that one
    of nuaa-dev's 17 live sequences is in doubt."""
    spoof: float = 0.02
    """A fused score below this is clearly no living face: every print of nuaa-dev, and no live sequence,
    be it dimmed, dazzled or blurred as far as the gates let through."""
    frames: int = 5
    seconds: float = 0.4
    """So many scored frames, over so long a time, make a verdict."""
    doubt_seconds: float = 1.0
    """A face that is not clear before is doubtful then."""
    stillness: float = 3.0
    """A face that moves less than this many times what noise moves is in doubt; 0 asks for nothing. Frozen
    frames with noise of up to 4 grey levels come to 0.7 at most, made JPEGs of quality 30 on top of it to
    2.5; the stillest 0.4 s of nuaa-dev's live sequences to 3.5. In dim light noise hides more."""
    flexed: float = 3.5
    """So is one that changes no more than a flat picture that is moved and tilted; 0 asks for nothing.
    Within a second every one of nuaa-dev's live windows came to 4.0, blurred or re-compressed too; portraits
    walked about or tilted by 25 degrees to 2.9 at most."""
    frozen: float = 2.0
    """One that moves less than this is a still picture."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and what it rests on."""

    verdict: Verdict
    score: float | None = None
    """Fused, 0 to 1; ``None`` where no net judged."""
    stillness: float | None = None
    flexed: float | None = None
    species: str = ""
    """What a spoof is suspected to be: print, screen, still picture, flat picture."""
    frames: int = 0

    def describe(self) -> str:
        """The cues with their values, for an event."""
        told = [f"suspected {self.species}"] if self.species else []
        if self.score is not None:
            told.append(f"nets {self.score:.2f} over {self.frames} frames")
        if self.stillness is not None:
            told.append(f"moved {min(self.stillness, 999):.1f} times the noise")
        if self.flexed is not None:
            told.append(f"{min(self.flexed, 999):.1f} times as no flat picture can")
        return ", ".join(told)


def fuse(scores: Sequence[float]) -> float:
    """The mean of the scores' log-odds, as a score: a frame that is surely false outweighs a lucky one.

    Args:
        scores: at least one, each 0 to 1.
    """
    odds = (log(p / (1 - p)) for p in (min(max(score, FALSEST), LIVELIEST) for score in scores))
    return 1 / (1 + exp(-sum(odds) / len(scores)))


def assess(frames: Sequence[tuple[float, Liveness]], rules: LivenessRules) -> Finding:
    """Judge frames of one face, in order of time.

    Args:
        frames: (time in seconds, what the frame says).
    """
    # Written so that a score that is no number makes its frame none: it compares false with everything.
    scored = [
        (at, seen, seen.score) for at, seen in frames if seen.score is not None and 0 <= seen.score <= 1
    ]
    if not scored:
        return Finding(Verdict.PENDING)
    score = fuse([p for _, _, p in scored])
    screen = sum(seen.screen for _, seen, _ in scored) / len(scored)
    stillness = next((seen.stillness for _, seen, _ in reversed(scored) if seen.stillness is not None), None)
    flexed = scored[-1][1].flexed
    moves = rules.stillness <= 0 or (stillness is not None and stillness >= rules.stillness)
    flexes = rules.flexed <= 0 or (flexed is not None and flexed >= rules.flexed)
    span = scored[-1][0] - scored[0][0]
    enough = len(scored) >= rules.frames and span >= rules.seconds - 1e-9  # ten frames a second are 0.4 s
    verdict, species = Verdict.PENDING, ""
    if enough and score < rules.spoof:
        verdict, species = Verdict.SPOOF, "screen" if screen >= 0.5 else "print"
    elif enough and score >= rules.threshold and moves and flexes:
        verdict = Verdict.LIVE
    elif enough and span >= rules.doubt_seconds - 1e-9:
        verdict = Verdict.UNSURE
        if not moves:
            species = "still picture"
            # A camera that gives no way to tell is no picture's fault: then it stays a doubt.
            frozen = stillness is not None and stillness < rules.frozen
            verdict = Verdict.SPOOF if frozen else Verdict.UNSURE
        elif not flexes:
            species = "flat picture"
    return Finding(verdict, score, stillness, flexed, species, len(scored))
