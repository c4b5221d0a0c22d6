"""Versions of the schema, and the way between them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from doorctl.core.card import Calibration
from doorctl.errors import StoreError
from doorctl.store.database import Store
from doorctl.store.opened import FILE
from doorctl.store.schema import MIGRATIONS, migrate


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    yield connection
    connection.close()


def version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_an_empty_file_is_brought_up_to_date_once(db: sqlite3.Connection) -> None:
    """Version 0 becomes the current one; a second time changes nothing."""
    assert migrate(db) == 0
    assert version(db) == len(MIGRATIONS)
    before = db.execute("SELECT sql FROM sqlite_schema").fetchall()
    assert migrate(db) == len(MIGRATIONS)
    assert db.execute("SELECT sql FROM sqlite_schema").fetchall() == before


def test_a_later_step_keeps_what_an_older_doorctl_stored(tmp_path: Path) -> None:
    """A file of today, with people in it, goes through a step of tomorrow."""
    with Store(tmp_path):
        pass
    later = (*MIGRATIONS, ("ALTER TABLE people ADD COLUMN card TEXT", "UPDATE people SET card = 'none'"))
    db = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    db.execute("INSERT INTO people (name, key, created) VALUES ('Ann', 'ann', '')")
    assert migrate(db, later) == len(MIGRATIONS)
    assert db.execute("SELECT name, card FROM people").fetchall() == [("Ann", "none")]
    db.close()


def test_photos_from_before_there_were_held_ones_stay_enrolled(tmp_path: Path) -> None:
    """A file of version 1 with a photo in it comes up with that photo in the gallery, and none held."""
    db = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    migrate(db, MIGRATIONS[:1])
    db.execute("INSERT INTO people (name, key, created) VALUES ('Ann', 'ann', '2026-01-31T08:15:00.250Z')")
    db.execute(
        "INSERT INTO photos (person_id, sha256, source, added) VALUES (1, '00', 'a.jpg', '2026-01-31')"
    )
    vector = np.array([0.6, 0.8], "<f4")
    db.execute("INSERT INTO templates (photo_id, model, vector) VALUES (1, 'net', ?)", (vector.tobytes(),))
    db.close()
    with Store(tmp_path) as store:
        ann = store.person("Ann")
        assert (ann.photos, ann.held, ann.templates) == (1, 0, {"net": 1})
        gallery = store.gallery("net", Calibration(((-1.0, 0.0), (1.0, 1.0)), "made up for tests"))
        np.testing.assert_array_equal(gallery.templates, [vector])


def test_a_step_that_fails_half_way_leaves_the_version_before_it(db: sqlite3.Connection) -> None:
    """Nothing of a failed step stays, and the steps before it do."""
    broken = (*MIGRATIONS, ("CREATE TABLE extra (a)",), ("CREATE TABLE half (a)", "CREATE TABLE half (a)"))
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(db, broken)
    assert version(db) == len(MIGRATIONS) + 1
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
    assert "extra" in names
    assert "half" not in names
    assert not db.in_transaction


def test_a_file_of_a_newer_doorctl_is_left_alone(tmp_path: Path, db: sqlite3.Connection) -> None:
    """An older program must not write what it does not understand."""
    migrate(db)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="made by a newer doorctl"):
        Store(tmp_path)
    assert version(db) == len(MIGRATIONS) + 1


@pytest.mark.parametrize("mark", ["CREATE TABLE theirs (a)", "PRAGMA application_id = 7"])
def test_another_programs_database_is_left_alone(tmp_path: Path, db: sqlite3.Connection, mark: str) -> None:
    """Tables or an application number that are not ours: told, and not touched."""
    db.execute(mark)
    with pytest.raises(StoreError, match="belongs to another program"):
        Store(tmp_path)
    assert version(db) == 0
