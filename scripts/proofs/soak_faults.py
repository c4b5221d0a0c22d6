"""What goes wrong in the drill, each thing by itself: done, seen to be told, and undone.

A fault's words say what told of it. Where an event can tell, it has to be an event; a configuration that is
refused, a model that is damaged and a disk that is full are told by the log alone: the first changes nothing,
the second keeps the daemon from starting, and of the third no event can be written.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from doorctl.app.control_socket import connected
from doorctl.app.control_wire import Reload, SyncNow
from doorctl.core.decision import EventKind
from doorctl.errors import ConfigError, DoorctlError, ModelError, StoreError
from scripts.proofs.soak_camera import State
from scripts.proofs.soak_door import DOUBTED, NotTold
from scripts.proofs.soak_drill import Drill
from scripts.proofs.soak_visitors import Kind

ROOT = Path(__file__).resolve().parents[2]
SOON, LATER = 20.0, 120.0
"""Seconds within which something must be told; a start takes its time, and may have to wait for its turn."""
OPEN_SECONDS = (0.4, 1.8)
"""Pulses that can be told from one another."""
DAMAGE = 4096
"""Bytes of a model that are spoilt."""
MESSAGES = (40, 120)
"""Of hostile clients, at least and at most."""
WRONG = (
    "door: {open_secnds: 3}\n",
    "door: {open_seconds: 900}\n",
    "door: [1, 2\n",
    "liveness: {mode: off}\n",
    "match: {threshold: 0.1}\n\0",
    "- a\n- list\n",
)
"""What no door is to be run by."""


@dataclass(frozen=True)
class Fault:
    """One kind."""

    name: str
    act: Callable[[Drill], str]
    blinds: bool = False
    """Whether whoever comes meanwhile may be turned away, or not be seen."""
    ends: bool = False
    """Whether the daemon ends by it."""


def _camera(state: State, least: float, most: float) -> Callable[[Drill], str]:
    def act(drill: Drill) -> str:
        after, _, _ = drill.door.marks
        drill.camera.set(state)
        try:
            lost = drill.door.told(EventKind.CAMERA_LOST, after, SOON)
            time.sleep(drill.draw.uniform(least, most))
        finally:
            drill.camera.set(State.WELL)
        back = drill.door.told(EventKind.CAMERA_BACK, lost.id, 2 * SOON)
        return f"{lost.kind} ({lost.detail[:40]}), {back.kind}"

    return act


def folder_lost(drill: Drill) -> str:
    """The photos cannot be reached, for one of several reasons; an operator has the daemon look again."""
    after, _, _ = drill.door.marks
    name = drill.draw.choice(sorted(drill.photo_faults))
    with drill.photo_faults[name]():
        drill.door.ask(SyncNow())
        failed = drill.door.told(EventKind.SYNC_FAILED, after, SOON)
        time.sleep(drill.draw.uniform(0.0, 3.0))
    for patience in (2.0, 4.0, SOON):
        with suppress(DoorctlError):
            drill.door.ask(SyncNow())
        with suppress(NotTold):
            return f"{name}: {failed.kind}, {drill.door.told(EventKind.SYNC_BACK, failed.id, patience).kind}"
    raise NotTold(f"{name}: no event {EventKind.SYNC_BACK}")


def bad_photo(drill: Drill) -> str:
    """A photo that is none comes, and is taken away again."""
    after, offset, _ = drill.door.marks
    whole = drill.photo.read_bytes()
    mark = drill.draw.randbytes(8)
    spoilt = drill.draw.choice([whole[: len(whole) // 3] + mark, mark * 4000, b"GIF89a" + mark])
    name = f"Somebody-{drill.draw.randrange(10**6)}.jpg"
    drill.photos.put(name, spoilt)
    refused = drill.door.told(EventKind.PHOTO_REFUSED, after, 2 * SOON)
    drill.photos.delete(name)
    drill.door.logged("folder: gone: 1", offset, 2 * SOON)
    return f"{refused.kind}"


def disk_full(drill: Drill) -> str:
    """No event can be written: the daemon ends, locked, before it would release anybody."""
    with closing(sqlite3.connect(drill.place.database, timeout=5)) as db:
        # The journal may have room left within itself, and nothing would fail for minutes.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    after, offset, number = drill.door.marks
    with drill.place.full():
        drill.visitors.call(Kind.KNOWN)
        drill.door.logged("the disk is full", offset, 2 * SOON)
        life = drill.door.life(number, over=True)
        _ended(life.status, StoreError.exit_code)
        with suppress(NotTold):  # it tries again, and once more in vain
            drill.door.life(number + 1, over=True, seconds=drill.draw.uniform(2.0, 8.0))
        _locked(drill)
    drill.door.hurry()
    started = drill.door.told(EventKind.STARTED, after, LATER)
    return f"log: 'the disk is full', exit code {life.status}; {started.kind} with room again"


def clock_set(drill: Drill) -> str:
    """Somebody sets the clock, by three seconds or by hours."""
    after, _, _ = drill.door.marks
    by = drill.draw.choice([-1, 1]) * round(10 ** drill.draw.uniform(0.5, 5.0), 1)
    drill.ahead += by
    drill.place.set_clock(drill.ahead)

    def fits(told: str) -> bool:
        return abs(float(told.split()[0]) - by) < 1.5

    stepped = drill.door.told(EventKind.CLOCK_STEPPED, after, SOON, lambda event: fits(event.detail))
    return f"{stepped.kind} {stepped.detail}"


def reload_good(drill: Drill) -> str:
    """Pulses are to be longer, or shorter, from now on: ``Drill.recover`` sees to it that they are."""
    after, _, number = drill.door.marks
    drill.open_seconds = next(seconds for seconds in OPEN_SECONDS if seconds != drill.open_seconds)
    drill.place.configure(open_seconds=drill.open_seconds)
    if by_signal := drill.draw.random() < 0.5:
        os.kill(drill.door.lives[number].pid, signal.SIGHUP)
    else:
        drill.door.ask(Reload())
    told = drill.door.told(EventKind.RELOADED, after, SOON)
    return f"{told.kind}, {'by SIGHUP' if by_signal else 'by command'}: pulses of {drill.open_seconds:g} s"


def reload_bad(drill: Drill) -> str:
    """A configuration that cannot be used is refused, and said to be."""
    after, offset, number = drill.door.marks
    drill.place.config.write_text(drill.draw.choice(WRONG))
    answer = "by SIGHUP"
    try:
        if drill.draw.random() < 0.5:
            os.kill(drill.door.lives[number].pid, signal.SIGHUP)
        else:
            answer = _refusal(drill)
        drill.door.logged("the new configuration is not used, the old one stays", offset, SOON)
    finally:
        drill.place.configure()
    if any(event.kind == EventKind.RELOADED for event in drill.door.events if event.id > after):
        raise NotTold("a configuration that cannot be used was taken up")
    return f"log: 'the new configuration is not used', {answer}"


def _refusal(drill: Drill) -> str:
    try:
        said = drill.door.ask(Reload())
    except DoorctlError as error:
        if error.exit_code != ConfigError.exit_code:
            raise
        return f"by command: exit code {error.exit_code}"
    raise NotTold(f"a wrong configuration was answered: {said}")


def model_damaged(drill: Drill) -> str:
    """A model is spoilt where it lies, and the daemon killed: before that is mended it does not start."""
    file = drill.place.models / drill.draw.choice(drill.nets)
    after, offset, number = drill.door.marks
    whole = file.read_bytes()
    with file.open("r+b") as spoilt:
        spoilt.seek(drill.draw.randrange(max(1, len(whole) - DAMAGE)))
        spoilt.write(drill.draw.randbytes(min(DAMAGE, len(whole))))
    try:
        time.sleep(drill.draw.uniform(0.0, 2.0))
        _kill(drill, number)
        drill.door.life(number, over=True)
        drill.door.logged(file.name, offset, LATER)
        life = drill.door.life(number + 1, over=True)
        _ended(life.status, ModelError.exit_code)
        _locked(drill)
    finally:
        with file.open("r+b") as mended:
            mended.write(whole)
    drill.door.hurry()
    started = drill.door.told(EventKind.STARTED, after, LATER)
    return f"log: names {file.name}, exit code {life.status}; {started.kind} when it is mended"


def hostile_clients(drill: Drill) -> str:
    """Nonsense, half words and a crowd at the control socket; an operator gets through all the same."""
    after, _, _ = drill.door.marks
    count, seed = drill.draw.randint(*MESSAGES), drill.draw.randrange(10**6)
    words = [sys.executable, "-m", "tests.hostile", str(drill.place.run), str(count), str(seed), "wrong"]
    hostile = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        with ExitStack() as stack:
            for _ in range(3):
                link = stack.enter_context(connected(drill.place.run, time.monotonic() + SOON))
                with suppress(OSError):
                    link.sendall(b'{"do": "unl')
            time.sleep(drill.draw.uniform(0.5, 2.0))
            drill.unlock()
        answers: dict[str, int] = json.loads(hostile.communicate(timeout=LATER)[0])
    finally:
        hostile.kill()
        hostile.wait()
    if sum(answers.values()) != count or not set(answers) <= {"65", "75", "ok", "none"}:
        raise NotTold(f"{count} hostile messages were answered {answers}")
    unlocked = drill.door.told(EventKind.UNLOCKED, after, SOON)
    return (
        f"{count} messages, {answers.get('65', 0)} of them nonsense; meanwhile {unlocked.kind} by an operator"
    )


def killed(drill: Drill) -> str:
    """SIGKILL, every other time in mid-pulse."""
    after, _, number = drill.door.marks
    if pulse := drill.draw.random() < 0.5:
        drill.visitors.call(Kind.KNOWN)
        end = time.monotonic() + SOON
        while drill.door.level() != 1 and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(drill.draw.uniform(0.0, 0.8) * drill.open_seconds)
    was_on = drill.door.level() == 1
    _kill(drill, number)
    life = drill.door.life(number, over=True)
    if life.stop_post_status:
        raise NotTold(f"'doorctl lock' ended with {life.stop_post_status}")
    _locked(drill)
    started = drill.door.told(EventKind.STARTED, after, LATER)
    when = "in mid-pulse" if was_on else "just after a pulse" if pulse else "at some moment"
    return f"{when}, locked by 'doorctl lock'; {started.kind}"


def print_shown(drill: Drill) -> str:
    """Somebody holds up a picture of the person who is known; an operator clears what that leads to."""
    after, _, _ = drill.door.marks
    drill.visitors.call(Kind.PRINT)
    denied = drill.door.told(EventKind.ACCESS_DENIED, after, SOON, lambda event: event.reason in DOUBTED)
    cleared = drill.door.told(EventKind.LOCKS_CLEARED, denied.id, SOON)
    return f"{denied.kind} ({denied.reason}), {cleared.kind}"


def _kill(drill: Drill, number: int) -> None:
    if drill.door.lives[number].ended is None:
        with suppress(ProcessLookupError):
            os.kill(drill.door.lives[number].pid, signal.SIGKILL)


def _ended(status: int | None, wanted: int) -> None:
    if status != wanted:
        raise NotTold(f"the daemon ended with {status}, and not with {wanted}")


def _locked(drill: Drill) -> None:
    if level := drill.door.level():
        raise NotTold(f"the pin is left at level {level}")


FAULTS = (
    Fault("camera gone", _camera(State.GONE, 0.5, 5.0), blinds=True),
    Fault("camera frozen", _camera(State.FROZEN, 0.0, 2.0), blinds=True),
    Fault("camera hanging", _camera(State.HANGING, 0.0, 4.0), blinds=True),
    Fault("folder lost", folder_lost),
    Fault("bad photo", bad_photo),
    Fault("clock set", clock_set),
    Fault("good reload", reload_good),
    Fault("bad reload", reload_bad),
    Fault("hostile clients", hostile_clients),
    Fault("picture shown", print_shown, blinds=True),
    Fault("disk full", disk_full, blinds=True, ends=True),
    Fault("model damaged", model_damaged, blinds=True, ends=True),
    Fault("kill -9", killed, blinds=True, ends=True),
)
