"""The frame loop: camera, observation, decision, and the decision carried out.

``run``, ``replay`` and ``demo`` all turn this very loop; they differ only in the
camera, the clock and the pin that ``app`` hands in.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Protocol

from doorctl.core.door import Door, Policy, step
from doorctl.core.records import Decision, Event, Frame, Input, Observation, Tick
from doorctl.errors import ModelError, PinError

log = logging.getLogger(__name__)

MAX_FAILURES = 10
"""Frames in a row on which a net may fail before the loop gives up and the service restarts."""


class Observer(Protocol):
    """What turns a frame into an observation; ``vision.observe.Observer`` at a door."""

    def observe(self, frame: Frame) -> Observation: ...


class Strike(Protocol):
    """What a release is carried out on; ``gpio.relay.Relay`` at a door."""

    fault: PinError | None

    def release(self, seconds: float) -> object: ...


class Daemon:
    """One door's loop.

    Args:
        observer: judges frames.
        strike: releases the door for a number of seconds, and locks it by its own timer.
        policy: the rules; may be replaced between two frames.
        record: writes an event; has to have it safe before it returns.
        now: seconds, on the scale of ``Frame.at``.
        between: called once after every frame; the place to reload.
        watch: shown every frame with what came of it, for drawing and timelines.
    """

    def __init__(
        self,
        *,
        observer: Observer,
        strike: Strike,
        policy: Policy,
        record: Callable[[Event], object],
        now: Callable[[], float],
        between: Callable[[], None] = lambda: None,
        watch: Callable[[Frame | None, Input, Decision], None] = lambda frame, fact, decision: None,
    ) -> None:
        self.observer = observer
        self.policy = policy
        self.stopping = False
        self._strike = strike
        self._record = record
        self._now = now
        self.between = between
        self._watch = watch
        self._door = Door()
        self._failures = 0

    def run(self, camera: Iterable[Frame | None]) -> None:
        """Turn until the camera ends or ``stopping`` is set.

        Raises:
            ModelError: the nets failed on ``MAX_FAILURES`` frames in a row.
            PinError: the relay cannot be driven, or could not be switched off.
            StoreError: an event could not be kept; the release it belongs to does not happen.
        """
        notify("READY=1")
        for frame in camera:
            if self.stopping:
                break
            self.turn(frame)
            notify("WATCHDOG=1")
            self.between()
        notify("STOPPING=1")

    def turn(self, frame: Frame | None) -> Decision:
        """One frame, or none: observe it, decide, and carry the decision out."""
        fact = self._look(frame)
        self._door, decision = step(self._door, fact, self.policy)
        for event in decision.events:
            self._record(event)  # first: there is no release without its event on disk
        if decision.release is not None:
            self._strike.release(decision.release.seconds)
        if self._strike.fault is not None:
            raise self._strike.fault
        self._watch(frame, fact, decision)
        log.debug("%.3f s: %s %s", fact.at, decision.reason.value, decision.score)
        return decision

    def _look(self, frame: Frame | None) -> Input:
        if frame is None:
            return Tick(self._now())
        try:
            observation = self.observer.observe(frame)
        except ModelError as error:
            self._failures += 1
            if self._failures == 1:
                log.error("a frame could not be judged, the door stays locked: %s", error)
            if self._failures >= MAX_FAILURES:
                raise
            return Tick(frame.at)
        self._failures = 0
        return observation


@contextlib.contextmanager
def signals(daemon: Daemon, on_reload: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT end the loop after the frame in hand; SIGHUP asks for a reload."""

    def stop(number: int, _frame: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        daemon.stopping = True

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: lambda *_: on_reload()}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def notify(state: str) -> None:
    """Tell systemd, where it asked to be told (sd_notify(3)): one datagram to ``$NOTIFY_SOCKET``."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect(address)
            channel.sendall(state.encode())
        except OSError as error:
            log.warning("systemd could not be told %s: %s", state, error)
