"""Gates on made-up faces; measures of the two portraits, turned, moved, spoilt and covered."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from doorctl.core.quality import Quality
from doorctl.core.records import Box, Face, Gate, Image
from doorctl.vision.observe import Observer
from doorctl.vision.quality import gate_of, measure

Measure = Callable[[Image], Quality]


@pytest.fixture
def measured(make_observer: Callable[..., Observer]) -> Measure:
    """Measures of the largest face of a picture."""
    observer = make_observer()
    return lambda image: measure(image, observer.faces(image)[0])


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


def squeezed(landmarks: np.ndarray[tuple[int, ...], np.dtype[np.float32]], yaw: float) -> Face:
    """A face's points turned to the side in space."""
    angle = np.radians(yaw)
    turn = np.array([(np.cos(angle), 0, -np.sin(angle)), (0, 1, 0), (np.sin(angle), 0, np.cos(angle))])
    middle = landmarks.mean(axis=0)
    turned = ((landmarks - middle) @ turn.T + middle).astype(np.float32)
    box = Box(*turned[:, :2].min(axis=0).tolist(), *np.ptp(turned[:, :2], axis=0).tolist())
    return Face(box, turned, 1.0, 0.3)


def test_a_portrait_from_the_front_is_measured_so(measured: Measure, hopper: Image) -> None:
    """Angles near 0, nothing covered, sharp, whole; the size is the face's width."""
    seen = measured(hopper)
    assert max(abs(seen.yaw), abs(seen.pitch), abs(seen.roll)) < 15
    assert max(seen.eyes_occluded, seen.nose_occluded, seen.mouth_occluded) < 0.05
    assert seen.sharpness > 0.6
    assert seen.integrity == 1.0
    assert seen.size == pytest.approx(188, abs=3)
    assert -0.5 < seen.brightness < 0.9


@pytest.mark.parametrize("angle", [-60, -30, 30, 60, 120, 180])
def test_roll_is_the_tilt_of_the_picture(measured: Measure, hopper: Image, angle: int) -> None:
    """Clockwise is positive; the other measures stay as they were."""
    matrix = cv2.getRotationMatrix2D((256, 300), -angle, 0.8)  # OpenCV turns the other way
    before = measured(np.asarray(cv2.resize(hopper, None, fx=0.8, fy=0.8), np.uint8))
    after = measured(np.asarray(cv2.warpAffine(hopper, matrix, (512, 600)), np.uint8))
    assert abs((after.roll - before.roll - angle + 180) % 360 - 180) < 5
    assert abs(after.yaw - before.yaw) < 8
    assert abs(after.pitch - before.pitch) < 8
    assert after.size == pytest.approx(before.size, rel=0.05)
    assert after.sharpness == pytest.approx(before.sharpness, abs=0.15)


def test_a_mirrored_face_looks_the_other_way(measured: Measure, collins: Image) -> None:
    """Yaw and roll change sign, pitch does not."""
    one, other = measured(collins), measured(np.ascontiguousarray(collins[:, ::-1]))
    assert one.yaw == pytest.approx(-other.yaw, abs=4)
    assert one.roll == pytest.approx(-other.roll, abs=4)
    assert one.pitch == pytest.approx(other.pitch, abs=4)


@pytest.mark.parametrize("yaw", [-50, -25, 25, 50])
def test_points_turned_in_space_are_told_by_their_angle(
    make_observer: Callable[..., Observer], hopper: Image, yaw: int
) -> None:
    """The mesh's own points, turned by known angles: positive is towards the picture's right edge."""
    face = make_observer().faces(hopper)[0]
    before, after = measure(hopper, face), measure(hopper, squeezed(face.landmarks, yaw))
    assert after.yaw - before.yaw == pytest.approx(yaw, abs=3)
    assert after.roll == pytest.approx(before.roll, abs=6)


def test_spoiling_a_picture_moves_its_measure(measured: Measure, hopper: Image) -> None:
    """Blur and a moved camera, along or across, lower sharpness step by step; light moves brightness."""
    blurs = [hopper, *(cv2.GaussianBlur(hopper, (0, 0), sigma) for sigma in (2, 4, 6, 8))]
    assert sorted((measured(np.asarray(i, np.uint8)).sharpness for i in blurs), reverse=True) == [
        measured(np.asarray(i, np.uint8)).sharpness for i in blurs
    ]
    plain = measured(hopper)
    for size in ((25, 1), (1, 25)):
        assert measured(np.asarray(cv2.blur(hopper, size), np.uint8)).sharpness < plain.sharpness / 2
    lights = [
        measured(np.clip(hopper * light, 0, 255).astype(np.uint8)).brightness
        for light in (0.2, 0.5, 1.0, 2.0)
    ]
    assert lights == sorted(lights)
    assert lights[1] == pytest.approx((lights[2] + 1) / 2 - 1, abs=0.03), (
        "half the light, half the way to black"
    )
    dim = measured((hopper * 0.3).astype(np.uint8))
    assert dim.sharpness == pytest.approx(plain.sharpness, abs=0.15), "dim light is no blur"


def test_a_face_off_the_edge_is_not_whole(measured: Measure, hopper: Image) -> None:
    """The share of the face within the picture, and how far its middle is from the picture's."""
    whole, cut = measured(hopper), measured(np.ascontiguousarray(hopper[:, 230:]))
    assert cut.integrity == pytest.approx(0.7, abs=0.1)
    assert whole.integrity == 1.0
    assert 0 <= whole.off_centre < cut.off_centre <= 1


@pytest.mark.parametrize(
    ("yaw", "eye"), [(0, "right eye"), (0, "left eye"), (45, "right eye"), (-45, "left eye")]
)
def test_an_eye_that_is_turned_away_is_not_called_covered(
    make_observer: Callable[..., Observer], hopper: Image, monkeypatch: pytest.MonkeyPatch, yaw: int, eye: str
) -> None:
    """From the front the more covered eye counts, of a turned face only the nearer."""
    face = squeezed(make_observer().faces(hopper)[0].landmarks, yaw)
    told = (0.9, 0.1, 0.0, 0.0) if eye == "right eye" else (0.1, 0.9, 0.0, 0.0)
    for parts in (told, (told[1], told[0], 0.0, 0.0)):
        monkeypatch.setattr("doorctl.vision.quality.occlusion", lambda *_, parts=parts: parts)
        expected = 0.9 if not yaw or parts == told else 0.1
        assert measure(hopper, face).eyes_occluded == expected


@pytest.mark.parametrize("cover", ["right eye", "left eye", "mouth", "nose"])
def test_a_hand_over_a_part_is_told_of_that_part(
    make_observer: Callable[..., Observer], hopper: Image, cover: str
) -> None:
    """A skin-coloured patch over one part raises that part's measure above the others'."""
    observer = make_observer()
    points = observer.faces(hopper)[0].landmarks[:, :2]
    ids = {"right eye": (33, 133), "left eye": (263, 362), "mouth": (13, 14), "nose": (4, 2)}[cover]
    x, y = points[list(ids)].mean(axis=0).round().astype(int).tolist()
    image = hopper.copy()
    skin = np.median(hopper[int(points[50, 1]), int(points[50, 0]) - 4 : int(points[50, 0]) + 4], axis=0)
    cv2.ellipse(image, (x, y), (38, 28), 0, 0, 360, skin.tolist(), -1)
    seen = measure(image, observer.faces(image)[0])
    told = {"eye": seen.eyes_occluded, "mouth": seen.mouth_occluded, "nose": seen.nose_occluded}
    assert told.pop(cover.split()[-1]) > 0.1, "a bare nose is under 0.001"
    assert max(told.values()) < 0.05
