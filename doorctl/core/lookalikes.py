"""People of one gallery who look so much alike that the door must ask more of them.

The threshold promises how seldom a *stranger* is taken for somebody. Of two people who
are both known it says nothing: there the lead over the second-best person has to tell
who it is. It can be relied on while a person's own face, as it looks today, stays clear
of the other's threshold. So a pair counts as alike when a template of the one comes
within one margin of being accepted as the other, as the door itself compares: with the
mean of the other's templates. The margin is what a probe may be off.

On lfw-dev (galleries of 400 people, three photos each, the threshold at 0.8) that names
96 % of the pairs in which a later photo of the one reaches the threshold as the other;
without the margin's allowance it would be 74 %. It puts 14 people of 100 in a pair. Asked
for twice the margin, 0.7 % of the recognised photos of these people miss it. With the
fallback set: 78 % of the pairs, 22 people, and 8 % (``scripts/prove lookalikes``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from doorctl.core.calibration import similarity_of
from doorctl.core.card import Calibration
from doorctl.core.gallery import Gallery
from doorctl.core.records import Person

BLOCK = 256
"""People compared with everyone at a time: bounds the memory, a few megabytes for 1,000 people."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two people who look alike."""

    one: Person
    other: Person
    similarity: float
    """Of the closest template of either to the mean of the other's, in cosine."""


def limit_of(threshold: float, margin: float, calibration: Calibration) -> float:
    """The similarity from which two people count as alike: one margin below the threshold.

    Args:
        threshold: calibrated score from which the door accepts a match.
        margin: lead over the second-best person that it asks of everyone, in cosine.
        calibration: of the net that the templates come from.
    """
    highest = calibration.knots[-1][1]
    return similarity_of(min(threshold, highest), calibration) - margin


def likenesses(gallery: Gallery, limit: float) -> tuple[Likeness, ...]:
    """Every pair of people at or above the limit, denied ones included; the most alike first."""
    rows, others, similarities = _near(gallery, limit)
    first, second = np.minimum(rows, others), np.maximum(rows, others)
    order = np.lexsort((-similarities, second, first))
    pairs = np.stack([first[order], second[order]])
    fresh = np.ones(len(order), bool)
    fresh[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)  # of the two ways round, the closer
    found = [
        Likeness(gallery.people[a], gallery.people[b], float(similarity))
        for a, b, similarity in zip(*pairs[:, fresh].tolist(), similarities[order][fresh], strict=True)
    ]
    return tuple(sorted(found, key=lambda likeness: -likeness.similarity))


def marked(gallery: Gallery, limit: float) -> Gallery:
    """The same gallery, in which a match tells whether its person has a lookalike by this limit."""
    rows, others, _ = _near(gallery, limit)
    return replace(gallery, alike=frozenset(rows.tolist()) | frozenset(others.tolist()))


def _near(gallery: Gallery, limit: float) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Of each ordered pair at or above the limit: row of the one, of the other, and the similarity."""
    count = len(gallery.people)
    ends = np.append(gallery.starts[1:], len(gallery.templates))
    rows: list[NDArray[np.intp]] = []
    others: list[NDArray[np.intp]] = []
    found: list[NDArray[np.float32]] = []
    for begin in range(0, count, BLOCK):
        end = min(begin + BLOCK, count)
        start = gallery.starts[begin]
        alike = gallery.templates[start : ends[end - 1]] @ gallery.means.T
        closest = np.maximum.reduceat(alike, gallery.starts[begin:end] - start, axis=0)
        closest[np.arange(end - begin), np.arange(begin, end)] = -np.inf  # nobody is their own lookalike
        one, other = np.nonzero(closest >= limit)
        rows.append(one + begin)
        others.append(other)
        found.append(closest[one, other])
    if not rows:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32)
    return np.concatenate(rows), np.concatenate(others), np.concatenate(found)
