"""Count what a door writes to its disk: in an idle hour, and in hours with 200 presentations.

Memory cards wear by what is written. The parts are the daemon's own: loop, rules, relay, store, audit chain,
retention, locks; the camera and the nets, which write nothing, are left out, and time is compressed: the
hour's 54,000 frames are values. What is counted is ``write_bytes`` of /proc/PID/io (proc_pid_io(5)): what
this process caused to be sent to the storage layer, in whole pages of memory, the database's own journal
and its checkpoint included. The database's index in shared memory is a file, too, which the kernel writes
when it has been changed for 30 seconds (vm.dirty_expire_centisecs): here it is made to. What goes to journald
is told apart.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

import numpy as np
from gpiozero.pins.mock import MockFactory

from doorctl.app.audit import Audit
from doorctl.app.clock import ClockWatch
from doorctl.app.lockouts import Lockouts
from doorctl.app.wiring import relay_event
from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Input, Line, Switched
from doorctl.core.liveness import LivenessMode
from doorctl.core.passage import PassageRules
from doorctl.core.policy import Policy
from doorctl.core.records import Ask, Frame, Gate, Observation, Person
from doorctl.core.state import Door
from doorctl.daemon import Daemon
from doorctl.gpio.relay import Relay
from doorctl.gpio.timer import SimulatedTimer
from doorctl.sections import AuditConfig
from doorctl.store.database import Store
from doorctl.store.events import add_event
from doorctl.store.rows import now_text
from tests.core.visitors import seen

FPS, HOUR = 15, 3600.0
PEOPLE = 25
VISITS = 200
AN_HOUR = 610
"""Events of an hour with so many presentations."""
IDLE_LIMIT, BUSY_LIMIT = 1_000_000, 5_000_000
POLICY = Policy(
    threshold=0.8,
    margin=0.08,
    lookalike_margin=0.16,
    liveness=LivenessMode.ADAPTIVE,
    passage=PassageRules(contact=True),
)
KINDS = ("known",) * 14 + ("stranger",) * 3 + ("denied", "picture", "passer-by")
"""Of twenty visits: fourteen let in, three strangers, somebody denied, a picture, one who only walks past."""


@dataclass(frozen=True)
class Visit:
    """Somebody before the camera, from ``begin`` to ``end`` seconds."""

    kind: str
    person: Person
    begin: float
    end: float

    def look(self, at: float) -> Observation:
        """One frame of it."""
        match self.kind:
            case "known":
                return seen(at, self.person)
            case "stranger":
                return seen(at, self.person, score=0.4)
            case "denied":
                return seen(at, replace(self.person, denied=True))
            case "picture":
                return seen(at, self.person, live=0.001)
            case _:
                return seen(at, self.person, score=0.4, yaw=70.0)


def visits(count: int) -> list[Visit]:
    """An hour's, evenly spread; each lasts four seconds, a passer-by's one."""
    made = []
    for i in range(count):
        kind = KINDS[i % len(KINDS)]
        begin = 5.0 + i * (HOUR - 10) / count
        # Of whom a picture was shown, more is asked the next time: somebody who never comes.
        person = Person(PEOPLE, "Person") if kind == "picture" else Person(1 + i % (PEOPLE - 1), "Person")
        made.append(Visit(kind, person, begin, begin + (1.0 if kind == "passer-by" else 4.0)))
    return made


class Hour:
    """What the camera shows, and the nets say, of an hour."""

    def __init__(self, count: int) -> None:
        self._visits = visits(count)

    def observe(self, frame: Frame, ask: Ask) -> Observation:
        while self._visits and frame.at > self._visits[0].end:
            self._visits.pop(0)
        if self._visits and frame.at >= self._visits[0].begin:
            return self._visits[0].look(frame.at)
        return Observation(frame.at, frame.at, Gate.NO_FACE)


class Leaf:
    """The door's contact: everybody who is let in opens the door, and closes it behind them."""

    def __init__(self, timer: SimulatedTimer) -> None:
        self._timer = timer
        self._coming: list[Switched] = []

    def watch(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        if decision.release is not None:
            at = self._timer.now()
            self._coming += [Switched(at + after, Line.CONTACT, after < 2) for after in (1.0, 2.5)]

    def told(self) -> list[Input]:
        now = self._timer.now()
        due: list[Input] = [fact for fact in self._coming if fact.at <= now]
        self._coming = [fact for fact in self._coming if fact.at > now]
        return due


def written() -> int:
    """Bytes that this process has caused to be written to a disk."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["write_bytes"])


def play(directory: Path, count: int, full: int) -> dict[str, object]:
    """One hour; what it wrote, with what happened in it.

    Args:
        directory: on a disk.
        count: how many presentations.
        full: how many events are kept at most, and are there at the beginning; 0 for a new door.
    """
    timer, said = SimulatedTimer(), io.StringIO()
    logging.getLogger("doorctl").addHandler(logging.StreamHandler(said))
    logging.getLogger("doorctl").setLevel(logging.INFO)
    config = AuditConfig(max_events=full or 200_000)
    with ExitStack() as stack:
        store = stack.enter_context(Store(directory))
        with store.undisturbed() as db:
            people = [(f"Person {i}", f"person {i}", "2026-01-01T00:00:00.000Z") for i in range(PEOPLE)]
            db.executemany("INSERT INTO people (name, key, created) VALUES (?, ?, ?)", people)
        fill(store, full + AN_HOUR * bool(full))  # an hour's events too many: so many go as come
        # The machine's clock, for the chain's times, is left alone; the hour's is the timer's.
        audit = Audit(store, config, timer.now, ClockWatch(timer.now, timer.now), trusted=lambda: True)
        lockouts = Lockouts(store)
        relay = stack.enter_context(
            Relay(MockFactory(), 17, active_high=True, timer=timer,
                  on_change=lambda on, at: audit.record(relay_event(on, at)))
        )  # fmt: skip
        door = Leaf(timer)
        daemon = Daemon(
            observer=Hour(count),
            strike=relay,
            policy=POLICY,
            record=lambda event: audit.record(event, daemon.policy),
            whole=audit.whole,
            now=timer.now,
            before=audit.turn,
            door=Door(lockout=lockouts.before(0.0)),
            keep=lockouts.keep,
            inputs=door.told,
            watch=door.watch,
        )
        index = os.open(f"{store.path}-shm", os.O_RDWR)
        stack.callback(os.close, index)
        store.clear_traces()
        os.fsync(index)
        before, last = written(), store.events(limit=1)
        daemon.run(frames(timer, flush=lambda: os.fsync(index)))
        store.clear_traces()
        bytes_written = written() - before
        told = Counter(event.kind for event in store.events(after_id=last[0].id if last else 0))
    return {"bytes": bytes_written, "journal": len(said.getvalue().encode()), "events": dict(told)}


def frames(timer: SimulatedTimer, flush: Callable[[], object]) -> Iterator[Frame]:
    """The hour's pictures, empty ones; ``flush`` is called every 30 seconds of it."""
    nothing = np.empty((0, 0, 3), np.uint8)
    for number in range(int(HOUR * FPS)):
        timer.advance(number / FPS)
        if number % (30 * FPS) == 0:
            flush()
        yield Frame(nothing, number / FPS, number)


def fill(store: Store, full: int) -> None:
    """A door that has been there for long: as many events as are kept."""
    with store.undisturbed() as db:
        for i in range(full):
            person = Person(1 + i % PEOPLE, "")
            event = Event(
                EventKind.ACCESS_GRANTED, float(i), person, score=0.9, margin=0.3, detail="nets 0.99"
            )
            add_event(db, event, now_text(), "0" * 32)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove writes", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".cache"), help="a directory on a disk")
    parser.add_argument("--one", nargs=2, type=int, metavar=("VISITS", "FULL"), help="play one hour, as JSON")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(play(asked.dir, *asked.one)))
        return 0
    asked.dir.mkdir(exist_ok=True)
    kind = subprocess.run(["stat", "-f", "-c", "%T", asked.dir], capture_output=True, text=True, check=True)
    if kind.stdout.strip() in ("tmpfs", "ramfs"):
        print(f"{asked.dir} is in memory: name a directory on a disk with --dir")
        return 2
    print(f"file system of {asked.dir}: {kind.stdout.strip()}")
    missed = 0
    for name, count, full, limit in (
        ("an idle hour", 0, 0, IDLE_LIMIT),
        (f"an hour with {VISITS} presentations", VISITS, 0, BUSY_LIMIT),
        # Of one that is full, and erases as many events as it gains, told for comparison.
        ("the same, while as many old events are erased", VISITS, 20_000, inf),
    ):
        with tempfile.TemporaryDirectory(dir=asked.dir) as directory:
            one = ["--dir", directory, "--one", str(count), str(full)]
            command = [sys.executable, "-m", "scripts.proofs.writes", *one]
            played = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(played.stdout)
        missed += found["bytes"] > limit
        verdict = "within" if found["bytes"] <= limit else "MORE than"
        bound = f", {verdict} {limit:,}" if limit < inf else ""
        print(f"{name}: {found['bytes']:,} bytes{bound}; to the journal {found['journal']:,}")
        print(f"    {', '.join(f'{kind} {n}' for kind, n in sorted(found['events'].items())) or 'no event'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
