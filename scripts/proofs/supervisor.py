"""A small supervisor that treats the daemon as systemd treats a service of Type=notify.

It does what a door depends on: systemd.service(5) and sd_notify(3) for READY=1, WATCHDOG=1, STOPPING=1,
the watchdog, ExecStopPost and Restart=always; systemd.kill(5) and systemd's ``kill_and_sigcont`` for
SIGCONT after a signal, without which a stopped process would not take it. It does not do cgroups,
limits on starts, or credentials.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Self

# The process knows its own id only once it runs. No core is dumped: LimitCORE=0, for writing half a
# gigabyte to a card would delay the lock.
_EXEC = 'ulimit -c 0; WATCHDOG_PID=$$ exec "$0" "$@"'


@dataclass(frozen=True)
class Unit:
    """What the unit sets; each key as systemd calls it, in seconds."""

    watchdog_sec: float = 10.0
    """Five times what the loop waits for a silent camera by default (``camera.timeout_seconds``)."""
    restart_sec: float = 1.0
    """A fault that stays costs a start each second or two, not a busy loop."""
    timeout_abort_sec: float = 1.0
    """Nothing handles SIGABRT and no core is written, so that it ends at once. systemd's default is 90 s."""
    timeout_start_sec: float = 90.0
    """systemd's default."""
    timeout_stop_sec: float = 10.0
    """More than closing a relay, a camera and a store may take."""


@dataclass
class Life:
    """One run of the daemon and what came after it. Times are those of ``time.monotonic``."""

    pid: int
    due: float
    """When it is too late for its next sign of life, or for the end that was asked of it."""
    ready: float | None = None
    why: str = ""
    """Why it was asked to end, or that it said that it ends; empty if it was not and did not."""
    ended: float | None = None
    status: int | None = None
    """Its exit code, or minus the signal."""
    over: float | None = None
    """When ExecStopPost had ended."""
    stop_post_status: int | None = None


class Supervisor:
    """Runs a command again and again until it is left; every end is followed by the other command.

    Args:
        exec_start: the daemon.
        exec_stop_post: run after each of its ends, whatever the reason; empty for none.
        place: where the socket is made and ``daemon.log`` is written.
        unit: the settings.
    """

    def __init__(
        self, exec_start: Sequence[str], exec_stop_post: Sequence[str], place: Path, unit: Unit = Unit()
    ) -> None:
        self.lives: list[Life] = []
        self.unit = unit
        self.log = place / "daemon.log"
        self._exec_start, self._exec_stop_post = exec_start, exec_stop_post
        self._address = place / "notify"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def wait(self, number: int, *, over: bool = False, seconds: float = 60.0) -> Life:
        """The life of that number, once it is ready, or over.

        Raises:
            RuntimeError: it is not in that time; with the daemon's log.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len(self.lives) > number:
                life = self.lives[number]
                if (life.over if over else life.ready) is not None:
                    return life
            time.sleep(0.01)
        wanted = "over" if over else "ready"
        raise RuntimeError(f"life {number} was not {wanted} in {seconds:g} s:\n{self.log.read_text()}")

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._live()
            self._stopping.wait(self.unit.restart_sec)

    def _live(self) -> None:
        self._address.unlink(missing_ok=True)
        watchdog = str(round(self.unit.watchdog_sec * 1e6))
        environment = {**os.environ, "NOTIFY_SOCKET": str(self._address), "WATCHDOG_USEC": watchdog}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, self.log.open("ab") as log:
            channel.bind(str(self._address))
            process = subprocess.Popen(
                ["/bin/sh", "-c", _EXEC, *self._exec_start], stdout=log, stderr=log, env=environment
            )
            life = Life(process.pid, time.monotonic() + self.unit.timeout_start_sec)
            self.lives.append(life)
            self._attend(life, channel)
            life.status = process.wait()
            life.ended = time.monotonic()
            if self._exec_stop_post:
                with suppress(subprocess.TimeoutExpired):
                    done = subprocess.run(
                        self._exec_stop_post,
                        stdout=log,
                        stderr=log,
                        timeout=self.unit.timeout_stop_sec,
                        check=False,
                    )
                    life.stop_post_status = done.returncode
            life.over = time.monotonic()

    def _attend(self, life: Life, channel: socket.socket) -> None:
        """Hear the daemon's signs of life, and end it when they stay out; return when it has ended."""
        process = os.pidfd_open(life.pid)
        try:
            while True:
                wait = min(0.1, max(0.0, life.due - time.monotonic()))  # a stop may be asked for meanwhile
                readable, _, _ = select.select([process, channel.fileno()], [], [], wait)
                if process in readable:
                    return
                if channel.fileno() in readable:
                    self._hear(life, channel.recv(4096).split(b"\n"))
                if time.monotonic() >= life.due:
                    self._too_late(life)
                elif self._stopping.is_set() and not life.why:
                    self._end(life, signal.SIGTERM, "stop", self.unit.timeout_stop_sec)
        finally:
            os.close(process)

    def _hear(self, life: Life, told: list[bytes]) -> None:
        now = time.monotonic()
        begins = b"READY=1" in told and life.ready is None
        if begins:
            life.ready = now
        if life.why:
            return
        if b"STOPPING=1" in told:
            life.why, life.due = "by itself", now + self.unit.timeout_stop_sec
        elif begins or (life.ready is not None and b"WATCHDOG=1" in told):
            life.due = now + self.unit.watchdog_sec

    def _too_late(self, life: Life) -> None:
        if life.why:
            self._end(life, signal.SIGKILL, life.why, inf)
        elif life.ready is None:
            self._end(life, signal.SIGTERM, "start", self.unit.timeout_stop_sec)
        else:
            self._end(life, signal.SIGABRT, "watchdog", self.unit.timeout_abort_sec)

    def _end(self, life: Life, number: signal.Signals, why: str, patience: float) -> None:
        life.why, life.due = why, time.monotonic() + patience
        os.kill(life.pid, number)
        if number != signal.SIGKILL:
            os.kill(life.pid, signal.SIGCONT)
