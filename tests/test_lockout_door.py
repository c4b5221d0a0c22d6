"""Locks at a running door: kept over SIGKILL, shown and ended by the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from doorctl.store.database import Store
from tests.command import SIMULATED, doorctl, lines, refused
from tests.pictures import hopper_file

pytestmark = pytest.mark.slow


class Door:
    """A daemon before which prints of Grace Hopper, enrolled, and Eileen Collins, not, come by turns."""

    def __init__(self, data: Path, process: subprocess.Popen[bytes]) -> None:
        self.data, self.process = data, process
        self.seen = 0

    def wait(self, kind: str, true: Callable[[str | None, str], bool] = lambda reason, detail: True) -> None:
        """Until the next event of a kind, that is so."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with Store(self.data, create=False) as store:
                for event in store.events(after_id=self.seen):
                    self.seen = event.id
                    if event.kind == kind and true(event.reason, event.detail):
                        return
            assert self.process.poll() is None, (self.data / "log").read_text()
            time.sleep(0.05)
        raise AssertionError(f"no {kind}: {(self.data / 'log').read_text()}")


@contextmanager
def running(data: Path, seen: int = 0) -> Iterator[Door]:
    with (data / "log").open("a") as log:
        command = [sys.executable, "-m", "doorctl", "run", "--data", str(data)]
        process = subprocess.Popen(command, stderr=log, stdout=log, env=os.environ)
    door = Door(data, process)
    door.seen = seen
    try:
        yield door
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def test_a_lockdown_outlives_sigkill_and_ends_by_an_operators_word(
    door: Path, models_dir: Path, walk_up_clip: Path
) -> None:
    """One failed attempt locks this door. Killed and started again it is as locked as before, and says so; a
    picture of a known person, which liveness off would let in, stays out. Once an operator has ended the
    lock, strangers are judged and counted again."""
    (door / "doorctl.yaml").write_text(
        f"{SIMULATED}camera: {{source: '{walk_up_clip}', loop: true}}\n"
        "lockout: {door_failures: 1, door_seconds: 300}\n"
    )
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    assert lines(doorctl("lockouts", "--json", data=door))[0]["locked_down"] is False
    with running(door) as first:
        first.wait("LockedDown")
        first.process.kill()
        first.process.wait(15)
    (shown,) = lines(doorctl("lockouts", "--json", data=door))
    assert shown["locked_down"]
    assert 280 <= shown["remaining_seconds"] <= 300
    assert "locked down for" in doorctl("lockouts", data=door).stdout
    with running(door, first.seen) as again:
        again.wait("AccessDenied", lambda reason, detail: reason == "locked_out")
        again.wait("AccessDenied", lambda reason, detail: reason == "spoof")
        assert doorctl("lockouts", "clear", "--yes", data=door).returncode == 0
        again.wait("LocksCleared")
        again.wait("AccessDenied", lambda reason, detail: reason == "unknown_person")


def test_without_a_store_the_command_says_so(tmp_path: Path) -> None:
    """No file is made by looking."""
    (tmp_path / "empty").mkdir()
    refused(doorctl("lockouts", data=tmp_path / "empty"), 74, "no")
    assert list((tmp_path / "empty").iterdir()) == []


def test_clearing_asks_first(door: Path, models_dir: Path) -> None:
    """Without a yes nothing is ended."""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    asked = doorctl("lockouts", "clear", data=door)
    assert asked.returncode != 0
    assert "End every lock" in asked.stdout + asked.stderr
