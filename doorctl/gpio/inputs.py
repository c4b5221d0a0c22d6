"""The wires that tell the door something: exit button, door contact, tamper loop, fire panel.

Each is a switch to ground, read with the Pi's own pull-up. A level counts once it has lasted for
``bounce_seconds``; how long that takes does not depend on how often anybody asks, so a short press
between two frames is not lost, and a glitch is never seen.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Self

from gpiozero import DigitalInputDevice
from gpiozero.pins import Factory

from doorctl.core.inputs import Line, Noise, Switched
from doorctl.errors import PinError

ON_WHEN_CLOSED = frozenset({Line.REX})
"""An exit button closes when it is pressed; the other loops are closed while all is well, so that a wire
that is cut is noticed."""

NOISE_SECONDS = 1.0
"""A line that has had no level for so long is told, and again each time that long."""

MOST = 256
"""Changes that wait to be asked for, at most; the oldest are dropped."""


class Settling:
    """One line: raw edges in, settled changes out. Not thread-safe.

    Args:
        line: whose.
        on: the level at the start.
        at: when that was, seconds.
        bounce_seconds: how long a level must last.
    """

    def __init__(self, line: Line, on: bool, at: float, bounce_seconds: float) -> None:
        self._line, self._bounce = line, bounce_seconds
        self._raw, self._since = on, at
        self.told = on
        """The level that counts."""
        self._busy_since: float | None = None
        """Since when no level has lasted."""

    def edge(self, on: bool, at: float) -> list[Switched | Noise]:
        """The line has another level from now on."""
        if on == self._raw:
            return []
        told = self.settled(at)
        if self._busy_since is None:
            self._busy_since = at
        self._raw, self._since = on, at
        return told

    def settled(self, at: float) -> list[Switched | Noise]:
        """What has come to be true until now."""
        if at - self._since >= self._bounce:
            self._busy_since = None
            if self._raw == self.told:
                return []
            self.told = self._raw
            return [Switched(self._since, self._line, self._raw)]
        if self._busy_since is not None and at - self._busy_since >= NOISE_SECONDS:
            self._busy_since = at
            return [Noise(at, self._line)]
        return []


class Inputs:
    """All lines that are wired.

    Args:
        factory: from ``make_pin_factory``.
        pins: BCM number of each line.
        invert: lines whose contact works the other way round.
        now: seconds, on the scale of ``Frame.at``; asked in whatever thread tells of an edge.
        bounce_seconds: how long a level must last.

    Raises:
        PinError: a pin cannot be claimed.
    """

    def __init__(
        self,
        factory: Factory,
        pins: Mapping[Line, int],
        *,
        invert: Collection[Line] = (),
        now: Callable[[], float],
        bounce_seconds: float = 0.05,
    ) -> None:
        self._now = now
        self._guard = threading.Lock()
        self._waiting: deque[Switched | Noise] = deque(maxlen=MOST)
        self._devices: dict[Line, DigitalInputDevice] = {}
        self._closed_is_on = {line: (line in ON_WHEN_CLOSED) != (line in invert) for line in pins}
        self._lines: dict[Line, Settling] = {}
        for line, pin in pins.items():
            closed_is_on = self._closed_is_on[line]
            try:
                device = DigitalInputDevice(pin, pull_up=True, pin_factory=factory)
                self._devices[line] = device
                on = bool(device.value) == closed_is_on
                self._lines[line] = Settling(line, on, now(), bounce_seconds)
                if on:
                    self._waiting.append(Switched(now(), line, True, first=True))
                device.when_activated = partial(self._edge, line, closed_is_on)
                device.when_deactivated = partial(self._edge, line, not closed_is_on)
            except Exception as why:  # lgpio's own errors inherit from nothing more telling
                self.close()
                raise PinError(
                    f"inputs.{line}: GPIO {pin} cannot be read ({why})",
                    "check the pin's number and what else uses it",
                ) from why

    @property
    def levels(self) -> dict[Line, bool]:
        """Which lines are on, as they were last told or found."""
        return {line: settling.told for line, settling in self._lines.items()}

    def settled(self) -> list[Switched | Noise]:
        """What has changed since this was last asked, in the order of time. Never waits."""
        with self._guard:
            at = self._now()
            for line, settling in self._lines.items():
                # An edge may have been lost, in the kernel's queue or before anybody listened.
                with suppress(Exception):  # a chip that cannot be read now tells no edge
                    on = bool(self._devices[line].value) == self._closed_is_on[line]
                    self._waiting.extend(settling.edge(on, at))
                self._waiting.extend(settling.settled(at))
            found = sorted(self._waiting, key=lambda fact: fact.at)
            self._waiting.clear()
        return found

    def close(self) -> None:
        """Give the pins back. May be called twice."""
        for device in self._devices.values():
            device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _edge(self, line: Line, on: bool) -> None:
        with self._guard:
            self._waiting.extend(self._lines[line].edge(on, self._now()))
