"""``doorctl people consent``: whether somebody agreed to be recognised."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer
from rich.text import Text

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    parse_day,
    settings_of,
    warn,
)
from doorctl.cli.people import Name


def add_to(people: typer.Typer) -> None:
    people.command("consent", epilog="Example: doorctl people consent 'Grace Hopper' --date 2026-01-31")(
        consent
    )


def consent(
    context: typer.Context,
    name: Name,
    day: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="On which day; without it today.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="The person does not agree any more.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that a person agreed to be recognised, or takes that back. config/consent.md is a text to sign.

    It is kept for as long as the person is enrolled. To take it back erases nothing by itself, and the door
    still opens: 'doorctl people forget' is what follows, or 'deny' until there is another way in.
    """
    from doorctl.app.control_client import own_name
    from doorctl.app.state import open_store

    if withdraw and day is not None:
        raise typer.BadParameter("--date and --withdraw do not go together")
    when = None if withdraw else parse_day(day)
    with open_store(settings_of(context, config, data), create=False) as store:
        store.set_consent(name, when, own_name())
        record = store.person(name)
    if as_json:
        emit({"person": record.name, "consent": when.isoformat() if when else None})
        return
    if when:
        console().print(Text(f"{record.name}: consent is on record, of {when}"))
        return
    called = shlex.quote(record.name)
    console().print(Text(f"{record.name}: no consent is on record"))
    if not record.denied:
        warn(f"the door still lets {record.name} in: doorctl people forget {called} erases everything")
