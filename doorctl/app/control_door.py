"""What each order comes to at the door: called by the frame loop, between two frames."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import Any

from doorctl import __version__
from doorctl.app.control_orders import Orders
from doorctl.app.control_wire import (
    DoorRequest,
    HoldOpen,
    Lockdown,
    LoopRequest,
    Reload,
    Reply,
    Status,
    Unlock,
)
from doorctl.app.keeper import Keeper
from doorctl.app.status import clock_time, door_fields, event_fields, wall_clock
from doorctl.app.syncing import Syncing
from doorctl.core.decision import Cause
from doorctl.core.inputs import Clear, Command, Hold, Shut
from doorctl.core.records import Reason
from doorctl.daemon import Daemon
from doorctl.errors import DoorctlError, LockedDownError, NoAnswerError, StoreError
from doorctl.store.database import Store

RELOAD_SECONDS = 1.0
"""To read the configuration takes a frame's time or two, and more often than that is no person's wish."""


class DoorOrders:
    """Carries out what the control thread has put on the queue.

    Args:
        orders: the queue.
        keeper: reloads, and knows who is known.
        store: the loop's own.
        now: seconds, on the door's scale of time.
        camera_lost: whether the camera gives no pictures.
        syncing: the thread that reads the folder, if there is one.
    """

    def __init__(
        self,
        orders: Orders,
        keeper: Keeper,
        store: Store,
        now: Callable[[], float],
        camera_lost: Callable[[], bool],
        syncing: Syncing | None,
    ) -> None:
        self._orders, self._keeper, self._store, self._now = orders, keeper, store, now
        self._camera_lost, self._syncing = camera_lost, syncing
        self._reloaded_at = -inf
        self._since = datetime.now(UTC).isoformat(timespec="seconds")

    def carry_out(self, daemon: Daemon) -> None:
        """Do what waits; costs next to nothing where nothing does.

        Raises:
            DoorctlError: as ``Daemon.take``.
        """
        self._orders.carry_out(lambda request, by: self._do(daemon, request, by))

    def _do(self, daemon: Daemon, request: LoopRequest, by: str) -> Reply | DoorctlError:
        if isinstance(request, Reload):
            return self._reload(daemon, by)
        if isinstance(request, Status):
            return self._status(daemon)
        return obey(daemon, request, by, self._now())

    def _reload(self, daemon: Daemon, by: str) -> Reply | DoorctlError:
        if self._now() - self._reloaded_at < RELOAD_SECONDS:
            return NoAnswerError("the configuration was read a moment ago", "try again in a second")
        self._reloaded_at = self._now()
        later = self._keeper.reload(daemon, by)
        if isinstance(later, DoorctlError):
            return later
        said = [f"a change of '{key}' takes effect at the next start" for key in later]
        return {"said": ["the configuration is read again", *said], "at_next_start": list(later)}

    def _status(self, daemon: Daemon) -> dict[str, Any]:
        held, people = self._keeper.standing, self._keeper.people
        last: dict[str, Any] | None = None
        with suppress(StoreError):
            last = next((event_fields(event) for event in self._store.events(limit=1)), None)
        return {
            **door_fields(daemon.door, daemon.policy, self._now()),
            "people": len(people),
            "denied": sum(person.denied for person in people),
            "nets": self._keeper.nets,
            "liveness": held.mode.value,
            "liveness_warning": held.warning,
            "camera": "lost" if self._camera_lost() else "ok",
            "folder": "off" if self._syncing is None else "failing" if self._syncing.failing else "ok",
            "folder_fault": self._syncing.failing if self._syncing else "",
            "last_event": last,
            "version": __version__,
            "since": self._since,
            "pid": os.getpid(),
        }


def obey(daemon: Daemon, request: DoorRequest, by: str, at: float) -> Reply | DoorctlError:
    """Have the door do what is ordered, by way of ``step`` as everything.

    Args:
        daemon: the door's loop, which this is called by.
        request: the order.
        by: who gave it.
        at: now, on the door's scale of time.

    Returns:
        what came of it, or why the door refuses.

    Raises:
        DoorctlError: as ``Daemon.take``.
    """
    if isinstance(request, Unlock):
        return _unlock(daemon, request, by, at)
    if isinstance(request, HoldOpen):
        return _hold(daemon, request, by, at)
    if isinstance(request, Lockdown):
        return _shut(daemon, request, by, at)
    daemon.take(Clear(at, by))
    said = ["no lock holds any more"]
    if daemon.door.lockout.ordered:
        said.append("the door stays locked down by an operator's word: see 'doorctl lockdown --help'")
    return {"said": said}


def _unlock(daemon: Daemon, request: Unlock, by: str, at: float) -> Reply | DoorctlError:
    release = daemon.take(Command(at, Cause.UNLOCK, request.seconds, by)).release
    if release is None:
        return _locked_down()
    said = f"released for {release.seconds:g} s"
    if request.seconds is not None and release.seconds < request.seconds:
        said += ", the longest that control.max_unlock_seconds allows"
    return {"said": [said], "seconds": release.seconds}


def _hold(daemon: Daemon, request: HoldOpen, by: str, at: float) -> Reply | DoorctlError:
    was = daemon.door.is_held
    decision = daemon.take(Hold(at, request.seconds, by))
    if decision.reason is Reason.LOCKED_OUT:
        return _locked_down()
    if not daemon.door.is_held:
        said = "the door is held open no longer" if was else "the door was not held open"
        return {"said": [said], "until": None}
    seconds = daemon.door.held_until - daemon.door.at
    said = f"held open until {wall_clock(clock_time(seconds))}"
    if seconds < request.seconds - 1:
        said += ", the longest that control.max_hold_hours allows"
    return {"said": [said], "seconds": round(seconds, 1), "until": clock_time(seconds)}


def _shut(daemon: Daemon, request: Lockdown, by: str, at: float) -> Reply:
    changed = bool(daemon.take(Shut(at, request.on, by)).events)
    if request.on:
        said = "locked down: nobody is let in before 'doorctl lockdown off'; the ways out stay as they are"
    else:
        said = "the lockdown is over" if changed else "there was no lockdown by an operator's word"
    return {"said": [said], "on": request.on, "changed": changed}


def _locked_down() -> LockedDownError:
    return LockedDownError(
        "refused: the door is locked down by an operator's word", "end that first: doorctl lockdown off"
    )
