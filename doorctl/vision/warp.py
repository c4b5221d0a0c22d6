"""Cutting a turned, scaled crop out of a picture without aliasing.

Points are continuous here: a pixel covers a unit square and its centre lies at a half.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.core.records import Image

Matrix = NDArray[np.float64]
"""2 x 3, maps (x, y, 1) to (x, y)."""

REDUCE_FROM = 0.5
"""Bilinear sampling reads 2 x 2 pixels; where the crop takes steps that long, pixels
would be skipped, so the picture is first reduced by averaging."""


def warp(image: Image, matrix: Matrix, width: int, height: int) -> Image:
    """Draw the picture through ``matrix`` into a crop; outside the picture its edge is repeated.

    Args:
        image: any picture.
        matrix: picture to crop, a similarity.
        width, height: of the crop, pixels.

    Returns:
        height x width x 3.
    """
    (a, b, x), (c, d, y) = matrix.tolist()
    scale = math.sqrt(abs(a * d - b * c))
    k = int(1 / scale) if scale <= REDUCE_FROM else 1
    left, top, right, bottom = _shown(matrix, width, height, image.shape, margin=2 * k)
    across, down = (right - left) // k, (bottom - top) // k
    if across < 1 or down < 1:  # the crop shows nothing of the picture but its repeated edge
        part, k, left, top = image, 1, 0, 0
    else:
        part = image[top : top + down * k, left : left + across * k]
    x, y = x + a * left + b * top, y + c * left + d * top
    if k > 1:
        # By a whole k averaging is many times faster; the crop's steps are then below 2 pixels.
        part = np.asarray(cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA), np.uint8)
        a, b, c, d = a * k, b * k, c * k, d * k
    # OpenCV counts from the first pixel's centre.
    shifted = np.array([(a, b, x + (a + b - 1) / 2), (c, d, y + (c + d - 1) / 2)])
    # Four channels: OpenCV draws them in half the time of three, to the same values.
    crop = cv2.warpAffine(
        cv2.cvtColor(part, cv2.COLOR_BGR2BGRA),
        shifted,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGRA2BGR), np.uint8)


def apply(matrix: Matrix, points: NDArray[np.floating]) -> Matrix:
    """Map n x 2 points."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def inverse(matrix: Matrix) -> Matrix:
    """The matrix that maps back."""
    (a, b, x), (c, d, y) = matrix.tolist()
    det = a * d - b * c
    a, b, c, d = d / det, -b / det, -c / det, a / det
    return np.array([(a, b, -a * x - b * y), (c, d, -c * x - d * y)])


def _shown(
    matrix: Matrix, width: int, height: int, shape: tuple[int, ...], margin: int
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of a picture that a crop shows, with a margin round it."""
    (a, b, x), (c, d, y) = inverse(matrix).tolist()
    middle = (a * width + b * height) / 2 + x, (c * width + d * height) / 2 + y
    reach = (abs(a) * width + abs(b) * height) / 2, (abs(c) * width + abs(d) * height) / 2
    limits = shape[1], shape[0]
    # Clamped as floats: far outside the picture a cast to int could overflow.
    low, high = (
        [
            int(min(max(m + sign * (r + margin), 0.0), n))
            for m, r, n in zip(middle, reach, limits, strict=True)
        ]
        for sign in (-1, 1)
    )
    return low[0], low[1], high[0], high[1]
