"""What became of each photo in the folder, and of each person, in words for whoever dropped them there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from doorctl.core.plan import State

_NUMBER = re.compile(r"#(\d+)")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A file of the folder as it stands."""

    path: str
    state: State
    person: str
    """The name that it files under, as it is shown; empty where it names nobody."""
    why: str
    hint: str
    time: str
    """When it was dealt with: UTC, as ISO 8601 has it."""
    gone: bool = False
    held: int | None = None
    """The number to approve or reject it by, while it waits."""
    spare: bool = False
    was: bool = False
    """Whether what the file was before still counts."""


@dataclass(frozen=True, slots=True)
class PersonStatus:
    """A person as they stand."""

    id: int
    name: str
    denied: bool
    templates: int
    held: int


def file_words(status: FileStatus, names: Mapping[int, str]) -> tuple[str, str]:
    """What became of a file, in a word or two, and what there is to say about it."""
    why = _NUMBER.sub(lambda found: names.get(int(found[1]), found[0]), status.why)
    advice = f"{why}; {status.hint}" if status.hint else why
    before = "; the photo before it counts on" * status.was
    if status.gone:
        return "deleted", "the removal waits: doorctl sync --accept-removals, or allow the person first"
    if status.state is State.MARK:
        if not status.person:
            return "denies nobody", f"nobody is called as the file says{_near(status.path, names.values())}"
        return "denies", status.person
    if status.state is State.PARKED:
        return "to be tried again", advice + before
    if status.state is not State.TAKEN:
        return "refused", advice + before
    if status.held is not None:
        told = (
            f"{why}; an operator decides: doorctl people approve {quote(status.person)} --photo {status.held}"
        )
        return "waits", told + before
    return "accepted", "spare: other photos differ more" * status.spare


def _near(path: str, names: Iterable[str]) -> str:
    """Who may have been meant by a mark that denies nobody."""
    wanted = path.rpartition("/")[2].casefold().partition("-deny")[0]
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(wanted, folded, 1)
    return f": did you mean {folded[near[0]]}?" if near else ", yet"


def person_words(person: PersonStatus) -> str:
    """Whether somebody is let in, and why not."""
    if person.denied:
        return "denied"
    if not person.templates:
        return "waits for an operator" if person.held else "no usable photo"
    return "let in"


def receipt(door: str, files: Iterable[FileStatus], people: Sequence[PersonStatus]) -> str:
    """The page that is written into the folder; the same for the same state, so that it is written seldom."""
    names = {person.id: person.name for person in people}
    lines = [
        f"# {_plain(door)}: what became of the photos",
        "",
        "Written by doorctl; what is changed here is lost. Name a photo `Grace Hopper-1.jpg`; a file called",
        "`Grace Hopper-DENY` keeps Grace Hopper out. The last line is for `doorctl events verify`.",
        "",
        "| photo | result | why, and what to do | when (UTC) |",
        "|---|---|---|---|",
    ]
    for status in sorted(files, key=lambda s: s.path):
        result, told = file_words(status, names)
        when = status.time[:16].replace("T", " ")
        lines.append(f"| {_plain(status.path)} | {result} | {_plain(told)} | {when} |")
    lines += ["", "| person | state | photos that count |", "|---|---|---|"]
    for person in sorted(people, key=lambda p: p.name):
        lines.append(f"| {_plain(person.name)} | {person_words(person)} | {person.templates} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that is only text in Markdown, whatever a file may be called."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return _MARKUP.sub(r"\\\1", shown)
