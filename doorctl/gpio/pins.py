"""Pin factories, by name, and what a relay's pin must do beyond gpiozero's own.

An output must take its first level in the same act as its function. gpiozero's
mock sets the function first and lgpio claims outputs low, and either would energise
an active-low relay at each start. Nor may closing turn the output into an input with
the pull taken off, as gpiozero's pins do: the board would then float. So the pins made
here are outputs from the first claim until the process ends, and are left at the level
last written, which the relay sees to is the locked one.

What the wire does after that is the kernel's choice. Raspberry Pi's kernels keep a
freed output as it was (raspberrypi/linux, pull requests 6117 and 6150); with
``strict_gpiod``, and on other kernels, the line becomes an input. Both end locked if
the board pulls its input to the locked level, which ``hardware/`` asks for. Both also
mean that a killed process may leave the strike released: ``doorctl lock`` ends that.
"""

from __future__ import annotations

from pathlib import Path

from gpiozero.pins import Factory
from gpiozero.pins.mock import MockFactory, MockPin

from doorctl.errors import PinError

KINDS = ("lgpio", "mock", "simulated")

_BOARD = "a02082"
"""The mock boards' revision, a Pi 3B; named so that the environment cannot choose another."""


class LatchingMockPin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock pin that takes function and level at once, and keeps both when it is closed.

    As an input it may be wired to a level from outside, which is stronger than any pull.
    """

    _wired: bool | None = None

    def wire(self, high: bool) -> None:
        """What is outside ties the input to this level from now on."""
        self._wired = high
        self._follow_wire()

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self._follow_wire()

    def _follow_wire(self) -> None:
        if self._wired is not None and self._function == "input":
            (self.drive_high if self._wired else self.drive_low)()

    def output_with_state(self, state: bool) -> None:
        self._change_state(bool(state))
        self._function = "output"

    def close(self) -> None:
        self.when_changed = None


def make_pin_factory(kind: str, state_file: Path | None = None) -> Factory:
    """Open the pins of one kind, and of no other: there is no fall-back.

    Args:
        kind: ``lgpio`` for a Pi's own pins, ``mock`` for pins that live in this process,
            ``simulated`` for pins whose levels live in ``state_file``.
        state_file: where simulated pins keep their levels; unused otherwise.

    Raises:
        PinError: the kind is unknown, a library or chip is missing, or permission is.
    """
    if kind == "mock":
        return MockFactory(revision=_BOARD, pin_class=LatchingMockPin)
    if kind == "simulated":
        from doorctl.gpio.simulated import SimulatedFactory

        if state_file is None:
            raise PinError("simulated pins need a file for their levels", "name one")
        return SimulatedFactory(state_file, _BOARD)
    if kind == "lgpio":
        from doorctl.gpio.board import open_board

        return open_board()
    raise PinError(f"no pins of kind {kind!r}", f"use one of {', '.join(KINDS)}")
