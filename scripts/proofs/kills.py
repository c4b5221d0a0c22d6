"""Kill the daemon at random moments and look at what is left.

The daemon runs in simulation on a clip in which an enrolled person and a stranger come
and go for ever. It is killed with SIGKILL; then the store must open, every event that it
told must be there, and ``doorctl lock`` must leave the pin locked. The simulated pin
keeps its level in a file, as a real pin keeps its level on the wire.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from doorctl.app.enrolment import photo_to_template
from doorctl.app.settings import Settings
from doorctl.app.wiring import open_eye
from doorctl.demo.portraits import fetch_portraits
from doorctl.demo.show import ENROLLED, write_walk_ups
from doorctl.gpio.simulated import read_transitions
from doorctl.store.database import Store

TOLD = re.compile(r"event (\d+): (\w+)")
CONFIG = """\
camera: {{source: "{clip}", loop: true, fps: 15}}
gpio: {{pins: simulated}}
liveness: {{mode: off, i_understand_photos_open_this_door: true}}
door: {{open_seconds: 1.5}}
"""


@dataclass(frozen=True)
class Round:
    """What one kill left behind."""

    lived: float
    """Seconds from ready to killed."""
    told: int
    """Events that the daemon had told."""
    lost: int
    """Told events that the store does not have."""
    was_on: bool
    """Whether the pin was energised when the daemon died."""
    locked: bool
    """Whether the pin is locked after ``doorctl lock``."""
    problem: str = ""

    @property
    def good(self) -> bool:
        return self.locked and not self.lost and not self.problem


def prepare(directory: Path) -> Path:
    """Make a data directory with one person enrolled and a configuration to run by."""
    directory.mkdir(parents=True, exist_ok=True)
    settings = Settings.find(None, directory)
    eye = open_eye(settings)
    photos = fetch_portraits(directory / "portraits")
    with Store(settings.data) as store:
        store.enrol(ENROLLED, [photo_to_template(eye, photos[ENROLLED])])
    clip = directory / "walk-up.mp4"
    write_walk_ups(clip, eye, list(photos.values()))
    (directory / "doorctl.yaml").write_text(CONFIG.format(clip=clip))
    return directory


def start(data: Path, log: Path, timeout: float = 30.0) -> subprocess.Popen[bytes]:
    """Start the daemon as systemd would, and wait for its READY=1."""
    address = data / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, log.open("wb") as out:
        channel.bind(str(address))
        channel.settimeout(timeout)
        daemon = subprocess.Popen(
            [sys.executable, "-m", "doorctl", "run", "--data", str(data)],
            stderr=out,
            env={**os.environ, "NOTIFY_SOCKET": str(address)},
        )
        try:
            while b"READY=1" not in channel.recv(4096):
                pass
        except TimeoutError:
            daemon.kill()
            daemon.wait()
            raise RuntimeError(f"the daemon did not get ready:\n{log.read_text()}") from None
    address.unlink()
    return daemon


def kill_once(data: Path, moment: float) -> Round:
    """One life of the daemon, ended ``moment`` seconds after it was ready."""
    log = data / "daemon.log"
    daemon = start(data, log)
    time.sleep(moment)
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    told = [(int(number), kind) for number, kind in TOLD.findall(log.read_text())]
    pin = Settings.find(None, data).config.gpio.relay_pin
    pin_file = Settings.find(None, data).pin_file
    was_on = _level(pin_file, pin) == 1
    problem = ""
    kept: dict[int, str] = {}
    try:
        with Store(data) as store:
            store.check()
            kept = {stored.id: stored.kind for stored in store.events()}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        problem = repr(error)
    lost = sum(kept.get(number) != kind for number, kind in told)
    lock = subprocess.run(
        [sys.executable, "-m", "doorctl", "lock", "--data", str(data)], capture_output=True, check=False
    )
    if lock.returncode:
        problem += lock.stderr.decode()
    return Round(moment, len(told), lost, was_on, _level(pin_file, pin) == 0, problem)


def _level(pin_file: Path, pin: int) -> int | None:
    levels = [t.level for t in read_transitions(pin_file) if t.pin == pin]
    return levels[-1] if levels else None


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(10**6)))
    print(f"{rounds} kills, seed {seed} (SEED={seed} repeats their moments)", flush=True)
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        data = prepare(Path(directory) / "door")
        results = []
        for number in range(rounds):
            result = kill_once(data, moments.uniform(0.0, 8.0))
            results.append(result)
            print(
                f"{number + 1:4}  killed after {result.lived:4.1f} s  events told {result.told:2}"
                f"  lost {result.lost}  pin {'on ' if result.was_on else 'off'} -> "
                f"{'locked' if result.locked else 'NOT LOCKED'}  {result.problem}",
                flush=True,
            )
    good = sum(result.good for result in results)
    on = sum(result.was_on for result in results)
    print(f"{good} of {rounds} good; {on} killed in mid-pulse, {sum(r.told for r in results)} events told")
    return 0 if good == rounds else 1


if __name__ == "__main__":
    sys.exit(main())
