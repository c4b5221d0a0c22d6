"""People, photos, templates and events, in one SQLite file that survives a power cut.

One ``Store`` may be used by several threads, and one file by several programs: the
daemon and a command beside it. Every method that changes something is one
transaction, its event included, and is durable when it returns; ``undisturbed`` makes
one of several.
"""

from __future__ import annotations

import sqlite3
import time as clock
from collections.abc import Sequence
from datetime import UTC, date, datetime

from doorctl.core.card import Calibration
from doorctl.core.decision import Event, EventKind
from doorctl.core.gallery import Gallery
from doorctl.core.names import clean_name, name_key
from doorctl.core.records import Person, Vector
from doorctl.errors import PhotoError, StoreError
from doorctl.store.behind import templates_of
from doorctl.store.chain import head
from doorctl.store.events import add_event, read_events
from doorctl.store.files import rejected
from doorctl.store.forgetting import Forgotten, erase, left
from doorctl.store.opened import Opened
from doorctl.store.records import Enrolment, NewPhoto, PersonRecord, PhotoRecord, StoredEvent
from doorctl.store.rows import (
    add_photo,
    everyone,
    find_person,
    held_numbers,
    held_templates,
    is_direction,
    now_text,
    photos_of,
    time_text,
)


class Store(Opened):
    """People, photos, templates and events: see ``Opened`` for how it is made."""

    def enrol(self, name: str, photos: Sequence[NewPhoto]) -> Enrolment:
        """Add photos to a person, who is made if need be. A photo given twice counts once.

        Photos that come with a reason to wait are held: kept, and in no gallery before ``approve``.

        Raises:
            NameRefusedError: the name cannot be used.
            ValueError: there is no photo, or a vector is not a finite direction.
            StoreError: a vector's length differs from the model's other templates.
        """
        key, cleaned = name_key(name), clean_name(name)
        if not photos or not all(is_direction(photo.vector) for photo in photos):
            raise ValueError("enrolment needs photos, each with a finite vector that is not zero")
        with self.undisturbed() as db:
            sql, kind = "SELECT id, name, denied FROM persons WHERE key = ?", EventKind.PERSON_UPDATED
            row = db.execute(sql, (key,)).fetchone()
            if row is None:
                made = "INSERT INTO people (name, key, created) VALUES (?, ?, ?)"
                db.execute(made, (cleaned, key, now_text()))
                row, kind = db.execute(sql, (key,)).fetchone(), EventKind.PERSON_ENROLLED
            person = Person(row[0], row[1], bool(row[2]))
            before = held_numbers(db, person.id)
            added = sum(add_photo(db, person.id, photo) for photo in photos)
            by = "".join(dict.fromkeys(f", by {photo.by}" for photo in photos if photo.by))
            told = f"templates: {added}{by}"
            event = Event(kind, clock.monotonic(), person, detail=told) if added else None
            if event:
                add_event(db, event, now_text())
            numbers = held_numbers(db, person.id)
            held = {photo.sha256: photo.held for photo in photos if photo.sha256 in numbers}
            for sha256 in (new for new in held if new not in before):
                detail = f"photo {numbers[sha256]}: {held[sha256]}{by}"
                add_event(
                    db, Event(EventKind.PHOTO_HELD, clock.monotonic(), person, detail=detail), now_text()
                )
        return Enrolment(person, added, {sha256: numbers[sha256] for sha256 in held}, event)

    def people(self) -> tuple[PersonRecord, ...]:
        """Everyone, in the order of enrolment."""
        with self.reading() as db:
            return everyone(db)

    def person(self, name: str) -> PersonRecord:
        """Find a person whatever the case of the letters; raise UnknownPersonError if there is none."""
        with self.reading() as db:
            return find_person(db, name)

    def number(self, name: str) -> int:
        """The number of the person of that name, or 0 if there is none yet; raise NameRefusedError."""
        clean_name(name)
        with self.reading() as db:
            row = db.execute("SELECT id FROM people WHERE key = ?", (name_key(name),)).fetchone()
        return int(row[0]) if row else 0

    def photos(self, name: str) -> tuple[PhotoRecord, ...]:
        """A person's photos, in the order in which they came; raise UnknownPersonError."""
        with self.reading() as db:
            return photos_of(db, find_person(db, name).id)

    def held(self, name: str, model: str) -> dict[int, Vector]:
        """A person's held photos by number, with their templates of a model; raise UnknownPersonError."""
        with self.reading() as db:
            return held_templates(db, find_person(db, name).id, model)

    def approve(self, name: str, numbers: Sequence[int], by: str = "") -> None:
        """Let a person's held photos of these numbers count from now on.

        Raises:
            UnknownPersonError: nobody has that name.
            PhotoError: a number is not of this person's held photos; then none is approved.
        """
        self._decide(name, numbers, EventKind.PHOTO_APPROVED, "DELETE FROM held WHERE id = ?", by)

    def reject(self, name: str, numbers: Sequence[int], by: str = "") -> None:
        """Erase a person's held photos of these numbers as ``forget`` does; raises as ``approve`` does."""
        sql = "DELETE FROM photos WHERE id = (SELECT photo_id FROM held WHERE id = ?)"
        with self.undisturbed() as db:
            for number in numbers:
                rejected(db, number)
            self._decide(name, numbers, EventKind.PHOTO_REJECTED, sql, by)
        if not self.clear_traces():
            raise StoreError(
                f"the photo is rejected, but traces stay in {self.path}-wal while another program reads it",
                "restart doorctl to clear them",
            )

    def set_denied(self, name: str, denied: bool, by: str = "") -> Event | None:
        """Deny or allow a person; ``None`` if it was so already. Raise UnknownPersonError.

        Whom a mark in the folder denies stays denied whatever is said here, see ``PersonRecord.marks``.
        """
        kind = EventKind.PERSON_DENIED if denied else EventKind.PERSON_ALLOWED
        with self.undisturbed() as db:
            found = find_person(db, name)
            db.execute("UPDATE people SET denied = ? WHERE id = ?", (denied, found.id))
            if found.denied == (denied or bool(found.marks)):
                return None
            event = Event(kind, clock.monotonic(), Person(found.id, found.name, denied), detail=_by(by))
            add_event(db, event, now_text())
        return event

    def set_consent(self, name: str, day: date | None, by: str = "") -> Event | None:
        """Note on which day a person agreed to be recognised, or that they do not any more.

        Args:
            name: whose.
            day: ``None`` takes what is on record away.
            by: who says so, if anybody is known.

        Returns:
            ``None`` if it was so already.

        Raises:
            UnknownPersonError: nobody has that name.
        """
        with self.undisturbed() as db:
            found = find_person(db, name)
            if found.consented == day:
                return None
            text = day.isoformat() if day else None
            db.execute("UPDATE people SET consented = ? WHERE id = ?", (text, found.id))
            # Without the day: it goes with the person, whom the event outlives.
            told = f"{'given' if day else 'withdrawn'}{f', by {by}' if by else ''}"
            event = Event(EventKind.CONSENT_NOTED, clock.monotonic(), found.person, detail=told)
            add_event(db, event, now_text())
        return event

    def forget(self, name: str, by: str = "") -> Forgotten:
        """Erase a person: name, photos' names and templates are in no byte of the files afterwards.

        Events keep the person's number, which is never given to anyone else.

        Args:
            name: whose.
            by: who wants it, if anybody is known.

        Raises:
            UnknownPersonError: nobody has that name.
        """
        with self.undisturbed() as db:
            found, time = find_person(db, name), datetime.now(UTC)
            photos, templates, files = erase(db, found.id)
            event = Event(EventKind.PERSON_REMOVED, clock.monotonic(), found.person, detail=_by(by))
            add_event(db, event, time_text(time))
            recorded = head(db)
        traces = not self.clear_traces()
        with self.reading() as db:
            events = left(db, found.id, found.created)
        return Forgotten(
            *(found.id, found.name, time, photos, templates, files, recorded, *events), traces=traces
        )

    def gallery(self, model: str, calibration: Calibration) -> Gallery:
        """Everyone who has a template for this model, denied people too."""
        with self.reading() as db:
            found = templates_of(db, model)
        entries = ((person, vector) for person, vectors in found.items() for vector in vectors)
        try:
            return Gallery.build(entries, calibration)
        except ValueError as error:
            raise StoreError(f"{self.path}: {error}", "remove that person and enrol again") from error

    def record(self, event: Event, *, time: datetime | None = None, policy: str | None = None) -> int:
        """Write an event, durably, and return its number.

        Args:
            event: what happened.
            time: when; the wall clock's time if it is not given.
            policy: digest of the rules that it was decided by, as ``keep_policy`` gave it.
        """
        with self.undisturbed() as db:
            return add_event(db, event, time_text(time) if time else now_text(), policy)

    def events(
        self,
        since: datetime | None = None,
        person: str | None = None,
        limit: int | None = None,
        after_id: int = 0,
    ) -> tuple[StoredEvent, ...]:
        """The last ``limit`` events that qualify (``None``: all), oldest first.

        Args:
            since: from this time on; without a zone it is local time.
            person: a name, or ``#12`` for the person of that number, removed or not.
            limit: how many at most.
            after_id: only events with a higher number, to follow what is written.
        """
        with self.reading() as db:
            number = self._number(db, person) if person else None
            return read_events(db, since, number, limit, after_id)

    def _decide(self, name: str, numbers: Sequence[int], kind: EventKind, sql: str, by: str) -> None:
        """Do away with the hold on each of a person's photos, by a statement that takes its number."""
        with self.undisturbed() as db:
            found = find_person(db, name)
            known = held_numbers(db, found.id).values()
            for number in dict.fromkeys(numbers):
                if number not in known:
                    raise PhotoError(f"{found.name} has no held photo {number}", "see 'doorctl people show'")
                db.execute(sql, (number,))
                told = f"photo {number}{f', by {by}' if by else ''}"
                event = Event(kind, clock.monotonic(), found.person, detail=told)
                add_event(db, event, now_text())

    def _number(self, db: sqlite3.Connection, person: str) -> int:
        number = person.removeprefix("#")
        bare = person != number and number.isdecimal() and len(number) < 19
        return int(number) if bare else find_person(db, person).id


def _by(name: str) -> str:
    return f"by {name}" if name else ""
