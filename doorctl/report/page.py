"""The report as one page that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from doorctl import __version__
from doorctl.core.decision import EventKind
from doorctl.core.records import Reason
from doorctl.report.meaning import short_kind, short_reason
from doorctl.report.notes import notes
from doorctl.report.plots import buckets, by_day, by_hour, by_reason
from doorctl.report.strips import ROWS, how_long, scores, timeline
from doorctl.report.style import STYLE
from doorctl.report.summary import Span, Summary
from doorctl.report.svg import escaped
from doorctl.report.words import lasting, plural, zone_name

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Even if something foreign came into the page, a browser would fetch and run nothing."""

MOST_ROWS = 15
"""Of a table: the latest. Everything is in ``--json``."""

_ALARMS = (
    EventKind.DOOR_FORCED_OPEN,
    EventKind.DOOR_OPEN_TOO_LONG,
    EventKind.TAMPER,
    EventKind.FIRE_ALARM,
)
_FAULTS = (EventKind.CAMERA_LOST, EventKind.SYNC_FAILED, EventKind.INPUT_FAULT)
_LOCKS = (EventKind.LOCKED_DOWN, EventKind.LOCKED_OUT)

Cell = str | tuple[str, str]
"""Escaped HTML, and perhaps a class."""


def page(found: Summary) -> str:
    """The whole page. Everything that was stored is escaped."""
    parts = [*_head(found), '<div class="tiles">', *_tiles(found), "</div>", '<div class="cards">']
    parts += [*_pictures(found), "</div>", '<div class="pack">', *_tables(found), "</div>", *_foot(found)]
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escaped(_period(found))} - doorctl</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _period(found: Summary) -> str:
    first, last = found.since.astimezone(found.zone), found.until.astimezone(found.zone)
    if first.date() == last.date():
        return f"{first:%-d %B %Y}"
    same = first.year == last.year
    return f"{first:%-d %B}{'' if same else f' {first:%Y}'} to {last:%-d %B %Y}"


def _head(found: Summary) -> Iterator[str]:
    yield "<header><h1>What happened at the door</h1>"
    zone = zone_name(found.until, found.zone)
    yield f'<p class="soft">{escaped(_period(found))}. Times are of {escaped(zone)}.</p></header>'


def _tiles(found: Summary) -> Iterator[str]:
    visits = found.grants + found.refusals
    yield _tile(
        "in", found.grants, "entries", f"{found.came} of {plural(found.enrolled, 'person', 'people')}"
    )
    share = f"{found.refusals / visits:.1%} of {visits:,} visits" if visits else "nobody came"
    yield _tile("out", found.refusals, "turned away", share)
    tricks = found.reasons[Reason.SPOOF] + found.reasons[Reason.CHALLENGE_FAILED]
    yield _tile("bad", tricks, "not alive", "pictures, failed challenges")
    downs, outs = found.total(EventKind.LOCKED_DOWN), found.total(EventKind.LOCKED_OUT)
    yield _tile("bad", downs + outs, "locks", f"{plural(downs, 'lockdown')}, {plural(outs, 'face')}")
    yield _tile("bad", found.total(*_ALARMS), "door alarms", "forced, open, tamper, fire")
    seconds = sum(found.totals[kind].seconds for kind in _FAULTS if kind in found.totals)
    count = found.total(*_FAULTS)
    yield _tile("out", count, "faults", f"{lasting(seconds)} in all" if count else "camera, folder, wires")
    yield _tile("out", len(found.disputes), "disputes", "said against a decision")


def _tile(kind: str, count: int, what: str, more: str) -> str:
    shown = kind if count else "calm"
    return f'<div class="tile {shown}"><b>{count:,}</b><span>{what}</span><i>{escaped(more)}</i></div>'


def _card(heading: str, inner: str, size: str = "", under: str = "") -> str:
    told = f'<p class="soft small">{under}</p>' if under else ""
    return f'<section class="card {size}"><h2>{heading}</h2>{told}{inner}</section>'


def _pictures(found: Summary) -> Iterator[str]:
    points = "".join(f'<li class="{note.matters}">{escaped(note.says)}</li>' for note in notes(found))
    yield _card("What stands out", f'<ul class="notes">{points}</ul>')
    if not found.grants + found.refusals:
        return
    unit = buckets(found.days)[0]
    legend = '<span class="key in"></span>let in<span class="key out"></span>turned away'
    shaded = "; weekends are shaded" * (unit == "day")
    yield _card(f"Visits by {unit}", by_day(found), "wide", f"{legend}{shaded}")
    if found.grants:
        yield _card("When people come in", by_hour(found), "more", "Entries by day of the week and hour")
    if found.refusals:
        yield _card(
            "Why people were turned away", by_reason(found), "less", "Visits, by what most frames said"
        )
    if drawn := scores(found):
        people = sum(bool(tally.scores) for tally in found.people.values())
        which = f"; the {ROWS} nearest of {people} people" if people > ROWS else ""
        told = (
            "Each mark is one entry or several, by the weakest frame that counted; whoever came nearest to "
            f"the threshold first{which}. Of people in orange one entry in ten clears it by less than 0.05."
        )
        yield _card("How sure the door was", drawn, "wide", told)
    if drawn := timeline(found):
        under = "A bar lasts as long as it is wide, a dot is a moment"
        yield _card("Alarms, locks and faults", drawn, "wide", under)
    if found.disputes:
        yield _card("Disputed decisions", _disputes(found))


def _tables(found: Summary) -> Iterator[str]:
    if people := found.worth_a_look():
        cells: list[list[Cell]] = [
            [
                f"<bdi>{escaped(tally.name)}</bdi>",
                (f"{tally.grants:,}", "number"),
                (f"{min(tally.scores):.2f}" if tally.scores else "", "number"),
                ("" if tally.least is None else f"{tally.least:.2f}", "number"),
                (f"{tally.retried or ''}", "number"),
                (f"{tally.short or ''}", "number"),
            ]
            for tally in people
        ]
        heads = ("", "entries", "weakest", "clears by", "retried", "fell short")
        under = (
            "Clears by: how far above the threshold the weakest tenth of the entries came at most. Retried: "
            "entries within a minute after a refusal. Fell short: times that several visits nearly matched."
        )
        yield _card("People for whom more photos would help", _table(heads, cells, numbers=5), under=under)
    yield _alike(found)
    for heading, kinds in (("Locks", _LOCKS), ("Alarms at the door", _ALARMS), ("Faults", _FAULTS)):
        if spans := [span for kind in kinds for span in found.spans.get(kind, ())]:
            yield _card(heading, _spans(spans, found))
    if found.pictures:
        cells = [
            [
                (_time(one.time, found), "time"),
                f"<bdi>{escaped(one.person)}</bdi>",
                escaped(short_reason(one.what)),
                (f"{one.id}", "number"),
            ]
            for one in reversed(found.pictures)
        ]
        yield _card(
            "Pictures and failed challenges", _table(("", "of", "", "event"), cells, numbers=1), "half"
        )
    if found.commands or found.rex:
        cells = [
            [(_time(one.time, found), "time"), escaped(short_kind(one.kind)), escaped(one.what)]
            for one in reversed(found.commands)
        ]
        under = f"The exit button was pressed {plural(found.rex, 'time')}." if found.rex else ""
        yield _card("Orders", _table(("", "", ""), cells) if cells else "", under=under)
    if found.not_taken:
        yield _card("Let in, and did not open", _not_taken(found))
    yield _card("Whether it tells people from pictures", _evidence(found))


def _disputes(found: Summary) -> str:
    cells: list[list[Cell]] = []
    for one in reversed(found.disputes):
        event, said = one.event, one.dispute
        what = "erased for its age"
        if event is not None:
            score = "" if event.score is None else f", score {event.score:.2f}"
            person = event.person or event.nearest
            whom = f" <bdi>{escaped(person)}</bdi>" if person else ""
            nearest = ", nearest to" * (event.person is None and person is not None)
            reason = (
                "" if event.kind == EventKind.ACCESS_GRANTED else f" ({escaped(short_reason(event.reason))})"
            )
            what = f"{escaped(short_kind(event.kind))}{reason}{nearest}{whom}{score}"
            what = f"{what}, {_time(event.time, found)}"
        note = f"<bdi>{escaped(said.note)}</bdi>" if said.note else '<span class="soft">no note</span>'
        cells.append([(_time(said.time, found), "time"), (f"{said.of}", "number"), what, note])
    return _table(("said on", "event", "what the door did", "what they say"), cells)


def _alike(found: Summary) -> str:
    if found.alike is None:
        inner = f'<p class="soft">Not known: {escaped(found.no_alike)}.</p>'
    elif not found.alike:
        inner = '<p class="soft">Nobody looks so much like somebody else that more is asked of them.</p>'
    else:
        cells: list[list[Cell]] = [
            [
                f"<bdi>{escaped(pair.one.name)}</bdi>",
                f"<bdi>{escaped(pair.other.name)}</bdi>",
                (f"{pair.similarity:.2f}", "number"),
            ]
            for pair in found.alike
        ]
        inner = _table(("", "", "similarity"), cells, numbers=1)
    under = "Now. Of these the door asks more frames and a wider lead" if found.alike else ""
    return _card("Who looks like whom", inner, under=under)


def _spans(spans: list[Span], found: Summary) -> str:
    spans = sorted(spans, key=lambda span: span.start or found.since, reverse=True)
    cells: list[list[Cell]] = [
        [
            (_time(span.start, found) if span.start else "before", "time"),
            f"{escaped(short_kind(span.kind))} <span class='soft'>{escaped(span.what)}</span>",
            (escaped(how_long(span, found)), "number"),
        ]
        for span in spans
    ]
    return _table(("", "", "how long"), cells, numbers=1)


def _not_taken(found: Summary) -> str:
    people = sorted(
        (tally for tally in found.people.values() if tally.not_taken), key=lambda tally: -tally.not_taken
    )
    cells: list[list[Cell]] = [
        [f"<bdi>{escaped(tally.name)}</bdi>", (f"{tally.not_taken} of {tally.grants}", "number")]
        for tally in people
    ]
    return _table(("", "entries"), cells, numbers=1)


def _evidence(found: Summary) -> str:
    if found.evidence is None:
        return "<p>Never measured at this camera: see 'doorctl liveness enrol-site'.</p>"
    told = found.evidence.describe()
    return f"<p>{escaped(told[:1].upper() + told[1:])}.</p>"


def _table(heads: Iterable[str], rows: list[list[Cell]], numbers: int = 0) -> str:
    """The first rows; the last columns are of numbers."""
    names = list(heads)
    right = ['"number"' if place >= len(names) - numbers else '""' for place in range(len(names))]
    head = "".join(f"<th class={kind}>{name}</th>" for kind, name in zip(right, names, strict=True))
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:MOST_ROWS])
    more = f'<p class="soft small">and {len(rows) - MOST_ROWS} more</p>' if len(rows) > MOST_ROWS else ""
    shown = f"<tr>{head}</tr>" if any(names) else ""
    return f"<table>{shown}{body}</table>{more}"


def _cell(cell: Cell) -> str:
    return f"<td>{cell}</td>" if isinstance(cell, str) else f'<td class="{cell[1]}">{cell[0]}</td>'


def _time(time: datetime, found: Summary) -> str:
    return f"{time.astimezone(found.zone):%a %-d %b %H:%M}"


def _foot(found: Summary) -> Iterator[str]:
    made = f"{found.until.astimezone(found.zone):%Y-%m-%d %H:%M}"
    yield f"<footer>Made by doorctl {__version__} on {made} from {plural(found.events, 'event')}."
    yield "This page names people: keep it as you keep a list of who came when.</footer>"
