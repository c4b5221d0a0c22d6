"""``doorctl sync``: keep the people in step with the folder of photos, or see how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from doorctl.cli.control import tell
from doorctl.cli.output import ConfigOption, DataOption, JsonOption, console, emit, settings_of, warn
from doorctl.errors import ConfigError, NotPermittedError, NotRunningError

if TYPE_CHECKING:
    from doorctl.app.settings import Settings
    from doorctl.app.sync import Round

PHOTO_REFUSED = 65
"""Exit code of ``--once``: a photo was refused or could not be fetched (EX_DATAERR)."""
WAITS = 77
"""And this: removals or photos wait for an operator's word (EX_NOPERM)."""

_COLOURS = {"accepted": "green", "refused": "red", "denies": "red", "waits": "yellow", "deleted": "yellow"}


def add_to(app: typer.Typer) -> None:
    app.command("sync", epilog="Example: doorctl sync --once --source folder:/media/stick")(sync)


def sync(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Show what became of each file; no round.")
    ] = False,
    accept_removals: Annotated[
        bool, typer.Option("--accept-removals", help="Carry out removals that wait, in one round.")
    ] = False,
    source: Annotated[
        str | None, typer.Option(help="dropbox, or folder:/full/path, instead of the configuration's.")
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn people from a folder of photos, and forget those whose photos are gone.

    The folder is what the configuration's 'photos' names. 'doorctl run' does
    this by itself; while it runs, 'doorctl sync' without options has it look at
    once. "Grace Hopper-1.jpg" is a photo of Grace Hopper, and so is any in a
    sub-folder "Grace Hopper"; a file "Grace Hopper-DENY" keeps her out.
    With --once the exit code is 65 where a photo was refused, and 77 where
    something waits for an operator's word.
    """
    settings = _with_source(settings_of(context, config, data), source)
    if status:
        _status(settings, as_json)
        return
    if not (once or accept_removals or source) and (reply := _by_the_daemon(settings)):
        tell(reply, as_json)
        return
    if settings.config.photos.source == "none":
        raise ConfigError("no folder of photos", "set photos.source, or give --source folder:/full/path")
    _rounds(settings, forever=not (once or accept_removals), accept=accept_removals, as_json=as_json)


def _by_the_daemon(settings: Settings) -> Mapping[str, Any] | None:
    """Have the running daemon look at its folder; ``None`` if none listens to us."""
    from doorctl.app.control_client import ask
    from doorctl.app.control_wire import SyncNow

    try:
        return ask(settings.runtime, SyncNow())
    except (NotRunningError, NotPermittedError):
        return None


def _with_source(settings: Settings, source: str | None) -> Settings:
    if source is None:
        return settings
    from dataclasses import replace

    from pydantic import ValidationError

    from doorctl.sections import PhotosConfig

    kind, _, path = source.partition(":")
    if kind == "folder":
        source = f"folder:{Path(path).expanduser().absolute()}"
    try:
        photos = PhotosConfig.model_validate(settings.config.photos.model_dump() | {"source": source})
    except ValidationError as error:
        raise ConfigError(f"--source {source}: no such kind", "give dropbox or folder:/full/path") from error
    return replace(settings, config=settings.config.model_copy(update={"photos": photos}))


def _rounds(settings: Settings, *, forever: bool, accept: bool, as_json: bool) -> None:
    from doorctl.app.photo_source import open_photos
    from doorctl.app.place import one_round
    from doorctl.app.state import open_store
    from doorctl.app.sync import Sync
    from doorctl.app.sync_status import write_receipt

    out = console()
    with (
        open_photos(settings) as photos,
        open_store(settings) as store,
        Progress(console=out, transient=True, disable=as_json or not out.is_terminal) as progress,
    ):
        task = progress.add_task("learning from photos", total=None, visible=False)
        steps = Sync(
            settings,
            photos,
            store,
            tell=lambda done, total: progress.update(task, completed=done, total=total, visible=total > 1),
        )
        while True:
            with one_round(settings):
                done = again = steps.round(accept=accept)
                while not again.quiet:  # what a round did may have freed a face for another name
                    again = steps.round()
                    done.done.update(again.done)
            progress.update(task, visible=False)
            if settings.config.photos.receipts:
                write_receipt(store, photos, anchor_seconds=60 * settings.config.audit.anchor_minutes)
            if not (forever and done.quiet):
                _tell(done, as_json)
            if not forever:
                break
            photos.wait(done.cursor, 60.0)
    if done.done["refused"] or done.done["parked"]:
        raise typer.Exit(PHOTO_REFUSED)
    if done.held_back or done.done["held"]:
        raise typer.Exit(WAITS)


def _tell(done: Round, as_json: bool) -> None:
    if as_json:
        emit({**dict(sorted(done.done.items())), "removals_held": list(done.held_back)})
        return
    words = ", ".join(f"{number} {word}" for word, number in sorted(done.done.items()))
    console().print(words or "nothing new")
    if done.held_back:
        names = ", ".join(done.held_back)
        warn(
            f"so many removals at once wait for a word: {names}. If the photos were deleted on purpose: "
            "doorctl sync --accept-removals"
        )


def _status(settings: Settings, as_json: bool) -> None:
    from doorctl.app.state import open_store
    from doorctl.app.sync_status import statuses
    from doorctl.core.filing import shown
    from doorctl.core.receipt import file_words, person_words

    with open_store(settings, create=False) as store:
        found, people = statuses(store)
    names = {person.id: person.name for person in people}
    if as_json:
        for status in found:
            result, told = file_words(status, names)
            row: dict[str, Any] = {
                "path": shown(status.path, 200),
                "result": result,
                "why": told,
                "time": status.time,
            }
            emit(row | {"person": status.person, "held": status.held})
        for person in people:
            emit({"person": person.name, "state": person_words(person), "templates": person.templates})
        return
    out = console()
    table = Table("photo", "result", "why, and what to do", box=None, pad_edge=False)
    for status in found:
        result, told = file_words(status, names)
        table.add_row(Text(shown(status.path, 200)), Text(result, style=_COLOURS.get(result, "")), Text(told))
    out.print(table if found else "nothing has been learnt from a folder yet")
    table = Table("person", "state", "photos that count", box=None, pad_edge=False)
    for person in people:
        table.add_row(Text(person.name), Text(person_words(person)), str(person.templates))
    out.print(table if people else "nobody is enrolled")
