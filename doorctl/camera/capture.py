"""A live camera, watched: the newest frame wins, and a camera that hangs is seen.

A device's read may block for ever, so it runs in a thread of its own. The frame loop
waits for that thread only so long, then goes on with ``None``. A device that stops,
fails or stands still is told once, closed if it lets itself be, and opened again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import inf
from statistics import median
from typing import Self

import numpy as np

from doorctl.camera.base import Grabber, turn
from doorctl.core.records import Frame, Image
from doorctl.errors import CameraError

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
"""Seconds before the camera is opened again: doubled each time, up to the longest."""

MAX_STUCK = 3
"""So many losses while a hung thread still holds the device, then only a new process helps."""


class Backlog:
    """Tells pictures of the past, which waited in a buffer while the device or the network stalled.

    They come faster than the camera's own pace. The pace is the median of the latest reads; a read that takes
    several times as long is a stall, and the first one after it that waits about a period is of now again.
    """

    STALL_SECONDS, STALL_PERIODS, WAITED_PERIODS, LONGEST_SECONDS, READS = 0.5, 3.0, 0.5, 2.0, 15

    def __init__(self) -> None:
        self._reads: deque[float] = deque(maxlen=self.READS)
        self._since: float | None = None

    def holds(self, took: float, now: float) -> bool:
        """Whether the picture of a read that took so many seconds, and ended at ``now``, is of the past."""
        period = median(self._reads) if self._reads else took
        if self._since is None:
            if took >= max(self.STALL_SECONDS, self.STALL_PERIODS * period):
                self._since = now
            else:
                self._reads.append(took)
        elif took >= self.WAITED_PERIODS * period or now - self._since >= self.LONGEST_SECONDS:
            self._since = None
        return self._since is not None


class _Session:
    """One opening of the device and the thread that reads it, until it fails or is told to stop."""

    def __init__(self, grabber: Grabber, name: str, clock: Callable[[], float], number: int) -> None:
        self.number = number
        """Number of the next frame."""
        self.opened = False
        self.failure: CameraError | None = None
        self.heard_at = time.monotonic()
        """When the device last did anything: started, opened, or gave a picture."""
        self._grabber = grabber
        self._name = name
        self._clock = clock
        self._stop = False
        self._frame: Frame | None = None
        self._changed = threading.Condition()
        self.thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self.thread.start()

    def wait_open(self, seconds: float) -> bool:
        """Whether the device is open, or has failed, before the time is up."""
        with self._changed:
            return self._changed.wait_for(lambda: self.opened or self.failure is not None, seconds)

    def wait_frame(self, until: float) -> Frame | None:
        """The newest frame that was not taken yet; ``None`` when the time is up or the device failed."""
        with self._changed:
            left = max(0.0, until - time.monotonic())
            self._changed.wait_for(lambda: self._frame is not None or self.failure is not None, left)
            frame, self._frame = self._frame, None
            return frame

    def stop(self) -> None:
        """Let the thread end after the call that it is in, if that ever returns."""
        self._stop = True

    def _run(self) -> None:
        try:
            self._grabber.open()
            self._note(opened=True)
            backlog = Backlog()
            while not self._stop:
                began = time.monotonic()
                image = self._grabber.read()
                now = time.monotonic()
                self._note(image=None if backlog.holds(now - began, now) else image)
        except CameraError as why:
            # Its traceback holds this very object, and the last picture, until the collector comes by.
            self._note(failure=why.with_traceback(None))
        except Exception as why:  # noqa: BLE001 - a driver may raise anything; the frame loop is told of it
            self._note(
                failure=CameraError(f"{self._name} failed ({why!r})", "check the camera and its driver")
            )
        finally:
            with suppress(Exception):  # a device that failed may well fail to close
                self._grabber.close()

    def _note(
        self, *, opened: bool = False, image: Image | None = None, failure: CameraError | None = None
    ) -> None:
        with self._changed:
            self.heard_at = time.monotonic()
            self.opened = self.opened or opened
            self.failure = failure
            if image is not None:
                self._frame = Frame(image, self._clock(), self.number)
                self.number += 1
            self._changed.notify_all()


class LiveCamera:
    """A camera that never ends, around a device that may.

    A picture that equals the last one bit for bit is no new picture: a sensor has noise.
    It is not handed on, so that a picture that stands still cannot be evidence twice.

    Args:
        make_grabber: called anew for each opening.
        name: what the log calls the camera; without a password.
        timeout_seconds: how long the loop waits for a frame, and a device may be silent.
        tick_seconds: how long the loop waits at most, though the device may be silent for longer.
        freeze_seconds: how long it may give one and the same picture.
        open_seconds: how long opening may take.
        rotate: degrees clockwise, 0, 90, 180 or 270.
        clock: stamps the frames, seconds.
        on_event: told (True, why) when the camera is lost and (False, why) when it is back,
            in the thread that iterates.

    Raises:
        CameraError: the device cannot be opened. Later, from the iteration: it hangs again and again.
    """

    def __init__(
        self,
        make_grabber: Callable[[], Grabber],
        name: str,
        *,
        timeout_seconds: float = 2.0,
        tick_seconds: float = inf,
        freeze_seconds: float = 5.0,
        open_seconds: float = 10.0,
        rotate: int = 0,
        clock: Callable[[], float] = time.monotonic,
        on_event: Callable[[bool, str], None] = lambda lost, why: None,
    ) -> None:
        self._make_grabber = make_grabber
        self._name = name
        self._timeout = timeout_seconds
        self._tick = min(timeout_seconds, tick_seconds)
        self._freeze = freeze_seconds
        self._open_seconds = open_seconds
        self._rotate = rotate
        self._clock = clock
        self._on_event = on_event
        self._closing = threading.Event()
        self._abandoned: list[threading.Thread] = []
        self._hopeless = 0
        self._lost = False
        self._delay = FIRST_DELAY
        self._retry_at = 0.0
        self._number = 0
        self._last: Image | None = None
        self._same_since: float | None = None
        self._session: _Session | None = self._start()
        opened = self._session.wait_open(open_seconds)
        failure = self._session.failure
        if not opened:
            failure = CameraError(
                f"{name} did not open within {open_seconds:g} s", "check it and its connection"
            )
        if failure is not None:
            self.close()
            raise failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame | None:
        until = time.monotonic() + self._tick
        while not self._closing.is_set():
            if self._session is None:
                self._closing.wait(max(0.0, min(self._retry_at, until) - time.monotonic()))
                if time.monotonic() < self._retry_at:
                    return None
                self._session = self._start()
            frame = self._session.wait_frame(until)
            if frame is not None and self._is_new(frame.image):
                self._found()
                return Frame(turn(frame.image, self._rotate), frame.at, frame.number)
            trouble = self._trouble(self._session, time.monotonic())
            if trouble:
                self._lose(self._session, trouble)
            if time.monotonic() >= until:
                return None
        raise StopIteration

    def close(self) -> None:
        self._closing.set()
        session, self._session = self._session, None
        if session is not None:
            session.stop()
            # A driver's thread that comes back while the interpreter ends can abort the process.
            session.thread.join(timeout=1.0)

    def _start(self) -> _Session:
        self._same_since = None
        return _Session(self._make_grabber(), self._name, self._clock, self._number)

    def _is_new(self, image: Image) -> bool:
        if self._last is not None and np.array_equal(image, self._last):
            self._same_since = self._same_since or time.monotonic()
            return False
        self._last, self._same_since = image, None
        return True

    def _trouble(self, session: _Session, now: float) -> str:
        """What is wrong with the device, or nothing yet."""
        if session.failure is not None:
            return str(session.failure)
        patience = self._timeout if session.opened else self._open_seconds
        if now - session.heard_at >= patience:
            return f"no picture for {patience:g} s" if session.opened else f"not open after {patience:g} s"
        # Each new opening is given longer, for a dark room can look like a picture that stands still.
        still = max(self._freeze, self._delay if self._lost else 0.0)
        if self._same_since is not None and now - self._same_since >= still:
            return f"the same picture for {still:g} s"
        return ""

    def _found(self) -> None:
        self._hopeless, self._delay = 0, FIRST_DELAY
        if self._lost:
            self._lost = False
            log.info("camera %s is back", self._name)
            self._on_event(False, "pictures again")

    def _lose(self, session: _Session, why: str) -> None:
        """Give the device up for now, and open it again after a while."""
        session.stop()
        self._number = session.number
        self._session = None
        standing_still = self._same_since is not None
        self._retry_at = time.monotonic() + (FIRST_DELAY if standing_still else self._delay)
        self._delay = min(self._delay * 2, LONGEST_DELAY)
        if not self._lost:
            self._lost = True
            log.warning("camera %s is lost: %s", self._name, why)
            self._on_event(True, why)
        # The thread just stopped may still be closing the device; only the earlier ones hang.
        stuck = [thread for thread in self._abandoned if thread.is_alive()]
        self._hopeless = self._hopeless + 1 if stuck else 0
        self._abandoned = [*stuck, session.thread]
        if max(self._hopeless, len(stuck)) >= MAX_STUCK:
            raise CameraError(f"{self._name} hangs and cannot be opened again ({why})", "restart doorctl")
