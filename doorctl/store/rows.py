"""Between values and rows: how things are written down in the tables, and read back."""

from __future__ import annotations

import difflib
import json
import sqlite3
from datetime import UTC, date, datetime
from pathlib import PurePath
from typing import Any

import numpy as np

from doorctl.core.names import clean_name, name_key
from doorctl.core.records import Vector
from doorctl.errors import StoreError, UnknownPersonError
from doorctl.store.records import NewPhoto, PersonRecord, PhotoRecord
from doorctl.store.sealing import ADDED_BYTES, may_write, vault_of

_LITTLE = np.dtype("<f4")
"""Templates are little-endian float32 in the file, whatever the machine."""

Row = tuple[Any, ...]

_PEOPLE = """
    SELECT id, name, denied, denied_here, created, consented,
        (SELECT count(*) FROM enrolled WHERE person_id = persons.id),
        (SELECT count(*) FROM held JOIN photos ON photos.id = photo_id WHERE person_id = persons.id),
        (SELECT json_group_object(model, n) FROM (
            SELECT model, count(*) AS n FROM templates JOIN enrolled ON enrolled.id = photo_id
            WHERE person_id = persons.id GROUP BY model)),
        (SELECT json_group_array(path) FROM marked WHERE person_id = persons.id)
    FROM persons
"""


def time_text(time: datetime) -> str:
    """UTC to the millisecond: ``2026-01-31T08:15:00.250Z``. Its order as text is that of time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def now_text() -> str:
    return time_text(datetime.now(UTC))


def everyone(db: sqlite3.Connection) -> tuple[PersonRecord, ...]:
    """In the order of enrolment."""
    return tuple(_person_of(row) for row in db.execute(f"{_PEOPLE} ORDER BY id").fetchall())


def find_person(db: sqlite3.Connection, name: str) -> PersonRecord:
    """Whatever the case of the letters; raise UnknownPersonError if there is none."""
    key = name_key(name)
    row = db.execute(f"{_PEOPLE} WHERE key = ?", (key,)).fetchone()
    if row is not None:
        return _person_of(row)
    known = dict(db.execute("SELECT key, name FROM people").fetchall())
    near = difflib.get_close_matches(key, known, 1)
    hint = f'did you mean "{known[near[0]]}"?' if near else '"doorctl people list" shows everyone'
    raise UnknownPersonError(f'nobody is called "{clean_name(name)}"', hint)


def _person_of(row: Row) -> PersonRecord:
    number, name, denied, here, created, consented, photos, held, templates, marks = row
    return PersonRecord(
        number,
        name,
        bool(denied),
        time_of(created),
        photos,
        held,
        json.loads(templates),
        bool(here),
        tuple(json.loads(marks)),
        date.fromisoformat(consented) if consented else None,
    )


def is_direction(vector: Vector) -> bool:
    """Whether it is a vector that can be compared with another: finite, and not zero."""
    return vector.ndim == 1 and bool(np.isfinite(vector).all()) and bool(vector.any())


def vector_of(blob: bytes) -> Vector:
    """A template from its bytes, as ``Vault.open`` gives them."""
    return np.frombuffer(blob, _LITTLE).astype(np.float32)


def add_photo(db: sqlite3.Connection, person_id: int, photo: NewPhoto) -> bool:
    """Add what is not there yet, the photo or its template; whether one template more may open the door.

    A new photo with a reason to wait is held. A held one that comes without a reason is enrolled.
    One that is enrolled stays as it is if it comes with a reason.
    """
    size = photo.vector.size
    sql = f"SELECT (length(vector) - {ADDED_BYTES} * sealed) / 4 FROM templates WHERE model = ? LIMIT 1"
    if (known := db.execute(sql, (photo.model,)).fetchone()) and known[0] != size:
        raise StoreError(
            f"templates of {photo.model} have {known[0]} numbers, and this one has {size}",
            "it was made by other weights: install the models again",
        )
    row = db.execute(
        "SELECT photos.id, held.id IS NULL FROM photos LEFT JOIN held ON photo_id = photos.id "
        "WHERE person_id = ? AND sha256 = ?",
        (person_id, photo.sha256),
    ).fetchone()
    if row is None:
        made = db.execute(
            "INSERT INTO photos (person_id, sha256, source, added, foldered, quality) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(person_id, photo.sha256, PurePath(photo.source).name, now_text(), photo.foldered),
                json.dumps({name: round(value, 3) for name, value in photo.quality.items()}),
            ),
        )
        row = made.lastrowid, not photo.held
        if photo.held:
            db.execute("INSERT INTO held (photo_id, why) VALUES (?, ?)", (row[0], photo.held))
    photo_id, enrolled = row
    if not photo.foldered:
        # What an operator adds by hand stays, whatever becomes of the folder.
        db.execute("UPDATE photos SET foldered = 0, spare = 0 WHERE id = ?", (photo_id,))
    if photo.held and enrolled:
        return False
    may_write(db)
    plain = photo.vector.astype(_LITTLE).tobytes()
    written = db.execute(
        "INSERT INTO templates (photo_id, model, vector, sealed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (photo_id, photo.model, *vault_of(db).seal(plain, photo.sha256, photo.model)),
    ).rowcount
    if photo.held:
        return False
    released = db.execute("DELETE FROM held WHERE photo_id = ?", (photo_id,)).rowcount
    return bool(written or released)


def held_numbers(db: sqlite3.Connection, person_id: int) -> dict[str, int]:
    """A person's photos that wait: sha256 and number."""
    sql = "SELECT sha256, held.id FROM held JOIN photos ON photos.id = photo_id WHERE person_id = ?"
    return dict(db.execute(sql, (person_id,)).fetchall())


def held_templates(db: sqlite3.Connection, person_id: int, model: str) -> dict[int, Vector]:
    """A person's photos that wait: number and template of a model."""
    sql = """
        SELECT held.id, vector, sealed, sha256, model FROM held JOIN photos ON photos.id = held.photo_id
        JOIN templates ON templates.photo_id = photos.id
        WHERE person_id = ? AND model = ? ORDER BY held.id
    """
    opened = vault_of(db).open
    rows = db.execute(sql, (person_id, model)).fetchall()
    return {number: vector_of(opened(*kept)) for number, *kept in rows}


def photos_of(db: sqlite3.Connection, person_id: int) -> tuple[PhotoRecord, ...]:
    """A person's photos, in the order in which they came."""
    sql = """
        SELECT photos.id, sha256, source, added,
            (SELECT json_group_array(model) FROM templates WHERE photo_id = photos.id), held.id, why,
            quality, foldered, spare
        FROM photos LEFT JOIN held ON photo_id = photos.id WHERE person_id = ? ORDER BY photos.id
    """
    return tuple(
        PhotoRecord(
            *(number, sha256, source, time_of(added), tuple(json.loads(models)), held, why or ""),
            *(json.loads(quality), bool(foldered), bool(spare)),
        )
        for number, sha256, source, added, models, held, why, quality, foldered, spare in db.execute(
            sql, (person_id,)
        ).fetchall()
    )
