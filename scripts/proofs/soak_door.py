"""The drill's daemon, seen from outside: its events, its log, its pin, and what it takes of the machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from doorctl.app.control_client import ask
from doorctl.app.control_wire import ClearLocks, Request
from doorctl.core.decision import EventKind
from doorctl.core.records import Reason
from doorctl.errors import DoorctlError
from doorctl.gpio.simulated import read_transitions
from doorctl.store.events import read_events
from doorctl.store.records import StoredEvent
from doorctl.store.verify import looking
from scripts.proofs.pulses import PIN
from scripts.proofs.soak_place import Place
from scripts.proofs.supervisor import Life, Supervisor, Unit

UNIT = Unit(timeout_start_sec=150.0)
"""Else as the unit has it, too."""
LOOK_SECONDS, WEIGH_SECONDS = 0.2, 2.0
"""How often new events are looked for, and memory is measured."""
PAUSES = "of its start: the next is in"
"""What a daemon says that has died young too often, and waits; followed by for how long."""
HURRY_SECONDS = 10.0
DOUBTED = (Reason.CHALLENGE_FAILED, Reason.LIVENESS_UNSURE, Reason.SPOOF)
"""After a refusal for one of these a known person has to do what the door asks: the drill's cannot."""


class NotTold(Exception):  # noqa: N818 - what is raised is a finding
    """Something that should have been told was not, in good time."""


@dataclass(frozen=True)
class Snapshot:
    """What the daemon has open."""

    threads: int
    files: Counter[str]

    def differs(self, other: Snapshot) -> str:
        """In what, in words; empty if in nothing."""
        more = [f"+{n} {name}" for name, n in (self.files - other.files).items()]
        less = [f"-{n} {name}" for name, n in (other.files - self.files).items()]
        threads = [f"{self.threads - other.threads:+} threads"] if self.threads != other.threads else []
        return ", ".join([*threads, *more, *less])


@dataclass(frozen=True)
class Weight:
    """Memory of one life at a moment."""

    life: int
    at: float
    """Of ``time.monotonic``."""
    age: float
    """Seconds since it was ready."""
    megabytes: float
    """Resident."""


class Door:
    """Runs the daemon under the supervisor, and looks on.

    An operator sits beside it: whenever a known person was doubted to be alive, the locks are cleared.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.weights: list[Weight] = []
        self.events: list[StoredEvent] = []
        self.cleared = 0
        """How often the operator had to clear."""
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        run, lock = place.command("run", shifted=True), place.command("lock")
        self._supervisor = Supervisor(run, lock, place.root, UNIT)
        self._thread = threading.Thread(target=self._watch, name="watch")

    def __enter__(self) -> Self:
        self._supervisor.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *what: object) -> None:
        self._supervisor.__exit__(*what)
        self._stopping.set()
        self._thread.join()
        self._read()

    @property
    def lives(self) -> list[Life]:
        return self._supervisor.lives

    @property
    def log(self) -> Path:
        return self._supervisor.log

    @property
    def marks(self) -> tuple[int, int, int]:
        """Where events, log and lives are now: what comes later is news."""
        with self._changed:
            last = self.events[-1].id if self.events else 0
        return last, self.log.stat().st_size, len(self.lives) - 1

    def ask(self, request: Request) -> str:
        """Have the daemon do something; what it says.

        Raises:
            DoorctlError: it does not.
        """
        return "; ".join(ask(self.place.run, request).get("said", ()))

    def life(self, number: int, *, over: bool = False, seconds: float = 120.0) -> Life:
        """That life, once it is ready, or over.

        Raises:
            NotTold: it is not in that time.
        """
        try:
            return self._supervisor.wait(number, over=over, seconds=seconds)
        except RuntimeError as why:
            raise NotTold(str(why).splitlines()[0]) from why

    def told(
        self,
        kind: EventKind,
        after: int,
        seconds: float,
        fits: Callable[[StoredEvent], bool] = lambda event: True,
    ) -> StoredEvent:
        """The first event of that kind that comes after one of a number.

        Raises:
            NotTold: none is in the store within that time.
        """

        def first() -> StoredEvent | None:
            news = (event for event in self.events if event.id > after and event.kind == kind)
            return next((event for event in news if fits(event)), None)

        with self._changed:
            if self._changed.wait_for(lambda: first() is not None, seconds) and (found := first()):
                return found
        raise NotTold(f"no event {kind} within {seconds:g} s")

    def logged(self, words: str, offset: int, seconds: float) -> str:
        """The first line of the log from that place on that holds these words.

        Raises:
            NotTold: none does within that time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self.log.open(errors="replace") as file:
                file.seek(offset)
                if line := next((line for line in file if words in line), ""):
                    return line.strip()
            time.sleep(LOOK_SECONDS)
        raise NotTold(f"the log does not say '{words}' within {seconds:g} s")

    def hurry(self) -> None:
        """Whoever has mended something does not wait for the daemon's next try: SIGHUP ends its pause."""
        end = time.monotonic() + HURRY_SECONDS
        while time.monotonic() < end:
            life = self.lives[-1]
            last = self.log.read_text(errors="replace").rpartition("\n")[0].rpartition("\n")[2]
            _, pauses, seconds = last.partition(PAUSES)
            passed = time.time() - self.log.stat().st_mtime
            # Not at the very end: before a daemon runs, the signal would end it.
            if pauses and life.ended is None and passed < float(seconds.split()[0]) - 1.0:
                time.sleep(LOOK_SECONDS)
                os.kill(life.pid, signal.SIGHUP)
            if pauses or (life.ready is not None and life.ended is None):
                return
            time.sleep(LOOK_SECONDS)

    def level(self) -> int | None:
        """What the relay's pin was told last."""
        return next(
            (step.level for step in reversed(read_transitions(self.place.pins)) if step.pin == PIN), None
        )

    def snapshot(self) -> Snapshot:
        """What it has open now; nothing while it does not run."""
        process = Path("/proc", str(self.lives[-1].pid))
        files = Counter[str]()
        try:
            for number in (process / "fd").iterdir():
                with suppress(OSError):
                    name = str(number.readlink())
                    files[name.partition(":[")[0].removeprefix(f"{self.place.root}/")] += 1
            return Snapshot(len(list((process / "task").iterdir())), files)
        except OSError:
            return Snapshot(0, files)

    def _watch(self) -> None:
        weighed = 0.0
        while not self._stopping.wait(LOOK_SECONDS):
            news = self._read()
            doubted = (event.kind == EventKind.ACCESS_DENIED and event.reason in DOUBTED for event in news)
            if any(doubted):
                with suppress(DoorctlError):
                    self.ask(ClearLocks())
                    self.cleared += 1
            if time.monotonic() - weighed >= WEIGH_SECONDS:
                weighed = time.monotonic()
                self._weigh()

    def _read(self) -> list[StoredEvent]:
        """Take up new events."""
        news: list[StoredEvent] = []
        with suppress(DoorctlError), looking(self.place.store) as db:
            news = list(read_events(db, None, None, None, self.events[-1].id if self.events else 0))
        if news:
            with self._changed:
                self.events += news
                self._changed.notify_all()
        return news

    def _weigh(self) -> None:
        number = len(self.lives) - 1
        life = self.lives[number] if number >= 0 else None
        if life is None or life.ready is None or life.ended is not None:
            return
        with suppress(OSError, ValueError, IndexError):  # it may just have ended
            status = Path(f"/proc/{life.pid}/status").read_text()
            kilobytes = int(status.partition("VmRSS:")[2].split()[0])
            now = time.monotonic()
            self.weights.append(Weight(number, now, now - life.ready, kilobytes / 1024))
