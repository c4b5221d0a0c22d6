"""``doorctl report``: what happened at the door, to read, to look at, or for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    parse_since,
    settings_of,
)

if TYPE_CHECKING:
    from rich.console import Console

    from doorctl.report.summary import Span, Summary

MOST = 8
"""Rows of a table on the terminal: the latest."""

LEVELS = " ▁▂▃▄▅▆▇█"
STYLES = {"bad": "bold red", "look": "yellow", "calm": ""}


def add_to(app: typer.Typer) -> None:
    app.command("report", epilog="Example: doorctl report --since 30d --html report.html")(report)


def report(
    context: typer.Context,
    since: Annotated[
        str, typer.Option(help="From then on: 30m, 2h, 30d, or a date and time.", metavar="WHEN")
    ] = "30d",
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write one page that needs nothing else, to look at.", metavar="OUT"),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what happened at the door: entries, refusals, who needs better photos, alarms, disputes."""
    from doorctl.app.state import open_store
    from doorctl.report.fields import fields_of
    from doorctl.report.files import whole_file
    from doorctl.report.gather import gather
    from doorctl.report.page import page

    now = datetime.now(UTC)
    start = parse_since(since, now)
    settings = settings_of(context, config, data)
    with open_store(settings, create=False) as store:
        found = gather(settings, store, since=start, until=now)
    if html is not None:
        with whole_file(html, replace=True) as file:
            file.write(page(found))
    if as_json:
        emit(fields_of(found))
    elif html is not None:
        console().print(Text(f"written: {html}, for your eyes alone"))
    else:
        _tell(found, console())


def _tell(found: Summary, out: Console) -> None:
    from doorctl.report.notes import notes
    from doorctl.report.words import local, plural, zone_name

    zone = zone_name(found.until, found.zone)
    since, until = local(found.since, found.zone)[:16], local(found.until, found.zone)[:16]
    out.print(Text(f"{since} to {until}, {zone}; {plural(found.events, 'event')}", style="dim"))
    entries, visits = plural(found.grants, "entry", "entries"), found.grants + found.refusals
    share = f" ({found.refusals / visits:.1%})" if visits else ""
    people = plural(found.enrolled, "person", "people")
    out.print(
        Text.assemble(
            (entries, "bold green"),
            f" of {found.came} of {people}, ",
            (f"{found.refusals:,} turned away", "bold red" if found.refusals else "bold"),
            share,
        )
    )
    for note in notes(found):
        out.print(Text(f"  {note.says}", style=STYLES[note.matters]))
    if found.grants:
        _hours(found, out)
    if found.reasons:
        _reasons(found, out)
    _people(found, out)
    _disputes(found, out)
    _lasting(found, out)
    _moments(found, out)
    _beside(found, out)


def _head(out: Console, text: str) -> None:
    out.print(Text(f"\n{text}", style="bold"))


def _hours(found: Summary, out: Console) -> None:
    """Entries by weekday and hour, as bars; with each day's sum."""
    from doorctl.core.schedule import WEEKDAYS

    _head(out, "entries by hour")
    most = max(map(max, found.grid))
    used = [hour for hour in range(24) if any(row[hour] for row in found.grid)]
    first, last = min(used), max(used)
    out.print(Text("     " + "".join(f"{hour:<3}" for hour in range(first, last + 1)), style="dim"))
    for name, row in zip(WEEKDAYS, found.grid, strict=True):
        bars = "".join(f"{LEVELS[-(-8 * count // most)] * 2} " for count in row[first : last + 1])
        out.print(Text.assemble(f"{name[:3]}  ", (bars, "green"), f" {sum(row) or '':>5}"))


def _reasons(found: Summary, out: Console) -> None:
    from doorctl.report.meaning import short_reason

    _head(out, "turned away, by reason")
    most = max(found.reasons.values())
    for reason, count in found.reasons.most_common():
        out.print(
            Text.assemble(
                f"  {short_reason(reason):<20} {count:>5}  ", ("█" * max(1, 30 * count // most), "red")
            )
        )


def _table(out: Console, heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> None:
    """Its latest rows; the last columns are of numbers."""
    kept = list(rows)
    table = Table(box=None, pad_edge=False, show_header=any(heads))
    for place, head in enumerate(heads):
        right = place >= len(heads) - numbers
        table.add_column(head, justify="right" if right else "left", header_style="dim", overflow="fold")
    for row in kept[:MOST]:
        table.add_row(*map(Text, row))
    out.print(table)
    if len(kept) > MOST:
        out.print(Text(f"and {len(kept) - MOST} more: see --json", style="dim"))


def _people(found: Summary, out: Console) -> None:
    if not (people := found.worth_a_look()):
        return
    _head(out, "people for whom more photos would help")
    rows = [
        (
            tally.name,
            f"{tally.grants}",
            f"{min(tally.scores):.2f}" if tally.scores else "",
            "" if tally.least is None else f"{tally.least:.2f}",
            f"{tally.retried or ''}",
            f"{tally.short or ''}",
        )
        for tally in people
    ]
    heads = ("", "entries", "weakest", "a tenth clears by", "after a refusal", "fell short")
    _table(out, heads, rows, numbers=5)


def _disputes(found: Summary, out: Console) -> None:
    from doorctl.report.meaning import short_kind, short_reason

    if not found.disputes:
        return
    _head(out, "disputed")
    rows = []
    for one in reversed(found.disputes):
        event = one.event
        what = "erased for its age"
        if event is not None:
            whom = event.person or (f"nearest to {event.nearest}" if event.nearest else "")
            what = ", ".join(filter(None, (short_kind(event.kind), short_reason(event.reason), whom)))
        rows.append((_when(one.dispute.time, found), f"event {one.dispute.of}", what, one.dispute.note))
    _table(out, ("", "", "", ""), rows)


def _lasting(found: Summary, out: Console) -> None:
    """Locks, alarms, faults, holds: when, what, how long."""
    from doorctl.report.meaning import short_kind
    from doorctl.report.strips import how_long

    def began(span: Span) -> datetime:
        return span.start or found.since

    spans = sorted((one for kind in found.spans.values() for one in kind), key=began, reverse=True)
    if spans:
        _head(out, "locks, alarms and faults")
        rows = [
            (
                _when(one.start, found) if one.start else "before",
                short_kind(one.kind),
                one.what,
                how_long(one, found),
            )
            for one in spans
        ]
        _table(out, ("", "", "", ""), rows)


def _moments(found: Summary, out: Console) -> None:
    from doorctl.report.meaning import short_kind, short_reason

    for heading, moments in (
        ("pictures and failed challenges", found.pictures),
        ("orders", found.commands),
        ("clock", found.clock),
    ):
        if moments:
            _head(out, heading)
            rows = [
                (
                    _when(one.time, found),
                    f"event {one.id}",
                    short_kind(one.kind) if moments is found.commands else one.person or "",
                    short_reason(one.what),
                )
                for one in reversed(moments)
            ]
            _table(out, ("", "", "", ""), rows)


def _beside(found: Summary, out: Console) -> None:
    """What stands beside the events: lookalikes, what was measured of liveness."""
    if found.not_taken or found.not_opened:
        told = f"let in, and did not open: {found.not_taken}; released otherwise, and not opened"
        out.print(f"\n{told}: {found.not_opened}")
    if found.alike is None:
        out.print(Text(f"\nwho looks like whom cannot be told: {found.no_alike}", style="yellow"))
    elif found.alike:
        _head(out, "look alike: more is asked of them")
        rows = [(pair.one.name, pair.other.name, f"{pair.similarity:.2f}") for pair in found.alike]
        _table(out, ("", "", ""), rows, numbers=1)
    measured = found.evidence.describe() if found.evidence else "never measured at this camera"
    out.print(Text(f"\nanti-spoof nets: {measured}"))


def _when(time: datetime, found: Summary) -> str:
    return f"{time.astimezone(found.zone):%a %d %b %H:%M}"
