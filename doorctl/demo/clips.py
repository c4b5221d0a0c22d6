"""Walk-up clips made from a still portrait: what a door camera would see, without a camera.

A portrait stands before a plain wall, comes nearer, stays a moment, and leaves; it sways
a little and the picture carries sensor noise, so that no two frames are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sin

import cv2
import numpy as np

from doorctl.core.records import Box, Image

WIDTH, HEIGHT, FPS = 640, 480, 15
WALL = (148, 156, 160)
NOISE = 2.0
"""Standard deviation of the sensor noise in grey levels, that of a webcam in good light."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How a portrait comes and goes; sizes are face widths as fractions of the frame's width."""

    far: float = 0.08
    near: float = 0.30
    approach_seconds: float = 1.2
    stay_seconds: float = 2.4
    away_seconds: float = 1.6
    """An empty scene afterwards, long enough for the visit to be over."""


def walk_up(portrait: Image, face: Box, walk: Walk = Walk(), *, seed: int) -> Iterator[Image]:
    """Frames (HEIGHT x WIDTH x 3) of one visit.

    Args:
        portrait: a picture with one face.
        face: where the face is in it, in pixels.
        seed: of the noise, so that a clip can be made again.
    """
    rng = np.random.default_rng(seed)
    soft = soft_edge(portrait.shape[:2])
    approach, stay, away = (
        round(s * FPS) for s in (walk.approach_seconds, walk.stay_seconds, walk.away_seconds)
    )
    for i in range(approach + stay):
        nearness = min(1.0, i / approach)
        size = walk.far + (walk.near - walk.far) * nearness
        centre = (
            WIDTH * (0.5 + 0.12 * (1 - nearness) + 0.008 * sin(i / 5)),
            HEIGHT * (0.5 + 0.006 * sin(i / 7)),
        )
        yield _noisy(_place(portrait, soft, face, size * WIDTH / face.width, centre, 1.5 * sin(i / 9)), rng)
    for _ in range(away):
        yield _noisy(wall(), rng)


def wall() -> Image:
    """A frame with nobody in it."""
    return np.full((HEIGHT, WIDTH, 3), WALL, np.uint8)


def soft_edge(shape: tuple[int, ...]) -> Image:
    """A mask that fades out towards the portrait's edges, so that no picture frame is seen."""
    height, width = shape
    rim = max(2, min(height, width) // 12)
    mask = np.zeros((height, width), np.uint8)
    mask[rim:-rim, rim:-rim] = 255
    return cv2.blur(mask, (2 * rim + 1, 2 * rim + 1)).astype(np.uint8)


def _place(
    portrait: Image, soft: Image, face: Box, scale: float, centre: tuple[float, float], tilt: float
) -> Image:
    """The portrait before the wall, its face at ``centre`` (pixels), ``tilt`` degrees to the side."""
    middle = (face.left + face.width / 2, face.top + face.height / 2)
    turn = cv2.getRotationMatrix2D(middle, tilt, scale)
    turn[:, 2] += np.array(centre) - np.array(middle)
    smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = cv2.warpAffine(portrait, turn, (WIDTH, HEIGHT), flags=smaller, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(soft, turn, (WIDTH, HEIGHT))[..., None].astype(np.float32) / 255
    return (picture * alpha + wall() * (1 - alpha)).astype(np.uint8)


def _noisy(image: Image, rng: np.random.Generator) -> Image:
    return np.clip(image + rng.normal(0, NOISE, image.shape), 0, 255).astype(np.uint8)
