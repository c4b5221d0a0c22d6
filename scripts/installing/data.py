"""What an upgrade does with a door's data: copied while in use, put back, compared.

data.py copy FROM TO          databases as one moment has them; nets and other programs' pipes stay behind
data.py restore FROM TO       put a copy back, if the databases have been brought to another version since
data.py mirror FROM TO        the same files in TO as in FROM, each changed in one step
data.py judge DIR [PART...]   what 'doorctl check' found before and after; parts that are named do not count
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

MAGIC = b"SQLite format 3\0"
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; a copy has none."""

LEFT = ("models", ".upgrade", ".cache")
"""Not copied: they are kept otherwise, are this program's own, or can be had again."""

NOW = ("gpio.json", "pins.jsonl")
"""Not put back: they say how the pins are now, not what is known."""


def files(top: Path) -> Iterator[Path]:
    """The files below, relative; without what is left out, and what only looks like a file."""
    for path in sorted(top.rglob("*")):
        short = path.relative_to(top)
        if short.parts[0] in LEFT or path.is_symlink() or not path.is_file():
            continue
        if any(
            path.name.endswith(end) and path.with_name(path.name.removesuffix(end)).exists() for end in BESIDE
        ):
            continue
        yield short


def is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def copy_database(source: Path, target: Path) -> None:
    """In one transaction of the target: a power cut leaves what was there, or all of the copy."""
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(source, 30.0)) as old, closing(sqlite3.connect(target, 30.0)) as new:
        new.execute("PRAGMA synchronous = FULL")
        old.backup(new)
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def copy_file(source: Path, target: Path) -> None:
    beside = target.with_name(f"{target.name}.new")
    shutil.copy2(source, beside)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(target)


def copy(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700, exist_ok=True)
    for short in files(source):
        (target / short).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_database(source / short):
            copy_database(source / short, target / short)
        else:
            copy_file(source / short, target / short)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def restore(source: Path, target: Path) -> None:
    """What happened at the door since stays where no database has changed its version."""
    databases = [short for short in files(source) if is_database(source / short)]
    if all((target / one).is_file() and version(source / one) == version(target / one) for one in databases):
        return
    print(
        f"{target}: the new version had changed the database: as it was before. What happened at the door "
        "since is in the journal alone, and 'doorctl events verify' wants --since-anchor with this moment",
        file=sys.stderr,
    )
    before = set(files(source))
    for short in before:
        (target / short).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if short in databases:
            copy_database(source / short, target / short)
        elif short.name not in NOW:
            copy_file(source / short, target / short)
    for short in set(files(target)) - before:
        if short.name not in NOW:
            (target / short).unlink()


def mirror(source: Path, target: Path) -> None:
    """The list of the nets comes last, so that it never names one that is not there yet."""
    wanted = sorted(
        (path.relative_to(source) for path in source.rglob("*") if path.is_file()), key=_list_last
    )
    for short in wanted:
        if (target / short).is_file() and (target / short).read_bytes() == (source / short).read_bytes():
            continue
        (target / short).parent.mkdir(parents=True, exist_ok=True)
        copy_file(source / short, target / short)
    for path in sorted(target.rglob("*")):
        if path.is_file() and path.relative_to(target) not in wanted:
            path.unlink()


def _list_last(short: Path) -> tuple[bool, Path]:
    return short.suffix == ".json", short


def findings(directory: Path, name: str) -> tuple[dict[str, tuple[bool, str]], int]:
    """Part by part whether it works and what is said of it; and the exit code of the whole."""
    told = {}
    for line in (directory / name).read_text().splitlines():
        try:
            found = json.loads(line)
            told[found["check"]] = bool(found["ok"]), f"{found['detail']} {found['hint']}".strip()
        except (ValueError, KeyError, TypeError):
            continue
    return told, int((directory / f"{name}.code").read_text())


def judge(directory: Path, passed_over: list[str]) -> int:
    """0 if nothing fails with the new version, 3 if all that does fails with the old one, too, and else 1."""
    new, code = findings(directory, "new")
    if code == 0:
        return 0
    old, _ = findings(directory, "old")
    failed = {part: why for part, (works, why) in new.items() if not works}
    worse = excused = False
    if not failed or code in (1, 2) or code > 128:  # it ended otherwise than by saying what fails
        print("doorctl check of the new version ended with exit code", code, file=sys.stderr)
        print(*(directory / "new.err").read_text().splitlines()[-15:], sep="\n", file=sys.stderr)
        worse = True
    for part, why in failed.items():
        if part in passed_over:
            continue
        before = old.get(part, (True, ""))[0]
        worse, excused = worse or before, True
        print(f"{part}: {why}", "" if before else "(with the old version, too)", file=sys.stderr)
    return 1 if worse else 3 if excused else 0


def main(words: list[str]) -> int:
    match words:
        case ["copy", source, target]:
            copy(Path(source), Path(target))
        case ["restore", source, target]:
            restore(Path(source), Path(target))
        case ["mirror", source, target]:
            mirror(Path(source), Path(target))
        case ["judge", directory, *parts]:
            return judge(Path(directory), parts)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
