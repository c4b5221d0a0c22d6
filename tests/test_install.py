"""``scripts/install``: what it refuses, what it would do, and what an upgrade does with the data.

Installed, upgraded and removed for real it is by ``scripts/prove install``, in Debian roots.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
INSTALL = PROJECT / "scripts/install"
PARTS = sorted((PROJECT / "scripts/installing").glob("*.sh"))
DATA = PROJECT / "scripts/installing/data.py"
INSTALLED = Path("/opt/doorctl").exists()

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def install(tmp_path: Path) -> Run:
    """Run the installer on a machine whose programs answer as given."""

    def run(*words: str, input: str = "", **answers: str) -> Done:  # noqa: A002 - as subprocess has it
        programs = tmp_path / "bin"
        programs.mkdir(exist_ok=True)
        for name, script in {"dpkg": "echo amd64", **answers}.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        return subprocess.run(
            [INSTALL, *words],
            env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
            input=input,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def refused(done: Done, *words: str) -> None:
    assert done.returncode not in (0, None), done.stdout
    for word in words:
        assert word in done.stderr


def test_every_part_is_good_bash() -> None:
    """No part has a mistake that would show only when it is reached."""
    for file in (INSTALL, *PARTS):
        subprocess.run(["bash", "-n", file], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-x", "-a", "scripts/install"], cwd=PROJECT, check=True)


def test_without_root_it_says_how_to_run_it(install: Run) -> None:
    """Nothing is tried that could not be finished."""
    refused(install(id="echo 1000"), "needs root", "sudo scripts/install")


def test_a_32_bit_system_is_told_what_it_needs(install: Run) -> None:
    """The packages' kind counts: a 32-bit system may run a 64-bit kernel."""
    refused(install("--dry-run", dpkg="echo armhf"), "32-bit", "64-bit Raspberry Pi OS")


def test_another_processor_is_refused(install: Run) -> None:
    """There are no wheels for it, and pip's own words would not say so."""
    refused(install("--dry-run", dpkg="echo riscv64"), "not made for riscv64")


def test_a_system_that_is_not_debian_is_refused(install: Run) -> None:
    """Without dpkg there is nothing to install packages with."""
    refused(install("--dry-run", dpkg="exit 127"), "no dpkg", "Debian")


def test_an_old_python_is_told_with_the_system_to_take(install: Run) -> None:
    """Bullseye's Python 3.9 cannot run doorctl, and no package changes that."""
    old = '[ "$1" = --version ] && echo Python 3.9.2 && exit 0; exit 1'
    refused(install("--dry-run", python3=old), "needs Python 3.11", "Python 3.9.2", "Bookworm")


@pytest.mark.parametrize("words", [["--downgrade"], ["--models"], ["--offline", "/no/such/directory"]])
def test_a_mistaken_option_changes_nothing(install: Run, words: list[str]) -> None:
    """Exit code 2, and where to read on."""
    done = install(*words, id="echo 0")
    assert done.returncode == 2
    assert "--help" in done.stderr


def test_help_names_every_option(install: Run) -> None:
    """What can be given is told."""
    told = install("--help").stdout
    taken = set(re.findall(r"--[a-z-]+", INSTALL.read_text().partition("main() {")[2]))
    assert {"--dry-run", "--upgrade", "--purge", "--offline"} <= taken
    assert all(option in told for option in taken)


@pytest.mark.skipif(INSTALLED, reason="doorctl is installed on this machine")
def test_a_dry_run_tells_each_step_and_changes_nothing(install: Run) -> None:
    """It needs no root, and what it shows are the commands themselves."""
    told = install("--dry-run", "--no-pi", id="echo 1000").stdout
    steps = ("the user doorctl", "make release", "the nets", "doorctl.yaml", "doorctl.service")
    assert [step for step in steps if step not in told] == []
    assert "--require-hashes -r scripts/requirements/run.txt" in told
    assert "nothing was changed" in told
    assert not Path("/opt/doorctl").exists()


@pytest.mark.skipif(INSTALLED, reason="doorctl is installed on this machine")
def test_on_a_pi_camera_and_pins_come_from_the_system(install: Run) -> None:
    """picamera2 is apt's alone; what of it is bound to a numpy is brought for ours, and both are tried."""
    told = install("--dry-run", "--pi", **{"dpkg-query": "echo not-installed", "id": "echo 1000"}).stdout
    assert re.search(r"apt-get install .*python3-picamera2 python3-lgpio", told)
    assert "--system-site-packages" in told
    assert "-r scripts/requirements/pi.txt" in told
    assert "picamera2" in told[told.index("--version") :]


@pytest.mark.skipif(INSTALLED, reason="doorctl is installed on this machine")
def test_there_must_be_something_to_upgrade_or_to_remove(install: Run) -> None:
    """An upgrade of nothing is a mistake; nothing to remove is none."""
    refused(install("--upgrade", "--dry-run"), "nothing to upgrade")
    done = install("--uninstall", "--dry-run")
    assert done.returncode == 0
    assert "nothing of doorctl is installed" in done.stdout


def test_a_purge_wants_a_word(install: Run) -> None:
    """Whoever types anything else has lost nothing."""
    refused(install("--purge", id="echo 0", input="yes\n"), "no way back", "nothing was removed")


def test_what_the_pi_needs_is_pinned_for_our_numpy() -> None:
    """simplejpeg before 1.8 is built for numpy 1, and would keep picamera2 from being loaded."""
    pins = (PROJECT / "scripts/requirements/pi.txt").read_text()
    found = re.search(r"^simplejpeg==(\d+)\.(\d+)", pins, re.MULTILINE)
    assert found
    assert tuple(map(int, found.groups())) >= (1, 8)
    assert "--hash=sha256:" in pins


def data(*words: object) -> Done:
    """Run ``data.py`` as the installer does."""
    command = [sys.executable, "-I", str(DATA), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def make(directory: Path) -> sqlite3.Connection:
    """A data directory with a database that somebody has open."""
    (directory / "models").mkdir(parents=True)
    (directory / "models/net.tflite").write_bytes(b"net")
    (directory / "site.json").write_text("{}")
    (directory / "pins.jsonl").write_text("before")
    os.mkfifo(directory / ".lgd-nfy0")
    db = sqlite3.connect(directory / "doorctl.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE people (name)")
    db.execute("INSERT INTO people VALUES ('Grace Hopper')")
    db.execute("PRAGMA user_version = 5")
    return db


def people(directory: Path) -> list[str]:
    with closing(sqlite3.connect(directory / "doorctl.db")) as db:
        return [name for (name,) in db.execute("SELECT name FROM people")]


def test_a_copy_has_what_is_only_in_the_log_yet(tmp_path: Path) -> None:
    """A database in use is copied as one moment has it; nets, pipes and logs stay behind."""
    with closing(make(tmp_path / "data")):
        assert data("copy", tmp_path / "data", tmp_path / "copy").returncode == 0
    assert people(tmp_path / "copy") == ["Grace Hopper"]
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"doorctl.db", "site.json", "pins.jsonl"}
    assert (tmp_path / "copy/doorctl.db").stat().st_mode & 0o777 == 0o600


def test_what_happened_since_stays_where_the_database_did_not_change(tmp_path: Path) -> None:
    """A version that failed without touching the database takes no event with it."""
    with closing(make(tmp_path / "data")) as db:
        data("copy", tmp_path / "data", tmp_path / "copy")
        db.execute("INSERT INTO people VALUES ('Alan Turing')")
    assert data("restore", tmp_path / "copy", tmp_path / "data").returncode == 0
    assert people(tmp_path / "data") == ["Grace Hopper", "Alan Turing"]


def test_a_database_of_a_newer_version_is_put_back(tmp_path: Path) -> None:
    """The old version could not read it; what the new one left goes, but for how the pins are now."""
    with closing(make(tmp_path / "data")) as db:
        (tmp_path / "data/kept").mkdir()
        (tmp_path / "data/kept/note").write_text("mine")
        data("copy", tmp_path / "data", tmp_path / "copy")
        shutil.rmtree(tmp_path / "data/kept")
        db.execute("ALTER TABLE people RENAME TO persons")
        db.execute("PRAGMA user_version = 6")
    (tmp_path / "data/new.json").write_text("{}")
    (tmp_path / "data/pins.jsonl").write_text("now")
    done = data("restore", tmp_path / "copy", tmp_path / "data")
    assert done.returncode == 0
    assert "--since-anchor" in done.stderr
    assert people(tmp_path / "data") == ["Grace Hopper"]
    assert not (tmp_path / "data/new.json").exists()
    assert (tmp_path / "data/kept/note").read_text() == "mine"
    assert (tmp_path / "data/pins.jsonl").read_text() == "now"
    assert (tmp_path / "data/models/net.tflite").exists()


def test_a_mirror_has_no_more_and_no_less(tmp_path: Path) -> None:
    """Nets of the other version go; those that are the same are not written again."""
    one, two = tmp_path / "one", tmp_path / "two"
    for directory, files in ((one, ("kept", "added")), (two, ("kept", "gone"))):
        directory.mkdir()
        for name in files:
            (directory / name).write_text(name)
    number = (two / "kept").stat().st_ino
    assert data("mirror", one, two).returncode == 0
    assert {path.name for path in two.iterdir()} == {"kept", "added"}
    assert (two / "kept").stat().st_ino == number


@pytest.mark.parametrize(
    ("new", "code", "old", "passed_over", "judged"),
    [
        ({"camera": True}, 0, {}, [], 0),
        ({"camera": False}, 66, {"camera": False}, [], 3),
        ({"camera": False}, 66, {"camera": True}, [], 1),
        ({"camera": False}, 66, {"camera": True}, ["camera"], 0),
        ({"store": False, "camera": False}, 74, {"store": True, "camera": False}, ["camera"], 1),
        ({"another": False}, 69, {}, [], 1),
        ({"camera": False}, 1, {"camera": False}, [], 1),
        ({}, 1, {}, [], 1),
        ({}, 78, {}, [], 1),
        ({"camera": False}, 137, {"camera": False}, [], 1),
    ],
    ids=[
        *("all works", "failed before", "worked before", "passed over", "one of two", "a new part fails"),
        *("a crash after it", "a crash at once", "no configuration", "killed"),
    ],
)
def test_only_what_worked_before_counts(
    tmp_path: Path, new: dict[str, bool], code: int, old: dict[str, bool], passed_over: list[str], judged: int
) -> None:
    """A camera that is unplugged keeps nobody from an upgrade; a crash does, whatever failed before it."""
    for name, parts, ended in (("new", new, code), ("old", old, 0)):
        lines = [
            json.dumps({"check": part, "ok": ok, "detail": "", "hint": ""}) for part, ok in parts.items()
        ]
        (tmp_path / name).write_text("\n".join(lines))
        (tmp_path / f"{name}.code").write_text(f"{ended}\n")
        (tmp_path / f"{name}.err").write_text("Traceback\n" if ended == 1 else "")
    assert data("judge", tmp_path, *passed_over).returncode == judged
