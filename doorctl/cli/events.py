"""``doorctl events``: what the door did."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    event_line,
    implied,
    parse_since,
    rounded,
    settings_of,
)
from doorctl.core.decision import EventKind
from doorctl.core.mentions import named

if TYPE_CHECKING:
    from doorctl.core.decision import Event
    from doorctl.store.records import StoredEvent

FOLLOW_SECONDS = 0.5


def event_fields(event: Event) -> dict[str, Any]:
    """An event of a replay as ``--json`` prints it; the time is in seconds from the clip's start."""
    return {
        "event": event.kind.value,
        "time": round(event.at, 3),
        "person": event.person.name if event.person else None,
        "reason": event.reason.value if event.reason else None,
        "score": rounded(event.score),
        "margin": rounded(event.margin),
        "detail": event.detail,
    }


def stored_fields(stored: StoredEvent) -> dict[str, Any]:
    """A stored event likewise, with its number; the time is the wall clock's, UTC."""
    return {
        "id": stored.id,
        "event": stored.kind,
        "time": stored.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "person": stored.person,
        "reason": stored.reason,
        "score": rounded(stored.score),
        "margin": rounded(stored.margin),
        "detail": stored.detail,
    }


commands = typer.Typer(
    cls=implied("list", alone=True),
    help="What the door did and why, and what somebody says against it.",
    epilog="Example: doorctl events --since 2h, whose options 'doorctl events list --help' tells; "
    "doorctl events explain 1234",
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="events")


@commands.command(
    "list",
    epilog="Example: doorctl events --since 2h --person 'Grace Hopper' --json (list may be left out)",
)
def list_events(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing as things happen.")] = False,
    person: Annotated[str | None, typer.Option(help="Only this person's.", metavar="NAME")] = None,
    since: Annotated[
        str | None, typer.Option(help="From then on: 30m, 2h, 7d, or a date and time.", metavar="WHEN")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 1000,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the door did: who came in, who was refused and why."""
    from doorctl.app.state import open_store

    settings = settings_of(context, config, data)
    start = parse_since(since, datetime.now(UTC)) if since else None
    out = console()
    with open_store(settings, create=False) as store:
        last = 0
        while True:
            newest = None if last else limit
            for stored in store.events(since=start, person=person, limit=newest, after_id=last):
                last = stored.id
                fields = stored_fields(stored)
                if stored.kind == EventKind.DISPUTED:  # people stand there by number
                    fields["detail"] = named(stored.detail, {one.id: one.name for one in store.people()})
                if as_json:
                    emit(fields)
                else:
                    line = event_line({**fields, "time": f"{stored.time.astimezone():%Y-%m-%d %H:%M:%S}"})
                    # By this number it is explained and disputed.
                    out.print(Text.assemble((f"{stored.id:>6}  ", "dim"), line))
            if not follow:
                return
            time.sleep(FOLLOW_SECONDS)
