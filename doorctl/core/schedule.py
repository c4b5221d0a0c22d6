"""When people may pass: weekly times, holidays and periods of validity, as values.

Whoever is in a group may pass at its times; the times of several groups add up. Whoever is in none
has the times of the group for everyone else, and without such a group may pass at any time. A period
of validity limits its person whatever the groups say. So with no rules at all everybody may pass.

Times are what a clock on the wall beside the door shows. An hour that comes twice in autumn counts
twice, one that is skipped in spring not at all. A span that runs over midnight belongs to the day on
which it begins: it goes on into a holiday, and one that begins on a holiday goes on out of it. A
period of validity ends with its last day, and cuts such a span off.

On a clock that is not to be trusted see ``ClockUnsure``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import Enum, StrEnum

DAY = 24 * 60
"""Minutes of a day on the wall clock."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_TIMES = 'expected times in quotes, such as "08:00-12:00" or "06:00-08:30, 18:00-20:00", or closed'
_MARK = r"\s*([01]?[0-9]|2[0-4]):([0-5][0-9])\s*"
_DASHES = str.maketrans("\u2013\u2014", "--")
"""What word processors make of a hyphen."""


class Refusal(StrEnum):
    """Why somebody may not pass now."""

    OUTSIDE_TIMES = "outside_times"
    NOT_YET_VALID = "not_yet_valid"
    NO_LONGER_VALID = "no_longer_valid"
    CLOCK_UNSURE = "clock_unsure"
    """Their times or period cannot be judged, since nobody knows what time it is."""


class ClockUnsure(Enum):
    """What holds while the clock is not to be trusted.

    Under either, whoever may pass at any time passes, and whoever may pass at none does not: for
    them no clock is needed.
    """

    DENY = "deny"
    """Whoever is limited by time in any way is refused."""
    ALLOW = "allow"
    """They pass, as if it were a time of theirs and a day on which they are valid."""


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a day, in minutes of the wall clock since the midnight at which the day begins."""

    start: int
    """The first minute, 0 to 1439."""
    until: int
    """The minute after the last: above ``start``, at most 1440 more. Above 1440 it is of the next day."""


Week = tuple[tuple[Span, ...], ...]
"""The spans that begin on each of the seven days, Monday first."""


@dataclass(frozen=True, slots=True)
class Group:
    """The times of some people. Spans may overlap."""

    name: str
    week: Week
    holidays: tuple[Span, ...] | None = ()
    """The spans that begin on a holiday, in place of the day's own; ``None``: the day's own hold."""


@dataclass(frozen=True, slots=True)
class Validity:
    """The days on which somebody may pass at all: local dates, both included."""

    first: date = date.min
    last: date = date.max


ALWAYS = Validity()


@dataclass(frozen=True, slots=True)
class Access:
    """Who may pass when. People stand by ``core.names.name_key``."""

    members: Mapping[str, tuple[Group, ...]] = field(default_factory=dict)
    """The groups of each person who is in one."""
    everyone: Group | None = None
    """The times of whoever is in no group; ``None`` is any time, holidays too."""
    valid: Mapping[str, Validity] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    """Local dates."""
    zone: tzinfo = UTC
    """Where the door is."""
    when_clock_unsure: ClockUnsure = ClockUnsure.DENY


def why_not(
    access: Access, key: str, when: datetime | None, *, passed: datetime | None = None
) -> Refusal | None:
    """Why a person may not pass, or ``None`` if they may.

    Args:
        access: the rules.
        key: the person's ``name_key``.
        when: the time, aware; in which zone makes no difference. ``None``: nobody knows.
        passed: a time that is certainly over, aware, such as that of the latest event on record. It
            counts only where ``when`` is ``None``: a period of validity that had ended by then is
            over, and a day on which one begins has come, whatever the time is now. So nobody gets
            back in by keeping the clock unsure.

    Raises:
        ValueError: a time is naive.
    """
    groups = access.members.get(key) or ((access.everyone,) if access.everyone else ())
    validity = access.valid.get(key, ALWAYS)
    if when is None:
        return _unsure(access, groups, validity, passed)
    local = _on_the_wall(access, when)
    if local.date() < validity.first:
        return Refusal.NOT_YET_VALID
    if local.date() > validity.last:
        return Refusal.NO_LONGER_VALID
    return Refusal.OUTSIDE_TIMES if groups and not _open(access, groups, local) else None


def _unsure(
    access: Access, groups: tuple[Group, ...], validity: Validity, passed: datetime | None
) -> Refusal | None:
    """The same where nobody knows what time it is."""
    reached = date.min if passed is None else _on_the_wall(access, passed).date()
    if reached > validity.last:
        return Refusal.NO_LONGER_VALID
    if groups and not any(any(g.week) or (access.holidays and g.holidays) for g in groups):
        return Refusal.OUTSIDE_TIMES
    if access.when_clock_unsure is ClockUnsure.ALLOW:
        return None
    valid_from_now_on = validity.first <= reached and validity.last == date.max
    at_any_time = not groups or _gapless(access, groups)
    return None if valid_from_now_on and at_any_time else Refusal.CLOCK_UNSURE


def _on_the_wall(access: Access, when: datetime) -> datetime:
    if when.tzinfo is None:
        raise ValueError("a time without its offset from UTC")
    return when.astimezone(access.zone)


def _spans(group: Group, weekday: int, holiday: bool) -> tuple[Span, ...]:
    """What begins on a day."""
    return group.week[weekday] if group.holidays is None or not holiday else group.holidays


def _open(access: Access, groups: Iterable[Group], local: datetime) -> bool:
    """Whether any group's span holds, begun today or yesterday."""
    today, minute = local.date(), 60 * local.hour + local.minute
    return any(
        span.start <= minute + since < span.until
        for day, since in ((today, 0), (today - timedelta(days=1), DAY))
        for group in groups
        for span in _spans(group, day.weekday(), day in access.holidays)
    )


def _gapless(access: Access, groups: Iterable[Group]) -> bool:
    """Whether the groups' times leave no minute out: of ordinary days, nor about any holiday."""
    off = {day.toordinal() for day in access.holidays}
    days = {(weekday, False, False) for weekday in range(7)}
    for day in off | {day + 1 for day in off}:
        days.add(((day + 6) % 7, day - 1 in off, day in off))  # ordinal 1 was a Monday
    return all(
        _whole_day(
            (span.start - since, span.until - since)
            for group in groups
            for since, spans in (
                (0, _spans(group, weekday, holiday)),
                (DAY, _spans(group, (weekday - 1) % 7, after_holiday)),
            )
            for span in spans
        )
        for weekday, after_holiday, holiday in days
    )


def _whole_day(spans: Iterable[tuple[int, int]]) -> bool:
    reached = 0
    for start, until in sorted(spans):
        if start > reached:
            return False
        reached = max(reached, until)
    return reached >= DAY


def spans(text: str) -> tuple[Span, ...]:
    """The spans that a text such as ``06:00-08:30, 18:00-20:00`` names.

    One that ends before it begins runs over midnight; ``24:00`` is a day's end.

    Raises:
        ValueError: it names none. The message says what was expected.
    """
    found = []
    for part in text.translate(_DASHES).split(","):
        marks = re.fullmatch(f"{_MARK}-{_MARK}", part)
        if marks is None:
            raise ValueError(_TIMES)
        start, until = (60 * int(marks[hour]) + int(marks[hour + 1]) for hour in (1, 3))
        if start >= DAY or until > DAY:
            raise ValueError("but a day begins at 00:00 and ends at 24:00")
        if start == until:
            raise ValueError('of which one ends as it begins: a whole day is "00:00-24:00"')
        found.append(Span(start, until if until > start else until + DAY))
    return tuple(found)


def weekdays(text: str) -> frozenset[int]:
    """The days that a text such as ``mon``, ``sat-mon`` or ``mon, wed`` names, Monday as 0.

    Raises:
        ValueError: it names none. The message says what was expected.
    """
    if re.match(_MARK, text):  # what YAML makes of {mon: 06:00-08:30, 18:00-20:00}
        raise ValueError(f"no day of the week, {_TIMES}")
    days = set[int]()
    for part in text.translate(_DASHES).split(","):
        first, dash, last = part.partition("-")
        begin = _weekday(first)
        length = (_weekday(last) - begin) % 7 if dash else 0
        days |= {(begin + ahead) % 7 for ahead in range(length + 1)}
    return frozenset(days)


def _weekday(text: str) -> int:
    """A day by its English name or the beginning of it."""
    word = text.strip().casefold()
    for number, name in enumerate(WEEKDAYS):
        if len(word) >= 3 and name.startswith(word):
            return number
    near = difflib.get_close_matches(word, [*(name[:3] for name in WEEKDAYS), *WEEKDAYS], 1)
    asked = f"did you mean {near[0]}?" if near else "expected a day such as mon, or days such as mon-fri"
    raise ValueError(f"{word[:20]!a} is no day of the week, {asked}")
