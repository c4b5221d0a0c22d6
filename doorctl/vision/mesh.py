"""Face Mesh: 468 points of a face, from a square crop that is turned upright.

Where the crop lies follows MediaPipe's graphs ``face_detection_front_detection_to_roi``
and ``face_landmark_landmarks_to_roi`` (Apache-2.0): upright by the eyes' line, 1.5 times
the longer side of the face's bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from doorctl.core.card import InstalledModel
from doorctl.core.records import Box, Face, Image, Vector
from doorctl.errors import ModelError
from doorctl.vision.detect import Detection
from doorctl.vision.runtime import Net
from doorctl.vision.warp import Matrix, apply, inverse, warp

POINTS = 468
RIGHT_EYE, LEFT_EYE = 33, 263
"""Outer corners of the person's own right and left eye; the right one is on the picture's left."""
CONTEXT = 1.5
"""How much larger than the face the crop is."""
MIN_PRESENCE = 0.5
"""From here on the crop counts as a face."""


@dataclass(frozen=True, slots=True)
class Roi:
    """A turned square: centre and side in pixels, angle in radians, clockwise as seen."""

    x: float
    y: float
    side: float
    angle: float

    def matrix(self, size: int) -> Matrix:
        """From the picture into a crop of ``size`` pixels square."""
        scale, x, y = size / self.side, self.x, self.y
        cos, sin = scale * math.cos(self.angle), scale * math.sin(self.angle)
        return np.array([(cos, sin, size / 2 - cos * x - sin * y), (-sin, cos, size / 2 + sin * x - cos * y)])


def roi_of_detection(detection: Detection) -> Roi:
    """Where to look for the mesh of a detected face."""
    right, left = detection.keypoints[:2]
    return _roi(detection.box, right, left)


def roi_of_face(face: Face) -> Roi:
    """Where to look for a face that was found in the frame before."""
    return _roi(face.box, face.landmarks[RIGHT_EYE], face.landmarks[LEFT_EYE])


def bounds(points: Vector) -> Box:
    """The upright box round points (n x 2 or n x 3)."""
    x, y = points[:, 0], points[:, 1]  # one by one: numpy is slow to reduce along the longer axis
    left, top = x.min(), y.min()
    return Box(float(left), float(top), float(x.max() - left), float(y.max() - top))


class Mesh:
    """Face Mesh on LiteRT. Not thread-safe.

    Raises:
        ModelError: the net cannot be loaded, or is not Face Mesh.
    """

    def __init__(self, model: InstalledModel, threads: int = 1) -> None:
        self.net = Net(model, threads)
        self._size = self.net.card.width
        if [math.prod(shape) for shape in self.net.shapes] != [3 * POINTS, 1]:
            raise ModelError(f"{model.path}: unexpected outputs {self.net.shapes} for a face mesh")

    def __call__(self, image: Image, roi: Roi) -> Face:
        """Place the mesh; whether there is a face at all is in ``presence``.

        Raises:
            ModelError: the net cannot be run, or gives no numbers.
        """
        matrix = roi.matrix(self._size)
        crop = warp(image, matrix, self._size, self._size)
        raw, flag = self.net.judge(crop)
        logit = float(flag.ravel()[0])
        if not (math.isfinite(logit) and np.isfinite(raw).all()):
            raise ModelError(f"{self.net.card.name} gives no numbers", "run 'doorctl models install' again")
        points = raw.reshape(POINTS, 3)
        landmarks = np.empty((POINTS, 3), np.float32)
        landmarks[:, :2] = apply(inverse(matrix), points[:, :2])
        landmarks[:, 2] = points[:, 2] * (roi.side / self._size)
        box = bounds(landmarks)
        presence = 1 / (1 + math.exp(-min(max(logit, -100.0), 100.0)))
        return Face(box, landmarks, presence, box.width / image.shape[1])


def _roi(box: Box, right: Vector, left: Vector) -> Roi:
    angle = math.atan2(float(left[1] - right[1]), float(left[0] - right[0]))
    side = CONTEXT * max(box.width, box.height, 1.0)
    return Roi(box.left + box.width / 2, box.top + box.height / 2, side, angle)
