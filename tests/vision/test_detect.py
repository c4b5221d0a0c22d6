"""BlazeFace: anchors, the merging of candidates, and real faces."""

from __future__ import annotations

import numpy as np
import pytest

from doorctl.core.records import Image
from doorctl.vision.detect import SPECS, Detector, anchors, iou, letterbox, weighted_nms


def test_short_range_anchors() -> None:
    """896: two a cell on a 16 x 16 grid, then six a cell on an 8 x 8 grid, row by row."""
    grid = anchors(128, SPECS[128].grids)
    assert grid.shape == (896, 2)
    assert grid[:3].tolist() == [[0.03125, 0.03125], [0.03125, 0.03125], [0.09375, 0.03125]]
    assert grid[32].tolist() == [0.03125, 0.09375]
    assert grid[511].tolist() == [0.96875, 0.96875]
    assert (grid[512:518] == 0.0625).all()
    assert grid[518].tolist() == [0.1875, 0.0625]
    assert grid[-1].tolist() == [0.9375, 0.9375]


def test_full_range_anchors() -> None:
    """2,304: one a cell on a 48 x 48 grid."""
    grid = anchors(192, SPECS[192].grids)
    assert grid.shape == (2304, 2)
    assert grid[1] == pytest.approx([1.5 / 48, 0.5 / 48])
    assert grid[48] == pytest.approx([0.5 / 48, 1.5 / 48])


def test_overlap() -> None:
    """Half-shifted unit squares share a third of their union; apart and empty boxes share nothing."""
    box = np.array([0, 0, 2, 2], np.float32)
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [1, 1, 1, 1]], np.float32)
    assert iou(box, others) == pytest.approx([1, 1 / 3, 0, 0])


def test_candidates_of_one_face_become_their_weighted_mean() -> None:
    """Boxes and points are averaged by score, the best score stands, other faces stay apart."""
    rows = np.array([[0, 0, 10, 10, 5, 5], [2, 0, 12, 10, 8, 5], [50, 50, 60, 60, 55, 55]], np.float32)
    merged, scores = weighted_nms(rows, np.array([0.6, 0.9, 0.7], np.float32))
    assert scores == pytest.approx([0.9, 0.7])
    assert merged[0] == pytest.approx([1.2, 0, 11.2, 10, 6.8, 5])
    assert merged[1] == pytest.approx(rows[2])


def test_a_chain_of_candidates_is_cut_where_the_best_one_ends() -> None:
    """Only what overlaps the best candidate itself joins it, not what overlaps its neighbours."""
    rows = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]], np.float32)
    merged, scores = weighted_nms(rows, np.array([0.9, 0.8, 0.7], np.float32))
    assert len(merged) == 2
    assert merged[1] == pytest.approx(rows[2])
    assert scores == pytest.approx([0.9, 0.7])


def test_no_candidates_are_no_faces() -> None:
    """Nothing in, nothing out."""
    merged, scores = weighted_nms(np.empty((0, 16), np.float32), np.empty(0, np.float32))
    assert merged.shape == (0, 16)
    assert scores.shape == (0,)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (600, 200), (50, 50), (3, 900)])
def test_letterbox_can_be_undone(height: int, width: int) -> None:
    """The picture lies in the middle of a black square and maps back onto its own corners."""
    square, offset, scale = letterbox(np.full((height, width, 3), 255, np.uint8), 128)
    lit = np.argwhere(square[..., 0] == 255)
    top, left = lit.min(axis=0)
    bottom, right = lit.max(axis=0) + 1
    assert ((left, top) - offset) * scale == pytest.approx([0, 0])
    assert ((right, bottom) - offset) * scale == pytest.approx([width, height])
    assert abs((128 - bottom) - top) <= 1
    assert abs((128 - right) - left) <= 1


@pytest.mark.parametrize("name", ["detector", "detector_full"])
def test_portraits(name: str, request: pytest.FixtureRequest, hopper: Image, collins: Image) -> None:
    """Both nets find the one face of each portrait, the eyes where a person sees them."""
    detector: Detector = request.getfixturevalue(name)
    for image, right_eye, left_eye, width in (
        (hopper, (218, 193), (304, 189), 215),
        (collins, (205, 101), (245, 103), 100),
    ):
        (face,) = detector(image)
        assert face.keypoints[0] == pytest.approx(right_eye, abs=0.08 * width)
        assert face.keypoints[1] == pytest.approx(left_eye, abs=0.08 * width)
        assert face.box.width == pytest.approx(width, rel=0.25)
        assert 0.7 < face.score <= 1


def test_wide_picture(detector: Detector, hopper: Image) -> None:
    """Beside a picture's own bounds a detection moves with the face."""
    (before,) = detector(hopper)
    wide = np.full((600, 1100, 3), 128, np.uint8)
    wide[:, 500:1012] = hopper
    (after,) = detector(wide)
    assert after.keypoints[:2] - before.keypoints[:2] == pytest.approx(np.array([[500, 0]] * 2), abs=12)


def test_larger_face_comes_first(detector: Detector, hopper: Image) -> None:
    """Of two faces the larger one leads, wherever it stands."""
    small = np.ascontiguousarray(hopper[::2, ::2])
    scene = np.full((600, 800, 3), 128, np.uint8)
    scene[:300, :256], scene[:, 288:] = small, hopper
    for picture, middle in ((scene, 560), (scene[:, ::-1], 240)):
        faces = detector(np.ascontiguousarray(picture))
        assert len(faces) == 2
        assert faces[0].box.left + faces[0].box.width / 2 == pytest.approx(middle, abs=30)
        assert faces[0].box.width > 1.5 * faces[1].box.width


def test_no_face(detector: Detector, detector_full: Detector) -> None:
    """Grey and a single pixel show nobody."""
    for image in (np.full((480, 640, 3), 127, np.uint8), np.zeros((1, 1, 3), np.uint8)):
        assert detector(image) == ()
        assert detector_full(image) == ()
