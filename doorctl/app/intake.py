"""What becomes of a photo from the folder: enrolled, held, or refused, and written down."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from sqlite3 import Connection

from doorctl.app.roster import Roster
from doorctl.core.card import Recognition
from doorctl.core.decision import Event, EventKind
from doorctl.core.listing import Entry
from doorctl.core.plan import State, Wanted
from doorctl.core.records import Person
from doorctl.errors import PhotoError
from doorctl.sections import Config
from doorctl.store import behind, files
from doorctl.store.database import Store
from doorctl.store.events import add_event
from doorctl.store.records import NewPhoto
from doorctl.store.rows import now_text

NEW = "somebody new, and photos.approve_new asks for a word"
UNSURE = "somebody new, while somebody denied has no template of these nets to compare with"
FROM_FOLDER = "a mark in the folder"
OPERATOR = PhotoError("an operator did away with it", "use another photo of this person")


class Intake:
    """Judges photos one by one. All methods are called within a transaction of the store.

    Args:
        config: whose rules hold.
        store: where it is kept.
        model: name of the embedder's card.
        recognition: what the card says of scores.
    """

    def __init__(self, config: Config, store: Store, model: str, recognition: Recognition) -> None:
        self._config, self._store = config, store
        self.model, self._recognition = model, recognition
        self._roster: Roster | None = None
        self._version = -1
        self.done: Counter[str] = Counter()
        """How many files came to what, until it is taken away."""

    def forget(self) -> None:
        """What was known of the people may not hold any more."""
        self._roster = None

    def take(self, db: Connection, wanted: Wanted, photo: NewPhoto) -> None:
        """Enrol or hold a photo, or refuse it where its face is somebody else's."""
        entry, name = wanted.entry, wanted.name
        if files.unwanted(db, entry.hash, name):
            self.refuse(db, entry, name, OPERATOR, State.REFUSED)
            return
        outcome = self._judge(db, name, replace(photo, foldered=True, by=entry.by))
        if isinstance(outcome, PhotoError):
            self.refuse(db, entry, name, outcome, State.CONFLICT)
            return
        enrolment = self._store.enrol(name, [outcome])
        waits = photo.sha256 in enrolment.held
        files.put_taken(db, entry, name, photo.sha256, waits=waits)
        revoked = behind.sweep(db)
        behind.tell_revoked(db, revoked)
        behind.keep_spread(db, enrolment.person.id, self.model, self._config.photos.max_templates)
        if self._roster is not None:
            self._roster.renew(db, (enrolment.person.id, *(person.id for person in revoked)))
            self._version = self._store.version()
        self.done["held" if waits else "enrolled"] += 1

    def _judge(self, db: Connection, name: str, photo: NewPhoto) -> NewPhoto | PhotoError:
        if self._roster is None or self._version != self._store.version():
            self._roster = Roster(db, self.model, self._recognition, self._config.match)
            self._version = self._store.version()
        number = self._store.number(name) or None
        if number and photo.sha256 in {p.sha256 for p in self._store.photos(name) if p.held is None}:
            return photo  # enrolled already, whatever it looks like to these nets
        verdict = self._roster.judge(photo.vector, number)
        if verdict.other is not None:
            # By number, for what is written down here may outlive that person.
            denied = ", who is denied" * verdict.other.denied
            hint = "take it away, or have an operator look at it: doorctl enrol --force"
            return PhotoError(f"the face is known already, as #{verdict.other.id}{denied}", hint)
        if number is None:
            if behind.denied_unknown(db, self.model):
                return replace(photo, held=UNSURE)
            return replace(photo, held=NEW * self._config.photos.approve_new)
        if verdict.own is None:
            return replace(photo, held="no other photo is known to these nets")
        if verdict.own < verdict.threshold:
            told = (
                f"score {verdict.own:.3f} against the person's other photos, {verdict.threshold:.3f} needed"
            )
            return replace(photo, held=told)
        return photo

    def refuse(
        self, db: Connection, entry: Entry, name: str, why: PhotoError, state: State, told: str = ""
    ) -> None:
        """Write down that a file is not used, and why.

        Args:
            db: the transaction.
            entry: the file.
            name: whom it files under; empty where it names nobody.
            why: for whoever dropped it.
            state: what it is from now on.
            told: what stands in the event, where ``why`` quotes a name, which the event would outlive.
        """
        before = files.refusal(db, entry.key)
        files.put_refused(db, entry, name, why, state)
        self.done["parked" if state is State.PARKED else "refused"] += 1
        if before != (entry.hash, why.message):  # what is tried again and again is told once
            number = self._store.number(name) if name else 0
            person = Person(number, name) if number else None
            detail = f"{told or why.message}{f'; put there by {entry.by}' if entry.by else ''}"
            event = Event(EventKind.PHOTO_REFUSED, time.monotonic(), person, detail=detail)
            add_event(db, event, now_text())

    def tell_denials(self, db: Connection, before: dict[int, Person]) -> None:
        """Write an event for everybody who is denied now and was not before, or the other way round."""
        after = behind.denials(db)
        for number in sorted(before.keys() ^ after.keys()):
            denied = number in after
            if not denied and not behind.exists(db, number):
                continue
            kind = EventKind.PERSON_DENIED if denied else EventKind.PERSON_ALLOWED
            person = (after if denied else before)[number]
            add_event(db, Event(kind, time.monotonic(), person, detail=FROM_FOLDER), now_text())
