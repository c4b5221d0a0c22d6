"""Programs that are killed, that write at once, and disks that are full."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from doorctl.core.decision import Event, EventKind
from doorctl.errors import StoreError
from doorctl.store.database import Store
from doorctl.store.opened import FILE

HEAD = """
import sys
from pathlib import Path
import numpy as np
from doorctl.core.decision import Event, EventKind
from doorctl.errors import StoreError
from doorctl.store.database import Store
from doorctl.store.records import NewPhoto
place, who = Path(sys.argv[1]), sys.argv[2]
def enrol(store, i):
    store.enrol(f"{who} {i % 7}", [NewPhoto(f"{who}{i}", f"{i}.jpg", "net", np.full(64, i + 1, np.float32))])
"""

WRITE_FOR_EVER = """
with Store(place) as store:
    i = 0
    while True:
        i += 1
        print(store.record(Event(EventKind.RELAY_ON, float(i), detail="x" * (i * 37 % 500))), flush=True)
        if i % 5 == 0:
            enrol(store, i)
        if i % 40 == 0:
            store.forget(f"{who} {i % 7}")
"""

WRITE_A_WHILE = """
with Store(place) as store:
    for i in range(60):
        store.record(Event(EventKind.RELAY_ON, float(i), detail=who))
        enrol(store, i)
"""

FILL = """
import resource
if who != "tmpfs":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
store = Store(place)
try:
    for i in range(100_000):
        print(store.record(Event(EventKind.RELAY_ON, float(i), detail="x" * 5000)), flush=True)
except StoreError as error:
    print(error, file=sys.stderr)
    print(len(store.events()) if who == "tmpfs" else "-", flush=True)
"""


def start(body: str, place: Path, who: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + body, str(place), who],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_kill_9_loses_no_event_that_was_told(tmp_path: Path) -> None:
    """Five writers are killed at random moments: every number they printed is there, the file is whole."""
    promised: list[int] = []
    for seed in range(5):
        with start(WRITE_FOR_EVER, tmp_path, "Ann") as writer:
            assert writer.stdout is not None
            promised.append(int(writer.stdout.readline()))
            time.sleep(random.Random(seed).uniform(0.0, 0.4))
            writer.send_signal(signal.SIGKILL)
            rest, errors = writer.communicate()
        assert writer.returncode == -signal.SIGKILL, errors
        # The kill may cut the last line: only a line with its end was told.
        promised += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        with Store(tmp_path) as store:
            store.check()
            kept = {event.id for event in store.events()}
            assert set(promised) <= kept
            assert all(person.photos == person.templates["net"] for person in store.people())
    assert len(promised) > 50
    assert len(set(promised)) == len(promised)


def test_programs_that_start_and_write_at_once(tmp_path: Path) -> None:
    """Four programs make one new file together and write to it: each gets through, nothing is lost."""
    place = tmp_path / "new"
    writers = [start(WRITE_A_WHILE, place, who) for who in ("Ann", "Bob", "Cyd", "Dee")]
    for writer in writers:
        with writer:
            _, errors = writer.communicate(timeout=100)
            assert writer.returncode == 0, errors
    with Store(place) as store:
        store.check()
        events = store.events()
        assert sum(event.kind == EventKind.RELAY_ON for event in events) == 240
        assert sum(person.photos for person in store.people()) == 240
        assert len(store.people()) == 28


def fill(place: Path, who: str) -> tuple[list[str], str]:
    with start(FILL, place, who) as writer:
        out, errors = writer.communicate(timeout=100)
    assert writer.returncode == 0, errors
    return out.splitlines(), errors


def test_a_full_disk_is_told_and_costs_nothing(small_disk: Path) -> None:
    """What was told is kept and can be read while the disk is full; with room again it goes on."""
    (*promised, read), errors = fill(small_disk, "tmpfs")
    assert "the disk is full" in errors
    assert "make room" in errors
    assert int(read) == len(promised) > 10
    with Store(small_disk) as store:
        store.check()
        assert [event.id for event in store.events()] == [int(line) for line in promised]
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    with Store(small_disk) as store:
        assert store.record(Event(EventKind.STARTED, 0.0)) == len(promised) + 1


def test_a_limit_on_the_size_of_files_is_told_and_costs_nothing(tmp_path: Path) -> None:
    """A quota that is used up is an error with a hint; what was told before is there afterwards."""
    (*promised, _), errors = fill(tmp_path, "limit")
    assert f"{tmp_path / FILE} cannot be read or written" in errors
    assert "full" in errors
    assert len(promised) > 10
    with Store(tmp_path) as store:
        store.check()
        assert {int(line) for line in promised} <= {event.id for event in store.events()}


def test_no_room_for_even_a_new_file(small_disk: Path) -> None:
    """A full disk without a store: an error, and no half-made store that would be taken for a whole one."""
    with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"\0" * 4096)
    with pytest.raises(StoreError):
        Store(small_disk)
    (small_disk / "ballast").unlink()
    with Store(small_disk) as store:
        assert store.record(Event(EventKind.STARTED, 0.0)) == 1
