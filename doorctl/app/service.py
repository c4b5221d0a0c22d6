"""The daemon as a whole: everything opened in order, run, reloaded, and closed in reverse."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from operator import attrgetter

from doorctl.app.settings import Settings, guard, remember_gpio
from doorctl.app.state import open_store
from doorctl.app.wiring import Eye, camera_event, open_eye, open_source, policy_of, relay_event
from doorctl.config import load_config
from doorctl.core.records import Event, EventKind
from doorctl.daemon import Daemon, notify, signals
from doorctl.errors import ConfigError
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.relay import Relay
from doorctl.gpio.timer import ThreadTimer
from doorctl.store.database import Store

log = logging.getLogger(__name__)

LOOK_FOR_PEOPLE_SECONDS = 1.0
NEED_RESTART = ("camera", "models", "gpio", "store", "vision.detector", "vision.threads")
"""What of the configuration is only read at the start."""


def run(settings: Settings) -> None:
    """Be the daemon until SIGTERM, SIGINT, the end of a clip, or a fault that needs a restart.

    Raises:
        DoorctlError: whatever cannot be opened or goes on failing; the relay is locked by then.
    """
    guard(settings)
    config = settings.config
    timer = ThreadTimer()
    with ExitStack() as stack:
        store = stack.enter_context(open_store(settings))

        def record(event: Event) -> None:
            number = store.record(event)
            log.info("event %d: %s", number, event.describe())

        remember_gpio(settings)
        # The relay comes first, so that the door is known to be locked while the rest loads.
        relay = stack.enter_context(
            Relay(
                make_pin_factory(config.gpio.pins, settings.pin_file),
                config.gpio.relay_pin,
                active_high=config.gpio.active_high,
                timer=timer,
                on_change=lambda on, at: record(relay_event(on, at)),
            )
        )
        eye = open_eye(settings, now=timer.now)
        gallery = eye.gallery(store)
        eye.observer.gallery = gallery
        camera = stack.enter_context(
            open_source(
                settings,
                str(config.camera.source),
                fps=config.camera.fps,
                loop=config.camera.loop,
                realtime=True,
                now=timer.now,
                on_event=lambda lost, why: record(camera_event(lost, why, timer.now())),
            )
        )
        daemon = Daemon(
            observer=eye.observer,
            strike=relay,
            policy=policy_of(config, eye.recognition),
            record=record,
            now=timer.now,
        )
        reloader = _Reloader(settings, eye, store, daemon, record, timer.now)
        daemon.between = reloader.look
        stack.enter_context(signals(daemon, reloader.ask))
        if not gallery.people:
            log.warning("nobody is enrolled: the door stays locked; see 'doorctl enrol --help'")
        record(
            Event(
                EventKind.STARTED, timer.now(), detail=f"{len(gallery.people)} people, {eye.models.name} set"
            )
        )
        stack.callback(lambda: record(Event(EventKind.STOPPED, timer.now())))
        daemon.run(camera)


class _Reloader:
    """Applies a changed configuration, and people changed by other processes, between two frames."""

    def __init__(
        self,
        settings: Settings,
        eye: Eye,
        store: Store,
        daemon: Daemon,
        record: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._settings, self._eye, self._store = settings, eye, store
        self._daemon, self._record, self._now = daemon, record, now
        self._asked = False
        self._looked_at = now()
        self._version = store.version()

    def ask(self) -> None:
        """Called by the signal handler: only note it."""
        self._asked = True

    def look(self) -> None:
        """Called by the loop after each frame."""
        if self._asked:
            self._asked = False
            self._reload()
        if self._now() - self._looked_at >= LOOK_FOR_PEOPLE_SECONDS:
            self._looked_at = self._now()
            version = self._store.version()
            if version != self._version:
                self._version = version
                self._eye.observer.gallery = self._eye.gallery(self._store)
                log.info("the people changed: %d are known now", len(self._eye.observer.gallery.people))

    def _reload(self) -> None:
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            config = load_config(self._settings.config_file)
            new = replace(self._settings, config=config)
            guard(new)
        except ConfigError as error:
            log.error("the new configuration is not used, the old one stays: %s", error)
        else:
            old = self._settings.config
            for key in NEED_RESTART:
                value = attrgetter(key)
                if value(config) != value(old):
                    log.warning("a change of '%s' takes effect at the next start", key)
            self._settings = new
            self._daemon.policy = policy_of(config, self._eye.recognition)
            self._eye.observer.min_face = config.vision.min_face
            self._eye.observer.gallery = self._eye.gallery(self._store)
            logging.getLogger("doorctl").setLevel(config.log.level.upper())
            self._record(Event(EventKind.RELOADED, self._now()))
        notify("READY=1")
