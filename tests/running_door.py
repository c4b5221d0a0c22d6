"""A real ``doorctl run`` before a grey picture, in a process of its own, to be commanded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from doorctl.app.control_client import ask
from doorctl.app.control_wire import SOCKET, Status
from doorctl.errors import DoorctlError
from doorctl.gpio.simulated import read_transitions
from doorctl.store.database import Store
from doorctl.store.records import StoredEvent
from tests.command import SIMULATED, Done, doorctl


class Running:
    """The daemon, and what can be seen of it from outside."""

    def __init__(self, data: Path, process: subprocess.Popen[bytes]) -> None:
        self.data, self.process = data, process

    def do(self, *arguments: object) -> Done:
        """Run a command at this door."""
        return doorctl(*arguments, data=self.data)

    def status(self) -> dict[str, Any]:
        return ask(self.data, Status())

    def levels(self) -> list[int]:
        """What the relay's pin was told, one after the other."""
        return [
            step.level for step in read_transitions(self.data / "pins.jsonl") if step.function == "output"
        ]

    def events(self) -> list[StoredEvent]:
        with Store(self.data, create=False) as store:
            return list(store.events())

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events()]

    def until(self, so: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for something to be so."""
        end = time.monotonic() + seconds
        while not so():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)

    def log(self) -> str:
        return (self.data / "log").read_text()

    def answers(self) -> bool:
        try:
            self.status()
        except DoorctlError:
            return False
        return True


def prepare(data: Path, more: str = "") -> None:
    """A configuration whose camera is one grey picture, over and over."""
    pictures = data / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(pictures / "0.png"), np.full((240, 320, 3), 90, np.uint8))
    (data / "doorctl.yaml").write_text(f"{SIMULATED}camera: {{source: '{pictures}', loop: true}}\n{more}")


@contextmanager
def running(data: Path) -> Iterator[Running]:
    """Start it, wait until it answers, and stop it at the end if it still runs."""
    with (data / "log").open("a") as log:
        command = [sys.executable, "-m", "doorctl", "run", "--data", str(data)]
        process = subprocess.Popen(command, stderr=log, stdout=log, env=os.environ)
    door = Running(data, process)
    try:
        door.until(lambda: (data / SOCKET).exists() and door.answers(), 40)
        yield door
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
