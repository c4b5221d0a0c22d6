"""The steps of ``scripts/prove service``, inside a machine that systemd has booted.

python3 -m scripts.proofs.service_steps [--emulated]
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

from scripts.proofs import guest
from scripts.proofs import service_faults as faults
from scripts.proofs.guest import (
    COMMAND,
    CONFIG,
    EMULATED,
    PULSE_SECONDS,
    UNIT,
    Facts,
    Transcript,
    expect,
    run,
    shown,
    systemctl,
    until,
)

EXPOSURE = 2.5


def verified() -> Facts:
    """systemd's own judgement of the unit."""
    done = run("systemd-analyze", "verify", "--man=no", f"/etc/systemd/system/{UNIT}")
    expect(done.returncode == 0 and not done.stderr, f"verify: {done.returncode} {done.stderr}")
    yield "systemd-analyze verify: nothing to say"
    done = run("systemd-analyze", "security", "--no-pager", UNIT)
    rated = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    expect(rated and float(rated[1]) <= EXPOSURE, done.stdout[-200:])
    yield f"systemd-analyze security, of the running unit: {rated[1] if rated else ''}"
    yield run("systemctl", "--version").stdout.splitlines()[0] + ", Linux " + os.uname().release


def booted() -> Facts:
    """It was enabled, and has started with the machine."""
    pid = guest.active(240.0)
    told = "while time-sync.target waits" if systemctl("is-active", "time-sync.target").returncode else ""
    yield f"active (running) after boot {told}".strip()
    about = Path(f"/proc/{pid}/status").read_text()
    status = dict(line.split(":\t", 1) for line in about.splitlines() if ":\t" in line)
    user = run("id", "doorctl").stdout.strip()
    yield user
    expect(int(status["Uid"].split()[0]) == int(run("id", "-u", "doorctl").stdout), "runs as doorctl")
    expect(all(group in user for group in ("(video)", "(gpio)", "(audio)")), "in its groups")
    expect(int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1", "without privileges")
    expect(status["Seccomp"] == "2", "with a filter of system calls")
    limit = Path(f"/proc/{pid}/limits").read_text()
    expect(re.search(r"Max core file size +0 +0", limit), "no cores")
    for path, wanted in {
        "/var/lib/doorctl": "doorctl:doorctl 700",
        "/run/doorctl": "doorctl:doorctl 750",
        "/run/doorctl/control.sock": "doorctl:doorctl 660",
    }.items():
        found = run("stat", "-c", "%U:%G %a", path).stdout.strip()
        expect(found == wanted, f"{path}: {found}, expected {wanted}")
        yield f"{path} {found}"


def lets_in() -> Facts:
    """A person before the simulated camera is let in, and the journal has the event with its fields."""
    pid, place = guest.active(), time.monotonic()
    on = guest.rising(pid)
    off = guest.falling(on)
    yield f"released for {off.at - on.at:.2f} s"
    expect(1.8 < off.at - on.at < 2.5, "as long as configured")

    def granted() -> list[dict[str, str]]:
        return guest.entries("DOORCTL_EVENT=AccessGranted", after=place)

    entry = until(granted, 20.0, "the journal has it")[0]
    expect(entry["_TRANSPORT"] == "journal" and entry["SYSLOG_IDENTIFIER"] == "doorctl", str(entry))
    expect(entry["DOORCTL_PERSON_ID"].isdecimal() and entry["DOORCTL_EVENT_ID"].isdecimal(), str(entry))
    expect(entry["DOORCTL_REASON"] == "recognised" and float(entry["DOORCTL_SCORE"]) > 0.5, str(entry))
    expect(len(entry["MESSAGE_ID"]) == 32 and entry["PRIORITY"] == "6", str(entry))
    yield " ".join(f"{key}={entry[key]}" for key in sorted(entry) if key.startswith(("DOORCTL", "MESSAGE")))
    expect("hopper" not in json.dumps(guest.entries()).lower(), "no name in the journal")
    yield "no name in the journal"


def reloads() -> Facts:
    """A valid configuration is taken up by the running daemon, between two frames."""
    pid, place = guest.active(), time.monotonic()
    guest.write_config(open_seconds=1)
    done = systemctl("reload", UNIT)
    expect(done.returncode == 0, done.stderr)
    yield f"systemctl reload: 0; {guest.said('Reloaded', place)!r}"
    expect(guest.active() == pid, "the same process")
    on = guest.rising(pid)
    yield f"the same process; released for {guest.falling(on).at - on.at:.2f} s now"
    expect(EMULATED or guest.falling(on).at - on.at < 1.5, "as configured now")


def keeps_the_old() -> Facts:
    """A wrong configuration is told by systemctl and the journal, and changes nothing."""
    pid, place = guest.active(), time.monotonic()
    CONFIG.write_text(CONFIG.read_text() + "door2: {open_secnds: 9}\n")
    done = systemctl("reload", UNIT)
    expect(done.returncode != 0, "systemctl reload fails")
    yield f"systemctl reload: {done.returncode}; {guest.said('door2', place)!r}"
    yield repr(guest.said("the old one stays", place))
    expect((shown("ActiveState"), int(shown("MainPID"))) == ("active", pid), "active, the same process")
    guest.rising(pid)
    yield "active, the same process, and it still lets in"
    place = time.monotonic()
    systemctl("kill", "--signal=HUP", "--kill-whom=main", UNIT)
    yield f"and by SIGHUP: {guest.said('the old one stays', place)!r}"
    guest.write_config()
    expect(systemctl("reload", UNIT).returncode == 0, "and a mended one is taken up")


def commanded() -> Facts:
    """Root and members of the group command the door, and nobody else."""
    pid = guest.active()
    for name, groups in (("olga", ["-G", "doorctl"]), ("nemo", [])):
        run("useradd", *groups, name)
    expect(run(COMMAND, "status").returncode == 0, "root asks")
    place = time.monotonic()
    done = run(COMMAND, "unlock", "--seconds", "5", user="olga")
    expect(done.returncode == 0, done.stderr)
    yield f"olga, of the group doorctl: unlock: {guest.said('olga', place)!r}"
    expect(
        any(edge.pid == pid and edge.level for edge in guest.edges(place)) or not guest.locked(), "released"
    )
    refused = run(COMMAND, "unlock", user="nemo")
    expect(refused.returncode == 77, refused.stderr)
    yield f"nemo, of no group: exit code 77: {refused.stderr.splitlines()[0]}"
    for path in ("/var/lib/doorctl/doorctl.db", "/run/doorctl/control.sock"):
        expect(run("head", "-c1", path, user="nemo").returncode != 0, f"nemo reads {path}")
    expect(run("head", "-c1", "/var/lib/doorctl/doorctl.db", user="olga").returncode != 0, "olga reads it")
    yield "neither reads the database"


def stops() -> Facts:
    """Stopped in mid-pulse it locks, and anchors its events."""
    pid, place = guest.active(), time.monotonic()
    on = guest.rising(pid)
    began = time.monotonic()
    systemctl("stop", UNIT)
    took = time.monotonic() - began
    expect((shown("ActiveState"), shown("Result")) == ("inactive", "success"), "inactive")
    expect(guest.locked() and guest.falling(on).at - on.at < PULSE_SECONDS, "locked, before its time")
    events = [entry["DOORCTL_EVENT"] for entry in guest.entries(after=place) if "DOORCTL_EVENT" in entry]
    expect(events[-2:] == ["RelayOff", "Stopped"], str(events))
    yield f"stopped within {took:.1f} s; the pulse ended {guest.falling(on).at - on.at:.2f} s after its start"
    yield f"events {' '.join(events[-4:])}; {guest.said('audit anchor', place)!r}"
    expect(not Path("/run/doorctl").exists(), "/run/doorctl is gone")
    expect(systemctl("start", UNIT).returncode == 0, "starts again")


STEPS = (
    ("start: with the machine, as its own user, in its own places", booted),
    ("verify and security, by this version of systemd", verified),
    ("what the sandbox allows", faults.is_confined),
    ("start: a known person is let in; fields in the journal", lets_in),
    ("reload: a good configuration", reloads),
    ("reload: a broken one", keeps_the_old),
    ("control socket: whose it is and who may use it", commanded),
    ("stop in mid-pulse", stops),
    ("kill -9 in mid-pulse", faults.survives_kill),
    ("watchdog", faults.is_watched),
    ("kill -9 beside a child that will not end", faults.locks_before_children),
    ("the journal is restarted", faults.survives_the_journal),
    ("start with a broken configuration", faults.refuses_wrong_config),
    ("start without models", faults.waits_for_models),
    ("credential: absent, present, lost", faults.keeps_its_key),
)
NEED_A_FACE = (lets_in, faults.locks_before_children)


def main() -> int:
    transcript = Transcript()
    for name, run_step in STEPS:
        if EMULATED and run_step in NEED_A_FACE:
            transcript.say(f"----  {name}: left out, an emulated processor takes 5 s for a picture")
        else:
            transcript.step(name, run_step)
    transcript.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
