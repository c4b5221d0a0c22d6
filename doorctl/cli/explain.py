"""``doorctl events explain`` and ``dispute``: why the door decided so, and who says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from doorctl.cli.events import stored_fields
from doorctl.cli.output import (
    COLOURS,
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    printable,
    settings_of,
)

if TYPE_CHECKING:
    from doorctl.report.disputes import Dispute
    from doorctl.report.explain import Explanation

EventNumber = Annotated[
    int, typer.Argument(help="The event's number; 'doorctl events list' tells it.", metavar="ID", min=1)
]


def add_to(commands: typer.Typer) -> None:
    commands.command("explain", epilog="Example: doorctl events explain 1234")(explain)
    commands.command(
        "dispute", epilog="Example: doorctl events dispute 1234 --note 'Grace Hopper was on leave that day'"
    )(dispute)


def explain(
    context: typer.Context,
    number: EventNumber,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say in words what happened and why, by the scores and the rules of that moment, and what would help."""
    from doorctl.app.state import open_store
    from doorctl.report.explain import Explainer
    from doorctl.store.history import History

    with open_store(settings_of(context, config, data), create=False) as store:
        names = {person.id: person.name for person in store.people()}
        found = Explainer(History(store), names).explain(number)
    if as_json:
        emit(_fields(found))
    else:
        _tell(found)


def _fields(found: Explanation) -> dict[str, Any]:
    return {
        **stored_fields(found.event),
        **found.facts,
        "says": found.says,
        "why": list(found.why),
        "after": list(found.after),
        "helps": list(found.helps),
        "disputes": [_dispute(one) for one in found.disputes],
    }


def _dispute(one: Dispute) -> dict[str, Any]:
    return {"id": one.id, "time": one.time.isoformat(timespec="seconds"), "event": one.of, "note": one.note}


def _tell(found: Explanation) -> None:
    from doorctl.report.words import local, zone_name

    out, event = console(), found.event
    head = f"event {event.id}, {local(event.time)}, {zone_name(event.time)}: "
    reason = f" ({event.reason})" if event.reason else ""
    out.print(Text.assemble((head, "dim"), (event.kind, COLOURS.get(event.kind, "")), reason))
    out.print(Text(found.says, style="bold"))
    for line in found.why:
        out.print(Text(f"  {printable(line)}"))
    for heading, lines in (("then", found.after), ("what helps", found.helps)):
        if lines:
            out.print(Text(heading, style="bold"))
            for line in lines:
                out.print(Text(f"  {printable(line)}"))
    for one in found.disputes:
        note = f": {one.note}" if one.note else ""
        out.print(Text(f"disputed on {local(one.time)} (event {one.id}){note}", style="yellow"))


def dispute(
    context: typer.Context,
    number: EventNumber,
    note: Annotated[
        str, typer.Option(help="What they say, in up to 200 characters. Whole names become numbers.")
    ] = "",
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write down what somebody says against a decision: that was not me. Nothing else changes."""
    from doorctl.app.state import open_store
    from doorctl.report.disputes import dispute as written_down
    from doorctl.report.disputes import dispute_of

    with open_store(settings_of(context, config, data), create=False) as store:
        names = {person.id: person.name for person in store.people()}
        written, left = written_down(store, number, note)
    said = dispute_of(written, names)
    if as_json and said is not None:
        emit(_dispute(said))
        return
    out = console()
    out.print(Text(f"event {number} is disputed, as event {written.id} says"))
    if left:
        words = ", ".join(left)
        told = (
            f"the note holds {words}: it stays if that person is erased, for only whole names become numbers"
        )
        out.print(Text(told, style="yellow"))
