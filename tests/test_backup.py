"""A backup holds the whole door, and is for nobody without its passphrase."""

from __future__ import annotations

import io
import os
import pty
import select
import stat
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from doorctl.app import site
from doorctl.app.backup import MANIFEST, pack, record, unpack
from doorctl.app.locked_file import read_locked, write_locked
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.writing import write_private
from doorctl.enrol import token
from doorctl.errors import BackupError, OutputError
from doorctl.store import copying
from doorctl.store.database import Store
from doorctl.store.opened import FILE
from doorctl.store.sealing import survey
from doorctl.store.verify import verify
from tests.backups import EVIDENCE, TOKEN, make_door
from tests.command import doorctl, lines, refused
from tests.running_door import prepare, running
from tests.store.test_sealing import in_files, photo

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class Made:
    """A door, and the backup that was made of it."""

    settings: Settings
    file: Path
    content: bytes
    """Of the file, opened."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A door and one file, for to encrypt takes a second."""
    place = tmp_path_factory.mktemp("made")
    settings, taken = make_door(place)
    write_locked(place / "door.age", pack(taken), PASSPHRASE)
    with open_store(settings) as store:
        record(store, taken)
    return Made(settings, place / "door.age", read_locked(place / "door.age", PASSPHRASE))


def test_the_file_is_for_nobody_without_the_passphrase(made: Made, tmp_path: Path) -> None:
    """Another passphrase, one byte changed, or cut short anywhere: told, and nothing comes out. No name or
    piece of a template is to be read in it."""
    locked = made.file.read_bytes()
    assert locked.startswith(b"age-encryption.org/v1\n")
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert not any(secret in locked for secret in (b"Ann Lee", TOKEN.encode(), photo(1).vector[:6].tobytes()))
    assert in_files(made.settings.data, range(4)) == []
    assert [file.name for file in made.file.parent.iterdir() if file.is_file()] == ["key", "door.age"]
    with pytest.raises(BackupError, match="the passphrase is another one"):
        read_locked(made.file, PASSPHRASE + "r")
    # To try a passphrase takes a second, so each of these is wrong in more ways than one.
    for spoilt in (locked[:5000] + bytes([locked[5000] ^ 1]) + locked[5001:-20], locked[:60]):
        (tmp_path / "spoilt").write_bytes(spoilt)
        with pytest.raises(BackupError, match="changed or cut short"):
            read_locked(tmp_path / "spoilt", PASSPHRASE)
    for other in (b"", b"SQLite format 3\0"):
        (tmp_path / "other").write_bytes(other)
        with pytest.raises(BackupError, match="no backup of doorctl's"):
            read_locked(tmp_path / "other", PASSPHRASE)
    with pytest.raises(BackupError, match="No such file"):
        read_locked(tmp_path / "missing", PASSPHRASE)


def test_what_cannot_be_written_leaves_nothing(made: Made, tmp_path: Path) -> None:
    """A short passphrase, a directory that is missing, a file of something else: refused before any work."""
    with pytest.raises(BackupError, match="has 11 characters, and 12 are the least"):
        write_locked(tmp_path / "door.age", b"x", "x" * 11)
    with pytest.raises(OutputError, match="no directory"):
        write_locked(tmp_path / "missing" / "door.age", b"x", PASSPHRASE)
    database = made.settings.data / FILE
    before = database.read_bytes()
    with pytest.raises(BackupError, match="something else than a backup"):
        write_locked(database, b"x", PASSPHRASE)
    assert database.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_backup_that_was_there(small_disk: Path) -> None:
    """A newer one that does not fit: nothing of it stays."""
    (small_disk / "door.age").write_bytes(b"the one before")
    with pytest.raises(OSError, match="No space left"):
        write_private(small_disk / "door.age", b"x" * 2_000_000)
    assert [file.read_bytes() for file in small_disk.iterdir()] == [b"the one before"]


def test_the_passphrase_is_asked_for_twice_and_not_shown(door: Path) -> None:
    """At a terminal; one that is too short is refused with the reason."""
    with Store(door):
        pass
    screen, keyboard = pty.openpty()
    # A session of its own, whose terminal this is: a passphrase is asked for there, whatever else is open.
    there = ["setsid", "--wait", "sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(keyboard)]
    command = [sys.executable, "-m", "doorctl", "--data", str(door), "backup", str(door / "door.age")]
    shown, answers = b"", [b"a secret\n", b"a secret\n"]
    with subprocess.Popen([*there, *command]) as asking:
        end = time.monotonic() + 30
        while asking.poll() is None or select.select([screen], [], [], 0)[0]:
            assert time.monotonic() < end, shown
            if select.select([screen], [], [], 0.1)[0]:
                shown += os.read(screen, 1000)
                if shown.endswith(b": ") and answers:
                    os.write(screen, answers.pop())
    os.close(keyboard)
    os.close(screen)
    assert (asking.returncode, answers) == (65, [])
    assert b"8 characters" in shown
    assert b"a secret" not in shown
    assert not (door / "door.age").exists()


def test_everything_is_in_it_and_nothing_else(made: Made) -> None:
    """Any program that reads a tar finds the parts; nets and the key are none of them."""
    with tarfile.open(fileobj=io.BytesIO(made.content)) as tar:
        members = {info.name: info for info in tar.getmembers()}
    assert set(members) == {MANIFEST, FILE, "doorctl.yaml", site.FILE, token.NAME}
    assert {info.mode for info in members.values()} == {0o600}
    backup = unpack(made.content)
    assert (backup.manifest.people, backup.manifest.event) == (3, 3)
    assert (backup.evidence, backup.token) == (EVIDENCE, TOKEN.encode())
    assert backup.config == (made.settings.data / "doorctl.yaml").read_bytes()
    assert bytes(range(32)) not in made.content
    with closing(copying.opened(backup.database)) as copy:
        assert survey(copy).plain == 3
        assert verify(copy) == ()
    with open_store(made.settings) as store:
        told = store.events()[-1]
    assert (told.kind, told.detail) == ("BackedUp", "people: 3, events up to 3")


def test_what_is_no_backup_is_told() -> None:
    """No tar, an empty one, one without a database, one of a later format, a manifest that says nonsense."""

    def tar(**members: bytes) -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as written:
            for name, content in members.items():
                info = tarfile.TarInfo(name.replace("_", "."))
                info.size = len(content)
                written.addfile(info, io.BytesIO(content))
        return made.getvalue()

    good = b'{"format": 1, "made": "2026-01-31T08:00:00Z", "people": 0, "event": 0, "sha256": "%s"}' % (
        b"0" * 64
    )
    for bad in (
        b"no tar",
        tar(),
        tar(manifest_json=good),
        tar(doorctl_db=b"x"),
        tar(manifest_json=b"{}", doorctl_db=b"x"),
        tar(manifest_json=good.replace(b"1,", b"2,", 1), doorctl_db=b"x"),
    ):
        with pytest.raises(BackupError):
            unpack(bad)
    assert unpack(tar(manifest_json=good, doorctl_db=b"x", more_txt=b"y")).database == b"x"


def test_the_commands_while_the_daemon_runs_and_after(tmp_path: Path, models_dir: Path) -> None:
    """Backup goes on beside a running door; restore is refused there, and works once it has stopped. Whoever
    was forgotten meanwhile, by the daemon itself, does not come back."""
    data, file = tmp_path / "door", tmp_path / "door.age"
    prepare(data)
    (tmp_path / "words").write_text(f"{PASSPHRASE}\n")
    words = ("--passphrase-file", tmp_path / "words")
    with Store(data) as store:
        for seed, name in enumerate(("Grace Hopper", "Eileen Collins"), 1):
            store.enrol(name, [photo(seed, "face_reid_0095")])
    with running(data) as door:
        (told,) = lines(doorctl("backup", file, *words, "--json", data=data))
        assert told["people"] == 2
        door.until(lambda: "BackedUp" in door.kinds())
        assert doorctl("people", "forget", "Grace Hopper", "--yes", data=data).returncode == 0
        refused(doorctl("restore", file, *words, "--yes", data=data), 75, "another doorctl")
        assert "Hopper" not in door.log()
    before = [event.id for event in door.events()]
    refused(doorctl("restore", file, "--yes", data=data), 65, "no passphrase")
    (done,) = lines(doorctl("restore", file, *words, "--yes", "--json", data=data))
    assert (done["people"], done["not_brought_back"], done["events_stay"]) == (1, [1], True)
    with Store(data) as store:
        assert [person.name for person in store.people()] == ["Eileen Collins"]
    assert [event.id for event in door.events()][: len(before)] == before
