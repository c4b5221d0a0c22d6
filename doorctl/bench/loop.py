"""One frame's way, stage by stage, beside the bare runs of its nets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf

import numpy as np

from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye
from doorctl.bench.timing import Turns
from doorctl.core.gallery import Gallery
from doorctl.core.records import Ask, Frame, Image, Observation, Person, Vector
from doorctl.errors import CameraError
from doorctl.vision.liveness.flexing import FIRST_SECONDS, Flexing
from doorctl.vision.mesh import roi_of_face
from doorctl.vision.motion import Motion
from doorctl.vision.runtime import Net

FEW, MANY = 1_000, 100_000
"""Templates in the galleries that are matched with, one for each person: the slowest way to have so many."""

MATCHES = 50
"""Rounds of matching with the larger gallery, which does not fit into a processor's cache."""

SETTLED = 8
"""Frames of a visit before the one that is measured with liveness: what is done once in a visit is over then,
and measured by itself."""

WARM_UP = 3
"""Frames that do not count, for the first runs of everything are slower."""

TRACKING = ("raw mesh", "raw embed")
DETECTING = ("raw detect", *TRACKING)
LIVENESS_NETS = ("raw minifasnet_v2", "raw minifasnet_v1se")
LIVING = (*TRACKING, *LIVENESS_NETS)
"""The runs of nets that no frame can do without: the floor."""

ONLY_WHO, ALIVE = Ask(), Ask(live_from=-inf)

Things = Mapping[str, Callable[[], object]]


def template_length(eye: Eye) -> int:
    """How many numbers the embedder gives."""
    return eye.observer.embedder.net.shapes[0][-1]


class Loop:
    """The product's own observer on frames, whole and in parts, and the bare runs of its nets.

    Args:
        settings: whose threads the nets use.
        eye: opened with them. Its observer's gallery is replaced by made-up people.
    """

    def __init__(self, settings: Settings, eye: Eye) -> None:
        self._observer, self._scale = eye.observer, eye.recognition.calibration
        self._length = template_length(eye)
        self._at = 0.0
        self._last: Image | None = None
        self._motion = Motion()
        self._rng = np.random.default_rng(0)
        nets = {"detect": eye.observer.detector.net, "mesh": eye.observer.mesh.net}
        nets["embed"] = eye.observer.embedder.net
        for model in eye.models.antispoof:
            nets[model.card.name] = Net(model, settings.config.vision.threads)
        self._bare = {f"raw {name}": net.invoke for name, net in nets.items()}
        self._observer.gallery = self._people(FEW)

    def things(self, image: Image) -> Things:
        """What is measured on a frame; to call one does it once. Call this anew for each frame.

        Raises:
            CameraError: the frame shows no face that is judged.
            ModelError: a net cannot be run.
        """
        observer, last = self._observer, image if self._last is None else self._last
        face = self._observe_after(image, 10.0).face
        if face is None:
            raise CameraError("a frame to measure on shows no face", "name another clip")
        roi, crop = roi_of_face(face), observer.embedder.align(image, face.landmarks)
        template = observer.embedder(crop)
        self._last = image
        living: dict[str, Callable[[], object]] = {}
        if (passive := observer.passive) is not None:
            flexing = Flexing()
            flexing.add(image, face, 0.0)
            for _ in range(SETTLED):
                self._observe_after(image, 1 / 15, ALIVE)
            living["living"] = lambda: self._observe_after(image, 1 / 15, ALIVE)
            living["antispoof"] = lambda: passive(image, face.box)
            living["flexing"] = lambda: flexing.add(image, face, FIRST_SECONDS)
        return {
            **living,
            "tracking": lambda: self._observe_after(image, 1 / 15),
            "detecting": lambda: self._observe_after(image, 10.0),  # too long a pause to track a face over
            "capture": lambda: np.array_equal(image.copy(), last),
            "motion": lambda: self._motion(image, self._at),
            "detect": lambda: observer.detector(image),
            "mesh": lambda: observer.mesh(image, roi),
            "align": lambda: observer.embedder.align(image, face.landmarks),
            "embed": lambda: observer.embedder(crop),
            f"match {FEW}": lambda: observer.gallery.match(template),
            **self._bare,
        }

    def measure(self, frames: Sequence[Image], each: Callable[[], None] = lambda: None) -> Turns:
        """All things by turns on each frame; ``each`` is called after it."""
        for image in frames[:WARM_UP]:
            Turns().round(self.things(image))
        turns = Turns()
        for image in frames:
            turns.round(self.things(image))
            each()
        return turns

    def matching(self, rounds: int = MATCHES) -> Turns:
        """The larger gallery, by turns with a bare matrix product of its size."""
        many = self._people(MANY)
        probe = np.array(many.templates[7])
        things: Things = {
            f"match {MANY}": lambda: many.match(probe),
            f"raw product {MANY}": lambda: many.templates @ probe,
        }
        turns = Turns()
        Turns().round(things)
        for _ in range(rounds):
            turns.round(things)
        return turns

    def _people(self, count: int) -> Gallery:
        vectors: Vector = self._rng.standard_normal((count, self._length), np.float32)
        people = (Person(number, f"made up {number}") for number in range(count))
        return Gallery.build(zip(people, vectors, strict=True), self._scale)

    def _observe_after(self, image: Image, seconds: float, ask: Ask = ONLY_WHO) -> Observation:
        self._at += seconds
        return self._observer.observe(Frame(image, self._at, 0), ask)
