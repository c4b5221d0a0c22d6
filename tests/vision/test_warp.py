"""The crop: exact where it can be, without aliasing where it shrinks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.vision.warp import apply, inverse, warp

IDENTITY = np.array([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)])


def test_nothing_moves_without_a_reason() -> None:
    """The identity gives the picture back."""
    image = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    assert (warp(image, IDENTITY, 30, 20) == image).all()


@pytest.mark.parametrize("scale", [0.5, 0.25, 0.1])
def test_shrinking_averages(scale: float) -> None:
    """Stripes one pixel wide become their mean, at every phase, instead of a beat pattern."""
    image = np.zeros((400, 400, 3), np.uint8)
    image[:, ::2] = 200
    for shift in (0.0, 0.3, 0.5):
        crop = warp(image, np.array([(scale, 0, shift - 5), (0, scale, -5)]), 24, 24)
        assert np.abs(crop.astype(int) - 100).max() <= 10


@pytest.mark.parametrize("scale", [2.0, 1.0, 0.6, 0.4, 0.11])
def test_a_place_keeps_its_place(scale: float) -> None:
    """The centre of a bright disc lands where the matrix says, whatever the scale."""
    y, x = np.mgrid[:600, :600] + 0.5
    at = np.array([333.0, 251.0])
    image = np.repeat((np.hypot(x - at[0], y - at[1]) < 40)[..., None] * np.uint8(255), 3, axis=2)
    matrix = np.array([(0.8 * scale, 0.6 * scale, 0.0), (-0.6 * scale, 0.8 * scale, 0.0)])
    matrix[:, 2] = (100, 100) - matrix[:, :2] @ at + (3.25, -7.5)
    light = warp(image, matrix, 200, 200)[..., 0].astype(float)
    rows, columns = np.mgrid[:200, :200] + 0.5
    centre = [(light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()]
    assert centre == pytest.approx([103.25, 92.5], abs=0.15)


@given(st.floats(0.51, 4), st.floats(-np.pi, np.pi), st.floats(-50, 450), st.floats(-50, 350))
def test_a_crop_is_what_the_whole_picture_gives(scale: float, angle: float, x: float, y: float) -> None:
    """Reading only the part that is shown, in four channels, changes no value by more than rounding does."""
    image = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 256, (300, 400, 3), np.uint8), (0, 0), 2)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([(cos, -sin, 0.0), (sin, cos, 0.0)])
    matrix[:, 2] = (48, 40) - matrix[:, :2] @ (x, y)
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    whole = cv2.warpAffine(image, shifted, (96, 80), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    crop = warp(np.asarray(image, np.uint8), matrix, 96, 80)
    assert np.abs(crop.astype(int) - whole).max() <= 1


@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_outside_the_picture(scale: float) -> None:
    """Beyond the edge the edge is repeated, even where the crop shows nothing else, or is a universe away."""
    image = np.full((50, 50, 3), 77, np.uint8)
    for shift in (-30.0, 500.0, 1e7):
        assert (warp(image, np.array([(scale, 0, shift), (0, scale, shift)]), 40, 40) == 77).all()


def test_inverse() -> None:
    """Mapped there and back, points are where they were."""
    matrix = np.array([(0.3, -0.7, 12.0), (0.7, 0.3, -5.0)])
    points = np.array([(1.0, 2.0), (-3.0, 40.0)])
    assert apply(inverse(matrix), apply(matrix, points)) == pytest.approx(points)
