"""A backup becomes the door again, on the machine that it was taken from or on a new one."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from doorctl import paths
from doorctl.app import site
from doorctl.app.backup import Backup
from doorctl.app.place import one_round, only_one
from doorctl.app.settings import Settings
from doorctl.app.state import vault_for
from doorctl.app.writing import write_private
from doorctl.config import load_config
from doorctl.core.decision import Event, EventKind
from doorctl.enrol import token
from doorctl.errors import BackupError, ConfigError, StoreError
from doorctl.sections import Config
from doorctl.store import copying
from doorctl.store.chain import Anchor, head
from doorctl.store.connection import told
from doorctl.store.database import Store
from doorctl.store.events import add_event
from doorctl.store.merging import Merged, merge
from doorctl.store.opened import FILE
from doorctl.store.rows import now_text
from doorctl.store.verify import verify


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restoration came to."""

    people: int
    merged: Merged
    fault: str
    """Why nothing could be learnt from the database that was there; empty where it was read, or none was."""
    replaced: int
    """People who were in the database before; 0 where there was none."""
    encrypted: str
    """Where the key is from that templates are encrypted with now; empty if they are not."""
    written: tuple[Path, ...]
    """Files beside the database that are new."""
    kept: tuple[Path, ...]
    """Files that were there, and stay as they were."""


@dataclass(frozen=True, slots=True)
class Present:
    """The database that is there before."""

    people: int
    events: Anchor | None
    fault: str = ""
    """Why it cannot be read."""


def present(settings: Settings) -> Present | None:
    """What a restoration would replace; ``None`` where nothing is.

    Raises:
        StoreError: it is no database of doorctl's, or a newer doorctl's.
    """
    if not os.path.lexists(settings.data / FILE):
        return None
    try:
        with Store(settings.data, create=False) as store, store.reading() as db:
            return Present(len(store.people()), head(db))
    except StoreError as error:
        return Present(0, None, _damage(error))


def _damage(error: StoreError) -> str:
    """What is wrong with a file; anything but damage is raised."""
    if not isinstance(error.__cause__, sqlite3.Error):
        raise error
    return error.message


def restore(settings: Settings, backup: Backup, *, data: Path | None = None, force: bool = False) -> Restored:
    """Put a backup in the place of what is there.

    The configuration, what was measured at the camera, and Dropbox's token only come where there are none;
    the first also where nobody has changed it and nobody is known.

    Args:
        settings: where to. Of a machine without a configuration the places of the backup's count.
        backup: what.
        data: the directory that was named for it, if one was.
        force: even if its chain of events is broken.

    Raises:
        AlreadyRunningError: a daemon runs here, or another command reads the folder.
        BackupError: it is damaged. Nothing is changed then.
        StoreError: it was made by a newer doorctl, the key cannot be used, or the disk is full; likewise.
    """
    with ExitStack() as undo, ExitStack() as stack:
        copy = stack.enter_context(closing(copying.opened(backup.database)))
        _check(copy, backup, force=force)
        stack.enter_context(only_one(settings))
        stack.enter_context(one_round(settings, patience=0.0))
        done = ExitStack()
        settings, files = _with_config(undo, done, settings, backup, data)
        before = present(settings)
        merged, fault = _merged(settings, copy, before)
        copy.execute("BEGIN")
        copy.execute("UPDATE folder SET rules = ''")  # everything in the folder is looked at again
        said = _told(backup, merged, before.events if before else None)
        add_event(copy, Event(EventKind.RESTORED, time.monotonic(), detail=said), now_text())
        (people,) = copy.execute("SELECT count(*) FROM people").fetchone()
        copy.execute("COMMIT")
        vault = vault_for(settings)
        image = copying.sealed_image(copy, vault)
        paths.make_ready(settings.data)
        with told(settings.data):
            settings.data.mkdir(mode=0o700, exist_ok=True)
        copying.replace(settings.data / FILE, image)
        undo.pop_all()
        done.close()
        _hand_over(settings, files)
        files += _beside(settings, backup)
    return Restored(
        people,
        merged,
        fault,
        before.people if before else 0,
        vault.origin if vault.key else "",
        tuple(file for file, new in files if new),
        tuple(file for file, new in files if not new),
    )


def _merged(settings: Settings, copy: sqlite3.Connection, before: Present | None) -> tuple[Merged, str]:
    """Take over from the database that is there what must not be undone; and why not, if it is damaged."""
    if before is None or before.fault:
        return Merged(continues=False), before.fault if before else ""
    copy.execute("BEGIN")
    try:
        with Store(settings.data, create=False) as now, now.reading() as db:
            merged = merge(copy, db)
    except StoreError as error:
        copy.execute("ROLLBACK")
        return Merged(continues=False), _damage(error)
    copy.execute("COMMIT")
    return merged, ""


def _check(copy: sqlite3.Connection, backup: Backup, *, force: bool) -> None:
    """Whether the database is what the backup says, and its events are what was written down."""
    last = head(copy)
    if (last.id, last.digest.hex()) != (backup.manifest.event, backup.manifest.sha256):
        raise BackupError("the database in it is not the one that it was made of", "take another backup")
    if not force and (findings := verify(copy)):
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        raise BackupError(
            f"its events are not what was written down: {findings[0].text}{more}",
            "take another backup; --force restores this one all the same",
        )


def _told(backup: Backup, merged: Merged, before: Anchor | None) -> str:
    """For the event: people by number, for it outlives them."""
    told = [f"a backup of {backup.manifest.made.isoformat()}, events up to {backup.manifest.event}"]
    for what, numbers in (("not brought back", merged.forgotten), ("still denied", merged.denied)):
        if numbers:
            told.append(f"{what}: {', '.join(f'#{number}' for number in numbers)}")
    if before and before.id and not merged.continues:
        told.append(f"in the place of other events, up to {before}")
    return "; ".join(told)


def _with_config(
    undo: ExitStack, done: ExitStack, settings: Settings, backup: Backup, data: Path | None
) -> tuple[Settings, list[tuple[Path, bool]]]:
    """Where there is none, write the backup's: the places that it names count from then on.

    One in which every key has its default, beside a store without people, is what an installation leaves.

    Returns:
        the settings, and the files that were written (``True``) or left as they were.
    """
    if backup.config is None:
        return settings, []
    place = settings.config_file
    if place is not None and place.read_bytes() == backup.config:
        return settings, []
    beside = place or paths.new_config_file(data)
    beside = beside.with_name(f"{beside.name}.restored")
    with told(beside):
        beside.parent.mkdir(mode=0o700 if beside.parent == data else 0o755, exist_ok=True)
        write_private(beside, backup.config)
    undo.callback(beside.unlink, missing_ok=True)
    if place is not None and not _untouched(settings):
        return settings, [(beside, True), (place, False)]
    try:
        load_config(beside)
    except ConfigError:  # another version's, perhaps: it is for a person to look at
        return settings, [(beside, True)]
    if place is None:
        place = paths.new_config_file(data)
        undo.callback(place.unlink, missing_ok=True)
    else:
        before = place.with_name(f"{place.name}.before")
        before.unlink(missing_ok=True)
        os.link(place, before, follow_symlinks=False)
        undo.callback(before.replace, place)
        done.callback(before.unlink, missing_ok=True)
    beside.replace(place)
    return Settings.find(place, data), [(place, True)]


def _untouched(settings: Settings) -> bool:
    """Whether the place is as an installation leaves it."""
    found = present(settings)
    return settings.config == Config() and (found is None or not (found.people or found.fault))


def _hand_over(settings: Settings, files: list[tuple[Path, bool]]) -> None:
    """Let the user that the door runs as read the configuration that root has written, and not change it."""
    if os.geteuid() == 0:
        for file in (file for file, new in files if new):
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fchown(handle, -1, settings.data.stat().st_gid)
                os.fchmod(handle, 0o640)
            finally:
                os.close(handle)


def _beside(settings: Settings, backup: Backup) -> list[tuple[Path, bool]]:
    """The files beside the database: written where there is none, and left where there is."""
    found: list[tuple[Path, bool]] = []
    for name, content in ((site.FILE, backup.evidence), (token.NAME, backup.token)):
        file = settings.data / name
        if content is None:
            continue
        with told(file):
            if new := not file.exists():
                write_private(file, content, owner_of=settings.data)
            if new or file.read_bytes().strip() != content.strip():
                found.append((file, new))
    return found
