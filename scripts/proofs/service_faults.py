"""What goes wrong with the service, in ``scripts/prove service``: deaths, lasting faults, key, sandbox."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.proofs import guest
from scripts.proofs.guest import CONFIG, PULSE, SLOW, STATE, UNIT, Facts, expect, run, shown, systemctl, until

WATCHDOG = 10.0
KEY = Path("/etc/credstore/doorctl.key")
LOCKS = 1.0 + 2.5 * SLOW
"""Seconds from a death to the pin being locked: a second, and what Python takes to start."""


def survives_kill() -> Facts:
    """Killed in mid-pulse: 'doorctl lock' has locked within a moment, and the daemon is back."""
    before = int(shown("NRestarts"))
    for number, name in ((signal.SIGKILL, "SIGKILL"), (signal.SIGSEGV, "SIGSEGV")):
        pid = guest.active()
        on = guest.rising(pid)
        time.sleep(0.5)
        at = time.monotonic()
        os.kill(pid, number)
        off = guest.falling(on)
        expect(off.pid != pid and off.at - at < LOCKS, f"locked {off.at - at:.2f} s later by {off.pid}")
        yield f"{name} {at - on.at:.2f} s into a pulse: locked {off.at - at:.2f} s later by ExecStopPost"
        guest.another(pid)
        guest.rising(int(shown("MainPID")))
        yield f"and lets in again {time.monotonic() - at:.1f} s after"
    expect(int(shown("NRestarts")) == before + 2, "NRestarts")


def is_watched() -> Facts:
    """Frozen in mid-pulse, which nothing but the watchdog ends."""
    pid, place = guest.active(), time.monotonic()
    on = guest.rising(pid)
    at = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    off = guest.falling(on)
    expect(off.at - at < WATCHDOG + LOCKS + 1.0, f"locked after {off.at - at:.2f} s")
    yield f"SIGSTOP {at - on.at:.2f} s into a pulse: locked {off.at - at:.2f} s later (WatchdogSec=10)"
    yield repr(guest.said("watchdog", place))
    guest.another(pid)
    guest.rising(guest.active())
    yield "restarted, and lets in again"


def locks_before_children() -> Facts:
    """What the daemon has started and will not end does not delay the lock."""
    voice, stubborn = Path("/opt/voice"), Path("/opt/stubborn")
    voice.mkdir(exist_ok=True)
    (voice / "granted.wav").touch()
    stubborn.write_text("#!/bin/sh\ntrap '' TERM HUP\nwhile :; do sleep 1; done\n")
    stubborn.chmod(0o755)
    CONFIG.write_text(CONFIG.read_text() + f"indicator: {{voice: {voice}, player: {stubborn}}}\n")
    systemctl("restart", UNIT)
    pid = guest.active()
    on = guest.rising(pid)
    until(lambda: run("pgrep", "-f", str(stubborn)).stdout, 10.0, "the player plays")
    at = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    off = guest.falling(on)
    expect(off.at - at < LOCKS, f"locked {off.at - at:.2f} s later")
    yield f"SIGKILL while a player runs that ignores SIGTERM: locked {off.at - at:.2f} s later"
    expect(not run("pgrep", "-f", str(stubborn)).stdout, "the player is gone")
    guest.write_config()
    systemctl("restart", UNIT)


def survives_the_journal() -> Facts:
    """The journal's daemon is restarted: the door goes on, and its next events arrive."""
    pid = guest.active()
    systemctl("restart", "systemd-journald.service")
    place = time.monotonic()
    guest.rising(pid)
    until(lambda: guest.entries(f"DOORCTL_EVENT={PULSE}", after=place), 20.0, "the journal has it")
    expect(guest.active() == pid, "the same process")
    yield "the same process; its events arrive"


def refuses_wrong_config() -> Facts:
    """Started with a wrong configuration: it fails with 78, says why, and is not started again and again."""
    place = time.monotonic()
    CONFIG.write_text(CONFIG.read_text() + "door2: {open_secnds: 9}\n")
    done = systemctl("restart", UNIT)
    expect(done.returncode != 0, "systemctl restart fails")
    until(lambda: shown("ActiveState") == "failed", 20.0 * SLOW, "failed")
    time.sleep(5.0)
    found = (shown("ActiveState"), shown("ExecMainStatus"), shown("NRestarts"))
    expect(found == ("failed", "78", "0"), str(found))
    yield f"failed, exit code 78, restarts 0; {guest.said('doorctl: /etc/doorctl', place)!r}"
    expect(guest.locked(), "locked")
    guest.write_config()
    expect(systemctl("start", UNIT).returncode == 0, "mended, it starts")
    yield "mended, 'systemctl start' is enough"


def waits_for_models() -> Facts:
    """Without its models it says so, and tries again after longer and longer pauses, which a stop ends."""
    guest.active()
    systemctl("stop", UNIT)
    place, away = time.monotonic(), STATE / "models.away"
    (STATE / "models").rename(away)
    systemctl("start", "--no-block", UNIT)
    yield repr(guest.said("model", place, 30.0 * SLOW))
    yield repr(guest.said("in 8 s", place, 60.0 * SLOW))
    starts = [
        int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6
        for entry in guest.entries(after=place)
        if str(entry.get("MESSAGE", "")).startswith("Starting ")
    ]
    gaps = [later - sooner for sooner, later in itertools.pairwise(starts)]
    yield f"starts {len(starts)}, apart by {', '.join(f'{gap:.1f}' for gap in gaps)} s"
    expect(shown("ExecMainStatus") in ("69", "0") and shown("ActiveState") == "activating", "tries again")
    yield f"systemctl status: {shown('StatusText')!r}"
    began = time.monotonic()
    systemctl("stop", UNIT)
    expect(shown("ActiveState") == "inactive" and time.monotonic() - began < 2.0 + LOCKS, "stopped")
    away.rename(STATE / "models")
    began = time.monotonic()
    expect(systemctl("start", UNIT).returncode == 0, "starts")
    yield f"a stop ended the pause; with the models back it was ready in {time.monotonic() - began:.1f} s"


def sealed() -> tuple[int, ...]:
    with sqlite3.connect(f"file:{STATE}/doorctl.db?mode=ro", uri=True) as db:
        return tuple(row[0] for row in db.execute("SELECT DISTINCT sealed FROM templates"))


def keeps_its_key() -> Facts:
    """Without a credential it starts; with one templates are sealed; with it lost it says what is missing."""
    expect(sealed() == (0,), "not sealed without a key")
    yield "no key in /etc/credstore: started all the same, templates not encrypted"
    KEY.parent.mkdir(mode=0o700, exist_ok=True)
    KEY.write_bytes(os.urandom(32))
    KEY.chmod(0o600)
    systemctl("restart", UNIT)
    pid = guest.active()
    until(lambda: sealed() == (1,), 20.0, "sealed")
    kept = Path(f"/run/credentials/{UNIT}/doorctl.key")
    yield f"{kept}: {run('stat', '-c', '%U %a', str(kept)).stdout.strip()}; templates encrypted"
    expect(run("head", "-c1", str(kept), user="nemo").returncode != 0, "nobody else reads it")
    guest.rising(pid)
    yield "and it lets in"
    place, away = time.monotonic(), KEY.with_suffix(".away")
    KEY.rename(away)
    systemctl("restart", "--no-block", UNIT)
    yield f"without the key again: {guest.said('their key', place, 30.0 * SLOW)!r}"
    expect(guest.locked(), "locked")
    systemctl("stop", UNIT)
    away.rename(KEY)
    expect(systemctl("start", UNIT).returncode == 0, "with the key back it starts")
    guest.rising(guest.active())
    yield "with the key back it lets in"


def groups_of_devices() -> Iterator[tuple[str, int, int]]:
    """The groups of devices that this kernel has, each with a number that is most likely nobody's."""
    lines = Path("/proc/devices").read_text().partition("Block")[0].splitlines()
    for major, _, name in (line.strip().partition(" ") for line in lines):
        if major.isdecimal() and name.isalnum() | ("_" in name):
            yield name, int(major), 1 if name == "mem" else 200


def is_confined() -> Facts:
    """What the daemon's own surroundings allow, tried from within them before a start."""
    drop_in = Path(f"/run/systemd/system/{UNIT}.d/probe.conf")
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("[Service]\nExecStartPre=/usr/bin/python3 /opt/proof/scripts/proofs/confined.py\n")
    for module in ("videodev", "snd", "gpio-mockup", "vivid"):
        options = ["gpio_mockup_ranges=-1,8"] if module == "gpio-mockup" else []
        run("modprobe", "-q", module, *options)
    for name, major, minor in groups_of_devices():
        run("mknod", "-m", "666", f"/dev/proof-{name}", "c", str(major), str(minor))
    place = time.monotonic()
    systemctl("daemon-reload")
    systemctl("restart", UNIT)
    lines = guest.said("confined:", place).partition("confined: ")[2]
    drop_in.unlink()
    systemctl("daemon-reload")
    guest.active()
    tried = json.loads(lines)
    if run("systemd-detect-virt", "--container").returncode == 0:
        yield "in a container, which has no devices to confine, and guards the clock itself: left out"
        tried = [one for one in tried if not one[0].startswith(("device ", "asking whether"))]
    yield from (f"{name}: {found}" for name, found, _ in tried)
    wrong = [
        f"{name}: {found}, expected {wanted}" for name, found, wanted in tried if found not in wanted.split()
    ]
    expect(not wrong, "; ".join(wrong))
