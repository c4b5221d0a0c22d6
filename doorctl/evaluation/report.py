"""A labelled set's whole evaluation, as one value and as the JSON that scripts read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from doorctl.core.calibration import score_of
from doorctl.core.card import Calibration
from doorctl.evaluation.identification import Identification, identify
from doorctl.evaluation.intervals import clopper_pearson
from doorctl.evaluation.pairs import Pairs, all_pairs
from doorctl.evaluation.samples import Samples
from doorctl.evaluation.splits import Part, split
from doorctl.evaluation.verification import OperatingPoint, verify

SPLIT_RATE = 1e-4
"""The false-match rate whose threshold the splits are made at; the nearest where it is not supported."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Everything that is told of a set."""

    model_set: str
    model: str
    scale: Calibration
    samples: Samples
    pairs: Pairs
    verification: dict[float, OperatingPoint | None]
    identification: Identification | None
    no_identification: str
    """Why there is none."""
    splits: tuple[Part, ...]
    split_at: OperatingPoint | None

    @property
    def failures(self) -> Counter[str]:
        """How many photos could not be enrolled, by kind of reason."""
        return Counter(failure for failure in self.samples.failures if failure)


def evaluate(
    samples: Samples,
    scale: Calibration,
    *,
    model_set: str,
    model: str,
    gallery: int,
    per_person: int,
    repeats: int,
    seed: int,
    groups: Mapping[str, str],
) -> Report:
    """Everything that can be said of judged photos: verification, identification, splits."""
    pairs = all_pairs(samples.vectors, samples.people)
    points = verify(pairs, seed=seed)
    told = [points[SPLIT_RATE], *reversed(points.values())]  # the rarest first
    split_at = next((point for point in told if point is not None), None)
    identification, why = None, ""
    try:
        identification = identify(
            samples.vectors,
            samples.people,
            scale,
            gallery=gallery,
            per_person=per_person,
            repeats=repeats,
            seed=seed,
        )
    except ValueError as error:
        why = str(error)
    return Report(
        model_set=model_set,
        model=model,
        scale=scale,
        samples=samples,
        pairs=pairs,
        verification=points,
        identification=identification,
        no_identification=why,
        splits=split(samples, pairs, split_at.threshold, groups) if split_at else (),
        split_at=split_at,
    )


def fields_of(report: Report) -> dict[str, Any]:
    """The report as JSON: rates from 0 to 1, ``None`` where too few errors stand behind a figure."""
    images, failed = len(report.samples.photos), sum(report.failures.values())
    return {
        "set": report.model_set,
        "model": report.model,
        "images": images,
        "people": len(report.samples.names),
        "failure_to_enrol": {
            "count": failed,
            "rate": failed / images,
            "ci95": list(clopper_pearson(failed, images)),
            "reasons": dict(report.failures.most_common()),
        },
        "genuine_pairs": len(report.pairs.genuine),
        "verification": {
            power(rate): _point(point, report) if point else None
            for rate, point in report.verification.items()
        },
        "identification": _identification(report.identification),
        "identification_missing": report.no_identification or None,
        "splits_at": power(report.split_at.rate) if report.split_at else None,
        "splits": [asdict(part) for part in report.splits],
    }


def power(rate: float) -> str:
    """'1e-2' for 0.01."""
    return f"1e{round(float(np.log10(rate)))}"


def _point(point: OperatingPoint, report: Report) -> dict[str, Any]:
    return {
        "threshold": point.threshold,
        "score": score_of(point.threshold, report.scale),
        "fnmr": point.fnmr,
        "fnmr_ci95": list(point.interval) if point.interval else None,
        "impostor_pairs": report.pairs.impostors,
        "false_matches": point.false_matches,
    }


def _identification(found: Identification | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "gallery": found.gallery,
        "per_person": found.per_person,
        "repeats": found.repeats,
        "probes": found.probes,
        "strangers": found.strangers,
        "fpir": {
            power(rate): {
                "tpir": at.found,
                "tpir_sd": at.spread,
                "misidentified": at.wrong,
                "threshold": at.threshold,
                "false_positives": at.false_positives,
            }
            if at
            else None
            for rate, at in found.by_rate.items()
        },
    }
