"""Which of many templates to keep: those that show most of how different a face can look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from doorctl.core.records import Vector


def most_spread(vectors: Sequence[Vector], most: int) -> frozenset[int]:
    """Places of at most so many vectors, chosen to lie far apart.

    The first is the one nearest to the mean, the most typical; then always the one whose nearest chosen
    one is furthest (T. Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985). Of
    equals the earlier, so that the same vectors give the same choice.

    Args:
        vectors: of any length but zero, all of one size.
        most: at least 1.
    """
    if len(vectors) <= most:
        return frozenset(range(len(vectors)))
    units = np.stack([vector / np.linalg.norm(vector) for vector in vectors]).astype(float)
    chosen = [int(np.argmax(units @ units.mean(axis=0)))]
    nearest = units @ units[chosen[0]]
    while len(chosen) < most:
        nearest[chosen] = np.inf
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, units @ units[chosen[-1]])
    return frozenset(chosen)
