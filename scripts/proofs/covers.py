"""Things drawn over a face, to see whether they are noticed: glasses, hands, masks and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.core.records import Image, Vector

Points = NDArray[np.float64]
RIGHT, LEFT, NOSE, MOUTH = range(4)
"""Parts of a face, in the order of ``vision.occlusion.features``."""

_JAW = [234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152]
_JAW += [377, 400, 378, 379, 365, 397, 288, 361, 323, 454]


@dataclass(frozen=True, slots=True)
class Cover:
    """What is drawn: outlines for a face's points, filled with one kind of stuff."""

    name: str
    parts: tuple[int, ...]
    outline: Callable[[Points, np.random.Generator], list[Points]]
    stuff: str


def draw(image: Image, landmarks: Vector, cover: Cover, other: Image, rng: np.random.Generator) -> Image:
    """The picture with a face covered.

    Args:
        image: BGR.
        landmarks: of the face in it, 468 x 3.
        cover: what is drawn; where and how exactly is up to chance.
        other: a picture to take patterns from.
        rng: the chance.
    """
    points = landmarks[:, :2].astype(float)
    mask = np.zeros(image.shape[:2], np.uint8)
    for outline in cover.outline(points, rng):
        cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 255)
    soft = (
        cv2.GaussianBlur(mask, (0, 0), max(0.5, _eyes_apart(points) / 50)).astype(np.float32)[..., None] / 255
    )
    painted = image * (1 - soft) + _stuff(image, points, cover.stuff, other, rng) * soft
    return np.asarray(np.clip(painted, 0, 255), np.uint8)


def _stuff(
    image: Image, points: Points, stuff: str, other: Image, rng: np.random.Generator
) -> NDArray[np.float32]:
    height, width = image.shape[:2]
    if stuff == "pattern":
        scaled = cv2.resize(other, (width, height))
        shift = int(rng.integers(height // 6, height)), int(rng.integers(width // 6, width))
        return np.roll(scaled, shift, (0, 1)).astype(np.float32)
    if stuff == "skin":
        x, y = points[[50, 280, 205, 425, 151]].T
        inside = np.clip(y, 0, height - 1).astype(int), np.clip(x, 0, width - 1).astype(int)
        colour, shade = (
            np.median(image[inside], axis=0) * rng.uniform(0.8, 1.1) * rng.uniform(0.96, 1.04, 3),
            0.08,
        )
    elif stuff == "dark":
        colour, shade = np.full(3, rng.uniform(8, 45)) + rng.uniform(0, 10, 3), 0.25
    elif stuff == "white":
        colour, shade = np.full(3, rng.uniform(190, 245)), 0.06
    elif stuff == "surgical":
        colour, shade = np.array([225, 200, 150]) * rng.uniform(0.7, 1.05), 0.06
    else:
        colour, shade = rng.uniform(10, 245, 3), 0.1
    return np.asarray(colour * (1 + shade * _shading((height, width), points, rng)[..., None]), np.float32)


def _shading(shape: tuple[int, int], points: Points, rng: np.random.Generator) -> NDArray[np.float64]:
    """Folds and grain, about -1 to 1."""
    y, x = np.mgrid[: shape[0], : shape[1]] / _eyes_apart(points)
    angle, step, start = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.2), rng.uniform(0, 2 * np.pi)
    folds = np.sin((x * np.cos(angle) + y * np.sin(angle)) * step * 2 + start)
    grain = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), 1.5)
    return np.asarray(folds + 0.4 * grain, np.float64)


def _eyes_apart(points: Points) -> float:
    return max(float(np.linalg.norm(points[[33, 133]].mean(axis=0) - points[[263, 362]].mean(axis=0))), 1.0)


def _oval(points: Points, middle: Points, wide: float, high: float) -> Points:
    """An ellipse along the eyes' line; half its axes in units of the eyes' distance."""
    across = points[[263, 362]].mean(axis=0) - points[[33, 133]].mean(axis=0)
    down = np.array([-across[1], across[0]])
    turn = np.linspace(0, 2 * np.pi, 40)[:, None]
    return np.asarray(middle + np.cos(turn) * wide * across + np.sin(turn) * high * down)


def _eye(points: Points, ids: tuple[int, int]) -> Points:
    return np.asarray(points[list(ids)].mean(axis=0))


def _glasses(points: Points, rng: np.random.Generator) -> list[Points]:
    wide, high = rng.uniform(0.36, 0.45), rng.uniform(0.24, 0.36)
    right, left = _eye(points, (33, 133)), _eye(points, (263, 362))
    bridge = _oval(points, (right + left) / 2, 0.3, 0.03)
    return [_oval(points, right, wide, high), _oval(points, left, wide, high), bridge]


def _bar(points: Points, rng: np.random.Generator) -> list[Points]:
    right, left = _eye(points, (33, 133)), _eye(points, (263, 362))
    across = left - right
    down = np.array([-across[1], across[0]]) * rng.uniform(0.2, 0.32)
    right, left = right - 0.45 * across, left + 0.45 * across
    return [np.array([right - down, left - down, left + down, right + down])]


def _over(*ids: int, wide: float, high: float) -> Callable[[Points, np.random.Generator], list[Points]]:
    def outline(points: Points, rng: np.random.Generator) -> list[Points]:
        size = rng.uniform(0.9, 1.15)
        return [_oval(points, points[list(ids)].mean(axis=0), wide * size, high * size)]

    return outline


def _mask(points: Points, rng: np.random.Generator) -> list[Points]:
    return [points[[*_JAW, 340, 6 if rng.random() < 0.5 else 195, 111]]]


def _scarf(points: Points, rng: np.random.Generator) -> list[Points]:
    return [points[[*_JAW[2:-2], 425, 2, 205]]]


_RIGHT_EYE, _LEFT_EYE = _over(33, 133, wide=0.42, high=0.33), _over(263, 362, wide=0.42, high=0.33)
_NOSE, _MOUTH = _over(4, 2, 195, wide=0.4, high=0.38), _over(61, 291, 13, 14, wide=0.55, high=0.36)

COVERS = (
    *(Cover("dark glasses", (RIGHT, LEFT), _glasses, stuff) for stuff in ("dark",)),
    *(Cover(f"{stuff} bar", (RIGHT, LEFT), _bar, stuff) for stuff in ("dark", "coloured")),
    *(
        Cover(f"{stuff} patch, right eye", (RIGHT,), _RIGHT_EYE, stuff)
        for stuff in ("skin", "coloured", "pattern")
    ),
    *(
        Cover(f"{stuff} patch, left eye", (LEFT,), _LEFT_EYE, stuff)
        for stuff in ("skin", "coloured", "pattern")
    ),
    *(Cover(f"{stuff} patch, nose", (NOSE,), _NOSE, stuff) for stuff in ("skin", "coloured", "pattern")),
    *(Cover(f"{stuff} patch, mouth", (MOUTH,), _MOUTH, stuff) for stuff in ("skin", "coloured", "pattern")),
    *(
        Cover(f"{stuff} mask", (NOSE, MOUTH), _mask, stuff)
        for stuff in ("white", "surgical", "dark", "coloured")
    ),
    *(Cover(f"{stuff} scarf", (MOUTH,), _scarf, stuff) for stuff in ("coloured", "pattern")),
)
"""Skin stands for a hand."""
