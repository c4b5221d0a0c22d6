"""The daemon's log as the journal keeps it: with fields to search by, and without ever waiting for it.

Spoken is the journal's own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram of ``KEY=value`` lines.
Of events the fields are ``DOORCTL_EVENT``, ``_EVENT_ID``, ``_PERSON_ID``, ``_REASON`` and ``_SCORE``, and a
``MESSAGE_ID`` for each kind: ``journalctl -u doorctl DOORCTL_EVENT=AccessDenied``. Never a name: a journal
outlives the person.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import struct
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from doorctl.core.decision import Event, EventKind

SOCKET = Path("/run/systemd/journal/socket")

KINDS = uuid.UUID("c1b1e0a4-5f6e-4e0c-9a55-3a1d9d0f6b27")
"""The namespace of the kinds' numbers. It must stay, for whoever searches old journals."""


def message_id(kind: EventKind) -> str:
    """The number by which journals of all doors know a kind of event: 32 hexadecimal digits."""
    return uuid.uuid5(KINDS, kind.value).hex


def priority(record: logging.LogRecord) -> int:
    """syslog's number for a level: 3 for an error to 7 for what only a developer reads."""
    levels = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
    return next((number for level, number in levels if record.levelno >= level), 7)


def is_journal(stream: IO[str], env: Mapping[str, str] | None = None) -> bool:
    """Whether the journal reads this stream, as systemd tells a service of its own two (systemd.exec(5))."""
    told = (os.environ if env is None else env).get("JOURNAL_STREAM", "")
    with suppress(OSError, ValueError):
        about = os.fstat(stream.fileno())
        return told == f"{about.st_dev}:{about.st_ino}"
    return False


class PlainFormatter(logging.Formatter):
    """Puts the level where journald reads it in plain lines: '<4>' for a warning (sd-daemon(3))."""

    def format(self, record: logging.LogRecord) -> str:
        mark = f"<{priority(record)}>"
        return mark + super().format(record).replace("\n", "\n" + mark)


class JournalHandler(logging.Handler):
    """Sends records to the journal; where that cannot take one, to standard error, if that has room.

    Nothing is waited for: a door does not stand still because its journal does. What found no room anywhere
    is counted, and the count is told by the next record that does.

    Args:
        address: the journal's socket.
        stream: what else journald reads.
    """

    def __init__(self, address: Path = SOCKET, stream: IO[str] | None = None) -> None:
        super().__init__()
        self._address, self._stream = str(address), stream or sys.stderr
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._plain = PlainFormatter("%(name)s: %(message)s")
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._lost:
                lost = f"log lines that are lost, for the journal had no room: {self._lost}"
                told = logging.LogRecord(__name__, logging.WARNING, __file__, 0, lost, None, None)
                self._lost = 0 if self._deliver(told) else self._lost
            self._lost += not self._deliver(record)
        except Exception:  # noqa: BLE001 - nobody is to be kept out, or in, by a log line
            self._lost += 1

    def close(self) -> None:
        self._socket.close()
        super().close()

    def _deliver(self, record: logging.LogRecord) -> bool:
        try:
            self._socket.sendto(datagram(dict(self._fields(record))), self._address)
        except OSError:  # no journal, no room, or too long a line
            room = select.poll()
            room.register(self._stream.fileno(), select.POLLOUT)
            if not any(state & select.POLLOUT for _, state in room.poll(0)):
                return False
            self._stream.write(self._plain.format(record) + "\n")
            self._stream.flush()
        return True

    def _fields(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        yield "MESSAGE", self.format(record)
        yield "PRIORITY", str(priority(record))
        yield "SYSLOG_IDENTIFIER", "doorctl"
        yield "LOGGER", record.name
        yield "CODE_FILE", record.pathname
        yield "CODE_LINE", str(record.lineno)
        yield "CODE_FUNC", record.funcName or ""
        event = getattr(record, "event", None)
        if not isinstance(event, Event):
            return
        yield "MESSAGE_ID", message_id(event.kind)
        yield "DOORCTL_EVENT", event.kind.value
        yield "DOORCTL_EVENT_ID", str(getattr(record, "event_id", ""))
        if event.person is not None:
            yield "DOORCTL_PERSON_ID", str(event.person.id)
        if event.reason is not None:
            yield "DOORCTL_REASON", event.reason.value
        if event.score is not None:
            yield "DOORCTL_SCORE", f"{event.score:.4f}"


def datagram(fields: Mapping[str, str]) -> bytes:
    """Fields as the journal's protocol has them: a value of several lines is told with its length."""
    parts = []
    for key, text in fields.items():
        value = text.encode(errors="backslashreplace")
        if b"\n" in value:
            parts.append(key.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n")
        else:
            parts.append(key.encode() + b"=" + value + b"\n")
    return b"".join(parts)
