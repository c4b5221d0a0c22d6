"""BlazeFace: where the faces are, roughly, with six points each.

Anchors, scales and thresholds are those of MediaPipe's graphs ``face_detection``,
``face_detection_short_range`` and ``face_detection_full_range`` (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from doorctl.core.card import InstalledModel
from doorctl.core.records import Box, Image, Vector
from doorctl.errors import ModelError
from doorctl.vision.runtime import Net

SAME_FACE_IOU = 0.3
"""Candidates that overlap the best one by more than this are taken for the same face."""

LOGIT_LIMIT = 100.0
"""Scores are clipped here before the sigmoid, so that it cannot overflow."""

KEYPOINTS = 6
"""Right eye, left eye (the person's own), nose tip, mouth, right and left ear."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What the decoder must know of one of the two nets."""

    grids: tuple[tuple[int, int], ...]
    """(stride in pixels, anchors a cell) of each feature map, in the order of the output."""
    min_score: float


SPECS = {
    128: Spec(grids=((8, 2), (16, 6)), min_score=0.5),
    192: Spec(grids=((4, 1),), min_score=0.6),
}
"""Short range (128 pixels, within 2 m) and full range (192 pixels, within 5 m), by input size."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face as the detector sees it."""

    box: Box
    keypoints: Vector
    """6 x 2, pixels of the picture."""
    score: float
    """0 to 1."""


def anchors(size: int, grids: tuple[tuple[int, int], ...]) -> Vector:
    """Centres of the anchors as fractions of the input; their width and height are fixed at 1.

    Returns:
        n x 2 (x, y): row by row, cell by cell, the anchors of a cell together.
    """
    layers = []
    for stride, each in grids:
        middle = (np.arange(size // stride, dtype=np.float32) + 0.5) * stride / size
        y, x = np.meshgrid(middle, middle, indexing="ij")
        layers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), each, axis=0))
    return np.concatenate(layers).astype(np.float32)


def iou(box: Vector, boxes: Vector) -> Vector:
    """Intersection over union of one box (left, top, right, bottom) with each of n x 4."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = np.prod(box[2:] - box[:2]) + areas - shared
    return np.asarray(shared / np.maximum(union, np.finfo(np.float32).tiny), np.float32)


def weighted_nms(rows: Vector, scores: Vector) -> tuple[Vector, Vector]:
    """Replace each cluster of candidates by their mean, weighted by score.

    Args:
        rows: n x m; the first four columns are left, top, right, bottom, the rest are points.
        scores: n, above 0.

    Returns:
        clusters x m, and for each the score of its best candidate, best first.
    """
    order = np.argsort(-scores, kind="stable")
    kept, best = [], []
    while order.size:
        same = iou(rows[order[0], :4], rows[order, :4]) > SAME_FACE_IOU
        same[0] = True  # itself, even where its area is nothing
        cluster = order[same]
        kept.append(np.average(rows[cluster], axis=0, weights=scores[cluster]))
        best.append(scores[order[0]])
        order = order[~same]
    return np.asarray(kept, np.float32).reshape(-1, rows.shape[1]), np.asarray(best, np.float32)


class Detector:
    """Short or full range BlazeFace, told apart by the input's size. Not thread-safe.

    Raises:
        ModelError: the net cannot be loaded, or is neither of the two.
    """

    def __init__(self, model: InstalledModel, threads: int = 1) -> None:
        self.net = Net(model, threads)
        size = self.net.card.width
        if size not in SPECS or self.net.card.height != size:
            raise ModelError(f"{model.path}: a detector's input is 128 or 192 pixels square, not {size}")
        spec = SPECS[size]
        self._anchors = anchors(size, spec.grids)
        self._size = size
        # The threshold as a logit spares the sigmoid on all but a few candidates.
        self._min_logit = float(np.log(spec.min_score / (1 - spec.min_score)))
        n = len(self._anchors)
        if self.net.shapes != ((1, n, 4 + 2 * KEYPOINTS), (1, n, 1)):
            raise ModelError(f"{model.path}: unexpected outputs {self.net.shapes} for a detector")

    def __call__(self, image: Image) -> tuple[Detection, ...]:
        """Find faces, largest first.

        Args:
            image: BGR, any size.

        Raises:
            ModelError: the net cannot be run.
        """
        canvas, offset, scale = letterbox(image, self._size)
        raw, logits = self.net.judge(canvas)
        rows, scores = self._decode(raw[0], logits[0, :, 0])
        rows, scores = weighted_nms(rows, scores)
        rows = (rows.reshape(-1, 2 + KEYPOINTS, 2) * self._size - offset) * scale
        found = [_detection(points, float(score)) for points, score in zip(rows, scores, strict=True)]
        return tuple(sorted(found, key=lambda d: d.box.width * d.box.height, reverse=True))

    def _decode(self, raw: Vector, logits: Vector) -> tuple[Vector, Vector]:
        """Candidates above the threshold: n x 16 (two corners, six points) in fractions of the input."""
        likely = np.flatnonzero(logits >= self._min_logit)
        points: Vector = raw[likely].reshape(-1, 2 + KEYPOINTS, 2) / np.float32(self._size)
        half = points[:, 1] / 2
        points[:, 1] = 0
        points += self._anchors[likely, None]
        centre = points[:, 0].copy()
        points[:, 0], points[:, 1] = centre - half, centre + half
        clipped = np.clip(logits[likely], -LOGIT_LIMIT, LOGIT_LIMIT)
        sound = (half > 0).all(axis=1)
        scores = np.asarray(1 / (1 + np.exp(-clipped)), np.float32)
        return points.reshape(len(likely), 2 * (2 + KEYPOINTS))[sound], scores[sound]


def letterbox(image: Image, size: int) -> tuple[Image, Vector, Vector]:
    """Fit a picture into a black square.

    Returns:
        the square; the picture's offset in it (x, y); and how many of the picture's pixels
        one of the square's stands for (x, y): picture = (square - offset) * scale.
    """
    height, width = image.shape[:2]
    fit = size / max(height, width)
    w, h = max(1, round(width * fit)), max(1, round(height * fit))
    how = cv2.INTER_AREA if fit < 1 else cv2.INTER_LINEAR
    left, top = (size - w) // 2, (size - h) // 2
    square = np.zeros((size, size, 3), np.uint8)
    square[top : top + h, left : left + w] = cv2.resize(image, (w, h), interpolation=how)
    return square, np.array([left, top], np.float32), np.array([width / w, height / h], np.float32)


def _detection(points: Vector, score: float) -> Detection:
    left, top, right, bottom = (float(v) for v in points[:2].ravel())
    return Detection(Box(left, top, right - left, bottom - top), points[2:].copy(), score)
