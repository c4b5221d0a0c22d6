"""One drill as it goes: the door, its camera, its visitors and its photos, and how a door is seen to work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from doorctl.app.control_wire import Unlock
from doorctl.core.decision import EventKind
from doorctl.errors import DoorctlError
from doorctl.gpio.simulated import read_transitions
from doorctl.store.records import StoredEvent
from scripts.proofs import places
from scripts.proofs.pulses import GRACE_SECONDS, pulses_of
from scripts.proofs.soak_camera import NetworkCamera
from scripts.proofs.soak_door import Door, NotTold, Snapshot
from scripts.proofs.soak_place import Place
from scripts.proofs.soak_visitors import Kind, Visitors

AGAIN_SECONDS = 10.0
"""After so long without a grant another known person comes."""
WORKS_SECONDS = 150.0
"""So long after a fault is over somebody must have been let in."""
QUIET_SECONDS = 10.0
"""Within so long of that the daemon must have open what it had before."""
UNLOCK_SECONDS = 1.0


@dataclass(frozen=True)
class Done:
    """A fault that came."""

    name: str
    at: float
    """When, of ``time.monotonic``."""
    mended: float
    """When it was undone, and had been told."""
    works: float | None
    """When somebody was let in again."""
    words: str
    lives: tuple[int, int]
    """Before and after."""
    ends: bool
    blinds: bool
    wrong: tuple[str, ...]


@dataclass
class Drill:
    """Everything that a fault can get at."""

    place: Place
    door: Door
    camera: NetworkCamera
    visitors: Visitors
    photos: places.Place
    photo_faults: dict[str, Callable[[], AbstractContextManager[None]]]
    """Ways in which the photos cannot be reached, while the context lasts."""
    photo: Path
    nets: Sequence[str]
    """Names of the models' files."""
    draw: Random
    open_seconds: float
    ahead: float = 0.0
    """Seconds by which the daemon's clock is ahead of this machine's."""
    usual: Snapshot | None = None
    """What the daemon has open when nothing happens."""
    unlocked: list[float] = field(default_factory=list)
    """When an operator has unlocked the door."""

    def unlock(self) -> None:
        """An operator's order, which may have to be given again in a crowd.

        Raises:
            NotTold: it is not obeyed.
        """
        why: DoorctlError | None = None
        for _ in range(5):
            try:
                self.door.ask(Unlock(seconds=UNLOCK_SECONDS))
            except DoorctlError as error:
                why = error
            else:
                self.unlocked.append(time.monotonic())
                return
        raise NotTold(f"an operator was not obeyed: {why}")

    def recover(self) -> StoredEvent:
        """Wait until a known person is let in, for as long as it is configured.

        Returns:
            the event of it.

        Raises:
            NotTold: nobody is, or the pulse is too short or too long.
        """
        after, _, _ = self.door.marks
        end = time.monotonic() + WORKS_SECONDS
        while True:
            self.visitors.call(Kind.KNOWN)
            try:
                granted = self.door.told(EventKind.ACCESS_GRANTED, after, AGAIN_SECONDS)
                break
            except NotTold:
                if time.monotonic() > end:
                    raise NotTold(f"nobody was let in for {WORKS_SECONDS:g} s") from None
        self._pulse(granted)
        return granted

    def _pulse(self, granted: StoredEvent) -> None:
        """See the pulse of a grant end."""
        end = time.monotonic() + self.open_seconds + 5.0
        while time.monotonic() < end:
            pulses = pulses_of(read_transitions(self.place.pins))
            own = next((pulse for pulse in pulses if granted.at and pulse.on.at >= granted.at), None)
            if own and own.off:
                least, most = self.open_seconds - 0.05, self.open_seconds + GRACE_SECONDS
                if not least <= own.seconds <= most:
                    raise NotTold(f"a pulse of {own.seconds:.2f} s instead of {self.open_seconds:g} s")
                return
            time.sleep(0.05)
        raise NotTold(f"event {granted.id} released nothing, or for too long")

    def strange(self) -> str:
        """In what the daemon has other things open than usual, once it is quiet; empty if in nothing."""
        end = time.monotonic() + QUIET_SECONDS
        while True:
            now = self.door.snapshot()
            if self.usual is None:
                self.usual = now
            differs = now.differs(self.usual)
            if not differs or time.monotonic() > end:
                return differs
            time.sleep(0.2)
