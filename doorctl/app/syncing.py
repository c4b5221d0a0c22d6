"""The thread that keeps the door in step with the folder while it runs."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from doorctl.app.photo_source import open_photos
from doorctl.app.place import one_round
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.sync import Sync
from doorctl.app.sync_status import write_receipt
from doorctl.app.wiring import Eye
from doorctl.core.decision import Event, EventKind
from doorctl.core.gallery import Gallery
from doorctl.enrol.source import PhotoSource, SourceError, UnreachableError
from doorctl.errors import DoorctlError
from doorctl.store.database import Store

log = logging.getLogger(__name__)

WAIT_SECONDS = 60.0
"""How long to wait for the folder at most; then what failed before may be due again."""
FIRST_DELAY, LONGEST_DELAY = 2.0, 300.0
"""Seconds until the next try after a failure: doubled each time."""
AGAIN_SECONDS = 1.0
"""However often it is asked for, the folder is opened anew so often at most."""
SWAP_SECONDS = 1.0
"""In a long round the door is given the newcomers so often."""
NICE = 19
"""The frame loop goes before."""
REST = 1.2
"""Between photos it leaves a processor alone for so many times as long as it has used it: being nice is not
enough where the frame loop, which works and waits by turns, always finds the processor taken."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The people as of a version of the store, ready for the frame loop."""

    version: int
    people: Gallery


class Syncing:
    """Reads the folder in a thread of its own until closed. The frame loop takes up what it offers.

    Args:
        settings: of a configuration that names a folder.
        eye: whose kind of templates is offered; its nets are not used.
    """

    def __init__(self, settings: Settings, eye: Eye) -> None:
        self._settings, self._eye = settings, eye
        self._stop = threading.Event()
        self._roused = threading.Event()
        """Set to look at the folder now, and to stop."""
        self._idle: PhotoSource | None = None
        """The folder while this thread does nothing but wait for it."""
        self._handing = threading.Lock()
        self._looked_at = -math.inf
        self._source: PhotoSource | None = None
        self._failing = ""
        self._delay = FIRST_DELAY
        self._swapped = 0.0
        self.offer: Offer | None = None
        self._coming = -1
        self._coming_since = 0.0
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._roused.set()
        if self._source is not None:
            self._source.close()
        # A call that hangs in the network is left to end with the process: it holds nothing.
        self._thread.join(5.0)

    @property
    def failing(self) -> str:
        """Why the folder cannot be read; empty if it can, as far as is known."""
        return self._failing

    def look_now(self) -> None:
        """End a wait, be it for the folder or after a failure, and look. Called by another thread."""
        with self._handing:
            self._roused.set()
            if self._idle is not None:
                self._idle.close()  # it is opened anew

    def offers_soon(self, version: int) -> bool:
        """Whether this thread has made that version of the store, and is about to offer its people."""
        return version == self._coming and time.monotonic() - self._coming_since < 2 * SWAP_SECONDS

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while not self._stop.is_set():
            wait, waiting = 0.0, self._roused
            self._stop.wait(self._looked_at + AGAIN_SECONDS - time.monotonic())
            self._roused.clear()
            if self._stop.is_set():  # or its ring was just cleared away
                return
            self._looked_at = time.monotonic()
            try:
                with open_store(self._settings) as store:
                    self._in_step(store)
                continue
            except UnreachableError as error:
                wait = error.retry_after
                waiting = self._stop if error.retry_after else waiting
                self._fail(error)
            except DoorctlError as error:
                self._fail(error)
                if isinstance(error, SourceError):
                    wait = 30.0  # it needs a person
            except Exception as error:
                # The door goes on without its folder, whatever this is; it must not end unseen.
                log.exception("the folder cannot be read")
                self._fail(DoorctlError(f"{type(error).__name__}: {error}"))
            wait = min(max(wait, self._delay), LONGEST_DELAY)
            self._delay = min(LONGEST_DELAY, self._delay * 2) if self._failing else FIRST_DELAY
            waiting.wait(wait)

    def _in_step(self, store: Store) -> None:
        """Round after round until the end, a failure, or until the folder is to be opened anew."""
        with open_photos(self._settings) as source:
            self._source = source
            sync = Sync(
                self._settings,
                source,
                store,
                changed=lambda at_once: self._changed(store, at_once=at_once),
                commits=lambda before: self._commits(store, before),
                stopped=self._stop.is_set,
                rest=REST,
            )
            waiting: tuple[str, ...] = ()
            while not self._stop.is_set():
                with one_round(self._settings):
                    done = sync.round()
                self._changed(store, at_once=True)
                self._well(store)
                if not done.quiet:
                    log.info("folder: %s", ", ".join(f"{word}: {n}" for word, n in sorted(done.done.items())))
                if done.held_back and done.held_back != waiting:
                    log.error(
                        "removals wait for 'doorctl sync --accept-removals': people %d", len(done.held_back)
                    )
                waiting = done.held_back
                if self._settings.config.photos.receipts:
                    write_receipt(
                        store, source, anchor_seconds=60 * self._settings.config.audit.anchor_minutes
                    )
                self._delay = FIRST_DELAY  # what failed before is over
                # What a round did may have freed a face for another name: look again before waiting.
                if done.quiet and not self._wait(source, done.cursor):
                    return

    def _wait(self, source: PhotoSource, cursor: str) -> bool:
        """Wait for the folder; ``False`` if something else is wanted, and ``source`` may be closed."""
        with self._handing:
            if self._roused.is_set() or self._stop.is_set():
                return False
            self._idle = source
        try:
            source.wait(cursor, WAIT_SECONDS)
        finally:
            with self._handing:
                self._idle = None
        return not self._roused.is_set()

    def _commits(self, store: Store, before: int) -> None:
        # What a command has changed meanwhile must not wait for this thread: then nothing is promised.
        known = before == self._coming or (self.offer is not None and before == self.offer.version)
        self._coming = store.version() if known else -1
        self._coming_since = time.monotonic()

    def _changed(self, store: Store, *, at_once: bool = False) -> None:
        """Offer the people as they are now; in a long round not after every photo."""
        version = store.version()
        if self.offer is not None and self.offer.version == version:
            return
        if at_once or time.monotonic() - self._swapped >= SWAP_SECONDS:
            self._swapped = time.monotonic()
            self.offer = Offer(version, self._eye.gallery(store))

    def _fail(self, error: DoorctlError) -> None:
        """Tell a failure once, for as long as it stays the same."""
        if error.message == self._failing:
            return
        self._failing = error.message
        log.error("the folder cannot be read: %s", error)
        self._record(EventKind.SYNC_FAILED, error.message)

    def _well(self, store: Store) -> None:
        if self._failing:
            self._failing = ""
            log.info("the folder can be read again")
            store.record(Event(EventKind.SYNC_BACK, time.monotonic()))

    def _record(self, kind: EventKind, why: str) -> None:
        with contextlib.suppress(DoorctlError), open_store(self._settings) as store:
            store.record(Event(kind, time.monotonic(), detail=why))
