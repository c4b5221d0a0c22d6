"""A Pi's own pins, through gpiozero's lgpio factory. Imported only where they are asked for."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from gpiozero import GPIOZeroError
from gpiozero.pins import Factory

from doorctl.errors import PinError


def open_board() -> Factory:
    """The board's pin factory, whose outputs are claimed together with their level.

    Raises:
        PinError: no lgpio, no Pi, no chip, or no permission.
    """
    lgpio = _import_lgpio()
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

    class BoardPin(LGPIOPin):  # type: ignore[misc]  # gpiozero has no types
        """Claims nothing until it is told as what; keeps an output until the handle is closed."""

        def __init__(self, factory: Factory, info: Any) -> None:
            # LGPIOPin's own start claims the line as an input and takes its pull off, which lets
            # go of a relay that is held at its locked level. Everything else of it is repeated here.
            super(LGPIOPin, self).__init__(factory, info)
            self._pwm = self._bounce = self._callback = None
            self._edges = lgpio.BOTH_EDGES
            self._latched = False

        def output_with_state(self, state: bool) -> None:
            if self._latched:  # claiming again would free the line for a moment
                self._set_state(state)
                return
            try:
                lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))
            except lgpio.error as why:
                raise _refused(self._number, why) from why
            self._latched = True

        def _set_state(self, value: bool) -> None:
            try:
                super()._set_state(value)
            except lgpio.error as why:
                raise _refused(self._number, why) from why

        def close(self) -> None:
            if not self._latched:
                super().close()

    try:
        factory = LGPIOFactory()
    except lgpio.error as why:
        hint = "check that /dev/gpiochip0 exists and that this user is in the group gpio"
        raise PinError(f"the GPIO chip cannot be opened ({why})", hint) from why
    except (GPIOZeroError, OSError) as why:
        raise PinError(
            f"this machine has no Pi's pins ({why})", "set gpio.pins to mock or simulated here"
        ) from why
    factory.pin_class = BoardPin
    return factory


def _refused(number: int, why: Exception) -> PinError:
    hint = "stop whatever else holds it, such as another doorctl, and check the permissions"
    return PinError(f"GPIO {number} cannot be driven ({why})", hint)


def _import_lgpio() -> ModuleType:
    """Import lgpio, which opens a pipe in the working directory: let that be one of our own.

    ``doorctl lock`` comes this way too, so a full or missing /tmp must not be the end of it.
    """
    try:
        with _somewhere() as empty, _inside(empty):
            import lgpio
    except ImportError as why:
        hint = "apt install python3-lgpio, with a virtual environment made with --system-site-packages"
        raise PinError("the library lgpio is not installed", hint) from why
    except OSError as why:
        raise PinError(
            f"the library lgpio does not start ({why})", "make the temporary directory writable"
        ) from why
    module: ModuleType = lgpio
    return module


@contextlib.contextmanager
def _inside(directory: str) -> Iterator[None]:
    """Work in a directory, and come back even to one whose name is gone."""
    here = os.open(".", os.O_PATH | os.O_CLOEXEC)
    try:
        os.chdir(directory)
        yield
    finally:
        os.fchdir(here)
        os.close(here)


def _somewhere() -> tempfile.TemporaryDirectory[str]:
    """A new directory in the first place that takes one."""
    for place in (None, "/run", "/dev/shm", "/var/tmp"):
        with contextlib.suppress(OSError):
            return tempfile.TemporaryDirectory(prefix="doorctl-", dir=place)
    return tempfile.TemporaryDirectory(prefix="doorctl-", dir=".")
