"""What each request comes to in the control thread: done here, or put on the way to the frame loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from doorctl.app import people_orders
from doorctl.app.control import Control, Handle
from doorctl.app.control_orders import Order, Orders
from doorctl.app.control_peer import may_command
from doorctl.app.control_socket import listening
from doorctl.app.control_wire import AboutPerson, AboutPhotos, Request, StoreRequest, SyncNow, told
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.syncing import Syncing
from doorctl.errors import ConfigError, ControlError

log = logging.getLogger(__name__)

BUSY_SECONDS = 2.0
"""How long a change of people waits for another program that is writing: less than its caller waits."""


class Desk:
    """Takes requests from those who may make them.

    Args:
        settings: those that hold now.
        orders: the queue to the loop.
        syncing: the thread that reads the folder, if there is one.
    """

    def __init__(self, settings: Callable[[], Settings], orders: Orders, syncing: Syncing | None) -> None:
        self._settings, self._orders, self._syncing = settings, orders, syncing

    def handle(self, request: Request, by: str, wake: Callable[[], object]) -> bytes | Order:
        """The reply, or the order that waits for the loop.

        Raises:
            DoorctlError: it cannot be done.
        """
        if isinstance(request, SyncNow):
            return self._sync()
        if isinstance(request, AboutPerson | AboutPhotos):
            return self._people(request, by)
        return self._orders.give(request, by, wake)

    def _sync(self) -> bytes:
        if self._syncing is None:
            raise ConfigError("no folder of photos", "set photos.source and start the daemon anew")
        self._syncing.look_now()
        fault = self._syncing.failing
        said = ["the daemon looks at the folder now; 'doorctl sync --status' shows what becomes of each file"]
        return told(
            {"said": [*said, f"it could not be read lately: {fault}"] if fault else said, "fault": fault}
        )

    def _people(self, request: StoreRequest, by: str) -> bytes:
        # A store of its own: the loop's must not wait for what this does.
        settings = self._settings()
        with open_store(settings, create=False, busy_seconds=BUSY_SECONDS) as store:
            return told(people_orders.carry_out(settings, store, request, by).reply())


@contextmanager
def commands(settings: Settings, handle: Handle) -> Iterator[None]:
    """Listen for commands meanwhile, if the configuration wants it.

    A door that cannot be commanded still lets people in and out: what is wrong is logged, and no more.
    """
    config = settings.config.control
    with ExitStack() as stack:
        if config.enabled:
            try:
                door = stack.enter_context(listening(settings.runtime, config.group))
                stack.enter_context(Control(door, lambda peer: may_command(peer, config.group), handle))
            except ControlError as error:
                log.error("%s", error)
        yield
