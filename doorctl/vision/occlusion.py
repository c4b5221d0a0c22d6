"""Whether something covers a face's eyes, nose or mouth.

The mesh places its points where a mouth would be under a mask, so it tells nothing; the picture does.
Each part is cut out by points near it, and its edges are described by histograms of their directions
(N. Dalal and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005), with a few
figures of its brightness and colour beside the skin's. A logistic regression tells a part in view
from a covered one; ``scripts/prove occlusion`` fits and proves it on half of lfw-dev's people each.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.core.records import Image
from doorctl.vision.align import similarity
from doorctl.vision.warp import Matrix

WIDTH, HEIGHT = 24, 16
"""Of a part's patch."""
CELL, BINS = 4, 6
"""Side of a histogram's cell in pixels, and its directions round the full circle."""
FEATURES = WIDTH * HEIGHT // CELL**2 * BINS + 6

Numbers = NDArray[np.float32]

_PARTS = (
    ((33, 133), ((6, 8), (18, 8))),  # the person's right eye, by its corners
    ((263, 362), ((18, 8), (6, 8))),  # the left; mirrored below, so that one regression serves both
    ((98, 327, 6), ((7, 11), (17, 11), (12, 1))),  # the nose, by its wings and its bridge
    ((61, 291), ((4, 8), (20, 8))),  # the mouth, by its corners
)
"""Mesh points and where they come to lie in the patch."""
_LEFT_EYE = 1

LUMA = np.array([0.114, 0.587, 0.299], np.float32)
"""ITU-R BT.601, of BGR."""


def occlusion(crop: Image, points: Matrix, skin: Numbers) -> tuple[float, float, float, float]:
    """How likely it is that the person's right eye, the left, the nose and the mouth are covered, 0 to 1.

    Args:
        crop: BGR, the face upright and about 100 pixels wide.
        points: the mesh in the crop, 468 x 2.
        skin: the colour of the face's skin, BGR, 0 to 255.
    """
    weights, bias = _fit()
    right, left, nose, mouth = features(crop, points, skin)
    parts = np.stack([right, left, nose, mouth])
    logits = (parts * weights[[0, 0, 1, 2]]).sum(axis=1) + bias[[0, 0, 1, 2]]
    one, other, below, lowest = (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).tolist()
    return one, other, below, lowest


def features(crop: Image, points: Matrix, skin: Numbers) -> Numbers:
    """What is told of right eye, left eye, nose and mouth: 4 x ``FEATURES``."""
    patches = np.empty((len(_PARTS), HEIGHT, WIDTH, 3), np.float32)
    for patch, (ids, places) in zip(patches, _PARTS, strict=True):
        matrix = similarity(points[list(ids)], np.array(places, float))
        matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # OpenCV counts from the first pixel's centre
        patch[:] = cv2.warpAffine(crop, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    patches[_LEFT_EYE] = patches[_LEFT_EYE, :, ::-1].copy()
    luma, bright = patches @ LUMA, float(skin @ LUMA)
    edges = _histograms(luma) / (CELL**2 * (bright + 20))
    total = edges.sum(axis=1)
    shape = edges / (np.sqrt((edges**2).sum(axis=1, keepdims=True)) + 0.02)
    level = _cells(np.log((luma + 10) / (bright + 10)))
    tint = (patches[..., [0, 2]] - luma[..., None] - (skin[[0, 2]] - bright)) / (bright + 20)
    colour = np.hypot(_cells(tint[..., 0]), _cells(tint[..., 1]))
    told = (
        *(level.mean(axis=1), np.abs(level).mean(axis=1), level.std(axis=1)),
        *(colour.mean(axis=1), colour.max(axis=1), np.log(total + 0.01)),
    )
    return np.concatenate([shape, np.stack(told, axis=1)], axis=1).astype(np.float32)


def _histograms(luma: Numbers) -> Numbers:
    """Strength of the edges by direction in each cell: n x (BINS x cells)."""
    framed = np.pad(luma, ((0, 0), (1, 1), (1, 1)), mode="edge")
    dx = framed[:, 1:-1, 2:] - framed[:, 1:-1, :-2]
    dy = framed[:, 2:, 1:-1] - framed[:, :-2, 1:-1]
    strength = np.hypot(dx, dy)
    angle = np.arctan2(dy, dx) * (BINS / (2 * np.pi)) % BINS
    away = np.abs(angle[:, None] - np.arange(BINS, dtype=np.float32)[:, None, None])
    share = np.maximum(0, 1 - np.minimum(away, BINS - away))  # each edge is split between two directions
    cells = _cells(share * strength[:, None]) * CELL**2
    return np.asarray(cells.reshape(len(luma), -1), np.float32)


def _cells(values: Numbers) -> Numbers:
    """Means over the cells of patches: ... x HEIGHT x WIDTH -> ... x cells."""
    tiles = values.reshape(*values.shape[:-2], HEIGHT // CELL, CELL, WIDTH // CELL, CELL)
    means = tiles.mean(axis=(-3, -1))
    return np.asarray(means.reshape(*values.shape[:-2], -1), np.float32)


@cache
def _fit() -> tuple[Numbers, Numbers]:
    """Weights (3 x FEATURES) and bias (3) for an eye, the nose and the mouth."""
    text = (resources.files("doorctl.vision") / "occlusion.json").read_text("utf-8")
    parts = [json.loads(text)[part] for part in ("eye", "nose", "mouth")]
    return (
        np.array([part["weights"] for part in parts], np.float32),
        np.array([part["bias"] for part in parts], np.float32),
    )
