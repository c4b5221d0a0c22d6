"""Face Mesh: points where the face has them, however the picture lies."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from doorctl.core.records import Box, Face, Image
from doorctl.vision.detect import Detection, Detector
from doorctl.vision.mesh import LEFT_EYE, RIGHT_EYE, Mesh, Roi, bounds, roi_of_detection, roi_of_face
from doorctl.vision.warp import apply

NOSE_TIP, CHIN = 1, 152


def find(detector: Detector, mesh: Mesh, image: Image) -> Face:
    """The largest face's mesh, placed twice as in tracking."""
    first = mesh(image, roi_of_detection(detector(image)[0]))
    return mesh(image, roi_of_face(first))


def test_points_lie_where_a_person_sees_them(
    detector: Detector, mesh: Mesh, hopper: Image, collins: Image
) -> None:
    """Eye corners, nose tip and chin of both portraits, read off by eye, within 4 % of the face."""
    places = {
        "hopper": (
            hopper,
            {RIGHT_EYE: (199, 193), LEFT_EYE: (328, 187), NOSE_TIP: (268, 245), CHIN: (271, 334)},
        ),
        "collins": (
            collins,
            {RIGHT_EYE: (194, 101), LEFT_EYE: (257, 105), NOSE_TIP: (223, 131), CHIN: (220, 177)},
        ),
    }
    for image, points in places.values():
        face = find(detector, mesh, image)
        assert face.presence > 0.95
        assert face.size == pytest.approx(face.box.width / image.shape[1])
        for index, place in points.items():
            assert face.landmarks[index, :2] == pytest.approx(place, abs=0.04 * face.box.width)
        depth = face.landmarks[:, 2]
        assert depth[NOSE_TIP] < depth[[RIGHT_EYE, LEFT_EYE]].min(), "the nose is nearer than the eyes"
        assert 0.2 < np.ptp(depth) / face.box.width < 1.2, "depth is on the scale of x"


@pytest.mark.parametrize(
    ("angle", "scale", "shift"),
    [(0, 1, (60, -35)), (30, 1, (0, 0)), (-40, 1, (0, 0)), (0, 0.5, (0, 0)), (15, 2, (0, 0))],
)
def test_points_move_with_the_picture(
    detector: Detector, mesh: Mesh, hopper: Image, angle: float, scale: float, shift: tuple[float, float]
) -> None:
    """Turning, scaling or shifting the picture moves every point accordingly, within 2 % of the face."""
    before = find(detector, mesh, hopper)
    matrix = np.asarray(cv2.getRotationMatrix2D((268.0, 250.0), angle, scale), np.float64)
    matrix[:, 2] += np.array(shift)
    moved = np.asarray(cv2.warpAffine(hopper, matrix, (512, 600), flags=cv2.INTER_AREA), np.uint8)
    after = find(detector, mesh, moved)
    expected = apply(matrix, before.landmarks[:, :2])
    assert np.abs(after.landmarks[:, :2] - expected).mean() < 0.02 * scale * before.box.width


def test_presence_tells_a_face_from_none(mesh: Mesh, hopper: Image) -> None:
    """Noise, grey and a medal are no faces."""
    noise = np.random.default_rng(3).integers(0, 256, (200, 200, 3), np.uint8)
    for image, roi in (
        (noise, Roi(100, 100, 150, 0)),
        (np.full((200, 200, 3), 128, np.uint8), Roi(100, 100, 150, 0)),
        (hopper, Roi(420, 520, 120, 0)),
    ):
        assert mesh(image, roi).presence < 0.5


def test_roi_of_a_detection() -> None:
    """Centred on the box, 1.5 times its longer side, turned by the eyes' line."""
    points = np.zeros((6, 2), np.float32)
    points[:2] = (100, 100), (140, 140)
    roi = roi_of_detection(Detection(Box(80, 90, 100, 60), points, 0.9))
    assert (roi.x, roi.y, roi.side) == (130, 120, 150)
    assert roi.angle == pytest.approx(np.pi / 4)
    along = roi.matrix(192)[:, :2] @ (points[1] - points[0])
    assert along[1] == pytest.approx(0, abs=1e-9), "the eyes are level in the crop"
    assert along[0] > 0, "and the right way up"
    assert apply(roi.matrix(192), np.array([(130.0, 120.0)]))[0] == pytest.approx([96, 96])


def test_roi_of_a_face() -> None:
    """Round the face's box, which bounds the landmarks, and level by the outer corners of the eyes."""
    landmarks = np.tile(np.array([50, 50, 0], np.float32), (468, 1))
    landmarks[RIGHT_EYE], landmarks[LEFT_EYE], landmarks[CHIN] = (20, 40, 0), (80, 40, 0), (50, 120, 0)
    face = Face(bounds(landmarks), landmarks, 1.0, 0.1)
    assert roi_of_face(face) == Roi(50, 80, 120, 0)
