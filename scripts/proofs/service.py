"""Boot a Debian with doorctl as its service, and drive that through ``systemctl``: see ``service_steps``.

    scripts/prove service [--suite bookworm|trixie] [--by nspawn|qemu] [--keep]

Camera and pin are simulated; systemd, its journal, and all that confines the service are real. A container
is quick, and people are let in there; but it has no devices to confine. An emulator has a kernel of its own,
and is too slow for faces: an operator releases the door there. Needs root, ``debootstrap``, and
``systemd-container`` or ``qemu-system-x86``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from scripts.proofs.guest import CONFIG, write_config
from scripts.proofs.roots import PROJECT, command, with_doorctl

HALF = ("guest.py", "service_steps.py", "service_faults.py", "confined.py")
"""What runs inside."""
DRIVE = """\
[Unit]
Description=The proof
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=exec
WorkingDirectory=/opt/proof
ExecStart=/usr/bin/python3 -m scripts.proofs.service_steps {options}

[Install]
WantedBy=multi-user.target
"""
SLOW = """\
[Service]
TimeoutStopSec=90
TimeoutStartSec=300
"""
"""Of an emulated processor, which takes ten seconds to start Python, not so much is asked."""
QUIET = ("systemd.show_status=no", "systemd.log_target=journal")
LIMIT_SECONDS = 3600.0
DISK = "6G"


def prepare_root(suite: str, root: Path, models: Path, *, emulated: bool) -> None:
    """doorctl in a root that proves it once it boots, and then switches itself off."""
    with_doorctl(suite, root, models)
    proof = root / "opt/proof/scripts/proofs"
    proof.mkdir(parents=True)
    for name in HALF:
        shutil.copy(PROJECT / "scripts/proofs" / name, proof)
    for package in (proof, proof.parent):
        (package / "__init__.py").touch()
    (root / "etc/systemd/system/drive.service").write_text(DRIVE.format(options="--emulated" * emulated))
    if emulated:  # with nobody before the camera, for whom it would take seconds a picture
        for number, picture in enumerate(sorted((root / "var/lib/doorctl/walk").iterdir())):
            cv2.imwrite(str(picture), np.full((240, 320, 3), number, np.uint8))
        drop_in = root / "etc/systemd/system/doorctl.service.d"
        drop_in.mkdir()
        (drop_in / "slow.conf").write_text(SLOW)
    for tty in ("console-getty.service", "serial-getty@ttyS0.service", "getty@tty1.service"):
        command("chroot", root, "systemctl", "mask", tty)
    # It never ends here, for there is no network: whoever waits for it does not start.
    command("chroot", root, "systemctl", "enable", "drive.service", "systemd-time-wait-sync.service")
    write_config(root / CONFIG.relative_to("/"))
    (root / "etc/hostname").write_text("door\n")


def nspawn(root: Path) -> list[str]:
    """Boot a container. Nothing is registered, for there may be no systemd outside."""
    words = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"]
    return [*words, "--console=passive", "--directory", str(root), "--boot", *QUIET]


def qemu(root: Path, image: Path) -> list[str]:
    """Boot an emulated machine: software alone, which runs everywhere."""
    command("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", root, image, DISK)
    boot = root / "boot"
    kernel, start = next(boot.glob("vmlinuz-*")), next(boot.glob("initrd.img-*"))
    line = ["root=LABEL=root", "rw", "console=ttyS0", "quiet", "loglevel=3", *QUIET]
    words = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"]
    words += ["-nographic", "-no-reboot", "-nic", "none", "-kernel", str(kernel), "-initrd", str(start)]
    return [*words, "-drive", f"file={image},if=virtio,format=raw,cache=unsafe", "-append", " ".join(line)]


def drive(words: list[str]) -> bool:
    """Boot, print what is told from inside, and return whether it ended and nothing failed."""
    end, good = time.monotonic() + LIMIT_SECONDS, False
    words = ["nice", "-n", "19", "timeout", "--kill-after=10", f"{LIMIT_SECONDS:.0f}", *words]
    other: list[str] = []
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
    ) as machine:
        assert machine.stdout
        for line in machine.stdout:
            told, mark, text = line.rstrip("\r\n").partition("| ")
            if not mark or told.strip("\x1b[0m\r"):
                other += [line] * bool(line.strip())
                continue
            print(text, flush=True)
            good = good or (text.startswith("END ") and text.endswith(" 0 failed"))
            if text.startswith("END ") or time.monotonic() > end:
                break
        try:
            machine.wait(60.0)
        except subprocess.TimeoutExpired:
            machine.terminate()
    if not good:
        print("".join(other[-40:]))
    return good


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove service")
    parser.add_argument("--suite", choices=("bookworm", "trixie"), default="bookworm")
    parser.add_argument("--by", choices=("nspawn", "qemu"), default="nspawn")
    parser.add_argument("--keep", action="store_true", help="leave the root where it is")
    chosen = parser.parse_args()
    missing = [
        tool for tool in ("debootstrap", "systemd-nspawn", "qemu-system-x86_64") if not shutil.which(tool)
    ]
    if os.geteuid() or missing:
        print("this needs root, and Debian's debootstrap, systemd-container, qemu-system-x86", *missing)
        return 2
    models = Path(os.environ["DOORCTL_MODELS"])
    emulated = chosen.by == "qemu"
    work = Path(tempfile.mkdtemp(prefix="doorctl-service-", dir="/var/tmp"))
    try:
        root = work / "root"
        prepare_root(chosen.suite, root, models, emulated=emulated)
        words = qemu(root, work / "disk") if emulated else nspawn(root)
        print(f"{chosen.suite} by {chosen.by}: {' '.join(words[:4])} ...", flush=True)
        return 0 if drive(words) else 1
    finally:
        if chosen.keep:
            print(f"left: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
