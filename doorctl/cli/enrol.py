"""``doorctl enrol``: learn a person from photos."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import track
from rich.text import Text

from doorctl.app.likeness import likeness_fields
from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    parse_day,
    settings_of,
    tell_error,
    warn,
)
from doorctl.errors import PhotoError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from doorctl.app.admission import Outcome

HELD = 77
"""Exit code: a photo waits for an operator's word (EX_NOPERM), and none was refused."""

OFTEN = 0.1
"""Share of good photos that are held, from which on it is said."""


def enrol(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name; capitals do not matter.", metavar="NAME")],
    photos: Annotated[list[Path], typer.Argument(help="Photos of this person alone.", metavar="PHOTO...")],
    force: Annotated[
        bool, typer.Option("--force", help="Enrol a face that resembles somebody else, or not this person.")
    ] = False,
    consent: Annotated[
        str | None, typer.Option(help="Note the day on which the person agreed.", metavar="DATE")
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn a person from photos, or add photos to a person already known.

    Templates are kept, photos are not. Whoever is in a photo will be let in as this
    person, so one that the door would not take for the person's is held: it opens
    nothing before 'people approve', and the exit code is 77. A photo that cannot be
    used, or whose face is known under another name, is refused, and the exit code is
    65. The others are enrolled all the same.
    """
    from doorctl.app.admission import enrol_photos
    from doorctl.app.control_client import own_name
    from doorctl.app.state import open_store
    from doorctl.app.wiring import open_eye

    day = parse_day(consent) if consent is not None else None
    settings = settings_of(context, config, data)
    eye = open_eye(settings)
    out = console()
    quiet = as_json or not out.is_terminal or len(photos) < 2
    with open_store(settings) as store:
        looked_at = track(photos, "looking at photos", console=out, transient=True, disable=quiet)
        outcome = enrol_photos(settings, eye, store, name, looked_at, force=force)
        if day and outcome.person:
            store.set_consent(outcome.person.name, day, own_name())
    if as_json:
        emit(_fields(name, outcome))
    else:
        _tell(name, outcome)
    if outcome.refused or outcome.held:
        raise typer.Exit(PhotoError.exit_code if outcome.refused else HELD)


def _fields(name: str, outcome: Outcome) -> dict[str, Any]:
    person = outcome.person
    return {
        "person": person.name if person else name,
        "enrolled": outcome.added,
        "held": [
            {"photo": str(held.photo), "number": held.number, "reason": held.why} for held in outcome.held
        ],
        "refused": [{"photo": str(photo), "reason": str(error)} for photo, error in outcome.refused],
        "looks_like": likeness_fields(person.id, outcome.likenesses) if person else [],
    }


def _tell(name: str, outcome: Outcome) -> None:
    for _, error in outcome.refused:
        tell_error(error)
    for held in outcome.held:
        decide = f"doorctl people approve {shlex.quote(name)} --photo {held.number}"
        hint = f"if it shows {name}: {decide}; if not, reject it likewise"
        tell_error(PhotoError(f"{held.photo.name} is held, and opens nothing: {held.why}", hint))
    if outcome.held and outcome.missed >= OFTEN:
        warn(f"with these nets and people, {outcome.missed:.0%} of good photos are held: see who is in them")
    if outcome.person is None or (outcome.held and not outcome.added + outcome.known):
        return
    more = f" ({outcome.known} already known)" if outcome.known else ""
    plural = "s" * (outcome.added != 1)
    console().print(Text(f"{outcome.person.name}: {outcome.added} photo{plural} enrolled{more}"))
    tell_likenesses(outcome.person.name, likeness_fields(outcome.person.id, outcome.likenesses))


def tell_likenesses(name: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Say whom a person looks like, from ``likeness_fields``, and what comes of it."""
    names = [f"{row['person']} ({row['similarity']:.2f})" for row in found]
    if names:
        told = f"{name} looks like {', '.join(names)}: the door asks more frames and a wider lead of them"
        console().print(Text(told, style="yellow"))
