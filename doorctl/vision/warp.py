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
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    if scale <= REDUCE_FROM:
        image, matrix = _reduced(image, matrix, width, height, scale)
    linear = matrix[:, :2]
    shift = matrix[:, 2] + linear @ (0.5, 0.5) - 0.5  # OpenCV counts from the first pixel's centre
    crop = cv2.warpAffine(
        image,
        np.column_stack([linear, shift]),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(crop, np.uint8)


def apply(matrix: Matrix, points: NDArray[np.floating]) -> Matrix:
    """Map n x 2 points."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def inverse(matrix: Matrix) -> Matrix:
    """The matrix that maps back."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def _reduced(image: Image, matrix: Matrix, width: int, height: int, scale: float) -> tuple[Image, Matrix]:
    """The part of the picture that the crop shows, each k x k pixels averaged to one.

    k is whole, for which averaging is many times faster; the crop's steps are then below 2 pixels.
    """
    k = int(1 / scale)
    corners = apply(inverse(matrix), np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64))
    limits = (image.shape[1], image.shape[0])
    # Clamped as floats: far outside the picture a cast to int could overflow.
    left, top = (int(v) for v in np.clip(corners.min(axis=0) - 2 * k, 0, limits))
    right, bottom = (int(v) for v in np.clip(corners.max(axis=0) + 2 * k, 0, limits))
    w, h = (right - left) // k, (bottom - top) // k
    if w < 1 or h < 1:
        return image, matrix  # the crop shows nothing of the picture but its repeated edge
    part = image[top : top + h * k, left : left + w * k]
    small = np.asarray(cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    linear = matrix[:, :2]
    return small, np.column_stack([linear * k, linear @ (left, top) + matrix[:, 2]])
