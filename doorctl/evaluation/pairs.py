"""Every photo against every other: what all pairs of a labelled set come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorctl.core.records import Vector

BINS = 200_000
"""Of the histogram of similarities from -1 to 1: a hundred-thousandth of cosine each."""

TAIL = 0.02
"""Share of impostor pairs that are kept one by one, the most alike."""

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """All pairs of N photos. One with a photo that could not be enrolled has similarity -1: no match."""

    people: Places
    """N, the person of each photo."""
    impostors: int
    """How many pairs are of different people."""
    tail: NDArray[np.float32]
    """Similarities of the most alike of them, falling."""
    tail_photos: Places
    """E x 2, the photos of each."""
    genuine: NDArray[np.float32]
    """Similarities of all pairs of one person."""
    genuine_photos: Places
    """G x 2."""
    histogram: NDArray[np.int64]
    """Impostor pairs for each of ``BINS`` similarities from -1 to 1."""

    def reached(self, similarity: float) -> int:
        """How many impostor pairs reach a similarity, exactly as far as the tail goes."""
        if len(self.tail) and similarity >= self.tail[-1]:
            return int(np.searchsorted(-self.tail, -similarity, side="right"))
        first = int((similarity + 1) / 2 * BINS + 1e-6)  # a bin's own edge must not round into the bin below
        return int(self.histogram[max(0, first) :].sum())

    def missed(self, similarity: float) -> float:
        """Share of genuine pairs below a similarity."""
        return float(np.mean(self.genuine < similarity)) if len(self.genuine) else 0.0

    def similarity_at(self, rate: float) -> float:
        """The least similarity that at most this share of impostor pairs reaches."""
        allowed = int(rate * self.impostors + 1e-9)
        if allowed < len(self.tail):
            return float(np.nextafter(self.tail[allowed], np.float32(2)))
        reached = self.histogram[::-1].cumsum()[::-1]
        return int(np.argmax(reached <= allowed)) / BINS * 2 - 1


def all_pairs(vectors: Vector, people: Places, tail: float = TAIL) -> Pairs:
    """Compare every two of N photos (N x D, unit length, or zeros where there is no template), each once."""
    histogram = np.zeros(BINS, np.int64)
    enrolled = np.asarray(vectors.any(axis=1))
    genuine, genuine_photos = [np.empty(0, np.float32)], [np.empty((0, 2), np.intp)]
    for left, right, block in _blocks(vectors, enrolled):
        same = people[left, None] == people[None, right]
        later = right[None] > left[:, None]
        bins = np.clip(((block + 1) / 2 * BINS).astype(np.int64), 0, BINS - 1)
        histogram += np.bincount(bins[later & ~same], minlength=BINS)
        rows, columns = np.nonzero(later & same)
        genuine.append(block[rows, columns])
        genuine_photos.append(np.stack([left[rows], right[columns]], axis=1))
    impostors = int(histogram.sum())
    reached = histogram[::-1].cumsum()[::-1]
    cut = int(np.argmax(reached <= tail * impostors)) / BINS * 2 - 1
    alike, photos = [np.empty(0, np.float32)], [np.empty((0, 2), np.intp)]
    for left, right, block in _blocks(vectors, enrolled):
        rows, columns = np.nonzero(block >= cut)
        i, j = left[rows], right[columns]
        kept = (j > i) & (people[i] != people[j])
        alike.append(block[rows, columns][kept])
        photos.append(np.stack([i[kept], j[kept]], axis=1))
    found = np.concatenate(alike)
    order = np.argsort(-found, kind="stable")
    return Pairs(
        people=people,
        impostors=impostors,
        tail=found[order],
        tail_photos=np.concatenate(photos)[order],
        genuine=np.concatenate(genuine),
        genuine_photos=np.concatenate(genuine_photos),
        histogram=histogram,
    )


def _blocks(
    vectors: Vector, enrolled: NDArray[np.bool_], rows: int = 512
) -> Iterator[tuple[Places, Places, NDArray[np.float32]]]:
    """Similarities of the upper triangle, some rows at a time: places of the rows, of the columns, block."""
    for start in range(0, len(vectors), rows):
        left, right = np.arange(start, min(start + rows, len(vectors))), np.arange(start, len(vectors))
        block = vectors[left] @ vectors[right].T
        block[~enrolled[left]] = -1
        block[:, ~enrolled[right]] = -1
        yield left, right, block
