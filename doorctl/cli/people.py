"""``doorctl people``: who may come in, and whose photos wait for a word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from doorctl.app.likeness import likeness_fields
from doorctl.cli.control import obeyed, runtime_of, tell
from doorctl.cli.enrol import enrol, tell_likenesses
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
from doorctl.core.names import clean_name
from doorctl.errors import ModelError, SealedError

if TYPE_CHECKING:
    from doorctl.app.control_wire import StoreRequest
    from doorctl.app.settings import Settings
    from doorctl.core.lookalikes import Likeness
    from doorctl.store.database import Store
    from doorctl.store.records import PersonRecord

commands = typer.Typer(
    help="List, deny, allow and forget people, and decide on photos.", no_args_is_help=True
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
        "consent": record.consented.isoformat() if record.consented else None,
        "looks_like": None if found is None else likeness_fields(record.id, found),
    }


def _access(record: PersonRecord) -> Text:
    return Text("denied", style="red") if record.denied else Text("allowed")


def _consent(record: PersonRecord) -> Text:
    return Text(f"{record.consented}") if record.consented else Text("none", style="yellow")


def _likenesses(settings: Settings, store: Store) -> tuple[Likeness, ...] | None:
    """Who looks like whom; ``None``, and told, where that cannot be said."""
    from doorctl.app.admission import register_of

    try:
        return register_of(settings, store).likenesses()
    except (ModelError, SealedError) as error:
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
    table = Table(
        "name", "access", "photos", "held", "since", "consent", "looks like", box=None, pad_edge=False
    )
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
            _consent(record),
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
    out.print(Text(f"{record.name}: ").append(_access(record)).append(", consent: ").append(_consent(record)))
    for p in photos:
        held = Text(f"  held as photo {p.held}: {p.why}", style="yellow") if p.held else ""
        where = " from the folder" * p.foldered + ", spare: others differ more" * p.spare
        line = f"  {shown(p.source, 200)}  added {p.added.astimezone():%Y-%m-%d %H:%M}{where}"
        out.print(Text.assemble(line, _quality(p.quality), held))
    for model, count in record.templates.items():
        out.print(f"  {count} template{'s' * (count != 1)} of {model}")
    tell_likenesses(record.name, likeness_fields(record.id, found or ()))


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
    as_json: JsonOption = False,
) -> None:
    """Let held photos of a person count: whoever is in them will be let in as this person."""
    from doorctl.app.control_wire import AboutPhotos

    asked = AboutPhotos(do="approve", name=clean_name(name), photo=photo, force=force)
    _carry_out(asked, as_json, context, config, data)


@commands.command("reject", epilog="Example: doorctl people reject 'Grace Hopper' --photo 3")
def reject(
    context: typer.Context,
    name: Name,
    photo: PhotoNumber = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase held photos of a person for good, templates and all."""
    from doorctl.app.control_wire import AboutPhotos

    asked = AboutPhotos(do="reject", name=clean_name(name), photo=photo)
    _carry_out(asked, as_json, context, config, data)


@commands.command("deny", epilog="Example: doorctl people deny 'Grace Hopper'")
def deny(
    context: typer.Context,
    name: Name,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a person out: still recognised, and refused by name."""
    from doorctl.app.control_wire import AboutPerson

    asked = AboutPerson(do="deny", name=clean_name(name))
    _carry_out(asked, as_json, context, config, data)


@commands.command("allow", epilog="Example: doorctl people allow 'Grace Hopper'")
def allow(
    context: typer.Context,
    name: Name,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a denied person in again."""
    from doorctl.app.control_wire import AboutPerson

    asked = AboutPerson(do="allow", name=clean_name(name))
    _carry_out(asked, as_json, context, config, data)


@commands.command("forget", epilog="Example: doorctl people forget 'Grace Hopper' --yes")
def forget(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase all that is known of a person for good, and print a receipt. Past events keep a number only."""
    from doorctl.app.control_wire import AboutPerson

    asked = AboutPerson(do="forget", name=clean_name(name))
    if not yes:
        typer.confirm(f"Erase {asked.name} for good?", abort=True)
    _carry_out(asked, as_json, context, config, data)


def _carry_out(
    request: StoreRequest, as_json: bool, context: typer.Context, config: Path | None, data: Path | None
) -> None:
    """Have the running daemon do it, or do it here, and say what came of it."""
    from doorctl.app.control_client import own_name

    def directly(settings: Settings) -> Mapping[str, Any]:
        from doorctl.app.people_orders import carry_out

        with _store(settings) as store:
            return carry_out(settings, store, request, own_name()).reply()

    place = runtime_of(context, data)
    reply = obeyed(place, request, directly, lambda: settings_of(context, config, data))
    tell(reply, as_json)
    if not as_json:
        tell_likenesses(reply["person"], reply.get("looks_like", ()))


def _store(settings: Settings) -> Store:
    from doorctl.app.state import open_store

    return open_store(settings, create=False)
