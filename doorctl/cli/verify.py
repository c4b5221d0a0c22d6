"""``doorctl events verify`` and ``anchor``: whether the events are what was written down."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    parse_since,
    settings_of,
    warn,
)

if TYPE_CHECKING:
    from doorctl.app.verification import Verdict
    from doorctl.store.findings import Finding

TAMPERED = 65
"""Exit code where something is wrong (EX_DATAERR)."""

SHOWN = 40
"""Findings that are spelled out for people."""

_WHAT_TO_DO = (
    "Somebody has changed the database, or its disk is failing. Before anything else, copy doorctl.db and "
    "the -wal beside it to where nobody can change them. Compare with a backup; find who could write here."
)
_RESTORED = (
    "A backup was brought back in event {0}. If that was you, anchors from before do not know of it: give "
    "--since-anchor with the time of event {0}."
)
_NO_ANCHORS = (
    "There are no anchors to compare with: it could not be told if all was rebuilt, or the newest events "
    "were cut off. Give what you have kept with --anchors FILE; 'doorctl events anchor' prints one to keep."
)


def add_to(commands: typer.Typer) -> None:
    commands.command(
        "verify",
        epilog="Example: ssh loghost journalctl -u doorctl | doorctl events verify --anchors -",
    )(verify)
    commands.command("anchor", epilog="Example: doorctl events anchor | mail -s door me@example.org")(anchor)


def verify(
    context: typer.Context,
    anchors: Annotated[
        list[str] | None,
        typer.Option(help="A text file with anchors to compare with, or - for what is piped in; repeatable."),
    ] = None,
    since_anchor: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Leave out older anchors: 30m, 2h, 7d, or a date and time."),
    ] = None,
    journal: Annotated[
        bool | None,
        typer.Option(
            "--journal/--no-journal",
            help="Whether to take anchors from this machine's journal.  [default: for the installed door]",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find out whether events were changed, removed, added, moved or cut off, and which.

    Each event holds a digest of its content and of the event before. Whoever can
    write the file can compute digests anew: that shows against anchors, which the
    daemon leaves in the journal and in the folder's receipt, or which you keep.
    Works while the daemon runs, and writes nothing. Exit code 65 if something is
    wrong.
    """
    from doorctl.app.anchors import Place, anchors_in, from_file
    from doorctl.app.verification import verify_events

    settings = settings_of(context, config, data)
    since = parse_since(since_anchor, datetime.now(UTC)) if since_anchor else None
    given = []
    for name in anchors or ():
        if name == "-":
            lines = (line.decode(errors="replace") for line in (sys.stdin.buffer if sys.stdin else ()))
            found = tuple(anchors_in(lines, "what was piped in"))
            given.append(Place(found, "" if found else "no anchors in what was piped in"))
        else:
            given.append(from_file(Path(name)))
    verdict = verify_events(settings, given, journal=journal, since=since)
    if as_json:
        _emit(verdict)
    else:
        _print(verdict)
    if verdict.examined.findings:
        raise typer.Exit(TAMPERED)


def _print(verdict: Verdict) -> None:
    out, seen = console(), verdict.examined
    for finding in seen.findings[:SHOWN]:
        out.print(Text(_sentence(finding), style="bold red"))
    if more := seen.findings[SHOWN:]:
        out.print(Text(f"And {len(more)} more; --json has them all.", style="bold red"))
    for note in verdict.notes:
        out.print(Text(note, style="dim"))
    if seen.outlived:
        out.print(
            Text(f"anchors of events that were erased for their age since: {seen.outlived}", style="dim")
        )
    if seen.findings:
        out.print(_WHAT_TO_DO)
        if seen.restored is not None:
            out.print(_RESTORED.format(seen.restored))
        return
    events = "no events"
    if seen.count:
        many = "1 event" if seen.count == 1 else f"{seen.count} events"
        events = f"{many}, unbroken from event {seen.first} to {seen.last}"
    if seen.agreed:
        which = "an anchor" if len(seen.agreed) == 1 else f"{len(seen.agreed)} anchors, the latest"
        out.print(Text(f"{events}; agrees with {which} of {seen.agreed[-1]}", style="green"))
    else:
        out.print(Text(events, style="green"))
        warn(_NO_ANCHORS)


def _sentence(finding: Finding) -> str:
    text = str(finding)
    return f"{text[:1].upper()}{text[1:]}."


def _emit(verdict: Verdict) -> None:
    seen = verdict.examined
    for finding in seen.findings:
        emit(
            {
                "finding": finding.kind.value,
                "events": [list(span) for span in finding.spans],
                "text": str(finding),
            }
        )
    latest = seen.agreed[-1] if seen.agreed else None
    row: dict[str, Any] = {
        "intact": not seen.findings,
        "events": seen.count,
        "first": seen.first,
        "last": seen.last,
        "anchors": verdict.anchors,
        "agree": len(seen.agreed),
    }
    row["latest"] = {"event": latest.anchor.id, "source": latest.source} if latest else None
    emit(row | {"notes": list(verdict.notes)})


def anchor(context: typer.Context, config: ConfigOption = None, data: DataOption = None) -> None:
    """Print where the chain of events ends now, to keep elsewhere for 'events verify --anchors'."""
    from doorctl.app.anchors import anchor_line
    from doorctl.store.chain import head
    from doorctl.store.verify import looking

    with looking(settings_of(context, config, data).data) as db:
        line = anchor_line(head(db))
    typer.echo(line)
