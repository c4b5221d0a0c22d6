"""Times of things that are done by turns, so that whatever else the machine does disturbs all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of several measurements, and the quartiles round it."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Raises ``ValueError`` if there is none."""
        if not values:
            raise ValueError("nothing was measured")
        low, median, high = np.percentile(np.asarray(values), (25, 50, 75))
        return cls(float(median), float(low), float(high), len(values))

    def as_dict(self, digits: int = 4) -> dict[str, float]:
        return {
            "median": round(self.median, digits),
            "low": round(self.low, digits),
            "high": round(self.high, digits),
            "count": self.count,
        }


class Turns:
    """Does several things round after round and keeps how long each took, in milliseconds.

    Args:
        pause: seconds to wait before each, where a library's threads go on spinning after their work.
        warm: how often to do each, after that pause, before it is timed.
        clock: seconds.
    """

    def __init__(
        self, pause: float = 0.0, warm: int = 0, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._pause, self._warm, self._clock = pause, warm, clock
        self._rounds: list[dict[str, float]] = []

    def round(self, things: Mapping[str, Callable[[], object]]) -> None:
        """Each thing once. The next round starts with another one, so that none always follows the same."""
        names = list(things)
        first = len(self._rounds) % max(1, len(names))
        took: dict[str, float] = {}
        for name in names[first:] + names[:first]:
            if self._pause:
                time.sleep(self._pause)
            for _ in range(self._warm):
                things[name]()
            start = self._clock()
            things[name]()
            took[name] = (self._clock() - start) * 1e3
        self._rounds.append(took)

    def figures(self) -> dict[str, Figure]:
        """Milliseconds of each thing."""
        names = dict.fromkeys(name for took in self._rounds for name in took)
        return {name: Figure.of([t[name] for t in self._rounds if name in t]) for name in names}

    def ratio(self, above: Sequence[str], below: Sequence[str]) -> Figure:
        """The sum of some over the sum of others, taken within each round."""
        return Figure.of(
            [
                sum(t[name] for name in above) / sum(t[name] for name in below)
                for t in self._rounds
                if t.keys() >= {*above, *below}
            ]
        )
