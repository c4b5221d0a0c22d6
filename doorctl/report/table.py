"""Events as a table for spreadsheets: CSV after RFC 4180."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import tzinfo
from typing import TextIO

from doorctl.store.records import StoredEvent

COLUMNS = tuple("event" if field.name == "kind" else field.name for field in fields(StoredEvent))
"""In the order of ``StoredEvent``, and ``local_time`` behind ``time``."""

ENCODING = "utf-8-sig"
"""With the mark without which Excel takes UTF-8 for something else."""

_FORMULA = re.compile(r"^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")
_INNER = re.compile(r"([;\t\r\n])(?=\s*[=+\-@])")
"""Where the list separator is a semicolon a cell could begin there."""


def write_table(events: Iterable[StoredEvent], file: TextIO, zone: tzinfo | None = None) -> int:
    """Write events with all their columns; how many there were.

    A text that a spreadsheet would take for a formula gets an apostrophe before it. Numbers stay numbers.

    Args:
        events: in order.
        file: open, with ``newline=""``.
        zone: of the column ``local_time``; the machine's where it is ``None``.
    """
    table = csv.writer(file, lineterminator="\r\n")
    table.writerow([*COLUMNS[:2], "local_time", *COLUMNS[2:]])
    count = 0
    for event in events:
        time = f"{event.time:%Y-%m-%dT%H:%M:%S}.{event.time.microsecond // 1000:03}Z"
        there = f"{event.time.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        rest = (getattr(event, field.name) for field in fields(StoredEvent)[2:])
        table.writerow([event.id, time, there, *map(_cell, rest)])
        count += 1
    return count


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    value = _INNER.sub(r"\1'", value.replace("\0", ""))
    return f"'{value}" if _FORMULA.match(value) else value
