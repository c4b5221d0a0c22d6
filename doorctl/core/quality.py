"""What can be said of a face in a picture, whoever it is: the measures of its quality."""

from __future__ import annotations

import math
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
    """0 (in full view) to 1 (covered); the more covered of the two eyes, or the nearer of a turned face."""
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


@dataclass(frozen=True, slots=True)
class Limits:
    """What a face must keep to in a photo that it is learnt from.

    They are wide, for a photo turned away is a person who must come again; ``scripts/prove quality`` shows
    how few of lfw-dev's press photos fail one, and how much worse spoilt photos match that do. Roll is
    undone, and where in the picture the face is or how open its mouth cost too little to be asked.
    """

    min_size: float = 40.0
    """Pixels. The embedder's crop shows a face about 100 pixels wide. Faces of lfw-dev made half as wide, 48
    pixels, match as well as before, those of 32 worse."""
    min_integrity: float = 0.9
    """A tenth lets a chin or a hairline be cut; the eyes, the nose and the mouth stay in."""
    min_brightness: float = -0.75
    max_brightness: float = 0.93
    min_sharpness: float = 0.15
    max_yaw: float = 55.0
    """Degrees, to either side."""
    max_pitch: float = 45.0
    """Degrees, up or down."""
    max_eyes_occluded: float = 0.7
    max_nose_occluded: float = 0.7
    max_mouth_occluded: float = 0.7


@dataclass(frozen=True, slots=True)
class Fault:
    """A limit that a face fails."""

    measure: str
    """The name of the ``Quality``'s field."""
    value: float
    limit: float
    told: str
    """What is wrong, with the value and the limit."""
    hint: str
    """How to take the picture again."""


_RULES = (
    (
        "size",
        "min_size",
        "the face is only {value:.1f} pixels wide, {limit:.0f} are needed",
        "use a photo taken from nearer, or a larger copy of it",
    ),
    (
        "integrity",
        "min_integrity",
        "the face is cut off by the edge: {value:.0%} of it is in the picture",
        "use a photo that shows the whole face",
    ),
    (
        "brightness",
        "min_brightness",
        "the face is too dark",
        "take it in more light, and let that fall on the face from the front",
    ),
    (
        "brightness",
        "max_brightness",
        "the face is too bright",
        "take it without flash, out of direct sun",
    ),
    (
        "sharpness",
        "min_sharpness",
        "the face is blurred",
        "hold still, wipe the lens, and let the camera focus on the face",
    ),
    (
        "yaw",
        "max_yaw",
        "the face is turned {value:.0f} degrees to the side",
        "look straight into the camera",
    ),
    (
        "pitch",
        "max_pitch",
        "the face is raised or lowered by {value:.0f} degrees",
        "hold the camera at eye level and look straight into it",
    ),
    (
        "eyes_occluded",
        "max_eyes_occluded",
        "the eyes are covered",
        "take off dark glasses, brush hair aside",
    ),
    (
        "nose_occluded",
        "max_nose_occluded",
        "the nose is covered",
        "take off the mask or scarf, hands away",
    ),
    (
        "mouth_occluded",
        "max_mouth_occluded",
        "the mouth is covered",
        "take off the mask or scarf, hands away",
    ),
)
"""Measure, limit, what is wrong, what to do. What spoils other measures stands first."""


def fault(quality: Quality, limits: Limits) -> Fault | None:
    """The first limit that a face fails, or ``None``."""
    for measure, name, words, hint in _RULES:
        value, limit = float(getattr(quality, measure)), float(getattr(limits, name))
        value = abs(value) if measure in ("yaw", "pitch") else value
        least = name.startswith("min_")
        kept = value >= limit if least else value <= limit  # a NaN keeps to nothing
        if not kept:
            told = words.format(value=value, limit=limit)
            # Rounded away from the limit, or a near miss would read as if it had been kept.
            shown = (math.floor if least else math.ceil)(value * 100) / 100 if math.isfinite(value) else value
            bound = f"({measure} {shown:.2f}, {'at least' if least else 'at most'} {limit:.2f} wanted)"
            return Fault(measure, value, limit, f"{told} {bound}", hint)
    return None
