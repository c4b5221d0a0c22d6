"""Follow the README's page for who runs a door, line by line, on a fresh Debian: see ``page_steps``.

    scripts/prove page [--release bookworm|trixie] [--keep]

In a container that systemd has booted, as a user who has just been made. What wants a camera, a lock or
another machine is simulated or passed over, and said to be. Needs root,
``debootstrap`` and ``systemd-container``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import cv2

from scripts.proofs.install import base, checkouts, container, follow, prepared, way_out
from scripts.proofs.roots import PROJECT, command

FPS = 15.0


def as_clip(frames: Path, to: Path) -> None:
    """A clip of a folder of pictures, as a camera's own program would record it."""
    writer = None
    for file in sorted(frames.iterdir()):
        picture = cv2.imread(str(file))
        if picture is not None:
            height, width = picture.shape[:2]
            writer = writer or cv2.VideoWriter(str(to), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (width, height))
            writer.write(picture)
    if writer is None:
        sys.exit(f"no pictures in {frames}")
    writer.release()


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove page")
    parser.add_argument("--release", choices=("bookworm", "trixie"), default="bookworm")
    parser.add_argument("--keep", action="store_true", help="leave the root where it is")
    chosen = parser.parse_args()
    if os.geteuid() or not (shutil.which("debootstrap") and shutil.which("systemd-nspawn")):
        print("this needs root, and Debian's debootstrap and systemd-container")
        return 2
    work = Path(tempfile.mkdtemp(prefix="doorctl-page-", dir="/var/tmp"))
    try:
        root = work / "root"
        arch = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        command("cp", "--archive", "--reflink=auto", base(chosen.release, arch), root)
        checkouts(work)
        settings, places = way_out()
        prepared(root, work, [*settings, "PIP_CACHE_DIR"], "page_steps")
        as_clip(root / "proof/walk", root / "proof/walk.mp4")
        shutil.copy(PROJECT / "README.md", root / "proof")
        print(f"{chosen.release}: the page, line by line", flush=True)
        quiet = ("systemd.show_status=no", "systemd.log_level=notice", "systemd.log_target=journal")
        words = [*container(root, work, settings, places), "--boot", *quiet]
        return 0 if follow(words, work / "told/steps", 3600.0) else 1
    finally:
        if chosen.keep:
            print(f"left: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
