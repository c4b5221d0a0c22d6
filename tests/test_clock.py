"""Times of day at the door: rules that let people pass when they may, and a clock that may be wrong."""

from __future__ import annotations

import ctypes
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from doorctl.app.clock import ASK_SECONDS, WallClock, synchronised
from tests.command import SIMULATED, doorctl, lines, refused
from tests.pictures import hopper_file

RULES = """\
access:
  zone: Europe/Vienna
  holidays: [2026-12-08]
  groups: {day: {people: [GRACE HOPPER], times: {mon-fri: "08:00-18:00"}}}
"""


@pytest.mark.parametrize(
    ("clock", "passes"),
    [
        ("2026-11-23T17:59:50+01:00", True),
        ("2026-11-23T18:00:00+01:00", False),
        ("2026-11-22T12:00:00+01:00", False),
        ("2026-12-08T12:00:00+01:00", False),
        ("2026-07-01T06:00:05Z", True),
        ("2026-12-01T06:59:50Z", False),
    ],
)
def test_people_pass_at_their_times(
    door: Path, models_dir: Path, walk_up_clip: Path, clock: str, passes: bool
) -> None:
    """Before and after the end of the day, on Sunday, on a holiday, in summer time and in winter: through the
    real command; outside the times the event names the person and says why."""
    (door / "doorctl.yaml").write_text(SIMULATED + RULES)
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    told = lines(doorctl("replay", walk_up_clip, "--clock", clock, "--json", data=door))
    first = next(row for row in told if row["event"].startswith("Access"))
    if passes:
        assert (first["event"], first["person"]) == ("AccessGranted", "Grace Hopper")
    else:
        wanted = ("AccessDenied", "Grace Hopper", "schedule", "outside_times")
        assert tuple(first[key] for key in ("event", "person", "reason", "detail")) == wanted


def test_rules_that_are_wrong_are_told_with_their_lines(door: Path) -> None:
    """Deep in the file too, all at once, and no door runs on half of them."""
    wrong = RULES.replace("Vienna", "Wien").replace("mon-fri", "mon-fry").replace("12-08]", "12-32]")
    (door / "doorctl.yaml").write_text(SIMULATED + wrong)
    told = doorctl("check", data=door)
    refused(
        told,
        78,
        "doorctl.yaml:4: access.zone",
        "did you mean Europe/Vienna",
        "doorctl.yaml:5: access.holidays",
    )
    refused(told, 78, "doorctl.yaml:6: access.groups.day.times.mon-fry: 'fry' is no day of the week")


def test_a_clock_is_trusted_once_it_was_set() -> None:
    """Unknown until somebody says that it is right; asked now and then; a lost network changes nothing."""
    at, sure = 0.0, False
    time = datetime(2026, 11, 21, 12, tzinfo=UTC)
    clock = WallClock(trusted=lambda: sure, now=lambda: time, seconds=lambda: at)
    assert clock() is None
    sure = True
    at = ASK_SECONDS - 1
    assert clock() is None
    at = ASK_SECONDS
    assert clock() == time
    sure, at = False, 1e6
    assert clock() == time


def test_timesyncds_word_is_enough(tmp_path: Path) -> None:
    """The file that it touches when it has set the clock; without it the kernel's own flag decides."""
    assert synchronised(tmp_path)
    timex = ctypes.create_string_buffer(512)
    assert ctypes.CDLL(None).adjtimex(timex) >= 0
    status = int.from_bytes(timex.raw[40:44], sys.byteorder)  # of struct timex where a long has 8 bytes
    assert synchronised(tmp_path / "none") is not bool(status & 0x40)  # STA_UNSYNC
