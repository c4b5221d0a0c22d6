"""A file that a passphrase opens, in the format of age: 'age -d' opens it, too, wherever doorctl is not."""

from __future__ import annotations

import errno
from pathlib import Path

import pyrage

from doorctl.app.writing import write_private
from doorctl.errors import BackupError, OutputError

LEAST = 12
"""Characters of a passphrase. Who has the file can try as many as he likes, some a second."""

MOST_BYTES = 1_000_000_000
"""Of a file that is opened: all of it is in memory."""

_MAGIC = b"age-encryption.org/"


def check_passphrase(passphrase: str) -> None:
    """Raise BackupError if it is too short."""
    if len(passphrase) < LEAST:
        raise BackupError(
            f"the passphrase has {len(passphrase)} characters, and {LEAST} are the least: "
            "whoever gets the file can try without end",
            "take several words that nobody would put together",
        )


def write_locked(file: Path, content: bytes, passphrase: str) -> int:
    """Encrypt and write, in one step that survives a power cut; the file's size in bytes.

    A file that is there is only replaced if it is one like this.

    Raises:
        BackupError: the passphrase is too short, or there is something else.
        OutputError: it cannot be written; nothing is left of it then.
    """
    check_passphrase(passphrase)
    try:
        if file.exists() and not _is_one(file):
            raise BackupError(
                f"{file} is something else than a backup, and is not overwritten", "name another"
            )
        if not file.parent.is_dir():
            raise OutputError(
                f"{file}: cannot be written: {file.parent} is no directory",
                "make it before; if it is a stick, is it mounted?",
            )
        locked = pyrage.passphrase.encrypt(content, passphrase)
        write_private(file, locked)
    except (BackupError, OutputError):
        raise
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        hint = "make room, or name a place on another disk" if full else "name a place that can be written"
        raise OutputError(f"{file}: cannot be written: {error.strerror or error}", hint) from error
    return len(locked)


def read_locked(file: Path, passphrase: str) -> bytes:
    """What is in such a file.

    Raises:
        BackupError: it cannot be read, is something else, was changed, or has another passphrase.
    """
    try:
        if not _is_one(file):
            raise BackupError(
                f"{file} is no backup of doorctl's", "name the file that 'doorctl backup' wrote"
            )
        if file.stat().st_size > MOST_BYTES:
            raise BackupError(f"{file} is too large for a backup of doorctl's")
        locked = file.read_bytes()
    except OSError as error:
        raise BackupError(f"{file}: cannot be read: {error.strerror or error}", "see who owns it") from error
    try:
        return bytes(pyrage.passphrase.decrypt(locked, passphrase))
    except pyrage.DecryptError as error:
        raise BackupError(
            f"{file} does not open: the passphrase is another one, or the file was changed or cut short",
            "try the passphrase again; if it is right, take another copy of the file",
        ) from error


def _is_one(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC)) == _MAGIC
