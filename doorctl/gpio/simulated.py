"""Pins without hardware whose levels outlive the process.

A mock pin dies with its process, so a kill in mid-pulse proves nothing on one. These
pins write each claim and each change of level to a file as one JSON line, in a single
appending write, and start from what the file says last, as a wire keeps its level.
"""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from gpiozero import BoardInfo
from gpiozero.pins.mock import MockFactory

from doorctl.errors import PinError
from doorctl.gpio.pins import LatchingMockPin


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of the file: what a pin was told, when, and by which process."""

    pin: int
    """BCM number."""
    function: str
    """input or output."""
    level: int
    """0 or 1."""
    at: float
    """The machine's monotonic clock, seconds; comparable between processes until a reboot."""
    pid: int


def read_transitions(file: Path) -> list[Transition]:
    """All that happened to the pins, in order. Lines that are not whole are passed over.

    Raises:
        PinError: the file exists and cannot be read, or is no plain file.
    """
    if file.exists() and not file.is_file():
        raise PinError(f"{file} is no plain file", "name a file for the simulated pins")
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as why:
        raise _unusable(file, why) from why
    return [found for line in lines if (found := _parse(line)) is not None]


def _parse(line: bytes) -> Transition | None:
    try:
        return Transition(**json.loads(line))
    except (ValueError, TypeError):
        return None


def _unusable(file: Path, why: OSError) -> PinError:
    return PinError(f"the simulated pins' file {file} cannot be used ({why.strerror})", "check its directory")


class SimulatedFactory(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """Makes the pins that share one file."""

    def __init__(self, file: Path, revision: str) -> None:
        super().__init__(revision=revision, pin_class=SimulatedPin)
        self.file = file


class SimulatedPin(LatchingMockPin):
    """A latching mock pin that writes down what it is told before it does it."""

    def __init__(self, factory: SimulatedFactory, info: BoardInfo) -> None:
        super().__init__(factory, info)
        last = [t for t in _known(factory.file) if t.pin == self._number]
        if last:
            self._function, self._state = last[-1].function, bool(last[-1].level)
            self.clear_states()

    def output_with_state(self, state: bool) -> None:
        self._append("output", bool(state))
        super()._change_state(bool(state))
        self._function = "output"

    def _set_function(self, value: str) -> None:
        self._append(value, self._state)
        super()._set_function(value)

    def _change_state(self, value: bool) -> bool:
        if self._state == value:
            return False
        if self._function == "output":
            self._append("output", value)
        return bool(super()._change_state(value))

    def _append(self, function: str, level: bool) -> None:
        step = Transition(self._number, function, int(level), time.monotonic(), os.getpid())
        line = json.dumps(asdict(step)).encode() + b"\n"
        file = self._factory.file
        try:
            # Not through a link: whoever owns the directory could have root open, and give away, any file.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(file, flags, 0o644)
            try:
                found = os.fstat(handle)
                if os.geteuid() == 0 and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                    # "sudo doorctl check" before the daemon's first start must not lock the daemon out.
                    owner = file.parent.stat()
                    os.fchown(handle, owner.st_uid, owner.st_gid)
                written = os.write(handle, line)
            finally:
                os.close(handle)
        except OSError as why:
            raise _unusable(file, why) from why
        if written != len(line):
            raise PinError(f"the simulated pins' file {file} took only part of a line", "free some space")


def _known(file: Path) -> list[Transition]:
    """What the file tells, or nothing: a pin whose past cannot be read can still be locked."""
    try:
        return read_transitions(file)
    except PinError:
        return []
