"""Who comes to the door in the drill, and when: a camera's pictures of them, made beforehand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import pi, sin
from pathlib import Path
from random import Random

import numpy as np

from doorctl.app.enrolment import only_face
from doorctl.app.wiring import Eye
from doorctl.core.records import Image
from doorctl.demo.clips import FPS, HEIGHT, NOISE, WIDTH, wall
from doorctl.demo.puppet import Puppet
from doorctl.vision.photo import read_photo
from scripts.proofs.soak_camera import Shot, take

KNOWN, OTHER = "Eileen Collins", "Grace Hopper"
"""Who is enrolled, and who is not."""
COMES, STAYS, AWAY = 4, 20, 16
"""Pictures of a visit: walking up, before the camera, and of nobody, for a second: the visit is over then."""
FAR, NEAR = 0.1, 0.32
"""Widths of the face, as fractions of the picture's."""
NOISES = 12
"""A sensor's noise takes long to make up: pictures have one of so many."""
TURN = 22.0
"""Degrees to either side that a living head turns meanwhile."""


class Kind(Enum):
    """What a visit is."""

    KNOWN = "known"
    STRANGER = "stranger"
    PRINT = "print"
    PASSER = "passer-by"


TAKES = {Kind.KNOWN: 2, Kind.STRANGER: 1, Kind.PRINT: 1, Kind.PASSER: 1}
"""So many recordings are made of each."""
SHARES = {Kind.KNOWN: 15, Kind.STRANGER: 4, Kind.PASSER: 1}
"""Of twenty visits. Pictures are shown as one of the things that go wrong: a door is wary after them."""

Recording = Sequence[Shot]


@dataclass(frozen=True)
class Visit:
    """Somebody before the camera; times of ``time.monotonic``."""

    kind: Kind
    begin: float
    end: float


class Visitors:
    """They come one after another, for ever.

    Args:
        recordings: of each kind.
        nobody: pictures of the empty scene.
        draw: who is next.
    """

    def __init__(self, recordings: dict[Kind, list[Recording]], nobody: Recording, draw: Random) -> None:
        self.visits: list[Visit] = []
        self._recordings, self._nobody, self._draw = recordings, nobody, draw
        self._called: Kind | None = None
        self._pending: list[Shot] = []
        self._kind, self._begin, self._left = Kind.PASSER, time.monotonic(), 0
        self._empty = 0

    def call(self, kind: Kind) -> None:
        """Let the next visit be of that kind."""
        self._called = kind

    def look(self) -> Shot:
        """What is to be seen now; to be asked for each picture."""
        if self._pending:
            if len(self._pending) == 1:
                self.visits.append(Visit(self._kind, self._begin, time.monotonic()))
                self._left = AWAY
            return self._pending.pop(0)
        if self._left:
            self._left -= 1
            self._empty += 1
            return self._nobody[self._empty % len(self._nobody)]
        called, self._called = self._called, None
        self._kind = called or self._draw.choices(list(SHARES), list(SHARES.values()))[0]
        self._pending = list(self._draw.choice(self._recordings[self._kind]))
        self._begin = time.monotonic()
        return self._pending.pop(0)


def rehearsed(eye: Eye, portraits: dict[str, Path], draw: Random) -> Visitors:
    """Record every kind of visit.

    A living visitor is a puppet that turns its head, which the nets and the other cues take for alive; a
    print is the same portrait, flat, which is moved about.
    """
    puppets = {}
    for name, photo in portraits.items():
        image = read_photo(photo)
        puppets[name] = Puppet(image, only_face(eye, image, photo.name))
    rng = np.random.default_rng(draw.randrange(2**32))
    noises = [rng.normal(0, NOISE, (HEIGHT, WIDTH, 3)).astype(np.float32) for _ in range(NOISES)]

    def shot(image: Image) -> Shot:
        return take(np.clip(image + draw.choice(noises), 0, 255).astype(np.uint8))

    def visit(kind: Kind) -> Recording:
        puppet = puppets[OTHER if kind is Kind.STRANGER else KNOWN]
        shots, phase = [], draw.uniform(0, 2 * pi)
        for i in range(COMES + STAYS):
            nearness = 0.0 if kind is Kind.PASSER else min(1.0, i / COMES)
            size = FAR + (NEAR - FAR) * nearness
            centre = (WIDTH * (0.5 + 0.12 * (1 - nearness) + 0.008 * sin(i / 5)), HEIGHT * 0.5)
            roll, swing = 1.5 * sin(i / 9), sin(phase + 2 * pi * i / FPS)
            if kind is Kind.PRINT:
                image = puppet.draw_flat(TURN * swing, 0.0, roll, size=size, centre=centre)
            else:
                image = puppet.draw(TURN * swing, 8 * swing, roll, size=size, centre=centre)
            shots.append(shot(image))
        return shots

    recordings = {kind: [visit(kind) for _ in range(times)] for kind, times in TAKES.items()}
    return Visitors(recordings, [shot(wall()) for _ in range(FPS)], draw)
