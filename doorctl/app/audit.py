"""What the daemon keeps for whoever asks later: events with their rules, in a chain made fast outside.

See ``store.chain``. The loop calls ``turn`` between two frames.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import RLock

from doorctl.app.anchors import anchor_line
from doorctl.app.clock import synchronised
from doorctl.core.decision import Event, EventKind
from doorctl.core.policy import Policy
from doorctl.errors import StoreError
from doorctl.sections import AuditConfig
from doorctl.store.chain import head
from doorctl.store.database import Store
from doorctl.store.events import add_event, keep_policy
from doorctl.store.retention import prune
from doorctl.store.rows import now_text

log = logging.getLogger(__name__)

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

STEP_SECONDS = 2.0
"""A clock that is moved by so much was set, not steered."""

STEER = 1e-3
"""Seconds a second by which a clock may be steered unseen: twice what adjtimex(2) does at most."""


class ClockWatch:
    """Notices when somebody sets the machine's clock, at once or by many small steps.

    Args:
        wall: the time of day, seconds.
        steady: a clock that nobody sets, seconds.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._steady = wall, steady
        self._at = steady()
        self._ahead = wall() - self._at

    def step(self) -> float:
        """By how many seconds the clock was set since this was last asked; 0 if it was not."""
        at = self._steady()
        moved = self._wall() - at - self._ahead
        if abs(moved) >= STEP_SECONDS:
            self._ahead += moved
            self._at = at
            return moved
        most = STEER * (at - self._at)
        self._ahead += max(-most, min(most, moved))
        self._at = at
        return 0.0


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
        self._waiting: list[tuple[Event, str]] = []
        self._lock = RLock()
        self._policy: Policy | None = None
        self._digest = ""
        self._anchored_at, self._prune_at = now(), now() + PRUNE_AGAIN_SECONDS
        # An owner who wants to read warnings alone still wants anchors.
        log.setLevel(logging.INFO)

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
                self._waiting.append((event, now_text()))
            return
        with self._store.undisturbed() as db, self._lock:
            if policy is not None and policy is not self._policy:
                self._digest = keep_policy(db, json.dumps(policy.facts(), sort_keys=True))
                self._policy = policy
            self._write_waiting()
            number = add_event(db, event, now_text(), self._digest if policy is not None else None)
        _tell(number, event)

    def _write_waiting(self) -> None:
        with self._store.undisturbed() as db, self._lock:
            numbers = [add_event(db, event, time) for event, time in self._waiting]
            for number, (event, _) in zip(numbers, self._waiting, strict=True):
                _tell(number, event)
            self._waiting = []

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
                log.info("%s", anchor_line(head(db)))
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
            # Rules that no event names any more went, too: the next decision has its own kept again.
            self._policy = None
        return gone
