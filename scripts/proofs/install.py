"""Install doorctl into a Debian root, upgrade it, break that, kill it, and remove it: see ``install_steps``.

    scripts/prove install [--release bookworm|trixie] [--arch amd64|arm64] [--plain] [--keep]

First in a container in which no systemd runs, then in one that systemd has booted. Roots of another kind of
processor run by emulation (``qemu-user-static``), and only in the first way.
Needs root, ``debootstrap`` and ``systemd-container``; packages are reached the way that this machine does.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from doorctl.demo.portraits import fetch_portraits
from doorctl.demo.show import ENROLLED
from scripts.proofs.pulses import prepare
from scripts.proofs.roots import KEPT, PROJECT, command

PACKAGES = "systemd,systemd-sysv,dbus,udev,kmod,procps,python3,ca-certificates,sudo"
"""What every Raspberry Pi OS has. What doorctl needs beyond that is for its installer to bring."""
PARTS = ("doorctl", "config", "systemd", "scripts", "pyproject.toml", "README.md", "LICENSE")
HALF = ("guest.py", "install_room.py", "install_steps.py", "install_upgrades.py", "page_steps.py")
DRIVE = """\
[Unit]
Description=The proof
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=exec
WorkingDirectory=/proof
PassEnvironment={names}
ExecStart=/usr/bin/python3 -u -m scripts.proofs.{steps}
StandardOutput=append:/told/steps
StandardError=append:/told/steps

[Install]
WantedBy=multi-user.target
"""
MIGRATION = """

MIGRATIONS = (*MIGRATIONS, ("CREATE TABLE {table} (one INTEGER PRIMARY KEY) STRICT",))
migrate.__defaults__ = (MIGRATIONS,)
"""
FAULTY = """

def {name}(settings: Settings) -> str:
    raise StoreError("broken on purpose", "take another version")
"""
NO_START = """

def run(settings: Settings, tell: object = None) -> None:
    from doorctl.app.state import open_store

    with open_store(settings):
        raise RuntimeError("broken on purpose")
"""
PROCESSOR = """\
processor\t: {number}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""
"""Of a Pi 4. An emulated program that finds another kind's in /proc/cpuinfo may crash, as LiteRT's does."""
EMULATOR = "qemu-aarch64"
VERSIONS: dict[str, dict[str, str]] = {
    "0.1.1": {"doorctl/app/check.py": FAULTY.format(name="_store")},
    "0.1.2": {"doorctl/app/check.py": FAULTY.format(name="_gpio")},
    "0.1.3": {
        "doorctl/store/schema.py": MIGRATION.format(table="spoilt"),
        "doorctl/app/service.py": NO_START,
    },
    "0.1.4": {},
    "0.1.4.1": {},
    "0.1.5": {"doorctl/store/schema.py": MIGRATION.format(table="newer")},
    "0.1.6": {"doorctl/store/schema.py": MIGRATION.format(table="newer")},
}
"""What is put at the end of files of each version that is to follow: the first three are no good."""


def base(release: str, arch: str) -> Path:
    """A minimal Debian, made once."""
    root = KEPT / f"install-{release}-{arch}"
    mark = root.with_suffix(".made")
    if mark.exists():
        return root
    print(f"making a Debian root: {release}, {arch}", flush=True)
    shutil.rmtree(root, ignore_errors=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    known = Path("/usr/share/debootstrap/scripts", release).exists()
    words = ["--variant=minbase", f"--arch={arch}", f"--include={PACKAGES}", release, root]
    command(
        "nice", "-n", "19", "debootstrap", *words, "http://deb.debian.org/debian", *([] if known else ["sid"])
    )
    mark.touch()
    return root


def checkouts(work: Path) -> Path:
    """The project as it is now, and as its next versions might be."""
    top = work / "checkouts"
    now = top / "0.1.0"
    now.mkdir(parents=True)
    for part in PARTS:
        command("cp", "--recursive", PROJECT / part, now)
    for version, changes in VERSIONS.items():
        command("cp", "--recursive", now, top / version)
        changed = {"doorctl/__init__.py": f'\n__version__ = "{version}"\n', **changes}
        for name, text in changed.items():
            file = top / version / name
            before = file.read_text()
            if name == "doorctl/__init__.py":
                before = re.sub(r"(?m)^__version__.*\n", "", before)
            file.write_text(before + text)
    return top


def way_out() -> tuple[dict[str, str], list[str]]:
    """How pip reaches its packages here, as environment; and the places of this machine that this names."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = {
        "PIP_" + key.rsplit(".", 1)[1].replace("-", "_").upper(): value.strip("'\"").replace("\\n", " ")
        for key, _, value in (line.partition("=") for line in told.splitlines())
    }
    for name in ("SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        if value := os.environ.get(name) or os.environ.get(name.lower()):
            settings[name] = value
    words = " ".join(settings.values()).replace("file://", " ").split()
    places = {str(Path(word).parent if Path(word).name == "simple" else word) for word in words}
    return settings, sorted(place for place in places if place.startswith("/") and Path(place).exists())


def emulation() -> None:
    """Have the kernel run programs for arm64 by qemu, as Debian's qemu-user-static asks for it at boot."""
    binfmt, asked = Path("/proc/sys/fs/binfmt_misc"), Path(f"/usr/lib/binfmt.d/{EMULATOR}.conf")
    if not asked.exists():
        sys.exit("this needs Debian's qemu-user-static")
    if not (binfmt / "register").exists():
        command("mount", "-t", "binfmt_misc", "binfmt_misc", binfmt)
    if not (binfmt / EMULATOR).exists():
        (binfmt / "register").write_text(asked.read_text().strip())


def container(root: Path, work: Path, settings: dict[str, str], places: list[str]) -> list[str]:
    """The words that start one, but for what runs in it."""
    cache = KEPT / "pip-cache"
    cache.mkdir(exist_ok=True)
    words = [
        "nice",
        "-n",
        "19",
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--console=pipe",
    ]
    words += ["--directory", str(root), "--resolv-conf=replace-host", "--timezone=off", "--link-journal=no"]
    words += [f"--bind-ro={place}" for place in places] + [f"--bind-ro={work / 'checkouts'}:/checkouts"]
    words.append(f"--bind={work / 'told'}:/told")
    words.append("--setenv=QEMU_CPU=cortex-a72")  # a Pi 4's, if it is emulated
    words += [f"--bind={cache}:/var/cache/pip", "--setenv=PIP_CACHE_DIR=/var/cache/pip"]
    if (shared := PROJECT.parent / "shared/models").is_dir():
        words.append(f"--bind-ro={shared}:/nets")
    return words + [f"--setenv={name}={value}" for name, value in settings.items()]


def follow(words: list[str], told: Path, seconds: float) -> bool:
    """Print what is told from inside; whether it came to its end, and nothing failed."""
    told.parent.mkdir(exist_ok=True)
    told.touch()
    with (
        told.open(errors="replace") as lines,
        tempfile.TemporaryFile() as other,
        subprocess.Popen(
            ["timeout", "--kill-after=10", f"{seconds:.0f}", *words],
            stdin=subprocess.DEVNULL,
            stdout=other,
            stderr=other,
        ) as machine,
    ):
        good, ended, last = False, False, ""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            while not ended:
                ended = machine.poll() is not None
                while line := lines.readline():
                    print(line, end="", flush=True)
                    last = line.strip()
                time.sleep(0.2)
        finally:
            if not ended:
                machine.terminate()
        good = last.startswith("END ") and last.endswith(" 0 failed")
        if not good:
            other.seek(0)
            print(*other.read().decode(errors="replace").splitlines()[-40:], sep="\n")
    return good


def prepared(root: Path, work: Path, names: list[str], steps: str) -> None:
    """What the steps need: themselves, a photo, and pictures of somebody who walks up; and to be begun."""
    proof = root / "proof/scripts/proofs"
    proof.mkdir(parents=True)
    for name in HALF:
        shutil.copy(PROJECT / "scripts/proofs" / name, proof)
    for package in (proof, proof.parent):
        (package / "__init__.py").touch()
    shutil.copytree(prepare(work / "stage") / "frames", root / "proof/walk")
    shutil.copy(fetch_portraits(work / "stage/portraits")[ENROLLED], root / "proof/photo.png")
    (root / "proof/name").write_text(ENROLLED)
    (root / "etc/hostname").write_text("door\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 door\n")
    (root / "etc/systemd/system/drive.service").write_text(DRIVE.format(names=" ".join(names), steps=steps))
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "drive.service").symlink_to("../drive.service")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove install")
    parser.add_argument("--release", choices=("bookworm", "trixie"), default="bookworm")
    parser.add_argument("--arch", choices=("amd64", "arm64"), default="amd64")
    parser.add_argument("--plain", action="store_true", help="only the part in which no systemd runs")
    parser.add_argument("--keep", action="store_true", help="leave the root where it is")
    chosen = parser.parse_args()
    if os.geteuid() or not (shutil.which("debootstrap") and shutil.which("systemd-nspawn")):
        print("this needs root, and Debian's debootstrap and systemd-container")
        return 2
    foreign = chosen.arch != {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    work = Path(tempfile.mkdtemp(prefix="doorctl-install-", dir="/var/tmp"))
    try:
        if foreign:
            emulation()
        root = work / "root"
        command("cp", "--archive", "--reflink=auto", base(chosen.release, chosen.arch), root)
        checkouts(work)
        settings, places = way_out()
        prepared(root, work, [*settings, "PIP_CACHE_DIR"], "install_steps booted")
        words = container(root, work, settings, places)
        steps = "cd /proof && exec python3 -u -m scripts.proofs.install_steps"
        print(f"{chosen.release}, {chosen.arch}: without systemd", flush=True)
        which = "emulated" if foreign else "plain"
        if foreign:
            pi = "".join(PROCESSOR.format(number=number) for number in range(os.cpu_count() or 1))
            (root / "proof/cpuinfo").write_text(pi)
            steps = f"mount --bind /proof/cpuinfo /proc/cpuinfo && {steps}"
        plain = [*words, "--as-pid2", "/bin/sh", "-c", f"{steps} {which} >/told/{which} 2>&1"]
        good = follow(plain, work / "told" / which, 4 * 3600.0 if foreign else 1800.0)
        if good and not (foreign or chosen.plain):
            print(f"{chosen.release}, {chosen.arch}: booted by systemd", flush=True)
            quiet = ("systemd.show_status=no", "systemd.log_level=notice", "systemd.log_target=journal")
            good = follow([*words, "--boot", *quiet], work / "told/steps", 3600.0)
        return 0 if good else 1
    finally:
        if chosen.keep:
            print(f"left: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
