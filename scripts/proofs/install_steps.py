"""The steps of ``scripts/prove install``, inside the root.

    python3 -m scripts.proofs.install_steps plain|emulated|booted

``emulated`` is the part of ``plain`` that shows something of another processor.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from scripts.proofs.guest import CONFIG, STATE, Facts, FellError, expect, run, systemctl, write_config
from scripts.proofs.install_room import (
    DOOR,
    NAME,
    NETS,
    TOP,
    good,
    install,
    killed,
    listing,
    refused,
    small,
    unchanged,
    version,
)
from scripts.proofs.install_upgrades import BOOTED


def not_root() -> Facts:
    """Without root it says how it is run."""
    yield refused(run("runuser", "-u", "nobody", "--", "/checkouts/0.1.0/scripts/install"), "needs root")


def dry_run() -> Facts:
    """It tells every step, and changes nothing."""
    before = listing()
    told = good(install("0.1.0", "--dry-run"))
    for step in (
        "python3-venv",
        "the user doorctl",
        "make release",
        "the nets",
        "doorctl.yaml",
        "doorctl.service",
    ):
        expect(step in told, f"{step} is not told: {told}")
    yield f"{len(told.splitlines())} lines told"
    yield unchanged(before, listing())


def no_network() -> Facts:
    """Without a network it says so, and leaves nothing of ours."""
    done = run("unshare", "--net", "/checkouts/0.1.0/scripts/install", *NETS, seconds=900)
    yield refused(done, "apt could not", "is there a network")
    expect(not TOP.exists() and run("getent", "passwd", "doorctl").returncode, "nothing of ours is there")


def cut_short() -> Facts:
    """Killed while it fetches packages: no release is in force, and nothing starts with the machine."""
    expect(killed("0.1.0", "make release", after=8.0), "killed")
    left = [path.name for path in TOP.iterdir()]
    yield f"left: {left}"
    expect(not (TOP / "venv").exists() and not (TOP / "bin").exists(), "nothing is in force")
    expect(not Path("/etc/systemd/system/doorctl.service").exists(), "no unit")


def without_pypi() -> Facts:
    """With apt's packages at hand and no network, pip's failure is told."""
    done = run(
        "unshare",
        "--net",
        "env",
        "PIP_NO_CACHE_DIR=1",
        "PIP_RETRIES=0",
        "/checkouts/0.1.0/scripts/install",
        *NETS,
    )
    yield refused(done, "the Python packages could not be installed", "is there a network")


def full_disk() -> Facts:
    """A disk that is too small is told before anything is done; one that fills up, when it does."""
    with small(Path("/opt"), 300):
        yield refused(install("0.1.0"), "and 900 MB are needed", "make room")
    with small(TOP, 150):
        yield refused(install("0.1.0"), "could not be installed", "the disk is full")


def installed() -> Facts:
    """All is in its place, with the right owners, and nothing of this machine's in it."""
    began = time.monotonic()
    told = good(install("0.1.0"))
    yield f"installed in {time.monotonic() - began:.0f} s; {version()}"
    if "half finished" in told:
        yield "what the run that was cut short had left was removed"
    for path, wanted in {
        CONFIG: "640 root:doorctl",
        STATE: "700 doorctl:doorctl",
        STATE / "models": "755 doorctl:doorctl",
        TOP: "755 root:root",
        Path("/usr/lib/sysusers.d/doorctl.conf"): "644 root:root",
    }.items():
        found = run("stat", "-c", "%a %U:%G", str(path)).stdout.strip()
        expect(found == wanted, f"{path} is {found}")
    expect(systemctl("is-enabled", "doorctl").stdout.strip() == "enabled", "enabled")
    writable = run(
        "find", "/opt/doorctl", "!", "-user", "root", "-o", "!", "-type", "l", "-perm", "/022"
    ).stdout
    expect(not writable, f"root's alone: {writable[:300]}")
    groups = run("id", "-nG", "doorctl").stdout.split()
    expect({"video", "gpio", "audio"} <= {*groups}, f"groups: {groups}")
    yield f"owners and modes; enabled; doorctl is in {', '.join(groups)}"
    marks = run(
        "grep",
        "-rlE",
        "/checkouts|/var/cache/pip",
        "/etc",
        "/opt/doorctl",
        "--include=*.py",
        "--include=*.conf",
    )
    expect(not marks.stdout, f"this machine's places in {marks.stdout[:300]}")
    size = run("du", "-sm", "/opt/doorctl").stdout.split()[0]
    yield f"{size} MB in /opt/doorctl"


def again() -> Facts:
    """A second run changes nothing."""
    before = listing()
    told = good(install("0.1.0"))
    expect("nothing to do" in told, told)
    yield unchanged(before, listing())


def demo() -> Facts:
    """The demonstration ends well there, as the daemon's user."""
    began = time.monotonic()
    done = run(
        "env", "-C", "/tmp", "HOME=/tmp", DOOR, "demo", "--out", "/tmp/demo", user="doorctl", seconds=3 * 3600
    )
    told = [line for line in good(done).splitlines() if "Access" in line]
    expect(any("AccessGranted" in line for line in told), done.stdout)
    yield f"{time.monotonic() - began:.0f} s"
    yield from (line.strip() for line in told)


def checked() -> Facts:
    """With somebody enrolled, and camera and pins simulated, every part works."""
    if not (STATE / "walk").exists():
        shutil.copytree("/proof/walk", STATE / "walk")
        shutil.copy("/proof/photo.png", STATE / "photo.png")
        good(run("chown", "-R", "doorctl:doorctl", str(STATE)))
        write_config(CONFIG)
        good(run(DOOR, "enrol", NAME, str(STATE / "photo.png"), user="doorctl", seconds=600))
    done = run(DOOR, "check", "--json", user="doorctl", seconds=600)
    parts = [json.loads(line) for line in good(done).splitlines()]
    yield ", ".join(part["check"] for part in parts if part["ok"])


EMULATED = (dry_run, installed, again, demo, checked)
PLAIN = (not_root, dry_run, no_network, cut_short, without_pypi, full_disk, installed, again, demo, checked)


def main(which: str) -> int:
    steps: dict[str, tuple[Callable[[], Facts], ...]] = {
        "plain": PLAIN,
        "emulated": EMULATED,
        "booted": BOOTED,
    }
    failed = 0
    for step in steps[which]:
        began, facts, why = time.monotonic(), list[str](), ""
        try:
            for fact in step():
                facts.append(fact)
        except FellError as error:
            why = str(error)
        except Exception:  # noqa: BLE001 - the steps after it are still to be run
            why = traceback.format_exc()
        failed += bool(why)
        sentence = (step.__doc__ or "").strip().splitlines()[0]
        print(f"{'FAIL' if why else 'PASS'}  {step.__name__}: {sentence}  ({time.monotonic() - began:.0f} s)")
        for line in (*facts, *why.splitlines()):
            print(f"        {line}")
    print(f"END {len(steps[which]) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
