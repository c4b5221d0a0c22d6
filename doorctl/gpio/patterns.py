"""What each prompt looks and sounds like, as values: the one table that the indicator plays.

Nobody at a door has read a manual. So an arrow blinks where one should look, all of
them pulse the quicker the nearer one should come, and an open mouth is a line that
opens to a ring. Where only green and red are wired, green asks for something or says
yes, both together (amber) mean "not quite yet", and red is no. The five actions also
differ by the number of blinks and beeps, one to five, for a door with a buzzer alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from doorctl.core.prompt import Prompt

Output = Literal["left", "right", "above", "below", "green", "red", "buzzer"]

OUTPUTS: Final[tuple[Output, ...]] = get_args(Output)

BEEP_PAUSE: Final = 0.25
"""Seconds between two beeps of one pattern."""


@dataclass(frozen=True, slots=True)
class Step:
    """Which lights are lit together, and for how long."""

    lit: frozenset[Output]
    seconds: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """Lights that repeat until the prompt changes, and beeps that sound once, from its start."""

    steps: tuple[Step, ...]
    """Played round and round; a single one is steady."""
    beeps: tuple[float, ...] = ()
    """Seconds of each, ``BEEP_PAUSE`` apart."""

    def at(self, elapsed: float) -> tuple[frozenset[Output], float | None]:
        """What is on ``elapsed`` seconds after the start, and seconds until that changes; ``None``: never."""
        lit, lasts = self._lights(elapsed)
        sounds, until = self._sound(elapsed)
        changes = [seconds for seconds in (lasts, until) if seconds is not None]
        return lit | {"buzzer"} if sounds else lit, min(changes, default=None)

    def _lights(self, elapsed: float) -> tuple[frozenset[Output], float | None]:
        first = self.steps[0]
        if len(self.steps) == 1:
            return first.lit, None
        left = elapsed % sum(step.seconds for step in self.steps)
        for step in self.steps:
            if left < step.seconds:
                return step.lit, step.seconds - left
            left -= step.seconds
        return first.lit, first.seconds  # rounding has come just past the end of a round

    def _sound(self, elapsed: float) -> tuple[bool, float | None]:
        for seconds in self.beeps:
            if elapsed < seconds:
                return True, seconds - elapsed
            elapsed -= seconds
            if elapsed < BEEP_PAUSE:
                return False, BEEP_PAUSE - elapsed
            elapsed -= BEEP_PAUSE
        return False, None


_ARROWS: Final[tuple[Output, ...]] = ("left", "right", "above", "below")
_BEEP = 0.1
_BLINK = 0.2
_DARK = 0.15  # a blink and its dark take as long as a beep and its pause


def _step(seconds: float, *lit: Output) -> Step:
    return Step(frozenset(lit), seconds)


def _steady(*lit: Output, beeps: tuple[float, ...] = ()) -> Pattern:
    return Pattern((_step(1.0, *lit),), beeps)


def _blinking(on: float, off: float, *lit: Output) -> Pattern:
    return Pattern((_step(on, *lit), _step(off)))


def _action(times: int, arrow: Output) -> Pattern:
    """An arrow that blinks so many times with green, and waits; as many beeps."""
    blink = (_step(_BLINK, arrow, "green"), _step(_DARK))
    return Pattern((*blink * times, _step(0.85)), (_BEEP,) * times)


_SHUT: Final[tuple[Output, ...]] = ("left", "right")

PATTERNS: Final[Mapping[Prompt, Pattern]] = MappingProxyType(
    {
        Prompt.IDLE: _steady(),
        # A short flash all round the camera, twice a second, draws the eyes to it.
        Prompt.LOOK_HERE: _blinking(0.1, 0.4, *_ARROWS, "green"),
        # As a car's parking sensor, turned round: quick pulses draw in, slow ones push back.
        Prompt.COME_CLOSER: _blinking(0.2, 0.2, *_ARROWS, "green", "red"),
        Prompt.STEP_BACK: _blinking(0.8, 0.8, *_ARROWS, "green", "red"),
        # Nothing moves.
        Prompt.HOLD_STILL: _steady(*_ARROWS, "green", "red"),
        # A light runs round, as the person should turn until their face is lit.
        Prompt.FACE_THE_LIGHT: Pattern(
            (
                _step(0.25, "left", "green"),
                _step(0.25, "above", "green"),
                _step(0.25, "right", "red"),
                _step(0.25, "below", "red"),
            )
        ),
        Prompt.TURN_LEFT: _action(1, "left"),
        Prompt.TURN_RIGHT: _action(2, "right"),
        Prompt.LOOK_UP: _action(3, "above"),
        Prompt.LOOK_DOWN: _action(4, "below"),
        # Lips: a line that opens to a ring five times, and stays shut for a moment.
        Prompt.OPEN_MOUTH: Pattern(
            (*(_step(_BLINK, *_ARROWS, "green"), _step(_DARK, *_SHUT)) * 5, _step(0.85, *_SHUT)),
            (_BEEP,) * 5,
        ),
        Prompt.GRANTED: _steady("green", beeps=(1.0,)),
        Prompt.DENIED: _steady("red", beeps=(0.3, 0.3)),
        Prompt.LOCKED_OUT: _blinking(1.0, 1.0, "red"),
        # Until the door is closed: a chirp each second, and then one long tone after the other.
        Prompt.CLOSE_DOOR: Pattern((_step(0.1, "red", "buzzer"), _step(0.9))),
        Prompt.ALARM: Pattern((_step(0.5, "red", "buzzer"), _step(0.5))),
        Prompt.FAULT: _blinking(0.2, 0.2, "red"),
    }
)
"""One pattern for each prompt. No light flashes more than three times a second (WCAG 2.2, 2.3.1)."""
