"""Signs of life that need no net: whether a face moves at all, and whether it turns in depth.

Both look at the picture itself and not at the mesh alone, for the mesh draws a head over
whatever it is shown: of a tilted photo its points move against each other like a head's.
How the limits were chosen, and what else was tried: ``scripts/prove liveness``.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.core.records import Face, Image, Vector
from doorctl.vision.mesh import LEFT_EYE, RIGHT_EYE
from doorctl.vision.pose import pose_of
from doorctl.vision.quality import CROP, FACE_PIXELS, normalised

Numbers = NDArray[np.float64]

CELLS = 12
"""Columns and rows of cells over a face."""
MIN_FRAMES, MIN_SECONDS = 5, 0.4
MAX_SECONDS = 1.5
SPACING_SECONDS = 0.09
"""Frames that are kept for comparison lie at least so far apart: a face does little in less."""
FLOOR = 0.3
"""Grey levels that a cell's mean may change although nothing moves: rounding and recompression."""
AWAY = 0.25
"""A face that has moved by this share of its width, or grown by it, is looked at in a new place."""
PER_MEDIAN = 1.05
"""Standard deviation of a pixel's change, over the median of how much the changes of two neighbours differ:
0.6745 times the square root of two, inverted, for normal noise."""

BENT = 2.0
"""So many degrees of a turn must be left after all that a sheet bent like a cylinder can do. Of 10 portraits
bent to 1.5 face widths or more and turned by 40 degrees none comes through; at a radius of 1, one does."""
CORNERS, CLARITY, APART = 100, 0.01, 4
WINDOW = 13
"""Pixels of the crop, in which a face is 96 long, that are compared round a corner."""
STEP_ERROR, ANCHOR_ERROR = 0.7, 0.2
"""Pixels by which the way there and back may miss: from frame to frame, and from the first frame."""
MIN_POINTS = 15
OUTLIER = 0.008
"""Half a crop's face lengths by which a point may always miss the fit; beyond, 2.5 times the median."""
_EYES = np.array([33, 133, 160, 159, 158, 144, 145, 153, 362, 263, 385, 386, 387, 380, 374, 373])
_EYE_PIXELS = 4.0
"""So near to an eye's outline no corner counts: eyes look where they like."""
_UNIT = FACE_PIXELS / 2
_MIDDLE = np.array([(1 / _UNIT, 0, -CROP / 2 / _UNIT), (0, 1 / _UNIT, -CROP / 2 / _UNIT), (0, 0, 1)])
_BACK = np.linalg.inv(_MIDDLE)
"""Between pixels of the crop and half face lengths from its middle."""


class Stillness:
    """How much a face moves, against what the camera's noise alone would move. Not thread-safe.

    Of each frame the means of cells over the face are compared with those of up to 1.5 s before, in one
    place of the picture, after a common change of the light is taken out. What noise does to such a
    mean follows from what it does to a pixel.
    """

    def __init__(self) -> None:
        self._cells: deque[tuple[float, Vector]] = deque()
        self._place: tuple[int, int, int, int] | None = None
        self._box = (0.0, 0.0, 0.0)
        self._grey: Image | None = None
        self._shape: tuple[int, ...] = ()
        self._since = self._at = 0.0
        self._frames = 0

    def forget(self) -> None:
        """What comes next has nothing to do with what was."""
        self._cells.clear()
        self._place = self._grey = None
        self._frames = 0

    def add(self, image: Image, face: Face, at: float) -> float | None:
        """Take one frame.

        Args:
            image: BGR, any size.
            face: as found in it.
            at: its time, seconds.

        Returns:
            From 0: about 1 where nothing but noise moved, below ``LivenessRules.stillness`` in doubt;
            infinite when the face has just moved away from where it was. ``None`` before 5 frames and 0.4 s.
        """
        if image.shape != self._shape or not 0 <= at - self._at <= MAX_SECONDS:
            self.forget()
        self._shape, self._at = image.shape, at
        box = face.box
        now = (box.left + box.width / 2, box.top + box.height / 2, box.width)
        away = max(abs(a - b) for a, b in zip(now, self._box, strict=True)) > AWAY * self._box[2]
        moved = self._place is not None and away
        if self._place is None or moved:
            self.forget()
            self._place, self._box, self._since = _place(face, image.shape), now, at
        if self._place is None:
            return None
        left, top, right, bottom = self._place
        grey = np.asarray(cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2GRAY), np.uint8)
        # By whole numbers, so that averaging is fast.
        means = cv2.resize(grey.astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
        cells = np.asarray(means, np.float32).ravel() + 1
        ratio = None
        self._frames += 1
        if self._grey is not None and self._frames >= MIN_FRAMES and at - self._since >= MIN_SECONDS - 1e-6:
            noise = _noise(grey, self._grey) / math.sqrt(grey.size / CELLS**2)
            ratio = self._moved(cells) / math.hypot(noise, FLOOR)
        while self._cells and at - self._cells[0][0] > MAX_SECONDS:
            self._cells.popleft()
        if not self._cells or at - self._cells[-1][0] >= SPACING_SECONDS:
            self._cells.append((at, cells))
        self._grey = grey
        return math.inf if moved else ratio

    def _moved(self, cells: Vector) -> float:
        """Grey levels by which cells differ from the kept frame that is least alike."""
        before = np.stack([kept for _, kept in self._cells])
        light = _medians(cells / before)[:, None]
        left = cells - before * light
        return float(np.sqrt((left * left).mean(axis=1).max()))


def _place(face: Face, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the face within the picture, a multiple of ``CELLS`` wide and high."""
    box = face.box
    left, top = max(0, int(box.left)), max(0, int(box.top))
    across = int(min(shape[1], box.left + box.width) - left) // CELLS
    down = int(min(shape[0], box.top + box.height) - top) // CELLS
    return (left, top, left + across * CELLS, top + down * CELLS) if min(across, down) > 0 else None


def _noise(now: Image, before: Image) -> float:
    """Standard deviation of what a pixel changed by, where nothing moved: in the median."""
    change = np.subtract(now[::8], before[::8], dtype=np.int16)
    return PER_MEDIAN * float(_medians(np.abs(change[:, 1:] - change[:, :-1]).reshape(1, -1))[0])


def _medians(rows: NDArray[Any]) -> NDArray[Any]:
    """The median of each row: numpy's own takes several times as long on so few numbers."""
    half = rows.shape[1] // 2
    parted = np.partition(rows, (half - 1, half), axis=1)
    return parted[:, half] if rows.shape[1] % 2 else (parted[:, half - 1] + parted[:, half]) / 2


class Turning:
    """How far a head has turned since a first frame, by what it does in the picture. Not thread-safe.

    Corners of the face are followed from frame to frame. A plane's points move by a homography; a head's in
    addition in proportion to their depth and to the sine of the turn ("plane plus parallax": R. Hartley and
    A. Zisserman, Multiple View Geometry, 2nd ed., ch. 13). Both are fitted together, with the depths of the
    mesh in the first frame. A plane keeps none of it, whatever turn the mesh claims.

    Args:
        image: BGR, the first frame, in which the head is held straight.
        face: as found in it.
    """

    def __init__(self, image: Image, face: Face) -> None:
        self._first, self._mesh, scale = _crop(image, face)
        mask = np.zeros((CROP, CROP), np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(self._mesh).astype(np.int32), 255)
        mask = np.asarray(cv2.erode(mask, np.ones((5, 5), np.uint8)), np.uint8)
        found = cv2.goodFeaturesToTrack(self._first, CORNERS, CLARITY, APART, mask=mask, blockSize=5)
        corners = np.empty((0, 2), np.float32) if found is None else found.reshape(-1, 2)
        eyes = ((corners[:, None] - self._mesh[_EYES]) ** 2).sum(axis=2).min(axis=1, initial=np.inf)
        self._corners = corners[eyes > _EYE_PIXELS**2].astype(np.float32)
        apart = ((self._corners[:, None] - self._mesh) ** 2).sum(axis=2)
        self._near = np.argsort(apart, axis=1)[:, :4]
        depth = face.landmarks[self._near, 2].mean(axis=1).astype(float) * scale / _UNIT
        self._depth = depth - depth.mean() if len(depth) else depth
        self._plane, self._parallax = np.eye(3), np.zeros(2)
        self._at, self._followed = self._corners, np.ones(len(self._corners), bool)
        self._last, self._last_mesh = self._first, self._mesh

    def add(self, image: Image, face: Face) -> tuple[float, float] | None:
        """Follow the face into the next frame: every one counts, or the corners are lost.

        Returns:
            Yaw and pitch against the first frame that the parallax shows, degrees, with the signs of
            ``pose_of``; about 0 for a plane. ``None`` where too few corners could be followed.
        """
        if len(self._corners) < MIN_POINTS:
            return None
        crop, mesh, _ = _crop(image, face)
        shift = (mesh - self._last_mesh)[self._near].mean(axis=1)
        at, found = _follow(self._last, crop, self._at, self._at + shift, STEP_ERROR)
        found &= self._followed
        self._last, self._last_mesh = crop, mesh
        if not self._fit(at, found):
            self._plane, self._parallax = _affine(self._mesh, mesh), np.zeros(2)
        # Once more, from the first frame itself, drawn as the plane would look now: steps add up errors.
        drawn = cv2.warpPerspective(self._first, self._plane, (CROP, CROP), borderMode=cv2.BORDER_REPLICATE)
        flat = _through(self._plane, self._corners)
        guess = np.where(found[:, None], at, flat + self._depth[:, None] * self._parallax * _UNIT)
        anchored, sure = _follow(np.asarray(drawn, np.uint8), crop, flat, guess, ANCHOR_ERROR)
        self._at = np.where(sure[:, None], anchored, at).astype(np.float32)
        self._followed = found | sure
        if not self._fit(self._at, self._followed):
            return None
        (yaw, pitch), straight = _degrees(self._parallax), self._beyond_bending()
        return (
            yaw if straight[0] * math.copysign(1, yaw) >= BENT else 0.0,
            pitch if straight[1] * math.copysign(1, pitch) >= BENT else 0.0,
        )

    def _fit(self, at: Vector, found: NDArray[np.bool_]) -> bool:
        """Fit plane and parallax to corners by Gauss and Newton's steps, leaving out what does not fit."""
        if np.count_nonzero(found) < MIN_POINTS:
            return False
        source, target = _through(_MIDDLE, self._corners[found]), _through(_MIDDLE, at[found])
        depth, plane, fits = self._depth[found], _MIDDLE @ self._plane @ _BACK, np.ones(len(source), bool)
        zero, one, step = np.zeros(len(source)), np.ones(len(source)), np.zeros(10)
        for _ in range(5):
            if np.count_nonzero(fits) < MIN_POINTS - 3:
                return False
            x, y = _through(plane, source).T
            rows_x = np.column_stack([one, x, y, zero, zero, zero, x * x, x * y, depth, zero])
            rows_y = np.column_stack([zero, zero, zero, one, x, y, x * y, y * y, zero, depth])
            off_x, off_y = target[:, 0] - x, target[:, 1] - y
            rows = np.concatenate([rows_x[fits], rows_y[fits]])
            step = np.linalg.lstsq(rows, np.concatenate([off_x[fits], off_y[fits]]), rcond=None)[0]
            missed = np.hypot(off_x - rows_x @ step, off_y - rows_y @ step)
            fits = missed < max(2.5 * float(np.median(missed[fits])), OUTLIER)
            a, b, c, d, e, f, g, h = step[:8]
            plane = np.array([(1 + b, c, a), (e, 1 + f, d), (-g, -h, 1)]) @ plane
        plane = _BACK @ plane @ _MIDDLE
        if not (np.isfinite(plane).all() and abs(plane[2, 2]) > 1e-6):
            return False
        self._plane, self._parallax = plane / plane[2, 2], step[8:]
        return True

    def _beyond_bending(self) -> tuple[float, float]:
        """Yaw and pitch left when points may also move by squares of their place, as a bent sheet's do."""
        found = self._followed
        now = _through(_MIDDLE, self._at[found])
        flat = _through(_MIDDLE, _through(self._plane, self._corners[found]))
        x, y = flat.T
        rows = np.column_stack([np.ones(len(x)), x, y, x * x, x * y, y * y, self._depth[found]])
        fits, step = np.ones(len(x), bool), np.zeros((7, 2))
        for _ in range(3):
            step = np.linalg.lstsq(rows[fits], (now - flat)[fits], rcond=None)[0]
            missed = np.linalg.norm(now - flat - rows @ step, axis=1)
            fits = missed < max(2.5 * float(np.median(missed[fits])), OUTLIER)
            if np.count_nonzero(fits) < MIN_POINTS - 3:
                return 0.0, 0.0
        return _degrees(step[6])


def _crop(image: Image, face: Face) -> tuple[Image, Vector, float]:
    """The face upright and of one size, grey; the mesh in it, 468 x 2; its scale against the picture."""
    crop, points, _ = normalised(image, face.landmarks, pose_of(face.landmarks)[2])
    seen, drawn = (
        float(np.linalg.norm(p[LEFT_EYE, :2] - p[RIGHT_EYE, :2])) for p in (face.landmarks, points)
    )
    scale = drawn / max(seen, 1e-6)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8), points.astype(np.float32), scale


def _follow(
    before: Image, now: Image, points: Numbers | Vector, guess: Numbers | Vector, error: float
) -> tuple[Vector, NDArray[np.bool_]]:
    """Where points have gone, and which of them are found again on the way back."""

    def search(a: Image, b: Image, p: Vector, q: Vector) -> tuple[Vector, NDArray[np.bool_]]:
        guessed, size, flags = q[:, None].copy(), (WINDOW, WINDOW), cv2.OPTFLOW_USE_INITIAL_FLOW
        end, seen, _ = cv2.calcOpticalFlowPyrLK(
            a, b, p[:, None], guessed, winSize=size, maxLevel=1, flags=flags
        )
        return np.asarray(end, np.float32)[:, 0], np.asarray(seen)[:, 0] > 0

    start, there = points.astype(np.float32), guess.astype(np.float32)
    end, seen = search(before, now, start, there)
    again, seen_again = search(now, before, end, start + end - there)
    return end, seen & seen_again & (np.linalg.norm(again - start, axis=1) < error)


def _degrees(parallax: Numbers) -> tuple[float, float]:
    """Yaw and pitch of a parallax, which is a sine."""
    across, down = np.clip(parallax, -1, 1).tolist()
    return -math.degrees(math.asin(across)), math.degrees(math.asin(down))


def _affine(before: Vector, now: Vector) -> Numbers:
    """The affine map that takes points nearest to others, 3 x 3."""
    rows = np.column_stack([before, np.ones(len(before))])
    return np.vstack([np.linalg.lstsq(rows, now, rcond=None)[0].T, (0, 0, 1)])


def _through(plane: Numbers, points: Numbers | Vector) -> Numbers:
    """Points mapped by a homography, n x 2."""
    mapped = points @ plane[:, :2].T + plane[:, 2]
    return np.asarray(mapped[:, :2] / mapped[:, 2:], np.float64)
