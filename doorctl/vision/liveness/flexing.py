"""Whether a face changes as no flat picture can: it speaks, blinks, and is rounder than paper.

However a flat picture is moved and tilted, every view of it is a homography of every other (R. Hartley and A.
Zisserman, Multiple View Geometry, 2nd ed., ch. 13). The one that takes an earlier view nearest to the present
is found on the pixels themselves (G. Evangelidis and E. Psarakis, "Parametric image alignment using enhanced
correlation coefficient maximization", IEEE PAMI 2008, as OpenCV has it). What it leaves beyond the noise is
life, or a sheet that bends, or the room's light upon it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.core.liveness import LivenessRules
from doorctl.core.records import Face, Image
from doorctl.vision.liveness.cues import CELLS, FLOOR, PER_MEDIAN
from doorctl.vision.pose import pose_of
from doorctl.vision.quality import CROP, FACE_PIXELS, normalised

FLEXED = LivenessRules().flexed
"""From here on it is no flat picture, and nothing more needs to be measured."""

FIRST_SECONDS, AGAIN_SECONDS = 0.4, 0.3
"""The first comparison, and how long until the next: each takes some milliseconds."""
ANCHOR_SECONDS = 3.0
"""So old may the earlier view be."""
_EDGE = (CROP - FACE_PIXELS) // 2
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
_SMOOTH = 5


class Flexing:
    """Compares a face with how it was. Not thread-safe.

    It goes to work only now and then, and not at all once the face has shown that it is no flat picture.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """What comes next has nothing to do with what was."""
        self._before: tuple[Image, NDArray[np.float32]] | None = None
        self._since = self._due = 0.0
        self._most: float | None = None

    def add(self, image: Image, face: Face, at: float) -> float | None:
        """Take one frame.

        Args:
            image: BGR, any size.
            face: as found in it.
            at: its time, seconds.

        Returns:
            The most that the face has changed otherwise than a flat picture can, in units of what noise
            changes; ``None`` before 0.4 s. Once beyond ``FLEXED`` it is not measured further.
        """
        if self._most is not None and self._most >= FLEXED:
            return self._most
        if self._before is None or not 0 <= at - self._since <= ANCHOR_SECONDS:
            self._before, self._since, self._due = _crop(image, face), at, at + FIRST_SECONDS
        elif at >= self._due - 1e-6:
            self._due = at + AGAIN_SECONDS
            left = _left(*self._before, *_crop(image, face))
            if left is not None:
                self._most = max(left, self._most or 0.0)
        return self._most


def _crop(image: Image, face: Face) -> tuple[Image, NDArray[np.float32]]:
    """The face upright and of one size, grey, and the mesh in it, 468 x 2."""
    crop, points, _ = normalised(image, face.landmarks, pose_of(face.landmarks)[2])
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8), points.astype(np.float32)


def _left(
    before: Image, mesh_before: NDArray[np.float32], now: Image, mesh_now: NDArray[np.float32]
) -> float | None:
    """What the best homography leaves, over what noise would; ``None`` where none is found."""
    plane, _ = cv2.findHomography(mesh_before, mesh_now, 0)
    if plane is None:
        return None
    try:
        _, plane = cv2.findTransformECC(
            before, now, plane.astype(np.float32), cv2.MOTION_HOMOGRAPHY, _CRITERIA, np.empty(0), _SMOOTH
        )
        moved = cv2.warpPerspective(
            now,
            plane,
            (CROP, CROP),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    except cv2.error:  # it did not converge: nothing can be said
        return None
    first = before[_EDGE:-_EDGE, _EDGE:-_EDGE].astype(np.float32)
    second = np.asarray(moved, np.float32)[_EDGE:-_EDGE, _EDGE:-_EDGE]
    cells = [cv2.resize(view, (CELLS, CELLS), interpolation=cv2.INTER_AREA) + 1 for view in (first, second)]
    light = float(np.median(cells[0] / cells[1]))
    rest = cells[0] - cells[1] * light
    change = first - second
    pixel = PER_MEDIAN * float(np.median(np.abs(change[:, 1:] - change[:, :-1])))
    noise = pixel / (FACE_PIXELS / CELLS)
    return float(np.sqrt((rest * rest).mean())) / math.hypot(noise, FLOOR)
