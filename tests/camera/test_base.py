"""Turning a picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from doorctl.camera.base import ROTATIONS, turn

CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@pytest.mark.parametrize("degrees", ROTATIONS)
def test_it_turns_clockwise(degrees: int) -> None:
    """The same as OpenCV's own rotation, and ready for C code."""
    image = np.random.default_rng(1).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    expected = cv2.rotate(image, CODES[degrees]) if degrees else image
    turned = turn(image, degrees)
    assert np.array_equal(turned, expected)
    assert turned.flags.c_contiguous
