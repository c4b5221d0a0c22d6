"""The control socket's file: made, given to its group, found again, and taken away."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from doorctl.app.control_peer import group_number, user_name
from doorctl.app.control_wire import SOCKET
from doorctl.errors import ControlError, NoAnswerError, NotPermittedError, NotRunningError

log = logging.getLogger(__name__)

BACKLOG = 8
"""Connections that the kernel keeps waiting; further ones are told to come again."""


@contextmanager
def listening(directory: Path, group: str) -> Iterator[socket.socket]:
    """Listen in a directory until the end. Call it only while the door's place is held (``only_one``).

    The file is for its owner and ``group`` alone; where there is no such group, or this user may not hand
    the file over to it, for its owner. A file that a killed daemon has left is replaced.

    Args:
        directory: made if need be, but for its parents.
        group: a group's name.

    Raises:
        ControlError: the socket cannot be made, or another daemon listens there.
    """
    with ExitStack() as stack:
        try:
            with contextlib.suppress(FileExistsError):
                directory.mkdir(mode=0o755)
            place = _open(directory)
            stack.callback(os.close, place)
            door = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            door.setblocking(False)
            _make_room(place)
            door.bind(_name(place))
            stack.callback(_remove, place, _inode(place))
            _hand_over(place, group)  # before anybody can connect
            door.listen(BACKLOG)
        except OSError as error:
            why = error.message if isinstance(error, ControlError) else error.strerror
            raise ControlError(
                f"no command can reach this door: {directory / SOCKET}: {why}",
                "see that no other daemon uses this place, and that it can be written",
            ) from error
        yield door


@contextmanager
def connected(directory: Path, deadline: float) -> Iterator[socket.socket]:
    """A connection to the daemon that listens in a directory.

    Args:
        directory: where its socket is.
        deadline: on the monotonic clock; until then a crowd before us is waited for.

    Raises:
        NotRunningError: there is none.
        NotPermittedError: its file is not for this user.
        NoAnswerError: it has no room until then.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            _connect(link, directory, deadline)
        except PermissionError as error:
            raise not_permitted() from error
        except OSError as error:
            told = f"no daemon runs here: nobody listens at {directory / SOCKET}"
            hint = "start one with 'doorctl run', or name its place with --data"
            raise NotRunningError(told, hint) from error
        yield link


def not_permitted(name: str = "you") -> NotPermittedError:
    """Why somebody may not command, and what would help."""
    hint = "only root and members of the group that control.group names may"
    return NotPermittedError(f"{name} may not command this door", hint)


def _connect(link: socket.socket, directory: Path, deadline: float) -> None:
    place = _open(directory)
    try:
        while True:
            link.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                return link.connect(_name(place))
            except (BlockingIOError, TimeoutError) as error:  # as many wait already as may
                if time.monotonic() >= deadline:
                    raise NoAnswerError("the daemon is too busy to listen", "try again") from error
            time.sleep(0.05)
    finally:
        os.close(place)


def _open(directory: Path) -> int:
    """The directory as a number, by which its socket can be named however long the path is."""
    return os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _name(place: int) -> str:
    return f"/proc/self/fd/{place}/{SOCKET}"


def _inode(place: int) -> int:
    return os.stat(SOCKET, dir_fd=place, follow_symlinks=False).st_ino


def _make_room(place: int) -> None:
    """Take away what a killed daemon has left, and nothing else."""
    try:
        kind = os.stat(SOCKET, dir_fd=place, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ControlError("it is there already, and no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(_name(place))
        except ConnectionRefusedError:
            os.unlink(SOCKET, dir_fd=place)
            return
        except BlockingIOError:
            pass
    raise ControlError("another daemon listens there")


def _hand_over(place: int, group: str) -> None:
    """Let the group in, if that can be done; nobody but the owner meanwhile."""
    os.chmod(SOCKET, 0o600, dir_fd=place)
    number = group_number(group)
    why = f"there is no group '{group}'"
    if number is not None:
        try:
            os.chown(SOCKET, -1, number, dir_fd=place, follow_symlinks=False)
        except PermissionError:
            why = f"this user may not hand the socket over to the group '{group}'"
        else:
            os.chmod(SOCKET, 0o660, dir_fd=place)
            return
    who = " and ".join(dict.fromkeys(("root", user_name(os.geteuid()))))
    log.warning("only %s can command this door: %s", who, why)


def _remove(place: int, mine: int) -> None:
    """Take the file away, unless it is another's by now."""
    with contextlib.suppress(OSError):
        if _inode(place) == mine:
            os.unlink(SOCKET, dir_fd=place)
