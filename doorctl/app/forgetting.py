"""The receipt of a person who was erased: what is gone, what is left, and what doorctl cannot reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from doorctl.app.settings import Settings
from doorctl.core.filing import shown
from doorctl.core.names import name_key
from doorctl.sections import Config
from doorctl.store.forgetting import Forgotten

SHOWN = 20
"""Files that are named; of more the number is told. A reply over the control socket has its limit."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is told of it."""

    said: tuple[str, ...]
    """Sentences for people."""
    fields: dict[str, Any]
    """The same for ``--json``."""
    warnings: tuple[str, ...]


def receipt(settings: Settings, forgotten: Forgotten) -> Receipt:
    """What is to be told of a person who was erased.

    Args:
        settings: as they are now: the configuration may name the person still.
        forgotten: as the store gives it.
    """
    number, name = forgotten.id, forgotten.name
    files = [shown(path, 200) for path in forgotten.files]
    named = named_in(settings.config, name)
    said = [
        f"{name} is forgotten: name, consent, {_count(forgotten.photos, 'photo')} and "
        f"{_count(forgotten.templates, 'template')} are erased",
        f"events keep the number #{number}, which nobody else is given: {forgotten.events} of them",
        _recorded(forgotten),
    ]
    if files:
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        listed = f"{', '.join(files[:SHOWN])}{more}"
        said.append(f"still in the folder when it was last looked at, delete by hand: {listed}")
    if named:
        where = f"{settings.config_file}" if settings.config_file else "the configuration"
        said.append(f"still in {where}, take out by hand: {', '.join(named)}")
    said.append(_backups(forgotten))
    said.append(
        "not within doorctl's reach: reports and exports from before, and what the folder's service keeps of "
        "deleted files. The system's journal tells people by their number alone"
    )
    warnings: tuple[str, ...] = ()
    if forgotten.traces:
        warnings = ("traces stay in the database's journal while another program reads it: restart doorctl",)
    fields = {
        "number": number,
        "time": forgotten.time.isoformat(timespec="seconds"),
        "photos": forgotten.photos,
        "templates": forgotten.templates,
        "events": forgotten.events,
        "event": forgotten.event.id,
        "sha256": forgotten.event.digest.hex(),
        "in_folder": files[:SHOWN],
        "in_folder_count": len(files),
        "in_configuration": named,
        "backups": forgotten.backups,
        "traces": forgotten.traces,
    }
    return Receipt(tuple(said), fields, warnings)


def named_in(config: Config, name: str) -> list[str]:
    """The keys of the configuration that name a person."""
    key, access = name_key(name), config.access
    groups = (
        f"access.groups.{called}"
        for called, group in access.groups
        if any(name_key(one) == key for one in group.people or ())
    )
    valid = (f"access.valid.{one}" for one, _ in access.valid if name_key(one) == key)
    extended = any(name_key(one) == key for one in config.people.extended_open)
    return [*groups, *valid, *("people.extended_open" for _ in range(extended))]


def _recorded(forgotten: Forgotten) -> str:
    event = forgotten.event
    when = f"{forgotten.time.astimezone():%Y-%m-%d %H:%M}"
    return f"event {event.id} of {when} records it, sha256 {event.digest.hex()}"


def _backups(forgotten: Forgotten) -> str:
    what = (
        "backups from before hold this person: delete them. Restored where this database is, they bring "
        "nobody back who was forgotten here; elsewhere they do"
    )
    if not forgotten.last_backup:
        return what
    last = f"{forgotten.last_backup.astimezone():%Y-%m-%d %H:%M}"
    return (
        f"{what}. Events tell of {_count(forgotten.backups, 'backup')} with this person, the last of {last}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
