"""The values that travel one frame's way, from camera to relay.

Times named ``at`` are seconds on one monotonic scale chosen by whoever makes the
frames: the machine's monotonic clock at a door, the clip's own time in a replay.
The core never asks for the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import inf

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture: height x width x 3, BGR, 0 to 255."""

Vector = NDArray[np.float32]
"""Real numbers: an embedding (length D) or points (n x 2, n x 3)."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a camera."""

    image: Image
    at: float
    """When the picture reached this machine, seconds: what all cameras tell of the time of capture."""
    number: int
    """Counts up from 0 over the camera's life; a gap means that frames were dropped."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the frame. It may reach outside the picture."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face found in a frame."""

    box: Box
    """Bounds of the landmarks, in pixels."""
    landmarks: Vector
    """Face Mesh points, 468 x 3: x and y in pixels, z on x's scale, smaller is nearer."""
    presence: float
    """How sure the mesh net is that its crop shows a face, 0 to 1."""
    size: float
    """Width of the box as a fraction of the frame's width."""


class Gate(StrEnum):
    """What a frame must pass before its face is compared with anyone."""

    NO_FACE = "no_face"
    TOO_SMALL = "face_too_small"
    OUT_OF_VIEW = "face_out_of_view"
    TOO_LARGE = "face_too_large"
    BLURRED = "face_blurred"
    TOO_DARK = "face_too_dark"
    TOO_BRIGHT = "face_too_bright"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Head:
    """How a head is held: what an active challenge goes by."""

    yaw: float
    """Degrees, positive towards the picture's right edge, which is the person's own left."""
    pitch: float
    """Degrees, positive looks up."""
    mouth: float
    """Gap between the inner lips over the mouth's width, from 0."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """What one frame says of life; the verdict is made of several: see ``core.liveness``."""

    score: float | None = None
    """The anti-spoof nets together, 0 (surely a spoof) to 1 (surely live); ``None`` if they did not judge."""
    screen: float = 0.0
    """How likely a spoof would be a screen rather than a print, 0 to 1."""
    stillness: float | None = None
    """How much the face moved in the last frames, in units of what noise alone moves; ``None`` if unknown."""
    flexed: float | None = None
    """The most it has changed otherwise than a flat picture can, in the same units; ``None`` likewise."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone the gallery knows. A denied person is recognised and refused."""

    id: int
    name: str
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A probe compared with the whole gallery."""

    person: Person | None
    """The best person, however unlike; ``None`` only if the gallery is empty."""
    similarity: float
    """Cosine to the best person's best template, -1 to 1."""
    score: float
    """The similarity on the calibrated scale, 0.3 + 0.1 * (-log10 FMR), 0 to 1."""
    margin: float | None
    """Similarity minus that of the second-best *person*; ``None`` if there is no second."""
    lookalike: bool = False
    """Whether the best person is known to look like another of the gallery: see ``core.lookalikes``."""


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """Everything that one frame says to the door."""

    at: float
    """Time of capture, seconds."""
    judged_at: float
    """Time at which the judgement was ready, seconds on the same scale."""
    gate: Gate
    face: Face | None = None
    liveness: Liveness = Liveness()
    match: Match | None = None
    """``None`` unless ``gate`` is ``PASSED``."""
    head: Head | None = None
    """``None`` unless ``gate`` is ``PASSED``."""
    track: int = 0
    """Another number whenever this may be another face than in the frame before: lost sight of, moved too
    far, or of another likeness."""
    turned: tuple[float, float] | None = None
    """Yaw and pitch in degrees that depth shows, since the frame that ``Ask.anchor`` named; about 0 for a
    picture however it is held. ``None`` if not asked for, or not known."""
    crowded: bool = False
    """Whether another face lies over this one or is about as near; only looked for when asked."""
    probe: Vector | None = None
    """The face's template by the last frames, of unit length; ``None`` if it is not known."""
    when: datetime | None = None
    """The time of day, aware; ``None`` if nobody knows it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What the door wants to know of the next frame, beyond whose face it shows."""

    live_from: float = inf
    """Score of a match from which on the anti-spoof nets judge the face."""
    anchor: int = 0
    """Unlike the last number: ``turned`` is told against the next frame from then on. 0: not at all."""
    closely: bool = False
    """Whether to look for other faces in every frame."""


class Reason(StrEnum):
    """What a frame, or a whole presentation, comes to. Told in events and on the terminal."""

    RECOGNISED = "recognised"
    COMMANDED = "commanded"
    CONFIRMING = "confirming"
    NO_FACE = "no_face"
    FACE_TOO_SMALL = "face_too_small"
    FACE_OUT_OF_VIEW = "face_out_of_view"
    FACE_TOO_LARGE = "face_too_large"
    FACE_BLURRED = "face_blurred"
    FACE_TOO_DARK = "face_too_dark"
    FACE_TOO_BRIGHT = "face_too_bright"
    UNKNOWN_PERSON = "unknown_person"
    AMBIGUOUS = "ambiguous"
    DENIED = "denied"
    SCHEDULE = "schedule"
    SPOOF = "spoof"
    LIVENESS_UNSURE = "liveness_unsure"
    CHALLENGED = "challenged"
    CHALLENGE_FAILED = "challenge_failed"
    STALE = "stale"
    CLOCK_WENT_BACK = "clock_went_back"
    ALREADY_GRANTED = "already_granted"
    LOCKED_OUT = "locked_out"
    ATTEMPT_OVER = "attempt_over"
    CLEARED = "cleared"
    SWITCHED = "switched"
