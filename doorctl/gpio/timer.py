"""Time for the relay: an alarm that goes off on its own, whatever the frame loop does.

Two kinds ship. At a door the alarm rings in a thread of its own, by the machine's
monotonic clock. In a replay the clip's time moves it, so that a clip played at full
speed releases and locks at the clip's own times.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from doorctl.errors import PinError

log = logging.getLogger(__name__)

Call = Callable[[], None]


class Timer(Protocol):
    """A clock with one alarm."""

    def now(self) -> float:
        """Seconds on the timer's own scale; never goes back."""

    def start(self, alarm: Call) -> None:
        """Name what the alarm calls. Once, before ``arm``."""

    def arm(self, due: float | None) -> None:
        """Let the alarm ring at ``due``, in place of any earlier order; ``None`` for never.

        Raises:
            PinError: the alarm could not ring, because the timer is not running.
        """

    def tell(self, call: Call) -> None:
        """Run something that may be slow or fail, in order, where it cannot delay the alarm."""

    def close(self) -> None:
        """Stop, after everything told has been run."""


class ThreadTimer:
    """Real time. One thread waits for the alarm and does nothing else; a second one runs what is told."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._due: float | None = None
        self._alarm: Call | None = None
        self._closing = False
        self._told: SimpleQueue[Call | None] = SimpleQueue()
        self._ringer = threading.Thread(target=self._ring, name="relay-timer", daemon=True)
        self._teller = threading.Thread(target=self._run_told, name="relay-events", daemon=True)

    def now(self) -> float:
        return time.monotonic()

    def start(self, alarm: Call) -> None:
        self._alarm = alarm
        self._ringer.start()
        self._teller.start()

    def arm(self, due: float | None) -> None:
        if due is not None and not self._ringer.is_alive():
            raise PinError("the relay's timer is not running", "restart doorctl; the door stays locked")
        with self._wake:
            self._due = due
            self._wake.notify()

    def tell(self, call: Call) -> None:
        self._told.put(call)

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._due = None
            self._wake.notify()
        self._told.put(None)
        for thread in (self._ringer, self._teller):
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(timeout=2.0)

    def _ring(self) -> None:
        while True:
            with self._wake:
                while not self._closing and (self._due is None or time.monotonic() < self._due):
                    self._wake.wait(None if self._due is None else self._due - time.monotonic())
                if self._closing:
                    return
                self._due = None
            if self._alarm is not None:
                self._alarm()

    def _run_told(self) -> None:
        while (call := self._told.get()) is not None:
            _run(call)


class SimulatedTimer:
    """A clip's time: it stands still until ``advance`` moves it."""

    def __init__(self, at: float = 0.0) -> None:
        self._now = at
        self._due: float | None = None
        self._alarm: Call | None = None

    def now(self) -> float:
        return self._now

    def start(self, alarm: Call) -> None:
        self._alarm = alarm

    def arm(self, due: float | None) -> None:
        if due is not None and self._alarm is None:
            raise PinError("the relay's timer is not running", "start it before it is armed")
        self._due = due

    def tell(self, call: Call) -> None:
        _run(call)

    def advance(self, to: float) -> None:
        """Move to ``to`` seconds; an alarm on the way rings at its own time. A step back moves nothing."""
        while self._due is not None and self._due <= to and self._alarm is not None:
            self._now, self._due = max(self._now, self._due), None
            self._alarm()
        self._now = max(self._now, to)

    def close(self) -> None:
        self._due = self._alarm = None


def _run(call: Call) -> None:
    """Whoever listens to the relay may fail, in whatever way; the relay goes on."""
    try:
        call()
    except Exception:
        log.exception("a listener to the relay failed")
