"""What the steps of ``scripts/prove install`` look at and do, inside the root. The standard library alone."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from scripts.proofs import guest
from scripts.proofs.guest import STATE, Done, expect, run

TOP = Path("/opt/doorctl")
KEY = Path("/etc/credstore/doorctl.key")
DATABASE = STATE / "doorctl.db"
DOOR = "/opt/doorctl/bin/doorctl"
NETS = ("--models", "/nets") if Path("/nets").is_dir() else ()
NAME = Path("/proof/name").read_text()
PASSED_OVER = ("dev", "run", "tmp", "proof", "var/log", "var/tmp")
TABLES = ("people", "photos", "templates", "held", "files")


def install(version: str, *words: str, seconds: float = 3600.0) -> Done:
    """Run that version's installer."""
    return run(f"/checkouts/{version}/scripts/install", *words, *NETS, seconds=seconds)


def good(done: Done) -> str:
    expect(done.returncode == 0, f"exit code {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def refused(done: Done, *told: str) -> str:
    expect(done.returncode not in (0, None), f"it should have failed: {done.stdout}")
    for word in told:
        expect(word in done.stderr, f"{word!r} should have been said: {done.stderr}")
    return next(line for line in done.stderr.splitlines() if told[0] in line)


def listing(top: str = "/", without: tuple[str, ...] = ()) -> dict[str, tuple[object, ...]]:
    """Every file below: kind, mode, owner, time, and what is in it."""
    found: dict[str, tuple[object, ...]] = {}
    mounted = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    skipped = (mounted | {f"/{name}" for name in (*PASSED_OVER, *without)}) - {"/"}
    for where, directories, files in os.walk(top):
        directories[:] = [name for name in directories if os.path.join(where, name) not in skipped]  # noqa: PTH118
        for name in (*directories, *files):
            path = Path(where, name)
            if str(path) in skipped or name == "__pycache__":
                continue
            about = path.lstat()
            held: object = ""
            if path.is_symlink():
                held = str(path.readlink())
            elif path.is_file():
                held = hashlib.sha256(path.read_bytes()).hexdigest(), about.st_mtime_ns
            found[str(path)] = about.st_mode, about.st_uid, about.st_gid, held
    return found


def unchanged(before: dict[str, tuple[object, ...]], after: dict[str, tuple[object, ...]]) -> str:
    changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    expect(not changed, f"changed: {changed[:20]}")
    return f"{len(after)} files and directories are as they were"


def version() -> str:
    return run(DOOR, "--version").stdout.split()[-1]


def data() -> dict[str, list[tuple[object, ...]]]:
    """What the database knows, table by table."""
    with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        told = {
            name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in TABLES if name in tables
        }
        return {
            **told,
            "version": db.execute("PRAGMA user_version").fetchall(),
            "tables": [tuple(sorted(tables))],
        }


@contextmanager
def small(place: Path, megabytes: int) -> Iterator[None]:
    """A file system of that size in a place."""
    made = not place.exists()
    place.mkdir(exist_ok=True)
    good(run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)))
    try:
        yield
    finally:
        good(run("umount", str(place)))
        if made:
            place.rmdir()


def killed(
    version: str, word: str, *words: str, after: float = 0.3, once: Callable[[], bool] = lambda: True
) -> bool:
    """Run an installer and kill it, and all that it has started, once it has said that; whether it has."""
    arguments = [f"/checkouts/{version}/scripts/install", *words, *NETS]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as installer:
        assert installer.stdout
        for line in installer.stdout:
            if line.startswith(word):
                time.sleep(after)
                guest.until(once, 60.0, word)
                os.killpg(installer.pid, signal.SIGKILL)
                return True
    return False


def known() -> None:
    """The person is, and the door's user can still read and write all of its own."""
    people = data()["people"]
    expect(any(NAME in row for row in people), f"people: {people}")
    strange = run("find", str(STATE), "!", "-user", "doorctl").stdout
    expect(not strange, f"not the daemon's: {strange}")


def as_before(before: dict[str, list[tuple[object, ...]]], of: str) -> str:
    expect(version() == of, f"version {version()} is in force")
    guest.active()
    now = data()
    different = [name for name in {*before, *now} if before.get(name) != now.get(name)]
    expect(not different, f"changed: {different}")
    known()
    left = [path.name for path in TOP.iterdir() if path.name not in ("bin", "venv")]
    expect(len(left) == 1, f"one release is left: {left}")
    expect(not (STATE / ".upgrade").exists(), "no copy of the data is left")
    expect(not [*Path("/run").glob("doorctl-install.*")], "no key is left")
    return f"version {of} is in force and runs; people, photos, templates and tables are as they were"
