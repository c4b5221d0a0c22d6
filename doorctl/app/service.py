"""The daemon as a whole: everything opened in order, run, reloaded, and closed in reverse."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace

from doorctl.app.audit import Audit
from doorctl.app.clock import WallClock
from doorctl.app.control_desk import Desk, commands
from doorctl.app.control_door import DoorOrders
from doorctl.app.control_orders import Orders
from doorctl.app.indicator import open_indicator
from doorctl.app.keeper import Keeper, tell_standing, tell_strange_names
from doorctl.app.lockouts import Lockouts
from doorctl.app.place import only_one, remember_gpio
from doorctl.app.settings import Settings
from doorctl.app.site import why_untrusted
from doorctl.app.state import open_store
from doorctl.app.syncing import Syncing
from doorctl.app.wiring import (
    TICK_SECONDS,
    camera_event,
    open_eye,
    open_inputs,
    open_source,
    relay_event,
)
from doorctl.core.decision import Event, EventKind
from doorctl.core.state import Door
from doorctl.daemon import Daemon, signals
from doorctl.errors import DoorctlError, StoreError
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.relay import Relay
from doorctl.gpio.timer import ThreadTimer

log = logging.getLogger(__name__)

SIGN_OF_LIFE_SECONDS = 1.0
"""How often the loop turns at least, so that a silent camera does not look like a daemon that hangs."""

BUSY_SECONDS = 0.8
"""How long an event may wait for another program that is writing. A grant that waited longer than
``door.max_latency_seconds`` is not carried out."""


def run(settings: Settings, say: Callable[[str], object] | None = None) -> None:
    """Be the daemon until SIGTERM, SIGINT, the end of a clip, or a fault that needs a restart.

    Args:
        say: told what the person at the door is told, where somebody reads it.

    Raises:
        DoorctlError: whatever cannot be opened or goes on failing; the relay is locked by then.
    """
    config = settings.config
    timer = ThreadTimer()
    with ExitStack() as stack:
        asked = stack.enter_context(signals())
        stack.enter_context(only_one(settings))
        store = stack.enter_context(open_store(settings, busy_seconds=BUSY_SECONDS))

        audit = Audit(store, config.audit, timer.now)
        audit.begin()
        stack.callback(audit.close)
        record = audit.record

        def camera_changed(lost: bool, why: str) -> None:
            indicator.camera_lost = lost
            record(camera_event(lost, why, timer.now()))

        remember_gpio(settings)
        pins = make_pin_factory(config.gpio.pins, settings.pin_file)
        # The relay comes first, so that the door is known to be locked while the rest loads.
        relay = stack.enter_context(
            Relay(
                pins,
                config.gpio.relay_pin,
                active_high=config.gpio.active_high,
                timer=timer,
                on_change=lambda on, at: record(relay_event(on, at)),
                max_seconds=max(60.0, config.control.max_unlock_seconds),
            )
        )
        indicator = stack.enter_context(open_indicator(config.indicator, pins, say))
        inputs = stack.enter_context(open_inputs(config.inputs, pins, timer.now))
        eye = open_eye(settings, now=timer.now)
        past = store.events(limit=1)
        eye = replace(
            eye,
            untrusted=why_untrusted(settings, eye.models.name),
            passed=past[-1].time if past else None,
        )
        policy = eye.meet(eye.observer.gallery, config)  # nobody yet: the keeper brings them
        tell_standing(eye.standing(config))
        syncing = Syncing(settings, eye) if config.photos.source != "none" else None
        lockouts = Lockouts(store)
        keeper = Keeper(settings, eye, store, audit, timer.now, lockouts, syncing)
        orders = Orders()
        obeys = DoorOrders(orders, keeper, store, timer.now, lambda: indicator.camera_lost, syncing)
        often = config.inputs.pins or config.control.enabled
        camera = stack.enter_context(
            open_source(
                settings,
                str(config.camera.source),
                fps=config.camera.fps,
                loop=config.camera.loop,
                realtime=True,
                now=timer.now,
                on_event=camera_changed,
                tick_seconds=TICK_SECONDS if often else SIGN_OF_LIFE_SECONDS,
            )
        )

        def between() -> None:
            obeys.carry_out(daemon)
            keeper.look(daemon)

        daemon = Daemon(
            observer=eye.observer,
            strike=relay,
            policy=policy,
            record=lambda event: record(event, daemon.policy),
            whole=audit.whole,
            now=timer.now,
            asked=asked,
            before=between,
            indicate=indicator.show,
            door=Door(lockout=lockouts.before(timer.now())),
            keep=lockouts.keep,
            inputs=inputs.settled,
            wall=WallClock(),
        )
        keeper.look(daemon)  # the camera may have taken seconds to open
        people = len(eye.observer.gallery.people)
        if not people:
            log.warning("nobody is enrolled: the door stays locked; see 'doorctl enrol --help'")
        if strangers := len(store.people()) - people:
            log.warning("people without a template of these nets: %d; enrol them again", strangers)
        tell_strange_names(store, config)
        record(Event(EventKind.STARTED, timer.now(), detail=f"people: {people}, nets: {eye.models.name}"))
        if syncing:
            stack.enter_context(syncing)
        desk = Desk(lambda: keeper.settings, orders, syncing)
        stack.enter_context(commands(settings, desk.handle))
        why = ""
        try:
            daemon.run(camera)
        except DoorctlError as error:
            why = error.message
            raise
        finally:
            relay.close()  # before the camera, which may take its time; and its RelayOff is kept by then
            with suppress(StoreError):
                record(Event(EventKind.STOPPED, timer.now(), detail=why))
