"""Everything that a door is, but for its nets and its key, as one file that moves it to another machine.

A tar, so that whoever opens it without doorctl finds plain files in it.
"""

from __future__ import annotations

import io
import tarfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from doorctl import __version__, paths
from doorctl.app import site
from doorctl.app.settings import Settings
from doorctl.core.decision import Event, EventKind
from doorctl.enrol import token
from doorctl.enrol.source import SourceError
from doorctl.errors import BackupError, OutputError
from doorctl.store.chain import head
from doorctl.store.copying import image_of, opened
from doorctl.store.database import Store
from doorctl.store.opened import FILE

MANIFEST = "manifest.json"

_MOST_SMALL = 1_000_000
"""Bytes of each member but the database."""


class Manifest(BaseModel):
    """What is in a backup, as far as it is to be known before it is used."""

    model_config = ConfigDict(frozen=True)

    format: int = Field(default=1, ge=1)
    doorctl: str = __version__
    made: AwareDatetime
    people: int = Field(ge=0)
    event: int = Field(ge=0)
    """Number of the last event in it."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """And its digest: the head of the chain."""


@dataclass(frozen=True, slots=True)
class Backup:
    """The content of a backup."""

    manifest: Manifest
    database: bytes
    """As SQLite keeps it in a file, with templates that are not encrypted."""
    config: bytes | None
    evidence: bytes | None
    """What was measured of the anti-spoof nets at this door's camera."""
    token: bytes | None
    """Dropbox's."""


def take(settings: Settings, store: Store) -> Backup:
    """Everything as it is at this moment; the daemon may run.

    Raises:
        SealedError: templates are encrypted, and their key is missing or another one.
        StoreError: the store cannot be read.
        BackupError: it is too large.
        OutputError: another file cannot be read.
    """
    with store.reading() as db:
        image = image_of(db)
    with closing(opened(image)) as copy:
        last = head(copy)
        (people,) = copy.execute("SELECT count(*) FROM people").fetchone()
    manifest = Manifest(
        made=datetime.now(UTC).replace(microsecond=0), people=people, event=last.id, sha256=last.digest.hex()
    )
    try:
        config = settings.config_file.read_bytes() if settings.config_file else None
        file = settings.data / site.FILE
        evidence = file.read_bytes() if file.is_file() else None
    except OSError as error:
        raise OutputError(f"{error.filename}: cannot be read: {error.strerror}", "see who owns it") from error
    try:
        secret: bytes | None = token.find_token({}, settings.data).refresh.encode()
    except SourceError:
        secret = None
    return Backup(manifest, image, config, evidence, secret)


def record(store: Store, backup: Backup) -> None:
    """Write down that a backup was made."""
    told = f"people: {backup.manifest.people}, events up to {backup.manifest.event}"
    store.record(Event(EventKind.BACKED_UP, time.monotonic(), detail=told))


def pack(backup: Backup) -> bytes:
    """A backup as one tar."""
    made = io.BytesIO()
    members = {
        MANIFEST: backup.manifest.model_dump_json(indent=1).encode(),
        FILE: backup.database,
        paths.NAME: backup.config,
        site.FILE: backup.evidence,
        token.NAME: backup.token,
    }
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            if content is not None:
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.mtime = len(content), 0o600, int(backup.manifest.made.timestamp())
                tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


def unpack(content: bytes) -> Backup:
    """A backup from its tar; what is not known in it is passed over.

    Raises:
        BackupError: it is none, or a newer doorctl's.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for info in tar:
                small = info.name == FILE or info.size <= _MOST_SMALL
                member = tar.extractfile(info) if info.isreg() and small else None
                if member is not None:
                    found[info.name] = member.read()
        manifest = Manifest.model_validate_json(found[MANIFEST])
        if manifest.format > 1:
            raise BackupError("it was made by a newer doorctl", "install that doorctl, and restore with it")
        database = found[FILE]
    except (tarfile.TarError, ValidationError, KeyError) as error:
        raise BackupError("there is no backup of doorctl's in it", "take another file") from error
    return Backup(manifest, database, found.get(paths.NAME), found.get(site.FILE), found.get(token.NAME))
