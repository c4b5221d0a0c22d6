"""A backup is brought back whole, or nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from doorctl.app import site
from doorctl.app.backup import Backup, take
from doorctl.app.place import one_round, only_one
from doorctl.app.restore import restore
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.enrol import token
from doorctl.errors import AlreadyRunningError, BackupError, DoorctlError, SealedError, StoreError
from doorctl.store import copying
from doorctl.store.database import Store
from doorctl.store.opened import FILE
from doorctl.store.schema import MIGRATIONS
from doorctl.store.sealing import survey
from doorctl.store.verify import verify
from tests.backups import TOKEN, door_at, make_door
from tests.store.test_sealing import SCALE, in_files, photo


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Backup:
    """Of three people, the last event being the third."""
    return make_door(tmp_path_factory.mktemp("made"))[1]


def names(settings: Settings) -> list[str]:
    with open_store(settings, create=False) as store:
        return [person.name for person in store.people()]


def state(place: Path) -> dict[str, bytes]:
    """Every file but the locks, with what is in it."""
    files = (file for file in place.rglob("*") if file.is_file() and file.suffix != ".lock")
    return {str(file.relative_to(place)): file.read_bytes() for file in files}


def test_a_new_machine_becomes_the_door(backup: Backup, tmp_path: Path) -> None:
    """An empty place: people, events, configuration, measurement and token come, templates encrypted with the
    key that the configuration names; everything is for its owner, or the door's user, alone."""
    data = tmp_path / "new"
    done = restore(Settings.find(None, data), backup, data=data)
    assert (done.people, done.replaced, done.fault) == (3, 0, "")
    assert sorted(file.name for file in done.written) == ["doorctl.yaml", token.NAME, site.FILE]
    settings = Settings.find(None, data)
    assert settings.config.door.open_seconds == 4
    assert names(settings) == ["Ann Lee", "Bob", "Cyd"]
    with open_store(settings) as store, store.reading() as db:
        assert survey(db).sealed == 3
        assert len(store.gallery("net", SCALE).templates) == 3
        assert verify(db) == ()
        last = store.events()[-1]
        assert last.kind == "Restored"
        assert last.detail == f"a backup of {backup.manifest.made.isoformat()}, events up to 3"
    assert in_files(data, range(4)) == []
    assert token.find_token({}, data).refresh == TOKEN
    assert data.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o077 for file in done.written}
    assert {mode for name, mode in modes.items() if name != "doorctl.yaml"} == {0}
    assert modes["doorctl.yaml"] & 0o037 == 0


def test_a_configuration_as_installed_gives_way_to_the_backups(backup: Backup, tmp_path: Path) -> None:
    """With nobody known, defaults are no decision of an owner's; a bad backup leaves them as they are."""
    installed = (Path(__file__).parents[1] / "config/doorctl.yaml").read_text()
    settings = door_at(tmp_path, installed)
    place = settings.data / "doorctl.yaml"
    place.chmod(0o640)
    before = place.stat()
    with pytest.raises(
        StoreError, match="the key /no/key cannot be read"
    ):  # which is only known when the configuration is in place
        restore(settings, replace(backup, config=b"store: {key_file: /no/key}\n"), data=settings.data)
    assert (place.read_text(), place.stat().st_mode, place.stat().st_ino) == (
        *(installed, before.st_mode, before.st_ino),
    )
    assert {file.name for file in settings.data.iterdir()} <= {place.name, "daemon.lock", "sync.lock"}
    done = restore(settings, backup, data=settings.data)
    assert place in done.written
    assert place.read_bytes() == backup.config


def test_what_is_there_stays_and_the_backups_comes_beside(backup: Backup, tmp_path: Path) -> None:
    """A configuration of this machine's own, its measurement and its token are not written over."""
    settings = door_at(tmp_path, "door: {open_seconds: 9}\n")
    (settings.data / site.FILE).write_bytes(b"{}\n")
    token.save_token(settings.data, token.Token("another-token"))
    done = restore(settings, backup, data=settings.data)
    assert [file.name for file in done.written] == ["doorctl.yaml.restored"]
    assert [file.name for file in done.kept] == ["doorctl.yaml", site.FILE, token.NAME]
    assert done.encrypted == ""
    assert Settings.find(None, settings.data).config.door.open_seconds == 9
    assert token.find_token({}, settings.data).refresh == "another-token"
    assert (settings.data / "doorctl.yaml.restored").read_bytes() == backup.config
    assert names(settings) == ["Ann Lee", "Bob", "Cyd"]


def broken(backup: Backup, change: str) -> Backup:
    """The backup with its database changed by a statement."""
    with closing(copying.opened(backup.database)) as copy:
        copy.execute(change)
        copy.execute("VACUUM")
        return replace(backup, database=copy.serialize())


@pytest.mark.parametrize(
    ("spoil", "error", "told"),
    [
        (lambda b: broken(b, "UPDATE events SET detail = 'x' WHERE id = 2"), BackupError, "event 2"),
        (lambda b: broken(b, "DELETE FROM events WHERE id = 3"), BackupError, "not the one"),
        (lambda b: broken(b, f"PRAGMA user_version = {len(MIGRATIONS) + 1}"), StoreError, "newer doorctl"),
        (lambda b: replace(b, database=b.database[:20_000]), BackupError, "damaged|cannot be used"),
        (lambda b: replace(b, database=b"nothing"), BackupError, "no database"),
    ],
)
def test_a_bad_backup_changes_nothing(
    backup: Backup, tmp_path: Path, spoil: Callable[[Backup], Backup], error: type[DoorctlError], told: str
) -> None:
    """Events that are not what was written down, a damaged database or a newer doorctl's: all stays."""
    settings = door_at(tmp_path)
    with open_store(settings) as store:
        store.enrol("Eve Adams", [photo(9)])
    before = state(tmp_path)
    with pytest.raises(error, match=told):
        restore(settings, spoil(backup), data=settings.data)
    assert state(tmp_path) == before
    empty = tmp_path / "empty"
    with pytest.raises(error, match=told):
        restore(Settings.find(None, empty), spoil(backup), data=empty)
    assert not empty.exists() or state(empty) == {}


def test_a_broken_chain_can_be_restored_all_the_same(backup: Backup, tmp_path: Path) -> None:
    """With --force: better the people with doubtful events than nothing."""
    settings = door_at(tmp_path)
    bad = broken(backup, "UPDATE events SET detail = 'x' WHERE id = 2")
    assert restore(settings, bad, data=settings.data, force=True).people == 3


def test_a_door_that_runs_or_reads_its_folder_is_not_replaced(backup: Backup, tmp_path: Path) -> None:
    """Nor one whose key is missing, nor one whose database another program has open."""
    settings = door_at(tmp_path, f"store: {{key_file: {tmp_path / 'key'}}}\n")
    with Store(settings.data) as store:
        store.enrol("Eve Adams", [photo(9)])
    before = state(tmp_path)
    with only_one(settings), pytest.raises(AlreadyRunningError, match="another doorctl runs"):
        restore(settings, backup, data=settings.data)
    with one_round(settings), pytest.raises(AlreadyRunningError):
        restore(settings, backup, data=settings.data)
    with pytest.raises(SealedError, match="No such file"):
        restore(settings, backup, data=settings.data)
    assert state(tmp_path) == before
    (tmp_path / "key").write_bytes(bytes(32))
    (tmp_path / "key").chmod(0o600)
    with Store(settings.data) as store:
        store.people()
        with pytest.raises(StoreError, match="in use by another program"):
            restore(settings, backup, data=settings.data)
    assert state(tmp_path).keys() == before.keys() | {"key"}
    assert names(settings) == ["Eve Adams"]


def test_whoever_was_forgotten_since_is_not_brought_back(backup: Backup, tmp_path: Path) -> None:
    """Nor let in again who was denied since; the events go on, and tell it by number."""
    settings = door_at(tmp_path)
    restore(settings, backup, data=settings.data)
    settings = Settings.find(None, settings.data)  # as the configuration that has come says
    with open_store(settings) as store:
        store.forget("Ann Lee")
        store.set_denied("Bob", True)
        store.enrol("Eve Adams", [photo(9)])
        events = store.events()
    done = restore(settings, backup, data=settings.data)
    assert (done.merged.continues, done.merged.forgotten, done.merged.denied) == (True, (1,), (2,))
    assert (done.people, done.replaced) == (2, 3)
    with open_store(settings) as store, store.reading() as db:
        assert [(p.name, p.denied) for p in store.people()] == [("Bob", True), ("Cyd", False)]
        assert verify(db) == ()
        after = store.events()
        assert [event.id for event in after[: len(events)]] == [event.id for event in events]
        assert after[-1].detail.endswith("; not brought back: #1; still denied: #2")
    for content in state(settings.data).values():
        assert b"Ann Lee" not in content
        assert b"Eve Adams" not in content


def test_another_doors_database_is_replaced_as_a_whole(backup: Backup, tmp_path: Path) -> None:
    """Its events end; the event of the restoration names the last of them."""
    settings = door_at(tmp_path)
    with open_store(settings) as store:
        store.enrol("Eve Adams", [photo(9)])
        with store.reading() as db:
            (hashed,) = db.execute("SELECT hash FROM events").fetchone()
    done = restore(settings, backup, data=settings.data)
    assert (done.merged.continues, done.replaced) == (False, 1)
    with open_store(settings) as store:
        assert store.events()[-1].detail.endswith(f"other events, up to event 1 sha256 {hashed.hex()}")


def test_a_damaged_database_is_replaced_and_that_is_told(backup: Backup, tmp_path: Path) -> None:
    """What was forgotten in it cannot be known: the caller is told that it could not be read."""
    settings = door_at(tmp_path)
    (settings.data / FILE).write_bytes(b"\x5a" * 50_000)
    done = restore(settings, backup, data=settings.data)
    assert "is not a database" in done.fault
    assert names(settings) == ["Ann Lee", "Bob", "Cyd"]


def test_another_key_takes_over_by_a_backup_and_its_restoration(backup: Backup, tmp_path: Path) -> None:
    """This is how a key is changed, or done away with: events and people stay."""
    settings = door_at(tmp_path, "", bytes(range(32)))
    restore(settings, backup, data=settings.data)
    with open_store(settings) as store:
        taken = take(settings, store)
    (tmp_path / "key").write_bytes(bytes(range(1, 33)))
    with open_store(settings) as store, pytest.raises(SealedError):
        store.gallery("net", SCALE)
    done = restore(settings, taken, data=settings.data)
    assert done.merged.continues
    with open_store(settings) as store, store.reading() as db:
        assert len(store.gallery("net", SCALE).templates) == 3
        assert verify(db) == ()
    (settings.data / "doorctl.yaml").write_text("")
    plain = Settings.find(None, settings.data)
    restore(plain, taken, data=settings.data)
    with open_store(plain) as store, store.reading() as db:
        assert survey(db).plain == 3


def test_a_backup_needs_the_key(tmp_path: Path) -> None:
    """Without it none is made."""
    settings, _ = make_door(tmp_path)
    (tmp_path / "key").unlink()
    (settings.data / "doorctl.yaml").unlink()
    settings = Settings.find(None, settings.data)
    with open_store(settings) as store, pytest.raises(SealedError, match="key is not here"):
        take(settings, store)
