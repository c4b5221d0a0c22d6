"""What can be measured of a face in a picture, and what it must pass before it is compared with anyone."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.core.quality import Quality
from doorctl.core.records import Face, Gate, Image, Vector
from doorctl.vision.mesh import bounds
from doorctl.vision.occlusion import LUMA, occlusion
from doorctl.vision.pose import pose_of
from doorctl.vision.warp import Matrix, apply, warp

MIN_INSIDE = 0.95
"""Share of the mesh that must lie within the picture. The mesh guesses the points beyond the edge;
a twentieth lets a chin or a hairline touch it, while both eyes, the nose and the mouth stay in."""

FACE_PIXELS = 96
"""Longer side of the face in the crop that is measured, so that a picture's size changes nothing."""
CROP = 128
"""Side of that crop."""

TURNED = 30.0
"""Degrees of yaw from which the nose begins to hide the far eye."""

_SKIN = np.array([50, 101, 117, 123, 205, 36, 280, 330, 346, 352, 425, 266, 151, 108, 337, 69, 299, 195, 5])
"""Points on bare skin: cheeks, forehead, the back of the nose."""

_SHARP = 0.4
"""Of details to contrast, for a sharpness of 1: twice the median of lfw-dev."""
_SLANT = 1.5
"""How much stronger details are on a slant, where the pixels are further apart: as in lfw-dev's faces."""
_DIFFERENCES = (
    np.array([(0, 0, 0), (-1, 2, -1), (0, 0, 0)], np.float32),
    np.array([(0, -1, 0), (0, 2, 0), (0, -1, 0)], np.float32),
    np.array([(-1, 0, 0), (0, 2, 0), (0, 0, -1)], np.float32) / np.float32(_SLANT),
    np.array([(0, 0, -1), (0, 2, 0), (-1, 0, 0)], np.float32) / np.float32(_SLANT),
)
"""Second differences along a row, a column and the two slants."""
_NOISE = 2.0
"""Added to the contrast, of 255, so that the noise of an even patch is not taken for details."""


def measure(image: Image, face: Face) -> Quality:
    """Everything that can be told of a face's picture, whoever it is.

    Args:
        image: BGR, any size.
        face: as found in it.

    The face is turned upright and brought to one size first; the points come from the mesh.
    """
    yaw, pitch, roll = pose_of(face.landmarks)
    crop, points, width = normalised(image, face.landmarks, roll)
    skin = skin_colour(crop, points)
    right, left, nose, mouth = occlusion(crop, points, skin)
    return Quality(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        eyes_occluded=_eyes(right, left, yaw),
        nose_occluded=nose,
        mouth_occluded=mouth,
        off_centre=_off_centre(face, image.shape),
        size=width,
        brightness=_brightness(skin),
        sharpness=_sharpness(crop),
        mouth_open=mouth_open(face.landmarks),
        integrity=_integrity(face.landmarks, image.shape),
    )


def normalised(image: Image, landmarks: Vector, roll: float) -> tuple[Image, Matrix, float]:
    """The face upright, in the middle, ``FACE_PIXELS`` along its longer side.

    Args:
        image: BGR, any size.
        landmarks: of the face in it, 468 x 3.
        roll: degrees, as ``pose_of`` tells it.

    Returns:
        The crop, ``CROP`` x ``CROP`` x 3; the points in it, 468 x 2; the face's width in the picture, pixels.
    """
    angle = math.radians(roll)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([(cos, sin), (-sin, cos)])
    box = bounds(landmarks[:, :2] @ turn.T)
    scale = FACE_PIXELS / max(box.width, box.height, 1e-6)
    middle = np.array([box.left + box.width / 2, box.top + box.height / 2])
    matrix = np.column_stack([turn * scale, CROP / 2 - scale * middle])
    return warp(image, matrix, CROP, CROP), apply(matrix, landmarks[:, :2]), box.width


def _eyes(right: float, left: float, yaw: float) -> float:
    """The more covered eye; of a face turned to the side the nearer one, for the nose hides the other."""
    if abs(yaw) > TURNED:
        return right if yaw > 0 else left
    return max(right, left)


def _off_centre(face: Face, shape: tuple[int, ...]) -> float:
    height, width = shape[:2]
    x = face.box.left + face.box.width / 2 - width / 2
    y = face.box.top + face.box.height / 2 - height / 2
    return min(1.0, math.hypot(x, y) / math.hypot(width / 2, height / 2))


def skin_colour(crop: Image, points: Matrix) -> NDArray[np.float32]:
    """The median colour of the skin, BGR, 0 to 255."""
    smooth = cv2.blur(crop, (5, 5))
    x, y = np.clip(points[_SKIN], 0, CROP - 1).astype(int).T
    return np.asarray(np.median(smooth[y, x], axis=0), np.float32)


def _brightness(skin: NDArray[np.float32]) -> float:
    return float(skin @ LUMA) / 127.5 - 1


def _sharpness(crop: Image) -> float:
    """Strength of the finest details against the face's contrast, along the direction that has the least.

    After the modified Laplacian (S. Nayar and Y. Nakagawa, "Shape from focus", IEEE PAMI 1994): second
    differences, here over the standard deviation, so that dim light is no blur, and in four directions
    each by itself, so that a moved camera is. Measured on the face at half the crop's scale, 48 pixels,
    so that a picture's size changes little.
    """
    half = cv2.resize(crop, (CROP // 2, CROP // 2), interpolation=cv2.INTER_AREA)
    edge = (CROP - FACE_PIXELS) // 4
    return _details(cv2.cvtColor(half, cv2.COLOR_BGR2GRAY)[edge:-edge, edge:-edge].astype(np.float32))


def _details(grey: NDArray[np.float32]) -> float:
    """The sharpness of a grey face, 48 pixels along its longer side."""
    # By OpenCV, for in the midst of a frame's nets numpy's many small steps take twice as long.
    filtered = (cv2.filter2D(grey, cv2.CV_32F, kernel)[1:-1, 1:-1] for kernel in _DIFFERENCES)
    details = min(float(cv2.norm(difference, cv2.NORM_L1)) for difference in filtered)
    mean = details / ((grey.shape[0] - 2) * (grey.shape[1] - 2))
    contrast = float(cv2.meanStdDev(grey)[1][0, 0])
    return float(min(1.0, mean / (contrast + _NOISE) / _SHARP))


def mouth_open(landmarks: Vector) -> float:
    """Gap between the inner lips over the width between the mouth's corners, in space, 0 to 1."""
    upper, lower, right, left = landmarks[[13, 14, 61, 291]].tolist()
    return min(1.0, math.dist(upper, lower) / max(math.dist(right, left), 1e-6))


def _integrity(landmarks: Vector, shape: tuple[int, ...]) -> float:
    """Share of the area within the face's outline that lies within the picture."""
    hull = cv2.convexHull(np.ascontiguousarray(landmarks[:, :2], np.float32))
    height, width = shape[:2]
    picture = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    inside, _ = cv2.intersectConvexConvex(hull, picture)
    return min(1.0, max(0.0, float(inside) / max(float(cv2.contourArea(hull)), 1e-6)))


def gate_of(face: Face, shape: tuple[int, ...], *, min_face: float) -> Gate:
    """The first gate that holds a face back, or ``PASSED``.

    Args:
        face: as found in the picture.
        shape: of the picture, (height, width, ...).
        min_face: least width of the face as a fraction of the picture's.
    """
    if face.size < min_face:
        return Gate.TOO_SMALL
    box = face.box
    if min(box.left, box.top) >= 0 and box.left + box.width < shape[1] and box.top + box.height < shape[0]:
        return Gate.PASSED  # as nearly always; to count the points costs more
    x, y = face.landmarks[:, 0], face.landmarks[:, 1]
    inside = ((x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])).mean()
    return Gate.PASSED if inside >= MIN_INSIDE else Gate.OUT_OF_VIEW


MAX_FACE = 0.75
"""Of the picture's height or width. Nearer, the anti-spoof nets see too little round the face: of nuaa-dev's
17 live sequences, cut until the face took 0.7 of the height, 2 came into doubt, at 0.8 three, at 0.9 five."""

DARKEST = -0.8
"""Brightness of the skin. An eighth as bright, at -0.88, one of 24 prints passed for live; at a quarter,
-0.74, none did."""

BRIGHTEST = 0.98

BLURRED = 0.15
"""Sharpness. Live sequences blurred by 4 pixels, to 0.14, fall into doubt and below."""


def liveness_gate(image: Image, face: Face) -> Gate:
    """What keeps the anti-spoof nets from judging a face that passed ``gate_of``.

    Args:
        image: BGR, any size.
        face: as found in it.

    Brightness and sharpness are those of ``measure``, on the face as it stands in the picture: for a
    frame, turning it upright and finding its colour would take longer than the gate is worth.
    """
    box = face.box
    if max(box.height / image.shape[0], face.size) > MAX_FACE:
        return Gate.TOO_LARGE
    left, top = max(0, int(box.left)), max(0, int(box.top))
    patch = image[top : int(box.top + box.height) + 1, left : int(box.left + box.width) + 1]
    scale = FACE_PIXELS / 2 / max(patch.shape[:2])
    grey = cv2.resize(
        cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    down, across = grey.shape[0] - 1, grey.shape[1] - 1
    places = [((x - left) * scale, (y - top) * scale) for x, y, _ in face.landmarks[_SKIN].tolist()]
    skin = [grey.item(int(min(max(y, 0), down)), int(min(max(x, 0), across))) for x, y in places]
    brightness = sorted(skin)[len(_SKIN) // 2] / 127.5 - 1
    if not DARKEST <= brightness <= BRIGHTEST:
        return Gate.TOO_DARK if brightness < DARKEST else Gate.TOO_BRIGHT
    return Gate.PASSED if _details(grey) >= BLURRED else Gate.BLURRED
