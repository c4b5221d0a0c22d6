"""Commands of doorctl in processes of their own: every line that they tell, when, and what they take."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

TOLD = re.compile(r"(\d{4}-\S+ \S+) \w+ +(\S+): (.*)")
FRAME = re.compile(r"doorctl\.daemon: ([\d.]+) s: ")
CLOCKS = time.time() - time.monotonic()
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that a command told."""

    at: float
    """Seconds of the wall clock: the line's own time where it has one, else when it came."""
    text: str


class Command:
    """A ``doorctl`` command in a process of its own, and every line that it tells."""

    def __init__(self, *arguments: object, env: dict[str, str] | None = None) -> None:
        plain = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "doorctl", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**plain, **(env or {}), "PYTHONUNBUFFERED": "1"},
        )
        self.lines: list[Line] = []
        self._came = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            at, found = time.time(), TOLD.match(text)
            if found:
                at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").timestamp()
                text = f"{found[2]}: {found[3]}"
            with self._came:
                self.lines.append(Line(at, text.rstrip()))
                self._came.notify_all()

    def wait(self, words: str, start: int = 0, seconds: float = 60.0) -> int:
        """The place of the first line from ``start`` on that holds these words.

        Raises:
            TimeoutError: none comes in that time.
        """
        end = time.monotonic() + seconds
        with self._came:
            while True:
                for place in range(start, len(self.lines)):
                    if words in self.lines[place].text:
                        return place
                start = max(start, len(self.lines))
                if not self._came.wait(max(0.0, end - time.monotonic())):
                    last = "\n".join(line.text for line in self.lines[-20:])
                    raise TimeoutError(f"not told within {seconds:g} s: {words}\n{last}")

    def told(self, words: str, start: int = 0) -> list[float]:
        """When lines from ``start`` on held these words."""
        return [line.at for line in self.lines[start:] if words in line.text]

    def frames(self, start: float, end: float) -> tuple[float, list[float]]:
        """Of the daemon at level debug: frames decided on a second, and each one's age then, sorted."""
        found = [(line.at, FRAME.match(line.text)) for line in self.lines if start <= line.at < end]
        ages = sorted(at - CLOCKS - float(frame[1]) for at, frame in found if frame)
        return len(ages) / (end - start), ages

    def peak_mb(self) -> float:
        """The most memory that it has had resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def cpu_seconds(self) -> float:
        """Time of processors that it has taken, while it runs."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()


class Meter:
    """How many processors are busy with what is not measured: a figure taken beside that says less.

    Args:
        measured: runs all the time; so does this process, and commands that have been stopped count.
    """

    def __init__(self, measured: Command) -> None:
        self._measured = measured
        self._before = self._now()

    def _now(self) -> tuple[float, float, float]:
        user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().split()[1:8]
        busy = sum(map(int, (user, nice, system, *interrupts))) / TICKS
        return time.monotonic(), busy, sum(os.times()[:4]) + self._measured.cpu_seconds()

    def others(self) -> float:
        """Processors that others have kept busy, on average, since the last time."""
        before, self._before = self._before, self._now()
        passed, busy, ours = (now - then for now, then in zip(self._before, before, strict=True))
        return max(0.0, busy - ours) / passed
