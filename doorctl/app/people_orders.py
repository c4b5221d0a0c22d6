"""An operator's words about people, carried out: by a command itself, or by the daemon for a command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

from doorctl.app.admission import register_of
from doorctl.app.control_wire import AboutPerson, AboutPhotos, StoreRequest
from doorctl.app.forgetting import receipt
from doorctl.app.likeness import likeness_fields
from doorctl.app.settings import Settings
from doorctl.app.wiring import installed
from doorctl.core.filing import shown
from doorctl.errors import ModelError, PhotoError, SealedError, StillDeniedError
from doorctl.store.database import Store


@dataclass(frozen=True, slots=True)
class Done:
    """What such a word came to."""

    person: str
    """The name as it is, or was, known."""
    said: tuple[str, ...]
    """Sentences for people."""
    fields: dict[str, Any] = field(default_factory=dict)
    """The same for ``--json``, as far as it is more than the name."""
    warnings: tuple[str, ...] = ()
    """What could not be told beside it."""

    def reply(self) -> dict[str, Any]:
        """Everything as plain fields, as they go over the control socket."""
        return {
            "person": self.person,
            **self.fields,
            "said": list(self.said),
            "warnings": list(self.warnings),
        }


def carry_out(settings: Settings, store: Store, request: StoreRequest, by: str) -> Done:
    """Do what an operator asks.

    Args:
        settings: whose rules hold.
        store: where it is kept; not the frame loop's.
        request: what is asked.
        by: who asks, for the event.

    Raises:
        UnknownPersonError: nobody has that name.
        PhotoError: there is no such held photo, or its face is known as somebody else's.
        StillDeniedError: somebody cannot be allowed, for a mark in the folder denies them.
        ModelError: photos cannot be judged, for no set of nets is installed whole.
        StoreError: the store cannot be read or written.
    """
    if isinstance(request, AboutPhotos):
        return (_approve if request.do == "approve" else _reject)(settings, store, request, by)
    return {"deny": _deny, "allow": _allow, "forget": _forget}[request.do](settings, store, request, by)


def _deny(settings: Settings, store: Store, request: AboutPerson, by: str) -> Done:
    store.set_denied(request.name, True, by)
    name = store.person(request.name).name
    return Done(name, (f"{name} is denied",), {"denied": True})


def _allow(settings: Settings, store: Store, request: AboutPerson, by: str) -> Done:
    store.set_denied(request.name, False, by)
    record = store.person(request.name)
    if record.marks:
        # Whoever marked the person in the folder must not be overruled from here.
        marks = ", ".join(shown(path, 200) for path in record.marks)
        told = f"{record.name} stays denied by {marks} in the folder of photos"
        raise StillDeniedError(told, "take that file out of the folder")
    warnings, alike = list[str](), list[dict[str, Any]]()
    try:
        alike = likeness_fields(record.id, register_of(settings, store).likenesses(record.id))
    except (ModelError, SealedError) as error:
        warnings = [f"who looks like whom cannot be told: {error}"]
    return Done(
        record.name, (f"{record.name} is allowed",), {"denied": False, "looks_like": alike}, tuple(warnings)
    )


def _forget(settings: Settings, store: Store, request: AboutPerson, by: str) -> Done:
    forgotten = store.forget(request.name, by)
    told = receipt(settings, forgotten)
    return Done(forgotten.name, told.said, told.fields, told.warnings)


def _approve(settings: Settings, store: Store, request: AboutPhotos, by: str) -> Done:
    nets = installed(settings)
    with store.undisturbed():
        numbers = _held(store, request)
        register = register_of(settings, store, nets)
        standing, held = register.standing(store, request.name), store.held(request.name, register.model)
        for number in () if request.force else numbers:
            known = "other nets made its template: it can be compared with nobody"
            if why := standing.conflict(held[number]) if number in held else known:
                raise PhotoError(
                    f"photo {number}: {why}", "reject it, or approve it all the same with --force"
                )
        store.approve(request.name, numbers, by)
    record = store.person(request.name)
    alike = likeness_fields(record.id, register_of(settings, store, nets).likenesses(record.id))
    said = f"{record.name}: {_photos(numbers)} approved"
    return Done(record.name, (said,), {"photos": numbers, "looks_like": alike})


def _reject(settings: Settings, store: Store, request: AboutPhotos, by: str) -> Done:
    numbers = _held(store, request)
    store.reject(request.name, numbers, by)
    name = store.person(request.name).name
    return Done(name, (f"{name}: {_photos(numbers)} rejected",), {"photos": numbers})


def _held(store: Store, request: AboutPhotos) -> list[int]:
    """The numbers of a person's held photos, or the one that was named."""
    record = store.person(request.name)
    numbers = [p.held for p in store.photos(request.name) if p.held is not None]
    if not numbers or request.photo not in (None, *numbers):
        which = "no held photo" if request.photo is None else f"no held photo {request.photo}"
        raise PhotoError(f"{record.name} has {which}", f"see doorctl people show {shlex.quote(record.name)}")
    return numbers if request.photo is None else [request.photo]


def _photos(numbers: list[int]) -> str:
    return f"{len(numbers)} photo{'s' * (len(numbers) != 1)}"
