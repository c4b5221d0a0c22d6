"""``doorctl enrol`` and ``doorctl people``: who may come in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import track
from rich.table import Table
from rich.text import Text

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    settings_of,
    tell_error,
)
from doorctl.errors import PhotoError

if TYPE_CHECKING:
    from doorctl.store.database import Store
    from doorctl.store.records import PersonRecord

commands = typer.Typer(help="List, deny, allow and remove people.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The person's name; capitals do not matter.", metavar="NAME")]


def add_to(app: typer.Typer) -> None:
    app.command("enrol", epilog="Example: doorctl enrol 'Grace Hopper' hopper-1.jpg hopper-2.jpg")(enrol)
    app.add_typer(commands, name="people")


def enrol(
    context: typer.Context,
    name: Name,
    photos: Annotated[list[Path], typer.Argument(help="Photos of this person alone.", metavar="PHOTO...")],
    force: Annotated[
        bool, typer.Option("--force", help="Enrol a face that resembles somebody else, or not this person.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn a person from photos, or add photos to a person already known.

    Templates are kept, photos are not. A photo that cannot be used is refused with its
    reason and the others are enrolled; the exit code is then 65. Whoever is in a photo
    will be let in as this person, so a face that does not resemble the person's other
    photos, or that is known under another name, is refused too.
    """
    from doorctl.app.enrolment import doubt, photo_to_template
    from doorctl.app.state import open_store
    from doorctl.app.wiring import open_eye, policy_of
    from doorctl.store.records import NewPhoto

    settings = settings_of(context, config, data)
    eye = open_eye(settings)
    taken: list[NewPhoto] = []
    refused: list[tuple[Path, PhotoError]] = []
    out = console()
    quiet = as_json or not out.is_terminal or len(photos) < 2
    with open_store(settings) as store:
        gallery = eye.gallery(store)
        threshold = policy_of(settings.config, eye.recognition, gallery).threshold
        templates, others = gallery.of(store.number(name))
        own = list(templates)
        for photo in track(photos, "looking at photos", console=out, transient=True, disable=quiet):
            try:
                new = photo_to_template(eye, photo)
                if not force and (why := doubt(eye, name, new, own, others, threshold)):
                    raise PhotoError(why, "check whose face it is; --force enrols it all the same")
            except PhotoError as error:
                refused.append((photo, error))
                if not as_json:
                    tell_error(error)
            else:
                taken.append(new)
                own.append(new.vector)
        enrolment = store.enrol(name, taken) if taken else None
    added = enrolment.added if enrolment else 0
    person = enrolment.person.name if enrolment else name
    if as_json:
        emit(_enrolled(person, added, refused))
    elif enrolment:
        known = len(taken) - added
        more = f" ({known} already known)" if known else ""
        out.print(f"{person}: {added} photo{'s' * (added != 1)} enrolled{more}")
    if refused:
        raise typer.Exit(PhotoError.exit_code)


def _enrolled(name: str, added: int, refused: list[tuple[Path, PhotoError]]) -> dict[str, Any]:
    return {
        "person": name,
        "enrolled": added,
        "refused": [{"photo": str(photo), "reason": str(error)} for photo, error in refused],
    }


def _fields(record: PersonRecord) -> dict[str, Any]:
    return {
        "person": record.name,
        "id": record.id,
        "denied": record.denied,
        "photos": record.photos,
        "templates": record.templates,
        "since": record.created.isoformat(timespec="seconds"),
    }


def _access(record: PersonRecord) -> Text:
    return Text("denied", style="red") if record.denied else Text("allowed")


@commands.command("list", epilog="Example: doorctl people list --json")
def list_people(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everyone the door knows."""
    with _store(context, config, data) as store:
        records = store.people()
    if as_json:
        for record in records:
            emit(_fields(record))
        return
    table = Table("name", "access", "photos", "since", box=None, pad_edge=False)
    for record in records:
        table.add_row(
            record.name, _access(record), str(record.photos), f"{record.created.astimezone():%Y-%m-%d}"
        )
    console().print(table if records else "nobody is enrolled")


@commands.command("show", epilog="Example: doorctl people show 'Grace Hopper'")
def show(
    context: typer.Context,
    name: Name,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one person: access, and the photos that templates were made from."""
    with _store(context, config, data) as store:
        record = store.person(name)
        photos = store.photos(record.name)
    if as_json:
        rows = [
            {"source": p.source, "sha256": p.sha256, "added": p.added.isoformat(timespec="seconds")}
            for p in photos
        ]
        emit({**_fields(record), "photos": rows})
        return
    out = console()
    out.print(Text(f"{record.name}: ").append(_access(record)))
    for p in photos:
        out.print(f"  {p.source}  added {p.added.astimezone():%Y-%m-%d %H:%M}")
    for model, count in record.templates.items():
        out.print(f"  {count} template{'s' * (count != 1)} of {model}")


@commands.command("deny", epilog="Example: doorctl people deny 'Grace Hopper'")
def deny(context: typer.Context, name: Name, config: ConfigOption = None, data: DataOption = None) -> None:
    """Keep a person out: still recognised, and refused by name."""
    with _store(context, config, data) as store:
        store.set_denied(name, True)
        console().print(f"{store.person(name).name} is denied")


@commands.command("allow", epilog="Example: doorctl people allow 'Grace Hopper'")
def allow(context: typer.Context, name: Name, config: ConfigOption = None, data: DataOption = None) -> None:
    """Let a denied person in again."""
    with _store(context, config, data) as store:
        store.set_denied(name, False)
        console().print(f"{store.person(name).name} is allowed")


@commands.command("remove", epilog="Example: doorctl people remove 'Grace Hopper' --yes")
def remove(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Erase a person's templates and name for good. Past events keep a number only."""
    with _store(context, config, data) as store:
        record = store.person(name)
        if not yes:
            typer.confirm(f"Erase {record.name} for good?", abort=True)
        store.remove(record.name)
        console().print(f"{record.name} is removed")


def _store(context: typer.Context, config: Path | None, data: Path | None) -> Store:
    from doorctl.app.state import open_store

    return open_store(settings_of(context, config, data), create=False)
