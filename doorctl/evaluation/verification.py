"""One photo against one other: false non-matches at given rates of false matches (ISO/IEC 19795-1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorctl.evaluation.pairs import TAIL, Pairs, Places

RATES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
ENOUGH = 10
"""Errors that must stand behind a figure; with fewer it is not told."""

REPLICATES = 500
ENOUGH_DRAWS = 0.95
"""Share of the bootstrap's draws that must give a figure; else the people are too few for an interval."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a false-match rate costs."""

    rate: float
    threshold: float
    """Least similarity of a match."""
    false_matches: int
    fnmr: float | None
    """``None`` where fewer than ``ENOUGH`` false non-matches stand behind it."""
    interval: tuple[float, float] | None
    """95 % of ``fnmr``, the threshold's own uncertainty included; ``None`` where people are too few."""


def verify(
    pairs: Pairs, *, seed: int = 0, replicates: int = REPLICATES
) -> dict[float, OperatingPoint | None]:
    """The operating point at each of ``RATES``; ``None`` where too few false matches stand behind it.

    The interval is a percentile bootstrap over people (after Bolle, Ratha and Pankanti, 2004): pairs
    that share a person are not independent, so people are drawn with replacement and each
    pair counts as often as both its people were drawn. The threshold is set anew in each draw.
    """
    bootstrap = Bootstrap(pairs, np.random.default_rng(seed), replicates)
    points: dict[float, OperatingPoint | None] = {}
    for rate in RATES:
        threshold = pairs.similarity_at(rate)
        false_matches = pairs.reached(threshold)  # fewer than the rate allows where similarities are equal
        if false_matches < ENOUGH or not len(pairs.genuine):
            points[rate] = None
            continue
        missed = int(np.sum(pairs.genuine < threshold))
        told = missed >= ENOUGH
        points[rate] = OperatingPoint(
            rate,
            threshold,
            false_matches,
            missed / len(pairs.genuine) if told else None,
            bootstrap.interval(rate) if told else None,
        )
    return points


def det_curve(pairs: Pairs, count: int = 200) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Detection error trade-off: FMR, falling, as far as ``ENOUGH`` pairs stand behind it, and FNMR."""
    last = ENOUGH / max(1, pairs.impostors)
    rates = np.geomspace(TAIL, last, count) if last < TAIL else np.empty(0)
    missed = np.array([pairs.missed(pairs.similarity_at(float(rate))) for rate in rates])
    return rates, missed


class Bootstrap:
    """Draws of people, the same for every rate."""

    def __init__(self, pairs: Pairs, rng: np.random.Generator, replicates: int) -> None:
        self._pairs = pairs
        numbers, places, photos = np.unique(pairs.people, return_inverse=True, return_counts=True)
        self._photos: Places = photos
        self._one, self._other = places[pairs.tail_photos].T
        self._person = places[pairs.genuine_photos[:, 0]]
        even = np.full(len(numbers), 1 / len(numbers))
        self._draws = [rng.multinomial(len(numbers), even) for _ in range(replicates)]

    def interval(self, rate: float) -> tuple[float, float] | None:
        """95 % of the false-non-match rate at a false-match rate; ``None`` where people are too few."""
        missed = [self.missed(rate, times) for times in self._draws]
        told = [value for value in missed if value is not None]
        if len(told) < ENOUGH_DRAWS * len(missed):
            return None
        low, high = np.quantile(told, [0.025, 0.975])
        return float(low), float(high)

    def missed(self, rate: float, times: Places) -> float | None:
        """The false-non-match rate of one draw; ``None`` where it has no pairs or passes the tail.

        Args:
            rate: of false matches.
            times: how often each person was drawn, in the order of their numbers.
        """
        drawn = (times * self._photos).astype(np.float64)
        total = (drawn.sum() ** 2 - (drawn**2).sum()) / 2
        weights, tail = times[self._person], self._pairs.tail
        if not total or not weights.any():
            return None
        # The upper part of the tail is nearly always enough, and much quicker than all of it.
        for upto in (4 * int(rate * self._pairs.impostors) + 1000, len(tail)):
            matched = np.cumsum(times[self._one[:upto]] * times[self._other[:upto]])
            last = int(np.searchsorted(matched, rate * total + 1e-9, side="right"))
            if last < len(matched):  # the first pair too many: only above it is a match
                return float(weights[self._pairs.genuine <= tail[last]].sum() / weights.sum())
        return None
