"""Tampering with events, on real files: each kind is found, and the row named."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Person
from doorctl.errors import StoreError
from doorctl.store.chain import Anchor
from doorctl.store.database import Store
from doorctl.store.findings import Finding, Kind
from doorctl.store.opened import FILE
from doorctl.store.pieces import Row, fitting
from doorctl.store.retention import prune
from doorctl.store.verify import Noted, examine, looking, verify
from tests.store import tampering as by
from tests.store.tampering import TAMPERINGS, anchors_of, by_hand, rebuild, write_chain

Chains = Callable[[int, int], Path]

HASTY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Chains:
    """A fresh copy of a chain of so many events, the first of which are erased."""
    top = tmp_path_factory.mktemp("chains")

    def copy(count: int, erased: int) -> Path:
        made = top / f"{count}-{erased}"
        if not made.exists():
            write_chain(made, count, erased)
        return Path(shutil.copytree(made, tempfile.mkdtemp(dir=top) + "/copy"))

    return copy


def found(place: Path, *anchors: Anchor) -> tuple[Finding, ...]:
    with looking(place) as db:
        return verify(db, [Noted(anchor, "a note") for anchor in anchors])


def told(findings: tuple[Finding, ...]) -> str:
    return "\n".join(f"{finding.kind} {finding.spans}: {finding}" for finding in findings)


SHAPES = st.sampled_from([(5, 0), (12, 0), (12, 5), (80, 0), (90, 10)])


@HASTY
@given(data=st.data())
def test_what_was_done_is_found_and_named(chains: Chains, data: st.DataObject) -> None:
    """Any kind of tampering, anywhere in a chain, its start erased or not: the right row is named, and hardly
    anything else."""
    place = chains(*data.draw(SHAPES))
    tamper = data.draw(st.sampled_from(TAMPERINGS))
    with by_hand(place) as db:
        expected = tamper(db, lambda first, last: data.draw(st.integers(first, last)))
    findings = found(place)
    said = f"{tamper.__name__}: {expected}\n{told(findings)}"
    for number in expected.named:
        assert any(finding.names(number) for finding in findings), said
    naming = [f for f in findings if not expected.named or f.names(expected.named[0])]
    assert any(finding.kind in expected.kinds for finding in naming), said
    assert len(findings) <= 2, said


@HASTY
@given(data=st.data())
def test_anchors_tell_what_was_cut_off_or_rebuilt(chains: Chains, data: st.DataObject) -> None:
    """Rows cut off at the end, or all rebuilt from a row on: found by an anchor behind, and what was rebuilt
    is said to begin behind the last anchor that agrees. Without an anchor behind, neither can be found."""
    count, erased = data.draw(SHAPES)
    place = chains(count, erased)
    heads = anchors_of(place)
    first, last = min(heads), max(heads)
    noted = [heads[n] for n in sorted(data.draw(st.sets(st.integers(first, last), max_size=5)))]
    assert found(place, *noted) == ()
    cut = data.draw(st.booleans())
    start = data.draw(st.integers(first + (0 if not cut else (2 if erased else 1)), last))
    with by_hand(place) as db:
        newest = db.execute("SELECT max(id) FROM events WHERE kind = 'EventsPruned'").fetchone()[0]
        if cut:
            db.execute("DELETE FROM events WHERE id >= ?", (start,))
        else:
            rebuild(db, start)
    findings = found(place, *noted)
    behind = [anchor.id for anchor in noted if anchor.id >= start]
    if cut:
        lost = newest is not None and newest >= start
        assert bool(findings) == bool(behind or lost)
        if behind:
            (gone,) = (f for f in findings if f.kind is Kind.CUT)
            assert gone.spans == ((start, behind[-1]),)
        return
    rebuilt = [finding for finding in findings if finding.kind is Kind.REBUILT]
    if newest is not None and newest >= start:
        # The event that tells of erased ones tells of them no more.
        assert {f.kind for f in findings} <= {Kind.REBUILT, Kind.ERASED, Kind.REMOVED}
    else:
        assert bool(findings) == bool(behind), told(findings)
    if behind:
        agreeing = [anchor.id for anchor in noted if anchor.id < start]
        ((low, high),) = rebuilt[0].spans if rebuilt else ((start, start),)
        assert low <= start <= high
        if rebuilt and agreeing:
            assert low == agreeing[-1] + 1
            assert f"the last that does is of event {agreeing[-1]} " in str(rebuilt[0])
        elif rebuilt:
            assert "the whole was rebuilt" in str(rebuilt[0])


@settings(HASTY, max_examples=50)
@given(data=st.data())
def test_what_nobody_touched_is_never_blamed(chains: Chains, data: st.DataObject) -> None:
    """Chains that grow, are cut short for their age and grow on, with values of all kinds; against every
    anchor that there has been since."""
    place = chains(5, 0)
    heads = dict[int, Anchor]()
    values = st.none() | st.floats() | st.sampled_from([0.0, -0.0, 1.0, 1e300, 5e-324])
    texts = st.text(st.characters(exclude_categories=["Cs"]))
    with Store(place) as store:
        for _ in range(data.draw(st.integers(1, 4))):
            for _ in range(data.draw(st.integers(0, 6))):
                score, detail = data.draw(values), data.draw(texts)
                store.record(Event(EventKind.TAMPER, data.draw(st.floats()), score=score, detail=detail))
                heads |= anchors_of(place)
            with store.undisturbed() as db:
                prune(db, older_than=None, max_events=data.draw(st.integers(1, 8)), most=3, at=0.0)
            heads |= anchors_of(place)
    with looking(place) as db:
        seen = examine(db, [Noted(anchor, "a note") for anchor in heads.values()])
    assert seen.findings == ()
    assert len(seen.agreed) + seen.outlived == len(heads)
    assert seen.agreed[-1].anchor.id == seen.last == max(heads)


def test_much_tampering_at_once_is_found_too(chains: Chains) -> None:
    """Several kinds after another, until little is as it was: told of, whatever it is, and no error."""
    for seed in range(40):
        chance = random.Random(seed)
        place = chains(80, 0)
        for tamper in chance.sample(TAMPERINGS, 3):
            with by_hand(place) as db:
                tamper(db, chance.randint)
        assert found(place)
        shutil.rmtree(place)


def test_a_number_is_tried_as_the_chain_digests_it(chains: Chains) -> None:
    """The quick way to try many numbers comes to what ``chain.digest`` comes to."""
    with looking(chains(12, 0)) as db:
        for values in by.rows(db):
            row = Row(values[0], values[1:-2], values[-2], values[-1])
            fits = fitting(row, row.previous)
            assert fits is not None
            assert [number for number in range(30) if fits(number)] == [row.number]


def test_gaps_from_before_there_was_a_chain_are_nothing(chains: Chains) -> None:
    """An old file's numbers may have gaps: where the links are right nothing was removed. A row put into such
    a gap is found."""
    place = chains(12, 0)
    with by_hand(place) as db:
        rows = by.rows(db)
        db.execute("DELETE FROM events")
        before = bytes(32)
        for row in rows:
            row = by.anew((row[0] * 3, *row[1:]), before)
            by.insert(db, row)
            before = row[-1]
    assert found(place) == ()
    with by_hand(place) as db:
        by.insert(db, by.anew((13, *by.row_of(db, 12)[1:]), by.row_of(db, 12)[-1]))
    (one,) = found(place)
    assert (one.kind, one.spans) == (Kind.ADDED, ((13, 13),))


def test_another_type_is_another_value(chains: Chains) -> None:
    """With the table's own checks taken away, a number as text, or text as bytes, is a change."""
    for sql in (
        "UPDATE events SET lookalike = CAST(lookalike AS BLOB) WHERE id = 5",
        "UPDATE events SET score = 'much' WHERE id = 5",
        "UPDATE events SET detail = CAST(detail AS BLOB) WHERE id = 5",
        "UPDATE events SET previous = hex(previous) WHERE id = 5",
        "UPDATE events SET hash = hex(hash) WHERE id = 5",
    ):
        place = chains(12, 0)
        with closing(sqlite3.connect(place / FILE, isolation_level=None)) as db:
            db.execute("PRAGMA writable_schema = ON")
            db.execute("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'events'")
        with by_hand(place) as db:
            db.execute(sql)
        tables, row = sorted(found(place), key=lambda finding: finding.spans)
        assert (tables.kind, row.spans) == (Kind.TABLES, ((5, 5),)), sql


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t BEFORE INSERT ON events WHEN new.person_id = 2 BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER t AFTER INSERT ON events BEGIN UPDATE events SET detail = '' WHERE id = new.id; END",
        "CREATE VIEW policies_of AS SELECT * FROM policies",
        "DROP TRIGGER people_insert",
    ],
)
def test_what_is_not_doorctls_in_the_database_is_found(chains: Chains, sql: str) -> None:
    """A trigger could keep chosen events from being written, or change others, with every digest right."""
    place = chains(12, 0)
    with by_hand(place) as db:
        db.execute(sql)
    assert [finding.kind for finding in found(place)] == [Kind.TABLES]


def test_an_event_that_something_in_the_database_swallows_is_told_at_once(chains: Chains) -> None:
    """Nothing is released on an event that was not kept: whoever writes it hears of that."""
    place = chains(12, 0)
    event = Event(EventKind.ACCESS_GRANTED, 1.0, Person(2, "Ann"))
    for body in ("BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END",
                 "AFTER INSERT ON events BEGIN DELETE FROM events WHERE id = new.id; END"):  # fmt: skip
        with by_hand(place) as db:
            db.execute("DROP TRIGGER IF EXISTS t")
            db.execute(f"CREATE TRIGGER t {body}")
        with Store(place) as store, pytest.raises(StoreError, match="tampered with"):
            store.record(event)


def test_an_empty_past_is_whole_until_an_anchor_says_otherwise(tmp_path: Path) -> None:
    """No event is no finding; but if one was noted, or erased ones are, all were cut off."""
    with Store(tmp_path):
        pass
    assert found(tmp_path) == ()
    assert found(tmp_path, Anchor(0, bytes(32))) == ()
    (cut,) = found(tmp_path, Anchor(7, bytes(32)))
    assert (cut.kind, cut.spans) == (Kind.CUT, ((1, 7),))
    for sql in ("UPDATE pruned SET id = 3", "UPDATE pruned SET hash = randomblob(32)"):
        with by_hand(tmp_path) as db:
            db.execute(sql)
        assert [finding.kind for finding in found(tmp_path)] == [Kind.ERASED]


def test_two_pasts_are_told_though_later_anchors_agree(chains: Chains) -> None:
    """The daemon goes on noting what was rebuilt: an older anchor that does not agree counts nevertheless."""
    place = chains(80, 0)
    before = anchors_of(place)
    with by_hand(place) as db:
        rebuild(db, 40)
    after = anchors_of(place)
    (one,) = found(place, before[20], before[50], after[60], after[80])
    assert (one.kind, one.spans) == (Kind.REBUILT, ((21, 50),))


def test_a_long_past_takes_seconds(tmp_path: Path) -> None:
    """50,000 events, and then half of them tampered with, each in its own way: bounded in time, and told."""
    write_chain(tmp_path, 3)
    with by_hand(tmp_path) as db:
        before = by.row_of(db, 3)
        last: bytes = before[-1]
        for number in range(4, 50_001):
            row = by.anew((number, *before[1:]), last)
            by.insert(db, row)
            last = row[-1]
    started = time.process_time()
    assert found(tmp_path) == ()
    assert time.process_time() - started < 10
    with by_hand(tmp_path) as db:
        db.execute("UPDATE events SET hash = randomblob(32), previous = randomblob(32) WHERE id % 2")
    started = time.process_time()
    findings = found(tmp_path)
    assert time.process_time() - started < 20
    assert findings[0].names(1)
    assert findings[-1].kind is Kind.TOO_MUCH


def test_what_cannot_be_read_is_told(chains: Chains, tmp_path: Path) -> None:
    """No file, a file from before the chain, of a newer doorctl, and a damaged one."""
    with pytest.raises(StoreError, match="no database"):
        found(tmp_path)
    place = chains(12, 0)
    for version, words in ((4, "from before there was a chain"), (99, "a newer doorctl")):
        with closing(sqlite3.connect(place / FILE)) as db:
            db.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(StoreError, match=words):
            found(place)
    content = bytearray((place / FILE).read_bytes())
    content[2048:] = random.Random(1).randbytes(len(content) - 2048)
    (place / FILE).write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        found(place)


def test_a_disk_that_cannot_be_written_is_read(chains: Chains, tmp_path: Path) -> None:
    """As a copy on a medium that was put away: nothing need be written beside the file."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only the superuser can mount a disk that cannot be written")
    try:
        shutil.copy(chains(12, 5) / FILE, tmp_path)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        assert found(tmp_path) == ()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_the_door_may_go_on_meanwhile(chains: Chains) -> None:
    """One moment is looked at, whatever is written while it is; and nobody who writes has to wait."""
    place = chains(12, 0)
    with looking(place) as db, Store(place, busy_seconds=0.1) as store:
        store.record(Event(EventKind.TAMPER, 1.0), time=datetime(2026, 1, 1, tzinfo=UTC))
        seen = examine(db)
    assert (seen.findings, seen.last) == ((), 12)
    assert found(place) == ()
