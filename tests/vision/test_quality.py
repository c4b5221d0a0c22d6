"""Gates on made-up faces."""

from __future__ import annotations

import numpy as np
import pytest

from doorctl.core.records import Box, Face, Gate
from doorctl.vision.quality import gate_of


def face(left: float, width: float, top: float = 50) -> Face:
    """Landmarks spread evenly over a square of a picture 400 wide and 200 high."""
    x, y = np.meshgrid(np.linspace(left, left + width, 26), np.linspace(top, top + width, 18))
    landmarks = np.stack([x.ravel(), y.ravel(), np.zeros(468)], axis=1).astype(np.float32)
    return Face(Box(left, top, width, width), landmarks, 1.0, width / 400)


@pytest.mark.parametrize(
    ("seen", "gate"),
    [
        (face(150, 100), Gate.PASSED),
        (face(150, 40), Gate.PASSED),
        (face(150, 39), Gate.TOO_SMALL),
        (face(-2, 100), Gate.PASSED),
        (face(-10, 100), Gate.OUT_OF_VIEW),
        (face(310, 100), Gate.OUT_OF_VIEW),
        (face(150, 100, top=-20), Gate.OUT_OF_VIEW),
        (face(150, 100, top=120), Gate.OUT_OF_VIEW),
        (face(-10, 39), Gate.TOO_SMALL),
    ],
)
def test_gates(seen: Face, gate: Gate) -> None:
    """Too small below the fraction; out of view when more than a twentieth of the mesh is cut off."""
    assert gate_of(seen, (200, 400, 3), min_face=0.1) is gate
