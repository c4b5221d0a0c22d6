"""The time of day, and whether it can be trusted.

A Pi has no clock that runs without power: after a power cut it believes that it is the moment of the
last shutdown, until the network tells otherwise.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

TIMESYNCD = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches it when it has set the clock (systemd-timesyncd.service(8))."""

_TIME_ERROR = 5
"""What adjtimex(2) returns for a clock that is not synchronised."""
_TIMEX_BYTES = 512
"""More than ``struct timex`` has on any Linux; zeros ask for nothing to be changed."""

ASK_SECONDS = 10.0
"""How often it is asked whether the clock is synchronised."""


def synchronised(touched: Path = TIMESYNCD) -> bool:
    """Whether somebody keeps this machine's clock: timesyncd has set it, or the kernel says so of another."""
    if touched.exists():
        return True
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR


STEP_SECONDS = 2.0
"""A clock that is moved by so much was set, not steered."""

STEER = 1e-3
"""Seconds a second by which a clock may be steered unseen: twice what adjtimex(2) does at most."""


class WallClock:
    """Tells the time while it can be trusted.

    Args:
        trusted: whether it can; asked now and then.
        now: the machine's time, UTC.
        seconds: a clock that nobody sets.
    """

    def __init__(
        self,
        trusted: Callable[[], bool] = synchronised,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted, self._now, self._seconds = trusted, now, seconds
        self._asked_at = seconds()
        self._sure = trusted()

    def __call__(self) -> datetime | None:
        """The time, UTC; ``None`` while nobody knows it."""
        if self._seconds() - self._asked_at >= ASK_SECONDS:
            # A clock that was set once is good for weeks: a network that is down later changes nothing.
            self._asked_at, self._sure = self._seconds(), self._sure or self._trusted()
        return self._now() if self._sure else None


class ClockWatch:
    """Notices when somebody sets the machine's clock, at once or by many small steps.

    Args:
        wall: the time of day, seconds.
        steady: a clock that nobody sets, seconds.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._steady = wall, steady
        self._at = steady()
        self._ahead = wall() - self._at

    def step(self) -> float:
        """By how many seconds the clock was set since this was last asked; 0 if it was not."""
        at = self._steady()
        moved = self._wall() - at - self._ahead
        if abs(moved) >= STEP_SECONDS:
            self._ahead += moved
            self._at = at
            return moved
        most = STEER * (at - self._at)
        self._ahead += max(-most, min(most, moved))
        self._at = at
        return 0.0
