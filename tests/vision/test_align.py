"""Alignment: known similarities come back, and a face lands on the card's points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.card import Calibration, ModelCard, Recognition
from doorctl.errors import ModelError
from doorctl.vision.align import Aligner, similarity
from doorctl.vision.warp import apply

RECOGNITION = Recognition(
    reference_points=((0.25, 0.25), (0.75, 0.25), (0.5, 0.75)),
    mesh_points=((0, 1), (2,), (3,)),
    margin=0.1,
    calibration=Calibration(((0.0, 0.0), (1.0, 1.0)), "made up"),
    domain_allowance=1.0,
    refusals=(),
)
CARD = ModelCard("made_up", "embedder", 120, 80, "BGR", (0, 0, 0), 1.0, "", "", RECOGNITION)
FIVE = np.array([(38.0, 52.0), (74.0, 51.0), (56.0, 72.0), (42.0, 92.0), (71.0, 92.0)])


@given(st.floats(0.01, 50), st.floats(-np.pi, np.pi), st.floats(-3000, 3000), st.floats(-3000, 3000))
def test_a_known_similarity_is_recovered(scale: float, angle: float, x: float, y: float) -> None:
    """Points moved by any scale, rotation and shift give exactly these back."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([(cos, -sin, x), (sin, cos, y)])
    assert similarity(FIVE, apply(matrix, FIVE)) == pytest.approx(matrix, abs=1e-6 * max(1, abs(x), abs(y)))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=5, max_size=5))
def test_no_small_change_fits_better(target: list[tuple[float, float]]) -> None:
    """For points that no similarity maps exactly the result is the least-squares one."""
    goal = np.array(target)
    best = similarity(FIVE, goal)

    def error(cos: float, sin: float, x: float, y: float) -> float:
        return float(((apply(np.array([(cos, -sin, x), (sin, cos, y)]), FIVE) - goal) ** 2).sum())

    found = np.array([best[0, 0], best[1, 0], best[0, 2], best[1, 2]])
    for step in np.concatenate([np.eye(4), -np.eye(4)]) * 1e-2:
        assert error(*(found + step)) >= error(*found) - 1e-6


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    """A reflection would fit better, and would make a left face a right one: it is left out."""
    mirrored = FIVE * (-1, 1)
    matrix = similarity(mirrored, FIVE)
    assert np.linalg.det(matrix[:, :2]) > 0
    assert np.abs(apply(matrix, mirrored) - FIVE).max() > 5


def test_points_that_coincide_are_refused() -> None:
    """A face without extent has no direction and no size."""
    with pytest.raises(ModelError, match="coincide"):
        similarity(np.ones((5, 2)), FIVE)


@pytest.mark.parametrize("zoom", [0.5, 1.0, 5.0])
def test_landmarks_land_on_the_reference_points(zoom: float) -> None:
    """Marks drawn at the landmarks appear at the card's points, the mean of two counting as one."""
    image = np.zeros((round(400 * zoom), round(500 * zoom), 3), np.uint8)
    points = np.array([(110, 80, 9), (130, 120, 9), (270, 100, 9), (195, 250, 9)], np.float32)
    points[:, :2] *= zoom
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    places = np.array([points[:2, :2].mean(axis=0), points[2, :2], points[3, :2]])
    for channel, place in enumerate(places):
        image[..., channel] = 255 * (np.hypot(x - place[0], y - place[1]) < 14 * zoom)
    crop = Aligner(CARD)(image, points).astype(float)
    assert crop.shape == (80, 120, 3)
    expected = apply(similarity(places, np.array([(30, 20), (90, 20), (60, 60)])), places)
    rows, columns = np.mgrid[:80, :120] + 0.5
    for channel in range(3):
        light = crop[..., channel]
        centre = [(light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()]
        assert centre == pytest.approx(expected[channel], abs=0.3)


def test_a_card_without_reference_points_is_refused() -> None:
    """Only an embedder's card says where a face goes."""
    with pytest.raises(ModelError, match="not an embedder"):
        Aligner(replace(CARD, recognition=None))
