"""Plots of entries and refusals, as vector pictures whose colours are the page's."""

from __future__ import annotations

from datetime import date, timedelta
from math import ceil

from doorctl.core.records import Reason
from doorctl.core.schedule import WEEKDAYS
from doorctl.report.meaning import short_reason
from doorctl.report.summary import Summary
from doorctl.report.svg import label, line, picture, rect, ticks
from doorctl.report.words import plural

WIDE = 1080.0
_FEW_DAYS, _FEW_WEEKS = 130, 800


def buckets(days: dict[date, list[int]]) -> tuple[str, dict[date, list[int]]]:
    """Counts by day, or by week or month where there are too many days: what each is, and from when."""
    if len(days) <= _FEW_DAYS:
        return "day", days
    weekly = len(days) <= _FEW_WEEKS
    found: dict[date, list[int]] = {}
    for day, counts in days.items():
        first = day - timedelta(days=day.weekday()) if weekly else day.replace(day=1)
        kept = found.setdefault(first, [0, 0])
        found[first] = [kept[0] + counts[0], kept[1] + counts[1]]
    return "week" if weekly else "month", found


def by_day(found: Summary) -> str:
    """Bars of grants, and of refusals on top of them."""
    unit, days = buckets(found.days)
    left, top, height, bottom = 40.0, 10.0, 170.0, 22.0
    steps = ticks(max((sum(counts) for counts in days.values()), default=0))
    scale, pitch = height / steps[-1], (WIDE - left) / max(1, len(days))
    parts = []
    for step in steps:
        y = top + height - step * scale
        parts += [line(left, y, WIDE, y), label(left - 8, y + 4, f"{step:,}", "end")]
    width = min(46.0, max(1.0, 0.72 * pitch))
    named = [day for day in days if len(days) <= 14 or unit != "day" or day.weekday() == 0]
    named = named[:: max(1, ceil(70 * len(named) / (WIDE - left)))]
    for place, (day, (grants, refusals)) in enumerate(days.items()):
        x = left + (place + 0.5) * pitch
        if unit == "day" and day.weekday() >= 5:
            parts.append(rect(x - pitch / 2, top, pitch, height, "shade"))
        told = f"{day:%a %-d %b %Y}: {grants} let in, {refusals} turned away"
        told = told if unit == "day" else f"{unit} from {told}"
        base = top + height
        if grants:
            parts.append(rect(x - width / 2, base - grants * scale, width, grants * scale, "in", told))
        if refusals:
            y = base - (grants + refusals) * scale
            parts.append(rect(x - width / 2, y, width, max(1.0, refusals * scale - 1), "out", told))
        if day in named:
            parts.append(label(x, base + 16, _day_words(day, unit, len(days)), "middle"))
    says = f"Let in and turned away by {unit}"
    return picture(WIDE, top + height + bottom, parts, says)


def _day_words(day: date, unit: str, count: int) -> str:
    if unit == "month":
        return f"{day:%b %Y}"
    return f"{day:%a %-d %b}" if unit == "day" and count <= 14 else f"{day:%-d %b}"


def by_hour(found: Summary) -> str:
    """Grants by hour and day of the week: the more, the darker."""
    left, top, cell, gap = 42.0, 4.0, 23.0, 2.0
    most = max(map(max, found.grid))
    parts = []
    for row, hours in enumerate(found.grid):
        y = top + row * cell
        parts.append(label(left - 8, y + cell / 2 + 3, WEEKDAYS[row][:3].capitalize(), "end"))
        for hour, count in enumerate(hours):
            told = f"{WEEKDAYS[row].capitalize()} {hour:02}:00 to {hour:02}:59: {count} let in"
            kind, see = ("in", 0.12 + 0.88 * count / most) if count else ("faint", 1.0)
            x = left + hour * cell
            parts.append(rect(x, y, cell - gap, cell - gap, kind, told, opacity=see))
    base = top + 7 * cell + 14
    parts += [label(left + hour * cell, base, f"{hour}:00") for hour in range(0, 24, 3)]
    x = left + 24 * cell - gap
    words = f"darkest: {plural(most, 'entry', 'entries')} in that hour of the week"
    parts.append(label(x, base + 22, words, "end"))
    return picture(left + 24 * cell, base + 28, parts, "Entries by hour and day of the week")


def by_reason(found: Summary) -> str:
    """Bars of the reasons, the most frequent first."""
    rows = found.reasons.most_common()
    left, pitch, width = 134.0, 25.0, 404.0
    most = max((count for _, count in rows), default=1)
    parts = []
    for place, (reason, count) in enumerate(rows):
        y, length = 4 + place * pitch, (width - left - 52) * count / most
        parts.append(label(left - 10, y + 14, short_reason(reason), "end ink", reason))
        kind = "bad" if reason in (Reason.SPOOF, Reason.CHALLENGE_FAILED) else "out"
        parts.append(rect(left, y + 2, max(2.0, length), 16, kind, f"{reason}: {count}"))
        parts.append(label(left + length + 8, y + 14, f"{count:,}"))
    return picture(width, 8 + pitch * len(rows), parts, "Refusals by reason")
