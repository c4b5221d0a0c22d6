"""One round with the folder: list, plan, fetch, learn, and write down, so that nothing is lost or done twice.

The cursor moves last of all. Whatever is done before stands in the table of files, so that a round that was
cut short is listed again and finds most of it done.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from sqlite3 import Connection

from doorctl.app.admission import Register, register_by
from doorctl.app.enrolment import content_to_template
from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, installed, open_eye
from doorctl.core.listing import Entry
from doorctl.core.plan import Plan, Rules, State, Wanted, most_removals, plan
from doorctl.core.records import Event, EventKind, Person, Vector
from doorctl.enrol.source import FetchError, PhotoSource
from doorctl.errors import ModelError, PhotoError
from doorctl.store import behind, files
from doorctl.store.database import Store
from doorctl.store.records import NewPhoto
from doorctl.store.rows import add_event, now_text

log = logging.getLogger(__name__)

WINDOW_SECONDS = 600.0
"""Deletions arrive in pieces: people taken away in the last ten minutes count with those of a round."""

Learnt = Mapping[str, tuple[str, Vector]]
"""By content hash: the sha256 and the template of a photo that has been learnt from."""

NEW = "somebody new, and photos.approve_new asks for a word"
FROM_FOLDER = "a mark in the folder"


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to."""

    done: Counter[str]
    """How many files were enrolled, held, refused, parked, marked, and gone."""
    held_back: tuple[str, ...]
    """Names of people whose removal waits for a word."""
    cursor: str

    @property
    def quiet(self) -> bool:
        """Whether nothing happened."""
        return not self.done


class Sync:
    """Keeps what the door knows in step with a folder. Used by one thread at a time.

    Args:
        settings: whose rules hold.
        source: the folder.
        store: where it is kept. Not one that the frame loop uses: it is busy for a while at times.
        changed: called after each change of who may come in, within no transaction.
        commits: called in each transaction that may, at its end, with the store's version at its beginning.
        tell: told how many files of how many have been learnt from.
        stopped: asked between photos whether to leave the rest of a round to the next.

    Raises:
        ModelError: no set of nets is installed whole.
    """

    def __init__(
        self,
        settings: Settings,
        source: PhotoSource,
        store: Store,
        *,
        changed: Callable[[], None] = lambda: None,
        commits: Callable[[int], None] = lambda before: None,
        tell: Callable[[int, int], None] = lambda done, total: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings, self._source, self._store = settings, source, store
        self._changed, self._commits, self._tell, self._stopped = changed, commits, tell, stopped
        self._photos = settings.config.photos
        models, self._recognition = installed(settings)
        self._model = models.embedder.card.name
        self._eye: Eye | None = None
        self._done: Counter[str] = Counter()
        self._held_back: tuple[str, ...] = ()

    def round(self, *, accept: bool = False) -> Round:
        """Do everything that the folder asks for.

        Args:
            accept: whether removals are carried out however many they are.

        Raises:
            SourceError, UnreachableError: the folder cannot be read; what is done stays done.
            StoreError: it cannot be written down.
            ModelError: a net cannot be run.
        """
        self._done = Counter()
        with self._store.undisturbed() as db:
            if (state := files.folder_state(db)).rules != self._rules or state.name != self._source.name:
                files.begin(db, self._source.name, self._rules)
                state = files.folder_state(db)
            known = files.known_files(db, self._model)
        changes = self._source.changes(state.cursor)
        rules = Rules(self._photos.name_ends_at, self._photos.max_bytes)
        todo = plan(known, changes, rules)
        try:
            self._settle(todo, accept=accept)
        finally:
            self._eye = None
        if not self._stopped() and (changes.cursor != state.cursor or not todo.empty):
            with self._store.undisturbed() as db:
                files.advance(db, changes.cursor)
        return Round(self._done, self._held_back, changes.cursor)

    @property
    def _rules(self) -> str:
        """What files were judged by: where it differs, they are judged again."""
        photos, quality = self._photos, self._settings.config.quality
        limits = f"{photos.max_bytes} {photos.min_side} {photos.max_side}"
        return f"{self._model} {photos.name_ends_at} {limits} {quality.model_dump_json()}"

    def _settle(self, todo: Plan, *, accept: bool) -> None:
        """First who is kept out or gone, then renames, in one step; then photo after photo."""
        with self._changing() as db:
            learnt = files.templates_by_hash(db, {w.entry.hash for w in todo.wanted}, self._model)
            before = behind.denials(db)
            for entry, mark in todo.marks:
                files.put_mark(db, entry, mark)
            files.put_back(db, todo.back)
            files.put_gone(db, todo.gone)
            for entry, refusal in todo.refused:
                self._refuse(db, entry, "", PhotoError(refusal.why, refusal.hint), State.REFUSED)
            self._done.update(marked=len(todo.marks), gone=len(todo.gone))
            self._remove(db, todo, learnt, accept=accept)
            behind.spread_again(db, self._model, self._photos.max_templates)
            self._tell_denials(db, before)
        if not todo.empty:
            self._changed()
        if todo.gone:
            self._store.clear_traces()
        rest = [wanted for wanted in todo.wanted if wanted.entry.hash not in learnt]
        for number, wanted in enumerate(rest):
            if self._stopped():
                return
            self._tell(number, len(rest))
            self._learn(wanted)
        self._done += Counter()  # drops what is 0

    def _remove(self, db: Connection, todo: Plan, learnt: Learnt, *, accept: bool) -> None:
        """Carry out deletions and renames; all of it again, sparing people, if it were too many."""
        moves = [wanted for wanted in todo.wanted if wanted.entry.hash in learnt]
        gone = behind.pending(db)
        self._held_back = ()
        if not gone and not moves:
            behind.sweep(db)
            return
        if self._photos.on_delete == "keep" and not accept:
            self._moves(db, moves, learnt)
            return
        access, recent = behind.with_access(db), behind.lately_revoked(db, WINDOW_SECONDS)
        db.execute("SAVEPOINT removals")
        done = self._done.copy()
        lost = self._try(db, moves, learnt, access, spare=())
        most = most_removals(len(access) + recent)
        if not accept and lost and (len(lost) + recent > most or not behind.with_access(db)):
            db.execute("ROLLBACK TO removals")
            self._done = done
            self._try(db, moves, learnt, access, spare=lost)
            self._held_back = tuple(access[key].name for key in sorted(lost))
            if {person for key, person, _ in gone if key in set(todo.gone)} & lost:
                told = f"people: {len(lost)} of {len(access)}; doorctl sync --accept-removals carries it out"
                event = Event(EventKind.REMOVALS_HELD, time.monotonic(), detail=told)
                add_event(db, event, now_text())
        db.execute("RELEASE removals")

    def _try(
        self,
        db: Connection,
        moves: list[Wanted],
        learnt: Learnt,
        access: dict[str, Person],
        spare: Collection[str],
    ) -> set[str]:
        """Carry out removals and renames, sparing people; who has lost access under any name."""
        hashes = {wanted.entry.hash for wanted in moves}
        owners = {key: people for key, people in behind.counting(db).items() if key in hashes}
        behind.drop_gone(db, marks=not spare, spare=spare)
        behind.sweep(db, {person for people in owners.values() for person in people})
        self._moves(db, moves, learnt)
        counting = behind.counting(db)
        moved = {person for key, people in owners.items() if counting.get(key) for person in people}
        return access.keys() - behind.with_access(db).keys() - behind.denied_keys(db) - moved

    def _moves(self, db: Connection, moves: list[Wanted], learnt: Learnt) -> None:
        for wanted in moves:
            sha256, vector = learnt[wanted.entry.hash]
            self._take(db, wanted, NewPhoto(sha256, wanted.entry.path, self._model, vector))

    def _learn(self, wanted: Wanted) -> None:
        """Fetch and learn from one photo, and write down what came of it."""
        entry, name = wanted.entry, wanted.name
        with self._store.undisturbed() as db:
            if files.unwanted(db, entry.hash, name):
                why = PhotoError("an operator did away with it", "use another photo of this person")
                self._refuse(db, entry, name, why, State.REFUSED)
                return
        photo: NewPhoto | None = None
        state = State.REFUSED
        try:
            photo = self._look(self._source.fetch(entry, self._photos.max_bytes), entry)
        except FetchError as error:
            failed, state = PhotoError(error.message, error.hint), State.PARKED
        except PhotoError as error:
            failed = PhotoError(error.message.removeprefix(f"{entry.path}: "), error.hint)
        with self._changing() as db:
            if photo is None:
                self._refuse(db, entry, name, failed, state)
                behind.sweep(db)
            else:
                self._take(db, wanted, photo)
        self._changed()

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._store.undisturbed() as db:
            before = self._store.version()
            yield db
            self._commits(before)

    def _look(self, content: bytes, entry: Entry) -> NewPhoto:
        if self._eye is None:
            config = self._settings.config
            alone = config.model_copy(update={"vision": config.vision.model_copy(update={"threads": 1})})
            self._eye = open_eye(replace(self._settings, config=alone))
        sides = {"min_side": self._photos.min_side, "max_side": self._photos.max_side}
        try:
            return content_to_template(self._eye, content, entry.path, **sides)
        except ModelError:
            raise
        except PhotoError as error:
            name = entry.path.rpartition("/")[2]
            raise PhotoError(error.message.removeprefix(f"{name}: "), error.hint) from error

    def _take(self, db: Connection, wanted: Wanted, photo: NewPhoto) -> None:
        """Enrol or hold a photo, or refuse it where its face is somebody else's."""
        entry, name = wanted.entry, wanted.name
        register = register_by(self._settings, self._store, self._model, self._recognition)
        outcome = self._judge(register, name, replace(photo, foldered=True, by=entry.by))
        if isinstance(outcome, PhotoError):
            self._refuse(db, entry, name, outcome, State.CONFLICT)
            return
        denied = behind.denials(db)
        enrolment = self._store.enrol(name, [outcome])
        self._tell_denials(db, denied)  # a mark may have been there before the person
        waits = photo.sha256 in enrolment.held
        files.put_taken(db, entry, name, photo.sha256, waits=waits)
        behind.sweep(db)
        behind.keep_spread(db, enrolment.person.id, self._model, self._photos.max_templates)
        self._done["held" if waits else "enrolled"] += 1

    def _judge(self, register: Register, name: str, photo: NewPhoto) -> NewPhoto | PhotoError:
        standing = register.standing(self._store, name)
        (outcome,) = standing.judge([photo])
        if isinstance(outcome, PhotoError):
            # By number, for what is written down here may outlive that person.
            other = standing.others.match(photo.vector).person
            denied = ", who is denied" if other and other.denied else ""
            who = f"the face is known already, as #{other.id if other else 0}{denied}"
            return PhotoError(who, "take it away, or have an operator look at it: doorctl enrol --force")
        if standing.person is None and self._photos.approve_new:
            return replace(outcome, held=NEW)
        return outcome

    def _refuse(self, db: Connection, entry: Entry, name: str, why: PhotoError, state: State) -> None:
        before = files.refusal(db, entry.key)
        files.put_refused(db, entry, name, why, state)
        self._done["parked" if state is State.PARKED else "refused"] += 1
        if before != (entry.hash, why.message):  # what is tried again and again is told once
            number = self._store.number(name) if name else 0
            person = Person(number, name) if number else None
            told = f"{why.message}{f'; put there by {entry.by}' if entry.by else ''}"
            add_event(db, Event(EventKind.PHOTO_REFUSED, time.monotonic(), person, detail=told), now_text())

    def _tell_denials(self, db: Connection, before: dict[int, Person]) -> None:
        after = behind.denials(db)
        there = {person.id for person in behind.everybody(db)}
        for number in sorted((before.keys() ^ after.keys()) & there):
            denied = number in after
            kind = EventKind.PERSON_DENIED if denied else EventKind.PERSON_ALLOWED
            person = (after if denied else before)[number]
            add_event(db, Event(kind, time.monotonic(), person, detail=FROM_FOLDER), now_text())
