"""A database is taken out, looked at, and put in the place of another: all of it, or nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from doorctl.core.decision import Event, EventKind
from doorctl.core.lockout import Lockout
from doorctl.errors import BackupError, SealedError, StoreError
from doorctl.store import copying, lockouts
from doorctl.store.chain import head
from doorctl.store.database import Store
from doorctl.store.merging import Merged, merge
from doorctl.store.opened import FILE
from doorctl.store.schema import MIGRATIONS, migrate
from doorctl.store.sealing import Vault, survey
from doorctl.store.verify import verify
from tests.store.test_durability import WRITE_FOR_EVER, start
from tests.store.test_sealing import OTHER, SCALE, in_files, photo, vault


def image(place: Path, *names: str, key: Vault | None = None) -> bytes:
    """A database with these people, each with a photo of a number of its own."""
    with Store(place, vault=key) as store:
        for seed, name in enumerate(names, 1):
            store.enrol(name, [photo(seed)])
        with store.reading() as db:
            return copying.image_of(db)


def test_an_image_is_all_of_it_with_open_templates_and_never_on_the_disk(tmp_path: Path) -> None:
    """What was encrypted is open in it, what was erased is not in it, and no file has a piece of either."""
    with Store(tmp_path, vault=vault()) as store:
        for seed, name in enumerate(("Ann", "Bob", "Cyd"), 1):
            store.enrol(name, [photo(seed)])
        store.forget("Bob")
        with store.reading() as db:
            taken = copying.image_of(db)
        events = store.events()
    assert in_files(tmp_path, range(1, 4)) == []
    assert [seed for seed in range(1, 4) if photo(seed).vector[:8].tobytes() in taken] == [1, 3]
    assert b"Bob" not in taken
    with closing(copying.opened(taken)) as copy:
        assert survey(copy).plain == 2
        assert head(copy).id == events[-1].id
        assert verify(copy) == ()
    with Store(tmp_path, vault=vault(OTHER)) as store, store.reading() as db, pytest.raises(SealedError):
        copying.image_of(db)


def test_what_is_too_large_for_the_memory_is_told(tmp_path: Path) -> None:
    """Before anything is copied, with what makes it smaller."""
    with Store(tmp_path) as store, store.reading() as db, pytest.raises(BackupError) as caught:
        copying.image_of(db, most=20_000)
    assert "audit.max_events" in caught.value.hint


def test_an_older_image_is_brought_up_to_date_and_a_newer_one_refused(tmp_path: Path) -> None:
    """Versions 1 to 4 come up whole; one of tomorrow, another program's, and damaged ones are told."""
    for version in range(1, len(MIGRATIONS)):
        db = sqlite3.connect(tmp_path / f"{version}.db", isolation_level=None)
        migrate(db, MIGRATIONS[:version])
        db.execute(
            "INSERT INTO people (name, key, created) VALUES ('Ann', 'ann', '2026-01-31T08:15:00.250Z')"
        )
        if version < 5:
            db.execute("INSERT INTO events (time, kind) VALUES ('2026-01-31T08:15:00.250Z', 'Started')")
        db.close()
        with closing(copying.opened((tmp_path / f"{version}.db").read_bytes())) as copy:
            assert copy.execute("SELECT name FROM people").fetchall() == [("Ann",)]
            assert verify(copy) == ()
    good = image(tmp_path / "store", *(f"Person {i}" for i in range(30)))
    with closing(copying.opened(good)) as copy:
        copy.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        newer = copy.serialize()
    with pytest.raises(StoreError, match="newer doorctl"):
        copying.opened(newer)
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE theirs (a)")
        theirs = db.serialize()
    spoilt = good[:8192] + b"\x5a" * 8192 + good[16384:]
    for bad in (spoilt, good[:9000], b"no database at all" * 100, b"", theirs):
        with pytest.raises((BackupError, StoreError)):
            copying.opened(bad)


def test_one_database_takes_the_place_of_another_and_nothing_of_that_is_left(tmp_path: Path) -> None:
    """Encrypted with the key that is here; the old file is overwritten for whoever has it open still."""
    new = image(tmp_path / "elsewhere", "Cyd")
    with Store(tmp_path / "here") as store:
        store.enrol("Ann", [photo(7)])
    path = tmp_path / "here" / FILE
    with path.open("rb") as held:
        with closing(copying.opened(new)) as copy:
            copying.replace(path, copying.sealed_image(copy, vault()))
        assert set(held.read()) == {0}
    assert sorted(file.name for file in path.parent.iterdir()) == [FILE]
    assert path.stat().st_mode & 0o777 == 0o600
    with Store(path.parent, vault=vault()) as store:
        assert [person.name for person in store.people()] == ["Cyd"]
        assert len(store.gallery("net", SCALE).templates) == 1
    assert in_files(path.parent, range(8)) == []


def test_a_database_that_is_in_use_is_not_replaced(tmp_path: Path) -> None:
    """Another connection, even one that does nothing: it is told, and all stays as it is."""
    new = image(tmp_path / "elsewhere", "Cyd")
    with Store(tmp_path) as store:
        store.enrol("Ann", [photo(1)])
        with pytest.raises(StoreError, match="in use by another program"):
            copying.replace(store.path, new)
        store.enrol("Bob", [photo(2)])
        assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [
            FILE,
            f"{FILE}-shm",
            f"{FILE}-wal",
        ]
    with Store(tmp_path) as store:
        assert [person.name for person in store.people()] == ["Ann", "Bob"]


def test_a_damaged_database_is_replaced_with_its_journal(tmp_path: Path) -> None:
    """A journal that is left beside a file that is none would spoil the new one: it goes first."""
    new = image(tmp_path / "elsewhere", *(f"Person {i}" for i in range(20)))
    place = tmp_path / "here"
    with Store(place) as store:
        for i in range(20):
            store.enrol(f"Other {i}", [photo(i)])
        wal = (place / f"{FILE}-wal").read_bytes()
    (place / FILE).write_bytes(b"\x5a" * 50_000)
    (place / f"{FILE}-wal").write_bytes(wal)
    copying.replace(place / FILE, new)
    with Store(place) as store:
        store.check()
        assert len(store.people()) == 20


TURN_FOR_EVER = """
import sys
from pathlib import Path
from doorctl.store.copying import replace
path, one, other = map(Path, sys.argv[1:])
images = one.read_bytes(), other.read_bytes()
for turn in range(1_000_000):
    replace(path, images[turn % 2])
    print(turn, flush=True)
"""


def test_kill_9_leaves_one_database_or_the_other(tmp_path: Path) -> None:
    """A program that exchanges two is killed at random moments: what is there is whole, and one of them."""
    place, sets = tmp_path / "here", (["Ann"], [f"Person {i}" for i in range(40)])
    place.mkdir()
    for number, names in enumerate(sets):
        (tmp_path / str(number)).write_bytes(image(tmp_path / f"of-{number}", *names))
    given = (place / FILE, tmp_path / "0", tmp_path / "1")
    command = [sys.executable, "-c", TURN_FOR_EVER, *map(str, given)]
    for seed in range(4):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(random.Random(seed).uniform(0.0, 0.2))
            writer.send_signal(signal.SIGKILL)
        with Store(place) as store:
            store.check()
            assert [person.name for person in store.people()] in sets
            assert store.clear_traces()
        assert [file.name for file in place.iterdir()] == [FILE]


def test_images_taken_while_others_write_are_whole(tmp_path: Path) -> None:
    """Two programs write events, enrol and forget: each of 20 images is one moment's, its events chained."""
    writers = [start(WRITE_FOR_EVER, tmp_path, who) for who in ("Ann", "Bob")]
    try:
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        ends = []
        with Store(tmp_path, vault=vault()) as store:
            for _ in range(20):
                with store.reading() as db:
                    taken = copying.image_of(db)
                with closing(copying.opened(taken)) as copy:
                    assert verify(copy) == ()
                    ends.append(head(copy).id)
        assert ends == sorted(ends)
        assert ends[-1] > ends[0]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_a_full_disk_leaves_the_old_database(small_disk: Path, tmp_path: Path) -> None:
    """Nothing is left of what did not fit, and what was there goes on."""
    with Store(small_disk) as store:
        store.enrol("Ann", [photo(1)])
    with pytest.raises(StoreError, match="No space left"):
        copying.replace(small_disk / FILE, b"x" * 2_000_000)
    assert [file.name for file in small_disk.iterdir()] == [FILE]
    with Store(small_disk) as store:
        store.check()
        assert [person.name for person in store.people()] == ["Ann"]


def test_the_present_outlives_an_older_database_where_it_must(tmp_path: Path) -> None:
    """Events, locks, who was forgotten or denied since, what was rejected, and numbers that were given."""
    names = ("Ann", "Bob", "Cyd", "Dee")
    old = image(tmp_path, *names)
    with Store(tmp_path) as store:
        store.forget("Bob")
        store.set_denied("Cyd", True)
        store.enrol("Eve", [photo(9), photo(10, held="unlike")])
        store.reject("Eve", [1])
        with store.undisturbed() as db:
            db.execute("INSERT INTO unwanted VALUES ('token')")
            lockouts.keep(db, Lockout(ordered=True, suspects=frozenset({3, 5})), 0.0)
        events = store.events()
        with closing(copying.opened(old)) as copy:
            with store.reading() as db:
                assert merge(copy, db) == Merged(True, (2,), (3,))
                assert head(copy) == head(db)
            after = copying.sealed_image(copy, Vault())
    copying.replace(tmp_path / FILE, after)
    with Store(tmp_path) as store:
        assert [(p.name, p.denied) for p in store.people()] == [("Ann", False), ("Cyd", True), ("Dee", False)]
        assert store.events() == tuple(
            # Whoever is not in the backup is known by number from now on.
            event if event.person != "Eve" else store.events(after_id=event.id - 1, limit=None)[0]
            for event in events
        )
        with store.reading() as db:
            assert verify(db) == ()
            assert db.execute("SELECT hash FROM unwanted WHERE hash = 'token'").fetchone()
            kept = lockouts.kept(db, 0.0)
        assert (kept.ordered, kept.suspects) == (True, frozenset({3}))
        assert store.enrol("Fay", [photo(11), photo(12, held="unlike")]).person.id == 6
        assert store.photos("Fay")[1].held == 2


def test_consent_is_as_it_is_now_not_as_it_was(tmp_path: Path) -> None:
    """Withdrawn since: it does not come back with an older database."""
    with Store(tmp_path) as store:
        store.enrol("Ann", [photo(1)])
        store.set_consent("Ann", date(2026, 1, 31))
        with store.reading() as db:
            old = copying.image_of(db)
        store.set_consent("Ann", None)
        with store.reading() as db, closing(copying.opened(old)) as copy:
            merge(copy, db)
            assert copy.execute("SELECT consented FROM people").fetchall() == [(None,)]


def test_another_doors_present_has_no_say(tmp_path: Path) -> None:
    """Its events do not go on from the older database's: nothing of it is taken over."""
    old = image(tmp_path / "one", "Ann")
    with Store(tmp_path / "two") as store:
        store.record(Event(EventKind.STARTED, 0.0))
        store.enrol("Ann", [photo(1)])
        store.forget("Ann")
        with store.reading() as db, closing(copying.opened(old)) as copy:
            assert merge(copy, db) == Merged(continues=False)
            assert copy.execute("SELECT name FROM people").fetchall() == [("Ann",)]


def test_an_empty_present_takes_all(tmp_path: Path) -> None:
    """A new machine's database, made a moment ago, adds nothing and loses nothing."""
    old = image(tmp_path / "one", "Ann", "Bob")
    with Store(tmp_path / "two") as store, store.reading() as db, closing(copying.opened(old)) as copy:
        assert merge(copy, db).forgotten == ()
        assert copy.execute("SELECT count(*) FROM events").fetchone() == (2,)
