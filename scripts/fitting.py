"""The arithmetic behind an embedder's card: score scale, refusals, and rules for several templates. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorctl.core.calibration import score_of, score_of_rate
from doorctl.core.card import Calibration
from doorctl.core.gallery import LEAST_AGREEMENT
from doorctl.core.records import Vector
from doorctl.evaluation.pairs import Pairs
from doorctl.evaluation.verification import ENOUGH

COUNTED = 1e-4
"""The rate down to which the scale is counted; beyond it, it is the tail's."""

TOP = 1e-7
"""The rate at which the scale ends: score 1."""

RATES = [10 ** (-k / 2) for k in range(1, 9)]
HELD_OUT = 0.2
"""Share of people whom no card is fitted on, so that a test can ask them."""

TEMPLATES = (1, 2, 3, 5, 7)
SCORES = tuple(round(0.5 + 0.05 * k, 2) for k in range(11))


def held_out(name: str) -> bool:
    """Whether a person is left for the test: by the name's digest, so that it never changes."""
    return hashlib.sha256(name.encode()).digest()[0] < HELD_OUT * 256


def knots_of(pairs: Pairs, seed: int = 0) -> list[tuple[float, float]]:
    """(similarity, score), both rising: counted down to ``COUNTED``, then an exponential tail to ``TOP``.

    Raises:
        ValueError: too few impostor pairs stand behind the counted part.
    """
    total = pairs.impostors
    if total * COUNTED < ENOUGH:
        raise ValueError(f"{total} pairs of different people are too few for a rate of {COUNTED:g}")
    counted = [(pairs.similarity_at(rate), score_of_rate(rate)) for rate in RATES]
    last, decade = counted[-1][0], per_decade(pairs, seed)
    end = last + decade * float(np.log10(COUNTED / TOP))
    found = [(-1.0, score_of_rate(1.0)), *counted, (min(1.0, end), score_of_rate(TOP))]
    return [(round(similarity, 4), round(score, 4)) for similarity, score in found]


def per_decade(pairs: Pairs, seed: int = 0, replicates: int = 500) -> float:
    """How much more similarity each tenth of the rate asks for, in the tail.

    Excesses over a high threshold fall off exponentially or faster where the distribution
    has a light end (Pickands 1975, Balkema and de Haan 1974), and an exponential with their
    mean then never claims too rare a rate. On the conservative side twice: of the mean the
    upper 95 % bound is taken, by a bootstrap over people; and the line must not pass below
    what was counted at rarer rates, as far as ``ENOUGH`` pairs stand behind them.
    """
    rng = np.random.default_rng(seed)
    cut, total = pairs.similarity_at(COUNTED), pairs.impostors
    last = pairs.reached(cut)
    excess = pairs.tail[:last].astype(np.float64) - cut
    numbers, places = np.unique(pairs.people[pairs.tail_photos[:last]], return_inverse=True)
    one, other = places.reshape(-1, 2).T
    means = []
    for _ in range(replicates):
        times = rng.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)))
        weights = times[one] * times[other]
        means.append(float(np.average(excess, weights=weights)) if weights.any() else 0.0)
    slopes = [float(np.quantile(means, 0.95)) * float(np.log(10))]
    rarer = [rate for rate in (COUNTED / 10, COUNTED / 100) if total * rate >= ENOUGH]
    slopes += [(pairs.similarity_at(rate) - cut) / float(np.log10(COUNTED / rate)) for rate in rarer]
    return max(slopes)


def refusals(
    vectors: Vector, people: NDArray[np.intp], scale: Calibration, *, seed: int = 0, draws: int = 8
) -> list[tuple[int, list[tuple[float, float]]]]:
    """For each number of templates: how often the person's other photos miss each score.

    Zeros in ``vectors`` are photos that could not be enrolled: never a template, always a miss.
    """
    rng = np.random.default_rng(seed)
    usable = np.asarray(vectors.any(axis=1))
    found = []
    for count in TEMPLATES:
        similarities: list[float] = []
        for person in np.unique(people):
            own = np.flatnonzero(people == person)
            for _ in range(draws if len(own) > count else 0):
                order = rng.permutation(own)
                chosen = order[np.flatnonzero(usable[order])][:count]
                probes = np.setdiff1d(order, chosen)
                if len(chosen) == count and len(probes):
                    mean = vectors[chosen].mean(axis=0)
                    mean /= max(float(np.linalg.norm(mean)), LEAST_AGREEMENT)
                    similarities += (vectors[probes] @ mean).tolist()
        if len(similarities) < ENOUGH * draws:
            break
        scores = np.array([score_of(s, scale) for s in similarities])
        found.append((count, [(s, round(float(np.mean(scores < s)), 4)) for s in SCORES]))
    return found


@dataclass(frozen=True, slots=True)
class Rates:
    """Open-set identification at one rate of strangers: means over galleries."""

    found: float
    """TPIR."""
    spread: float
    """Its standard deviation over the galleries."""
    wrong: float
    """Share of known people's photos taken for somebody else."""
    similarity: float
    """The threshold."""


def compare_rules(
    vectors: Vector,
    people: NDArray[np.intp],
    *,
    galleries: int,
    size: int = 100,
    photos: int = 3,
    seed: int = 0,
) -> dict[str, dict[float, Rates]]:
    """How well each way of comparing with several photos of a person finds the right one.

    Each gallery is ``size`` people drawn anew from those with more than ``photos`` photos;
    their other photos are the known people's, all photos of everyone else the strangers'.
    """
    rng = np.random.default_rng(seed)
    many = [p for p in np.unique(people) if np.sum((people == p) & vectors.any(axis=1)) > photos]
    if len(many) < size:
        return {}
    outcomes: dict[str, dict[float, list[tuple[float, float, float]]]] = {}
    for _ in range(galleries):
        chosen = rng.choice(many, size, replace=False)
        own = [rng.permutation(np.flatnonzero((people == p) & vectors.any(axis=1))) for p in chosen]
        templates = vectors[np.stack([order[:photos] for order in own])]
        probes = np.concatenate([order[photos:] for order in own])
        right = np.repeat(np.arange(size), [len(order) - photos for order in own])
        strangers = np.flatnonzero(~np.isin(people, chosen))
        for rule, score in RULES.items():
            of_strangers = np.sort(score(vectors[strangers], templates).max(axis=1))
            of_known = score(vectors[probes], templates)
            best, reached = of_known.argmax(axis=1), of_known.max(axis=1)
            for rate in (1e-2, 1e-3):
                threshold = of_strangers[-max(1, int(rate * len(strangers))) - 1]
                let_in = reached > threshold
                told = (np.mean(let_in & (best == right)), np.mean(let_in & (best != right)), threshold)
                outcomes.setdefault(rule, {}).setdefault(rate, []).append(told)
    return {
        rule: {
            rate: Rates(
                float(np.mean([t[0] for t in told])),
                float(np.std([t[0] for t in told])),
                float(np.mean([t[1] for t in told])),
                float(np.mean([t[2] for t in told])),
            )
            for rate, told in by_rate.items()
        }
        for rule, by_rate in outcomes.items()
    }


def _each(probes: Vector, templates: Vector) -> NDArray[np.float32]:
    """M probes against P x k templates: M x P x k."""
    size, photos, length = templates.shape
    return (probes @ templates.reshape(-1, length).T).reshape(len(probes), size, photos)


def _mean(probes: Vector, templates: Vector) -> NDArray[np.float32]:
    means = templates.mean(axis=1)
    lengths = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), LEAST_AGREEMENT)
    return np.asarray(probes @ (means / lengths).T, np.float32)


RULES: dict[str, Callable[[Vector, Vector], NDArray[np.float32]]] = {
    "best template": lambda probes, templates: _each(probes, templates).max(axis=2),
    "mean of best 2": lambda probes, templates: np.sort(_each(probes, templates), axis=2)[:, :, -2:].mean(
        axis=2
    ),
    "mean of scores": lambda probes, templates: _each(probes, templates).mean(axis=2),
    "mean template": _mean,
}
"""The last is the product's (``core.gallery``)."""
