"""What a proof inside a machine of its own needs: the service, its journal and its pin; steps that are told.

Copied into a Debian root and run there by the system's Python, so nothing but the standard library is used.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNIT = "doorctl.service"
COMMAND = "/opt/doorctl/bin/doorctl"
STATE = Path("/var/lib/doorctl")
CONFIG = Path("/etc/doorctl/doorctl.yaml")
PINS = STATE / "pins.jsonl"
PIN = 17
EMULATED = "--emulated" in sys.argv
"""Whether the processor is emulated: it takes seconds to judge a picture, and ten to start Python."""
SLOW = 8.0 if EMULATED else 1.0
"""By how much more time things are given there."""
PULSE, PULSE_SECONDS = ("Unlocked", 8.0) if EMULATED else ("AccessGranted", 2.0)
"""What releases the door, and for how long: an operator where nobody can be recognised in time, or a face."""

Facts = Iterator[str]
"""What a step yields: a line for each thing that was found out."""

Done = subprocess.CompletedProcess[str]


class FellError(Exception):
    """A step did not come out as it should."""


def expect(good: object, told: str) -> None:
    if not good:
        raise FellError(told)


class Transcript:
    """Runs steps and tells of each on the console; a line for the host begins with '| '."""

    def __init__(self) -> None:
        self.failed = 0
        self.passed = 0
        self._console = Path("/dev/console").open("w", buffering=1)  # noqa: SIM115 - until the end

    def say(self, line: str) -> None:
        self._console.write(f"| {line}\r\n")

    def step(self, name: str, run: Callable[[], Iterable[str]]) -> None:
        """Run one, whatever became of those before it; what it yields are its facts."""
        began, facts, why = time.monotonic(), list[str](), ""
        try:
            for fact in run():
                facts.append(fact)
        except FellError as error:
            why = str(error)
        except Exception:  # noqa: BLE001 - the steps after it are still to be run
            why = traceback.format_exc()
        self.failed += bool(why)
        self.passed += not why
        self.say(f"{'FAIL' if why else 'PASS'}  {name}  ({time.monotonic() - began:.1f} s)")
        for line in (*facts, *why.splitlines()):
            self.say(f"        {line}")
        if why:
            for line in journal_text(30).splitlines():
                self.say(f"        journal: {line}")

    def end(self) -> None:
        self.say(f"END {self.passed} passed, {self.failed} failed")


def run(*command: str, user: str = "", seconds: float = 120.0, given: str = "") -> Done:
    """Run a command to its end."""
    words = ["runuser", "-u", user, "--", *command] if user else list(command)
    return subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False, input=given)


def systemctl(*words: str) -> Done:
    return run("systemctl", *words)


def shown(key: str) -> str:
    """A property of the unit, as systemd has it now."""
    return systemctl("show", UNIT, "--property", key, "--value").stdout.strip()


def until(good: Callable[[], Any], seconds: float, told: str) -> Any:
    """Wait until something is so, and return it.

    Raises:
        FellError: it never was.
    """
    end = time.monotonic() + seconds
    while True:
        if found := good():
            return found
        if time.monotonic() > end:
            raise FellError(f"{told}: not within {seconds:g} s")
        time.sleep(0.05)


def active(seconds: float = 120.0) -> int:
    """Wait until the service is ready; its process."""
    until(lambda: (shown("ActiveState"), shown("SubState")) == ("active", "running"), seconds, "active")
    return int(shown("MainPID"))


def another(pid: int, seconds: float = 60.0) -> int:
    """Wait until another process than this one is the service's, and ready; its number."""
    until(lambda: shown("MainPID") not in ("0", str(pid)), seconds, "started again")
    return active()


def entries(*matches: str, after: float = 0.0) -> list[dict[str, Any]]:
    """The unit's journal since a time of the machine's monotonic clock, each entry with all its fields."""
    run("journalctl", "--sync")
    # Not by --after-cursor=, which in 252 leaves out the first entry that a filter lets through.
    told = run("journalctl", "-u", UNIT, "-b", "-o", "json", "--no-pager", *matches).stdout
    found = [json.loads(line) for line in told.splitlines()]
    return [entry for entry in found if int(entry["__MONOTONIC_TIMESTAMP"]) > after * 1e6]


def said(word: str, after: float, seconds: float = 30.0) -> str:
    """Wait for a line of the unit's journal with that word in it."""

    def found() -> str:
        lines = (str(entry.get("MESSAGE", "")) for entry in entries(after=after))
        return next((line for line in lines if word in line), "")

    return str(until(found, seconds, f"the journal says {word!r}"))


def journal_text(lines: int) -> str:
    return run("journalctl", "-u", UNIT, "-n", str(lines), "--no-pager", "-o", "short-monotonic").stdout


@dataclass(frozen=True)
class Edge:
    """What the relay's simulated pin was told."""

    pin: int
    function: str
    level: int
    at: float
    pid: int


def edges(after: float = 0.0) -> list[Edge]:
    """What happened to the pin since that time of the machine's monotonic clock."""
    lines = PINS.read_bytes().splitlines() if PINS.exists() else []
    found = [Edge(**json.loads(line)) for line in lines if line.endswith(b"}")]
    return [edge for edge in found if edge.pin == PIN and edge.at > after]


def rising(pid: int, seconds: float = 120.0) -> Edge:
    """The next time that this process releases the door; where nobody can be recognised, it is told to."""
    began = time.monotonic()
    if EMULATED:
        subprocess.Popen([COMMAND, "unlock", "--seconds", f"{PULSE_SECONDS:g}"], stdout=subprocess.DEVNULL)

    def found() -> Edge | None:
        return next((edge for edge in edges(began) if edge.level and edge.pid == pid), None)

    edge = until(found, seconds, "a pulse")
    assert isinstance(edge, Edge)
    return edge


def falling(on: Edge, seconds: float = 60.0) -> Edge:
    """When the pin was locked after that."""
    edge = until(lambda: next((e for e in edges(on.at) if not e.level), None), seconds, "the pin is locked")
    assert isinstance(edge, Edge)
    return edge


def locked() -> bool:
    """Whether the pin is locked now."""
    return not edges()[-1].level


def write_config(file: Path = CONFIG, open_seconds: float = 2.0) -> None:
    """The door's configuration: a simulated pin, and a folder of pictures for a camera."""
    file.write_text(
        "camera: {source: /var/lib/doorctl/walk, loop: true, fps: 5}\n"
        "gpio: {pins: simulated}\n"
        "liveness: {mode: off, i_understand_photos_open_this_door: true}\n"
        f"door: {{open_seconds: {open_seconds:g}, regrant_seconds: 3, dwell: 0.4, confirm_frames: 3}}\n"
    )
