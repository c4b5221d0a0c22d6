"""The section ``access``: who may pass when, as a person writes it, and what it comes to.

Every mistake in it is an error of the type ``TOLD``: its message says all that there is to say, and
its place is the path of a key that stands in the file.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from doorctl.core.names import clean_name, name_key
from doorctl.core.schedule import WEEKDAYS, Access, ClockUnsure, Group, Span, Validity, Week, spans, weekdays
from doorctl.yaml_lines import shown

TOLD = "told"
"""The type of errors that are told in their own words."""

EVERYONE = "everyone"
"""The group of whoever is in no other."""

_Place = tuple[str, ...]
_T = TypeVar("_T")


def _mistake(text: str, place: _Place) -> InitErrorDetails:
    text = text if text.isprintable() else ascii(text)
    return InitErrorDetails(type=PydanticCustomError(TOLD, "{text}", {"text": text}), loc=place, input=None)


def _each(entries: Iterable[tuple[_Place, Any]], read: Callable[..., _T]) -> list[_T]:
    """Read each entry, ``read(*place, value)``.

    Raises:
        ValidationError: what is wrong with any of them, all at once.
    """
    found, mistakes = list[_T](), list[InitErrorDetails]()
    for place, value in entries:
        try:
            found.append(read(*place, value))
        except ValidationError as refused:
            for error in refused.errors():
                mistakes.append(_mistake(error["msg"], (*place, *map(str, error["loc"]))))
        except ValueError as error:
            mistakes.append(_mistake(str(error), place))
    if mistakes:
        raise ValidationError.from_exception_data("access", mistakes)
    return found


def _listed(value: object) -> list[tuple[_Place, object]]:
    """A list's entries. They have no place of their own: a list has no keys."""
    if isinstance(value, list | tuple):
        return [((), entry) for entry in value]
    raise ValueError


def _table(value: object) -> list[tuple[_Place, object]]:
    """A mapping's entries."""
    if isinstance(value, dict):
        return [((str(name),), entry) for name, entry in value.items()]
    raise ValueError


def _date(value: object) -> date:
    """A day of the calendar. Our own reader leaves it as text, others make it a date."""
    if type(value) is date:
        return value
    if not isinstance(value, str) or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError(f"{shown(value)}, expected a date with its year, such as 2026-12-25")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{shown(value)}, which is no day of the calendar") from error


def _dates(value: object) -> tuple[date, ...]:
    return tuple(sorted(set(_each(_listed(() if value is None else value), _date))))


def _people(value: object) -> tuple[str, ...]:
    """Names as they are kept, each person once."""

    def name(entry: object) -> tuple[str, str]:
        if isinstance(entry, str):
            return name_key(entry), clean_name(entry)
        raise ValueError(f"{shown(entry)}, expected a name: put it in quotes if it is one")

    return tuple(dict(_each(_listed(value), name)).values())


def _spans(value: object) -> tuple[Span, ...]:
    """The times of a day, none if it is ``closed``. A list of several is as good as one text."""
    text = ",".join(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
    if text == "closed":
        return ()
    try:
        return spans(text if isinstance(text, str) else "")
    except ValueError as error:
        raise ValueError(f"{shown(value)}, {error}") from error


def _on_holidays(value: object) -> tuple[Span, ...] | None:
    """``None`` where a holiday is a day like any other."""
    try:
        return None if value == "usual" else _spans(value)
    except ValueError as error:
        raise ValueError(f"{error}; usual keeps the day's own") from error


def _week(value: object) -> Week:
    named = dict[int, tuple[str, tuple[Span, ...]]]()

    def day(key: str, times: object) -> None:
        days, found = weekdays(key), _spans(times)
        if again := days & named.keys():
            other = shown(named[min(again)][0])
            raise ValueError(f"{WEEKDAYS[min(again)]} is in {other} already: name each day once")
        named.update(dict.fromkeys(days, (key, found)))

    _each(_table(value), day)
    return tuple(named[day][1] if day in named else () for day in range(7))


class _Base(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Put every mistake into words that need no others."""
        try:
            return handler(value)
        except ValidationError as refused:
            mistakes = [cls._worded(error) for error in refused.errors()]
        raise ValidationError.from_exception_data("access", mistakes)

    @classmethod
    def _worded(cls, error: ErrorDetails) -> InitErrorDetails:
        place, kind, value = tuple(map(str, error["loc"])), error["type"], shown(error["input"])
        keys = {field.alias or name: field.description for name, field in cls.model_fields.items()}
        if kind == TOLD:
            text = error["msg"]
        elif not place:
            text = f"{value}, expected keys such as '{next(iter(keys))}: ...' below it"
        elif kind == "extra_forbidden":
            near = difflib.get_close_matches(place[0], keys, 1)
            asked = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(keys)}"
            text = f"unknown key, {asked}"
        elif kind == "missing":
            text, place = f"no {place[0]}, expected {keys[place[0]]}", ()
        else:
            own = str(error["ctx"]["error"]) if kind == "value_error" else ""
            text = own or f"{value}, expected {keys[place[0]]}"
        return _mistake(text, place)


class GroupConfig(_Base):
    """Some people and their times."""

    people: Annotated[tuple[str, ...] | None, PlainValidator(_people)] = Field(
        default=None, description='a list of names, such as [Grace Hopper, "Alan Turing"]'
    )
    times: Annotated[Week, PlainValidator(_week)] = Field(
        description='days with their times, such as {mon-fri: "07:00-20:00", sat: "08:00-12:00"}'
    )
    holidays: Annotated[tuple[Span, ...] | None, PlainValidator(_on_holidays)] = ()


class ValidConfig(_Base):
    """The days on which somebody may pass at all, both included."""

    first: Annotated[date, PlainValidator(_date)] = Field(default=date.min, alias="from")
    until: Annotated[date, PlainValidator(_date)] = date.max

    @model_validator(mode="after")
    def _leaves_a_day(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError(TOLD, "no day, expected from, until, or both below it")
        if self.first > self.until:
            raise PydanticCustomError(TOLD, "from is after until, so no day is left")
        return self


def _group(name: str, value: object) -> tuple[str, GroupConfig]:
    group, everyone = GroupConfig.model_validate(value), name == EVERYONE
    if not everyone and name.strip().casefold() == EVERYONE:
        raise ValueError(f"expected {EVERYONE} in small letters, or another name")
    if everyone and group.people is not None:
        raise ValueError(f"{EVERYONE} takes no people: it is whoever is in no other group")
    if not everyone and group.people is None:
        raise ValueError(f"no people, expected a list of names: only the group {EVERYONE} goes without")
    return name, group


def _groups(value: object) -> tuple[tuple[str, GroupConfig], ...]:
    return tuple(_each(_table({} if value in (None, ()) else value), _group))


def _periods(value: object) -> tuple[tuple[str, ValidConfig], ...]:
    """Each person once: under two spellings of one name, the days that both give."""
    found = dict[str, tuple[str, ValidConfig]]()

    def period(name: str, value: object) -> None:
        key, cleaned, one = name_key(name), clean_name(name), ValidConfig.model_validate(value)
        other, before = found.get(key, (cleaned, one))
        first, until = max(one.first, before.first), min(one.until, before.until)
        if first > until:
            raise ValueError(f"no day in common with {shown(other)}, who is the same person")
        found[key] = other, one.model_copy(update={"first": first, "until": until})

    _each(_table({} if value in (None, ()) else value), period)
    return tuple(found.values())


def _zone(value: object) -> str | None:
    """A zone that is installed, by its name in the IANA database."""
    if isinstance(value, str) and value not in (names := available_timezones()):
        raise ValueError(f"{shown(value)} is no time zone, {_near_zones(value, names)}")
    if value is None or isinstance(value, str):
        return value
    raise ValueError


def _near_zones(value: str, names: set[str]) -> str:
    if not names:
        return "since none is installed: apt install tzdata"
    known = {part.casefold(): name for name in sorted(names) for part in (name.rpartition("/")[2], name)}
    near = difflib.get_close_matches(value.strip().replace(" ", "_").casefold(), known, 3)
    told = " or ".join(dict.fromkeys(known[name] for name in near))
    return f"did you mean {told}?" if near else "expected a name such as Europe/Vienna"


class AccessConfig(_Base):
    """Who may pass when. With nothing set everybody may pass at any time."""

    zone: Annotated[str | None, PlainValidator(_zone)] = Field(
        default=None, description="a time zone's name such as Europe/Vienna, or null for the machine's own"
    )
    when_clock_unsure: Literal["deny", "allow"] = Field(default="deny", description="deny or allow")
    holidays: Annotated[tuple[date, ...], PlainValidator(_dates)] = Field(
        default=(), description="a list of dates, such as [2026-12-25, 2026-12-26]"
    )
    groups: Annotated[tuple[tuple[str, GroupConfig], ...], PlainValidator(_groups)] = Field(
        default=(), description="names of groups, each with people, times and holidays below it"
    )
    valid: Annotated[tuple[tuple[str, ValidConfig], ...], PlainValidator(_periods)] = Field(
        default=(), description="names of people, each with from, until or both below it"
    )

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody whom the rules name, once. A name that nobody has is a rule that limits nobody."""
        listed = [name for _, group in self.groups for name in group.people or ()]
        named = {name_key(name): name for name in (*listed, *(name for name, _ in self.valid))}
        return tuple(named.values())


def to_access(section: AccessConfig) -> Access:
    """The rules that the section stands for, in this machine's zone where it names none."""
    members, everyone = dict[str, tuple[Group, ...]](), None
    for name, one in section.groups:
        group = Group(name, one.times, one.holidays)
        if name == EVERYONE:
            everyone = group
        for key in map(name_key, one.people or ()):
            members[key] = (*members.get(key, ()), group)
    return Access(
        members=members,
        everyone=everyone,
        valid={name_key(name): Validity(period.first, period.until) for name, period in section.valid},
        holidays=frozenset(section.holidays),
        zone=ZoneInfo(section.zone) if section.zone else machine_zone(),
        when_clock_unsure=ClockUnsure(section.when_clock_unsure),
    )


def machine_zone(localtime: Path = Path("/etc/localtime")) -> tzinfo:
    """The zone that the variable ``TZ`` names, or that of the machine; UTC where neither can be read."""
    linked = str(localtime.resolve()).partition("zoneinfo/")[2]
    for name in filter(None, (os.environ.get("TZ", "").removeprefix(":"), linked)):
        with suppress(OSError, ValueError, ZoneInfoNotFoundError):
            return ZoneInfo(name)
    with suppress(OSError, ValueError), localtime.open("rb") as file:
        return ZoneInfo.from_file(file)
    return UTC
