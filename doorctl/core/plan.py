"""A look at the folder, against what is known of it, becomes what there is to do. Nothing is done here."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from doorctl.core.filing import Filed, Mark, Refusal, file_of
from doorctl.core.listing import Changes, Entry
from doorctl.core.names import name_key


class State(StrEnum):
    """What became of a file."""

    TAKEN = "taken"
    """A template was made of it; whether it counts, waits or is spare, the photos tell."""
    MARK = "mark"
    """It denies somebody."""
    REFUSED = "refused"
    """It cannot be used as it is."""
    CONFLICT = "conflict"
    """Its face is somebody else's: looked at again when people have gone."""
    PARKED = "parked"
    """It could not be fetched or looked at, for reasons that may pass."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was dealt with."""

    entry: Entry
    state: State
    person: str
    """Key of the name that it files under; empty where it names nobody."""
    gone: bool = False
    """It is not in the folder any more, and what that means has not been done yet."""
    learnt: bool = True
    """Whether there is a template of it for the present nets."""
    again: bool = False
    """Whether it is time to try it again."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides on files before they are fetched."""

    ends_at: Literal["first", "last"] = "first"
    max_bytes: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A photo to learn from."""

    entry: Entry
    name: str
    taken: bool = False
    """Whether it was learnt from before."""

    @property
    def turn(self) -> tuple[bool, str]:
        """Its place among others: where several have one face the first is given it, whenever that is.

        With new nets those come first that were taken before: who is known, and who is denied.
        """
        return not self.taken, self.entry.key


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do, in the order in which it should be done: who is kept out comes first."""

    marks: tuple[tuple[Entry, Mark], ...] = ()
    """New marks; each denies somebody at once."""
    back: tuple[Entry, ...] = ()
    """As they were before, and perhaps under another path, although they had seemed gone."""
    gone: tuple[str, ...] = ()
    """Keys of files that are not there any more, or name nobody now."""
    refused: tuple[tuple[Entry, str, Refusal], ...] = ()
    """With the name that each files under, where it names somebody and cannot be used otherwise."""
    wanted: tuple[Wanted, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.marks or self.back or self.gone or self.refused or self.wanted)


def plan(known: Mapping[str, Known], changes: Changes, rules: Rules) -> Plan:
    """Compare the folder with what is known of it.

    Args:
        known: by the entry's key.
        changes: what the folder tells.
        rules: what decides before a photo is fetched.

    The same changes give nothing more to do once what they gave has been done.
    """
    entries = {entry.key: entry for entry in changes.entries}
    missing = known.keys() - entries.keys()
    if not changes.complete:
        # A file where a folder was ousts all that was in it, whether that is told or not.
        roots = entries.keys() | frozenset(changes.deleted)
        missing = {key for key in missing if beneath(key, roots)}
    due = [k.entry for key, k in known.items() if k.again and not k.gone and key not in entries]
    marks: list[tuple[Entry, Mark]] = []
    back: list[Entry] = []
    refused: list[tuple[Entry, str, Refusal]] = []
    wanted: list[Wanted] = []
    nameless: set[str] = set()
    for entry in (*entries.values(), *(entry for entry in due if entry.key not in missing)):
        before = known.get(entry.key)
        meaning, name = file_of(entry.path, ends_at=rules.ends_at), ""
        if isinstance(meaning, Filed) and entry.size > rules.max_bytes:
            name, meaning = (
                meaning.name,
                Refusal(
                    f"the file has {entry.size / 1e6:.1f} MB, {rules.max_bytes / 1e6:g} are allowed",
                    "save a smaller copy of the photo",
                ),
            )
        if meaning is None:
            if before and not before.gone:
                nameless.add(entry.key)
        elif before and _same(before, entry, meaning):
            if before.gone or before.entry != entry:
                back.append(entry)
        elif isinstance(meaning, Mark):
            marks.append((entry, meaning))
        elif isinstance(meaning, Refusal):
            refused.append((entry, name, meaning))
        else:
            taken = before is not None and before.state is State.TAKEN
            wanted.append(Wanted(entry, meaning.name, taken))
    fresh = {key for key in missing if not known[key].gone}
    return Plan(
        marks=tuple(marks),
        back=tuple(back),
        gone=tuple(sorted(fresh | nameless)),
        refused=tuple(refused),
        wanted=tuple(sorted(wanted, key=lambda w: w.turn)),
    )


def _same(before: Known, entry: Entry, meaning: Filed | Mark | Refusal) -> bool:
    """Whether a file has been dealt with as it is."""
    if before.entry.hash != entry.hash or before.again:
        return False
    if isinstance(meaning, Mark):
        return before.state is State.MARK
    if isinstance(meaning, Refusal):
        return before.state is State.REFUSED
    if before.person != name_key(meaning.name):
        return False
    if before.state is State.TAKEN:
        return before.learnt
    return before.state is not State.MARK


def beneath(key: str, roots: AbstractSet[str]) -> bool:
    """Whether a key, or a folder that it lies in, is one of these."""
    parts = key.split("/")
    return any("/".join(parts[:count]) in roots for count in range(1, len(parts) + 1))


def most_removals(people: int) -> int:
    """How many of so many people may lose their access in one look at the folder."""
    return max(1, min(5, people // 5))
