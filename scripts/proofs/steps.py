"""Run ``doorctl`` and count its steps; at one of them it kills itself, as a power cut would end it.

    python -m scripts.proofs.steps FILE STEP DATA sync --once ...

A step is a request to the folder begun, answered or read from, a statement of SQLite begun or done, and a
file or directory of DATA that is made, opened to be written, renamed or erased. Each is noted in FILE before
it happens, so that the last line tells what a run was doing when it was killed, by itself or from outside.
STEP 0 kills nothing. The product's code is as it is: what it calls is wrapped.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = re.compile(r"(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM) (\w+)|CREATE|ALTER|DROP")
ON_FILES = {"os.rename": "rename", "os.remove": "erase", "os.mkdir": "make directory"}


class Steps:
    """Counts, notes, and kills.

    Args:
        file: where steps are noted, a line each.
        last: the step to die at; 0 for none.
    """

    def __init__(self, file: str, last: int) -> None:
        self._out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._last, self._count = last, 0

    def __call__(self, what: str) -> None:
        self._count += 1
        os.write(self._out, f"{time.monotonic():.3f} {what}\n".encode(errors="replace"))
        if self._count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def watch_requests(step: Steps) -> None:
    send, read = requests.Session.send, urllib3.HTTPResponse.read
    route = ""

    def sending(session: requests.Session, request: requests.PreparedRequest, **how: Any) -> Any:
        nonlocal route
        route = (request.url or "").partition("?")[0].partition("/2/")[2] or "oauth2/token"
        step(f"http: ask {route}")
        answer = send(session, request, **how)
        step(f"http: answered {route}")
        return answer

    def reading(response: urllib3.HTTPResponse, *what: Any, **how: Any) -> bytes:
        data = read(response, *what, **how)
        step(f"http: read from {route}")
        return data

    requests.Session.send = sending  # type: ignore[method-assign,assignment]  # to watch it
    urllib3.HTTPResponse.read = reading  # type: ignore[method-assign,assignment]  # likewise


def watch_statements(step: Steps) -> None:
    plain = sqlite3.connect
    written: dict[str, None] = {}

    class Watched(sqlite3.Connection):  # comes before the product's own kind of connection
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            with self._told(sql):
                return super().execute(sql, *values)

        def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
            with self._told(sql):
                return super().executemany(sql, *values)

        @contextmanager
        def _told(self, sql: str) -> Iterator[None]:
            told = " ".join(sql.split())[:60]
            if told == "COMMIT":
                told = f"COMMIT of {', '.join(written) or 'nothing'}"
            step(f"sqlite: before {told}")
            before = self.total_changes
            yield
            if told.startswith(("BEGIN", "ROLLBACK", "COMMIT")):
                written.clear()
            elif change := CHANGES.match(told):
                written.update(
                    {change[1] or "schema": None} if self.total_changes > before or not change[1] else {}
                )
            step(f"sqlite: after {told}")

    def connect(*what: Any, factory: type[sqlite3.Connection], **how: Any) -> sqlite3.Connection:
        return plain(*what, **how, factory=type("Both", (Watched, factory), {}))

    sqlite3.connect = connect  # type: ignore[assignment]  # likewise


def watch_files(step: Steps, data: str) -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str) and path.startswith(data) and flags & WRITING:
                step(f"file: open {path.removeprefix(data)}")
        elif event in ON_FILES and str(arguments[0]).startswith(data):
            step(f"file: {ON_FILES[event]} {str(arguments[0]).removeprefix(data)}")

    sys.addaudithook(hook)


def main() -> None:
    file, last, data = sys.argv[1:4]
    step = Steps(file, int(last))
    watch_requests(step)
    watch_statements(step)
    watch_files(step, data)
    sys.argv = ["doorctl", "--data", data, *sys.argv[4:]]
    step("start")
    from doorctl.cli import main as doorctl  # imported late: a kill may come while it loads

    doorctl()


if __name__ == "__main__":
    main()
