"""What the door's leaf and its other wires do, held against what they were let do.

A door that opens after a release is AccessTaken, one that opens without is DoorForcedOpen, one that
stays open is told before it is too long, and a release that nobody uses is AccessNotTaken. Nothing
here releases the strike: ``core.door`` asks, and decides.

A line that flaps is told once and not believed until it has been quiet; one that is stuck is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from doorctl.core.decision import Event, EventKind
from doorctl.core.inputs import Line, Noise, Switched
from doorctl.core.records import Person

FLAPS, FLAP_SECONDS = 10, 10.0
"""So many changes within so many seconds are no person's, nor a door's."""

MANY, MANY_SECONDS = 100, 300.0
"""Nor are so many: somebody who comes in every six seconds, for five minutes."""


@dataclass(frozen=True, slots=True)
class PassageRules:
    """Seconds, unless said otherwise; see ``config/doorctl.yaml``."""

    contact: bool = False
    """Whether there is a door contact. Without one nothing is known of the leaf."""
    grace_seconds: float = 1.0
    """So long after a release the leaf may still be seen to open: hands are slow."""
    too_long_seconds: float = 30.0
    pre_alarm_seconds: float = 10.0
    """So long before that it is told at the door."""
    extended_too_long_seconds: float = 60.0
    """The same for people who need more time."""
    stuck_seconds: float = 60.0
    """An exit button that is pressed for so long is stuck."""
    rex_releases: bool = True
    fire_releases: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A door that stands open."""

    since: float
    forced: bool
    limit: float
    """Seconds that it may."""
    sole: bool = False
    """Whether just one release was waiting for it to open."""
    warned: bool = False
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """What is known of the door's wires."""

    leaf: Leaf | None = None
    """``None`` while the door is closed."""
    may_open_until: float = -inf
    released_at: float = -inf
    """When the strike was last released."""
    extended: bool = False
    """Whether the last release was for somebody who needs more time."""
    awaited: tuple[tuple[Person | None, str], ...] = ()
    """Whom, and for what cause, the door was released for, and who has not opened it yet."""
    on: frozenset[Line] = frozenset()
    rex_since: float = inf
    stuck: bool = False
    """Whether it was told that the exit button is stuck."""
    changes: tuple[tuple[Line, tuple[float, ...]], ...] = ()
    """When each line changed lately."""
    unreliable: frozenset[Line] = frozenset()
    told: frozenset[Line] = frozenset()
    """Lines whose alarm was told, and not its end."""

    def moved(self, seconds: float) -> Passage:
        """The same on a scale of time that was set forward by so much."""
        leaf = self.leaf and replace(self.leaf, since=self.leaf.since + seconds)
        return replace(
            self,
            leaf=leaf,
            may_open_until=self.may_open_until + seconds,
            released_at=self.released_at + seconds,
            rex_since=self.rex_since + seconds,
            changes=tuple((line, tuple(at + seconds for at in times)) for line, times in self.changes),
        )

    def believes(self, line: Line) -> bool:
        """Whether a line is on, and can be relied on."""
        return line in self.on and line not in self.unreliable


def released(
    passage: Passage,
    at: float,
    seconds: float,
    cause: str,
    person: Person | None,
    rules: PassageRules,
    *,
    extended: bool = False,
) -> tuple[Passage, tuple[Event, ...]]:
    """The strike is released from now on for so many seconds."""
    until = max(passage.may_open_until, at + seconds + rules.grace_seconds)
    passage = replace(passage, may_open_until=until, released_at=at, extended=extended)
    if not rules.contact:
        return passage, ()
    if passage.leaf is not None:
        return passage, (_taken(at, person, cause, "the door stood open"),)
    # Who comes again, or is let in for longer, is awaited once.
    others = tuple(one for one in passage.awaited if one[0] != person)
    return replace(passage, awaited=(*others, (person, cause))), ()


def held_open(passage: Passage, at: float, seconds: float) -> Passage:
    """The strike is held released for so many seconds from now, and the leaf may stand open meanwhile."""
    leaf = passage.leaf
    if leaf is not None and not leaf.forced:
        leaf = replace(leaf, since=at, warned=False, too_long=False)
    return replace(passage, leaf=leaf, may_open_until=max(passage.may_open_until, at + seconds))


def switched(
    passage: Passage, fact: Switched, at: float, rules: PassageRules
) -> tuple[Passage, tuple[Event, ...]]:
    """A line has changed."""
    passage, told = _flaps(passage, fact.line, at)
    on = passage.on | {fact.line} if fact.on else passage.on - {fact.line}
    changed = on != passage.on
    passage = replace(passage, on=on)
    if fact.line is Line.REX:
        passage = replace(passage, rex_since=at if fact.on else inf, stuck=passage.stuck and fact.on)
    if not changed or fact.line in passage.unreliable:
        return passage, told
    if fact.line is Line.CONTACT:
        passage, events = _opened(passage, fact, at, rules) if fact.on else _closed(passage, at)
        return passage, (*told, *events)
    passage, events = _told(passage, fact.line, at)
    return passage, (*told, *events)


def noisy(passage: Passage, fact: Noise, at: float) -> tuple[Passage, tuple[Event, ...]]:
    """A line has no level."""
    return _distrust(_changed(passage, fact.line, at), fact.line, at)


def passed(passage: Passage, at: float, rules: PassageRules) -> tuple[Passage, tuple[Event, ...]]:
    """Time has passed."""
    events: list[Event] = []
    if passage.awaited and at >= passage.may_open_until:
        events += [Event(EventKind.ACCESS_NOT_TAKEN, at, who, detail=cause) for who, cause in passage.awaited]
        passage = replace(passage, awaited=())
    leaf = passage.leaf
    if leaf is not None and Line.CONTACT not in passage.unreliable:
        open_for = at - leaf.since
        if not leaf.warned and open_for >= leaf.limit - rules.pre_alarm_seconds:
            leaf = replace(leaf, warned=True)
            events.append(Event(EventKind.DOOR_PRE_ALARM, at, detail=f"open for {open_for:.0f} s"))
        if not leaf.too_long and open_for >= leaf.limit:
            leaf = replace(leaf, too_long=True)
            events.append(Event(EventKind.DOOR_OPEN_TOO_LONG, at, detail=f"open for {open_for:.0f} s"))
        passage = replace(passage, leaf=leaf)
    if not passage.stuck and at - passage.rex_since >= rules.stuck_seconds:
        passage = replace(passage, stuck=True)
        told = f"rex: pressed for {rules.stuck_seconds:g} s"
        events.append(Event(EventKind.INPUT_FAULT, at, detail=told))
    passage, back = _trust(passage, at, rules) if passage.unreliable else (passage, ())
    return passage, (*events, *back)


def alarming(passage: Passage) -> bool:
    """Whether something is wrong at the door."""
    leaf = passage.leaf
    opened = leaf is not None and (leaf.forced or leaf.too_long)
    return opened or passage.believes(Line.TAMPER) or passage.believes(Line.FIRE)


def _opened(
    passage: Passage, fact: Switched, at: float, rules: PassageRules
) -> tuple[Passage, tuple[Event, ...]]:
    rex = passage.believes(Line.REX) and not passage.stuck
    let = at <= passage.may_open_until or rex or (rules.fire_releases and Line.FIRE in passage.on)
    limit = rules.extended_too_long_seconds if passage.extended else rules.too_long_seconds
    leaf = Leaf(at, forced=not (let or fact.first), limit=limit, sole=len(passage.awaited) == 1)
    if leaf.forced:
        return replace(passage, leaf=leaf), (Event(EventKind.DOOR_FORCED_OPEN, at),)
    events = tuple(_taken(at, who, cause) for who, cause in passage.awaited)
    return replace(passage, leaf=leaf, awaited=()), events


def _closed(passage: Passage, at: float) -> tuple[Passage, tuple[Event, ...]]:
    leaf = passage.leaf
    passage = replace(passage, leaf=None)
    if leaf is None or not (leaf.forced or leaf.too_long):
        return passage, ()
    return passage, (Event(EventKind.DOOR_CLOSED, at, detail=f"open for {at - leaf.since:.0f} s"),)


def _taken(at: float, who: Person | None, cause: str, detail: str = "") -> Event:
    return Event(EventKind.ACCESS_TAKEN, at, who, detail="; ".join(filter(None, (cause, detail))))


def _told(passage: Passage, line: Line, at: float) -> tuple[Passage, tuple[Event, ...]]:
    """Tell that an alarm has begun or ended, if that was not told yet."""
    on = line in passage.on
    kind = _TOLD.get((line, on))
    if kind is None or on == (line in passage.told):
        return passage, ()
    told = passage.told | {line} if on else passage.told - {line}
    return replace(passage, told=told), (Event(kind, at),)


def _changed(passage: Passage, line: Line, at: float) -> Passage:
    times = dict(passage.changes)
    times[line] = (*times.get(line, ()), at)[-MANY:]
    return replace(passage, changes=tuple(times.items()))


def _flapping(passage: Passage, line: Line, at: float) -> bool:
    times = dict(passage.changes).get(line, ())
    lately = sum(at - then < FLAP_SECONDS for then in times)
    return lately >= FLAPS or sum(at - then < MANY_SECONDS for then in times) >= MANY


def _flaps(passage: Passage, line: Line, at: float) -> tuple[Passage, tuple[Event, ...]]:
    passage = _changed(passage, line, at)
    return _distrust(passage, line, at) if _flapping(passage, line, at) else (passage, ())


def _distrust(passage: Passage, line: Line, at: float) -> tuple[Passage, tuple[Event, ...]]:
    if line in passage.unreliable:
        return passage, ()
    event = Event(EventKind.INPUT_FAULT, at, detail=f"{line}: changes all the time; see its wire")
    return replace(passage, unreliable=passage.unreliable | {line}), (event,)


def _trust(passage: Passage, at: float, rules: PassageRules) -> tuple[Passage, tuple[Event, ...]]:
    """Believe a line again that has been quiet, as it is now."""
    events: list[Event] = []
    for line in sorted(passage.unreliable):
        last = max(dict(passage.changes).get(line, ()), default=-inf)
        if at - last < FLAP_SECONDS or _flapping(passage, line, at):
            continue
        passage = replace(passage, unreliable=passage.unreliable - {line})
        events.append(Event(EventKind.INPUT_BACK, at, detail=line.value))
        if line is Line.CONTACT and (line in passage.on) != (passage.leaf is not None):
            fact = Switched(at, line, line in passage.on, first=True)
            passage, more = _opened(passage, fact, at, rules) if fact.on else _closed(passage, at)
            events += more
        else:
            passage, more = _told(passage, line, at)
            events += more
    return passage, tuple(events)


_TOLD = {
    (Line.TAMPER, True): EventKind.TAMPER,
    (Line.TAMPER, False): EventKind.TAMPER_ENDED,
    (Line.FIRE, True): EventKind.FIRE_ALARM,
    (Line.FIRE, False): EventKind.FIRE_ALARM_ENDED,
}
