"""What a running door leaves in its place: a lock against a second one, and a note for ``doorctl lock``."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from doorctl import paths
from doorctl.app.settings import Settings
from doorctl.app.writing import write_private
from doorctl.errors import AlreadyRunningError, StoreError
from doorctl.pin_sections import GpioConfig


def _make(place: Path) -> None:
    """The directory itself; its parents only in the user's own default place."""
    paths.make_ready(place)
    place.mkdir(mode=0o700, exist_ok=True)


def remember_gpio(settings: Settings) -> None:
    """Note which pin is driven, so that ``doorctl lock`` finds it should the YAML be changed or broken later.

    Raises:
        StoreError: the note cannot be written.
    """
    file = settings.place / paths.GPIO_NOTE
    try:
        _make(settings.place)
        write_private(file, settings.config.gpio.model_dump_json().encode(), owner_of=settings.place)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", "the directory must be writable") from error


def last_gpio(place: Path) -> GpioConfig | None:
    """The pin that the daemon drove last, or ``None`` where nothing usable says so."""
    try:
        return GpioConfig.model_validate_json((place / paths.GPIO_NOTE).read_text())
    except (OSError, ValueError):
        return None


def _lock_file(settings: Settings, name: str) -> TextIO:
    """A file in the door's place to lock; its owner's, whoever makes it.

    Raises:
        StoreError: it cannot be made.
    """
    file = settings.place / name
    try:
        _make(settings.place)
        # Not through a link: whoever owns the directory could have root open, and give away, any file.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        held = os.fdopen(os.open(file, flags, 0o644), "a")
        found = os.fstat(held.fileno())
        if os.geteuid() == 0 and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            # "sudo doorctl sync" must not lock the daemon out.
            owner = settings.place.stat()
            os.fchown(held.fileno(), owner.st_uid, owner.st_gid)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", "the directory must be writable") from error
    return held


@contextmanager
def one_round(settings: Settings, patience: float = 60.0) -> Iterator[None]:
    """Hold the folder's place for a round, so that the daemon and a command do not do one at once.

    Args:
        patience: seconds to wait for another's.

    Raises:
        AlreadyRunningError: another round goes on for longer than that.
        StoreError: the lock file cannot be made.
    """
    with _lock_file(settings, "sync.lock") as held:
        end = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > end:
                    told = f"another doorctl has been reading the folder for {patience:g} s"
                    raise AlreadyRunningError(told, "try again later") from error
                time.sleep(0.05)
        yield


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the door's place, so that two daemons cannot drive one relay by turns.

    The lock is the kernel's: it ends with the process, however that ends.

    Raises:
        AlreadyRunningError: another daemon holds it.
        StoreError: the lock file cannot be made.
    """
    with _lock_file(settings, "daemon.lock") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunningError(
                f"another doorctl runs on {settings.place}", "stop it first, or name another --data"
            ) from error
        yield
