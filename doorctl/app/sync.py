"""One round with the folder: list, plan, fetch, learn, and write down, so that nothing is lost or done twice.

The cursor moves last of all. Whatever is done before stands in the table of files, so that a round that was
cut short is listed again and finds most of it done.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from sqlite3 import Connection

from doorctl.app.enrolment import content_to_template
from doorctl.app.intake import OPERATOR, Intake
from doorctl.app.removals import Removals
from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, installed, open_eye
from doorctl.core.filing import shown
from doorctl.core.listing import Changes, Entry
from doorctl.core.plan import Plan, Rules, State, Wanted, beneath, plan
from doorctl.enrol.source import FetchError, PhotoSource, SourceError
from doorctl.errors import PhotoError, StoreError
from doorctl.store import behind, files
from doorctl.store.database import Store
from doorctl.store.records import NewPhoto

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""While there are photos to learn from, the folder is asked so often whether somebody is to be kept out."""

Queue = dict[str, Wanted]
"""Photos to learn from, by key."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to."""

    done: Counter[str]
    """How many files were enrolled, held, refused, parked, marked, moved and gone."""
    held_back: tuple[str, ...]
    """Names of people whose removal, or of whose mark the removal, waits for a word."""
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
        changed: called after each change of who may come in, within no transaction; told whether it matters
            that the door knows at once.
        commits: called in each transaction that may, at its end, with the store's version at its beginning.
        tell: told how many photos have been learnt from, and of how many.
        stopped: asked between photos whether to leave the rest of a round to the next.
        rest: how long it rests after a photo, in times of the processor's time that the photo took.

    Raises:
        ModelError: no set of nets is installed whole.
    """

    def __init__(
        self,
        settings: Settings,
        source: PhotoSource,
        store: Store,
        *,
        changed: Callable[[bool], None] = lambda at_once: None,
        commits: Callable[[int], None] = lambda before: None,
        tell: Callable[[int, int], None] = lambda done, total: None,
        stopped: Callable[[], bool] = lambda: False,
        rest: float = 0.0,
    ) -> None:
        self._settings, self._source, self._store = settings, source, store
        self._changed, self._commits, self._tell, self._stopped = changed, commits, tell, stopped
        self._rest = rest
        self._photos = settings.config.photos
        models, recognition = installed(settings)
        self._model = models.embedder.card.name
        self._intake = Intake(settings.config, store, self._model, recognition)
        self._removals = Removals(self._intake, self._photos)
        self._eye: Eye | None = None
        self._traces = True
        """Whether the journal may still hold what was erased."""
        self._freed = False
        """Whether somebody has gone since the plan was made: a face that was theirs may be another's turn."""

    def round(self, *, accept: bool = False) -> Round:
        """Do everything that the folder asks for.

        Args:
            accept: whether removals are carried out however many they are.

        Raises:
            SourceError, UnreachableError: the folder cannot be read; what is done stays done.
            StoreError: it cannot be written down.
            ModelError: the nets cannot be loaded.
        """
        self._intake.done = done = Counter[str]()
        with self._store.undisturbed() as db:
            if (state := files.folder_state(db)).rules != self._rules or state.name != self._source.name:
                files.begin(db, self._source.name, self._rules)
                state = files.folder_state(db)
        cursor, queue, learnt = state.cursor, Queue(), 0
        try:
            while True:
                with self._store.undisturbed() as db:
                    known = files.known_files(db, self._model)
                changes = self._source.changes(cursor)
                cursor = changes.cursor
                todo = plan(known, changes, Rules(self._photos.name_ends_at, self._photos.max_bytes))
                queue = _in_turn(_still(queue, changes), todo)
                self._freed = False
                self._keep_out(todo)
                later = self._settle(todo, changes, queue, accept=accept) or self._freed
                learnt += self._learn_some(queue, learnt) if not later else 0
                if self._stopped():
                    return Round(+done, self._removals.held_back, cursor)
                if not (queue or later or self._freed):
                    break
        finally:
            self._eye = None
        if cursor != state.cursor or done:
            with self._store.undisturbed() as db:
                files.advance(db, cursor, self._source.name, self._rules)
        if done or self._traces:
            self._traces = not self._store.clear_traces()
        return Round(+done, self._removals.held_back, cursor)

    @property
    def _rules(self) -> str:
        """What files were judged by: where it differs, they are judged again."""
        photos, quality = self._photos, self._settings.config.quality
        limits = f"{photos.max_bytes} {photos.min_side} {photos.max_side}"
        return f"{self._model} {photos.name_ends_at} {limits} {quality.model_dump_json()}"

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._store.undisturbed() as db:
            before, removed = self._store.version(), files.removed(db)
            yield db
            self._freed |= files.removed(db) > removed
            self._commits(before)

    def _keep_out(self, todo: Plan) -> None:
        """Marks before anything else, so that nothing that fails can keep them waiting."""
        if not todo.marks:
            return
        with self._changing() as db:
            before = behind.denials(db)
            for entry, mark in todo.marks:
                files.put_mark(db, entry, mark)
            self._intake.tell_denials(db, before)
        self._intake.done["marked"] += len(todo.marks)
        self._intake.forget()
        self._changed(True)

    def _settle(self, todo: Plan, changes: Changes, queue: Queue, *, accept: bool) -> bool:
        """What needs no fetch, in one step: removals, renames, refusals; whether some are left over."""
        with self._changing() as db:
            before = behind.denials(db)
            files.put_back(db, todo.back)
            files.put_gone(db, todo.gone)
            for entry, name, refusal in todo.refused:
                told = "" if name else "its name is of nobody, or of nobody in particular"
                why = PhotoError(refusal.why, refusal.hint)
                self._intake.refuse(db, entry, name, why, State.REFUSED, told)
            self._intake.done["gone"] += len(todo.gone)
            for key, wanted in list(queue.items()):
                if files.rekey(db, wanted.entry, wanted.name):
                    self._intake.done["moved"] += 1
                    del queue[key]
            leaving = files.leaving(db, queue)
            moved = [wanted.entry for wanted in queue.values() if wanted.entry.hash in leaving]
            found = ((entry.key, files.learnt(db, entry, self._model)) for entry in moved)
            learnt = {key: photo for key, photo in found if photo}
            later = self._removals.carry_out(db, todo, changes, queue, learnt, accept=accept)
            behind.spread_again(db, self._model, self._photos.max_templates)
            self._intake.tell_denials(db, before)
        if not todo.empty:
            self._changed(True)
        return later

    def _learn_some(self, queue: Queue, learnt: int) -> int:
        """Learn from one photo or more, until it is time to look at the folder again; from how many."""
        start, number = time.monotonic(), 0
        while queue and not (self._stopped() or self._freed):
            if number and time.monotonic() - start >= LOOK_SECONDS:
                break
            self._tell(learnt + number, learnt + number + len(queue))
            began = time.thread_time()
            self._learn(queue.pop(next(iter(queue))))
            number += 1
            time.sleep(min(LOOK_SECONDS, self._rest * (time.thread_time() - began)))
        return number

    def _learn(self, wanted: Wanted) -> None:
        """Fetch and learn from one photo, and write down what came of it."""
        entry, name = wanted.entry, wanted.name
        photo: NewPhoto | None = None
        state = State.REFUSED
        eye = self._open()
        try:
            with self._store.undisturbed() as db:
                unwanted = files.unwanted(db, entry.hash, name)
                photo = None if unwanted else files.learnt(db, entry, self._model)  # of a copy
            if unwanted:
                failed = OPERATOR
            elif photo is None:
                content = self._source.fetch(entry, self._photos.max_bytes)
                photo = self._look(eye, content, entry)
        except FetchError as error:
            failed, state = PhotoError(_bare(error.message, entry), error.hint), State.PARKED
        except PhotoError as error:
            failed = PhotoError(_bare(error.message, entry), error.hint)
        except (SourceError, StoreError):
            raise
        except Exception as error:
            log.exception("a photo could not be looked at")
            failed, state = _unforeseen(error), State.PARKED
        if photo is not None:
            try:
                with self._changing() as db:
                    denied = behind.denials(db)
                    self._intake.take(db, wanted, photo)
                    self._intake.tell_denials(db, denied)  # a mark may have been there before the person
            except StoreError:
                raise
            except Exception as error:
                log.exception("a photo could not be taken in")
                photo, failed, state = None, _unforeseen(error), State.PARKED
                self._intake.forget()
        if photo is None:
            with self._changing() as db:
                self._intake.refuse(db, entry, name, failed, state)
                behind.tell_revoked(db, behind.sweep(db))
        self._changed(False)

    def _open(self) -> Eye:
        """Nets of this thread's own, on one core."""
        if self._eye is None:
            config = self._settings.config
            alone = config.model_copy(update={"vision": config.vision.model_copy(update={"threads": 1})})
            self._eye = open_eye(replace(self._settings, config=alone))
        return self._eye

    def _look(self, eye: Eye, content: bytes, entry: Entry) -> NewPhoto:
        sides = {"min_side": self._photos.min_side, "max_side": self._photos.max_side}
        return content_to_template(eye, content, entry.path, **sides)


def _in_turn(queue: Queue, todo: Plan) -> Queue:
    """With what is new. The order is the same as if the round began now, so that a kill changes nothing."""
    every = queue | {wanted.entry.key: wanted for wanted in todo.wanted}
    return dict(sorted(every.items(), key=lambda item: item[1].turn))


def _still(queue: Queue, changes: Changes) -> Queue:
    """What is still to be learnt from after changes."""
    if changes.complete:
        return {}
    roots = {entry.key for entry in changes.entries} | set(changes.deleted)
    return {key: wanted for key, wanted in queue.items() if not beneath(key, roots)}


def _bare(message: str, entry: Entry) -> str:
    """An error's words without the path, which stands beside them, and which an event would outlive."""
    for path in (entry.path, shown(entry.path, 200), entry.path.rpartition("/")[2]):
        message = message.removeprefix(f"{path}: ")
    return message


def _unforeseen(error: Exception) -> PhotoError:
    """One file's trouble, whatever it is, must not keep the others waiting."""
    return PhotoError(f"it could not be looked at ({type(error).__name__})", "it is tried again by itself")
