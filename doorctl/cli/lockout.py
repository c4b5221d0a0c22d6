"""``doorctl lockout``: what is held against the door, and an end to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from doorctl.cli.output import ConfigOption, DataOption, JsonOption, console, emit, implied, settings_of

commands = typer.Typer(
    cls=implied("show", alone=True),
    help="Show failed attempts and locks, or end them: who tries too often is locked out for a while.",
    epilog="Examples: doorctl lockout; doorctl lockout clear",
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="lockout")


@commands.command("show", epilog="Example: doorctl lockout --json (show may be left out)")
def show(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether the door is locked down, for how long, and who is asked for a challenge next time."""
    from doorctl.app.lockouts import status

    found = status(settings_of(context, config, data))
    if as_json:
        emit(asdict(found))
        return
    console().print(found.describe())


@commands.command("clear", epilog="Example: doorctl lockout clear")
def clear(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """End every lock and forget all failed attempts, strangers' faces too. A running door does so at once."""
    from doorctl.app.lockouts import end_all

    settings = settings_of(context, config, data)
    if not yes:
        typer.confirm("End every lock, and forget all failed attempts?", abort=True)
    end_all(settings)
    console().print("no lock holds any more")
