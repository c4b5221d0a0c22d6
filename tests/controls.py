"""The control socket in a test: the real thread, real sockets, and clients good and bad."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doorctl.app.control import Control, Handle
from doorctl.app.control_orders import Order
from doorctl.app.control_peer import Peer, may_command
from doorctl.app.control_socket import connected, listening
from doorctl.app.control_wire import Request, Unlock, told
from doorctl.app.settings import Settings

NO_GROUP = "doorctl-test-none"
"""A group that no machine has."""


def settings_at(place: Path, text: str = "") -> Settings:
    """Settings of a door that keeps everything in a directory."""
    place.mkdir(exist_ok=True)
    (place / "doorctl.yaml").write_text(text)
    return Settings.find(None, place)


def echo(request: Request, by: str, wake: Callable[[], object]) -> bytes | Order:
    """Answer at once: what was asked, and by whom."""
    return told({"said": [request.do], "by": by})


@contextmanager
def listens(
    place: Path,
    handle: Handle = echo,
    *,
    group: str = NO_GROUP,
    per_second: float = 1e6,
    may: Callable[[Peer], bool] | None = None,
) -> Iterator[Control]:
    """Listen in a directory; by default to this user and root, and as often as they come."""
    place.mkdir(exist_ok=True)
    with (
        listening(place, group) as door,
        Control(
            door, may or (lambda peer: may_command(peer, group)), handle, per_second=per_second
        ) as control,
    ):
        yield control


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def say(place: Path, data: bytes, *, half_close: bool = False, seconds: float = 10.0) -> dict[str, Any]:
    """Send some bytes and read the answer; nothing at all if there is none."""
    with connected(place, time.monotonic() + seconds) as link:
        link.settimeout(seconds)
        try:
            link.sendall(data)
            if half_close:
                link.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass
        return heard(link)


def heard(link: socket.socket) -> dict[str, Any]:
    """All that comes from the other side."""
    got = b""
    try:
        while new := link.recv(65536):
            got += new
    except ConnectionError:
        pass
    return dict(json.loads(got)) if got else {}


UNLOCK = Unlock().model_dump_json().encode() + b"\n"

AS_SOMEBODY = """
import json, os, socket, sys
place, uid, gid, groups, line = json.loads(sys.argv[1])
os.chdir(place)  # by a way that only root may go
os.setgroups(groups)
os.setgid(gid)
os.setuid(uid)
link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
link.settimeout(10)
try:
    link.connect("control.sock")
except PermissionError:
    print(json.dumps({"connect": "refused"}))
    sys.exit()
try:
    link.sendall(line.encode())
except ConnectionError:
    pass
print(link.recv(65536).decode())
"""


def as_somebody(place: Path, uid: int, gid: int, groups: list[int], data: bytes) -> dict[str, Any]:
    """Send something as another user, which root alone can."""
    told = json.dumps([str(place), uid, gid, groups, data.decode()])
    done = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY, told], capture_output=True, text=True, timeout=30, check=True
    )
    return dict(json.loads(done.stdout))
