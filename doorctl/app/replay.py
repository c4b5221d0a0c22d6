"""The daemon's loop on a recorded clip."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from doorctl.app.script import NOTHING, Player, Script, wired
from doorctl.app.settings import Settings
from doorctl.app.standing import Standing
from doorctl.app.wiring import (
    TICK_SECONDS,
    camera_event,
    known_people,
    open_eye,
    open_inputs,
    open_source,
    relay_event,
)
from doorctl.camera.base import Camera
from doorctl.core.decision import Decision, Event
from doorctl.core.inputs import Input
from doorctl.core.policy import Policy
from doorctl.core.prompt import Prompt
from doorctl.core.records import Frame
from doorctl.daemon import Daemon
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.relay import Relay
from doorctl.gpio.timer import SimulatedTimer


class Show(Protocol):
    """Somebody who watches a replay: prints it, draws it, or counts."""

    def event(self, event: Event) -> None: ...

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None: ...


@contextmanager
def open_replay(
    settings: Settings,
    clip: str | Camera,
    shows: Sequence[Show],
    *,
    fps: float = 10.0,
    realtime: bool = False,
    seed: int | None = None,
    indicate: Callable[[Prompt], object] = lambda prompt: None,
    tell: Callable[[Standing], object] = lambda held: None,
    script: Script = NOTHING,
    begins: datetime | None = None,
    before: Callable[[Daemon], None] = lambda daemon: None,
) -> Iterator[Callable[[], None]]:
    """The daemon's loop over a recorded clip, on a simulated pin and the clip's own time.

    The anti-spoof nets are taken as trusted, for a recording may be of any camera.

    Args:
        clip: a video file, a folder of frames, or a camera that is simulated.
        fps: frames a second of a folder.
        realtime: play at the clip's own pace; otherwise as fast as it goes.
        seed: of the challenges, so that a run can be repeated; never at a door.
        indicate: told what the person before the camera is to be told, each frame.
        tell: told once which liveness mode holds.
        begins: the time of day at the clip's start, aware; otherwise it is now.
        before: called before every frame is judged, as a door's daemon looks for orders.
        script: what the door's wires do. Those that it names are wired, whatever the configuration says.

    Yields:
        the function that plays the clip to its end. Nothing is written to the store.

    Raises:
        DoorctlError: the clip, the models or the store cannot be opened.
    """

    def record(event: Event) -> None:
        for show in shows:
            show.event(event)

    def watch(frame: Frame | None, fact: Input, decision: Decision) -> None:
        for show in shows:
            show.frame(frame, fact, decision)

    timer, start = SimulatedTimer(), time.monotonic()
    begun = begins or datetime.now(UTC)
    settings = wired(settings, script)
    with ExitStack() as stack:
        eye = open_eye(settings)
        policy = eye.meet(known_people(settings, eye), settings.config)
        tell(eye.standing(settings.config))
        pins = make_pin_factory("mock", None)
        player = Player(script, pins, settings.config.inputs)
        inputs = stack.enter_context(open_inputs(settings.config.inputs, pins, timer.now))
        if isinstance(clip, str):
            clip = open_source(
                settings,
                clip,
                fps=fps,
                loop=False,
                realtime=realtime,
                now=lambda: time.monotonic() - start,  # asked only to keep the clip's pace
                on_event=lambda lost, why: record(camera_event(lost, why, timer.now())),
            )
        camera = stack.enter_context(clip)
        relay = stack.enter_context(
            Relay(
                pins,
                settings.config.gpio.relay_pin,
                active_high=settings.config.gpio.active_high,
                timer=timer,
                on_change=lambda on, at: record(relay_event(on, at)),
            )
        )
        daemon = Daemon(
            observer=eye.observer,
            strike=relay,
            policy=policy,
            record=record,
            now=timer.now,
            before=lambda: before(daemon),
            watch=watch,
            draw=partial((secrets.SystemRandom() if seed is None else random.Random(seed)).getrandbits, 64),
            indicate=indicate,
            inputs=inputs.settled,
            wall=lambda: begun + timedelta(seconds=timer.now()),
        )
        yield lambda: daemon.run(_play_out(camera, timer, policy, player))


def _play_out(
    camera: Camera, timer: SimulatedTimer, policy: Policy, player: Player
) -> Iterator[Frame | None]:
    """A clip's frames with its own time, and what the wires do meanwhile; then nobody, until the script, the
    last presentation and the last release are over."""

    def advance(to: float) -> None:
        while (at := player.next(to)) is not None:
            timer.advance(at)
            player.play()
        timer.advance(to)

    for frame in camera:
        if frame is not None:
            advance(frame.at)
        yield frame
    while timer.now() < player.end:
        advance(min(player.end, timer.now() + TICK_SECONDS))
        yield None
    longest = max(policy.open_seconds, policy.extended_open_seconds if policy.extended else 0.0)
    for seconds in (policy.gone_seconds, longest, policy.passage.grace_seconds):
        advance(timer.now() + seconds)
        yield None
