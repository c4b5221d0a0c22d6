"""The demo's camera: acts in which somebody walks up, and does what the door's own prompts ask.

What the door knows of an act comes through the frames alone; what the actor knows of the
door comes through the indicator alone, as for anyone who stands before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import exp, sin
from typing import Self

import numpy as np

from doorctl.core.prompt import Prompt
from doorctl.core.records import Frame, Image
from doorctl.demo.clips import FPS, HEIGHT, NOISE, WIDTH, wall
from doorctl.demo.puppet import Puppet

REACTION_SECONDS = 0.4
"""Between a prompt and the first movement, as people take it."""
QUICKNESS = 0.18
"""Seconds in which a movement comes two thirds of its way."""

TURN, NOD = 26.0, 20.0
"""Degrees that an actor turns or nods."""

POSES = {
    Prompt.TURN_LEFT: (TURN, 0.0, 0.0),  # the person's own left is the picture's right
    Prompt.TURN_RIGHT: (-TURN, 0.0, 0.0),
    Prompt.LOOK_UP: (0.0, NOD, 0.0),
    Prompt.LOOK_DOWN: (0.0, -NOD, 0.0),
    Prompt.OPEN_MOUTH: (0.0, 0.0, 1.0),
}
"""Yaw, pitch and jaw that a prompt asks for; for any other, none."""

FAR, NEAR = 0.08, 0.30
"""Face widths, as fractions of the frame's."""
APPROACH_SECONDS, AWAY_SECONDS = 1.2, 1.6
STAY_SECONDS = 14.0
"""Longest stay; whoever is answered leaves."""
LINGER_SECONDS = 1.0
"""How long an actor stays after the answer."""


@dataclass
class Act:
    """Somebody's visit.

    Args:
        title: what it is, for whoever watches.
        draw: (yaw, pitch, jaw, roll, size, centre) -> a frame without noise.
    """

    title: str
    draw: Callable[[float, float, float, float, float, tuple[float, float]], Image]


def living(title: str, puppet: Puppet) -> Act:
    """A head that turns and a mouth that opens."""
    return Act(
        title,
        lambda yaw, pitch, jaw, roll, size, centre: puppet.draw(
            yaw, pitch, roll, jaw, size=size, centre=centre
        ),
    )


def print_of(title: str, puppet: Puppet) -> Act:
    """The same portrait as a flat picture, which is tilted where a head would turn."""
    return Act(
        title,
        lambda yaw, pitch, jaw, roll, size, centre: puppet.draw_flat(
            1.5 * yaw, 1.5 * pitch, roll, size=size, centre=centre
        ),
    )


@dataclass
class _Pose:
    """Where the actor's head is, on its way to where the prompts want it."""

    now: np.ndarray = field(default_factory=lambda: np.zeros(3))
    prompt: Prompt = Prompt.IDLE
    since: float = 0.0

    def move(self, prompt: Prompt, at: float) -> None:
        if prompt is not self.prompt:
            self.prompt, self.since = prompt, at
        if at - self.since >= REACTION_SECONDS:
            wanted = np.array(POSES.get(prompt, (0.0, 0.0, 0.0)))
            self.now += (wanted - self.now) * (1 - exp(-1 / FPS / QUICKNESS))


class Stage:
    """A camera before which the acts are played, one after another.

    Args:
        acts: in order.
        seed: of the noise, so that a clip can be made again.
        shot: given every frame, for a clip.
    """

    def __init__(
        self, acts: Sequence[Act], *, seed: int = 0, shot: Callable[[Image], object] = lambda image: None
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._shot = shot
        self._prompt = Prompt.IDLE
        self._number = 0
        self._frames = self._play(acts)

    def show(self, prompt: Prompt) -> None:
        """What the door's indicator shows: the actors look at it."""
        self._prompt = prompt

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame | None:
        return next(self._frames)

    def close(self) -> None:
        """Nothing is held."""

    def _play(self, acts: Sequence[Act]) -> Iterator[Frame]:
        for act in acts:
            for image in self._visit(act):
                yield self._frame(image)
            for _ in range(round(AWAY_SECONDS * FPS)):
                yield self._frame(wall())

    def _visit(self, act: Act) -> Iterator[Image]:
        """One act: near, stay until answered, and a moment longer."""
        pose, approach = _Pose(), APPROACH_SECONDS * FPS
        answered = None
        for i in range(round((APPROACH_SECONDS + STAY_SECONDS) * FPS)):
            nearness = min(1.0, i / approach)
            pose.move(self._prompt, i / FPS)
            yaw, pitch, jaw = pose.now
            centre = (
                WIDTH * (0.5 + 0.12 * (1 - nearness) + 0.008 * sin(i / 5)),
                HEIGHT * (0.5 + 0.006 * sin(i / 7)),
            )
            size = FAR + (NEAR - FAR) * nearness
            yield act.draw(float(yaw), float(pitch), float(jaw), 1.5 * sin(i / 9), size, centre)
            if self._prompt in (Prompt.GRANTED, Prompt.DENIED) and nearness == 1.0:
                answered = i if answered is None else answered
                if i - answered >= LINGER_SECONDS * FPS:
                    return

    def _frame(self, image: Image) -> Frame:
        noisy = np.clip(image + self._rng.normal(0, NOISE, image.shape), 0, 255).astype(np.uint8)
        self._shot(noisy)
        frame = Frame(noisy, self._number / FPS, self._number)
        self._number += 1
        return frame
