"""The refresh token: what lets this machine into the Dropbox folder, and where it is kept.

Whoever has it and the app key can read the photos, and with write access put a photo of
their own there. So it stands in no configuration, log, error or ``repr``; in a file it is
for its owner's eyes only.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from doorctl import paths
from doorctl.enrol.source import SourceError
from doorctl.errors import StoreError

NAME = "dropbox-token"
VARIABLE = "DOORCTL_DROPBOX_TOKEN"
LOGIN = "run 'doorctl dropbox login'"

_FORM = re.compile(r"[!-~]{8,1024}")
"""Dropbox promises no form for a token; one line of printable ASCII is what it gives."""


@dataclass(frozen=True, slots=True)
class Token:
    """A refresh token, which gets access tokens until somebody revokes it.

    Raises:
        SourceError: it cannot be one.
    """

    refresh: str = field(repr=False)
    origin: str = "login"
    """Where it was found, for people; not the token."""
    file: Path | None = None
    """The file to erase on logout; ``None`` where the token is not ours to erase."""

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(self.refresh):
            what = "is no token" if self.refresh else "is empty"
            raise SourceError(f"the Dropbox token from {self.origin} {what}", f"take it away and {LOGIN}")
        if self.refresh.startswith("sl."):  # what the app's page on dropbox.com makes at a click
            raise SourceError(
                f"the Dropbox token from {self.origin} is an access token, which lasts for four hours",
                f"a refresh token is needed: take this one away and {LOGIN}",
            )

    def __str__(self) -> str:
        return f"Dropbox token from {self.origin}"


def find_token(env: Mapping[str, str], data_dir: Path) -> Token:
    """The token that applies: systemd's credential, the environment's, or the data directory's.

    What stands in an earlier place is used or refused; a bad one never lets a later one through.

    Raises:
        SourceError: there is none, others can read it, or it is none; the hint says what to do.
    """
    if (named := env.get("CREDENTIALS_DIRECTORY")) and os.path.lexists(Path(named) / NAME):
        # systemd makes and guards this file; who may read it is not ours to judge.
        return Token(_read(Path(named) / NAME, private=False), "systemd's credentials")
    if given := env.get(VARIABLE):
        return Token(given.strip(), f"the variable {VARIABLE}")
    file = data_dir / NAME
    try:
        return Token(_read(file, private=True), str(file), file)
    except FileNotFoundError:
        raise SourceError("no Dropbox token", LOGIN) from None


def _read(file: Path, *, private: bool) -> str:
    """What is in the file, without the space around it.

    Raises:
        FileNotFoundError: it is not there.
        SourceError: it is not to be read, or others can.
    """
    try:
        # A link could lead to a file that others have put there; a pipe would block.
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_NOFOLLOW if private else 0))
    except FileNotFoundError:
        raise
    except PermissionError:
        raise SourceError(f"{file}: may not be read", "run this as the user that the door runs as") from None
    except OSError as error:
        what = "a link, expected a plain file" if file.is_symlink() else str(error.strerror)
        raise SourceError(f"{file}: {what}", f"take it away and {LOGIN}") from None
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise SourceError(f"{file}: expected a plain file", f"take it away and {LOGIN}")
        if private and state.st_mode & 0o077:
            raise SourceError(
                f"{file}: others than its owner can read or change it (mode {state.st_mode & 0o777:04o})",
                f"chmod 600 {file}; if somebody may have read it, 'doorctl dropbox logout' and login again",
            )
        return os.read(handle, 4096).decode("ascii").strip()
    except UnicodeDecodeError:
        return "\0"  # no token, as ``Token`` will say
    finally:
        os.close(handle)


def save_token(data_dir: Path, token: Token) -> Path:
    """Keep a token in the data directory: all of it or the old one, readable by its owner alone.

    Raises:
        StoreError: it cannot be written.
    """
    file = data_dir / NAME
    try:
        paths.make_ready(data_dir)
        data_dir.mkdir(mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{NAME}.", dir=data_dir)  # mode 0600 from the start
        try:
            with os.fdopen(handle, "w", encoding="ascii") as new:
                if os.geteuid() == 0:  # 'sudo doorctl dropbox login': the daemon must be able to read it
                    home = data_dir.stat()
                    os.fchown(handle, home.st_uid, home.st_gid)
                new.write(token.refresh + "\n")
                new.flush()
                os.fsync(handle)
            Path(name).replace(file)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        _settle(data_dir)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", "the directory must be writable") from None
    return file


def forget_token(data_dir: Path) -> bool:
    """Erase the data directory's token; whether there was one.

    Raises:
        StoreError: it cannot be erased.
    """
    file = data_dir / NAME
    try:
        file.unlink()
        _settle(data_dir)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", "erase it as the user that the door runs as") from None
    return True


def _settle(directory: Path) -> None:
    """Have the directory's own change on the disk before anyone is told of it."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
