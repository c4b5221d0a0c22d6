"""What a face must pass before it is compared with anyone."""

from __future__ import annotations

from doorctl.core.records import Face, Gate

MIN_INSIDE = 0.95
"""Share of the mesh that must lie within the picture. The mesh guesses the points beyond the edge;
a twentieth lets a chin or a hairline touch it, while both eyes, the nose and the mouth stay in."""


def gate_of(face: Face, shape: tuple[int, ...], *, min_face: float) -> Gate:
    """The first gate that holds a face back, or ``PASSED``.

    Args:
        face: as found in the picture.
        shape: of the picture, (height, width, ...).
        min_face: least width of the face as a fraction of the picture's.
    """
    if face.size < min_face:
        return Gate.TOO_SMALL
    x, y = face.landmarks[:, 0], face.landmarks[:, 1]
    inside = ((x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])).mean()
    return Gate.PASSED if inside >= MIN_INSIDE else Gate.OUT_OF_VIEW
