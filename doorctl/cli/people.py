"""``doorctl people``: who may come in, and whose photos wait for a word."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from doorctl.cli.enrol import enrol, likeness_fields, tell_likenesses
from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    settings_of,
    tell_error,
)
from doorctl.core.filing import shown
from doorctl.errors import ModelError, PhotoError, StillDeniedError

if TYPE_CHECKING:
    from doorctl.app.settings import Settings
    from doorctl.core.lookalikes import Likeness
    from doorctl.store.database import Store
    from doorctl.store.records import PersonRecord

commands = typer.Typer(
    help="List, deny, allow and remove people, and decide on photos.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="The person's name; capitals do not matter.", metavar="NAME")]
PhotoNumber = Annotated[
    int | None,
    typer.Option("--photo", metavar="N", help="That photo only; 'people show' tells numbers.", min=1),
]


def add_to(app: typer.Typer) -> None:
    app.command("enrol", epilog="Example: doorctl enrol 'Grace Hopper' hopper-1.jpg hopper-2.jpg")(enrol)
    app.add_typer(commands, name="people")


def _fields(record: PersonRecord, found: tuple[Likeness, ...] | None) -> dict[str, Any]:
    return {
        "person": record.name,
        "id": record.id,
        "denied": record.denied,
        "photos": record.photos,
        "held": record.held,
        "templates": record.templates,
        "since": record.created.isoformat(timespec="seconds"),
        "looks_like": None if found is None else likeness_fields(record.id, found),
    }


def _access(record: PersonRecord) -> Text:
    return Text("denied", style="red") if record.denied else Text("allowed")


def _likenesses(settings: Settings, store: Store) -> tuple[Likeness, ...] | None:
    """Who looks like whom; ``None``, and told, where no nets are installed to say so."""
    from doorctl.app.admission import register_of

    try:
        return register_of(settings, store).likenesses()
    except ModelError as error:
        tell_error(ModelError(f"who looks like whom cannot be told: {error.message}", error.hint))
        return None


@commands.command("list", epilog="Example: doorctl people list --json")
def list_people(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everyone the door knows, who looks like whom, and whose photos wait for a word."""
    settings = settings_of(context, config, data)
    with _store(settings) as store:
        records = store.people()
        found = _likenesses(settings, store) if records else ()
    if as_json:
        for record in records:
            emit(_fields(record, found))
        return
    table = Table("name", "access", "photos", "held", "since", "looks like", box=None, pad_edge=False)
    for record in records:
        alike = (
            f"{row['person']} ({row['similarity']:.2f})" for row in likeness_fields(record.id, found or ())
        )
        table.add_row(
            Text(record.name),
            _access(record),
            str(record.photos),
            Text(str(record.held or ""), style="yellow"),
            f"{record.created.astimezone():%Y-%m-%d}",
            Text("?" if found is None else ", ".join(alike)),
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
    """Show one person: access, lookalikes, and the photos that templates were made from."""
    settings = settings_of(context, config, data)
    with _store(settings) as store:
        record = store.person(name)
        photos = store.photos(record.name)
        found = _likenesses(settings, store)
    if as_json:
        rows = [
            {
                "source": p.source,
                "sha256": p.sha256,
                "added": p.added.isoformat(timespec="seconds"),
                "held": p.held,
                "why": p.why,
                "from_folder": p.foldered,
                "spare": p.spare,
                "quality": p.quality,
            }
            for p in photos
        ]
        emit({**_fields(record, found), "photos": rows})
        return
    out = console()
    out.print(Text(f"{record.name}: ").append(_access(record)))
    for p in photos:
        held = Text(f"  held as photo {p.held}: {p.why}", style="yellow") if p.held else ""
        where = " from the folder" * p.foldered + ", spare: others differ more" * p.spare
        line = f"  {shown(p.source, 200)}  added {p.added.astimezone():%Y-%m-%d %H:%M}{where}"
        out.print(Text.assemble(line, _quality(p.quality), held))
    for model, count in record.templates.items():
        out.print(f"  {count} template{'s' * (count != 1)} of {model}")
    tell_likenesses(record.person, found or ())


def _quality(measured: dict[str, float]) -> str:
    """What was measured of a face, as far as it tells good photos from bad ones."""
    if not measured:
        return ""
    return (
        f"; {measured['size']:.0f} pixels wide, sharpness {measured['sharpness']:.2f}, brightness "
        f"{measured['brightness']:+.2f}, turned {measured['yaw']:+.0f} and {measured['pitch']:+.0f} degrees"
    )


@commands.command("approve", epilog="Example: doorctl people approve 'Grace Hopper' --photo 3")
def approve(
    context: typer.Context,
    name: Name,
    photo: PhotoNumber = None,
    force: Annotated[
        bool, typer.Option("--force", help="Even a face that is known as somebody else's.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Let held photos of a person count: whoever is in them will be let in as this person."""
    from doorctl.app.admission import register_of

    settings = settings_of(context, config, data)
    with _store(settings) as store:
        with store.undisturbed():
            numbers = _held(store, name, photo)
            register = register_of(settings, store)
            standing, held = register.standing(store, name), store.held(name, register.model)
            for number in () if force else numbers:
                known = "other nets made its template: it can be compared with nobody"
                if why := standing.conflict(held[number]) if number in held else known:
                    raise PhotoError(
                        f"photo {number}: {why}", "reject it, or approve it all the same with --force"
                    )
            store.approve(name, numbers)
        record = store.person(name)
        console().print(Text(f"{record.name}: {_photos(numbers)} approved"))
        tell_likenesses(record.person, register_of(settings, store).likenesses())


@commands.command("reject", epilog="Example: doorctl people reject 'Grace Hopper' --photo 3")
def reject(
    context: typer.Context,
    name: Name,
    photo: PhotoNumber = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Erase held photos of a person for good, templates and all."""
    with _store(settings_of(context, config, data)) as store:
        numbers = _held(store, name, photo)
        store.reject(name, numbers)
        console().print(Text(f"{store.person(name).name}: {_photos(numbers)} rejected"))


def _held(store: Store, name: str, photo: int | None) -> list[int]:
    """The numbers of a person's held photos, or the one that was named."""
    record = store.person(name)
    numbers = [p.held for p in store.photos(name) if p.held is not None]
    if not numbers or photo not in (None, *numbers):
        which = "no held photo" if photo is None else f"no held photo {photo}"
        raise PhotoError(f"{record.name} has {which}", f"see doorctl people show {shlex.quote(record.name)}")
    return numbers if photo is None else [photo]


def _photos(numbers: list[int]) -> str:
    return f"{len(numbers)} photo{'s' * (len(numbers) != 1)}"


@commands.command("deny", epilog="Example: doorctl people deny 'Grace Hopper'")
def deny(context: typer.Context, name: Name, config: ConfigOption = None, data: DataOption = None) -> None:
    """Keep a person out: still recognised, and refused by name."""
    with _store(settings_of(context, config, data)) as store:
        store.set_denied(name, True)
        console().print(Text(f"{store.person(name).name} is denied"))


@commands.command("allow", epilog="Example: doorctl people allow 'Grace Hopper'")
def allow(context: typer.Context, name: Name, config: ConfigOption = None, data: DataOption = None) -> None:
    """Let a denied person in again."""
    settings = settings_of(context, config, data)
    with _store(settings) as store:
        store.set_denied(name, False)
        record = store.person(name)
        if record.marks:
            # Whoever marked the person in the folder must not be overruled from here.
            marks = ", ".join(shown(path, 200) for path in record.marks)
            told = f"{record.name} stays denied by {marks} in the folder of photos"
            raise StillDeniedError(told, "take that file out of the folder")
        console().print(Text(f"{record.name} is allowed"))
        tell_likenesses(record.person, _likenesses(settings, store) or ())


@commands.command("remove", epilog="Example: doorctl people remove 'Grace Hopper' --yes")
def remove(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Erase a person's templates and name for good. Past events keep a number only."""
    with _store(settings_of(context, config, data)) as store:
        record = store.person(name)
        if not yes:
            typer.confirm(f"Erase {record.name} for good?", abort=True)
        store.remove(record.name)
        console().print(Text(f"{record.name} is removed"))


def _store(settings: Settings) -> Store:
    from doorctl.app.state import open_store

    return open_store(settings, create=False)
