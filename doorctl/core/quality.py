"""What can be said of a face in a picture, whoever it is: the measures of its quality."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of one face; ``vision.quality.measure`` makes them. Angles in degrees, 0 from the front."""

    yaw: float
    """Turned to the side, -90 to 90: positive towards the picture's right edge."""
    pitch: float
    """Nodding, -90 to 90: positive looks up."""
    roll: float
    """Tilted in the picture's plane, -180 to 180: positive is clockwise as one looks at it."""
    eyes_occluded: float
    """0 (in full view) to 1 (covered); the more covered of the two eyes."""
    nose_occluded: float
    """0 to 1."""
    mouth_occluded: float
    """0 to 1."""
    off_centre: float
    """Distance of the face's middle from the picture's, 0 to 1 (a corner)."""
    size: float
    """Width of the face in pixels."""
    brightness: float
    """-1 (black) to 1 (white), of the face's skin."""
    sharpness: float
    """0 (blurred) to 1 (sharp)."""
    mouth_open: float
    """Gap between the lips over the mouth's width, 0 to 1."""
    integrity: float
    """Share of the face inside the picture, 0 to 1."""
