"""The events as they stand in the file, read once, and put together into pieces of chain that hold.

A row's own number is digested with it. So a row that was moved still fits its digest, under the number that
it was written with, and tells where it belongs.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from doorctl.core.decision import EventKind
from doorctl.store.chain import COLUMNS, digest
from doorctl.store.rows import Row as Values

NEAR, WIDE = 64, 100_000
"""How far from its own a row's true number is looked for, as long as there is ``PATIENCE``: where it follows
the row before it; and at most where it stands beside strangers, ..."""
SHORT, TIMES = 1000, 10
"""... and in a short chain no farther than this and so many times its length."""
PATIENCE = 400_000
"""Digests that are tried for all rows together: a second or two on a Raspberry Pi."""
ENDS = 64
"""Rows at the end of a piece that what comes next is compared with."""
MOST = 1000
"""Pieces. A file that breaks into more is not read on: it is beyond telling what was done to it."""
KEPT = 64
"""Rows that do not fit their digests whose content is kept, to find out whether two were exchanged."""

SPOILT = "was not as it was written"
"""Stands in an event that tells of erased events, where one of those had been tampered with."""

_PLACES = {name: place for place, name in enumerate(COLUMNS.split(", ")[1:])}
_KIND, _DETAIL, _POLICY = _PLACES["kind"], _PLACES["detail"], _PLACES["policy"]


@dataclass(frozen=True, slots=True)
class Row:
    """An event as it is stored; whoever tampers may put anything anywhere."""

    number: int
    content: Values
    """``COLUMNS`` but for the number."""
    previous: Any
    hash: Any

    def digest_as(self, number: int, previous: Any) -> bytes | None:
        """What it comes to under a number and behind a digest; ``None`` for what doorctl never writes."""
        try:
            return digest((number, *self.content), previous)
        except (TypeError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a row that others may follow."""

    written: int
    """The number that it was written under."""
    number: int
    """The number that it bears."""
    hash: Any


@dataclass(slots=True)
class Piece:
    """Rows that follow one another. ``sound``: each fits its digest; else none does."""

    sound: bool
    first: int
    last: int
    """The numbers that the rows bear."""
    shift: int
    """By how much the numbers that they were written under are higher."""
    previous: Any
    """The digest that the first names before it."""
    ends: deque[Link]
    """The last of its rows."""
    due: bytes | None = None
    """What the digest of the last row would have to be, where it is not."""
    rows: list[Row] = field(default_factory=list)
    """Of a piece that is not sound, as far as they are kept."""

    @property
    def written(self) -> tuple[int, int]:
        """The numbers that its first and last row were written under, or may have been if it is not sound."""
        return self.first + self.shift, self.last + self.shift

    @property
    def single(self) -> bool:
        return self.first == self.last


@dataclass(slots=True)
class Trace:
    """What a file holds."""

    pieces: list[Piece] = field(default_factory=list)
    count: int = 0
    first: int = 0
    last: int = 0
    relinked: list[int] = field(default_factory=list)
    """Rows in which only ``previous`` was changed; they count as sound."""
    seen: dict[int, set[bytes]] = field(default_factory=dict)
    """The digests found under numbers that were asked for."""
    erased: tuple[int, str] | None = None
    """Number and detail of the last event that tells of events that were erased."""
    spoilt: list[tuple[int, str]] = field(default_factory=list)
    """Likewise of those that tell of erased events that were not as they were written."""
    restored: int | None = None
    """Number of the last event that tells that a backup was brought back."""
    policies: dict[str, int] = field(default_factory=dict)
    """The rules that events name, and the first event that does."""
    stopped: int | None = None
    """The event behind which nothing was read, for too much is broken."""


@contextmanager
def any_text(db: sqlite3.Connection) -> Iterator[None]:
    """Read text that is no text, too, as something that doorctl never writes."""
    texts, db.text_factory = db.text_factory, _lenient
    try:
        yield
    finally:
        db.text_factory = texts


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def read(db: sqlite3.Connection, before: bytes | None, wanted: Collection[int]) -> Trace:
    """Read all events, in the order of their numbers.

    Args:
        db: a transaction, within ``any_text``.
        before: the digest that the first row should name before it, if that is known.
        wanted: numbers whose digests are to be told.
    """
    return _Reader(before, wanted).read(db)


class _Reader:
    def __init__(self, before: bytes | None, wanted: Collection[int]) -> None:
        self._trace = Trace()
        self._wanted = wanted
        self._before: Any = before
        """The digest of the row before."""
        self._shift = 0
        self._written = 0
        """The number that the row before was written under."""
        self._wide, self._patience = WIDE, PATIENCE
        self._kept = 0

    def read(self, db: sqlite3.Connection) -> Trace:
        trace = self._trace
        count = db.execute("SELECT count(*) FROM events").fetchone()[0]
        self._wide = min(WIDE, SHORT + TIMES * count)
        rows = db.execute(f"SELECT {COLUMNS}, previous, hash FROM events ORDER BY id")
        for number, *content, previous, own in rows:
            if len(trace.pieces) > MOST:
                trace.stopped = trace.last
                break
            row = Row(number, tuple(content), previous, own)
            self._take(row)
            trace.first = trace.first if trace.count else number
            trace.count, trace.last = trace.count + 1, number
        return trace

    def _take(self, row: Row) -> None:
        found = self._found(row)
        if found is None:
            self._take_unsound(row)
            return
        written, previous = found
        if previous is not row.previous:
            self._trace.relinked.append(row.number)
        self._shift = written - row.number
        link = Link(written, row.number, row.hash)
        last = self._trace.pieces[-1] if self._trace.pieces else None
        if last and last.sound and last.shift == self._shift and previous == self._before:
            last.last = row.number
            last.ends.append(link)
        else:
            ends = deque([link], maxlen=ENDS)
            self._trace.pieces.append(Piece(True, row.number, row.number, self._shift, previous, ends))
        self._before, self._written = row.hash, written
        self._tell(row, written)

    def _found(self, row: Row) -> tuple[int, Any] | None:
        """The number that a row was written under, and the digest before it; ``None`` if it fits none."""
        here = row.number + self._shift
        if row.digest_as(here, row.previous) == row.hash:
            return here, row.previous
        linked = row.previous == self._before
        for previous in (row.previous,) if linked else (row.previous, self._before):
            if fits := fitting(row, previous):
                for number in (here, row.number, self._written + 1):
                    if fits(number):
                        return number, previous
        fits = fitting(row, row.previous)
        distance = min(NEAR if linked else self._wide, self._patience // 4)
        for number in _around(here, distance) if fits else ():
            self._patience -= 1
            if fits and fits(number):
                return number, row.previous
        return None

    def _take_unsound(self, row: Row) -> None:
        pieces = self._trace.pieces
        written = row.number + self._shift
        due = row.digest_as(written, row.previous)
        link = Link(written, row.number, row.hash)
        if pieces and not pieces[-1].sound and row.previous == self._before:
            piece = pieces[-1]
            piece.last, piece.due = row.number, due
            piece.ends.append(link)
        else:
            ends = deque([link], maxlen=1)
            piece = Piece(False, row.number, row.number, self._shift, row.previous, ends, due)
            pieces.append(piece)
        if self._kept < KEPT:
            piece.rows.append(row)
            self._kept += 1
        self._before, self._written = row.hash, written
        if written in self._wanted:
            self._trace.seen.setdefault(written, set()).update({row.hash, due} - {None})

    def _tell(self, row: Row, written: int) -> None:
        """Remember what is asked for of a row that fits its digest."""
        trace = self._trace
        if written in self._wanted:
            trace.seen.setdefault(written, set()).add(row.hash)
        kind, policy = row.content[_KIND], row.content[_POLICY]
        if kind == EventKind.PRUNED:
            trace.erased = (row.number, row.content[_DETAIL])
            if SPOILT in row.content[_DETAIL]:
                trace.spoilt.append(trace.erased)
        elif kind == EventKind.RESTORED:
            trace.restored = row.number
        if policy is not None and policy not in trace.policies:
            trace.policies[policy] = row.number


def _around(middle: int, distance: int) -> Iterator[int]:
    for step in range(1, distance + 1):
        yield middle + step
        yield middle - step


def fitting(row: Row, previous: Any) -> Callable[[int], bool] | None:
    """Whether the row fits its digest under a number, quickly for many; ``None`` if it fits none at all."""
    try:
        # As in ``chain.digest``, whose list begins with the number.
        text = json.dumps([*row.content, previous.hex()], ensure_ascii=True, separators=(",", ":"))
    except (TypeError, AttributeError):
        return None
    rest = f",{text[1:]}".encode()
    return lambda number: hashlib.sha256(b"[%d%b" % (number, rest)).digest() == row.hash
