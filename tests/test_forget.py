"""Whoever is forgotten is in no byte any more: in no database, nor beside it, nor in backups made since."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from doorctl.app.backup import pack, record, take, unpack
from doorctl.app.forgetting import named_in, receipt
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.core.decision import Event, EventKind
from doorctl.core.filing import Mark
from doorctl.core.listing import Entry
from doorctl.core.lockout import Lockout
from doorctl.core.plan import State
from doorctl.core.records import Person, Reason, Vector
from doorctl.errors import PhotoError, UnknownPersonError
from doorctl.store import copying, files, lockouts
from doorctl.store.chain import COLUMNS, digest, head
from doorctl.store.database import Store
from doorctl.store.records import NewPhoto
from doorctl.store.verify import verify
from tests.command import doorctl, lines, refused
from tests.pictures import hopper_file
from tests.test_sync import HOPPER, jpeg, world_of

JOSE = "José Ñandú Groß"
"""Stored composed; what stands in the folder may be spelt otherwise."""


def settings_at(place: Path, text: str = "", *, key: bool = False) -> Settings:
    """A door's settings, with a key for its templates if that is wanted."""
    data = place / "data"
    data.mkdir(parents=True)
    if key:
        (place / "key").write_bytes(bytes(range(32)))
        (place / "key").chmod(0o600)
        text += f"store: {{key_file: {place / 'key'}}}\n"
    (data / "doorctl.yaml").write_text(text)
    return Settings.find(None, data)


def vector(seed: int) -> Vector:
    return np.random.default_rng(seed).normal(size=256).astype(np.float32)


def entry(path: str, content: str) -> Entry:
    return Entry(path, path.casefold(), 10, content, "dbid:somebody")


def known(store: Store) -> None:
    """José with everything that can be known of somebody, beside Ann."""
    decomposed, shouted = unicodedata.normalize("NFD", JOSE), JOSE.upper()
    store.enrol("Ann Lee", [NewPhoto("a" * 64, "Ann Lee-1.jpg", "net", vector(1))])
    photos = [
        NewPhoto("b" * 64, f"{decomposed}-1.jpg", "net", vector(2), foldered=True, by="dbid:somebody"),
        NewPhoto("c" * 64, f"{shouted}-2.jpg", "net", vector(3), held="unlike"),
        NewPhoto("b" * 64, f"{decomposed}-1.jpg", "other", vector(4)),
    ]
    person = store.enrol(f"  {decomposed} ", photos).person
    assert person.name == JOSE
    store.set_consent(JOSE, store.person(JOSE).created.date())
    with store.undisturbed() as db:
        files.begin(db, "folder:/photos", "rules")
        files.put_taken(db, entry(f"{decomposed}-1.jpg", "content-hash-1"), JOSE, "b" * 64, waits=False)
        files.put_refused(
            db,
            entry(f"{shouted}-9.jpg", "content-hash-2"),
            JOSE,
            PhotoError("blurred", "again"),
            State.REFUSED,
        )
        # Of nobody in the table, and yet the path names him.
        nested = entry(f"{decomposed}/holiday/1.jpg", "content-hash-3")
        files.put_refused(db, nested, "", PhotoError("in a folder inside a folder"), State.REFUSED)
        files.put_mark(db, entry(f"{JOSE}-DENY", "content-hash-4"), Mark(JOSE, JOSE))
        files.put_taken(db, entry("Ann Lee-1.jpg", "content-hash-5"), "Ann Lee", "a" * 64, waits=False)
        lockouts.keep(db, Lockout(suspects=frozenset({person.id})), 0.0)
    store.record(Event(EventKind.ACCESS_GRANTED, 1.0, person, Reason.RECOGNISED, 0.9, 0.2))
    other = Person(1, "Ann Lee")
    store.record(Event(EventKind.ACCESS_DENIED, 2.0, other, Reason.AMBIGUOUS, 0.7, 0.01, nearest=person))


def spellings() -> list[bytes]:
    """The name, its parts and its photos' names, as any program might write them down."""
    words = [JOSE, *JOSE.split(), "ñandú groß-1", "holiday"]
    words += [spelt for word in words for spelt in (word.upper(), word.lower(), word.casefold())]
    words += [unicodedata.normalize("NFD", word) for word in words]
    coded = {word.encode(code) for word in words for code in ("utf-8", "utf-16-le", "utf-16-be")}
    return [*coded, *(json.dumps(word)[1:-1].encode() for word in words)]


def pieces() -> list[bytes]:
    """Of his templates, and what tells his photos."""
    found = [vector(seed)[at : at + 6].tobytes() for seed in (2, 3, 4) for at in range(0, 250, 50)]
    return [
        *found,
        b"b" * 64,
        b"c" * 64,
        b"content-hash-1",
        b"content-hash-2",
        b"content-hash-3",
        b"content-hash-4",
    ]


def everything(place: Path) -> bytes:
    """All bytes in a directory, names of files among them."""
    found = [file for file in place.rglob("*") if file.is_file()]
    return b"\n".join([*(str(file).encode() for file in found), *(file.read_bytes() for file in found)])


def in_(content: bytes, wanted: Iterable[bytes]) -> list[bytes]:
    return [one for one in wanted if one in content]


@pytest.mark.parametrize("key", [False, True], ids=["plain", "encrypted"])
@pytest.mark.parametrize("called", [JOSE.upper(), unicodedata.normalize("NFD", JOSE), "josé  ñandú GROSS"])
def test_whoever_is_forgotten_is_in_no_byte(tmp_path: Path, called: str, *, key: bool) -> None:
    """However the name is spelt: neither name, nor file's name, nor template is in the database, its journal,
    any other file beside it, or a backup; and every event still fits the one before it."""
    settings = settings_at(tmp_path, key=key)
    with open_store(settings) as store, open_store(settings) as daemon:  # as the daemon has it open
        known(store)
        assert daemon.people()
        before = everything(settings.data)
        assert in_(before, [JOSE.encode(), b"b" * 64, JOSE.casefold().encode()])
        assert bool(in_(before, pieces()[:15])) is not key
        assert in_(take(settings, store).database, pieces()[:15])
        forgotten = store.forget(called, "root")
        after = everything(settings.data)
        assert in_(after, spellings() + pieces()) == []
        backup = pack(take(settings, store))
        assert in_(backup, spellings() + pieces()) == []
        with closing(copying.opened(unpack(backup).database)) as copy:
            assert copy.execute("SELECT name FROM people").fetchall() == [("Ann Lee",)]
        assert not forgotten.traces
        with store.reading() as db:
            assert verify(db) == ()
            assert head(db) == forgotten.event
            rows = db.execute(f"SELECT {COLUMNS}, previous, hash FROM events ORDER BY id").fetchall()
        for *content, previous, hashed in rows:
            assert digest(tuple(content), previous) == hashed
        assert [person.name for person in daemon.people()] == ["Ann Lee"]
    assert in_(everything(settings.data), spellings() + pieces()) == []


def test_the_receipt_tells_what_is_gone_and_what_is_left(tmp_path: Path) -> None:
    """Number, time, counts, files, the events that keep the number, the one that records it, and backups."""
    text = f"""
access:
  groups:
    cleaners: {{people: [Ann Lee, {JOSE.upper()}], times: {{mon-fri: "06:00-08:00"}}}}
    others: {{people: [Ann Lee], times: {{mon-fri: "06:00-08:00"}}}}
  valid:
    {JOSE}: {{until: 2030-01-01}}
people: {{extended_open: [{JOSE}]}}
"""
    settings = settings_at(tmp_path, text)
    with open_store(settings) as store:
        known(store)
        record(store, take(settings, store))
        forgotten = store.forget(JOSE, "root")
        stored = store.events()
    assert (forgotten.id, forgotten.name, forgotten.photos, forgotten.templates) == (2, JOSE, 2, 3)
    assert stored[-1].id == forgotten.event.id
    assert (stored[-1].kind, stored[-1].person, stored[-1].detail) == ("PersonRemoved", "#2", "by root")
    assert forgotten.events == sum(2 in (event.person_id, event.nearest_id) for event in stored) == 6
    assert forgotten.backups == 1
    assert len(forgotten.files) == 4
    assert named_in(settings.config, JOSE) == [
        "access.groups.cleaners",
        f"access.valid.{JOSE}",
        "people.extended_open",
    ]
    told = receipt(settings, forgotten)
    said = "\n".join(told.said)
    for words in (
        "2 photos and 3 templates are erased",
        "events keep the number #2",
        f"event {forgotten.event.id} of ",
        forgotten.event.digest.hex(),
        f"{JOSE}-DENY",
        "holiday/1.jpg",
        f"{settings.config_file}, take out by hand: access.groups.cleaners",
        "1 backup with this person",
        "journal tells people by their number",
    ):
        assert words in said
    assert told.fields["sha256"] == forgotten.event.digest.hex()
    assert told.fields["in_folder_count"] == 4
    assert told.warnings == ()
    json.dumps(told.fields)


def test_a_name_within_another_name_is_left_alone(tmp_path: Path) -> None:
    """To forget Ann leaves the files of Annabel and Hannah, even such as name nobody."""
    settings = settings_at(tmp_path)
    with open_store(settings) as store:
        store.enrol("Ann", [NewPhoto("a" * 64, "Ann-1.jpg", "net", vector(1))])
        paths = ["Annabel/x/1.jpg", "Hannah.pdf", "Ann/x/1.jpg", "ann.PDF", "Mary Ann.pdf"]
        with store.undisturbed() as db:
            for number, path in enumerate(paths):
                files.put_refused(db, entry(path, str(number)), "", PhotoError("no"), State.REFUSED)
        assert store.forget("Ann").files == ("Ann/x/1.jpg", "Mary Ann.pdf", "ann.PDF")
        with store.reading() as db:
            assert [status.path for status in files.file_statuses(db)] == ["Annabel/x/1.jpg", "Hannah.pdf"]
        with pytest.raises(UnknownPersonError):
            store.forget("Ann")


def test_files_that_stay_in_the_folder_bring_nobody_back_and_go_for_good(
    tmp_path: Path, models_dir: Path
) -> None:
    """Their names are known again for as long as they lie there, as those of files that are not used; once
    they are deleted, no byte tells of them."""
    for world in world_of(tmp_path):
        world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
        assert world.round().done == {"enrolled": 1}
        assert world.store.forget("GRACE HOPPER").files == (f"{HOPPER}-1.jpg",)
        traces = [b"Hopper", b"hopper"]
        assert in_(everything(tmp_path / "data"), traces) == []
        world.round()
        assert world.people() == {}
        assert "an operator did away with it" in world.results()[f"{HOPPER}-1.jpg"]
        world.take(f"{HOPPER}-1.jpg")
        world.drop("Somebody else.txt", b"no photo")
        world.round()
        assert in_(everything(tmp_path / "data"), traces) == []
        with world.store.reading() as db:
            assert verify(db) == ()


def test_the_command_prints_the_receipt_and_asks_before(door: Path) -> None:
    """Without --yes and without an answer nobody is forgotten; with it the receipt comes, as JSON too."""
    with Store(door) as store:
        store.enrol("Grace Hopper", [NewPhoto("a" * 64, "grace_hopper.jpg", "net", vector(1))])
    assert doorctl("people", "forget", "Grace Hopper", data=door).returncode == 1
    (told,) = lines(doorctl("people", "forget", "grace hopper", "--yes", "--json", data=door))
    assert (told["person"], told["number"], told["templates"], told["traces"]) == (
        "Grace Hopper",
        1,
        1,
        False,
    )
    assert told["event"] == 2
    refused(doorctl("people", "remove", "Grace Hopper", "--yes", data=door), 2, "remove")
    assert in_(everything(door), [b"Hopper", b"hopper"]) == []
