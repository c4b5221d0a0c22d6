"""Deletions and renames: carried out together, and all of it undone again where it were too much at once."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from sqlite3 import Connection

from doorctl.app.intake import Intake
from doorctl.core.decision import Event, EventKind
from doorctl.core.listing import Changes
from doorctl.core.names import name_key
from doorctl.core.plan import Plan, Wanted, most_removals
from doorctl.core.records import Person
from doorctl.sections import PhotosConfig
from doorctl.store import behind, files
from doorctl.store.events import add_event
from doorctl.store.records import NewPhoto
from doorctl.store.rows import now_text

WINDOW_SECONDS = 600.0
"""Deletions arrive in pieces: people taken away in the last ten minutes count with those of a round."""

MOVES = 10
"""Photos that are filed under another name in one transaction: meanwhile nobody else can write."""

Learnt = Mapping[str, NewPhoto]
"""By key: what is known already of photos that have gone elsewhere."""


class Removals:
    """What goes, what moves, and who is spared until an operator has said so.

    Args:
        intake: judges a photo under its new name.
        photos: whose rules hold.
    """

    def __init__(self, intake: Intake, photos: PhotosConfig) -> None:
        self._intake, self._photos = intake, photos
        self.held_back: tuple[str, ...] = ()

    def carry_out(
        self,
        db: Connection,
        todo: Plan,
        changes: Changes,
        queue: dict[str, Wanted],
        learnt: Learnt,
        *,
        accept: bool,
    ) -> bool:
        """Within a transaction: do what has gone, and what has moved; takes that out of the queue.

        Returns:
            whether renames are left over for the next transaction.
        """
        moves, later = self._batch(db, [wanted for key, wanted in queue.items() if key in learnt])
        for wanted in moves:
            del queue[wanted.entry.key]
        self.held_back = ()
        gone = behind.pending(db)
        if (self._photos.on_delete == "keep" and not accept) or not (gone or moves):
            for wanted in moves:
                self._move(db, wanted, learnt)
            if self._photos.on_delete != "keep":
                behind.tell_revoked(db, behind.sweep(db))
            return bool(later)
        before, denied = behind.known_people(db), behind.denials(db)
        recent = behind.lately_revoked(db, WINDOW_SECONDS)
        most = most_removals(len(before) + recent)
        db.execute("SAVEPOINT removals")
        done = self._intake.done.copy()
        lost = self._try(db, moves, later, learnt, before, spare=())
        after = behind.denials(db)
        lifted = {person.name for number, person in denied.items() if number not in after} - {
            before[key].name for key in lost
        }
        access = (any(not p.denied for p in people.values()) for people in (before, behind.known_people(db)))
        emptied = changes.complete and not changes.entries
        too_many = (lost and (len(lost) + recent > most or tuple(access) == (True, False))) or (
            len(lifted) > most or (lifted and emptied)
        )
        if too_many and not accept:
            spare, more = set[str](), lost
            while True:
                spare |= more
                db.execute("ROLLBACK TO removals")
                self._intake.done.clear()
                self._intake.done.update(done)
                more = self._try(db, moves, later, learnt, before, spare=spare, marks=False) - spare
                if not more:  # to spare one may be to leave no place for another
                    break
            self.held_back = tuple(sorted({before[key].name for key in spare} | lifted))
            if not gone.isdisjoint(todo.gone):
                self._tell(db, len(self.held_back), len(before))
        db.execute("RELEASE removals")
        return bool(later)

    def _batch(self, db: Connection, moves: list[Wanted]) -> tuple[list[Wanted], list[Wanted]]:
        """Some of the renames, and the rest: all photos of one person together."""
        if len(moves) <= MOVES:
            return moves, []
        owners = behind.counting(db)
        of = {wanted.entry.key: min(owners.get(wanted.entry.hash, {""})) for wanted in moves}
        moves = sorted(moves, key=lambda wanted: (of[wanted.entry.key], wanted.entry.key))
        end = MOVES
        while end < len(moves) and of[moves[end].entry.key] == of[moves[end - 1].entry.key]:
            end += 1
        return moves[:end], moves[end:]

    def _try(
        self,
        db: Connection,
        moves: list[Wanted],
        later: list[Wanted],
        learnt: Learnt,
        before: Mapping[str, Person],
        spare: Collection[str],
        *,
        marks: bool = True,
    ) -> set[str]:
        """Carry out removals and renames, sparing people; keys of those who are known by no name any more.

        Whoever comes by a name that has become free is somebody else, and no substitute.
        """
        hashes = {wanted.entry.hash for wanted in moves}
        owners = {content: who for content, who in behind.counting(db).items() if content in hashes}
        moves = [
            wanted for wanted in moves if files.give_way(db, wanted.entry.key, name_key(wanted.name), spare)
        ]
        behind.drop_gone(db, marks=marks, spare=spare, later={wanted.entry.hash for wanted in later})
        removed = behind.sweep(db)
        self._intake.forget()
        for wanted in moves:
            self._move(db, wanted, learnt)
        behind.spread_again(db, self._intake.model, self._photos.max_templates)
        counting = behind.counting(db)
        moved = {person for content, who in owners.items() if counting.get(content) for person in who}
        behind.tell_revoked(db, removed, {before[key].id for key in moved if key in before})
        left = {person.id for person in behind.known_people(db).values()}
        return {key for key, person in before.items() if person.id not in left} - moved

    def _move(self, db: Connection, wanted: Wanted, learnt: Learnt) -> None:
        self._intake.take(db, wanted, learnt[wanted.entry.key])

    def _tell(self, db: Connection, waiting: int, people: int) -> None:
        told = f"people: {waiting} of {people}; doorctl sync --accept-removals carries it out"
        add_event(db, Event(EventKind.REMOVALS_HELD, time.monotonic(), detail=told), now_text())
