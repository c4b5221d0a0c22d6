"""A daemon that dies young again and again waits before it starts; one that does not, never."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from doorctl.app.backoff import FILE, LONGEST_SECONDS, pause_seconds, rested, stopped_within
from tests.command import doorctl


class Lives:
    """A daemon's lives on a clock that is set by hand."""

    def __init__(self, directory: Path) -> None:
        self.at = 100.0
        self.waits: list[float] = []
        self._directory = directory

    def live(self, seconds: float, *, dies: bool = True) -> None:
        with (
            pytest.raises(OSError) if dies else open(os.devnull),  # noqa: PTH123, PT011 - nothing at all
            rested(self._directory, lambda: self.at, self._wait) as goes_on,
        ):
            assert goes_on
            self.at += seconds
            if dies:
                raise OSError
        self.at += 1.5

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.at += seconds
        return False


def test_young_deaths_are_followed_by_longer_and_longer_pauses(tmp_path: Path) -> None:
    """The first death costs no pause, the further ones twice as much each, up to a minute."""
    lives = Lives(tmp_path)
    for _ in range(10):
        lives.live(1.0)
    assert lives.waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert pause_seconds(10**6) == LONGEST_SECONDS


def test_a_long_life_makes_up_for_all(tmp_path: Path) -> None:
    """A daemon that ran for a minute and then dies starts again at once, whatever was before."""
    lives = Lives(tmp_path)
    for _ in range(4):
        lives.live(1.0)
    lives.live(61.0)
    lives.waits.clear()
    lives.live(1.0)
    lives.live(1.0)
    assert lives.waits == []


def test_a_regular_end_is_no_death(tmp_path: Path) -> None:
    """Whoever restarts the service by hand again and again is not kept waiting."""
    lives = Lives(tmp_path)
    for _ in range(5):
        lives.live(1.0, dies=False)
    assert lives.waits == []
    assert not (tmp_path / FILE).exists()


def test_what_is_in_the_file_keeps_nobody_out(tmp_path: Path) -> None:
    """A damaged count, or one that lies ahead, is none; and a place that cannot be written is no reason."""
    for text in ("", "null", "[]", '{"deaths": "x", "at": 1}', '{"deaths": 9, "at": 1e9}'):
        (tmp_path / FILE).write_text(text)
        with rested(tmp_path, stopped=lambda seconds: pytest.fail("waits")) as goes_on:
            assert goes_on
    with rested(tmp_path / "missing") as goes_on:
        assert goes_on


def test_a_stop_ends_the_pause_and_clears_the_count(tmp_path: Path) -> None:
    """Told to stop while it waits, it does not go on; the next start is at once."""
    (tmp_path / FILE).write_text('{"deaths": 5, "at": 0.0}')
    with rested(tmp_path, lambda: 1.0, lambda seconds: True) as goes_on:
        assert not goes_on
    assert not (tmp_path / FILE).exists()


def test_signals_end_a_wait() -> None:
    """SIGTERM asks for a stop, SIGHUP only for an end of the wait; neither kills."""
    for number, stops in ((signal.SIGTERM, True), (signal.SIGHUP, False)):
        began = time.monotonic()
        bell = threading.Timer(0.1, os.kill, (os.getpid(), number))
        bell.start()
        assert stopped_within(20.0) is stops
        bell.join()
        assert time.monotonic() - began < 5.0
    assert not stopped_within(0.0)


def test_the_command_waits_as_a_service_only(door: Path, tmp_path: Path) -> None:
    """With systemd's runtime directory the third start in a row waits; SIGTERM ends that well."""
    here = {"RUNTIME_DIRECTORY": str(tmp_path), "DOORCTL_MODELS": str(tmp_path)}
    for _ in range(2):
        assert doorctl("run", data=door, **here).returncode == 69
    for _ in range(2):
        assert doorctl("run", data=door, DOORCTL_MODELS=str(tmp_path)).returncode == 69
    began = time.monotonic()
    third = doorctl("run", data=door, **here)
    assert third.returncode == 69
    assert "ended 2 times within a minute" in third.stderr
    assert time.monotonic() - began >= 2.0
    command = [sys.executable, "-m", "doorctl", "--data", str(door), "run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **here}) as fourth:
        assert fourth.stderr
        assert "in 4 s" in fourth.stderr.readline()
        time.sleep(0.5)  # it looks for signals from now on
        fourth.terminate()
        assert fourth.wait(3.0) == 0
    assert not (tmp_path / FILE).exists()
