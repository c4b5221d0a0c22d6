"""Templates at rest: encrypted with AES-256-GCM where there is a key for it.

Each stands under a random nonce of its own, and is bound to its photo and its nets: without the key nobody
can read a template, or put one in the place of another. Names, files' names and events are not encrypted.

The key is 32 bytes that systemd hands over, or that stand in a file which the configuration names. It is part
of no backup.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from doorctl.errors import SealedError

CREDENTIAL = "doorctl.key"
"""The key's name among systemd's credentials."""

KEY_BYTES = 32

NONCE_BYTES = 12

ADDED_BYTES = NONCE_BYTES + 16
"""By which a template grows: its nonce, and AES-GCM's tag."""

_KEPT = "vector, sealed, sha256, model FROM templates JOIN photos ON photos.id = photo_id"
"""What ``Vault.open`` takes."""

MAKE = "make one with 'head -c 32 /dev/urandom > FILE', for its owner's eyes only"

GIVE = (
    f"root's commands find it as /etc/credstore/{CREDENTIAL}, where the service gets it from; one that is "
    f"elsewhere is handed over by 'systemd-run --pipe -p LoadCredential={CREDENTIAL}:FILE doorctl ...', or "
    "named as store.key_file"
)


@dataclass(frozen=True, slots=True)
class Vault:
    """What templates are encrypted with, as far as there is a key."""

    key: AESGCM | None = field(default=None, repr=False)
    origin: str = ""
    """Where the key was found, for people."""
    file: Path | None = None
    """The file that the configuration names; ``None`` for systemd's, which it keeps in memory."""
    fault: SealedError | None = None
    """Why the key that there should be cannot be used. No template is read or written then."""

    def ready(self) -> None:
        """Raise SealedError if there should be a key and it cannot be used."""
        if self.fault is not None:
            raise SealedError(self.fault.message, self.fault.hint)

    def seal(self, plain: bytes, sha256: str, model: str) -> tuple[bytes, bool]:
        """A template as it is to be kept, and whether that is encrypted.

        Args:
            plain: the vector's bytes.
            sha256: of its photo.
            model: of whose nets it is.

        Raises:
            SealedError: there should be a key, and it cannot be used.
        """
        self.ready()
        if self.key is None:
            return plain, False
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self.key.encrypt(nonce, plain, _bound(sha256, model)), True

    def open(self, kept: bytes, sealed: int, sha256: str, model: str) -> bytes:
        """A template's bytes from what was kept.

        Raises:
            SealedError: the key is missing, is another one, or the template was changed.
        """
        self.ready()
        if not sealed:
            return kept
        if self.key is None:
            raise SealedError("the templates are encrypted, and their key is not here", GIVE)
        try:
            return self.key.decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], _bound(sha256, model))
        except (InvalidTag, ValueError) as error:  # of one that is cut short
            raise SealedError(
                f"a template does not open with the key from {self.origin}: it is another key's, or damaged",
                "give the key back that it was encrypted with, or restore a backup",
            ) from error


class VaultConnection(sqlite3.Connection):
    """A connection that has the key with it, for the functions that read and write templates on it."""

    vault = Vault()


def vault_of(db: sqlite3.Connection) -> Vault:
    """The key of a connection; none for one that was opened without."""
    return db.vault if isinstance(db, VaultConnection) else Vault()


def _bound(sha256: str, model: str) -> bytes:
    """What a template belongs to: authenticated with it, and not part of it."""
    return f"doorctl template\n{sha256}\n{model}".encode()


def find_key(credentials: Path | None, key_file: Path | None, *, private: bool = False) -> Vault:
    """The key that applies: systemd's credential, or the file that the configuration names.

    What stands in the first place is used or refused; a bad one never lets the other through.

    Args:
        credentials: the directory with systemd's, if there is one.
        key_file: what the configuration names.
        private: whether nobody but its owner may read the first, either. Who may is not ours to judge where
            systemd has made it.
    """
    if credentials is not None and os.path.lexists(credentials / CREDENTIAL):
        origin = str(credentials / CREDENTIAL) if private else "systemd's credentials"
        return _vault(credentials / CREDENTIAL, origin, private=private)
    if key_file is not None:
        return _vault(key_file, str(key_file), private=True)
    return Vault()


def _vault(file: Path, origin: str, *, private: bool) -> Vault:
    kept = file if private else None
    try:
        return Vault(AESGCM(_read(file, private=private)), origin, kept)
    except SealedError as error:
        return Vault(None, origin, kept, error)


def _read(file: Path, *, private: bool) -> bytes:
    """The key in a file.

    Raises:
        SealedError: it is not to be read, others can read it, or it is none.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would block
    except OSError as error:
        lost = isinstance(error, FileNotFoundError)
        hint = f"bring it back, for nothing else opens what it has encrypted; for the first one, {MAKE}"
        hint = hint if lost else "check who owns it"
        raise SealedError(f"the key {file} cannot be read ({error.strerror})", hint) from error
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise SealedError(f"the key {file} is no plain file", MAKE)
        if private and state.st_mode & 0o077:
            raise SealedError(
                f"the key {file} can be read or changed by others than its owner "
                f"(mode {state.st_mode & 0o777:04o})",
                f"chmod 600 {file}; of a stick without owners, mount it with umask=077",
            )
        key = os.read(handle, KEY_BYTES + 1)
    except SealedError:
        raise
    except OSError as error:
        raise SealedError(f"the key {file} cannot be read ({error.strerror})", "see its disk") from error
    finally:
        os.close(handle)
    if len(key) != KEY_BYTES:
        size = f"{len(key)} bytes" if len(key) < KEY_BYTES else f"more than {KEY_BYTES} bytes"
        raise SealedError(f"the key {file} has {size}, expected {KEY_BYTES}", MAKE)
    return key


def to_seal(db: sqlite3.Connection) -> bool:
    """Whether there is a key, and a template that is not encrypted."""
    if vault_of(db).key is None:
        return False
    return db.execute("SELECT 1 FROM templates WHERE sealed = 0 LIMIT 1").fetchone() is not None


def seal_all(db: sqlite3.Connection) -> bool:
    """Within a transaction: encrypt the templates that are not yet; whether that was done.

    It is not with a key that does not fit those that are encrypted already.
    """
    vault = vault_of(db)
    sql = f"SELECT templates.id, {_KEPT}"
    if other := db.execute(f"{sql} WHERE sealed = 1 LIMIT 1").fetchone():
        try:
            vault.open(*other[1:])
        except SealedError:
            return False  # whoever reads a template will be told
    for number, plain, _, sha256, model in db.execute(f"{sql} WHERE sealed = 0").fetchall():
        db.execute(
            "UPDATE templates SET vector = ?, sealed = ? WHERE id = ?",
            (*vault.seal(plain, sha256, model), number),
        )
    return True


def unseal_all(db: sqlite3.Connection, vault: Vault) -> None:
    """Within a transaction on a copy that is in memory: take the encryption away.

    Raises:
        SealedError: the key is missing or another one.
    """
    vault.ready()
    sql = f"SELECT templates.id, {_KEPT}"
    for number, *kept in db.execute(f"{sql} WHERE sealed = 1").fetchall():
        row = (vault.open(*kept), number)
        db.execute("UPDATE templates SET vector = ?, sealed = 0 WHERE id = ?", row)


def may_write(db: sqlite3.Connection) -> None:
    """Raise SealedError where a template would be written that does not go with those that are there."""
    vault = vault_of(db)
    vault.ready()
    if kept := db.execute(f"SELECT {_KEPT} LIMIT 1").fetchone():
        vault.open(*kept)


@dataclass(frozen=True, slots=True)
class Survey:
    """How templates are kept."""

    plain: int
    sealed: int


def survey(db: sqlite3.Connection) -> Survey:
    """Count templates, and open each.

    Raises:
        SealedError: one does not open.
    """
    vault, counts = vault_of(db), [0, 0]
    vault.ready()
    for row in db.execute(f"SELECT {_KEPT}"):
        vault.open(*row)
        counts[row[1]] += 1
    return Survey(*counts)
