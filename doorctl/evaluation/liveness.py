"""How often pictures pass for people, and people for pictures: ISO/IEC 30107-3's way.

One presentation gives one verdict. Attacks are told by species and never lumped together;
the worst species leads. What gave no verdict at all is told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorctl.app.settings import Settings
from doorctl.app.sitting import Outcome, Sitting, judge_presentation
from doorctl.app.wiring import Eye
from doorctl.camera.open import open_camera
from doorctl.core.liveness import LivenessRules
from doorctl.errors import CameraError, ModelError, PhotoError
from doorctl.evaluation.intervals import clopper_pearson

LIVE = "live"
"""The folder of bona fide presentations; every other one is a species of attack."""


@dataclass(frozen=True, slots=True)
class Presented:
    """One sequence and what became of it."""

    kind: str
    """``live``, or the species."""
    sequence: str
    sitting: Sitting

    @property
    def person(self) -> str:
        """What stands before the first ``_`` of the sequence's name."""
        return self.sequence.partition("_")[0]


@dataclass(frozen=True, slots=True)
class Rate:
    """Errors among those that gave a verdict."""

    presentations: int
    errors: int

    def as_dict(self) -> dict[str, Any]:
        """With the exact interval; rate and interval are ``None`` where nothing was presented."""
        count = self.presentations
        return {
            "presentations": count,
            "errors": self.errors,
            "rate": self.errors / count if count else None,
            "ci95": list(clopper_pearson(self.errors, count)) if count else None,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told of a labelled set."""

    presented: tuple[Presented, ...]
    rules: LivenessRules
    mode: str

    def of(self, *kinds: str) -> list[Presented]:
        return [one for one in self.presented if one.kind in kinds]

    @property
    def species(self) -> list[str]:
        return sorted({one.kind for one in self.presented} - {LIVE})

    @property
    def people(self) -> int:
        return len({one.person for one in self.presented})

    def rate(self, kind: str) -> Rate:
        """Attacks of a species that passed as living, or living people that were refused."""
        answered = [p.sitting.outcome for p in self.of(kind) if p.sitting.outcome is not Outcome.NO_RESPONSE]
        wrong = {Outcome.LIVE} if kind != LIVE else {Outcome.SPOOF}
        if kind == LIVE and self.mode == "passive":
            wrong = {Outcome.SPOOF, Outcome.CHALLENGED}  # nobody is asked there
        return Rate(len(answered), sum(outcome in wrong for outcome in answered))

    def frame_rate(self, kind: str) -> Rate:
        """The same frame by frame, each against the threshold alone."""
        scores = _frame_scores(self.of(kind))
        passed = sum(score >= self.rules.threshold for score in scores)
        return Rate(len(scores), passed if kind != LIVE else len(scores) - passed)

    def count(self, outcome: Outcome, *kinds: str) -> int:
        return sum(one.sitting.outcome is outcome for one in self.of(*kinds))


def _frame_scores(presented: Iterable[Presented]) -> list[float]:
    return [s.life.score for p in presented for s in p.sitting.sights if s.life.score is not None]


def worst(rates: dict[str, Rate]) -> str | None:
    """The species with the highest rate; of equal ones that with the fewest presentations."""
    known = {species: rate for species, rate in rates.items() if rate.presentations}
    return max(
        known, key=lambda s: (known[s].errors / known[s].presentations, -known[s].presentations), default=None
    )


def find_sequences(directory: Path) -> list[tuple[str, str, Path]]:
    """(kind, sequence, path) of every DIR/KIND/SEQ, a folder of frames or a clip, by name.

    Raises:
        PhotoError: there is no such directory, or there are no sequences in it.
    """
    if not directory.is_dir():
        raise PhotoError(f"{directory} is no directory", "name one that holds live/SEQ and SPECIES/SEQ")
    found = [
        (kind.name, path.name, path)
        for kind in sorted(directory.iterdir())
        if kind.is_dir() and not kind.name.startswith(".")
        for path in sorted(kind.iterdir())
        if not path.name.startswith(".")
    ]
    if not found:
        raise PhotoError(
            f"{directory}: no sequences", "it must hold live/SEQ and SPECIES/SEQ, folders of frames or clips"
        )
    return found


def evaluate_liveness(
    settings: Settings,
    eye: Eye,
    directory: Path,
    *,
    mode: str,
    fps: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Report, list[tuple[Path, str]]]:
    """Judge every sequence of a labelled directory.

    Args:
        mode: ``adaptive`` or ``passive``.
        fps: frames a second of folders of frames.

    Returns:
        the report, and what could not be read, each with why.

    Raises:
        PhotoError: there are no sequences.
        ModelError: there are no anti-spoof nets.
    """
    if eye.observer.passive is None:
        raise ModelError(
            f"the {eye.models.name} set has no anti-spoof nets: nothing to measure without a challenge",
            "install the standard set with 'doorctl models install'",
        )
    sequences = find_sequences(directory)
    policy = eye.meet(eye.observer.gallery, settings.config)
    presented, unread = [], []
    for done, (kind, name, path) in enumerate(sequences):
        progress(done, len(sequences))
        try:
            with open_camera(path, fps=fps) as frames:
                sitting = judge_presentation(
                    eye.observer,
                    frames,
                    policy.passive,
                    window_seconds=policy.confirm_seconds,
                    patient=mode == "passive",
                )
        except CameraError as error:
            unread.append((path, error.message))
        else:
            presented.append(Presented(kind, name, sitting))
    progress(len(sequences), len(sequences))
    return Report(tuple(presented), policy.passive, mode), unread


def fields_of(report: Report) -> dict[str, Any]:
    """The report as JSON; rates from 0 to 1."""
    return {
        "mode": report.mode,
        "people": report.people,
        **_rates({species: report.rate(species) for species in report.species}, report.rate(LIVE)),
        "non_response": report.count(Outcome.NO_RESPONSE, LIVE, *report.species),
        "challenged": report.count(Outcome.CHALLENGED, LIVE, *report.species),
        "by_kind": {
            kind: {outcome.value: report.count(outcome, kind) for outcome in Outcome}
            for kind in (LIVE, *report.species)
        },
        "threshold": report.rules.threshold,
        "frames": {
            **_rates(
                {species: report.frame_rate(species) for species in report.species}, report.frame_rate(LIVE)
            ),
            "non_response": sum(
                sight.life.score is None for one in report.presented for sight in one.sitting.sights
            ),
            "challenged": sum(
                report.rules.spoof <= score < report.rules.threshold
                for score in _frame_scores(report.presented)
            ),
            "threshold": report.rules.threshold,
        },
    }


def _rates(attacks: dict[str, Rate], live: Rate) -> dict[str, Any]:
    leader = worst(attacks)
    return {
        "apcer": {species: rate.as_dict() for species, rate in attacks.items()},
        "apcer_worst": {"species": leader, **attacks[leader].as_dict()} if leader else None,
        "bpcer": live.as_dict(),
    }


def error_curve(report: Report, kind: str) -> list[tuple[float, float]]:
    """(threshold, rate) of presentations whose highest fused score would pass, or for ``live`` would not."""
    scores = sorted(p.sitting.highest for p in report.of(kind) if p.sitting.highest is not None)
    if not scores:
        return []
    curve = [(0.0, 0.0 if kind == LIVE else 1.0)]
    for place, score in enumerate(scores):
        below = place + 1
        curve.append((score, below / len(scores) if kind == LIVE else 1 - below / len(scores)))
    return curve
