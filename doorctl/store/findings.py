"""What can be wrong with the chain of events, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was done, as far as it can be told."""

    CHANGED = "changed"
    """The content of a row, or of the last row the content or its digest."""
    DIGEST = "digest changed"
    PREVIOUS = "link changed"
    REDONE = "changed, digest computed anew"
    REMOVED = "removed"
    ADDED = "added"
    RENUMBERED = "renumbered"
    REORDERED = "reordered"
    ERASED = "erasure"
    """What is noted of events that were erased for their age does not agree with the events."""
    RULES = "rules"
    """The rules that events were decided by were changed or removed."""
    TABLES = "tables"
    """Something in the database that doorctl has not put there, or not so."""
    CUT = "cut off"
    REBUILT = "rebuilt"
    TOO_MUCH = "too much"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    text: str
    """What it is, in a sentence without a full stop."""
    spans: tuple[tuple[int, int], ...] = ()
    """First and last number of the events that it names: the numbers that they bear, and of events that are
    not there those that they had."""

    def names(self, number: int) -> bool:
        """Whether it names that event."""
        return any(first <= number <= last for first, last in self.spans)

    def __str__(self) -> str:
        return self.text


def said(first: int, last: int | None = None) -> str:
    """An event, or several, in words."""
    if last is None or last == first:
        return f"event {first}"
    return f"events {first} {'and' if last == first + 1 else 'to'} {last}"


def was(first: int, last: int | None = None) -> str:
    return "was" if last is None or last == first else "were"


def said_all(spans: list[tuple[int, int]]) -> str:
    """Several spans in words."""
    parts = [said(*span) for span in spans]
    return " and ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])} and {parts[-1]}"
