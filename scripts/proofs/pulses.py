"""Kill the daemon at random moments of a pulse, and measure from the pin's own record how long it was on.

The daemon runs in simulation before an enrolled person who is let in again and again, under a supervisor
that does what systemd would. At a random moment after the pin's rising edge the daemon is killed (SIGKILL,
SIGSEGV, SIGTERM), frozen (SIGSTOP), or its frame loop is made to hang: every picture of its clip becomes a
named pipe, and the loop waits for ever in the kernel for the next. The pin's record outlives them all. What
is asked of it: no pulse longer than ``open_seconds`` + 1 s, whatever was killed when; a frozen or hanging
daemon ended, the door locked, within the watchdog's time + 1 s; no pulse without its event in the store.

    scripts/prove pulses [KILLS]
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum
from math import inf
from pathlib import Path
from typing import BinaryIO

import cv2

from doorctl.app.enrolment import only_face, photo_to_template
from doorctl.app.settings import Settings
from doorctl.app.wiring import open_eye
from doorctl.core.decision import EventKind
from doorctl.demo.clips import Walk, walk_up
from doorctl.demo.portraits import fetch_portraits
from doorctl.demo.show import ENROLLED
from doorctl.gpio.simulated import Transition, read_transitions
from doorctl.store.database import Store
from doorctl.store.records import StoredEvent
from doorctl.vision.photo import read_photo
from scripts.proofs.supervisor import Life, Supervisor, Unit
from scripts.proofs.table import Row, show, spread

PIN = 17
OPEN_SECONDS = 1.0
GRACE_SECONDS = 1.0
"""How much longer than it was ordered a pulse may be: the time to see a death and to run ``doorctl lock``."""
LATENCY_SECONDS = 1.0
"""``door.max_latency_seconds``, its default: from the picture, whose time the event bears, to the release."""
CAUSES = (EventKind.ACCESS_GRANTED, EventKind.UNLOCKED)
STAY = Walk(far=0.30, approach_seconds=0.2, stay_seconds=4.0, away_seconds=0.0)
"""The person is near from the first picture on and never leaves."""

# A release while one runs would lengthen it, and the record could not tell by how much: regrant is longer.
CONFIG = """\
camera: {{source: "{frames}", loop: true, fps: 15}}
gpio: {{pins: simulated, relay_pin: {pin}}}
liveness: {{mode: off, i_understand_photos_open_this_door: true}}
door: {{open_seconds: {seconds}, regrant_seconds: 1.2, max_latency_seconds: {latency}}}
"""


class Way(Enum):
    """How the daemon is disturbed."""

    KILL = "SIGKILL"
    CRASH = "SIGSEGV"
    STOP = "SIGTERM"
    FREEZE = "SIGSTOP"
    HANG = "hanging loop"


WATCHED = (Way.FREEZE, Way.HANG)
"""Nothing ends these but the watchdog."""


@dataclass(frozen=True)
class Pulse:
    """From a rising edge of the pin to the next fall, whichever process wrote either."""

    on: Transition
    off: Transition | None
    """``None``: it was never locked again."""

    @property
    def seconds(self) -> float:
        return self.off.at - self.on.at if self.off else inf


@dataclass(frozen=True)
class Blow:
    """One disturbance and the life that it ended."""

    way: Way
    at: float
    life: Life
    pulse: Pulse
    """The one that was waited for."""

    @property
    def was_on(self) -> bool:
        return self.pulse.off is None or self.at < self.pulse.off.at

    @property
    def to_locked(self) -> float:
        """Seconds for which the pin was on after the blow."""
        return self.pulse.on.at + self.pulse.seconds - self.at


@dataclass(frozen=True)
class Record:
    """All that there is to judge by."""

    unit: Unit
    blows: Sequence[Blow]
    lives: Sequence[Life]
    transitions: Sequence[Transition]
    events: Sequence[StoredEvent]


def pulses_of(transitions: Sequence[Transition]) -> list[Pulse]:
    """Every time that the pin was energised, over all processes."""
    pulses = []
    on: Transition | None = None
    for step in transitions:
        energised = step.pin == PIN and step.function == "output" and step.level == 1
        if energised and on is None:
            on = step
        elif on is not None and step.pin == PIN and not energised:
            pulses.append(Pulse(on, step))
            on = None
    return [*pulses, Pulse(on, None)] if on else pulses


def without_event(pulses: Sequence[Pulse], events: Sequence[StoredEvent]) -> list[Pulse]:
    """Pulses before which no event of their own, of a kind that releases, is in the store."""
    causes = [event.at for event in events if event.kind in CAUSES and event.at is not None]
    lacking = []
    for pulse in pulses:
        own = [at for at in causes if 0.0 <= pulse.on.at - at <= LATENCY_SECONDS]
        lacking += [] if own else [pulse]
        causes = [at for at in causes if at not in own[:1]]
    return lacking


def judge(record: Record) -> list[Row]:
    """The table: what was done, what came of it, and whether that is what is promised."""
    pulses, blows = pulses_of(record.transitions), record.blows
    ended = [life for life in record.lives if life.ended is not None]
    rows: list[Row] = []
    for way in Way:
        if of := [blow for blow in blows if blow.way is way]:
            rows += _of_way(way, of, record.unit.watchdog_sec + GRACE_SECONDS)
    # A process that is frozen altogether cannot lock; the watchdog's time bounds it, above.
    frozen = [blow.pulse.on for blow in blows if blow.way is Way.FREEZE]
    lengths = [pulse.seconds for pulse in pulses if pulse.on not in frozen]
    rows.append(_times("longest pulse, frozen ones apart", lengths, OPEN_SECONDS + GRACE_SECONDS))
    left = sum(pulse.off is None for pulse in pulses)
    rows.append(Row("pulses", f"{len(pulses)}, {left} never locked", "none never locked", not left))
    rows.append(_count("releases without an event before them", len(without_event(pulses, record.events)), 0))
    restarts = sum(life.ready is not None for life in record.lives) - 1
    rows.append(_count("restarted and ready again", restarts, len(blows)))
    bitten, watched = (life.why == "watchdog" for life in ended), (blow.way in WATCHED for blow in blows)
    rows.append(_count("ended by the watchdog", sum(bitten), sum(watched)))
    locked = [life for life in ended if life.stop_post_status == 0]
    rows.append(_count("ends followed by 'doorctl lock', which worked", len(locked), len(ended)))
    took = [life.over - life.ended for life in locked if life.over and life.ended]
    return [*rows, _times("'doorctl lock' took", took)]


def _of_way(way: Way, blows: Sequence[Blow], patience: float) -> Iterator[Row]:
    on = [blow for blow in blows if blow.was_on]
    yield Row(f"{way.value}: times", f"{len(blows)}, {len(on)} while on", "at least 1 while on", bool(on))
    yield _times(f"{way.value}: to locked", [b.to_locked for b in on], patience if way in WATCHED else None)
    if way in WATCHED:
        ends = [(blow.life.ended or inf) - blow.at for blow in blows]
        yield _times(f"{way.value}: to the end of the process", ends, patience)
    if way is Way.HANG:
        own = sum(b.pulse.off is not None and b.pulse.off.pid == b.pulse.on.pid for b in blows)
        yield _count(f"{way.value}: pulses ended by the relay's own timer", own, len(blows))


def _times(what: str, seconds: list[float], limit: float | None = None) -> Row:
    good = limit is None or max(seconds, default=0.0) <= limit
    target = "" if limit is None else f"at most {limit:g} s"
    return Row(what, spread(seconds) if seconds else "-", target, good)


def _count(what: str, found: int, target: int) -> Row:
    return Row(what, str(found), str(target), found == target)


def prepare(data: Path) -> Path:
    """Make a data directory: one person enrolled, pictures of them at the door, and a configuration."""
    data.mkdir(parents=True, exist_ok=True)
    eye = open_eye(Settings.find(None, data))
    photo = fetch_portraits(data / "portraits")[ENROLLED]
    with Store(data) as store:
        store.enrol(ENROLLED, [photo_to_template(eye, photo)])
    image, frames = read_photo(photo), data / "frames"
    frames.mkdir()
    for number, frame in enumerate(walk_up(image, only_face(eye, image, photo.name).box, STAY, seed=0)):
        cv2.imwrite(str(frames / f"{number:03}.jpg"), frame)
    values = {"frames": frames, "pin": PIN, "seconds": OPEN_SECONDS, "latency": LATENCY_SECONDS}
    (data / "doorctl.yaml").write_text(CONFIG.format(**values))
    return data


@contextmanager
def blocked(frames: Path) -> Iterator[None]:
    """Named pipes in the place of all pictures, to which nobody ever writes: opening one does not return."""
    with tempfile.TemporaryDirectory(dir=frames.parent) as directory:
        pictures, kept = sorted(frames.iterdir()), Path(directory)
        for picture in pictures:
            os.link(picture, kept / picture.name)
            os.mkfifo(kept / "pipe")
            (kept / "pipe").replace(picture)
        try:
            yield
        finally:
            for picture in pictures:
                (kept / picture.name).replace(picture)


def rising(lines: BinaryIO, pid: int, seconds: float = 60.0) -> Transition:
    """The next edge that this process writes to the pins' file, whose lines are read as they come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if line := lines.readline():  # whole, for it is written at one go
            step = Transition(**json.loads(line))
            if (step.pid, step.pin, step.level) == (pid, PIN, 1):
                return step
        else:
            time.sleep(0.005)
    raise RuntimeError(f"nobody was let in for {seconds:g} s")


def strike_all(
    data: Path,
    blows: Sequence[tuple[Way, float]],
    unit: Unit,
    *,
    locks: bool = True,
    tell: Callable[[int, Blow], None] = lambda number, blow: None,
) -> Record:
    """Start the supervisor and disturb each life once, in mid-pulse.

    Args:
        blows: how, and at what part of the pulse, 0 to 1.
        locks: whether ``doorctl lock`` is run after each life.
    """
    command = [sys.executable, "-m", "doorctl", "--data", str(data)]
    file, given = Settings.find(None, data).pin_file, list[Blow]()
    file.touch()
    run, lock = [*command, "run"], [*command, "lock"] if locks else []
    with file.open("rb") as lines, Supervisor(run, lock, data, unit) as supervisor:
        for number, (way, part) in enumerate(blows):
            life = supervisor.wait(number)
            on = rising(lines, life.pid)
            time.sleep(max(0.0, on.at + part * OPEN_SECONDS - time.monotonic()))
            at = time.monotonic()
            with blocked(data / "frames") if way is Way.HANG else nullcontext():
                if way is not Way.HANG:
                    os.kill(life.pid, signal.Signals[way.value])
                supervisor.wait(number, over=True)
            pulse = next(pulse for pulse in pulses_of(read_transitions(file)) if pulse.on == on)
            given.append(Blow(way, at, life, pulse))
            tell(number, given[-1])
        supervisor.wait(len(blows))
    with Store(data, create=False) as store:
        store.check()
        return Record(unit, given, supervisor.lives, read_transitions(file), store.events())


def _tell(number: int, blow: Blow) -> None:
    print(
        f"{number + 1:4}  {blow.way.value:<12}  {blow.at - blow.pulse.on.at:5.2f} s into the pulse  "
        f"{f'locked after {blow.to_locked:5.2f} s' if blow.was_on else 'was locked          '}  "
        f"pulse {blow.pulse.seconds:5.2f} s",
        flush=True,
    )


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(10**6)))
    print(f"{kills} kills, seed {seed} (SEED={seed} repeats their moments)", flush=True)
    moments, few = random.Random(seed), max(1, kills // 20)
    ways = [Way.KILL] * kills + [way for way in Way if way is not Way.KILL for _ in range(few)]
    moments.shuffle(ways)
    with tempfile.TemporaryDirectory() as directory:
        data = prepare(Path(directory) / "door")
        record = strike_all(data, [(way, moments.random()) for way in ways], Unit(), tell=_tell)
    return 0 if show(judge(record)) else 1


if __name__ == "__main__":
    sys.exit(main())
