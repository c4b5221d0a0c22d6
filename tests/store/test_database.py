"""What the store keeps, on real SQLite files."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from doorctl.core.card import Calibration
from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Person, Reason, Vector
from doorctl.errors import NameRefusedError, PhotoError, StoreError, UnknownPersonError
from doorctl.store.database import Store
from doorctl.store.opened import FILE
from doorctl.store.records import NewPhoto

SCALE = Calibration(knots=((-1.0, 0.0), (1.0, 1.0)), source="made up for tests")
MIDDAY = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)


def vector(seed: int, size: int = 256) -> Vector:
    return np.random.default_rng(seed).normal(size=size).astype(np.float32)


def photo(seed: int, model: str = "net", size: int = 256, held: str = "") -> NewPhoto:
    return NewPhoto(f"{seed:064x}", f"folder/photo-{seed}.jpg", model, vector(seed, size), held)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


def test_files_are_for_their_owner_alone(store: Store) -> None:
    """Directory 0700, and 0600 for the file and what SQLite puts beside it, whatever the umask."""
    store.record(Event(EventKind.STARTED, 0.0))
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    files = list(store.path.parent.iterdir())
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_the_connection_is_set_up_for_power_cuts(store: Store) -> None:
    """WAL, a sync at each commit, references held, deleted content overwritten."""
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    with store.reading() as db:
        assert {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas} == pragmas


def test_the_version_tells_of_others_changes_only(store: Store) -> None:
    """What this store writes is no news to it; what another connection commits is."""
    before = store.version()
    store.record(Event(EventKind.STARTED, 0.0))
    assert store.version() == before
    with Store(store.path.parent) as beside:
        beside.enrol("Ann Lee", [photo(1)])
    assert store.version() != before


def test_enrolment_makes_a_person_once(store: Store) -> None:
    """The first photos make the person; more photos update; the same ones again do nothing."""
    first = store.enrol("Ann Lee", [photo(1), photo(2), photo(1)])
    again = store.enrol(" ANN  lee", [photo(2), photo(1)])
    more = store.enrol("ann lee", [photo(2), photo(3)])
    assert [e.added for e in (first, again, more)] == [2, 0, 1]
    assert first.person == again.person == more.person == Person(1, "Ann Lee")
    assert first.event is not None
    assert more.event is not None
    assert again.event is None
    assert [e.kind for e in store.events()] == [EventKind.PERSON_ENROLLED, EventKind.PERSON_UPDATED]
    (ann,) = store.people()
    assert (ann.photos, ann.templates, ann.denied) == (3, {"net": 3}, False)
    assert abs(ann.created - datetime.now(UTC)) < timedelta(minutes=1)
    assert store.person("ANN LEE") == ann


def test_a_photo_can_have_templates_of_several_models(store: Store) -> None:
    """After a change of nets the known photos get templates of the new one beside the old."""
    store.enrol("Ann", [photo(1)])
    assert store.enrol("Ann", [photo(1, "other", 128)]).added == 1
    assert store.person("Ann").templates == {"net": 1, "other": 1}
    (kept,) = store.photos("Ann")
    assert (kept.source, kept.sha256, sorted(kept.models)) == ("photo-1.jpg", f"{1:064x}", ["net", "other"])


def test_an_enrolment_that_fails_leaves_nothing(store: Store) -> None:
    """One bad photo of several: no person, no photo, no event."""
    store.enrol("Bob", [photo(9)])
    before = store.events()
    with pytest.raises(StoreError, match="have 256 numbers, and this one has 128"):
        store.enrol("Ann", [photo(1), photo(2, size=128)])
    for bad in ([np.nan] * 256, [0.0] * 256, [[1.0]]):
        with pytest.raises(ValueError, match="finite vector"):
            store.enrol("Ann", [photo(1), NewPhoto("00", "a.jpg", "net", np.array(bad, np.float32))])
    with pytest.raises(ValueError, match="needs photos"):
        store.enrol("Ann", [])
    with pytest.raises(NameRefusedError):
        store.enrol("A\nnn", [photo(1)])
    assert [p.name for p in store.people()] == ["Bob"]
    assert store.events() == before


def test_templates_come_back_bit_for_bit(store: Store) -> None:
    """The gallery holds what was enrolled, grouped by person, with whoever is denied marked."""
    store.enrol("Ann", [photo(1)])
    store.enrol("Bob", [photo(2), photo(3)])
    store.enrol("Ann", [photo(4), photo(5, "other")])
    store.set_denied("Bob", True)
    gallery = store.gallery("net", SCALE)
    assert gallery.people == (Person(1, "Ann"), Person(2, "Bob", True))
    expected = [vector(seed) / np.linalg.norm(vector(seed)) for seed in (1, 4, 2, 3)]
    np.testing.assert_array_equal(gallery.templates, np.stack(expected))
    assert store.gallery("unheard of", SCALE).people == ()


def test_a_damaged_template_is_told(store: Store) -> None:
    """A template of another length, or of zeros, does not get into a gallery."""
    store.enrol("Ann", [photo(1), photo(2)])
    for blob in (b"\0" * 1024, b"\1" * 8):
        with store.undisturbed() as db:
            db.execute("UPDATE templates SET vector = ? WHERE id = 1", (blob,))
        with pytest.raises(StoreError, match="enrol again"):
            store.gallery("net", SCALE)


def test_denying_and_allowing(store: Store) -> None:
    """Each change is told once; saying the same again is no change."""
    store.enrol("Ann", [photo(1)])
    denied = store.set_denied("ann", True)
    assert denied is not None
    assert denied.person == Person(1, "Ann", True)
    assert store.set_denied("Ann", True) is None
    assert store.enrol("Ann", [photo(2)]).person.denied  # a new photo lets nobody back in
    assert store.set_denied("Ann", False) is not None
    kinds = [event.kind for event in store.events()]
    assert kinds == ["PersonEnrolled", "PersonDenied", "PersonUpdated", "PersonAllowed"]


def test_a_held_photo_is_kept_and_in_no_gallery(store: Store) -> None:
    """It counts as held and as nothing else, tells why, and has an event with its number, once."""
    store.enrol("Ann", [photo(1)])
    first = store.enrol("Ann", [photo(2, held="unlike"), photo(3)])
    again = store.enrol("Ann", [photo(2, held="unlike still")])
    assert (first.added, first.held) == (1, {f"{2:064x}": 1})
    assert (again.added, again.held, again.event) == (0, {f"{2:064x}": 1}, None)
    ann = store.person("Ann")
    assert (ann.photos, ann.held, ann.templates) == (2, 1, {"net": 2})
    assert [(p.held, p.why) for p in store.photos("Ann")] == [(None, ""), (1, "unlike"), (None, "")]
    assert len(store.gallery("net", SCALE).templates) == 2
    assert [(e.kind, e.detail) for e in store.events()] == [
        ("PersonEnrolled", "templates: 1"),
        ("PersonUpdated", "templates: 1"),
        ("PhotoHeld", "photo 1: unlike"),
    ]
    np.testing.assert_array_equal(store.held("ann", "net")[1], vector(2))
    assert store.held("Ann", "other") == {}


def test_approving_lets_a_held_photo_count(store: Store) -> None:
    """Only those that are named, all or none of them, each with its event; what is not held is told."""
    store.enrol("Ann", [photo(1), photo(2, held="unlike"), photo(3, held="unlike")])
    store.enrol("Bob", [photo(4), photo(5, held="unlike")])
    for numbers in ([1, 3], [2, 7]):
        with pytest.raises(PhotoError, match=f"Ann has no held photo {numbers[1]}"):
            store.approve("Ann", numbers)
    assert store.person("Ann").held == 2
    store.approve("ann", [2])
    assert [p.held for p in store.photos("Ann")] == [None, 1, None]
    assert len(store.gallery("net", SCALE).of(1)[0]) == 2
    told = store.events()[-1]
    assert (told.kind, told.person, told.detail) == ("PhotoApproved", "Ann", "photo 2")
    with pytest.raises(UnknownPersonError):
        store.approve("Zed", [1])


def test_a_photo_that_is_enrolled_after_all_is_held_no_longer(store: Store) -> None:
    """Given again without a reason to wait it counts; given again with one, an enrolled photo stays so, and
    brings in no template of other nets either."""
    store.enrol("Ann", [photo(1), photo(2, held="unlike")])
    assert store.enrol("Ann", [photo(2)]).added == 1
    assert store.person("Ann").held == 0
    late = store.enrol("Ann", [photo(1, held="unlike"), photo(2, "other", held="unlike")])
    assert (late.added, late.held) == (0, {})
    assert store.person("Ann").templates == {"net": 2}


def test_rejected_means_erased(store: Store) -> None:
    """File name and template are in no byte of the files afterwards, and the number is never used again."""
    store.enrol("Ann", [photo(1), photo(2, held="unlike")])
    secrets = [b"photo-2.jpg", vector(2)[:8].tobytes(), f"{2:064x}".encode()]
    files = [store.path, Path(f"{store.path}-wal"), Path(f"{store.path}-shm")]
    assert all(secret in b"".join(file.read_bytes() for file in files) for secret in secrets)
    with pytest.raises(PhotoError, match="no held photo 2"):
        store.reject("Ann", [2])
    store.reject("Ann", [1])
    after = b"".join(file.read_bytes() for file in files)
    assert [secret for secret in secrets if secret in after] == []
    assert store.events()[-1].kind == "PhotoRejected"
    assert store.person("Ann").photos == 1
    assert store.enrol("Ann", [photo(2, held="unlike")]).held == {f"{2:064x}": 2}


def test_an_unknown_person_is_told_with_the_nearest_name(store: Store) -> None:
    """Every lookup fails alike, and helps."""
    store.enrol("Grace Hopper", [photo(1)])
    with pytest.raises(
        UnknownPersonError, match='nobody is called "Grace Hoper": did you mean "Grace Hopper"'
    ):
        store.person("Grace Hoper")
    with pytest.raises(UnknownPersonError, match="people list"):
        store.forget("Zed")
    with pytest.raises(UnknownPersonError):
        store.set_denied("Zed", True)
    with pytest.raises(UnknownPersonError):
        store.photos("Zed")
    with pytest.raises(UnknownPersonError):
        store.events(person="Zed")
    assert len(store.events()) == 1


def test_removed_means_erased(store: Store) -> None:
    """Neither name, key, file name nor template is in any byte of the files, while the store is open."""
    names = [f"Person {chr(65 + i)} Zebra" for i in range(12)]
    for i, name in enumerate(names):
        store.enrol(name, [photo(10 * i + k) for k in range(5)])
    with Store(store.path.parent) as other:  # as the daemon has the file open beside the command
        other.people()
        for i in (3, 0, 11, 7):
            secrets = [names[i].encode(), names[i].lower().encode()]
            secrets += [f"photo-{10 * i + k}.jpg".encode() for k in range(5)]
            secrets += [vector(10 * i + k)[:8].tobytes() for k in range(5)]
            files = [store.path, Path(f"{store.path}-wal"), Path(f"{store.path}-shm")]
            before = b"".join(file.read_bytes() for file in files)
            assert all(secret in before for secret in secrets)
            store.forget(names[i])
            after = b"".join(file.read_bytes() for file in files)
            assert [secret for secret in secrets if secret in after] == []
    store.check()


def test_a_removed_number_is_never_given_again(store: Store) -> None:
    """Old events must not come to mean a newcomer; they show the number."""
    store.enrol("Ann", [photo(1)])
    store.forget("Ann")
    assert store.enrol("Bob", [photo(1)]).person.id == 2
    told = [(e.kind, e.person_id, e.person) for e in store.events()]
    assert told == [
        ("PersonEnrolled", 1, "#1"),
        ("PersonRemoved", 1, "#1"),
        ("PersonEnrolled", 2, "Bob"),
    ]
    assert [e.id for e in store.events(person="#1")] == [1, 2]
    assert [e.id for e in store.events(person="bob")] == [3]


def test_a_removal_beside_a_reader_says_that_traces_stay(tmp_path: Path) -> None:
    """While a reader holds the old pages they cannot go; that is told, and the person is removed."""
    with Store(tmp_path, busy_seconds=0.1) as store, Store(tmp_path) as reader:
        store.enrol("Ann", [photo(1)])
        with reader.reading() as db:
            db.execute("BEGIN")
            db.execute("SELECT * FROM people").fetchall()
            assert store.forget("Ann").traces
            db.execute("ROLLBACK")
        assert store.people() == ()


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    """Every field, with the time in UTC to the millisecond; what is not a number is left out."""
    ann = store.enrol("Ann", [photo(1)]).person
    event = Event(EventKind.ACCESS_GRANTED, 12.5, ann, Reason.RECOGNISED, 0.81, 0.2, "detail")
    number = store.record(event, time=MIDDAY.astimezone(timezone(timedelta(hours=5, minutes=30))))
    stored = store.events()[-1]
    assert (stored.id, stored.time, stored.at, stored.kind) == (number, MIDDAY, 12.5, "AccessGranted")
    assert (stored.person, stored.reason, stored.detail) == ("Ann", "recognised", "detail")
    assert (stored.score, stored.margin) == (0.81, 0.2)
    store.record(Event(EventKind.STOPPED, float("nan"), score=float("nan")))
    assert (store.events()[-1].at, store.events()[-1].score) == (None, None)


def test_events_can_be_chosen(store: Store) -> None:
    """By time, by number, and the last few; always oldest first."""
    for minute in range(5):
        store.record(Event(EventKind.RELAY_ON, 0.0), time=MIDDAY + timedelta(minutes=minute))
    ids = [event.id for event in store.events()]
    assert ids == [1, 2, 3, 4, 5]
    assert [e.id for e in store.events(limit=2)] == [4, 5]
    assert [e.id for e in store.events(limit=0)] == []
    assert [e.id for e in store.events(after_id=3)] == [4, 5]
    assert [e.id for e in store.events(since=MIDDAY + timedelta(minutes=3))] == [4, 5]
    local = (MIDDAY + timedelta(minutes=4)).astimezone().replace(tzinfo=None)
    assert [e.id for e in store.events(since=local)] == [5]


def test_several_threads_may_share_a_store(store: Store) -> None:
    """Frame loop, sync and signals write and read at once; nothing is lost or mixed up."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(20):
                store.record(Event(EventKind.RELAY_ON, float(i), detail=str(number)))
                store.enrol(f"Person {number}", [photo(100 * number + i)])
                store.people()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(p.photos for p in store.people()) == [20] * 4
    assert [e.id for e in store.events()] == list(range(1, 161))


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Using a store after its end is an error of ours, not of SQLite's."""
    store = Store(tmp_path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed database"):
        store.people()


def test_places_where_no_store_can_be(tmp_path: Path) -> None:
    """Each has its own words, and the path."""
    (tmp_path / "file").touch()
    (tmp_path / "dir" / FILE).mkdir(parents=True)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / FILE).write_text("This is not a database, but a long enough text. " * 50)
    for place, told in {
        "missing/data": "No such file or directory",
        "file": "Not a directory",
        "file/data": "Not a directory",
        "dir": "cannot be opened",
        "text": "is not a database",
    }.items():
        with pytest.raises(StoreError, match=told) as caught:
            Store(tmp_path / place)
        assert str(tmp_path) in str(caught.value)
        assert caught.value.hint
    assert not (tmp_path / "missing").exists()
    with pytest.raises(StoreError, match="no database at"):
        Store(tmp_path, create=False)
    assert not (tmp_path / FILE).exists()


def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    """A read-only place is told, for the superuser too (who may write anywhere but in /proc)."""
    place = Path("/proc/self") if os.geteuid() == 0 else tmp_path
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=f"{place / FILE}"):
        Store(place)
    tmp_path.chmod(0o700)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """Pages overwritten in the middle: an error of ours, whichever call meets them first."""
    with Store(tmp_path) as store:
        for i in range(30):
            store.enrol(f"Person {i}", [photo(i)])
    data = bytearray((tmp_path / FILE).read_bytes())
    data[4096:-4096] = b"\x5a" * (len(data) - 8192)
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"), Store(tmp_path) as store:
        store.check()
    with pytest.raises(StoreError, match="is damaged"), Store(tmp_path) as store:
        store.people()


def test_a_writer_that_does_not_end_is_told(tmp_path: Path) -> None:
    """Another program that holds the file costs the waiting time, and then an error."""
    with Store(tmp_path) as other, Store(tmp_path, busy_seconds=0.1) as store:
        with other.undisturbed(), pytest.raises(StoreError, match="in use by another program"):
            store.record(Event(EventKind.STARTED, 0.0))
        assert store.record(Event(EventKind.STARTED, 0.0)) == 1


def test_a_new_file_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """Whoever comes second waits while the first makes the file, switches it to WAL and migrates it."""
    failures: list[BaseException] = []

    def work(place: Path, together: threading.Barrier) -> None:
        together.wait()
        try:
            Store(place).close()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    for number in range(10):
        arguments = (tmp_path / str(number), threading.Barrier(8))
        threads = [threading.Thread(target=work, args=arguments) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
