"""What stands out in a report, in sentences: the first thing to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from doorctl.core.decision import EventKind
from doorctl.core.records import Reason
from doorctl.core.schedule import WEEKDAYS
from doorctl.report.summary import Summary, Tally
from doorctl.report.words import NOBODY, lasting, plural

MOST_PEOPLE = 6
"""So many people are named; the table has all of them."""


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, and how much it matters: ``bad``, ``look`` or ``calm``."""

    matters: str
    says: str


def notes(found: Summary) -> list[Note]:
    """What stands out, the gravest first; that nothing does, if so."""
    told = [*_grave(found), *_worth(found)]
    if not told:
        told = [Note("calm", "Nothing stands out.")]
    if found.grants:
        told.append(Note("calm", _busiest(found)))
    return told


def _grave(found: Summary) -> Iterator[Note]:
    for kind, says in (
        (EventKind.DOOR_FORCED_OPEN, "The door was opened without a release {}."),
        (EventKind.TAMPER, "The box was opened, or its tamper loop cut, {}."),
        (EventKind.FIRE_ALARM, "The fire panel gave alarm {}."),
    ):
        if count := found.total(kind):
            yield Note("bad", says.format(_times(count)))
    if spoofs := found.reasons[Reason.SPOOF]:
        people = [tally.name for tally in found.people.values() if tally.pictures]
        shown = f" of {_names(people)}" if people else ""
        yield Note("bad", f"The door took a face for a picture{shown} {_times(spoofs)}, and stayed shut.")
    if downs := found.total(EventKind.LOCKED_DOWN):
        total = lasting(found.totals[EventKind.LOCKED_DOWN].seconds)
        yield Note("bad", f"It was locked down {_times(downs)}, for {total} in all.")
    if found.killed:
        yield Note("bad", f"It lost power or was killed {_times(found.killed)}.")


def _worth(found: Summary) -> Iterator[Note]:
    if found.disputes:
        disputed = plural(len(found.disputes), "decision was disputed", "decisions were disputed")
        yield Note("look", f"{disputed}: see below.")
    if outs := found.total(EventKind.LOCKED_OUT):
        yield Note("look", f"Unknown faces were locked out {_times(outs)}.")
    for fault, says in (
        (EventKind.CAMERA_LOST, "The camera was lost {}, for {} in all."),
        (EventKind.SYNC_FAILED, "The folder of photos could not be read {}, for {} in all."),
        (EventKind.INPUT_FAULT, "A wire of the door was at fault {}, for {} in all."),
    ):
        if fault in found.totals:
            total = found.totals[fault]
            yield Note("look", says.format(_times(total.count), lasting(total.seconds)))
    if count := found.total(EventKind.DOOR_OPEN_TOO_LONG):
        yield Note("look", f"The door stood open for too long {_times(count)}.")
    if found.clock:
        yield Note(
            "look", f"The clock was set {_times(len(found.clock))}: times about that do not fit together."
        )
    people = found.worth_a_look()
    for tally in people[:MOST_PEOPLE]:
        yield Note("look", of_person(tally))
    if len(people) > MOST_PEOPLE:
        yield Note("look", f"{len(people) - MOST_PEOPLE} more people are near the threshold or retry often.")


def of_person(tally: Tally) -> str:
    """What is to be said of somebody near the threshold, or who often tries again."""
    told = []
    if tally.is_near and tally.least is not None:
        told.append(f"clears the threshold by {most_room(tally.least)} in one entry of ten")
    if tally.retries_often:
        entries = plural(tally.grants, "entry", "entries")
        told.append(f"was refused within a minute before {tally.retried} of {entries}")
    if tally.short:
        told.append(f"was nearly recognised in several visits in a row, {_times(tally.short)}")
    return f"{tally.name} {' and '.join(told)}: more photos from this camera would help."


def most_room(least: float) -> str:
    """By how much the threshold is cleared, rounded up."""
    return "next to nothing" if least < 0.005 else f"less than {ceil(100 * least + 1e-9) / 100:.2f}"


def _busiest(found: Summary) -> str:
    hours = [(count, day, hour) for day, row in enumerate(found.grid) for hour, count in enumerate(row)]
    most, day, hour = max(hours)
    entries = plural(most, "entry", "entries")
    return f"Busiest: {WEEKDAYS[day].capitalize()}, {hour}:00 to {hour + 1}:00, with {entries} in all."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _names(names: list[str]) -> str:
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} others"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or NOBODY
