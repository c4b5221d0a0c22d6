"""The frame loop: camera, observation, decision, and the decision carried out.

``run``, ``replay`` and ``demo`` all turn this very loop; they differ only in the
camera, the clock and the pin that ``app`` hands in.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from types import FrameType
from typing import Protocol

from doorctl.core.decision import Cause, Decision, Event
from doorctl.core.door import step
from doorctl.core.guidance import asks, prompt_of
from doorctl.core.inputs import Draw, Input, Switched, Tick
from doorctl.core.lockout import Lockout
from doorctl.core.policy import Policy
from doorctl.core.prompt import Prompt
from doorctl.core.records import Ask, Frame, Observation, Reason
from doorctl.core.state import Door
from doorctl.errors import ModelError, PinError

log = logging.getLogger(__name__)

MAX_FAILURES = 10
"""Frames in a row on which a net may fail before the loop gives up and the service restarts."""

TOO_SLOW = 10
"""Frames in a row that were too old when they had been judged, from which on it is told."""


@dataclass
class Asked:
    """What signals have asked of the daemon: noted by their handlers, acted on by the loop."""

    stop: bool = False
    reload: bool = False


class Observer(Protocol):
    """What turns a frame into an observation; ``vision.observe.Observer`` at a door."""

    def observe(self, frame: Frame, ask: Ask) -> Observation: ...


class Strike(Protocol):
    """What a release is carried out on; ``gpio.relay.Relay`` at a door."""

    fault: PinError | None

    def release(self, seconds: float) -> object: ...

    def lock(self) -> object: ...


class Daemon:
    """One door's loop.

    Args:
        observer: judges frames.
        strike: releases the door for a number of seconds, and locks it by its own timer.
        policy: the rules; may be replaced between two frames.
        record: writes an event; has to have it safe before it returns, or at the end of ``whole``.
        now: seconds, on the scale of ``Frame.at``.
        before: called once before every frame is judged, when the camera has given it: the place to take
            up what has changed, so that nobody is let in by what no longer holds.
        asked: its ``stop`` ends the loop before the next frame.
        watch: shown every frame with what came of it, for drawing and timelines.
        draw: 64 random bits, for a challenge; not to be foreseen at a door.
        indicate: told what the person at the door is to be told, each frame.
        door: what is remembered from before.
        keep: given what is counted against the door after every input; has to have it safe.
        whole: within it ``record`` and ``keep`` are called: what they write becomes safe at its end, as one.
        inputs: what the door's wires have told since it was last asked.
        wall: the time of day, aware; ``None`` while nobody knows it.
    """

    def __init__(
        self,
        *,
        observer: Observer,
        strike: Strike,
        policy: Policy,
        record: Callable[[Event], object],
        now: Callable[[], float],
        before: Callable[[], None] = lambda: None,
        asked: Asked | None = None,
        watch: Callable[[Frame | None, Input, Decision], None] = lambda frame, fact, decision: None,
        draw: Callable[[], int] = lambda: secrets.randbits(64),
        indicate: Callable[[Prompt], object] = lambda prompt: None,
        door: Door | None = None,
        keep: Callable[[Lockout, float], object] = lambda lockout, at: None,
        whole: Callable[[], AbstractContextManager[object]] = nullcontext,
        inputs: Callable[[], Iterable[Input]] = tuple,
        wall: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self.observer = observer
        self.policy = policy
        self.asked = asked or Asked()
        self._strike = strike
        self._record = record
        self._now = now
        self.before = before
        self._watch = watch
        self._draw = draw
        self._indicate = indicate
        self._door = door or Door()
        self._keep = keep
        self._whole = whole
        self._inputs = inputs
        self._wall = wall
        self._failures = 0
        self._stale = 0

    @property
    def door(self) -> Door:
        """What is remembered, as of the last input."""
        return self._door

    def run(self, camera: Iterable[Frame | None]) -> None:
        """Turn until the camera ends or a stop is asked for.

        Raises:
            ModelError: the nets failed on ``MAX_FAILURES`` frames in a row.
            PinError: the relay cannot be driven, or could not be switched off.
            StoreError: an event could not be kept; the release it belongs to does not happen.
        """
        for fact in self._inputs():  # a button pressed while the nets were loaded opens nothing now
            self.take(replace(fact, first=True) if isinstance(fact, Switched) else fact)
        notify("READY=1")
        try:
            for frame in camera:
                if self.asked.stop:
                    break
                self.before()
                for fact in self._inputs():
                    self.take(fact)
                self.turn(frame)
                notify("WATCHDOG=1")
        finally:
            notify("STOPPING=1")

    def turn(self, frame: Frame | None) -> Decision:
        """One frame, or none: observe it, decide, and carry the decision out."""
        fact = self._look(frame)
        decision = self.take(fact)
        self._watch(frame, fact, decision)
        self._indicate(Prompt.FAULT if self._failures else prompt_of(self._door, decision))
        self._tell_if_slow(decision)
        log.debug("%.3f s: %s %s", fact.at, decision.reason.value, decision.score)
        return decision

    def take(self, fact: Input) -> Decision:
        """One input of any kind: decide, and carry the decision out."""
        self._door, decision = step(self._door, fact, self.policy)
        if decision.draw:
            self._door, _ = step(self._door, Draw(fact.at, self._draw()), self.policy)
        # First: there is no release without its event on disk, nor with an attempt that is not counted.
        with self._whole():
            for event in decision.events:
                self._record(event)
            self._keep(self._door.lockout, self._door.at)
        if decision.release is not None:
            if decision.release.cause is Cause.RECOGNISED and self._too_late(fact):
                log.warning("a grant was not carried out: keeping its event took too long; see the disk")
            else:
                self._strike.release(decision.release.seconds)
        elif decision.relock:
            self._strike.lock()
        if self._strike.fault is not None:
            raise self._strike.fault
        return decision

    def _too_late(self, fact: Input) -> bool:
        """Whether the person may have gone since the picture, because writing the event had to wait."""
        return self._now() - fact.at > self.policy.max_latency_seconds

    def _tell_if_slow(self, decision: Decision) -> None:
        self._stale = self._stale + 1 if decision.reason is Reason.STALE else 0
        if self._stale == TOO_SLOW:
            log.warning(
                "pictures are too old once they are judged, so nobody can be let in: "
                "ask for smaller or fewer of them (camera.width, camera.fps), or see what else is running"
            )

    def _look(self, frame: Frame | None) -> Input:
        if frame is None:
            return Tick(self._now())
        try:
            observation = self.observer.observe(frame, asks(self._door, self.policy))
        except ModelError as error:
            self._failures += 1
            if self._failures == 1:
                log.error("a frame could not be judged, the door stays locked: %s", error)
            if self._failures >= MAX_FAILURES:
                raise
            return Tick(frame.at)
        self._failures = 0
        return replace(observation, when=self._wall())


@contextlib.contextmanager
def signals() -> Iterator[Asked]:
    """SIGTERM and SIGINT ask for a stop, SIGHUP for a reload.

    Enter it first, so that it is left last: a second signal must not end a door half closed.
    """
    asked = Asked()

    def stop(_number: int, _frame: FrameType | None) -> None:
        asked.stop = True

    def reload(_number: int, _frame: FrameType | None) -> None:
        asked.reload = True

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield asked
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
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(address)
            channel.sendall(state.encode())
    except OSError as error:
        # Told for what happens once; for each frame's sign of life it would flood the log.
        level = logging.DEBUG if state == "WATCHDOG=1" else logging.WARNING
        log.log(level, "systemd could not be told %s: %s", state, error)
