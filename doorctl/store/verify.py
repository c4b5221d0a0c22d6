"""Finds out whether the events are what was written down, and names what was done to them where they are not.

Found by the chain itself, with the row: any column of a row changed, its own digest or the one before it; a
row removed, added, moved or given another number, with or without digests computed anew, unless every row
behind it was computed anew, too; what is noted of erased events (table ``pruned``), rules of decisions, and
triggers and the like that are not doorctl's.

Found by an anchor from outside (``Anchor``) alone: rows cut off at the end, and everything from some row on
computed anew. They are found if an anchor was noted behind them.

Not found: what was cut off or computed anew behind the last anchor; an event with the right digest added at
the end, by somebody who can write the file: it is what doorctl itself does, and the anchors after it agree.
The oldest events removed just so, with an event ``EventsPruned`` added that tells of it. Names of people
exchanged, and the time ``since`` which rules are kept: neither is in the chain. And a lie is in the chain
like the truth: who rules the machine before an event is written says what is written.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from doorctl.errors import StoreError
from doorctl.store.chain import GENESIS, Anchor
from doorctl.store.connection import told
from doorctl.store.findings import Finding, Kind, said, was
from doorctl.store.opened import FILE
from doorctl.store.pieces import Trace, any_text, read
from doorctl.store.schema import MIGRATIONS, migrate
from doorctl.store.walk import Walk

CHAINED = 5
"""The version of the tables from which on events are chained."""

_SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"

_ERASED = re.compile(r"up to event (\d{1,18})\b")


@dataclass(frozen=True, slots=True)
class Noted:
    """An anchor as it was found outside."""

    anchor: Anchor
    source: str
    """Where, in words."""
    time: datetime | None = None
    """When it was noted, if that is known."""

    def __str__(self) -> str:
        when = f", {self.time.astimezone():%Y-%m-%d %H:%M}" if self.time else ""
        return f"event {self.anchor.id} ({self.source}{when})"


@dataclass(frozen=True, slots=True)
class Examined:
    """What an examination came to."""

    findings: tuple[Finding, ...]
    count: int
    first: int
    last: int
    """Numbers of the first and the last event; 0 where there is none."""
    agreed: tuple[Noted, ...] = ()
    """Anchors that agree, by number."""
    outlived: int = 0
    """Anchors of events that have been erased for their age since: they prove nothing any more."""
    restored: int | None = None
    """The last event that tells that a backup was brought back, which anchors from before do not know of."""


def verify(db: sqlite3.Connection, anchors: Iterable[Noted] = ()) -> tuple[Finding, ...]:
    """What is wrong with the events; nothing if all is well. See ``examine``."""
    return examine(db, anchors).findings


def examine(db: sqlite3.Connection, anchors: Iterable[Noted] = ()) -> Examined:
    """Check all events, and compare them with anchors.

    Args:
        db: a transaction that began after the anchors were read: an event may have been written between.
        anchors: of this database.

    Raises:
        sqlite3.Error: the file itself is damaged.
    """
    noted = sorted(set(anchors), key=lambda one: one.anchor.id)
    with any_text(db):
        rows = db.execute("SELECT id, hash FROM pruned").fetchall()
        base = Anchor(*rows[0]) if len(rows) == 1 else None
        trace = read(db, base.digest if base else None, {one.anchor.id for one in noted})
        rules = db.execute("SELECT digest, text FROM policies").fetchall()
        made = set(db.execute(_SCHEMA).fetchall())
    found, base = _erasure(trace, base)
    walk = Walk(trace, base)
    walk.go()
    found += [*walk.found, *_rules(trace, rules), *_tables(made)]
    for number, detail in trace.spoilt:
        text = (
            f"event {number} tells that events were not as they were written when they were erased: {detail}"
        )
        found.append(Finding(Kind.ERASED, text, ((number, number),)))
    if trace.stopped is not None:
        text = f"so much is wrong that nothing was read behind event {trace.stopped}"
        found.append(Finding(Kind.TOO_MUCH, text))
        return Examined(tuple(found), trace.count, trace.first, trace.last)
    found.sort(key=lambda finding: finding.spans[:1] or ((0, 0),))
    known = base or Anchor(walk.first - 1, b"")
    if known.digest:
        trace.seen.setdefault(known.id, set()).add(known.digest)
    agreed, refused = list[Noted](), list[Noted]()
    for one in noted:
        if one.anchor.id >= known.id:
            agrees = one.anchor.digest in trace.seen.get(one.anchor.id, ())
            (agreed if agrees else refused).append(one)
    found += _against(refused, agreed, found, walk.last)
    outlived = len(noted) - len(agreed) - len(refused)
    return Examined(
        tuple(found), trace.count, trace.first, trace.last, tuple(agreed), outlived, trace.restored
    )


def _tables(made: set[tuple[str, str, str | None]]) -> Iterator[Finding]:
    """What is in the database that doorctl has not made so: a trigger may keep events from being written."""
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(fresh)
        ours = set(fresh.execute(_SCHEMA).fetchall())
    finally:
        fresh.close()
    for kind, name in sorted({one[:2] for one in made ^ ours}):
        known = any((kind, name) == one[:2] for one in ours)
        what = f"{kind} {name!r} was changed or removed" if known else f"{kind} {name!r} is not doorctl's"
        text = f"{what}: what is written may be hidden, or changed, by it"
        yield Finding(Kind.TABLES, text)


def _erasure(trace: Trace, base: Anchor | None) -> tuple[list[Finding], Anchor | None]:
    """What is wrong with the note of erased events; and what the chain is taken to begin behind."""
    if base is None:
        text = "the note of events that were erased for their age (table pruned) is missing, or there twice"
        return [Finding(Kind.ERASED, text)], None
    last = 0
    if trace.erased:
        until = _ERASED.match(str(trace.erased[1]))
        last = int(until[1]) if until else -1
    if trace.stopped is not None:  # that event may come later
        return [], base
    if base.id == last:
        if last or base.digest == GENESIS:
            return [], base
        text = "no event was erased for its age, and what is noted of such (table pruned) was changed"
        return [Finding(Kind.ERASED, text)], Anchor(0, GENESIS)
    tells = f"event {trace.erased[0]} tells of {last}" if trace.erased else "no event that holds tells of it"
    text = f"events up to {base.id} are noted as erased for their age (table pruned), and {tells}"
    first = trace.pieces[0] if trace.pieces else None
    if first and first.previous != base.digest:
        found = Finding(Kind.ERASED, f"{text}: the note was changed")
        return [found], Anchor(last, b"") if first.written[0] > last + 1 >= 1 else None
    if first and 0 <= last < base.id == first.written[0] - 1:
        gone = (last + 1, base.id)
        text += f": {said(*gone)} {was(*gone)} removed and the note made to fit, or the end was cut off"
        return [Finding(Kind.REMOVED, text, (gone,))], base
    return [Finding(Kind.ERASED, f"{text}: the note was changed, or the event was, or cut off")], base


def _rules(trace: Trace, rows: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """What is wrong with the rules that events name."""
    kept = set[str]()
    for name, text in rows:
        kept.add(name)
        if hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32] != name:
            by = trace.policies.get(name)
            told = f", which event {by} and perhaps others were decided by," if by is not None else ""
            spans = () if by is None else ((by, by),)
            yield Finding(Kind.RULES, f"the text of the rules {name}{told} was changed", spans)
    for name, by in trace.policies.items():
        if name not in kept:
            text = f"the rules {name}, which event {by} was decided by, were removed"
            yield Finding(Kind.RULES, text, ((by, by),))


def _against(refused: list[Noted], agreed: list[Noted], found: list[Finding], last: int) -> Iterator[Finding]:
    """What anchors say that do not agree."""
    if beyond := [one for one in refused if one.anchor.id > last]:
        gone = (last + 1, beyond[-1].anchor.id)
        text = f"{said(*gone)} {was(*gone)} cut off at the end: there is an anchor of {beyond[-1]}"
        yield Finding(Kind.CUT, text, (gone,))
    told = [finding for finding in found if finding.kind is not Kind.RULES]
    rest = [
        one
        for one in refused
        if one.anchor.id <= last and not any(finding.names(one.anchor.id) for finding in told)
    ]
    if not rest:
        return
    number = rest[0].anchor.id
    why = f"the anchor of {rest[0]} does not agree"
    if before := [one for one in agreed if one.anchor.id < number]:
        span = (before[-1].anchor.id + 1, number)
        start = f"event {number}" if span[0] == number else f"one of {said(*span)}"
        text = f"everything from {start} on was rebuilt: {why}, and the last that does is of {before[-1]}"
    elif agreed:
        span = (1, number)
        text = f"everything up to event {number} was rebuilt, or more: {why}, and none before it does"
    else:
        span = (1, last)
        text = f"the whole was rebuilt, or another database has taken its place: {why}, nor any other"
    yield Finding(Kind.REBUILT, text, (span,))


@contextmanager
def looking(directory: Path, *, busy_seconds: float = 5.0) -> Iterator[sqlite3.Connection]:
    """The database as it is at this moment, to read alone: nothing is brought up to date, or written.

    Args:
        directory: where ``doorctl.db`` is; it may be read-only.
        busy_seconds: how long to wait for another program.

    Raises:
        StoreError: there is none, it is damaged, or its events are not chained yet.
    """
    path = directory / FILE
    with told(path):
        if not path.is_file():
            raise StoreError(f"no database at {path}", "give the right --data directory")
        db = _open(path, busy_seconds)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version < CHAINED:
                raise StoreError(
                    f"the events in {path} are from before there was a chain", "'doorctl events' chains them"
                )
            if version > len(MIGRATIONS):
                raise StoreError(f"{path} was made by a newer doorctl", "install that doorctl again")
            yield db
        finally:
            db.close()


def _open(path: Path, busy_seconds: float) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        return _begin(address, busy_seconds)
    except sqlite3.OperationalError as error:
        # A disk that cannot be written has no place for what SQLite keeps beside the file while it reads.
        journal = Path(f"{path}-wal")
        waits = journal.exists() and journal.stat().st_size > 0
        if waits or error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
    return _begin(f"{address}&immutable=1", busy_seconds)


def _begin(address: str, busy_seconds: float) -> sqlite3.Connection:
    db = sqlite3.connect(address, uri=True, timeout=busy_seconds, isolation_level=None)
    try:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        db.close()
        raise
    return db
