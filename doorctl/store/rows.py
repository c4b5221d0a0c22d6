"""Between values and rows: how things are written down in the tables, and read back."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import numpy as np

from doorctl.core.records import Event, Vector
from doorctl.errors import StoreError
from doorctl.store.records import NewPhoto, PersonRecord

_LITTLE = np.dtype("<f4")
"""Templates are little-endian float32 in the file, whatever the machine."""

Row = tuple[Any, ...]


def time_text(time: datetime) -> str:
    """UTC to the millisecond: ``2026-01-31T08:15:00.250Z``. Its order as text is that of time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def now_text() -> str:
    return time_text(datetime.now(UTC))


def person_of(row: Row) -> PersonRecord:
    number, name, denied, created, photos, templates = row
    return PersonRecord(number, name, bool(denied), time_of(created), photos, json.loads(templates))


def is_direction(vector: Vector) -> bool:
    """Whether it is a vector that can be compared with another: finite, and not zero."""
    return vector.ndim == 1 and bool(np.isfinite(vector).all()) and bool(vector.any())


def vector_of(blob: bytes) -> Vector:
    return np.frombuffer(blob, _LITTLE).astype(np.float32)


def add_photo(db: sqlite3.Connection, person_id: int, photo: NewPhoto) -> bool:
    """Add what is not there yet, the photo or its template; whether a template was new."""
    size = photo.vector.size
    other = db.execute("SELECT length(vector) / 4 FROM templates WHERE model = ? LIMIT 1", (photo.model,))
    if (known := other.fetchone()) and known[0] != size:
        raise StoreError(
            f"templates of {photo.model} have {known[0]} numbers, and this one has {size}",
            "it was made by other weights: install the models again",
        )
    db.execute(
        "INSERT INTO photos (person_id, sha256, source, added) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (person_id, photo.sha256, PurePath(photo.source).name, now_text()),
    )
    written = db.execute(
        "INSERT INTO templates (photo_id, model, vector) "
        "SELECT id, ?, ? FROM photos WHERE person_id = ? AND sha256 = ? ON CONFLICT DO NOTHING",
        (photo.model, photo.vector.astype(_LITTLE).tobytes(), person_id, photo.sha256),
    )
    return written.rowcount == 1


def add_event(db: sqlite3.Connection, event: Event, time: str) -> int:
    """Write an event; its number. Of the person only the number is kept, so that a name can be erased."""
    written = db.execute(
        "INSERT INTO events (time, at, kind, person_id, reason, score, margin, detail) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            time,
            event.at,
            str(event.kind),
            event.person.id if event.person else None,
            str(event.reason) if event.reason else None,
            event.score,
            event.margin,
            event.detail,
        ),
    )
    return written.lastrowid or 0
