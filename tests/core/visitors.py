"""Visitors who stand before the pure door: they see its prompts and show it faces, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from doorctl.core.decision import Decision, Event
from doorctl.core.door import step
from doorctl.core.guidance import prompt_of
from doorctl.core.inputs import Draw, Input
from doorctl.core.liveness import LivenessMode
from doorctl.core.policy import Policy
from doorctl.core.prompt import Prompt
from doorctl.core.records import Box, Face, Gate, Head, Liveness, Match, Observation, Person, Reason, Vector
from doorctl.core.state import Door

GRACE, EILEEN = Person(1, "Grace Hopper"), Person(2, "Eileen Collins")
FPS = 15
POLICY = Policy(
    threshold=0.7, margin=0.08, lookalike_margin=0.16, liveness=LivenessMode.CHALLENGE, dwell_seconds=0.25
)


def seen(
    at: float,
    person: Person | None = GRACE,
    *,
    yaw: float = 0.0,
    pitch: float = 0.0,
    mouth: float = 0.0,
    score: float = 0.9,
    live: float | None = 0.99,
    screen: float = 0.0,
    stillness: float | None = 9.0,
    flexed: float | None = 9.0,
    track: int = 1,
    crowded: bool = False,
    flat: bool = False,
    gate: Gate = Gate.PASSED,
    probe: Vector | None = None,
) -> Observation:
    """One frame, by default of a live, known person who looks at the camera."""
    if gate is not Gate.PASSED:
        return Observation(at, at, gate, track=track)
    face = Face(Box(250, 150, 140, 180), np.zeros((468, 3), np.float32), 1.0, 0.22)
    match = Match(person, 0.6, score, 0.3)
    life = Liveness(live, screen, stillness, flexed)
    head = Head(yaw, pitch, mouth)
    turned = (0.0, 0.0) if flat else (yaw, pitch)
    return Observation(at, at, gate, face, life, match, head, track, turned, crowded, probe)


POSES = {
    Prompt.TURN_LEFT: (25.0, 0.0, 0.0),
    Prompt.TURN_RIGHT: (-25.0, 0.0, 0.0),
    Prompt.LOOK_UP: (0.0, 18.0, 0.0),
    Prompt.LOOK_DOWN: (0.0, -18.0, 0.0),
    Prompt.OPEN_MOUTH: (0.0, 0.0, 0.6),
}
"""Yaw, pitch and mouth of somebody who does as asked."""


@dataclass
class Visit:
    """What came of somebody's visit."""

    door: Door
    trail: list[tuple[Input, Decision]] = field(default_factory=list)
    prompts: list[tuple[float, Prompt]] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [event for _, decision in self.trail for event in decision.events]

    @property
    def granted(self) -> bool:
        return any(decision.release is not None for _, decision in self.trail)

    @property
    def reasons(self) -> list[Reason | None]:
        return [event.reason for event in self.events]


Change = Callable[[Observation, Prompt, int], Input | None]
"""What an attack makes of a frame: another input, or ``None`` for a frame that never came."""


def visit(
    policy: Policy = POLICY,
    *,
    number: int = 12345,
    seconds: float = 10.0,
    react: float = 0.4,
    obey: bool = True,
    change: Change = lambda frame, prompt, count: frame,
    reloaded: tuple[float, Policy] | None = None,
    door: Door | None = None,
    start: float = 0.0,
    **look: object,
) -> Visit:
    """Let somebody stand before the door and, unless told otherwise, do what it asks.

    Args:
        number: what the door's challenge is drawn from.
        react: seconds from a prompt to the pose.
        change: what is made of each frame: (frame, prompt, frames since the start) -> input.
        reloaded: from when on another policy holds.
        door: as the visitor finds it.
        start: when the visitor comes, seconds.
        look: of every frame, as for ``seen``.
    """
    out = Visit(door or Door())
    prompt, since = Prompt.IDLE, start
    for count in _frames(seconds):
        at = start + count / FPS
        doing = obey and at - since >= react
        yaw, pitch, mouth = POSES.get(prompt, (0.0, 0.0, 0.0)) if doing else (0.0, 0.0, 0.0)
        frame = seen(at, **{"yaw": yaw, "pitch": pitch, "mouth": mouth, **look})  # type: ignore[arg-type]  # a table of keywords
        fact = change(frame, prompt, count)
        if fact is None:
            continue
        if reloaded and at >= reloaded[0]:
            policy = reloaded[1]
        out.door, decision = step(out.door, fact, policy)
        out.trail.append((fact, decision))
        if decision.draw:
            out.door, drawn = step(out.door, Draw(out.door.at, number), policy)
            out.trail.append((Draw(out.door.at, number), drawn))
        shown = prompt_of(out.door, decision)
        if shown is not prompt:
            prompt, since = shown, at
            out.prompts.append((at, prompt))
    return out


def _frames(seconds: float) -> Iterator[int]:
    return iter(range(round(seconds * FPS)))


def with_rules(policy: Policy = POLICY, **rules: object) -> Policy:
    """The policy with other rules of the challenge."""
    return replace(policy, challenge=replace(policy.challenge, **rules))  # type: ignore[arg-type]  # keywords
