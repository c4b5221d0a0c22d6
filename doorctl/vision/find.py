"""All faces in a still photo, however small: what enrolment and ``identify`` start from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from doorctl.core.records import Box, Face, Image
from doorctl.vision.detect import SAME_FACE_IOU, Detection
from doorctl.vision.mesh import MIN_PRESENCE, Mesh, bounds, roi_of_detection, roi_of_face
from doorctl.vision.quality import measure

Detect = Callable[[Image], tuple[Detection, ...]]
"""A detector, as far as it matters here."""

TILE_DIVISORS = (1, 2, 4)
"""Tiles are squares of the picture's short side over these, tried in turn. A detector sees a face
down to about a tenth of its input's width, so the last round finds one of a fortieth."""

MIN_TILE = 192
"""Smallest tile in pixels: the finest input of a detector, below which there is nothing to gain."""


SURE_PRESENCE = 0.999
SURE_IN_VIEW = 0.05
SURE_ROLL = 45.0
"""What the largest face keeps to in an upright photo, by the mesh's presence, by how likely it is that a part
of it is covered, and in degrees. Upside down a mesh is often laid over a face too, eyes on the mouth, and is
told by these; ``scripts/prove quality`` counts how often they err."""


def find_faces(image: Image, detectors: Iterable[Detect], mesh: Mesh) -> tuple[Face, ...]:
    """Every face that a detector sees and the mesh confirms, largest first.

    Where the largest does not look like one in an upright photo, or there is none, the photo is
    turned by quarters until it does; if it never does, what was seen in the photo as it is counts. A face
    that only another turn shows is added to those; it takes no other's place.

    Returns:
        Faces in pixels of the photo as it is. The roll tells which way up they are.

    Raises:
        ModelError: a net cannot be run.
    """
    detectors = tuple(detectors)
    seen = _as_it_is(image, detectors, mesh)
    if seen and _upright(image, seen[0]):
        return seen
    for quarters in (1, 3, 2):
        turned = np.ascontiguousarray(np.rot90(image, quarters))
        faces = _as_it_is(turned, detectors, mesh)
        if faces and _upright(turned, faces[0]):
            back = tuple(_turned_back(face, quarters, image.shape) for face in faces)
            if not seen or overlap(back[0].box, seen[0].box) > SAME_FACE_IOU:
                return back
            # A picture that lies beside the person: both are there, and the larger leads.
            return tuple(
                sorted((*seen, *(f for f in back if not _known(f.box, seen))), key=area, reverse=True)
            )
    return seen


def _upright(image: Image, face: Face) -> bool:
    """Whether a face looks like one in an upright photo."""
    if face.presence < SURE_PRESENCE:
        return False
    quality = measure(image, face)
    covered = max(quality.eyes_occluded, quality.nose_occluded, quality.mouth_occluded)
    return covered <= SURE_IN_VIEW and abs(quality.roll) <= SURE_ROLL


def _turned_back(face: Face, quarters: int, shape: tuple[int, ...]) -> Face:
    """A face of the turned photo in the photo as it is."""
    landmarks, (height, width) = face.landmarks.copy(), shape[:2]
    x, y = face.landmarks[:, 0], face.landmarks[:, 1]
    places = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}
    landmarks[:, 0], landmarks[:, 1] = places[quarters]
    box = bounds(landmarks)
    return Face(box, landmarks, face.presence, box.width / width)


def _as_it_is(image: Image, detectors: tuple[Detect, ...], mesh: Mesh) -> tuple[Face, ...]:
    """Detectors look at the whole photo first; only where nothing is found, at overlapping tiles of it,
    from large to small.
    """
    faces = _confirmed(image, (d for detector in detectors for d in detector(image)), mesh)
    for side in _tile_sides(image.shape):
        if faces:
            break
        seen = (
            d for left, top in _tiles(image.shape, side) for d in _in_tile(image, left, top, side, detectors)
        )
        faces = _confirmed(image, seen, mesh)
    return faces


def _confirmed(image: Image, detections: Iterable[Detection], mesh: Mesh) -> tuple[Face, ...]:
    """One face for all detections of it, each from a second look where the first look saw the mesh."""
    faces: list[Face] = []
    for detection in sorted(detections, key=lambda d: d.score, reverse=True):
        if _known(detection.box, faces):
            continue
        first = mesh(image, roi_of_detection(detection))
        if first.presence < MIN_PRESENCE:
            continue
        # The crop is then the one that a tracked frame would get: templates and probes agree.
        face = mesh(image, roi_of_face(first))
        if face.presence >= MIN_PRESENCE and not _known(face.box, faces):
            faces.append(face)
    return tuple(sorted(faces, key=area, reverse=True))


def area(face: Face) -> float:
    """Of the face's box, square pixels: the larger, the nearer."""
    return face.box.width * face.box.height


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    across = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    down = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / max(a.width * a.height + b.width * b.height - shared, 1e-9)


def _known(box: Box, faces: Iterable[Face]) -> bool:
    return any(overlap(box, face.box) > SAME_FACE_IOU for face in faces)


def _tile_sides(shape: tuple[int, ...]) -> Iterator[int]:
    height, width = shape[:2]
    short = min(height, width)
    for divisor in TILE_DIVISORS:
        side = short // divisor
        if side >= MIN_TILE and side < max(height, width):
            yield side


def _tiles(shape: tuple[int, ...], side: int) -> Iterator[tuple[int, int]]:
    """Left and top of squares that cover the picture, each half over the next."""
    height, width = shape[:2]
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield left, top


def _starts(length: int, side: int) -> list[int]:
    count = -(-2 * (length - side) // side) + 1
    return [round(float(v)) for v in np.linspace(0, length - side, max(1, count))]


def _in_tile(
    image: Image, left: int, top: int, side: int, detectors: Iterable[Detect]
) -> Iterator[Detection]:
    tile = image[top : top + side, left : left + side]
    for detector in detectors:
        for d in detector(tile):
            box = Box(d.box.left + left, d.box.top + top, d.box.width, d.box.height)
            yield Detection(box, d.keypoints + np.array([left, top], np.float32), d.score)
