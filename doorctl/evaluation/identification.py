"""Many people enrolled, and a world of strangers: open-set identification (ISO/IEC 19795-1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorctl.core.card import Calibration
from doorctl.core.gallery import Gallery
from doorctl.core.records import Person, Vector
from doorctl.evaluation.pairs import Places
from doorctl.evaluation.verification import ENOUGH

RATES = (1e-2, 1e-3)


@dataclass(frozen=True, slots=True)
class Identified:
    """What a rate of strangers taken for somebody costs: means over the galleries."""

    rate: float
    """False-positive identification rate: share of strangers' photos that match somebody."""
    found: float
    """TPIR: share of enrolled people's photos that match their own person."""
    spread: float
    """Its standard deviation over the galleries."""
    wrong: float
    """Share of enrolled people's photos that match somebody else."""
    threshold: float
    """Least similarity of a match."""
    false_positives: int
    """Strangers' photos that match somebody, all galleries together."""


@dataclass(frozen=True, slots=True)
class Identification:
    """Open-set identification over several random galleries."""

    gallery: int
    per_person: int
    repeats: int
    probes: int
    """Photos of enrolled people, all galleries together."""
    strangers: int
    """Photos of strangers, all galleries together."""
    by_rate: dict[float, Identified | None]
    """``None`` where fewer than ``ENOUGH`` false positives were seen, all galleries together.

    The same stranger may count in several galleries: each is another test, but of the same face."""


def identify(
    vectors: Vector,
    people: Places,
    scale: Calibration,
    *,
    gallery: int,
    per_person: int,
    repeats: int,
    seed: int = 0,
) -> Identification:
    """Enrol random people with random photos of theirs, and look up everybody's other photos.

    The galleries are the product's own. A photo that could not be enrolled (zeros) is no
    template, and matches nobody. The threshold is set anew in each gallery, so that where one
    gallery has fewer strangers than ``1 / rate`` none may pass, and the rate is not told.

    Args:
        vectors: N x D, of unit length, or zeros.
        people: N.
        scale: for the gallery.
        gallery: how many people are enrolled.
        per_person: how many photos of each.
        repeats: how many galleries are drawn.
        seed: of the draws.

    Raises:
        ValueError: too few people have more photos than are to be enrolled.
    """
    numbers, counts = np.unique(people, return_counts=True)
    many = numbers[counts > per_person]
    if len(many) < gallery:
        raise ValueError(f"{len(many)} people have more than {per_person} photos, {gallery} are asked for")
    rng = np.random.default_rng(seed)
    outcomes = [_one(vectors, people, scale, rng, many, gallery, per_person) for _ in range(repeats)]
    strangers = sum(len(outcome.strangers) for outcome in outcomes)
    return Identification(
        gallery,
        per_person,
        repeats,
        sum(len(outcome.best) for outcome in outcomes),
        strangers,
        {rate: _at(rate, outcomes) for rate in RATES},
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """One gallery's: the best similarity of each stranger's photo, falling, and of each known person's."""

    strangers: NDArray[np.float64]
    best: NDArray[np.float64]
    right: NDArray[np.bool_]
    """Whether the best is the person."""


def _one(
    vectors: Vector,
    people: Places,
    scale: Calibration,
    rng: np.random.Generator,
    many: Places,
    size: int,
    per_person: int,
) -> _Outcome:
    chosen = rng.choice(many, size, replace=False)
    entries: list[tuple[Person, Vector]] = []
    probes: list[int] = []
    for person in chosen.tolist():
        own = rng.permutation(np.flatnonzero(people == person)).tolist()
        entries += [(Person(person, ""), vectors[i]) for i in own[:per_person] if vectors[i].any()]
        probes += own[per_person:]
    known = Gallery.build(entries, scale)
    ids = np.array([person.id for person in known.people])

    def looked_up(photos: Places) -> tuple[NDArray[np.float64], Places]:
        if not len(ids):
            return np.full(len(photos), -1.0), np.full(len(photos), -1)
        similarities = vectors[photos] @ known.means.T  # Gallery.match, for all photos at once
        best = similarities.argmax(axis=1)
        reached = np.where(vectors[photos].any(axis=1), similarities.max(axis=1), -1.0)
        return reached, ids[best]

    strangers, _ = looked_up(np.flatnonzero(~np.isin(people, chosen)))
    places = np.array(probes)
    best, who = looked_up(places)
    return _Outcome(np.sort(strangers)[::-1], best, who == people[places])


def _at(rate: float, outcomes: list[_Outcome]) -> Identified | None:
    found, wrong, thresholds, false_positives = [], [], [], 0
    for outcome in outcomes:
        if not len(outcome.strangers):
            return None
        # The stranger after the last one who may pass must not: just above that one.
        threshold = float(np.nextafter(outcome.strangers[int(rate * len(outcome.strangers) + 1e-9)], 2))
        reached = outcome.best >= threshold
        found.append(float(np.mean(reached & outcome.right)))
        wrong.append(float(np.mean(reached & ~outcome.right)))
        thresholds.append(threshold)
        false_positives += int(np.sum(outcome.strangers >= threshold))
    if false_positives < ENOUGH:
        return None
    return Identified(
        rate,
        float(np.mean(found)),
        float(np.std(found)),
        float(np.mean(wrong)),
        float(np.mean(thresholds)),
        false_positives,
    )
