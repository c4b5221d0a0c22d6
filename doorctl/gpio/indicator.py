"""Shows the person at the door what it asks of them: lights round the camera, a buzzer, or words.

An indicator is a comfort and no part of what keeps the door shut. It has a thread of
its own, never holds up the frame loop, and a light that fails costs a line in the log.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, Self

from gpiozero import GPIOZeroError, OutputDevice
from gpiozero.pins import Factory

from doorctl.core.prompt import Prompt
from doorctl.errors import PinError
from doorctl.gpio.patterns import OUTPUTS, PATTERNS, Output

log = logging.getLogger(__name__)


class Shows(Protocol):
    """What the daemon tells its prompts: as often as it likes, in every frame if need be."""

    def show(self, prompt: Prompt) -> object:
        """Show it until the next one, without waiting and without raising."""


class Follower(ABC):
    """A thread that follows the prompt. Whoever derives from it says what to do, and what to do at the end.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        self._now = (Prompt.IDLE, time.monotonic())
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def show(self, prompt: Prompt) -> None:
        """Show it from now on, without waiting. What is shown already goes on undisturbed."""
        if prompt is self._now[0]:
            return
        with self._wake:  # held by the thread for no more than a comparison
            self._now = (prompt, time.monotonic())
            self._wake.notify()

    def close(self) -> None:
        """End the thread, all dark and silent. May be called twice; what is shown afterwards is not seen."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout=2.0)
        if self._thread.is_alive():
            log.warning("%s does not end", self._thread.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _follow(self, prompt: Prompt, since: float) -> float | None:
        """Do what is due for a prompt shown since then; seconds until to be called again, or ``None``."""

    @abstractmethod
    def _end(self) -> None:
        """All dark and silent: called once, by the thread."""

    def _run(self) -> None:
        while not self._closing:
            now = self._now
            seconds = self._follow(*now)
            with self._wake:
                if now is self._now and not self._closing:
                    self._wake.wait(seconds)
        self._end()


class Indicator(Follower):
    """Lights and a buzzer that play ``PATTERNS``; each of them may be missing.

    Args:
        factory: from ``make_pin_factory``.
        left, right, above, below: BCM numbers of the arrows round the camera; left and right are those of
            the person who stands before it.
        green, red: BCM numbers of the lights for yes and no.
        buzzer: BCM number of a buzzer that sounds by itself when it is switched on.
        active_high: whether a high level lights the lights and sounds the buzzer.
    """

    def __init__(
        self,
        factory: Factory,
        *,
        left: int | None = None,
        right: int | None = None,
        above: int | None = None,
        below: int | None = None,
        green: int | None = None,
        red: int | None = None,
        buzzer: int | None = None,
        active_high: bool = True,
    ) -> None:
        self.faults: dict[Output, PinError] = {}
        """The first failure of each output that could not be claimed or driven, for ``check`` to tell."""
        self._devices: dict[Output, OutputDevice] = {}
        self._pins = dict(zip(OUTPUTS, (left, right, above, below, green, red, buzzer), strict=True))
        self._on: dict[Output, bool | None] = {}
        for output, pin in self._pins.items():
            if pin is None:
                continue
            try:
                self._devices[output] = OutputDevice(
                    pin, active_high=active_high, initial_value=False, pin_factory=factory
                )
            except (GPIOZeroError, PinError, OSError) as why:
                self._failed(output, why)
            else:
                self._on[output] = False
        super().__init__("indicator")

    def _follow(self, prompt: Prompt, since: float) -> float | None:
        lit, seconds = PATTERNS[prompt].at(time.monotonic() - since)
        self._write(lit)
        return seconds

    def _end(self) -> None:
        self._write(frozenset())
        for device in self._devices.values():
            device.close()

    def _write(self, lit: frozenset[Output]) -> None:
        """Set what differs; what goes dark goes first, so that no two steps are seen at once."""
        for output in sorted(self._devices, key=lit.__contains__):
            on = output in lit
            if self._on[output] is on:
                continue
            try:
                self._devices[output].value = on
            except Exception as why:  # noqa: BLE001 - whatever a pin's library raises, the others go on
                self._on[output] = None  # not known: written again at the next step
                self._failed(output, why)
            else:
                self._on[output] = on

    def _failed(self, output: Output, why: Exception) -> None:
        if output in self.faults:
            return
        told = f"the indicator's {output}, GPIO {self._pins[output]}, does not work ({why})"
        self.faults[output] = PinError(told, "check the pin's number, its wire and what else uses it")
        log.warning("%s", told)


class TextIndicator:
    """The prompt's words, once for each change.

    Args:
        write: takes one prompt's words. Called within ``show``, so it must not wait; if it fails, that is
            logged once.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._prompt: Prompt | None = None
        self._failed = False

    def show(self, prompt: Prompt) -> None:
        """Write it, unless it was the last one."""
        if prompt is self._prompt:
            return
        self._prompt = prompt
        try:
            self._write(prompt.value)
        except Exception as why:  # noqa: BLE001 - a closed terminal must not be the end of the door
            if not self._failed:
                log.warning("the prompt cannot be written (%s)", why)
            self._failed = True


class Several:
    """Shows each prompt on all of them. Closing them is their owner's."""

    def __init__(self, *indicators: Shows) -> None:
        self._indicators = indicators

    def show(self, prompt: Prompt) -> None:
        """Show it everywhere."""
        for indicator in self._indicators:
            indicator.show(prompt)
