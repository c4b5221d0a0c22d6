"""The database as a value: taken out as one moment has it, looked at, and put in the place of another.

In memory all the way: an image holds the templates without their encryption, and must not lie on a disk so.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from doorctl.errors import BackupError, StoreError
from doorctl.store.connection import NEW, told
from doorctl.store.schema import migrate
from doorctl.store.sealing import Vault, VaultConnection, seal_all, to_seal, unseal_all, vault_of

MOST_BYTES = 256_000_000
"""Of a database that is copied: three times as much is in memory for a moment."""

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database."""


def image_of(db: sqlite3.Connection, most: int = MOST_BYTES) -> bytes:
    """The whole database of one moment, templates without encryption; whoever writes is not waited for.

    Args:
        db: the connection.
        most: bytes that it may have.

    Raises:
        SealedError: templates are encrypted, and their key is missing or another one.
        BackupError: it is too large.
    """
    size = db.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]
    if size > most:
        raise BackupError(
            f"the database has {size / 1e6:.0f} MB, and at most {most / 1e6:.0f} can be backed up",
            "let audit.max_events or audit.keep_days be less, and try again a day later",
        )
    with closing(_in_memory()) as copy:
        db.backup(copy)
        copy.execute("BEGIN")
        unseal_all(copy, vault_of(db))
        copy.execute("COMMIT")
        return _image(copy)


def opened(image: bytes) -> VaultConnection:
    """A database in memory, brought up to date.

    Raises:
        BackupError: it is damaged, or no database of doorctl's.
        StoreError: it was made by a newer doorctl.
    """
    if not image.startswith(b"SQLite format 3\0"):
        raise BackupError("there is no database in it", "take another backup")
    copy = _in_memory()
    try:
        copy.deserialize(image)
        found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise BackupError(f"the database in it is damaged ({found})", "take another backup")
        migrate(copy)
    except sqlite3.Error as error:
        copy.close()
        raise BackupError(f"the database in it cannot be used ({error})", "take another backup") from error
    except BaseException:
        copy.close()
        raise
    return copy


def sealed_image(copy: VaultConnection, vault: Vault) -> bytes:
    """A database in memory as it is to lie on the disk: encrypted, if there is a key.

    Raises:
        SealedError: there should be a key, and it cannot be used.
    """
    vault.ready()
    copy.vault = vault
    copy.execute("BEGIN")
    if to_seal(copy):
        seal_all(copy)
    copy.execute("COMMIT")
    return _image(copy)


def replace(path: Path, image: bytes) -> None:
    """Put a database in the place of the one that is there, if one is, in one step.

    The old one stays until the new one is on the disk. Then it is overwritten, for it may hold people whom
    the new one does not.

    Raises:
        StoreError: the disk is full, or another program uses the old one. Nothing is changed then.
    """
    with told(path):
        new = _written(path, image)
        try:
            with _quiet(path):
                old = os.open(path, os.O_RDWR | os.O_CLOEXEC) if path.exists() else None
                try:
                    new.replace(path)
                    _sync(path.parent)
                    if old is not None:
                        _overwrite(old)
                finally:
                    if old is not None:
                        os.close(old)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def _in_memory() -> VaultConnection:
    copy = sqlite3.connect(":memory:", isolation_level=None, factory=VaultConnection)
    for pragma in ("foreign_keys = ON", "trusted_schema = OFF", "temp_store = MEMORY"):
        copy.execute(f"PRAGMA {pragma}").fetchone()
    return copy


def _image(copy: sqlite3.Connection) -> bytes:
    copy.execute("VACUUM")  # also turns a journal's mode back, without which it could not be read from memory
    return copy.serialize()


def _written(path: Path, image: bytes) -> Path:
    """The image in a file of its own beside the path, on the disk for certain."""
    place = Path(f"{path}{NEW}")
    place.unlink(missing_ok=True)  # of a restoration that was cut short
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as new:
            if os.geteuid() == 0:
                # "sudo doorctl restore" must not lock the daemon out.
                owner = path.parent.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
            new.write(image)
            new.flush()
            os.fsync(handle)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return place


@contextmanager
def _quiet(path: Path) -> Iterator[None]:
    """Keep others out of the old database, with nothing left of it but the one file."""
    if not path.exists():
        for beside in BESIDE:
            Path(f"{path}{beside}").unlink(missing_ok=True)
        yield
        return
    old = sqlite3.connect(path, timeout=2.0, isolation_level=None)
    with closing(old):
        try:
            # Only whoever is alone with a database can take its journal away.
            if old.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
                raise StoreError(f"{path} is in use by another program", "end it, and try again")
            old.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StoreError(f"{path} is in use by another program", "end it, and try again") from error
            # It is damaged. A journal of the old one beside the new one would damage that, too.
            for beside in BESIDE:
                Path(f"{path}{beside}").unlink(missing_ok=True)
        yield


def _overwrite(handle: int) -> None:
    """Whoever has the old file open still must not take it for the database."""
    left = os.fstat(handle).st_size
    while left > 0:
        left -= os.write(handle, bytes(min(left, 1 << 20)))
    os.fsync(handle)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems cannot sync a directory
            os.fsync(handle)
    finally:
        os.close(handle)
