"""What the daemon keeps for whoever asks later: events with their rules, in a chain made fast outside.

See ``store.chain``. The loop calls ``turn`` between two frames.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import RLock

from doorctl.app.anchors import anchor_line
from doorctl.app.clock import ClockWatch, synchronised
from doorctl.core.decision import Event, EventKind
from doorctl.core.policy import Policy
from doorctl.errors import StoreError
from doorctl.sections import AuditConfig
from doorctl.store.chain import head
from doorctl.store.database import Store
from doorctl.store.events import add_event, forget_policies, keep_policy
from doorctl.store.retention import prune
from doorctl.store.rows import now_text

log = logging.getLogger(__name__)
anchors = logging.getLogger(f"{__name__}.anchor")
anchors.setLevel(logging.INFO)  # an owner who wants to read warnings alone still wants anchors

FOLLOWING = {EventKind.RELAY_ON, EventKind.ACCESS_TAKEN}
"""What only follows from an event that is safe already is written together with the next: a transaction of
its own wears the card."""

FOLLOW_SECONDS = 5.0
"""Or after so long."""

PRUNE_SECONDS = 3600.0
"""How often it is asked whether events are too old, or too many: each time costs the card an event more."""

PRUNE_AGAIN_SECONDS = 10.0
"""So soon after a time that left some: it is done by pieces, between frames."""

PRUNE_MOST = 500
"""Events that are erased at once: a few milliseconds."""


def _tell(number: int, event: Event) -> None:
    """An event in the log, with itself beside the words: a journal has fields for it."""
    log.info("event %d: %s", number, event.describe(named=False), extra={"event": event, "event_id": number})


class Audit:
    """Writes events, and looks after those that are written.

    Args:
        store: where they are kept.
        config: how long, and how often their chain is anchored; may be replaced between two turns.
        now: seconds, on the scale of ``Event.at``.
        clock: tells when the time of day was set.
        trusted: whether the time of day can be relied on.
    """

    def __init__(
        self,
        store: Store,
        config: AuditConfig,
        now: Callable[[], float],
        clock: ClockWatch | None = None,
        trusted: Callable[[], bool] = synchronised,
    ) -> None:
        self._store, self.config, self._now = store, config, now
        self._clock, self._trusted = clock or ClockWatch(), trusted
        self._lock = RLock()
        """Taken before the store's own, never after it."""
        self._deep = 0
        self._said: list[tuple[int, Event]] = []
        self._waiting: tuple[tuple[Event, str], ...] = ()
        self._policy: Policy | None = None
        self._digest = ""
        self._anchored_at, self._prune_at = now(), now() + PRUNE_AGAIN_SECONDS

    @contextmanager
    def whole(self) -> Iterator[sqlite3.Connection]:
        """One transaction; may be nested. The log is told of events once they are safe, and of no others.

        Raises:
            StoreError: it cannot be written; then it is as if it had not begun.
        """
        with self._lock:
            outermost, before = not self._deep, (self._waiting, self._policy, self._digest)
            self._said = [] if outermost else self._said
            self._deep += 1
            try:
                with self._store.undisturbed() as db:
                    yield db
            except BaseException:
                if outermost:
                    self._waiting, self._policy, self._digest = before
                raise
            finally:
                self._deep -= 1
            for number, event in self._said if outermost else ():
                _tell(number, event)

    def record(self, event: Event, policy: Policy | None = None) -> None:
        """Write an event, durably but for what is ``FOLLOWING``.

        Args:
            event: what happened.
            policy: the rules that it was decided by, if it was.

        Raises:
            StoreError: it cannot be written.
        """
        if event.kind in FOLLOWING:
            with self._lock:
                self._waiting = (*self._waiting, (event, now_text()))
            return
        with self.whole() as db:
            if policy is not None and policy is not self._policy:
                self._digest = keep_policy(db, json.dumps(policy.facts(), sort_keys=True))
                self._policy = policy
            self._write_waiting()
            number = add_event(db, event, now_text(), self._digest if policy is not None else None)
            self._said.append((number, event))

    def _write_waiting(self) -> None:
        with self.whole() as db:
            for event, time in self._waiting:
                self._said.append((add_event(db, event, time), event))
            self._waiting = ()

    def begin(self) -> None:
        """Once, before the door is open for anybody: forget rules that no event names any more.

        Raises:
            StoreError: the store cannot be used.
        """
        with self.whole() as db:
            forget_policies(db)

    def turn(self) -> None:
        """Do what it is time for; costs microseconds where that is nothing.

        Raises:
            StoreError: what has to be written down cannot be.
        """
        if moved := self._clock.step():
            self.record(Event(EventKind.CLOCK_STEPPED, self._now(), detail=f"{moved:+.1f} s"))
        at = self._now()
        if (waiting := self._waiting) and at - waiting[0][0].at >= FOLLOW_SECONDS:
            self._write_waiting()
        if at - self._anchored_at >= 60 * self.config.anchor_minutes:
            self.anchor()
        if at >= self._prune_at:
            self._prune_at = at + (PRUNE_AGAIN_SECONDS if self._prune() >= PRUNE_MOST else PRUNE_SECONDS)

    def close(self) -> None:
        """Write what waits, and make the end of the chain fast."""
        try:
            self._write_waiting()
        except StoreError as error:
            log.error("the last events are lost: %s", error)
        self.anchor()

    def anchor(self) -> None:
        """Tell the journal where the chain of events ends now."""
        self._anchored_at = self._now()
        try:
            with self._store.reading() as db:
                anchors.info("%s", anchor_line(head(db)))
        except StoreError as error:
            log.warning("the chain of events is not anchored now: %s", error)

    def _prune(self) -> int:
        """Erase some of what is too old, or too many; how many."""
        oldest = datetime.now(UTC) - timedelta(days=self.config.keep_days) if self._trusted() else None
        try:
            with self._store.undisturbed() as db:
                gone = prune(db, older_than=oldest, max_events=self.config.max_events, most=PRUNE_MOST)
        except StoreError as error:  # another time will do
            log.warning("old events are not erased now: %s", error)
            return 0
        if gone:
            log.info("old events erased: %d", gone)
        return gone
