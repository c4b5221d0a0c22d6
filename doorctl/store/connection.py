"""One SQLite connection, set up for a door, and its errors in our own words.

WAL with ``synchronous=FULL``: what has been committed survives a power cut, and a
reader never keeps the door from writing. ``secure_delete``: what has been deleted is
overwritten, for a template is not to be read out of a file's unused parts.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doorctl.errors import StoreError
from doorctl.store.sealing import Vault, VaultConnection

PAGE_BYTES = 1024
"""An event is written as one page, and a memory card wears by what is written."""

NEW = ".new"
"""Behind a database's name: one that is to take its place, for a moment. A power cut may leave it there."""

_WORDS = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room and try again; what was stored before is safe"),
    sqlite3.SQLITE_READONLY: ("may not be written", "check who owns it, and that the disk is not read-only"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check who owns the directory, and that it can be written"),
    sqlite3.SQLITE_PERM: ("may not be read", "check who owns it"),
    sqlite3.SQLITE_NOTADB: ("is not a database", "move the file away, or give another --data directory"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "bring back a copy, or move the file away and enrol again"),
    sqlite3.SQLITE_BUSY: ("is in use by another program", "try again; if it stays so, restart doorctl"),
    sqlite3.SQLITE_LOCKED: ("is in use by another program", "try again; if it stays so, restart doorctl"),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written",
        "the disk may be full, too small a quota, or failing",
    ),
}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and of the system into StoreError, with what to do about them."""
    try:
        yield
    except StoreError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
        what, hint = _WORDS.get(code, ("cannot be used", ""))
        raise StoreError(f"{path} {what} ({error})", hint) from error
    except OSError as error:
        where = error.filename or path
        raise StoreError(
            f"{where}: {error.strerror or error}", "check the --data directory, and the one that it is in"
        ) from error


def connect(path: Path, *, create: bool, busy_seconds: float, vault: Vault) -> sqlite3.Connection:
    """Open a database in autocommit mode, ready to be shared between threads under a lock.

    Args:
        path: the file.
        create: make it, and its directory, if need be.
        busy_seconds: how long to wait for another program that is writing.
        vault: what templates are encrypted with.

    Raises:
        StoreError, sqlite3.Error, OSError: it cannot be made or opened; use within ``told``.
    """
    if create:
        _make(path)
    elif not path.is_file():
        raise StoreError(f"no database at {path}", "enrol somebody first, or give the right --data directory")
    connection = sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, factory=VaultConnection
    )
    connection.vault = vault
    try:
        _set_up(connection, busy_seconds)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, busy_seconds: float) -> None:
    # SQLite does not wait by itself when two programs switch a new file to WAL at once.
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file; an older one keeps its own
    patience = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",  # what is sorted is not written to the disk for it
    ):
        connection.execute(f"PRAGMA {pragma}").fetchone()


def _make(path: Path) -> None:
    """Make the file, and its directory but not what is above it, for its owner alone."""
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)  # another program may be making it, too
    try:
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        if os.geteuid() == 0:
            # "sudo doorctl enrol" before the daemon's first start must not lock the daemon out.
            owner = path.parent.stat()
            os.fchown(made, owner.st_uid, owner.st_gid)
    finally:
        os.close(made)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)  # the new name survives a power cut, too
    finally:
        os.close(directory)
