"""Faces in still photos: many, small, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from doorctl.core.records import Box, Image
from doorctl.errors import PhotoError
from doorctl.vision.detect import Detection, Detector
from doorctl.vision.find import find_faces
from doorctl.vision.mesh import Mesh, roi_of_detection
from doorctl.vision.observe import Observer


def test_each_face_is_found_once_and_the_largest_leads(
    make_observer: Callable[..., Observer], hopper: Image, collins: Image
) -> None:
    """Two detectors see two people; they stay two."""
    scene = np.zeros((600, 1024, 3), np.uint8)
    scene[:512, :512], scene[:, 512:] = collins, hopper
    faces = make_observer().faces(scene)
    assert len(faces) == 2
    assert faces[0].box.left > 512 > faces[1].box.left
    assert faces[0].box.width > faces[1].box.width
    assert min(face.presence for face in faces) >= 0.5


def test_a_second_sight_of_a_face_costs_nothing(
    make_observer: Callable[..., Observer], hopper: Image
) -> None:
    """The mesh looks twice at a face, not twice for each detector that saw it."""
    observer = make_observer()
    assert len(observer.faces(hopper)) == 1
    assert observer.mesh.net.runs == 2


def test_sights_that_lead_to_one_mesh_are_one_face(detector: Detector, mesh: Mesh, hopper: Image) -> None:
    """A box far too large for the face is another detection, yet no other person."""
    (seen,) = detector(hopper)
    box = seen.box
    wide = Box(box.left - 0.5 * box.width, box.top - 0.5 * box.height, 2 * box.width, 2 * box.height)
    loose = replace(seen, box=wide, score=seen.score / 2)
    assert mesh(hopper, roi_of_detection(loose)).presence >= 0.5, "the mesh finds the face from there too"
    assert len(find_faces(hopper, [lambda image: (seen, loose)], mesh)) == 1


@pytest.mark.parametrize(("left", "top"), [(0, 0), (1300, 150), (2400, 900), (700, 1400)])
def test_a_small_face_in_a_large_photo(
    make_observer: Callable[..., Observer], hopper: Image, left: int, top: int
) -> None:
    """A face a fortieth of the photo's width is found by tiles, at the right place, wherever it is."""
    scene = np.full((1800, 2600, 3), 90, np.uint8)
    small = cv2.resize(hopper, (170, 200), interpolation=cv2.INTER_AREA)
    scene[top : top + 200, left : left + 170] = small
    (face,) = make_observer().faces(scene)
    assert face.box.left + face.box.width / 2 == pytest.approx(left + 267 / 3, abs=6)
    assert face.box.top + face.box.height / 2 == pytest.approx(top + 250 / 3, abs=6)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_that_is_not_upright_is_turned(
    make_observer: Callable[..., Observer], hopper: Image, collins: Image, quarters: int
) -> None:
    """The points come back in pixels of the photo as it is, each where the upright photo has it."""
    observer = make_observer()
    for image in (hopper, collins):
        (upright,) = observer.faces(image)
        turned = np.ascontiguousarray(np.rot90(image, quarters))
        (face,) = observer.faces(turned)
        x, y = upright.landmarks[:, 0], upright.landmarks[:, 1]
        height, width = image.shape[:2]
        expected = {1: (y, width - x), 2: (width - x, height - y), 3: (height - y, x)}[quarters]
        assert np.abs(face.landmarks[:, :2] - np.stack(expected, axis=1)).max() < 6
        assert face.box.width == pytest.approx(np.ptp(face.landmarks[:, 0]), abs=1)
        same = observer.embed(image, upright) @ observer.embed(turned, face)
        assert same > 0.97


def test_a_picture_that_lies_beside_somebody_takes_nobodys_place(
    detector: Detector, mesh: Mesh, hopper: Image, collins: Image
) -> None:
    """Somebody in dark glasses leads, though a detector that overlooks her once she lies on her side sees
    nothing but the small picture beside her then, and sees it upright."""
    points = find_faces(hopper, [detector], mesh)[0].landmarks[:, :2]
    scene = np.full((600, 712, 3), 90, np.uint8)
    scene[:, :512] = hopper
    apart = float(np.linalg.norm(points[33] - points[263]))
    for corners in ((33, 133), (263, 362)):
        x, y = points[list(corners)].mean(axis=0).round().astype(int).tolist()
        cv2.ellipse(scene, (x, y), (int(0.3 * apart), int(0.22 * apart)), 0, 0, 360, (25, 20, 20), -1)
    small = cv2.resize(collins[40:240, 130:330], (200, 200))
    scene[200:400, 512:] = np.rot90(small)

    def detect(image: Image) -> tuple[Detection, ...]:
        return tuple(d for d in detector(image) if image.shape == scene.shape or d.box.width < 120)

    covered, *others = find_faces(scene, [detect], mesh)
    assert covered.box.left + covered.box.width / 2 == pytest.approx(float(points[:, 0].mean()), abs=25)
    assert others, "the turned picture is seen too"
    assert others[0].box.left > 500


def test_nobody(make_observer: Callable[..., Observer]) -> None:
    """An empty scene has no face, by tiles either."""
    assert make_observer().faces(np.full((900, 700, 3), 90, np.uint8)) == ()


def test_one_detector_is_enough(make_observer: Callable[..., Observer], hopper: Image) -> None:
    """Without the full-range net the short-range one does it."""
    assert len(make_observer(detector_full=None).faces(hopper)) == 1


@pytest.mark.parametrize(
    "image",
    [None, "photo.jpg", np.zeros((9, 9)), np.zeros((9, 9, 4), np.uint8), np.zeros((0, 9, 3), np.uint8)],
)
def test_what_is_no_picture_is_refused(make_observer: Callable[..., Observer], image: Image) -> None:
    """A wrong kind, shape or type is told, not crashed on."""
    with pytest.raises(PhotoError, match="cannot be judged"):
        make_observer().faces(image)
