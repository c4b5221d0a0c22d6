"""Heads of the chain of events, as they are noted outside the database, and found there again.

One line each, ``audit anchor: event 123 sha256 <64 hexadecimal digits>``, wherever: in the journal, as the
last line of the folder's receipt, in whatever an owner keeps. An anchor proves something against whoever can
write the database but not the place where the anchor is. So the journal is best sent to another machine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Timer
from typing import Any

from doorctl.errors import StoreError
from doorctl.store.chain import Anchor
from doorctl.store.verify import Noted

UNIT = "doorctl.service"

PATIENCE_SECONDS = 60.0
"""How long the journal may take to be read: years of it, on a memory card."""

RECEIPT_BYTES = 20_000_000
"""What is larger is no receipt of ours."""

_ANCHOR = r"audit anchor: event (\d{1,18}) sha256 ([0-9a-f]{64})"
_MESSAGE = re.compile(rf"(?:doorctl\.[\w.]+: )?{_ANCHOR}")
# Before it what journals, log files, mails and lists put there: it ends in a sign, or a digit of the time.
_LINE = re.compile(rf"(?:.*[]:>|*\dZ`-])?\s*{_ANCHOR}[\s`|]*")
_TIME = re.compile(r"\W{0,4}(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?Z|[+-]\d\d:?\d\d)?)")


@dataclass(frozen=True, slots=True)
class Place:
    """A place where anchors may be."""

    anchors: tuple[Noted, ...] = ()
    none: str = ""
    """Why there are none, in words."""


def anchor_line(anchor: Anchor) -> str:
    """How the head of the chain is noted."""
    return f"audit anchor: {anchor}"


def anchors_in(lines: Iterable[str], source: str) -> list[Noted]:
    """The anchors in a text, each of which ends a line; with the time that the line begins with, if it does.

    Args:
        lines: of the text.
        source: what to call it.
    """
    found = []
    for line in lines:
        if "audit anchor" in line and (match := _LINE.fullmatch(line.rstrip("\r\n"))):
            time = _TIME.match(line)
            found.append(Noted(_anchor(match), source, _time(time[1]) if time else None))
    return found


def from_file(file: Path) -> Place:
    """The anchors in a text file.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            found = anchors_in(lines, str(file))
    except OSError as error:
        raise StoreError(
            f"{file}: {error.strerror}", "name a file with anchors, or - for what is piped in"
        ) from error
    return Place(tuple(found), "" if found else f"no anchors in {file}")


def from_journal(*more: str, patience_seconds: float = PATIENCE_SECONDS) -> Place:
    """The anchors that the daemon has left in the journal.

    Only entries whose field ``_SYSTEMD_UNIT`` says that they are its own: fields that begin so are journald's
    word, which no program can give. So nobody but the unit's processes, and root, has put them there.

    Args:
        more: further arguments for journalctl.
        patience_seconds: how long it may take.
    """
    command = ["journalctl", "--quiet", "--no-pager", "--output=json", "--output-fields=MESSAGE"]
    try:
        found = _entries([*command, *more, f"_SYSTEMD_UNIT={UNIT}"], patience_seconds)
    except OSError as error:
        return Place(none=f"no anchors from the journal: {error.strerror or error}")
    if isinstance(found, str):
        return Place(none=f"no anchors from the journal: {found}")
    if not found:
        why = "it has none that this user may read; root may read all"
        return Place(none=f"no anchors from the journal: {why}")
    return Place(tuple(found))


def _entries(command: list[str], patience_seconds: float) -> list[Noted] | str:
    """What a journalctl tells; or why it does not."""
    found: list[Noted] = []
    environment = {**os.environ, "LC_ALL": "C"}
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment
        ) as process,
    ):
        assert process.stdout is not None
        late = Event()

        def end() -> None:
            late.set()
            process.kill()

        patience = Timer(patience_seconds, end)
        patience.start()
        try:
            lines = (line for line in process.stdout if b"audit anchor" in line)
            found.extend(entry for line in lines if (entry := _entry(line)))
            process.wait()
        finally:
            patience.cancel()
            process.kill()
        errors.seek(0)
        told = " ".join(errors.read(1000).split())
    if late.is_set():
        return f"journalctl took longer than {patience_seconds:g} s"
    if process.returncode:
        return told or f"journalctl ended with {process.returncode}"
    return found


def _entry(line: bytes) -> Noted | None:
    try:
        entry: dict[str, Any] = json.loads(line)
        match = _MESSAGE.fullmatch(entry["MESSAGE"])
        time = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
    except (ValueError, LookupError, TypeError, OverflowError):
        return None
    return Noted(_anchor(match), "journal", time) if match else None


def from_receipt(file: Path) -> Place:
    """The anchor that ends a folder's receipt."""
    try:
        with file.open("rb") as content:
            text = content.read(RECEIPT_BYTES).decode(errors="replace")
    except OSError as error:
        return Place(none=f"no anchor from the folder's receipt: {file}: {error.strerror}")
    found = anchors_in(text.rstrip().splitlines()[-1:], "the folder's receipt")
    return Place(tuple(found), "" if found else f"no anchor from the folder's receipt: none ends {file}")


def _anchor(match: re.Match[str]) -> Anchor:
    return Anchor(int(match[1]), bytes.fromhex(match[2]))


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace(",", ".").replace(" Z", "Z"))
    except ValueError:
        return None
