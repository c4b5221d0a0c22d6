"""From a frame to everything that it says to the door.

The detector is the way in and the mesh is the way on: while a face stays in view, its
next crop comes from its last landmarks, and the detector only looks up once in a while
to see whether somebody has stepped in front. Where nobody has been for some seconds and
nothing moves, it looks up no more often either.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from doorctl.core.calibration import similarity_of
from doorctl.core.card import InstalledModel
from doorctl.core.gallery import Gallery
from doorctl.core.records import Ask, Face, Frame, Gate, Head, Image, Liveness, Observation, Vector
from doorctl.errors import ModelError, PhotoError
from doorctl.vision.detect import SAME_FACE_IOU, Detection, Detector
from doorctl.vision.embed import Embedder
from doorctl.vision.find import area, find_faces, overlap
from doorctl.vision.fuse import Fusion
from doorctl.vision.liveness.passive import Passive
from doorctl.vision.liveness.signs import Signs
from doorctl.vision.mesh import MIN_PRESENCE, Mesh, roi_of_detection, roi_of_face
from doorctl.vision.motion import Motion
from doorctl.vision.pose import pose_of
from doorctl.vision.quality import gate_of, liveness_gate, mouth_open

log = logging.getLogger(__name__)

MAX_GAP_SECONDS = 1.0
"""After a longer pause the face may be somebody else's anywhere: look afresh."""

NEARER = 1.1
"""A face takes over from the tracked one when its area is this many times larger: two people side
by side, of whom each is nearer by turns, would otherwise keep each other from five frames in a row."""

SAME_PERSON = 0.7
"""Score from which two frames of one visit are averaged: one stranger in 10,000 reaches it."""

AWAKE_SECONDS = 3.0
"""So long after the last face or motion the detector looks at every frame."""

SAME_TRACK_IOU = 0.3
"""Overlap of a face's boxes in two frames, below which it may be another face: nobody moves so fast."""

ANOTHER = 0.4
"""Of the tracked face's area: a second face that large is one too many while a challenge runs."""


ONLY_WHO = Ask()
"""Nothing is wanted of the frame but whose face it shows."""


@dataclass(frozen=True, slots=True)
class Track:
    """The face that is followed, and when and in what size of frame it was last seen."""

    face: Face
    at: float
    shape: tuple[int, ...]


class Observer:
    """Judges frames one after another. Keeps track of a face, so *not* thread-safe.

    Args:
        detector: BlazeFace that finds the face in a frame.
        mesh: Face Mesh.
        embedder: any embedder.
        gallery: the people known; replace the attribute by one assignment.
        min_face: least width of a face, as a fraction of the frame's width.
        antispoof: the nets that tell a picture from a face; there may be none.
        detector_full: a second BlazeFace that helps with still photos; loaded at the first.
        threads: CPU threads that each net may use.
        clock: seconds on the frames' scale, for ``judged_at``; without it a frame's own time.
        relook_seconds: how often the detector looks up while a face is tracked, or while nothing moves.

    Raises:
        ModelError: a net cannot be loaded.
    """

    def __init__(
        self,
        *,
        detector: InstalledModel,
        mesh: InstalledModel,
        embedder: InstalledModel,
        gallery: Gallery,
        min_face: float,
        antispoof: Sequence[InstalledModel] = (),
        detector_full: InstalledModel | None = None,
        threads: int = 1,
        clock: Callable[[], float] | None = None,
        relook_seconds: float = 1.0,
    ) -> None:
        self.detector = Detector(detector, threads)
        self.mesh = Mesh(mesh, threads)
        self.embedder = Embedder(embedder, threads)
        self.passive = Passive(antispoof, threads) if antispoof else None
        self.gallery = gallery
        self.min_face = min_face
        self._full = detector_full if detector_full and detector_full.path != detector.path else None
        self._detectors: tuple[Detector, ...] = ()
        self._threads = threads
        self._clock = clock
        self._relook_seconds = relook_seconds
        self._track: Track | None = None
        self._number = 0
        self._crowded = False
        self._signs = Signs(self.passive)
        self._looked_at = 0.0
        self._fusion = Fusion(similarity_of(SAME_PERSON, gallery.calibration))
        self._motion = Motion()
        self._stirred_at = 0.0

    def observe(self, frame: Frame, ask: Ask = ONLY_WHO) -> Observation:
        """Judge one frame: the nearest face, its gates, and who it is, by the last frames of this visit.

        Args:
            ask: what else the door wants to know of it.

        Raises:
            ModelError: the frame is no picture, or a net cannot be run. No face is tracked afterwards.
        """
        why = _unusable(frame.image)
        track, self._track = self._track, None
        if why:
            raise ModelError(f"a frame cannot be judged: {why}", "check the camera's format")
        image = np.ascontiguousarray(frame.image)
        face = self._nearest(image, frame.at, track, closely=ask.closely)
        new = face is None or track is None or not 0 <= frame.at - track.at <= MAX_GAP_SECONDS
        if new:
            self._fusion.forget()
        moved = not new and face and track and overlap(face.box, track.face.box) < SAME_TRACK_IOU
        if new or moved:
            self._number += 1
            self._signs.forget()
        seen = self._judge(image, face, frame.at, self._fusion, ask)
        if face is not None:
            self._track = Track(face, frame.at, image.shape)
        return seen

    def forget(self) -> None:
        """What comes next has nothing to do with what was seen."""
        self._track = None
        self._fusion.forget()
        self._signs.forget()

    def faces(self, image: Image) -> tuple[Face, ...]:
        """All faces in a still photo, largest first. Leaves the tracking alone.

        Raises:
            PhotoError: this is no picture.
            ModelError: a net cannot be loaded or run.
        """
        why = _unusable(image)
        if why:
            raise PhotoError(f"a photo cannot be judged: {why}")
        if not self._detectors:
            full = (Detector(self._full, self._threads),) if self._full else ()
            self._detectors = (self.detector, *full)
        return find_faces(np.ascontiguousarray(image), self._detectors, self.mesh)

    def embed(self, image: Image, face: Face) -> Vector:
        """The template of a face in a photo: D numbers of unit length.

        Raises:
            ModelError: the net cannot be run, or gives no direction.
        """
        return self.embedder(self.embedder.align(image, face.landmarks))

    def life(self, image: Image, face: Face) -> tuple[Gate, Liveness]:
        """What one picture says of life, and what keeps it from saying more; weak evidence either way.

        Raises:
            ModelError: a net cannot be run.
        """
        gate = gate_of(face, image.shape, min_face=self.min_face)
        if gate is Gate.PASSED:
            gate = liveness_gate(image, face)
        seen = self.passive(np.ascontiguousarray(image), face.box) if self.passive else ()
        return gate, Liveness(*seen)

    def judge_picture(self, image: Image) -> Observation:
        """Judge a still photo by its largest face, as if it were a frame at time 0.

        Raises:
            PhotoError: this is no picture.
            ModelError: a net cannot be loaded or run.
        """
        faces = self.faces(image)
        return self._judge(np.ascontiguousarray(image), faces[0] if faces else None, 0.0)

    def _judge(
        self, image: Image, face: Face | None, at: float, fusion: Fusion | None = None, ask: Ask = ONLY_WHO
    ) -> Observation:
        if face is None:
            return Observation(at, self._now(at), Gate.NO_FACE)
        gate = gate_of(face, image.shape, min_face=self.min_face)
        if gate is Gate.PASSED and ask.live_from < inf:
            gate = liveness_gate(image, face)
        if gate is not Gate.PASSED:
            return Observation(at, self._now(at), gate, face)
        yaw, pitch, _ = pose_of(face.landmarks)
        embedding = self.embed(image, face)
        breaks = self._fusion.breaks
        probe = fusion.add(embedding) if fusion else embedding
        match = self.gallery.match(probe)
        if self._fusion.breaks != breaks:
            self._signs.forget()
        liveness = Liveness()
        if match.score >= ask.live_from:
            liveness = self._signs.life(image, face, at)
        return Observation(
            at,
            self._now(at),
            gate,
            face,
            liveness,
            match,
            Head(yaw, pitch, mouth_open(face.landmarks)),
            # A face that does not resemble the last ones is another, though its place is the same.
            track=self._number + self._fusion.breaks,
            turned=self._signs.turned(image, face, ask.anchor),
            crowded=self._crowded,
            probe=probe,
        )

    def _now(self, at: float) -> float:
        return self._clock() if self._clock else at

    def _nearest(self, image: Image, at: float, track: Track | None, *, closely: bool = False) -> Face | None:
        """The face that counts: the tracked one while it is there and nobody is nearer."""
        face, self._crowded = None, False
        if track and track.shape == image.shape and 0 <= at - track.at <= MAX_GAP_SECONDS:
            face = self.mesh(image, roi_of_face(track.face))
            if face.presence < MIN_PRESENCE:
                log.debug("the tracked face is gone at %.3f s", at)
                face = None
        content = (face is not None or self._asleep(image, at)) and not closely
        if content and 0 <= at - self._looked_at < self._relook_seconds:
            return face
        self._looked_at = at
        face = self._look(image, face)
        if face is not None:
            self._stirred_at = at
        return face

    def _asleep(self, image: Image, at: float) -> bool:
        """Whether nobody has been there, and nothing has moved, for a while."""
        if self._motion(image, at):
            self._stirred_at = at
        return at - self._stirred_at >= AWAKE_SECONDS

    def _look(self, image: Image, tracked: Face | None) -> Face | None:
        """Let the detector look at the whole frame: the nearest face that the mesh confirms."""
        detections = self.detector(image)
        self._crowded = tracked is not None and any(
            _is_another(d, tracked) and self.mesh(image, roi_of_detection(d)).presence >= MIN_PRESENCE
            for d in detections
        )
        for detection in detections:
            if tracked is not None and overlap(detection.box, tracked.box) > SAME_FACE_IOU:
                return tracked  # the larger ones before it, if any, were none
            face = self.mesh(image, roi_of_detection(detection))
            if face.presence < MIN_PRESENCE:
                continue
            if tracked is None or area(face) > NEARER * area(tracked):
                return face
        return tracked


def _unusable(image: object) -> str:
    """What is wrong with something that should be a picture; empty if nothing is."""
    if not isinstance(image, np.ndarray):
        return f"{type(image).__name__} is no picture"
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        return f"height x width x 3 of uint8 is expected, not {image.shape} of {image.dtype}"
    return ""


def _is_another(detection: Detection, tracked: Face) -> bool:
    """Whether a detection is of another face than the tracked one, and no small one in the background."""
    box, own = detection.box, tracked.box
    x = box.left + box.width / 2 - own.left - own.width / 2
    y = box.top + box.height / 2 - own.top - own.height / 2
    aside = abs(x) > own.width / 2 or abs(y) > own.height / 2
    return aside and box.width * box.height >= ANOTHER * area(tracked)
