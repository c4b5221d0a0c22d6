"""The command's end of the control socket."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Any

from doorctl.app.control_peer import caller
from doorctl.app.control_socket import connected
from doorctl.app.control_wire import MOST_REPLY, USER, Request, reply_of
from doorctl.errors import DaemonError, NoAnswerError

LOOP_SECONDS = 6.0
"""How long an order to the frame loop is waited for: longer than the daemon would still carry it out."""

STORE_SECONDS = 15.0
"""How long a change of people is waited for: it may have to wait for a round with the folder."""


def ask(place: Path, request: Request, seconds: float = LOOP_SECONDS) -> dict[str, Any]:
    """Ask the running daemon for something, and wait for what it says.

    Args:
        place: the directory that it listens in.
        request: what is wanted.
        seconds: how long to wait at most.

    Raises:
        NotRunningError: no daemon runs there.
        NotPermittedError: this user may not reach it.
        NoAnswerError: it does not answer in time.
        DaemonError: it refuses, or could not; with the exit code that goes with it.
    """
    deadline = time.monotonic() + seconds
    line = request.model_copy(update={"sudo": sudo_user()}).model_dump_json().encode() + b"\n"
    heard = b""
    with connected(place, deadline) as link:
        try:
            link.settimeout(max(0.01, deadline - time.monotonic()))
            with contextlib.suppress(ConnectionError):  # it may have answered and hung up already
                link.sendall(line)
            while b"\n" not in heard and len(heard) <= MOST_REPLY:
                link.settimeout(max(0.01, deadline - time.monotonic()))
                new = link.recv(MOST_REPLY)
                if not new:
                    break
                heard += new
        except TimeoutError as error:
            raise NoAnswerError(
                f"the daemon did not answer within {seconds:g} s; it may or may not have done so",
                "see 'doorctl events', and the daemon's log",
            ) from error
        except OSError as error:
            raise DaemonError(f"the daemon hung up: {error.strerror}", "see its log", 75) from error
    if not heard:
        raise DaemonError("the daemon hung up without a word", "see its log", 75)
    return reply_of(heard)


def sudo_user() -> str:
    """Who called sudo, if this is root by sudo and the name is one."""
    name = os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else ""
    return name if name != "root" and re.fullmatch(USER, name) else ""


def own_name() -> str:
    """Whoever runs this command, as the daemon would call them."""
    return caller(os.geteuid(), sudo_user())
