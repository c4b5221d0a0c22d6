"""Who is at the other end of a Unix socket, by the kernel's word, and whether they may command."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass

_PEERGROUPS = 59
"""SO_PEERGROUPS (socket(7)), which Python has no name for: the supplementary groups of the peer."""

_MOST_GROUPS = 256
"""As many as Python lets a socket option hold. Of somebody in more, only the primary group counts."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A process as it was when it connected."""

    pid: int
    uid: int
    groups: frozenset[int]
    """Primary and supplementary."""


def peer_of(connection: socket.socket) -> Peer:
    """Ask the kernel.

    Raises:
        OSError: it does not know.
    """
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    pid, uid, gid = struct.unpack("iII", told)
    groups = b""
    with contextlib.suppress(OSError):
        groups = connection.getsockopt(socket.SOL_SOCKET, _PEERGROUPS, _MOST_GROUPS * 4)
    return Peer(pid, uid, frozenset({gid, *struct.unpack(f"{len(groups) // 4}I", groups)}))


def group_number(name: str) -> int | None:
    """The number of a group, or ``None`` if there is no such group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def may_command(peer: Peer, group: str) -> bool:
    """Whether a process may command this one: root's, this user's own, or one of the group's members."""
    if peer.uid in (0, os.geteuid()):
        return True
    number = group_number(group)
    return number is not None and number in peer.groups


def user_name(uid: int) -> str:
    """How the operating system calls a user."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def caller(uid: int, sudo: str = "") -> str:
    """The name for the events.

    Args:
        uid: who it is.
        sudo: who called sudo, if anybody did. Only root is believed.
    """
    name = user_name(uid)
    return f"{name} ({sudo})" if sudo and uid == 0 else name
