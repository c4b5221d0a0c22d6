"""The service's files, as systemd itself judges them, and held against the program."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorctl.app.control_wire import SOCKET
from doorctl.errors import ConfigError
from doorctl.pin_sections import IndicatorConfig
from doorctl.sections import Config
from doorctl.store.sealing import CREDENTIAL
from scripts.proofs import guest
from scripts.proofs.supervisor import Unit

SYSTEMD = Path(__file__).resolve().parents[1] / "systemd"
SERVICE = SYSTEMD / "doorctl.service"
TEXT = SERVICE.read_text()
MOST = 2.5
"""The exposure that systemd may rate the unit at, 0 to 10."""


def tool(name: str) -> str:
    """One of systemd's programs."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"no {name}: apt install systemd, which scripts/test does where it may")
    return found


def systemd(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run one of systemd's programs."""
    command = [tool(name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def settings() -> Iterator[tuple[str, str]]:
    """Every key of the unit and its value, in order."""
    for line in TEXT.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            yield key, value


def set_to(key: str) -> str:
    return next(value for name, value in settings() if name == key)


def test_the_unit_is_clean(tmp_path: Path) -> None:
    """systemd-analyze verify knows every key and every value, and has nothing to say."""
    # Installed is it nowhere here; whether a command is there belongs to the verdict.
    unit = tmp_path / "doorctl.service"
    unit.write_text(TEXT.replace(guest.COMMAND, shutil.which("true") or "/bin/true"))
    done = systemd("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_verify_would_tell(tmp_path: Path) -> None:
    """The same verdict on a unit with a key that nobody knows is another one."""
    unit = tmp_path / "doorctl.service"
    unit.write_text(TEXT.replace(guest.COMMAND, "/bin/true") + "\n[Service]\nProtectDoor=yes\n")
    assert "ProtectDoor" in systemd("systemd-analyze", "verify", "--man=no", unit).stderr


def test_the_unit_is_confined() -> None:
    """systemd rates its exposure at 2.5 of 10 at most."""
    done = systemd("systemd-analyze", "security", "--offline=yes", "--no-pager", SERVICE)
    rated = re.search(r"Overall exposure level for doorctl\.service: ([0-9.]+)", done.stdout)
    assert rated, done.stderr
    assert float(rated[1]) <= MOST


def test_what_is_left_open_is_explained() -> None:
    """Every point that systemd still minds is named in the unit's closing comment, and nothing else is."""
    done = systemd("systemd-analyze", "security", "--offline=yes", "--json=short", SERVICE)
    minded = {point["name"] for point in json.loads(done.stdout) if point["exposure"]}
    comment = TEXT.partition("still minds")[2].partition("[Install]")[0]
    for point in minded:
        key, _, value = point.split("/")[0].partition("=")
        assert key in comment, point
        for word in re.findall(r"[A-Z]{3,}|@[a-z-]+", value):
            assert word.removeprefix("AF_") in comment, point
    told = set(re.findall(r"^#   ([A-Z]\w+)", comment, re.M))
    assert told <= {re.split(r"[=/]", point)[0] for point in minded}


def test_the_user_has_what_the_unit_counts_on(tmp_path: Path) -> None:
    """systemd-sysusers makes user and groups where there is none of them."""
    (tmp_path / "etc").mkdir()
    done = systemd("systemd-sysusers", f"--root={tmp_path}", SYSTEMD / "doorctl.sysusers")
    assert done.returncode == 0, done.stderr
    users, groups = ((tmp_path / "etc" / name).read_text() for name in ("passwd", "group"))
    name = set_to("User")
    assert re.search(rf"^{name}:x:\d+:\d+:[^:]*:/var/lib/doorctl:/usr/sbin/nologin$", users, re.M)
    for group in ("video", "gpio", "audio"):
        assert re.search(rf"^{group}:x:\d+:{name}$", groups, re.M)
    assert re.search(rf"^{set_to('Group')}:x:\d+:$", groups, re.M)


def test_unit_and_program_mean_the_same() -> None:
    """Places, names and numbers that both know are the same in both."""
    assert set_to("LoadCredential") == CREDENTIAL
    assert int(set_to("RestartPreventExitStatus")) == ConfigError.exit_code
    assert set_to("Group") == Config().control.group
    assert f"/run/{set_to('RuntimeDirectory')}/{SOCKET}" in TEXT
    assert set_to("WorkingDirectory") == f"/var/lib/{set_to('StateDirectory')}"
    assert (IndicatorConfig().player, "char-alsa rw") == ("aplay -q", list(settings())[-2][1])
    for key in ("ExecStart", "ExecReload", "ExecStopPost"):
        assert guest.COMMAND in set_to(key)


def test_the_supervisor_of_the_proofs_does_as_the_unit_says() -> None:
    """What was measured under the stand-in for systemd holds for the unit: the times are the same."""
    unit = Unit()
    assert float(set_to("WatchdogSec")) == unit.watchdog_sec
    assert float(set_to("RestartSec")) == unit.restart_sec
    assert float(set_to("TimeoutAbortSec")) == unit.timeout_abort_sec
    assert float(set_to("TimeoutStopSec")) == unit.timeout_stop_sec
    assert set_to("LimitCORE") == "0"
