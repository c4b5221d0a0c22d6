"""\"That was not me\": what somebody says against a decision, written down beside it."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from doorctl.core.decision import Event, EventKind
from doorctl.core.mentions import left, named, numbered
from doorctl.core.records import Person
from doorctl.errors import DisputeError
from doorctl.store.database import Store
from doorctl.store.history import History
from doorctl.store.records import StoredEvent

LONGEST = 200
"""Characters of a note."""

DECISIONS = (
    EventKind.ACCESS_GRANTED,
    EventKind.ACCESS_DENIED,
    EventKind.UNLOCKED,
    EventKind.HELD_OPEN,
    EventKind.REFUSED_COMMAND,
)
"""What can be disputed: that the door was released, or that it was not."""

_JOINERS = "\u200c\u200d"
"""Part of the spelling of names: see ``core.names``."""

_DETAIL = re.compile(r"event (\d{1,18})(?:: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Dispute:
    """Somebody's word against a decision."""

    id: int
    """Of the event that says so."""
    time: datetime
    of: int
    """The number of the event that is disputed."""
    note: str
    """With people's names, as far as they still have one."""


def clean_note(note: str) -> str:
    """The note as it is kept: NFC, single spaces.

    Raises:
        DisputeError: it is longer than ``LONGEST``, or holds characters that do not show.
    """
    for character in note:
        if not (character.isprintable() or character in _JOINERS):
            raise DisputeError(
                f"the note holds the character U+{ord(character):04X}, which does not show",
                "write it in one line, of letters, digits and punctuation",
            )
    cleaned = " ".join(unicodedata.normalize("NFC", note).split())
    if len(cleaned) > LONGEST:
        raise DisputeError(f"the note has {len(cleaned)} characters", f"use at most {LONGEST}")
    return cleaned


def dispute(store: Store, number: int, note: str = "") -> tuple[StoredEvent, tuple[str, ...]]:
    """Write down that somebody disputes an event.

    Returns:
        the event that says so, and words of the note that look like a part of somebody's name: only whole
        names are kept as numbers.

    Raises:
        UnknownEventError: there is no such event.
        DisputeError: it is no decision, or the note cannot be kept.
        StoreError: it cannot be written.
    """
    note, history = clean_note(note), History(store)
    with store.undisturbed():
        disputed = history.event(number)
        if disputed.kind not in DECISIONS:
            raise DisputeError(
                f"event {number} is {disputed.kind}, which is no decision to let somebody in or not",
                f"one of {', '.join(DECISIONS)} can be disputed",
            )
        people = [(person.id, person.name) for person in store.people()]
        kept = numbered(note, people)
        written = store.record(event_of(disputed, kept, time.monotonic()))
        return history.event(written), left(kept, people)


def event_of(disputed: StoredEvent, note: str, at: float) -> Event:
    """What is written down of a dispute.

    Args:
        disputed: the decision.
        note: clean, and with numbers for names.
        at: seconds on the frames' time scale.
    """
    who = Person(disputed.person_id, "") if disputed.person_id is not None else None
    told = f"event {disputed.id}{f': {note}' if note else ''}"
    return Event(EventKind.DISPUTED, at, who, detail=told)


def dispute_of(event: StoredEvent, names: Mapping[int, str]) -> Dispute | None:
    """What an event of kind ``Disputed`` says; ``None`` if it is none.

    Args:
        event: any.
        names: of people, by number.
    """
    found = _DETAIL.fullmatch(event.detail) if event.kind == EventKind.DISPUTED else None
    if found is None:
        return None
    return Dispute(event.id, event.time, int(found[1]), named(found[2] or "", names))


def disputes_of(history: History, number: int, names: Mapping[int, str]) -> tuple[Dispute, ...]:
    """Everything that was said against an event, in order."""
    said = (dispute_of(event, names) for event in history.onwards(number, kinds=[EventKind.DISPUTED]))
    return tuple(one for one in said if one is not None and one.of == number)
