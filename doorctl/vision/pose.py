"""Which way a face looks, from the mesh's three-dimensional points alone."""

from __future__ import annotations

import math

from doorctl.core.records import Vector

_RIGHT, _LEFT = [33, 133, 127, 61, 234, 93], [263, 362, 356, 291, 454, 323]
"""Points of the person's right and left that mirror each other: eye corners, temples, mouth, cheeks."""
_TOP, _CHIN = 10, 152
"""Ends of the face's middle line: the hairline and the chin."""
_POINTS = [*_RIGHT, *_LEFT, _TOP, _CHIN]
_LEAN = 5.5
"""Degrees that this line leans forward in the mesh of a face from the front: the median of lfw-dev."""


def pose_of(landmarks: Vector) -> tuple[float, float, float]:
    """Yaw, pitch and roll of a face, in degrees, 0 from the front.

    Lines between points that mirror each other run across the face, and one from hairline to chin
    runs down it; the direction square to both is where the face looks. The angles are those of a turn
    to the side, then a nod, then a tilt in the picture's plane. Depth is the mesh's own guess on x's
    scale, under weak perspective.

    Args:
        landmarks: 468 x 3, pixels, y down, smaller z nearer.

    Returns:
        yaw: -90 to 90, positive towards the picture's right edge.
        pitch: -90 to 90, positive looks up.
        roll: -180 to 180, positive clockwise as one looks at the picture.
    """
    # Plain numbers: for so few of them numpy takes longer.
    x, y, z = zip(*landmarks[_POINTS].tolist(), strict=True)
    pairs = len(_RIGHT)
    ax, ay, az = (sum(line[pairs:-2]) - sum(line[:pairs]) for line in (x, y, z))
    dx, dy, dz = (line[-1] - line[-2] for line in (x, y, z))
    roll, across = math.atan2(ay, ax), math.hypot(ax, ay)
    # Undo the tilt; what is left of the two lines tells the turn and the nod.
    cos, sin = math.cos(roll), math.sin(roll)
    dx, dy = cos * dx + sin * dy, cos * dy - sin * dx
    # Down x across, towards the viewer: -z for a face from the front.
    look = dy * az, dz * across - dx * az, -dy * across
    yaw = math.atan2(look[0], -look[2])
    pitch = math.asin(min(max(-look[1] / max(math.hypot(*look), 1e-9), -1.0), 1.0))
    return math.degrees(yaw), min(math.degrees(pitch) + _LEAN, 90.0), math.degrees(roll)
