"""Who may pass when: against a model that knows no time zones, only minutes and one change of the clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from doorctl.core.schedule import (
    DAY,
    Access,
    ClockUnsure,
    Group,
    Refusal,
    Span,
    Validity,
    Week,
    spans,
    weekdays,
    why_not,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOSED: Week = ((),) * 7
WHOLE = Span(0, DAY)


@dataclass(frozen=True)
class Change:
    """A change of the clocks. Minutes since 1970 in UTC, and minutes that the wall clock is ahead of it."""

    zone: str
    at: int
    before: int
    after: int

    def wall(self, minute: int) -> int:
        """What the clock on the wall shows, as minutes since 1970 there."""
        return minute + (self.before if minute < self.at else self.after)


def minute_of(*utc: int) -> int:
    return int((datetime(*utc, tzinfo=UTC) - EPOCH).total_seconds()) // 60  # type: ignore[misc,arg-type]


def time_of(minute: int) -> datetime:
    return EPOCH + timedelta(minutes=minute)


CHANGES = (
    Change("Europe/Vienna", minute_of(2026, 3, 29, 1), 60, 120),
    Change("Europe/Vienna", minute_of(2026, 10, 25, 1), 120, 60),
    Change("America/New_York", minute_of(2026, 3, 8, 7), -300, -240),
    Change("America/New_York", minute_of(2026, 11, 1, 6), -240, -300),
    Change("Australia/Lord_Howe", minute_of(2026, 4, 4, 15), 660, 630),  # by half an hour
    Change("Australia/Lord_Howe", minute_of(2026, 10, 3, 15, 30), 630, 660),
    Change("America/Sao_Paulo", minute_of(2018, 2, 18, 2), -120, -180),  # at midnight, to the day before
    Change("America/Sao_Paulo", minute_of(2018, 11, 4, 3), -180, -120),  # the day began at 01:00
    Change("Pacific/Apia", minute_of(2011, 12, 30, 10), -600, 840),  # there was no 30 December
    Change("Asia/Kathmandu", minute_of(2026, 3, 29, 0), 345, 345),  # never
)
NAMES = [f"{change.zone} {time_of(change.at):%Y-%m}" for change in CHANGES]
each_change = pytest.mark.parametrize("change", CHANGES, ids=NAMES)

SPAN = st.builds(
    lambda start, length: Span(start, start + length),
    st.one_of(st.integers(0, DAY - 1), st.sampled_from([0, 60, 90, 120, 150, 180, 1320, 1380, DAY - 1])),
    st.one_of(st.integers(1, DAY), st.sampled_from([1, 30, 60, 480, DAY])),
)
DAY_SPANS = st.lists(SPAN, max_size=2).map(tuple)
GROUP = st.builds(Group, st.just("some"), st.tuples(*[DAY_SPANS] * 7), st.none() | DAY_SPANS)
NEAR = st.frozensets(st.integers(-2, 2), max_size=3)
"""Days by how far they are from the day of a change."""


def holidays_near(change: Change, days: Iterable[int]) -> frozenset[date]:
    there = time_of(change.at + change.before).date()
    return frozenset(there + timedelta(days=ahead) for ahead in days)


def opened(group: Group, holidays: frozenset[date], minutes: range) -> set[int]:
    """The minutes of the wall clock that a group's spans hold, one by one."""
    found: set[int] = set()
    for day in range(minutes.start // DAY - 2, minutes.stop // DAY + 2):
        holiday = date(1970, 1, 1) + timedelta(days=day) in holidays
        weekday = (day + 3) % 7  # 1970 began on a Thursday
        begun = group.holidays if holiday and group.holidays is not None else group.week[weekday]
        for span in begun:
            found |= set(range(day * DAY + span.start, day * DAY + span.until))
    return found


def member(*groups: Group, **rules: object) -> Access:
    """Rules for one person, by the key ``ann``."""
    return replace(Access(members={"ann": groups}), **rules)  # type: ignore[arg-type]


def daily(*spans: Span, holidays: tuple[Span, ...] | None = None) -> Group:
    return Group("daily", (spans,) * 7, holidays)


def at(*local: int, zone: str = "Europe/Vienna") -> datetime:
    return datetime(*local, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[misc,arg-type]


@each_change
def test_the_model_knows_the_changes(change: Change) -> None:
    """The offsets that the tests count with are those of the time zone database."""
    for minute in range(change.at - 2 * DAY, change.at + 2 * DAY, 30):
        local = time_of(minute).astimezone(ZoneInfo(change.zone)).replace(tzinfo=UTC)
        assert local == time_of(change.wall(minute))


@each_change
@settings(max_examples=40, deadline=None)
@given(groups=st.lists(GROUP, min_size=1, max_size=2), near=NEAR)
def test_admitted_exactly_when_the_wall_clock_says_so(
    change: Change, groups: list[Group], near: frozenset[int]
) -> None:
    """Minute by minute over two days about a change, with holidays, as a model without time zones has it."""
    holidays = holidays_near(change, near)
    access = member(*groups, holidays=holidays, zone=ZoneInfo(change.zone))
    window = range(change.at - DAY - 120, change.at + DAY + 120)
    expected = set[int]().union(*(opened(g, holidays, range(window[0], window[-1])) for g in groups))
    for minute in window:
        admitted = why_not(access, "ann", time_of(minute)) is None
        assert admitted == (change.wall(minute) in expected), time_of(minute)


@each_change
@settings(max_examples=50, deadline=None)
@given(span=SPAN, ahead=st.integers(-1, 1))
def test_a_span_lasts_as_long_as_the_wall_clock_shows_it(change: Change, span: Span, ahead: int) -> None:
    """Its length, less what is skipped of it, and what comes twice of it counted twice."""
    day = (change.at + change.before) // DAY + ahead
    week = tuple((span,) if weekday == (day + 3) % 7 else () for weekday in range(7))
    access = member(Group("once", week), zone=ZoneInfo(change.zone))
    first, last = day * DAY + span.start, day * DAY + span.until
    low, high = sorted((change.at + change.before, change.at + change.after))
    changed = max(0, min(last, high) - max(first, low))
    expected = last - first + (changed if change.after < change.before else -changed)
    longest = max(change.before, change.after)
    minutes = range(first - longest, last - min(change.before, change.after))
    found = sum(why_not(access, "ann", time_of(minute)) is None for minute in minutes)
    assert found == expected


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Vienna", date(2026, 3, 28), 24),
        ("Europe/Vienna", date(2026, 3, 29), 23),
        ("Europe/Vienna", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Sao_Paulo", date(2018, 2, 17), 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
    ],
)
def test_a_whole_day_is_as_long_as_it_is(zone: str, day: date, hours: float) -> None:
    """A whole day, and a period of validity of one day, hold from its first minute to its last."""
    week = tuple((WHOLE,) if weekday == day.weekday() else () for weekday in range(7))
    for access in (
        member(Group("once", week), zone=ZoneInfo(zone)),
        Access(valid={"ann": Validity(day, day)}, zone=ZoneInfo(zone)),
    ):
        noon = minute_of(day.year, day.month, day.day, 12)
        minutes = range(noon - 2 * DAY, noon + 2 * DAY)
        assert sum(why_not(access, "ann", time_of(minute)) is None for minute in minutes) == 60 * hours


@pytest.mark.parametrize(
    ("span", "admitted", "refused"),
    [
        ("02:30-03:30", [(1, 0), (1, 29)], [(0, 59), (1, 30)]),  # begins in the hour that is skipped
        ("01:30-02:30", [(0, 30), (0, 59)], [(0, 29), (1, 0)]),  # ends in it
        ("02:00-03:00", [], [(0, 59), (1, 0)]),  # is it
        ("22:00-06:00", [(0, 59), (1, 0), (3, 59)], [(4, 0)]),  # runs over it
    ],
)
def test_the_hour_that_is_skipped(
    span: str, admitted: list[tuple[int, int]], refused: list[tuple[int, int]]
) -> None:
    """In Vienna, 2026-03-29 at 01:00 UTC, the clock goes from 02:00 to 03:00; spans begin or end there."""
    access = member(daily(*spans(span)), zone=ZoneInfo("Europe/Vienna"))
    found = {t: why_not(access, "ann", datetime(2026, 3, 29, *t, tzinfo=UTC)) for t in admitted + refused}
    assert found == dict.fromkeys(admitted) | dict.fromkeys(refused, Refusal.OUTSIDE_TIMES)


def test_the_hour_that_comes_twice() -> None:
    """In Vienna, 2026-10-25, both hours from 02:00 to 03:00 count, and nothing between or after them."""
    access = member(daily(*spans("02:10-02:50")), zone=ZoneInfo("Europe/Vienna"))
    for hour in (0, 1):
        asked = {m: why_not(access, "ann", datetime(2026, 10, 25, hour, m, tzinfo=UTC)) for m in range(60)}
        assert [minute for minute, reason in asked.items() if reason is None] == list(range(10, 50))


INSTANT = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))
ZONES = st.sampled_from(sorted({change.zone for change in CHANGES})).map(ZoneInfo)
ACCESS = st.builds(
    lambda groups, zone, days: member(*groups, zone=zone, holidays=frozenset(days)),
    st.lists(GROUP, min_size=1, max_size=3),
    ZONES,
    st.lists(st.dates(date(2000, 1, 1), date(2037, 12, 31)), max_size=3),
)


@given(ACCESS, INSTANT, st.integers(-DAY + 1, DAY - 1))
def test_how_the_time_is_written_makes_no_difference(access: Access, when: datetime, offset: int) -> None:
    """The same instant under any offset from UTC has the same answer."""
    other = when.astimezone(timezone(timedelta(minutes=offset)))
    assert why_not(access, "ann", other) == why_not(access, "ann", when)


@given(ACCESS, INSTANT, GROUP, st.integers(0, 6), SPAN)
def test_more_never_takes_away(
    access: Access, when: datetime, group: Group, weekday: int, span: Span
) -> None:
    """Another group, or another span in a group, admits at every time at which one was admitted before."""
    groups = access.members["ann"]
    first = groups[0]
    week = tuple((*day, span) if i == weekday else day for i, day in enumerate(first.week))
    wider = replace(first, week=week, holidays=first.holidays and (*first.holidays, span))
    if why_not(access, "ann", when) is None:
        for more in ((*groups, group), (group, *groups), (wider, *groups[1:])):
            assert why_not(replace(access, members={"ann": more}), "ann", when) is None


@given(INSTANT, ACCESS)
def test_without_rules_everybody_passes(when: datetime, access: Access) -> None:
    """Whoever is in no group, and has no period of validity, is limited by nothing that limits others."""
    for known in (when, None):
        assert why_not(Access(), "ann", known) is None
        assert why_not(access, "eve", known) is None


def test_everyone_is_whoever_is_in_no_other_group() -> None:
    """Its times hold for all who are named nowhere, and do not add to those of the others."""
    access = replace(member(daily(*spans("06:00-08:00"))), everyone=daily(*spans("07:00-20:00")))
    early, both, late = (datetime(2026, 5, 4, hour, 30, tzinfo=UTC) for hour in (6, 7, 8))
    assert [why_not(access, "ann", when) for when in (early, both, late)] == [
        None,
        None,
        Refusal.OUTSIDE_TIMES,
    ]
    assert [why_not(access, "eve", when) for when in (early, both, late)] == [
        Refusal.OUTSIDE_TIMES,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("day", "span", "when", "admitted"),
    [
        ("thu", "22:00-06:00", at(2026, 12, 25, 5, 59), True),  # Thursday's night goes on into the holiday
        ("thu", "22:00-06:00", at(2026, 12, 25, 6), False),
        ("fri", "22:00-06:00", at(2026, 12, 25, 23), False),  # the holiday's own night is not
        ("fri", "22:00-06:00", at(2026, 12, 26, 1), False),
        ("fri", "22:00-06:00", at(2026, 12, 18, 23), True),
        ("fri", "22:00-06:00", at(2026, 12, 19, 5, 59), True),
        ("sun", "22:00-06:00", at(2026, 12, 21, 3), True),  # a week's end is a midnight like any other
        ("thu", "22:00-06:00", at(2027, 1, 1, 3), True),  # and so is a year's
        ("thu", "22:00-24:00", at(2026, 12, 24, 23, 59), True),
        ("thu", "22:00-24:00", at(2026, 12, 25, 0), False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(
    day: str, span: str, when: datetime, admitted: bool
) -> None:
    """A span over midnight goes on into a holiday, and none begins on one that closes the door."""
    week = tuple(spans(span) if i in weekdays(day) else () for i in range(7))
    zone, holidays = ZoneInfo("Europe/Vienna"), frozenset({date(2026, 12, 25)})
    access = member(Group("night", week), zone=zone, holidays=holidays)
    assert (why_not(access, "ann", when) is None) == admitted


def test_a_holiday_has_its_own_times() -> None:
    """Closed, as on any day, or times of its own, whose night goes on out of the holiday."""
    zone, holidays = ZoneInfo("Europe/Vienna"), frozenset({date(2026, 12, 25)})
    asked = [at(2026, 12, 25, 9), at(2026, 12, 25, 23), at(2026, 12, 26, 1), at(2026, 12, 28, 9)]
    for group, expected in (
        (daily(*spans("08:00-10:00"), holidays=()), [False, False, False, True]),
        (daily(*spans("08:00-10:00"), holidays=None), [True, False, False, True]),
        (daily(*spans("08:00-10:00"), holidays=spans("22:00-02:00")), [False, True, True, True]),
    ):
        access = member(group, zone=zone, holidays=holidays)
        assert [why_not(access, "ann", when) is None for when in asked] == expected


@given(ACCESS, INSTANT, st.dates(date(1999, 12, 30), date(2038, 1, 2)), st.integers(0, 9999))
def test_validity_limits_whatever_the_groups_say(
    access: Access, when: datetime, first: date, days: int
) -> None:
    """Before the first day and after the last nobody passes; between them, both included, groups decide."""
    last = first + timedelta(days=days)
    today = when.astimezone(access.zone).date()
    for period in (Validity(first, last), Validity(first), Validity(last=last), Validity(today, today)):
        expected = why_not(access, "ann", when)
        if today < period.first:
            expected = Refusal.NOT_YET_VALID
        if today > period.last:
            expected = Refusal.NO_LONGER_VALID
        assert why_not(replace(access, valid={"ann": period}), "ann", when) == expected


def test_a_day_of_validity_is_the_doors_own() -> None:
    """It begins and ends at midnight where the door is, and cuts off a night that had begun."""
    access = member(daily(*spans("20:00-06:00")), valid={"ann": Validity(date(2026, 7, 1), date(2026, 7, 2))})
    access = replace(access, zone=ZoneInfo("Asia/Kathmandu"))
    for minute, expected in (
        (minute_of(2026, 6, 30, 18, 14), Refusal.NOT_YET_VALID),
        (minute_of(2026, 6, 30, 18, 15), None),
        (minute_of(2026, 7, 2, 18, 14), None),
        (minute_of(2026, 7, 2, 18, 15), Refusal.NO_LONGER_VALID),
    ):
        assert why_not(access, "ann", time_of(minute)) == expected


HOURS = st.builds(lambda start, length: Span(60 * start, 60 * (start + length)), *[st.integers(0, 23)] * 2)
HOURLY = st.lists(st.one_of(st.just(WHOLE), HOURS.filter(lambda s: s.until > s.start)), max_size=2).map(tuple)
GROUP_OF_HOURS = st.builds(
    Group,
    st.just("hours"),
    st.one_of(st.tuples(*[HOURLY] * 7), HOURLY.map(lambda day: (day,) * 7)),
    st.one_of(st.none(), HOURLY),
)
NIGHTS = Group("nights", (spans("22:00-06:00"),) * 7, None)
DAYS = Group("days", (spans("06:00-22:00"),) * 7, None)

WEDNESDAYS = Group("wednesdays", (*CLOSED[:2], (WHOLE,), *CLOSED[3:]), None)
BUT_WEDNESDAYS = Group("other days", tuple(() if day else (WHOLE,) for day in WEDNESDAYS.week))


@settings(deadline=None)
@given(st.lists(GROUP_OF_HOURS, max_size=2), NEAR)
@example([NIGHTS, DAYS], frozenset({0}))
@example([NIGHTS, replace(DAYS, holidays=())], frozenset({0}))
@example([replace(NIGHTS, holidays=()), replace(DAYS, holidays=(WHOLE,))], frozenset({0}))
@example([replace(NIGHTS, holidays=()), replace(DAYS, holidays=(WHOLE,))], frozenset({0, 1}))
@example([BUT_WEDNESDAYS, WEDNESDAYS], frozenset({0}))
@example([daily(WHOLE, holidays=())], frozenset())
@example([daily(WHOLE, holidays=())], frozenset({1}))
@example([Group("holidays", CLOSED, (WHOLE,))], frozenset())
@example([Group("holidays", CLOSED, (WHOLE,))], frozenset({1}))
def test_an_unsure_clock_concerns_those_whom_a_clock_could_concern(
    groups: list[Group], near: frozenset[int]
) -> None:
    """By trying every hour: who passes at all or at none needs no clock; for the others the word holds."""
    middle = date(2026, 5, 20)
    holidays = frozenset(middle + timedelta(days=ahead) for ahead in near)
    deny = member(*groups, holidays=holidays)
    hours = [datetime(2026, 5, 4, tzinfo=UTC) + timedelta(hours=hour) for hour in range(24 * 21)]
    reasons = {why_not(deny, "ann", hour) for hour in hours}
    allow = replace(deny, when_clock_unsure=ClockUnsure.ALLOW)
    if reasons == {None}:
        assert (why_not(deny, "ann", None), why_not(allow, "ann", None)) == (None, None)
    elif None in reasons:
        assert (why_not(deny, "ann", None), why_not(allow, "ann", None)) == (Refusal.CLOCK_UNSURE, None)
    else:
        assert {why_not(deny, "ann", None), why_not(allow, "ann", None)} == {Refusal.OUTSIDE_TIMES}


@pytest.mark.parametrize(
    ("period", "passed", "deny", "allow"),
    [
        (Validity(date(2026, 1, 1), date(2026, 6, 30)), None, Refusal.CLOCK_UNSURE, None),
        (Validity(date(2026, 1, 1)), None, Refusal.CLOCK_UNSURE, None),
        (Validity(last=date(2026, 6, 30)), None, Refusal.CLOCK_UNSURE, None),
        (Validity(), None, None, None),
        (Validity(last=date(2026, 6, 30)), at(2026, 6, 30, 23, 59), Refusal.CLOCK_UNSURE, None),
        (Validity(last=date(2026, 6, 30)), at(2026, 7, 1), Refusal.NO_LONGER_VALID, Refusal.NO_LONGER_VALID),
        (Validity(date(2026, 1, 1)), at(2025, 12, 31, 23, 59), Refusal.CLOCK_UNSURE, None),
        (Validity(date(2026, 1, 1)), at(2026, 1, 1), None, None),
        (Validity(date(2026, 1, 1), date(2026, 6, 30)), at(2026, 1, 1), Refusal.CLOCK_UNSURE, None),
    ],
)
def test_what_is_certainly_over_stays_over(
    period: Validity, passed: datetime | None, deny: Refusal | None, allow: Refusal | None
) -> None:
    """A time that has passed for certain judges what it can; what it cannot follows the word."""
    access = Access(valid={"ann": period}, zone=ZoneInfo("Europe/Vienna"))
    assert why_not(access, "ann", None, passed=passed) == deny
    allowing = replace(access, when_clock_unsure=ClockUnsure.ALLOW)
    assert why_not(allowing, "ann", None, passed=passed) == allow


@given(ACCESS, INSTANT, INSTANT)
def test_a_clock_that_is_sure_needs_no_other(access: Access, when: datetime, passed: datetime) -> None:
    """While the time is known, what else has passed and the word for an unsure clock change nothing."""
    found = why_not(access, "ann", when)
    assert why_not(access, "ann", when, passed=passed) == found
    assert why_not(replace(access, when_clock_unsure=ClockUnsure.ALLOW), "ann", when) == found


def test_a_time_without_its_offset_is_no_time() -> None:
    """A naive datetime would silently mean the machine's own zone, so it is an error."""
    with pytest.raises(ValueError, match="without its offset"):
        why_not(Access(), "ann", datetime(2026, 5, 4))
    with pytest.raises(ValueError, match="without its offset"):
        why_not(Access(), "ann", None, passed=datetime(2026, 5, 4))


@given(st.lists(SPAN, min_size=1, max_size=4))
def test_every_span_can_be_written(written: list[Span]) -> None:
    """What is written as on a clock comes back, but for a span of 24 hours that begins after midnight."""
    written = [s for s in written if s.until - s.start < DAY or s.start == 0] or [WHOLE]
    marks = [(s.start, s.until % DAY or DAY) for s in written]
    text = ", ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in marks)
    assert spans(text) == tuple(written)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("6:00-8:30", (Span(360, 510),)),
        (" 06:00 - 08:30 ,18:00\u201320:00", (Span(360, 510), Span(1080, 1200))),
        ("22:00-06:00", (Span(1320, 1800),)),
        ("22:00-00:00", (Span(1320, 1440),)),
        ("00:00-24:00", (WHOLE,)),
    ],
)
def test_spans_as_people_write_them(text: str, found: tuple[Span, ...]) -> None:
    """Hours of one digit, spaces, long dashes and both names of midnight are understood."""
    assert spans(text) == found


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", "0"),
        ("Monday", "0"),
        ("thurs", "3"),
        ("mon-fri", "01234"),
        ("sat - mon", "560"),
        ("sun-sun", "6"),
        ("mon\u2013wed, fri", "0124"),
        ("mon, mon", "0"),
    ],
)
def test_days_as_people_write_them(text: str, days: str) -> None:
    """Days by name or its beginning, ranges that may run over the week's end, and lists of them."""
    assert weekdays(text) == {int(day) for day in days}
