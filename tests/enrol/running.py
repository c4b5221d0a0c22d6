"""A door that runs as a process of its own, fed from the stand-in for Dropbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from doorctl.gpio.simulated import read_transitions
from doorctl.store.database import Store
from tests.enrol.standin import StandIn

CONFIG = """\
camera: {{source: "{frames}", loop: true, fps: 10}}
gpio: {{pins: simulated}}
liveness: {{mode: passive}}
door: {{open_seconds: 0.5, regrant_seconds: 0.5}}
photos: {{source: dropbox, app_key: {key}, poll_seconds: 1}}
"""


class Door:
    """A running door: what its strike did, and what it wrote down."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def releases(self) -> int:
        return sum(t.level for t in read_transitions(self.data / "pins.jsonl"))

    def kinds(self) -> list[tuple[str, str | None]]:
        with Store(self.data, create=False) as store:
            return [(event.kind, event.reason) for event in store.events()]

    def wait(self, what: str, true: Callable[[], bool], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            log = (self.data / "log").read_text()
            assert time.monotonic() < end, f"{what} did not come: {self.kinds()}\n{log}"
            time.sleep(0.05)


@contextmanager
def running(data: Path, frames: Path, standin: StandIn) -> Iterator[Door]:
    data.mkdir()
    (data / "doorctl.yaml").write_text(CONFIG.format(frames=frames, key=standin.app_key))
    told = {**os.environ, **standin.environment(), "DOORCTL_DROPBOX_TOKEN": standin.refresh_token}
    with (data / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "doorctl", "run", "--data", str(data)], stderr=log, stdout=log, env=told
        )
    try:
        door = Door(data)
        door.wait("the start", lambda: "Started" in (data / "log").read_text())
        yield door
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0, (data / "log").read_text()
