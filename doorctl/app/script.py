"""What happens to the door's wires during a replay, from a small text file.

One line for each thing, in any order: seconds from the clip's start, which wire, and what it does. ``#``
begins a comment::

    1.5  rex press
    1.8  rex release
    2.4  contact open     # somebody goes out
    60   contact close
    90   end              # the replay goes on until then
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from gpiozero.pins import Factory

from doorctl.app.settings import Settings
from doorctl.core.inputs import Line
from doorctl.errors import ScriptError
from doorctl.gpio.inputs import ON_WHEN_CLOSED
from doorctl.pin_sections import InputsConfig

WORDS: Mapping[tuple[str, str], tuple[Line, bool]] = {
    ("rex", "press"): (Line.REX, True),
    ("rex", "release"): (Line.REX, False),
    ("contact", "open"): (Line.CONTACT, True),
    ("contact", "close"): (Line.CONTACT, False),
    ("tamper", "open"): (Line.TAMPER, True),
    ("tamper", "close"): (Line.TAMPER, False),
    ("fire", "alarm"): (Line.FIRE, True),
    ("fire", "clear"): (Line.FIRE, False),
}

LONGEST = 86_400.0
"""Seconds that a replay may be told to go on."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A wire is on, or is not, from a time on."""

    at: float
    line: Line
    on: bool


@dataclass(frozen=True, slots=True)
class Script:
    """All that happens, in the order of time."""

    happenings: tuple[Happening, ...] = ()
    end: float = 0.0
    """The replay goes on at least until then, seconds."""

    @property
    def lines(self) -> frozenset[Line]:
        return frozenset(one.line for one in self.happenings)


NOTHING = Script()


def read_script(path: Path) -> Script:
    """Read a script.

    Raises:
        ScriptError: it cannot be read, or some of its lines are wrong; all of them are told.
    """
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(
            f"{path}: {error}", "name a text file; 'doorctl replay --help' shows one"
        ) from error
    happenings, ends, wrong = list[Happening](), [0.0], list[str]()
    for number, row in enumerate(rows, 1):
        words = row.partition("#")[0].split()
        if not words:
            continue
        try:
            at = float(words[0])
            if not (isfinite(at) and 0 <= at <= LONGEST):
                raise ValueError
            ends.append(at)
            if words[1:] != ["end"]:
                _, wire, does = words
                happenings.append(Happening(at, *WORDS[wire, does]))
        except (ValueError, KeyError):
            wrong.append(f"{path}:{number}: {row.strip()!a}, expected seconds and one of {_known()}")
    if wrong:
        raise ScriptError("\n".join(wrong), "see 'doorctl replay --help'")
    return Script(tuple(sorted(happenings, key=lambda one: one.at)), max(ends))


def _known() -> str:
    return ", ".join([*(" ".join(pair) for pair in WORDS), "end"])


def wired(settings: Settings, script: Script) -> Settings:
    """Settings under which the wires that a script names are there."""
    config = settings.config
    taken = {config.gpio.relay_pin, *config.indicator.pins.values(), *config.inputs.pins.values()}
    free = (pin for pin in range(2, 28) if pin not in taken)
    missing = {line.value: next(free) for line in sorted(script.lines) if line not in config.inputs.pins}
    inputs = config.inputs.model_copy(update=missing)
    return replace(settings, config=config.model_copy(update={"inputs": inputs}))


class Player:
    """Moves the pins of a mock board as a script says; until then all is well.

    Args:
        script: what happens.
        factory: whose pins are moved.
        inputs: which pins they are.
    """

    def __init__(self, script: Script, factory: Factory, inputs: InputsConfig) -> None:
        self.end = script.end
        self._left = list(script.happenings)
        self._factory, self._inputs = factory, inputs
        for name in inputs.pins:
            self._move(Line(name), on=False)

    def next(self, until: float) -> float | None:
        """When the next thing happens, if it does by then."""
        return self._left[0].at if self._left and self._left[0].at <= until else None

    def play(self) -> None:
        """Let the next thing happen."""
        one = self._left.pop(0)
        self._move(one.line, on=one.on)

    def _move(self, line: Line, *, on: bool) -> None:
        pin = self._factory.pin(self._inputs.pins[line])
        closed = on == ((line in ON_WHEN_CLOSED) != (line in self._inputs.invert))
        pin.wire(not closed)  # a switch to ground
