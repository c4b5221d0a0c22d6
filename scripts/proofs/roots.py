"""Debian roots to prove things in: made once by debootstrap, with doorctl in them as it is now.

Needs root and ``debootstrap``. The packages that do not change are kept in ``.cache/roots``; each proof works
on a copy. Python packages are fetched by this machine's pip, as pinned, for the root's own Python.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doorctl.demo.portraits import fetch_portraits
from doorctl.demo.show import ENROLLED
from scripts.proofs.pulses import prepare

PROJECT = Path(__file__).resolve().parents[2]
KEPT = PROJECT / ".cache/roots"
PINS = PROJECT / "scripts/requirements/run.txt"
PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
PACKAGES = (
    *(
        "systemd",
        "systemd-sysv",
        "systemd-timesyncd",
        "dbus",
        "udev",
        "kmod",
        "procps",
        "passwd",
        "util-linux",
    ),
    *("python3", "python3-venv", "linux-image-amd64", "initramfs-tools"),
)
MODULES = "virtio_pci\nvirtio_blk\next4\n"
"""What the kernel needs to find its disk in an emulator. An initramfs for every machine is slow."""
GLIBC = {"bookworm": 36, "trixie": 41}
"""Its minor version: wheels that need no newer one run there."""


def command(*words: object, **more: object) -> None:
    """Run a command; what it prints is shown only if it fails.

    Raises:
        SystemExit: it does.
    """
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def inside(root: Path, *words: object) -> None:
    """Run a command in a root, without this machine's environment. Raises SystemExit if it fails."""
    command(
        "chroot",
        root,
        *words,
        env={"PATH": os.defpath + ":/usr/sbin:/sbin", "HOME": "/root", "LC_ALL": "C.UTF-8"},
    )


def debian(suite: str) -> Path:
    """A Debian root with the Python packages of a door; that of an earlier call, unless pins changed."""
    stamp = hashlib.sha256(PINS.read_bytes() + repr((PACKAGES, MODULES)).encode()).hexdigest()
    root, mark = KEPT / suite, KEPT / f"{suite}.made"
    if mark.exists() and mark.read_text() == stamp:
        return root
    mark.unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    print(f"making a Debian root: {suite}, {len(PACKAGES)} packages and what they need", flush=True)
    # With its own initramfs only at the end, once it is told for which machine.
    script = Path("/usr/share/debootstrap/scripts") / suite
    command(
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        suite,
        root,
        "http://deb.debian.org/debian",
        *([] if script.exists() else ["sid"]),
    )
    (root / "etc/initramfs-tools/conf.d/small").write_text("MODULES=list\n")
    (root / "etc/initramfs-tools/modules").write_text(MODULES)
    inside(root, "update-initramfs", "-u", "-k", "all")
    with wheels(suite) as directory:
        place = root / "var/tmp/wheels"
        shutil.copytree(directory, place)
        shutil.copy(PINS, place / "pins.txt")
        inside(root, "python3", "-m", "venv", "/opt/doorctl/venv")
        pip = (
            "/opt/doorctl/venv/bin/pip",
            "install",
            "--quiet",
            "--no-index",
            "--find-links",
            "/var/tmp/wheels",
        )
        inside(root, *pip, "--require-hashes", "-r", "/var/tmp/wheels/pins.txt")
        shutil.rmtree(place)
    mark.write_text(stamp)
    return root


@contextmanager
def wheels(suite: str) -> Iterator[Path]:
    """The pinned packages for a suite's own Python and C library."""
    directory = KEPT / f"{suite}-wheels"
    machine = os.uname().machine
    fits = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC[suite], 4, -1)]
    fits += [f"manylinux{old}_{machine}" for old in ("2014", "2010", "1")]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", directory]
    pip += ["--implementation", "cp", "--python-version", PYTHON[suite]]
    pip += [word for fit in fits for word in ("--platform", fit)]
    command(*pip, "--require-hashes", "-r", PINS)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def with_doorctl(suite: str, root: Path, models: Path) -> None:
    """Copy the kept root, and set doorctl up in it: program, user, unit, models, a person, a camera.

    Until there is an installer this is what one does.
    """
    command("cp", "--archive", "--reflink=auto", debian(suite), root)
    home, state = root / "opt/doorctl", root / "var/lib/doorctl"
    source = home / "source"
    source.mkdir()
    for name in ("doorctl", "pyproject.toml", "README.md", "LICENSE"):
        command("cp", "--recursive", PROJECT / name, source)
    pip = (
        "/opt/doorctl/venv/bin/pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    )
    inside(root, *pip, "/opt/doorctl/source")
    shutil.rmtree(source)
    (home / "bin").mkdir()
    (home / "bin/doorctl").symlink_to("../venv/bin/doorctl")
    shutil.copy(PROJECT / "systemd/doorctl.sysusers", root / "usr/lib/sysusers.d/doorctl.conf")
    shutil.copy(PROJECT / "systemd/doorctl.service", root / "etc/systemd/system")
    inside(root, "systemd-sysusers")
    (root / "etc/doorctl").mkdir()
    shutil.copytree(models, state / "models")
    (root / "srv/doorctl").mkdir()
    stage = KEPT / f"{suite}-stage"
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(prepare(stage) / "frames", state / "walk")
    photo = shutil.copy(fetch_portraits(stage / "portraits")[ENROLLED], state)
    shutil.rmtree(stage)
    inside(root, "chown", "-R", "doorctl:doorctl", "/var/lib/doorctl", "/srv/doorctl")
    inside(root, "chmod", "700", "/var/lib/doorctl")
    enrol = ("/opt/doorctl/bin/doorctl", "enrol", ENROLLED, f"/var/lib/doorctl/{Path(photo).name}")
    inside(root, "runuser", "-u", "doorctl", "--", *enrol)
    inside(root, "systemctl", "enable", "doorctl.service")
