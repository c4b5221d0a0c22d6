"""Keeps failed attempts and locks where a power cut cannot undo them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.core.lockout import Lockout
from doorctl.errors import StoreError
from doorctl.store import lockouts
from doorctl.store.database import Store

log = logging.getLogger(__name__)

KEEP_SECONDS = 10.0
"""While the door is locked down it is written so often: a power cut makes it longer by that at most."""

REMEMBER_SECONDS = 300.0
"""The same for how long failed attempts and locks are remembered, which makes the next one longer."""


def _counted(lockout: Lockout) -> tuple[object, ...]:
    """What must be on the disk at once when it changes."""
    attempts = (lockout.failures, lockout.spoofs, lockout.suspects)
    return (*attempts, lockout.locks, lockout.until, lockout.down, lockout.ordered)


class Lockouts:
    """Writes down what is counted against the door, as far as it has changed.

    Args:
        store: where it is kept.

    Raises:
        StoreError: it cannot be read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: tuple[object, ...] | None = None
        self._written_at = 0.0
        with store.reading() as db:
            self._cleared = lockouts.times_cleared(db)

    def before(self, at: float) -> Lockout:
        """What was written down before the door was started.

        Raises:
            StoreError: it cannot be read.
        """
        with self._store.reading() as db:
            found = lockouts.kept(db, at)
        self._written, self._written_at = _counted(found), at
        return found

    def keep(self, lockout: Lockout, at: float) -> None:
        """Called after every decision; costs next to nothing where nothing has changed.

        Raises:
            StoreError: it cannot be written. A door that cannot count must not go on.
        """
        counted, since = _counted(lockout), at - self._written_at
        if counted == self._written:
            remembered = bool(lockout.failures or lockout.locks)
            if since < (KEEP_SECONDS if at < lockout.until else REMEMBER_SECONDS) or not remembered:
                return
            try:
                self._write(lockout, at)
            except StoreError as error:  # only ages have changed: they are written another time
                log.warning("how long a lock still lasts is not kept now: %s", error)
                self._written_at = at
        else:
            self._write(lockout, at)

    def _write(self, lockout: Lockout, at: float) -> None:
        with self._store.undisturbed() as db:
            lockouts.keep(db, lockout, at)
        self._written, self._written_at = _counted(lockout), at

    def was_cleared(self) -> bool:
        """Whether an operator has ended every lock since this was last asked."""
        with self._store.reading() as db:
            before, self._cleared = self._cleared, lockouts.times_cleared(db)
        return self._cleared != before


@dataclass(frozen=True, slots=True)
class Status:
    """What was last written down: at most ``KEEP_SECONDS`` old while a door runs."""

    locked_down: bool
    remaining_seconds: float
    until_cleared: bool
    failed_attempts: int
    pictures: int
    challenged: tuple[str, ...]
    """Names of the people who are asked for a challenge next time."""
    ordered: bool = False
    """Whether an operator has locked the door down, whatever was attempted."""

    def describe(self) -> str:
        """In words."""
        if self.until_cleared:
            first = "locked down until 'doorctl lockouts clear'"
        elif self.locked_down:
            first = f"locked down for {self.remaining_seconds:.0f} s more"
        else:
            first = "no lockdown"
        ordered = "locked down by an operator's word, until 'doorctl lockdown off'" if self.ordered else ""
        counts = f"failed attempts lately: {self.failed_attempts}, of these pictures: {self.pictures}"
        asked = f"asked for a challenge next time: {', '.join(self.challenged)}" if self.challenged else ""
        return "\n".join(filter(None, (ordered, first, counts, asked)))


def status(settings: Settings) -> Status:
    """What is held against the door.

    Raises:
        StoreError: there is no store, or it cannot be read.
    """
    with open_store(settings, create=False) as store, store.reading() as db:
        found, names = lockouts.kept(db, 0.0), lockouts.suspects(db)
    until_cleared = settings.config.lockout.until_cleared and found.down
    remaining = max(0.0, found.until)
    return Status(
        remaining > 0 or until_cleared,
        round(remaining, 1),
        until_cleared,
        len(found.failures),
        len(found.spoofs),
        tuple(names),
        found.ordered,
    )


def end_all(settings: Settings) -> None:
    """End every lock.

    Raises:
        StoreError: there is no store, or it cannot be written.
    """
    with open_store(settings, create=False) as store, store.undisturbed() as db:
        lockouts.clear(db)
