"""A puppet made of one still portrait: it turns its head and opens its mouth before the door's camera.

Face Mesh's own points are turned in space, and the portrait's triangles are drawn where
they come to lie. Rings of further points round the face carry hair and collar along, less
and less outwards, so that nothing tears. ``draw_flat`` is the counterpart: the same
portrait as a print that somebody waves, which shows no more than a plane can.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.core.records import Face, Image
from doorctl.demo.clips import HEIGHT, WALL, WIDTH, wall
from doorctl.vision.mesh import POINTS
from doorctl.vision.pose import pose_of

Array = NDArray[np.float64]
"""Points (n x 2 or n x 3) and matrices. Points in space are in face widths from the face's middle,
upright, y down, smaller z nearer."""
Triangles = NDArray[np.intp]
"""n x 3, numbers of points."""

_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
"""The inner edges of the lips from corner to corner, as MediaPipe numbers them, upper beside lower points."""
_INNER = _UPPER + _LOWER[-2:0:-1]
_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""Round the mouth along the inner and the outer edges of the lips, neighbour beside neighbour."""
_EARS = (234, 454)
"""Points before the ears: the jaw swings about a line at their height."""

_RELIEF = 1.3
"""How much deeper the head is made than the mesh: Face Mesh is shy of turns, more so of drawn ones."""
_DEEP, _SHALLOW = 0.2, 0.3
"""Beyond this depth of the mesh, in face widths, it is made shallower by this factor instead: the outermost
strip is seen from the edge in a portrait, and would be torn wide when it turns to the camera."""
_PIVOT = 0.4
"""Depth of the point that the head turns about: between the ears."""

_RINGS = ((1.08, 1.0), (1.2, 0.95), (1.4, 0.8), (1.65, 0.55), (1.95, 0.25), (2.3, 0.06), (2.6, 0.0))
"""Rings round the face: their size, in faces, and how far they follow the head."""
_SPOKES = 40
"""Points on each ring."""

_JAW, _HINGE = 15.0, 0.8
"""Degrees that the jaw swings to open, and depth of its hinge: behind the ears, for it slides as well."""
_NARROW = 0.2
"""Share of its width that an open mouth loses."""
_MOUTH = (20, 16, 28)
"""Colour of the mouth's inside."""

_SOFT = (5, 5)
"""Pixels over which neighbouring triangles pass into each other, so that no contour is jagged."""
_FINE = 4
"""Binary places of the corners that OpenCV fills triangles between."""
_VIEW = float(WIDTH)
"""Distance of a print from the camera, in pixels of the frame: a lens that sees 53 degrees across."""


class Puppet:
    """A person who can be drawn with the head turned and the mouth open.

    Args:
        portrait: a picture with one face, from the front.
        face: as found in it.
    """

    def __init__(self, portrait: Image, face: Face) -> None:
        self._portrait = np.dstack([portrait, np.full(portrait.shape[:2], 255, np.uint8)])
        self._width = face.box.width
        self._middle = np.array([face.box.left + face.box.width / 2, face.box.top + face.box.height / 2])
        self._roll = pose_of(face.landmarks)[2]
        mesh = face.landmarks.astype(float)
        mesh[:, :2] = (mesh[:, :2] - self._middle) @ _roll(self._roll)
        mesh /= self._width
        mesh[:, 2] = _RELIEF * mesh[:, 2] - (_RELIEF - _SHALLOW) * np.maximum(mesh[:, 2] - _DEEP, 0)
        self._points, self._follow = _with_rings(mesh)
        self._source = self._points[:, :2] @ (self._width * _roll(self._roll).T) + self._middle
        self._swing, self._narrow = _opening(self._points)
        self._triangles = _triangles(_unfolded(self._opened(1.0)[:, :2]))
        self._mouth = np.isin(self._triangles, _INNER).all(axis=1)
        around = (self._triangles >= POINTS).any(axis=1)
        self._layers = np.select([around, self._mouth], [0, 1], 2)
        """What is drawn over what: all round the face, the teeth, the face."""

    def draw(
        self,
        yaw: float,
        pitch: float,
        roll: float = 0.0,
        jaw: float = 0.0,
        *,
        size: float,
        centre: tuple[float, float],
    ) -> Image:
        """A frame (HEIGHT x WIDTH x 3) without noise.

        Args:
            yaw: degrees that the head turns from its pose in the portrait, positive towards the right edge.
            pitch: degrees that it nods, positive looks up.
            roll: degrees that the whole portrait leans, positive clockwise.
            jaw: 0 as in the portrait, to 1, wide open.
            size: width of the face, as a fraction of the frame's.
            centre: where the face's middle is while the head is not turned, pixels.
        """
        scale = size * WIDTH
        turn, lean = _turn(yaw, pitch).T, scale * _roll(self._roll + roll).T
        pivot = np.array([0.0, 0.0, _PIVOT])
        head = (self._opened(jaw) - pivot) @ turn + pivot
        head = self._points + self._follow[:, None] * (head - self._points)
        skull = (self._points - pivot) @ turn + pivot  # which carries the teeth
        corners = head[self._triangles]
        corners[self._mouth] = skull[self._triangles[self._mouth]]
        depth = corners[:, :, 2].mean(axis=1)
        corners = corners[:, :, :2] @ lean + centre

        order = np.lexsort((-depth, self._layers))
        order = order[_area(corners[order]) > 0.01]  # what shows its back is hidden
        maps = np.empty(
            (len(self._triangles) + 2, 2, 3)
        )  # the first: what does not move; the last: the mouth
        still = self._width / scale * _roll(-roll)
        maps[:] = np.column_stack([still, self._middle - still @ centre])
        maps[order + 1] = _affine(corners[order], self._source[self._triangles[order]])

        drawn = np.zeros((HEIGHT, WIDTH), np.int32)
        fixed = np.rint(corners * (1 << _FINE)).astype(np.int32)
        teeth = int((self._layers[order] == 0).sum())
        for place, triangle in enumerate(order.tolist()):
            if place == teeth and jaw > 0:
                lips = np.rint((head[_INNER, :2] @ lean + centre) * (1 << _FINE)).astype(np.int32)
                cv2.fillPoly(drawn, [lips], len(maps) - 1, shift=_FINE)
            cv2.fillConvexPoly(drawn, fixed[triangle], triangle + 1, shift=_FINE)
        small, k = _reduced(self._portrait, scale / self._width)
        return _fetched(small, drawn, (k * maps).astype(np.float32))

    def draw_flat(
        self, yaw: float, pitch: float, roll: float = 0.0, *, size: float, centre: tuple[float, float]
    ) -> Image:
        """The portrait as a print, turned as a plane about its middle, in perspective.

        Args:
            as for ``draw``; ``centre`` is where the face's middle is while the print faces the camera.
        """
        scale = size * WIDTH / self._width
        small, k = _reduced(self._portrait, scale)
        middle = np.array([self._portrait.shape[1], self._portrait.shape[0]]) / 2
        eye = np.array([WIDTH, HEIGHT]) / 2
        lean = np.eye(3)
        lean[:2, :2] = _roll(roll)
        place = lean[:2, :2] @ (scale * (middle - self._middle)) + centre - eye
        axes = (scale / k) * (lean @ _turn(yaw, pitch))[:, :2]
        where = np.array([*place, _VIEW]) - axes @ (k * middle)
        lens = np.array([(_VIEW, 0, eye[0]), (0, _VIEW, eye[1]), (0, 0, 1)])
        matrix = lens @ np.column_stack([axes, where])
        paper = cv2.warpPerspective(small, matrix, (WIDTH, HEIGHT), borderValue=(*WALL, 0))
        return _before_wall(np.asarray(paper, np.uint8))

    def _opened(self, jaw: float) -> Array:
        """The points in space with the jaw swung down."""
        moved = self._points.copy()
        moved[:, 0] -= jaw * self._narrow
        angle = np.radians(_JAW * jaw * self._swing)
        hinge = self._points[_EARS, 1].mean()
        y, z = self._points[:, 1] - hinge, self._points[:, 2] - _HINGE
        moved[:, 1] = hinge + y * np.cos(angle) - z * np.sin(angle)
        moved[:, 2] = _HINGE + y * np.sin(angle) + z * np.cos(angle)
        return moved


def _fetched(portrait: Image, drawn: NDArray[np.int32], maps: NDArray[np.float32]) -> Image:
    """Each pixel from where the map of what is drawn there finds it in the portrait."""
    across, down = np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32)[:, None]
    dark = len(maps) - 1
    lit = (drawn != dark).astype(np.float32)
    share = np.maximum(cv2.blur(lit, _SOFT), 0.01)
    # The mouth has no place in the portrait, so it has no part in the passage from map to map.
    x, y = (
        cv2.blur(lit * (a.take(drawn) * across + b.take(drawn) * down + c.take(drawn)), _SOFT) / share
        for a, b, c in np.ascontiguousarray(maps.transpose(1, 2, 0))
    )
    # Before the portrait's own background, which goes on beyond its edges: a room, as far as nets can tell.
    picture = np.asarray(
        cv2.remap(portrait[..., :3].copy(), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    mouth = share < 0.99
    if mouth.any():
        ink = (1 - share[mouth])[:, None] * np.array(_MOUTH)
        picture[mouth] = (picture[mouth] * share[mouth][:, None] + ink).astype(np.uint8)
    return picture


def _before_wall(picture: Image) -> Image:
    """A picture with an alpha channel, before the wall."""
    share = picture[..., 3] * np.float32(1 / 255)
    return np.asarray(
        cv2.blendLinear(cv2.cvtColor(picture, cv2.COLOR_BGRA2BGR), wall(), share, 1 - share), np.uint8
    )


def _reduced(picture: Image, scale: float) -> tuple[Image, float]:
    """A copy, averaged down where it is drawn smaller than it is, and its scale."""
    k = min(1.0, scale)
    return np.asarray(cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_AREA), np.uint8), k


def _roll(degrees: float) -> Array:
    """2 x 2: a turn in the picture's plane, clockwise as seen."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([(cos, -sin), (sin, cos)])


def _turn(yaw: float, pitch: float) -> Array:
    """3 x 3: a nod, then a turn to the side, with the signs of ``pose_of``."""
    nod, side = math.radians(pitch), math.radians(yaw)
    up = np.array([(1, 0, 0), (0, math.cos(nod), math.sin(nod)), (0, -math.sin(nod), math.cos(nod))])
    right = np.array([(math.cos(side), 0, -math.sin(side)), (0, 1, 0), (math.sin(side), 0, math.cos(side))])
    return np.asarray(right @ up)


def _with_rings(mesh: Array) -> tuple[Array, Array]:
    """The mesh and the rings round it, and for each point how far it follows the head, 1 to 0."""
    hull = mesh[cv2.convexHull(mesh[:, :2].astype(np.float32), returnPoints=False).ravel()]
    angles = np.arctan2(hull[:, 1], hull[:, 0])
    spokes = np.linspace(-math.pi, math.pi, _SPOKES, endpoint=False)
    reach, depth = (
        np.interp(spokes, angles, of, period=2 * math.pi) for of in (np.hypot(*hull[:, :2].T), hull[:, 2])
    )
    points, follow = [mesh], [np.ones(len(mesh))]
    for larger, share in _RINGS:
        back = depth + (mesh[_EARS, 2].mean() - depth) * min(1.0, larger - 1)
        points.append(
            np.column_stack([larger * reach * np.cos(spokes), larger * reach * np.sin(spokes), back])
        )
        follow.append(np.full(_SPOKES, share))
    return np.concatenate(points), np.concatenate(follow)


def _opening(points: Array) -> tuple[Array, Array]:
    """What opening the mouth does to each point: its share of the jaw's swing, 0 to 1, and way inwards."""
    between = (points[_UPPER, :2] + points[_LOWER, :2]) / 2
    x = points[:, 0] - (between[0, 0] + between[-1, 0]) / 2
    half = (between[-1, 0] - between[0, 0]) / 2
    below = points[:, 1] - np.interp(points[:, 0], *between.T)
    lip = np.maximum(0, 1 - (x / half) ** 2) ** 0.35
    t = np.clip(below / 0.25, 0, 1)
    swing = np.where(below > 0, np.maximum(lip, t * t * (3 - 2 * t)), 0.0)
    swing[list(_LOWER)] = lip[list(_LOWER)]
    swing[list(_UPPER)] = 0.0
    return swing, _NARROW * x * np.exp(-(x**2 + below**2) / half**2 / 2.0)


def _unfolded(points: Array) -> Array:
    """n x 2: the lips, where the mesh folds inwards, spread round a wide open mouth; nan within them."""
    outer = points[_OUTER, :].astype(np.float32)
    flat = points.copy()
    flat[[cv2.pointPolygonTest(outer, point, False) > 0 for point in points.tolist()]] = np.nan
    flat[list(_OUTER)] = outer
    flat[list(_INNER)] = outer.mean(axis=0) + 0.6 * (outer - outer.mean(axis=0))
    return flat


def _triangles(points: Array) -> Triangles:
    """Delaunay's triangles of n x 2 points, corners in one sense of rotation; what is nan has none."""
    plane = points.astype(np.float32)
    left, top = (np.nanmin(plane, axis=0) - 1).tolist()
    right, bottom = (np.nanmax(plane, axis=0) + 1).tolist()
    grid = cv2.Subdiv2D()
    grid.initDelaunay2f((left, top, right - left, bottom - top))
    number = {(x, y): i for i, (x, y) in enumerate(plane.tolist()) if not math.isnan(x)}
    for point in number:
        grid.insert(point)
    corners = np.reshape(grid.getTriangleList(), (-1, 3, 2)).tolist()
    found = np.array([[number.get((x, y), -1) for x, y in triangle] for triangle in corners], np.intp)
    found = found[(found >= 0).all(axis=1)]
    backward = _area(points[found]) < 0
    found[backward] = found[backward, ::-1]
    return found


def _area(corners: Array) -> Array:
    """Of n triangles (n x 3 x 2), twice and with its sign."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _affine(drawn: Array, source: Array) -> Array:
    """The maps (n x 2 x 3) from triangles as drawn to where they lie in the portrait."""
    linear = np.linalg.inv(drawn[:, 1:] - drawn[:, :1]) @ (source[:, 1:] - source[:, :1])  # of rows
    shift = source[:, :1] - drawn[:, :1] @ linear
    return np.concatenate([linear, shift], axis=1).transpose(0, 2, 1)
