"""The daemon itself, as a process of its own on a simulated camera and pin: start, memory, idle load."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import yaml

import doorctl
from doorctl.app.settings import Settings
from doorctl.bench.timing import Figure
from doorctl.core.records import Image
from doorctl.demo.clips import FPS, NOISE, WALL
from doorctl.errors import DoorctlError, OutputError
from doorctl.vision.observe import AWAKE_SECONDS

PATIENCE_SECONDS = 60.0
FACES = 30
"""Frames with a face that the daemon judges before its memory is read."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the daemon costs."""

    ready_seconds: Figure
    """From its start as a new process to READY=1; its files were read before, so they are in memory."""
    resident_mb: float
    """Megabytes (10^6 bytes) in memory once it has judged faces."""
    peak_mb: float
    idle_share: float
    """Of one core, while nobody is in view, decoding of the simulated camera's clip included."""
    idle_seconds: float
    idle_fps: float
    """Frames a second that it took up meanwhile."""


def measure_service(
    settings: Settings, frames: Sequence[Image], *, starts: int = 5, idle_seconds: float = 10.0
) -> Service:
    """Start the daemon so many times; let the last one see faces, and then nobody.

    Raises:
        DoorctlError: it does not start, or stops by itself.
        OutputError: the clip for its camera cannot be written.
    """
    ready = []
    with TemporaryDirectory(prefix="doorctl-bench-") as place:
        config = _prepare(settings, Path(place), frames, idle_seconds)
        for _ in range(starts - 1):
            with _started(config) as daemon:
                ready.append(daemon.wait(b"READY=1"))
        with _started(config) as daemon:
            ready.append(daemon.wait(b"READY=1"))
            for _ in range(FACES):
                daemon.wait(b"WATCHDOG=1")
            resident, peak = daemon.memory()
            daemon.count(AWAKE_SECONDS + 0.5)
            before, start = daemon.cpu_seconds(), time.monotonic()
            seen = daemon.count(idle_seconds)
            spent, took = daemon.cpu_seconds() - before, time.monotonic() - start
    return Service(Figure.of(ready), resident, peak, spent / took, took, seen / took)


class _Daemon:
    """A ``doorctl run``, and the socket on which it says how it is."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket, started: float) -> None:
        self._process, self._channel, self._started = process, channel, started

    def wait(self, word: bytes) -> float:
        """Seconds from the start to the word."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            if self._hear() == word:
                return time.monotonic() - self._started
            if self._process.poll() is not None:
                break
        self._process.kill()
        said = (self._process.communicate()[1] or b"").decode(errors="replace").strip().splitlines()
        raise DoorctlError(
            f"the daemon did not say {word.decode()}: {said[-1] if said else 'it said nothing'}",
            "try 'doorctl check'",
        )

    def count(self, seconds: float) -> int:
        """How many frames it takes up in so many seconds."""
        until, seen = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            seen += self._hear() == b"WATCHDOG=1"
        return seen

    def memory(self) -> tuple[float, float]:
        """Resident now, and at most so far; megabytes."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        sizes = dict(line.split(":", 1) for line in lines if line.startswith("Vm"))
        now, most = (int(sizes[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
        return now, most

    def cpu_seconds(self) -> float:
        """Of all its threads, in user's and kernel's mode."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _hear(self) -> bytes:
        try:
            return self._channel.recv(64)
        except TimeoutError:
            return b""


@contextmanager
def _started(config: Path) -> Iterator[_Daemon]:
    address = f"doorctl-bench-{os.getpid()}"
    above = str(Path(doorctl.__file__).parents[1])  # whether doorctl is installed, or run where it lies
    paths = os.pathsep.join(filter(None, (above, os.environ.get("PYTHONPATH"))))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind("\0" + address)
        channel.settimeout(0.1)
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "doorctl", "run", "--config", config.name, "--data", "."],
            cwd=config.parent,
            env={**os.environ, "NOTIFY_SOCKET": "@" + address, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            yield _Daemon(process, channel, started)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _prepare(settings: Settings, place: Path, frames: Sequence[Image], idle_seconds: float) -> Path:
    """A clip of faces and then of nobody, and the owner's configuration with that for a camera."""
    clip = place / "clip.avi"
    empty = round((AWAKE_SECONDS + idle_seconds + 3) * FPS)
    height, width = frames[0].shape[:2]
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (width, height))
    if not writer.isOpened():
        raise OutputError(f"{clip}: cannot be written", "see whether the disk is full")
    walls = [np.clip(rng.normal(WALL, NOISE, (height, width, 3)), 0, 255).astype(np.uint8) for _ in range(10)]
    for number in range(FACES):
        writer.write(cv2.resize(frames[number % len(frames)], (width, height)))
    for number in range(empty):
        writer.write(walls[number % len(walls)])
    writer.release()
    # Nobody whom the rules of access name comes to this door.
    values = settings.config.model_dump(mode="json", exclude_defaults=True, exclude={"access", "store"})
    values.setdefault("camera", {}).update(source=str(clip), loop=False, rotate=0)
    values.setdefault("gpio", {})["pins"] = "simulated"
    values.setdefault("models", {})["directory"] = str(settings.models.resolve())
    file = place / "doorctl.yaml"
    file.write_text(yaml.safe_dump(values))
    return file
