"""``doorctl lockouts``: what is held against the door, and an end to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorctl.cli.control import obeyed, runtime_of, tell
from doorctl.cli.output import ConfigOption, DataOption, JsonOption, console, emit, implied, settings_of

if TYPE_CHECKING:
    from doorctl.app.settings import Settings

commands = typer.Typer(
    cls=implied("show", alone=True),
    help="Show failed attempts and locks, or end them: who tries too often is locked out for a while.",
    epilog="Examples: doorctl lockouts; doorctl lockouts clear",
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="lockouts")


@commands.command("show", epilog="Example: doorctl lockouts --json (show may be left out)")
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


@commands.command("clear", epilog="Example: doorctl lockouts clear")
def clear(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """End every lock and forget all failed attempts, strangers' faces too. A running door does so at once."""
    from doorctl.app.control_wire import ClearLocks
    from doorctl.app.lockouts import end_all

    if not yes:
        typer.confirm("End every lock, and forget all failed attempts?", abort=True)

    def directly(settings: Settings) -> Mapping[str, Any]:
        end_all(settings)
        return {"said": ["no lock holds any more"]}

    place = runtime_of(context, data)
    tell(obeyed(place, ClearLocks(), directly, lambda: settings_of(context, config, data)), as_json)
