"""The relay that releases the strike, for a bounded time and never longer.

The pulse ends by the relay's own timer. The pin goes first: whatever is told of it
afterwards may be slow or fail without holding the door open.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from math import isfinite

from gpiozero import GPIOZeroError, OutputDevice
from gpiozero.pins import Factory

from doorctl.errors import PinError
from doorctl.gpio.timer import Timer

log = logging.getLogger(__name__)

_TRIES = 3
_RETRY_SECONDS = 1.0


class Relay:
    """One output pin that is locked unless a release is running. Locked from the first claim on.

    Args:
        factory: from ``make_pin_factory``.
        pin: BCM number.
        active_high: whether a high level energises the relay.
        timer: started and closed by the relay.
        on_change: told (energised, seconds on the timer's scale) after each change, in order,
            by ``Timer.tell``: with a ``ThreadTimer`` in a thread of the timer's own.
        max_seconds: longest release that is accepted.
        on_fault: told once if the pin could not be driven to locked; ``fault`` stays set.

    Raises:
        PinError: the pin cannot be claimed.
    """

    def __init__(
        self,
        factory: Factory,
        pin: int,
        *,
        active_high: bool,
        timer: Timer,
        on_change: Callable[[bool, float], None] = lambda on, at: None,
        max_seconds: float = 60.0,
        on_fault: Callable[[PinError], None] = lambda error: None,
    ) -> None:
        self.fault: PinError | None = None
        """Why the pin may be stuck energised. The daemon ends on it, and the service locks from outside."""
        self._pin = pin
        self._timer = timer
        self._on_change = on_change
        self._on_fault = on_fault
        self._max_seconds = max_seconds
        self._guard = threading.RLock()
        self._until: float | None = None
        self._closed = False
        try:
            self._device = OutputDevice(
                pin, active_high=active_high, initial_value=False, pin_factory=factory
            )
        except (GPIOZeroError, OSError) as why:
            raise _failed(pin, why) from why
        timer.start(self._ring)

    @property
    def is_on(self) -> bool:
        """Whether the relay is energised, as far as its pin was told."""
        return self._until is not None

    def release(self, seconds: float) -> float:
        """Energise now, until ``seconds`` from now or the end of the running release, if that is later.

        Returns:
            When the relay will lock, seconds on the timer's scale.

        Raises:
            ValueError: ``seconds`` is not above 0 and at most ``max_seconds``. Nothing was energised.
            PinError: the pin cannot be driven, the relay has a fault, or it is closed. Nothing stays
                energised.
        """
        if not (isfinite(seconds) and 0.0 < seconds <= self._max_seconds):
            raise ValueError(f"a release of {seconds} s: must be above 0 and at most {self._max_seconds:g} s")
        with self._guard:
            if self._closed or self.fault is not None:
                raise PinError(
                    "the relay is closed" if self._closed else f"the relay has a fault ({self.fault})"
                )
            now = self._timer.now()
            until = max(now + seconds, self._until or now)
            self._timer.arm(until)  # first: nothing is energised that no alarm will end
            if self._until is None:
                try:
                    self._write(True)
                except PinError:
                    self._timer.arm(None)
                    self._lock(now)  # the level is not known after a failed write
                    raise
                self._tell(True, now)
            self._until = until
            return until

    def lock(self) -> None:
        """End any release at once.

        Raises:
            PinError: the pin cannot be driven; it is tried again once a second.
        """
        with self._guard:
            self._timer.arm(None)
            self._lock(self._timer.now())
            if self.fault is not None:
                raise self.fault

    def close(self) -> None:
        """Lock, and give the pin back to the factory still driven to its locked level. May be called twice.

        Raises:
            PinError: the pin could not be driven to its locked level.
        """
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._lock(self._timer.now())
        self._timer.close()  # not under the guard, which the timer's thread may want
        self._device.close()
        if self.fault is not None:
            raise self.fault

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ring(self) -> None:
        """The alarm: runs in the timer's thread, or within a replay's ``advance``."""
        with self._guard:
            now = self._timer.now()
            if self.fault is not None or (self._until is not None and self._until <= now):
                self._lock(now)

    def _lock(self, now: float) -> None:
        error = None
        for _ in range(_TRIES):
            try:
                self._write(False)
            except PinError as why:
                error = why
            else:
                if self._until is not None:
                    self._until = None
                    self._tell(False, now)
                return
        if self.fault is None and error is not None:
            self.fault = error
            told = "the relay cannot be locked, the door may be open: %s"
            self._timer.tell(partial(log.critical, told, error))
            self._timer.tell(partial(self._on_fault, error))
        if not self._closed:
            self._timer.arm(now + _RETRY_SECONDS)

    def _write(self, on: bool) -> None:
        try:
            self._device.value = on
        except Exception as why:  # whatever a pin's library raises, the alarm must live to try again
            raise _failed(self._pin, why) from why

    def _tell(self, on: bool, at: float) -> None:
        # Not logged here: a log whose reader has stalled would hold the guard, and so the alarm, for ever.
        self._timer.tell(partial(log.info, "relay %s", "on" if on else "off"))
        self._timer.tell(partial(self._on_change, on, at))


def _failed(pin: int, why: Exception) -> PinError:
    if isinstance(why, PinError):
        return why
    return PinError(f"GPIO {pin} cannot be driven ({why})", "check the pin's number and what else uses it")
