"""Templates at rest: no byte of them is to be found without the key."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from doorctl.core.card import Calibration
from doorctl.core.records import Vector
from doorctl.errors import SealedError, StoreError
from doorctl.store import behind, files, sealing
from doorctl.store.database import Store
from doorctl.store.opened import FILE
from doorctl.store.records import NewPhoto
from doorctl.store.sealing import CREDENTIAL, Vault, find_key

SCALE = Calibration(knots=((-1.0, 0.0), (1.0, 1.0)), source="made up for tests")
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def vault(key: bytes = KEY) -> Vault:
    return Vault(AESGCM(key), "a test")


def vector(seed: int, size: int = 256) -> Vector:
    return np.random.default_rng(seed).normal(size=size).astype(np.float32)


def photo(seed: int, model: str = "net", size: int = 256, held: str = "") -> NewPhoto:
    return NewPhoto(f"{seed:064x}", f"photo-{seed}.jpg", model, vector(seed, size), held)


def in_files(directory: Path, seeds: range) -> list[int]:
    """Of which of these templates a piece stands in some file."""
    every = b"".join(file.read_bytes() for file in directory.iterdir())
    return [
        seed for seed in seeds if any(vector(seed)[at : at + 4].tobytes() in every for at in (0, 100, 250))
    ]


def test_new_templates_are_encrypted_and_come_back_bit_for_bit(tmp_path: Path) -> None:
    """Enrolled and held ones: not a piece of any is in the files, and whoever has the key reads them all."""
    with Store(tmp_path, vault=vault()) as store:
        store.enrol("Ann", [photo(1), photo(2), photo(3, held="unlike")])
        store.enrol("Bob", [photo(4)])
        assert in_files(tmp_path, range(1, 5)) == []
        expected = [vector(seed) / np.linalg.norm(vector(seed)) for seed in (1, 2, 4)]
        np.testing.assert_array_equal(store.gallery("net", SCALE).templates, np.stack(expected))
        np.testing.assert_array_equal(store.held("Ann", "net")[1], vector(3))
    assert in_files(tmp_path, range(1, 5)) == []


def test_templates_from_before_there_was_a_key_are_encrypted_when_the_store_is_opened(tmp_path: Path) -> None:
    """Of 300 plain ones, some of them deleted, no piece is in the file or its journal afterwards."""
    with Store(tmp_path) as store:
        for i in range(100):
            store.enrol(f"Person {i}", [photo(3 * i + k) for k in range(3)])
        for i in range(0, 100, 7):
            store.forget(f"Person {i}")
        assert len(in_files(tmp_path, range(300))) == 255
    with Store(tmp_path, vault=vault()) as store:
        assert in_files(tmp_path, range(300)) == []
        store.check()
        assert len(store.gallery("net", SCALE).templates) == 255
        with store.reading() as db:
            assert sealing.survey(db) == sealing.Survey(plain=0, sealed=255)


def test_two_that_have_the_store_open_while_it_is_encrypted(tmp_path: Path) -> None:
    """A daemon without the key gets no template any more, and adds no plain one: it says what is missing."""
    with Store(tmp_path) as daemon:
        daemon.enrol("Ann", [photo(1)])
        assert len(daemon.gallery("net", SCALE).templates) == 1
        with Store(tmp_path, vault=vault()):
            pass
        with pytest.raises(SealedError, match="encrypted, and their key is not here") as caught:
            daemon.gallery("net", SCALE)
        assert CREDENTIAL in caught.value.hint
        with pytest.raises(SealedError, match="key is not here"):
            daemon.enrol("Ann", [photo(2)])
        assert [person.photos for person in daemon.people()] == [1]


def test_what_needs_no_template_needs_no_key(tmp_path: Path) -> None:
    """Without the key, or with another, people are listed, denied and forgotten, and events written."""
    with Store(tmp_path, vault=vault()) as store:
        store.enrol("Ann", [photo(1), photo(2, held="unlike")])
        store.enrol("Bob", [photo(3)])
    for wrong in (Vault(), vault(OTHER), Vault(fault=SealedError("no such file"))):
        with Store(tmp_path, vault=wrong) as store:
            assert store.person("Ann").templates == {"net": 1}
            assert len(store.photos("Ann")) == 2
            store.set_denied("Bob", True)
            store.set_denied("Bob", False)
            store.check()
    with Store(tmp_path) as store:
        store.reject("Ann", [1])
        store.forget("Bob")
        assert [person.name for person in store.people()] == ["Ann"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (Vault(), "key is not here"),
        (vault(OTHER), "another key's, or damaged"),
        (Vault(fault=SealedError("the key K cannot be read", "bring it back")), "key K cannot be read"),
    ],
)
def test_every_way_to_a_template_is_shut_without_the_right_key(
    tmp_path: Path, wrong: Vault, told: str
) -> None:
    """Reading, comparing, adding, moving and counting: each says what is missing, and changes nothing."""
    with Store(tmp_path, vault=vault()) as store:
        store.enrol("Ann", [photo(1), photo(2), photo(3, held="unlike")])
        with store.undisturbed() as db:
            sql = "INSERT INTO files (key, path, size, hash, state, person, sha256, time) VALUES "
            db.execute(f"{sql} ('a', 'a', 1, 'h', 'taken', 'ann', ?, '')", (f"{1:064x}",))
    before = (tmp_path / FILE).read_bytes()
    with Store(tmp_path, vault=wrong) as store, store.undisturbed() as db:
        entry = files.known_files(db, "net")["a"].entry
        for attempt in (
            lambda: store.gallery("net", SCALE),
            lambda: store.held("Ann", "net"),
            lambda: store.enrol("Bob", [photo(9)]),
            lambda: behind.keep_spread(db, 1, "net", 1),
            lambda: files.learnt(db, entry, "net"),
            lambda: sealing.survey(db),
        ):
            with pytest.raises(SealedError, match=told):
                attempt()
        db.execute("DELETE FROM people WHERE name = 'Bob'")
    with Store(tmp_path, vault=vault()) as store:
        assert len(store.gallery("net", SCALE).templates) == 2
        assert [person.name for person in store.people()] == ["Ann"]
    assert len(before) == (tmp_path / FILE).stat().st_size


def test_another_key_does_not_encrypt_what_is_left(tmp_path: Path) -> None:
    """A plain template beside encrypted ones is left as it is by a key that does not open the others."""
    with Store(tmp_path, vault=vault()) as store:
        store.enrol("Ann", [photo(1)])
        with store.undisturbed() as db:
            db.execute("INSERT INTO photos (person_id, sha256, source, added) VALUES (1, 'x', 'b.jpg', '')")
            sql = "INSERT INTO templates (photo_id, model, vector) VALUES (2, 'net', ?)"
            db.execute(sql, (vector(2).tobytes(),))
    with Store(tmp_path, vault=vault(OTHER)):
        assert in_files(tmp_path, range(1, 3)) == [2]
    with Store(tmp_path, vault=vault()) as store:
        assert in_files(tmp_path, range(1, 3)) == []
        assert len(store.gallery("net", SCALE).templates) == 2


def test_a_template_cannot_be_put_in_anothers_place(tmp_path: Path) -> None:
    """Exchanged between two photos, given to other nets, or changed by one bit: it does not open."""
    with Store(tmp_path, vault=vault()) as store:
        store.enrol("Ann", [photo(1)])
        store.enrol("Bob", [photo(2)])
        with store.reading() as db:
            ann, bob = (row[0] for row in db.execute("SELECT vector FROM templates ORDER BY id").fetchall())
        assert ann[:12] != bob[:12]
        for change, values in {
            "UPDATE templates SET vector = ? WHERE id = 2": (ann,),
            "UPDATE templates SET vector = ? WHERE id = 1": (bytes([ann[0] ^ 1]) + ann[1:],),
            "UPDATE templates SET model = 'other' WHERE id = 1": (),
            "UPDATE templates SET vector = zeroblob(8)": (),
        }.items():
            with store.undisturbed() as db:
                db.execute("SAVEPOINT before")
                db.execute(change, values)
                with pytest.raises(SealedError, match="damaged"):
                    store.gallery("other" if "other" in change else "net", SCALE)
                db.execute("ROLLBACK TO before")
        assert len(store.gallery("net", SCALE).templates) == 2


def test_the_length_of_other_templates_is_seen_through_the_encryption(tmp_path: Path) -> None:
    """A vector of another length is refused as it is among plain ones."""
    with Store(tmp_path, vault=vault()) as store:
        store.enrol("Ann", [photo(1)])
        with pytest.raises(StoreError, match="have 256 numbers, and this one has 128"):
            store.enrol("Ann", [photo(2, size=128)])
        store.enrol("Ann", [photo(2, "other", size=128)])


def test_the_key_is_systemds_before_the_files(tmp_path: Path) -> None:
    """Its credential counts, even a wrong one; without it the file that is named, and without both none."""
    file, credentials = tmp_path / "key", tmp_path / "credentials"
    credentials.mkdir()
    file.write_bytes(KEY)
    file.chmod(0o600)
    assert find_key(None, None) == Vault()
    assert (find_key(credentials, file).file, find_key(credentials, file).origin) == (file, str(file))
    (credentials / CREDENTIAL).write_bytes(OTHER)
    found = find_key(credentials, file)
    assert (found.file, found.origin, found.fault) == (None, "systemd's credentials", None)
    sealed = found.seal(b"four", "s", "m")[0]
    assert vault(OTHER).open(sealed, 1, "s", "m") == b"four"
    (credentials / CREDENTIAL).write_bytes(b"short")
    with pytest.raises(SealedError, match="has 5 bytes, expected 32"):
        find_key(credentials, file).ready()
    (credentials / CREDENTIAL).write_bytes(KEY)
    (credentials / CREDENTIAL).chmod(0o644)
    assert find_key(credentials, file).fault is None
    with pytest.raises(SealedError, match="others than its owner"):  # an owner's own file, and not systemd's
        find_key(credentials, file, private=True).ready()
    assert KEY.hex() not in repr(find_key(None, file)) + str(vars)


def test_a_key_that_cannot_be_used_is_told_with_what_to_do(tmp_path: Path) -> None:
    """Missing, too short, too long, for others to read, no file, a pipe: each in its own words."""
    good = tmp_path / "key"
    good.write_bytes(KEY)
    good.chmod(0o640)
    for name, content in {"short": KEY[:31], "long": KEY + b"\n", "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "directory").mkdir(0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, told in {
        "key": "others than its owner.*0640",
        "short": "31 bytes, expected 32",
        "long": "more than 32 bytes",
        "empty": "0 bytes",
        "missing": "No such file",
        "directory": "no plain file",
        "pipe": "no plain file",
    }.items():
        fault = find_key(None, tmp_path / name).fault
        assert fault is not None, name
        with pytest.raises(SealedError, match=told) as caught:
            raise fault
        assert str(tmp_path / name) in caught.value.message
        assert caught.value.hint


def test_a_thousand_people_are_read_in_no_time(tmp_path: Path) -> None:
    """3,000 encrypted templates cost a fraction of a second; the exact ratio is no test's business."""
    took = []
    for name, key in (("plain", None), ("sealed", vault())):
        with Store(tmp_path / name, vault=key) as store:
            with store.undisturbed():
                for i in range(1000):
                    store.enrol(f"Person {i}", [photo(3 * i + k) for k in range(3)])
            start = time.perf_counter()
            assert len(store.gallery("net", SCALE).templates) == 3000
            took.append(time.perf_counter() - start)
    assert took[1] < took[0] + 1.0
