"""What a challenge asks, and how a head shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from doorctl.core.prompt import Prompt
from doorctl.core.records import Head


class Action(StrEnum):
    """What can be asked. Left and right are the person's own."""

    TURN_LEFT = "turn left"
    TURN_RIGHT = "turn right"
    LOOK_UP = "look up"
    LOOK_DOWN = "look down"
    OPEN_MOUTH = "open mouth"


PROMPTS = {
    Action.TURN_LEFT: Prompt.TURN_LEFT,
    Action.TURN_RIGHT: Prompt.TURN_RIGHT,
    Action.LOOK_UP: Prompt.LOOK_UP,
    Action.LOOK_DOWN: Prompt.LOOK_DOWN,
    Action.OPEN_MOUTH: Prompt.OPEN_MOUTH,
}


_NODS = {Action.LOOK_UP, Action.LOOK_DOWN}
PAIRS = tuple((a, b) for a in Action for b in Action if a is not b and {a, b} != _NODS)
"""What may be asked, in order."""


@dataclass(frozen=True, slots=True)
class ChallengeRules:
    """The rules of a challenge. Changes are against the person's own neutral frames just before."""

    yaw: float = 15.0
    pitch: float = 10.0
    mouth: float = 0.25
    """Least change that counts as the action: degrees; of the mouth, the lips' gap over its width."""
    neutral: float = 0.5
    """A head within this share of those changes is at rest, and near its neutral pose."""
    home: float = 0.9
    """After an action the head comes back to within this share of them: people settle anew, not exactly."""
    coupled: float = 1.3
    """Who looks up may open the mouth a little: another action is wrong from so many times its change."""
    frontal: float = 25.0
    """Degrees of yaw and pitch within which the neutral pose itself must lie."""
    depth: float = 5.0
    """Degrees of a turn or nod that must show in depth, for of a tilted picture the mesh tells any angle. See
    ``vision.liveness.cues.Turning``. Of nuaa-dev's prints none comes so far in any frame in which the mesh
    claims a turn of 10 degrees or more that way, nor does a flat portrait however it is tilted."""
    settle_frames: int = 5
    hold_frames: int = 2
    """Frames in a row that an action, right or wrong, must show."""
    deadline_seconds: float = 4.0
    """For each action, and for coming back to look at the camera."""
    pause_seconds: tuple[float, float] = (0.4, 1.2)
    reaction_seconds: float = 0.15
    """Nobody reacts faster: what shows sooner was begun before the prompt."""
    gap_seconds: float = 0.5
    """Longest time without a usable frame: a face that was away may be another."""
    doubts: int = 4
    """Frames in which the face before the camera is not recognised, while frontal, that are forgiven."""


def draw(number: int, rules: ChallengeRules) -> tuple[tuple[Action, ...], tuple[float, ...]]:
    """Two different actions, and the pause before each in seconds, out of a random number of 64 bits.

    Never two nods: a print that is folded down the middle nods in depth.
    """
    number, pair = divmod(number, len(PAIRS))
    number, one = divmod(number, 1000)
    two = number % 1000
    low, high = rules.pause_seconds
    return PAIRS[pair], tuple(low + (high - low) * share / 999 for share in (one, two))


def in_depth(action: Action | None, turned: tuple[float, float] | None, rules: ChallengeRules) -> bool:
    """Whether depth shows a turn that way; an open mouth is no matter of depth."""
    if action is Action.OPEN_MOUTH:
        return True
    yaw, pitch = turned or (0.0, 0.0)
    shows = {
        Action.TURN_LEFT: yaw,
        Action.TURN_RIGHT: -yaw,
        Action.LOOK_UP: pitch,
        Action.LOOK_DOWN: -pitch,
    }
    return action is not None and shows[action] >= rules.depth


def shown_by(base: Head, head: Head, rules: ChallengeRules, times: float = 1.0) -> Iterator[Action]:
    """The actions that a head shows against its neutral pose, from so many times the least changes."""
    yaw, pitch = (head.yaw - base.yaw) / times, (head.pitch - base.pitch) / times
    if yaw >= rules.yaw:
        yield Action.TURN_LEFT
    if yaw <= -rules.yaw:
        yield Action.TURN_RIGHT
    if pitch >= rules.pitch:
        yield Action.LOOK_UP
    if pitch <= -rules.pitch:
        yield Action.LOOK_DOWN
    if (head.mouth - base.mouth) / times >= rules.mouth:
        yield Action.OPEN_MOUTH


def frontal(base: Head | None, head: Head, rules: ChallengeRules, near: float | None = None) -> bool:
    """Whether a head is near its neutral pose, or near the camera's direction where there is none yet.

    Args:
        near: share of the least changes; ``rules.neutral`` if not given.
    """
    if base is None:
        return max(abs(head.yaw), abs(head.pitch)) <= rules.frontal
    near = rules.neutral if near is None else near
    return (
        abs(head.yaw - base.yaw) <= near * rules.yaw
        and abs(head.pitch - base.pitch) <= near * rules.pitch
        and abs(head.mouth - base.mouth) <= near * rules.mouth
    )


def at_rest(heads: tuple[Head, ...], rules: ChallengeRules) -> bool:
    """Whether heads differ by no more than what counts as neutral."""
    limits = (rules.yaw, rules.pitch, rules.mouth)
    spans = (max(values) - min(values) for values in zip(*map(numbers, heads), strict=True))
    return all(span <= rules.neutral * limit for span, limit in zip(spans, limits, strict=True))


def numbers(head: Head) -> tuple[float, float, float]:
    return head.yaw, head.pitch, head.mouth


def real(head: Head) -> bool:
    return all(map(isfinite, numbers(head)))
