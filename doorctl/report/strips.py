"""Plots of scores and of what was wrong when, as vector pictures whose colours are the page's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, time
from math import ceil, floor, log10

from doorctl.core.decision import EventKind
from doorctl.report.meaning import SHORT, short_kind
from doorctl.report.plots import WIDE
from doorctl.report.summary import Span, Summary, Tally
from doorctl.report.svg import dot, label, line, picture, rect, shortened
from doorctl.report.words import lasting, plural

ROWS = 40
"""People of whom scores are drawn at most: those nearest to the threshold."""

_LANES = (
    (EventKind.DOOR_FORCED_OPEN, "bad"),
    (EventKind.TAMPER, "bad"),
    (EventKind.FIRE_ALARM, "bad"),
    (EventKind.LOCKED_DOWN, "bad"),
    (EventKind.LOCKED_OUT, "out"),
    (EventKind.DOOR_OPEN_TOO_LONG, "out"),
    (EventKind.CAMERA_LOST, "out"),
    (EventKind.SYNC_FAILED, "out"),
    (EventKind.INPUT_FAULT, "out"),
    (EventKind.HELD_OPEN, "in"),
)


def scores(found: Summary) -> str:
    """Each person's grants along the scale of scores, and the threshold."""
    people = sorted(
        (tally for tally in found.people.values() if tally.scores), key=lambda tally: _weakest(tally)
    )[:ROWS]
    if not people:
        return ""
    limits = sorted(found.thresholds)
    lowest = min([*(_weakest(tally) for tally in people), *limits])
    low = floor((lowest - 0.015) * 20) / 20
    left, right, pitch, top = 178.0, 150.0, 21.0, 26.0
    width = WIDE - left - right
    base = top + pitch * len(people)

    def x_of(score: float) -> float:
        return left + width * (score - low) / max(0.05, 1.0 - low)

    parts = []
    if len(limits) > 1:
        told = f"thresholds from {limits[0]:.3f} to {limits[-1]:.3f} held in this time"
        parts.append(
            rect(
                x_of(limits[0]),
                top - 4,
                max(1.0, x_of(limits[-1]) - x_of(limits[0])),
                base - top + 4,
                "shade",
                told,
            )
        )
    for step in range(round(low * 20), 21):
        x = x_of(step / 20)
        parts += [line(x, top - 4, x, base), label(x, base + 16, f"{step / 20:.2f}", "middle")]
    parts += [label(WIDE - right + 60, top - 10, "entries", "end"), label(WIDE, top - 10, "weakest", "end")]
    for row, tally in enumerate(people):
        y = top + (row + 0.5) * pitch
        kind = "out" if tally.is_near else "in"
        parts.append(label(left - 12, y + 4, shortened(tally.name, 24), "end ink", tally.name))
        binned = Counter(round(score * 200) for score in tally.scores)
        most = max(binned.values())
        for place, count in sorted(binned.items()):
            see = 0.25 + 0.75 * (log10(1 + count) / log10(1 + most))
            told = f"{tally.name}: {plural(count, 'entry', 'entries')} at about {place / 200:.3f}"
            parts.append(rect(x_of(place / 200) - 1.5, y - 6, 3, 12, kind, told, opacity=see))
        parts.append(label(WIDE - right + 60, y + 4, f"{tally.grants:,}", "end"))
        parts.append(label(WIDE, y + 4, f"{_weakest(tally):.2f}", "end ink" if tally.is_near else "end"))
    if found.threshold is not None:
        x = x_of(found.threshold)
        parts += [line(x, top - 4, x, base, "limit")]
        parts.append(label(x, top - 10, f"threshold {found.threshold:.2f}", "middle ink"))
    return picture(WIDE, base + 22, parts, "Scores of the entries, by person")


def _weakest(tally: Tally) -> float:
    return min(tally.scores)


def timeline(found: Summary) -> str:
    """When something was wrong, or ordered, and for how long."""
    lanes = [(kind, SHORT[kind], style) for kind, style in _LANES if found.spans.get(kind)]
    points = [
        (says, style, moments)
        for says, style, moments in (
            (
                "picture, failed challenge",
                "bad",
                [(one.time, f"{one.person}: {one.what}") for one in found.pictures],
            ),
            ("clock set", "out", [(one.time, one.what) for one in found.clock]),
            ("disputed", "in", [(one.dispute.time, f"event {one.dispute.of}") for one in found.disputes]),
        )
        if moments
    ]
    if not lanes and not points:
        return ""
    left, top, pitch = 178.0, 4.0, 24.0
    base, width = top + pitch * (len(lanes) + len(points)), WIDE - left - 4
    whole = max(1.0, (found.until - found.since).total_seconds())

    def x_of(at: datetime) -> float:
        return left + width * min(1.0, max(0.0, (at - found.since).total_seconds() / whole))

    parts = list(_calendar(found, top, base, x_of))
    for row, (kind, says, style) in enumerate(lanes):
        y = top + row * pitch
        parts += [label(left - 12, y + 16, says, "end ink"), line(left, y + pitch, WIDE, y + pitch)]
        for span in found.spans[kind]:
            start, end = x_of(span.start or found.since), x_of(span.end or found.until)
            parts.append(rect(start - 1, y + 5, max(4.0, end - start), 14, style, told_of(span, found)))
    for row, (says, style, moments) in enumerate(points, len(lanes)):
        y = top + row * pitch
        parts += [label(left - 12, y + 16, says, "end ink"), line(left, y + pitch, WIDE, y + pitch)]
        parts += [
            dot(
                x_of(at),
                y + 12,
                4.5,
                style,
                f"{at.astimezone(found.zone):%a %-d %b %H:%M}: {what}",
                opacity=0.8,
            )
            for at, what in moments
        ]
    return picture(WIDE, base + 22, parts, "Alarms, locks, faults and orders along the time")


def _calendar(found: Summary, top: float, base: float, x_of: Callable[[datetime], float]) -> Iterator[str]:
    """Lines at midnights, as many as there is room for, with their dates."""
    days = list(found.days)
    named = [day for day in days if len(days) <= 14 or day.weekday() == 0] if len(days) <= 130 else days
    for day in named[:: max(1, ceil(len(named) / 14))]:
        midnight = datetime.combine(day, time(), found.zone).astimezone(found.zone)
        if found.since <= midnight <= found.until:
            x = x_of(midnight)
            yield line(x, top, x, base)
            words = f"{day:%a %-d %b}" if len(days) <= 14 else f"{day:%-d %b}"
            yield label(x, base + 16, words, "middle")


def told_of(span: Span, found: Summary) -> str:
    """When something began, and how long it went on."""
    start = f"{span.start.astimezone(found.zone):%a %-d %b %H:%M}" if span.start else "before"
    return f"{start}, {how_long(span, found)}: {short_kind(span.kind)} {span.what}".rstrip()


def how_long(span: Span, found: Summary) -> str:
    """How long something went on, in words."""
    seconds = ((span.end or found.until) - (span.start or found.since)).total_seconds()
    if span.end is None:
        return f"for {lasting(seconds)}, and still"
    return f"{lasting(seconds)}{', until a restart' * span.restarted}"
