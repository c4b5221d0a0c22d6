"""What stood around an event: the lock that held, who had denied a person, what came right after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from doorctl.core.decision import EventKind
from doorctl.core.records import Reason
from doorctl.report.details import seconds_of
from doorctl.report.words import between
from doorctl.store.history import History
from doorctl.store.records import StoredEvent

ENDS: Mapping[EventKind, EventKind] = {
    EventKind.CAMERA_LOST: EventKind.CAMERA_BACK,
    EventKind.SYNC_FAILED: EventKind.SYNC_BACK,
    EventKind.INPUT_FAULT: EventKind.INPUT_BACK,
    EventKind.TAMPER: EventKind.TAMPER_ENDED,
    EventKind.FIRE_ALARM: EventKind.FIRE_ALARM_ENDED,
    EventKind.DOOR_FORCED_OPEN: EventKind.DOOR_CLOSED,
    EventKind.DOOR_OPEN_TOO_LONG: EventKind.DOOR_CLOSED,
    EventKind.HELD_OPEN: EventKind.HOLD_ENDED,
    EventKind.LOCKED_DOWN: EventKind.LOCKDOWN_ENDED,
    EventKind.RELAY_ON: EventKind.RELAY_OFF,
}
"""What begins, and how its end is told."""

OUTLIVES = (EventKind.LOCKED_DOWN,)
"""What a restart of the daemon does not end."""

AFTER_SECONDS = 60.0
"""What comes later than that is not told as what came right after."""

MOST_AFTER = 12

SLACK_SECONDS = 60.0
"""So long after the end of a face's lock a visit of that face may still be judged as locked: it goes on."""

_LOCKS = (
    EventKind.LOCKED_DOWN,
    EventKind.LOCKDOWN_ENDED,
    EventKind.LOCKS_CLEARED,
    EventKind.LOCKED_OUT,
    EventKind.STARTED,
)
_AFTER = (
    EventKind.RELAY_ON,
    EventKind.RELAY_OFF,
    EventKind.ACCESS_TAKEN,
    EventKind.ACCESS_NOT_TAKEN,
    EventKind.DOOR_FORCED_OPEN,
    EventKind.DOOR_PRE_ALARM,
    EventKind.DOOR_OPEN_TOO_LONG,
    EventKind.DOOR_CLOSED,
    EventKind.LOCKED_OUT,
    EventKind.LOCKED_DOWN,
    EventKind.FALLS_SHORT,
    EventKind.ACCESS_GRANTED,
    EventKind.ACCESS_DENIED,
    EventKind.UNLOCKED,
    EventKind.STOPPED,
    EventKind.STARTED,
)
NEXT = (EventKind.ACCESS_GRANTED, EventKind.ACCESS_DENIED, EventKind.UNLOCKED, EventKind.STARTED)
"""Another story begins with these."""


@dataclass(frozen=True, slots=True)
class Since:
    """What held at an event's time."""

    event: StoredEvent
    """With which it began."""
    ordered: bool = False
    """Whether an operator had ordered it."""


def lock_before(history: History, event: StoredEvent) -> Since | None:
    """The lock that was in force at an event, the last to begin of several; ``None`` if none is found."""
    over: set[tuple[EventKind, bool]] = set()
    every = {(EventKind.LOCKED_DOWN, True), (EventKind.LOCKED_DOWN, False), (EventKind.LOCKED_OUT, False)}
    for past in history.backwards(event.id, kinds=_LOCKS):
        ordered = past.reason == Reason.COMMANDED
        if past.kind == EventKind.STARTED:  # faces are remembered in memory alone
            over.add((EventKind.LOCKED_OUT, False))
        elif past.kind == EventKind.LOCKS_CLEARED:
            over |= {(EventKind.LOCKED_OUT, False), (EventKind.LOCKED_DOWN, False)}
        elif past.kind == EventKind.LOCKDOWN_ENDED:
            over.add((EventKind.LOCKED_DOWN, ordered))
        elif past.kind == EventKind.LOCKED_DOWN and (EventKind.LOCKED_DOWN, ordered) not in over:
            return Since(past, ordered)
        elif past.kind == EventKind.LOCKED_OUT and (EventKind.LOCKED_OUT, False) not in over:
            if between(past, event) <= (seconds_of(past.detail) or 0.0) + SLACK_SECONDS:
                return Since(past)
            over.add((EventKind.LOCKED_OUT, False))
        if over >= every:
            return None
    return None


def denied_before(history: History, event: StoredEvent) -> StoredEvent | None:
    """The event with which a person came to be denied; ``None`` if none is found."""
    kinds = (EventKind.PERSON_DENIED, EventKind.PERSON_ALLOWED)
    last = next(history.backwards(event.id, kinds=kinds, person_id=event.person_id), None)
    return last if last is not None and last.kind == EventKind.PERSON_DENIED else None


def relay_was_on(history: History, event: StoredEvent) -> bool:
    """Whether the strike was released already when an event happened."""
    kinds = (EventKind.RELAY_ON, EventKind.RELAY_OFF, EventKind.STARTED)
    last = next(history.backwards(event.id, kinds=kinds), None)
    return last is not None and last.kind == EventKind.RELAY_ON


def right_after(history: History, event: StoredEvent) -> tuple[StoredEvent, ...]:
    """What came of a decision within a minute, up to and with the next one."""
    told: list[StoredEvent] = []
    for after in history.onwards(event.id, kinds=_AFTER):
        if between(event, after) > AFTER_SECONDS or len(told) == MOST_AFTER:
            break
        told.append(after)
        if after.kind in NEXT:
            break
    return tuple(told)


def end_of(history: History, event: StoredEvent) -> StoredEvent | None:
    """The event that ended what began with this one; ``None`` if nothing has, or it is nothing that ends."""
    if event.kind not in ENDS:
        return None
    kind = EventKind(event.kind)
    kinds = (ENDS[kind], EventKind.LOCKS_CLEARED if kind in OUTLIVES else EventKind.STARTED)
    return next((one for one in history.onwards(event.id, kinds=kinds) if ends(one, event)), None)


def start_of(history: History, event: StoredEvent) -> StoredEvent | None:
    """The event with which began what this one ends; ``None`` likewise."""
    starts = tuple(start for start, end in ENDS.items() if end == event.kind)
    if not starts:
        return None
    return next((one for one in history.backwards(event.id, kinds=starts) if ends(event, one)), None)


def ends(end: StoredEvent, start: StoredEvent) -> bool:
    """Whether what began with the one event ended with the other, later one."""
    kind = EventKind(start.kind)
    if end.kind == EventKind.STARTED:
        return kind not in OUTLIVES
    ordered = start.reason == Reason.COMMANDED
    if end.kind == EventKind.LOCKS_CLEARED:
        return kind is EventKind.LOCKED_DOWN and not ordered
    if ENDS.get(kind) != end.kind:
        return False
    if kind is EventKind.LOCKED_DOWN:
        return ordered == (end.reason == Reason.COMMANDED)
    if kind is EventKind.INPUT_FAULT:  # a button that is stuck is never told to be back
        return start.detail.startswith(f"{end.detail}: changes")
    return True


def failures_before(
    history: History, event: StoredEvent, seconds: float, most: int
) -> tuple[StoredEvent, ...]:
    """The refusals shortly before a lock, oldest first: those that led to it are among them."""
    found: list[StoredEvent] = []
    for past in _recent(history.backwards(event.id, kinds=[EventKind.ACCESS_DENIED]), event, seconds):
        if past.reason not in (Reason.SCHEDULE, Reason.LOCKED_OUT):
            found.append(past)
        if len(found) == most:
            break
    return tuple(reversed(found))


def _recent(past: Iterable[StoredEvent], event: StoredEvent, seconds: float) -> Iterator[StoredEvent]:
    for one in past:
        if between(one, event) > seconds:
            return
        yield one
