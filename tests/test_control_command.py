"""The running door commanded by the real commands: what moves, what is written down, what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from doorctl.app.control_client import own_name
from doorctl.app.control_peer import caller
from doorctl.app.control_wire import SOCKET
from doorctl.cli import app
from doorctl.cli.control import seconds_until
from tests.command import Done, doorctl, lines, refused
from tests.controls import as_somebody, line
from tests.pictures import hopper_file
from tests.running_door import Running, prepare, running
from tests.test_control import NOBODY, a_group, as_root

LIMITS = "control: {max_unlock_seconds: 1, max_hold_hours: 0.5, group: %s}\n"


@pytest.fixture(scope="module")
def door(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One daemon for all tests of this file that leave it as they found it; Grace Hopper is enrolled."""
    data = tmp_path_factory.mktemp("controlled") / "door"
    prepare(data, LIMITS % a_group().gr_name)
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=data).returncode == 0
    with running(data) as door:
        yield door


@pytest.mark.parametrize("command", ["status", "unlock", "hold-open", "lockdown", "reload", "lockouts"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    """--help shows how the command is used."""
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert f": doorctl {command}" in result.stdout


def test_how_it_stands_is_told(door: Running) -> None:
    """Door, people, threshold, liveness, camera, folder, last event, alarms, version: as text and as JSON."""
    (fields,) = lines(door.do("status", "--json"))
    assert (fields["state"], fields["lockdown"], fields["alarms"]) == ("locked", None, [])
    assert (fields["people"], fields["denied"]) == (1, 0)
    assert (fields["liveness"], fields["camera"], fields["folder"]) == ("off", "ok", "off")
    assert 0.5 < fields["threshold"] <= 1
    assert fields["pid"] == door.process.pid
    assert fields["last_event"]["event"] in door.kinds()
    told = door.do("status").stdout
    assert "door        locked\n" in told
    assert "holds up a photo" in told


def test_an_unlock_moves_the_pin_and_names_who_asked(door: Running) -> None:
    """The relay is on for as long as was asked and the rules allow, then off by itself; the event says who.

    More than the rules allow is cut down to that, and told."""
    before = len(door.levels())
    released = door.do("unlock", "--seconds", 1)
    assert (released.returncode, released.stdout) == (0, "released for 1 s\n")
    door.until(lambda: door.levels()[before:] == [1, 0])
    assert "Unlocked" in door.kinds()
    event = next(event for event in door.events() if event.kind == "Unlocked")
    assert event.detail == f"unlock for 1 s, by {own_name()}"
    (longest,) = lines(door.do("unlock", "--seconds", 600, "--json"))
    assert longest["seconds"] == 1.0
    assert "control.max_unlock_seconds" in longest["said"][0]
    door.until(lambda: door.levels()[before:] == [1, 0, 1, 0])
    refused(door.do("unlock", "--seconds", 0), 2)


def test_it_is_held_open_and_let_go(door: Running) -> None:
    """Until a time, shown by status; off ends it at once; longer than is allowed is cut down to that, and
    told; all events name who asked."""
    before = len(door.levels())
    held = door.do("hold-open", "--until", "20m")
    assert held.returncode == 0, held.stderr
    until = datetime.now().astimezone() + timedelta(minutes=20)
    assert "held open until" in held.stdout
    stands = door.status()
    assert abs(datetime.fromisoformat(stands["held_open_until"]) - until) < timedelta(minutes=1)
    door.until(lambda: door.levels()[before:] == [1])
    assert door.do("hold-open", "--until", "off").returncode == 0
    door.until(lambda: door.levels()[before:] == [1, 0])
    assert "was not held open" in door.do("hold-open", "--until", "off").stdout
    told = {e.kind: e.detail for e in door.events() if e.kind in ("HeldOpen", "HoldEnded")}
    assert told == {"HeldOpen": f"for 1200 s, by {own_name()}", "HoldEnded": f"by {own_name()}"}
    (longest,) = lines(door.do("hold-open", "--until", "45m", "--json"))
    assert longest["seconds"] == 1800
    assert "control.max_hold_hours" in longest["said"][0]
    assert door.do("hold-open", "--until", "off").returncode == 0


def test_a_lockdown_stands_against_every_other_order(door: Running) -> None:
    """While it is on no order releases the door, and clearing locks does not end it; both ends are events."""
    before = len(door.levels())
    assert "locked down" in door.do("lockdown", "on").stdout
    try:
        refused(door.do("unlock"), 77, "locked down", "doorctl lockdown off")
        refused(door.do("hold-open", "--until", "5m"), 77, "locked down")
        assert door.status()["lockdown"]["by"] == "operator"
        assert lines(door.do("lockouts", "--json"))[0]["ordered"] is True
        cleared = door.do("lockouts", "clear", "--yes")
        assert "stays locked down" in cleared.stdout
    finally:
        assert "is over" in door.do("lockdown", "off").stdout
    assert door.status()["lockdown"] is None
    assert door.levels()[before:] == []
    by = f"by {own_name()}"
    told = [(e.kind, e.detail) for e in door.events() if e.kind.startswith("Lock") or "Refused" in e.kind]
    assert [kind for kind, _ in told[-5:]] == [
        "LockedDown",
        "CommandRefused",
        "CommandRefused",
        "LocksCleared",
        "LockdownEnded",
    ]
    assert all(detail.endswith(by) for _, detail in told[-5:])


def test_people_are_denied_and_allowed_through_the_daemon(door: Running) -> None:
    """The door knows at once; nobody of that name is code 67, with the daemon's own words."""
    denied = lines(door.do("people", "deny", "grace hopper", "--json"))[0]
    assert (denied["person"], denied["denied"]) == ("Grace Hopper", True)
    door.until(lambda: door.status()["denied"] == 1)
    assert door.do("people", "allow", "Grace Hopper").stdout == "Grace Hopper is allowed\n"
    door.until(lambda: door.status()["denied"] == 0)
    refused(door.do("people", "deny", "Grace Hooper"), 67, 'did you mean "Grace Hopper"?')
    refused(door.do("people", "deny", "x\u202ey"), 65, "does not show")


@as_root
def test_a_member_of_the_group_needs_no_way_to_the_files(door: Running) -> None:
    """Somebody who may not read the store denies and unlocks through the daemon, and is named; somebody
    else is refused, and nothing happens."""
    group = a_group().gr_gid
    door.data.chmod(0o755)
    deny, allow = (line(do=what, name="Grace Hopper") for what in ("deny", "allow"))
    before = len(door.events())
    assert as_somebody(door.data, NOBODY, NOBODY, [], deny) == {"connect": "refused"}
    assert len(door.events()) == before
    assert as_somebody(door.data, NOBODY, NOBODY, [group], deny)["ok"]
    assert as_somebody(door.data, NOBODY, NOBODY, [group], allow)["ok"]
    assert as_somebody(door.data, NOBODY, NOBODY, [group], line(do="unlock", seconds=1))["ok"]
    unlocked = [event for event in door.events()[before:] if event.kind == "Unlocked"]
    assert [event.detail for event in unlocked] == [f"unlock for 1 s, by {caller(NOBODY)}"]


def reload(door: Running, *words: str) -> Done:
    """Have the configuration read, which is done once a second at most."""
    while (done := door.do("reload", *words)).returncode == 75:
        time.sleep(0.1)
    return done


def test_a_configuration_is_read_again_or_left(door: Running) -> None:
    """A change takes effect, a wrong file changes nothing and is told with its line and code 78, and what
    only counts from the next start is named."""
    file = door.data / "doorctl.yaml"
    before = file.read_text()
    try:
        file.write_text(before + "door: {open_seconds: 1.5}\n")
        assert "is read again" in reload(door).stdout
        assert "for 1.5 s" in door.do("unlock").stdout
        file.write_text(before + "door: {open_second: 1.5}\n")
        refused(reload(door), 78, "open_second", "doorctl.yaml:")
        assert "for 1.5 s" in door.do("unlock").stdout  # a broken file keeps nobody from commanding
        file.write_text(before.replace("max_unlock_seconds: 1", "max_unlock_seconds: 50"))
        assert lines(reload(door, "--json"))[0]["at_next_start"] == ["control"]
    finally:
        file.write_text(before)
        assert reload(door).returncode == 0
    assert f"by {own_name()}" in [event.detail for event in door.events() if event.kind == "Reloaded"]


def test_it_is_watched_once_a_second(door: Running) -> None:
    """status --watch goes on, one line each time for a script."""
    command = [sys.executable, "-m", "doorctl", "status", "--watch", "--json", "--data", str(door.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        told = [json.loads(watch.stdout.readline()) for _ in range(2)]
        watch.kill()
    assert [fields["pid"] for fields in told] == [door.process.pid] * 2


def test_without_a_daemon_a_sentence_says_so(door: Running, tmp_path: Path) -> None:
    """Code 3 for what only a daemon can do; a folder of photos without one is what it was."""
    data = tmp_path / "door"
    prepare(data)
    for command in (["status"], ["hold-open", "--until", "1m"]):
        refused(doorctl(*command, data=data), 3, "no daemon runs", "doorctl run")
    refused(doorctl("sync", data=data), 78, "no folder of photos")


@pytest.mark.slow
def test_a_daemon_that_hangs_is_told_in_time(door: Running) -> None:
    """Stopped in its tracks, it answers nobody: the command gives up and says so, code 75; and what was
    ordered meanwhile is not done when it goes on."""
    before = len(door.events())
    door.process.send_signal(signal.SIGSTOP)
    try:
        refused(door.do("unlock"), 75, "did not answer")
    finally:
        door.process.send_signal(signal.SIGCONT)
    door.until(door.answers)
    assert [event.kind for event in door.events()[before:]] == []


@pytest.mark.slow
def test_a_killed_daemons_socket_is_no_daemon_and_is_replaced(models_dir: Path, tmp_path: Path) -> None:
    """After SIGKILL the file stays: commands say that no daemon runs, and people can be changed directly. The
    next start listens again, as locked down as the door was, and takes the file away at its end."""
    data = tmp_path / "door"
    prepare(data)
    with running(data) as first:
        assert first.do("lockdown", "on").returncode == 0
        first.process.kill()
        first.process.wait(15)
    assert (data / SOCKET).exists()
    refused(doorctl("status", data=data), 3, "no daemon runs")
    refused(doorctl("people", "deny", "Grace", data=data), 67, "nobody is called")
    with running(data) as again:
        refused(again.do("unlock"), 77, "locked down")
        assert again.do("lockdown", "off").returncode == 0
        assert again.do("unlock").returncode == 0
    assert not (data / SOCKET).exists()


@pytest.mark.slow
def test_the_folder_is_looked_at_when_asked(models_dir: Path, tmp_path: Path) -> None:
    """The folder was missing, and the daemon would look again in half a minute: 'doorctl sync' makes it look
    now, says what was wrong, and status tells before and after."""
    data, photos = tmp_path / "door", tmp_path / "photos"
    prepare(data, f"photos: {{source: 'folder:{photos}'}}\n")
    with running(data) as door:
        door.until(lambda: door.status()["folder"] == "failing")
        photos.mkdir()
        (photos / "Grace Hopper-1.jpg").write_bytes(hopper_file().read_bytes())
        asked = door.do("sync")
        assert "looks at the folder now" in asked.stdout
        assert "could not be read lately" in asked.stdout
        door.until(lambda: door.status()["people"] == 1, 15)
        assert door.status()["folder"] == "ok"
        assert lines(door.do("sync", "--json"))[0]["fault"] == ""
        (photos / "Grace Hopper-DENY").touch()
        assert door.do("sync").returncode == 0
        door.until(lambda: door.status()["denied"] == 1, 15)


def test_until_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """A while, or the next time that the clock shows it, over midnight and over the change to summer time."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        noon = datetime(2026, 5, 4, 12, 0).astimezone()
        assert seconds_until("17:00", noon) == 5 * 3600
        assert seconds_until("00:00", noon) == 12 * 3600
        assert [seconds_until(text, noon) for text in ("2h", "1.5h", "30m", "90s")] == [
            7200,
            5400,
            1800,
            90,
        ]
        assert seconds_until("07:00", datetime(2026, 3, 28, 22, 0).astimezone()) == 8 * 3600
        for text in ("", "h", "25:00", "17", "-2h", "nanh", "infh", "0m", "0.5s", "40h", "11:55", "tomorrow"):
            with pytest.raises(typer.BadParameter):
                seconds_until(text, noon)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_only_a_name_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """SUDO_USER is passed on where this is root and it can be a user's name, and otherwise left alone."""
    monkeypatch.setenv("SUDO_USER", "anna")
    assert own_name() == ("root (anna)" if os.geteuid() == 0 else caller(os.geteuid()))
    monkeypatch.setenv("SUDO_USER", "an na")
    assert own_name() == caller(os.geteuid())
