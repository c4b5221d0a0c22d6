"""What is done to a door that systemd runs, inside the root: upgraded, spoilt, killed in between, removed."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from scripts.proofs import guest
from scripts.proofs.guest import CONFIG, STATE, Facts, expect, run, shown, systemctl
from scripts.proofs.install_room import (
    DOOR,
    KEY,
    NETS,
    TABLES,
    TOP,
    as_before,
    data,
    good,
    install,
    killed,
    known,
    listing,
    refused,
    unchanged,
    version,
)

KILLED_AT = (
    "make release",
    "install doorctl into it",
    "trying it on a copy",
    "stopping the door",
    "trying it with camera",
    "point /opt/doorctl/venv",
)
"""What the installer says just before each thing that a power cut may interrupt, in this order."""


def started() -> Facts:
    """``--start`` starts the door; a key in its place encrypts templates."""
    if not KEY.exists():
        KEY.parent.mkdir(exist_ok=True)
        KEY.write_bytes(os.urandom(32))
        KEY.chmod(0o400)
    systemctl("stop", "doorctl")
    yield good(install("0.1.0", "--start")).splitlines()[-1]
    yield f"version {version()}, process {guest.active()}"
    yield run("systemctl", "--version").stdout.splitlines()[0]
    yield shown("FragmentPath")
    known()


def again_running() -> Facts:
    """A second run does not touch a door that runs."""
    before, pid = listing(without=("var/lib/doorctl",)), guest.active()
    expect("nothing to do" in good(install("0.1.0", "--start")), "nothing to do")
    expect(guest.active() == pid, "the same process")
    yield unchanged(before, listing(without=("var/lib/doorctl",)))


def asks_for_upgrade() -> Facts:
    """Another version is not installed over this one by chance."""
    yield refused(install("0.1.4"), "is installed, and this checkout is", "--upgrade")


def fails_on_copy() -> Facts:
    """A version whose check fails on a copy of the data: the door is not even stopped."""
    before, pid = data(), guest.active()
    yield refused(
        install("0.1.1", "--upgrade"), "the new version does not work here", "store: broken on purpose"
    )
    expect(guest.active() == pid, "the same process")
    yield as_before(before, "0.1.0")


def fails_with_pins() -> Facts:
    """A version that fails only with the pins, for which the door must be stopped: the old one runs again."""
    before, pid = data(), guest.active()
    yield refused(
        install("0.1.2", "--upgrade"), "the new version does not work here", "gpio: broken on purpose"
    )
    expect(guest.active() != pid, "it was stopped")
    yield as_before(before, "0.1.0")


def fails_after_migrating() -> Facts:
    """A version that changes the database and then does not start: program and database are put back."""
    before = data()
    done = install("0.1.3", "--upgrade")
    yield refused(done, "the new version does not start", "had changed the database", "the door runs again")
    yield as_before(before, "0.1.0")


def kills() -> Facts:
    """Killed at each step: the old or the new version starts with the machine, and the next run goes on."""
    before = data()
    for of, word in (*(("0.1.4", word) for word in KILLED_AT), ("0.1.4.1", "starting the door")):
        expect(killed(of, word, "--upgrade"), f"never said: {word}")
        # As the power would: the door dies, too, and comes back with the machine.
        systemctl("stop", "doorctl")
        systemctl("daemon-reload")
        systemctl("start", "doorctl")
        guest.active()
        expect(version() in ("0.1.0", "0.1.4", "0.1.4.1"), version())
        known()
        yield f"killed at {word!r}: {version()} runs"
    good(install("0.1.4.1", "--upgrade"))
    yield as_before(before, "0.1.4.1")


def killed_while_it_spoils() -> Facts:
    """Killed after a bad version has changed the database: the next run puts all back."""
    before = data()

    def spoilt() -> bool:
        return data()["version"] != before["version"]

    expect(killed("0.1.3", "starting the door", "--upgrade", once=spoilt), "killed")
    expect(spoilt() and version() == "0.1.3", "the bad version is in force")
    yield "a bad version was in force, with its own database"
    good(install("0.1.4.1"))
    yield as_before(before, "0.1.4.1")


def upgraded() -> Facts:
    """A good version, which has another database: all is kept, and the old one is gone."""
    before = data()
    stopped: float | None = None
    ready = 0.0
    with subprocess.Popen(
        ["/checkouts/0.1.5/scripts/install", "--upgrade", *NETS], stdout=subprocess.PIPE, text=True
    ) as installer:
        assert installer.stdout
        for line in installer.stdout:
            if line.startswith("stopping the door"):
                stopped = time.monotonic()
                guest.until(lambda: shown("ActiveState") == "inactive", 60, "stopped")
                guest.until(lambda: shown("ActiveState") == "active", 120, "started")
                ready = time.monotonic()
    expect(installer.returncode == 0 and stopped, "it ended well")
    now = data()
    expect(now["version"][0][0] == before["version"][0][0] + 1, "the database is of the new version")  # type: ignore[operator]
    for name in TABLES:
        expect(now.get(name) == before.get(name), f"{name} is kept")
    expect(version() == "0.1.5" and len([*TOP.glob("venv-*")]) == 1, "the new version alone")
    known()
    guest.active()
    yield f"without a door for {ready - (stopped or 0):.0f} s"


def no_camera() -> Facts:
    """An upgrade while the camera is unplugged: what fails with the old version, too, does not count."""
    systemctl("stop", "doorctl")
    (STATE / "walk").rename(STATE / "unplugged")
    try:
        told = install("0.1.6", "--upgrade")
    finally:
        (STATE / "unplugged").rename(STATE / "walk")
    expect("(with the old version, too)" in told.stderr, told.stderr)
    good(told)
    systemctl("start", "doorctl")
    guest.active()
    known()
    yield f"version {version()}"


def uninstalled() -> Facts:
    """The program goes; data, configuration, key and user stay as they are."""
    systemctl("stop", "doorctl")
    places = (str(STATE), "/etc/doorctl", "/etc/credstore")
    systemctl("start", "doorctl")
    guest.active()
    before = data()
    configuration = CONFIG.read_bytes(), KEY.read_bytes()
    yield good(install("0.1.0", "--uninstall")).splitlines()[-2]
    expect(not TOP.exists() and not Path("/usr/local/bin/doorctl").is_symlink(), "no program")
    expect(systemctl("cat", "doorctl").returncode, "no unit")
    expect(data() == before and (CONFIG.read_bytes(), KEY.read_bytes()) == configuration, "kept")
    expect(all(Path(place).exists() for place in places), "kept")
    expect(
        "nothing of doorctl is installed" in good(install("0.1.0", "--uninstall")), "twice is as good as once"
    )


def found_again() -> Facts:
    """Installed once more, it finds its people again."""
    good(install("0.1.6", "--start"))
    guest.active()
    known()
    yield f"version {version()}, {run(DOOR, 'people', 'list').stdout.strip().splitlines()[-1]}"


def purged() -> Facts:
    """Nothing is left, once somebody has said so."""
    done = install("0.1.6", "--purge")
    yield refused(done, "nothing was removed")
    guest.active()
    good(install("0.1.6", "--purge", "--yes"))
    left = run("find", "/", "-xdev", "-name", "*doorctl*", "-not", "-path", "/checkouts/*").stdout.split()
    left = [
        path for path in left if not path.startswith(("/proc", "/sys", "/var/log", "/var/tmp", "/var/cache"))
    ]
    expect(not left, f"left: {left}")
    expect(
        run("getent", "passwd", "doorctl").returncode and run("getent", "group", "doorctl").returncode,
        "no user",
    )
    yield "no file, user or group with the name doorctl"


BOOTED = (
    *(started, again_running, asks_for_upgrade, fails_on_copy, fails_with_pins, fails_after_migrating),
    *(kills, killed_while_it_spoils, upgraded, no_camera, uninstalled, found_again, purged),
)
