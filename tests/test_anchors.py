"""Anchors of the chain of events: how they are noted, where they are found again, what the command says."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from doorctl.app.anchors import UNIT, anchor_line, anchors_in, from_file, from_journal, from_receipt
from doorctl.app.sync_status import receipt_file, write_receipt
from doorctl.core.decision import Event, EventKind
from doorctl.enrol.folder import FolderSource
from doorctl.errors import StoreError
from doorctl.store import files
from doorctl.store.chain import Anchor
from doorctl.store.database import Store
from tests.command import Done, doorctl, lines, refused
from tests.store import tampering as by
from tests.store.tampering import anchors_of, by_hand, rebuild, write_chain

ONE = Anchor(123, bytes(range(32)))
LINE = f"audit anchor: event 123 sha256 {bytes(range(32)).hex()}"

JOURNAL_REMOTE = next(
    filter(
        os.path.exists,
        (f"{top}/systemd/systemd-journal-remote" for top in ("/lib", "/usr/lib")),
    ),
    None,
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("chain") / "data"
    write_chain(place, 12)
    return place


@pytest.fixture
def place(chain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(chain, tmp_path / "data"))


def verify(place: Path, *arguments: object) -> Done:
    return doorctl("events", "verify", *arguments, data=place)


def middle(first: int, last: int) -> int:
    return (first + last) // 2


KINDS = {
    by.content: "Event 6: the content was changed.",
    by.link: "Event 6: the link to the event before (previous) was changed.",
    by.digest_computed: "Event 6, and perhaps some before it, was changed and its digest computed anew",
    by.removed: "Event 6 was removed.",
    by.added: "Event 6 was added.",
    by.contents_exchanged: "The contents of events 6 and 9 were exchanged.",
    by.oldest_removed: "Events 1 to 5 were removed.",
    by.note_of_erased: "No event was erased for its age, and what is noted of such (table pruned) was",
    by.rules: "The text of the rules",
}


def test_the_command_finds_each_kind_of_tampering(chain: Path, tmp_path: Path) -> None:
    """Nine kinds, each by the real command: exit code 65, the event named, and what to do."""
    places = []
    for tamper in KINDS:
        places.append(Path(shutil.copytree(chain, tmp_path / tamper.__name__)))
        with by_hand(places[-1]) as db:
            tamper(db, middle)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(verify, places))
    for words, result in zip(KINDS.values(), results, strict=True):
        refused(result, 65)
        assert result.stdout.startswith(words), result.stdout
        assert "copy doorctl.db" in result.stdout


def test_the_command_tells_what_an_anchor_shows(place: Path, tmp_path: Path) -> None:
    """An anchor that the command itself has printed tells of a tail cut off, and two of what was rebuilt, for
    people and as JSON. Without any the command says what it could not tell."""
    alone = verify(place)
    assert (alone.returncode, alone.stdout) == (0, "12 events, unbroken from event 1 to 12\n")
    assert "could not be told if all was rebuilt" in alone.stderr
    note = tmp_path / "note.txt"
    note.write_text(f"of my door:\n{doorctl('events', 'anchor', data=place).stdout}")
    before = anchors_of(place)
    with by_hand(place) as db:
        db.execute("DELETE FROM events WHERE id > 9")
    cut = verify(place, "--anchors", note, "--json")
    found, summary = [json.loads(line) for line in cut.stdout.splitlines()]
    assert (cut.returncode, found["finding"], found["events"]) == (65, "cut off", [[10, 12]])
    assert (summary["intact"], summary["last"], summary["agree"]) == (False, 9, 0)
    with by_hand(place) as db:
        rebuild(db, 4)
    note.write_text("\n".join(anchor_line(before[n]) for n in (2, 7)))
    rebuilt = verify(place, "--anchors", note)
    assert rebuilt.stdout.startswith("Everything from one of events 3 to 7 on was rebuilt")
    refused(verify(place, "--anchors", tmp_path / "none"), 74, "none")


def test_anchors_may_be_piped_in(place: Path) -> None:
    """As from another machine's journal."""
    text = f"Jan 31 08:15:00 door doorctl[7]: doorctl.app.audit: {anchor_line(anchors_of(place)[12])}\n"
    command = [sys.executable, "-m", "doorctl", "--data", str(place), "events", "verify", "--anchors", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    agrees = "agrees with an anchor of event 12 (what was piped in)\n"
    assert done.stdout == f"12 events, unbroken from event 1 to 12; {agrees}"
    assert done.stderr == ""


@pytest.mark.parametrize(
    "before",
    [
        "",
        "  ",
        "> ",
        "- ",
        "`",
        "doorctl.app.audit: ",
        "Jan 31 08:15:00 door doorctl[123]: doorctl.app.audit: ",
        "2026-01-31T08:15:00+0100 door doorctl[123]: doorctl.app.audit: ",
        "2026-01-31 08:15:00,250 INFO    doorctl.app.audit: ",
        "2026-01-31T08:15Z ",
    ],
)
def test_a_line_is_read_back_whatever_stands_before_it(before: str) -> None:
    """What journals, log files, mails and lists put there; and the time where the line begins with one."""
    (noted,) = anchors_in([f"{before}{anchor_line(ONE)}\r\n"], "a file")
    assert (noted.anchor, noted.source) == (ONE, "a file")
    assert (noted.time is not None) == before.startswith("2026")
    if noted.time:
        assert (noted.time.day, noted.time.hour, noted.time.minute) == (31, 8, 15)


@pytest.mark.parametrize(
    "line",
    [
        LINE[:-1],
        f"{LINE}0",
        f"{LINE}.jpg",
        LINE.replace("123", "-1"),
        LINE.replace("123", "1" * 19),
        LINE.upper(),
        f"photo audit anchor{LINE}",
        f"refused: {LINE.removeprefix('audit ')}",
        f"a photo called x{LINE}",
    ],
)
def test_what_only_looks_like_an_anchor_is_none(line: str) -> None:
    """Too short, too long, not the end of its line, a part of another word."""
    assert anchors_in([line], "a file") == []


def test_a_file_without_anchors_says_so(tmp_path: Path) -> None:
    """And one that is no text at all is none that has any; one that is not there is an error."""
    (tmp_path / "some").write_bytes(os.urandom(5000))
    place = from_file(tmp_path / "some")
    assert place.anchors == ()
    assert "no anchors in" in place.none
    with pytest.raises(StoreError, match="No such file"):
        from_file(tmp_path / "none")


def executable(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "No such file"),
        ("echo 'Failed to open files: Bad message' >&2; exit 1", "Failed to open files: Bad message"),
        ("exit 3", "journalctl ended with 3"),
        ("exit 0", "none that this user may read"),
        ("echo '{\"MESSAGE\": null}'; echo '[1, 2]'; echo 'audit anchor: {'", "none that this user may read"),
    ],
)
def test_a_journal_that_tells_nothing_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, words: str
) -> None:
    """None here, one that fails, one that finds nothing, one that talks nonsense: said, and gone on."""
    (tmp_path / "bin").mkdir()
    if script:
        executable(tmp_path / "bin" / "journalctl", script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    place = from_journal()
    assert place.anchors == ()
    assert place.none.startswith("no anchors from the journal: ")
    assert words in place.none


def test_a_journal_that_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it is ended, and what it wrote until then does not count."""
    executable(tmp_path / "bin" / "journalctl", f"echo '{LINE}'; exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    started = time.monotonic()
    place = from_journal(patience_seconds=0.3)
    assert time.monotonic() - started < 5
    assert place.anchors == ()
    assert "longer than 0.3 s" in place.none


def journal(file: Path, entries: list[tuple[str, float, str]]) -> None:
    """A real journal file of messages: unit, seconds since 1970, text."""
    if JOURNAL_REMOTE is None or shutil.which("journalctl") is None:
        pytest.skip("no journal can be made here: systemd-journal-remote and journalctl are not installed")
    exported = "".join(
        f"__REALTIME_TIMESTAMP={at * 1e6:.0f}\n__MONOTONIC_TIMESTAMP={i + 1}\n_BOOT_ID={'b' * 32}\n"
        f"_SYSTEMD_UNIT={unit}\nPRIORITY=6\nMESSAGE={text}\n\n"
        for i, (unit, at, text) in enumerate(entries)
    )
    command = [JOURNAL_REMOTE, f"--output={file}", "-"]
    subprocess.run(command, input=exported, text=True, capture_output=True, check=True)


def test_anchors_are_found_in_a_real_journal(tmp_path: Path) -> None:
    """Those of the daemon's unit alone, as messages of their own, with the journal's times."""
    at = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
    text = f"doorctl.app.audit: {LINE}"
    file = tmp_path / "door.journal"
    entries = [
        (UNIT, at.timestamp(), text),
        (UNIT, at.timestamp() + 60, "doorctl.app.audit: event 7: RelayOn"),
        ("evil.service", at.timestamp() + 120, text.replace("123", "124")),
        (UNIT, at.timestamp() + 180, f"doorctl.enrol.folder: a file called {LINE.replace('123', '125')}"),
        (UNIT, at.timestamp() + 3600, text.replace("123", "126")),
    ]
    journal(file, entries)
    place = from_journal(f"--file={file}")
    assert [noted.anchor.id for noted in place.anchors] == [123, 126]
    assert place.anchors[0].anchor == ONE
    assert place.anchors[0].time == at
    assert str(place.anchors[0]).startswith("event 123 (journal, 2026-01-31 ")
    later = from_journal(f"--file={file}", f"--since=@{at.timestamp() + 600:.0f}")
    assert [noted.anchor.id for noted in later.anchors] == [126]


def test_older_anchors_can_be_left_out(place: Path, tmp_path: Path) -> None:
    """A backup that was brought back is another past: what was noted of the first is told, and can be left
    out; anchors whose time nobody knows stay."""
    other = anchor_line(Anchor(5, bytes(32)))
    long_ago = (datetime.now(UTC) - timedelta(hours=3)).isoformat(timespec="seconds")
    note = tmp_path / "note"
    note.write_text(f"{long_ago} {other}\n{anchor_line(anchors_of(place)[12])}\n")
    with Store(place) as store:
        store.record(Event(EventKind.RESTORED, 0.0))
    first = verify(place, "--anchors", note)
    refused(first, 65)
    assert "A backup was brought back in event 13" in first.stdout
    assert verify(place, "--anchors", note, "--since-anchor", "2h").returncode == 0
    note.write_text(other)
    assert verify(place, "--anchors", note, "--since-anchor", "2h").returncode == 65


def test_the_folder_s_receipt_ends_with_an_anchor(place: Path, tmp_path: Path) -> None:
    """It is written with the page, and by itself no more often than asked for: an event alone writes nothing
    to the folder. The command reads it from a folder of this machine."""
    folder = tmp_path / "photos"
    folder.mkdir()
    source = FolderSource(folder)
    page = folder / receipt_file()
    with Store(place) as store:
        with store.undisturbed() as db:
            files.begin(db, source.name, "rules")
        assert write_receipt(store, source)
        text = page.read_text()
        assert text.splitlines()[-1] == anchor_line(anchors_of(place)[12])
        store.record(Event(EventKind.TAMPER, 0.0))
        assert not write_receipt(store, source)
        assert page.read_text() == text
        time.sleep(0.02)
        assert write_receipt(store, source, anchor_seconds=0.0)
        assert page.read_text().splitlines()[-1] == anchor_line(anchors_of(place)[13])
        assert page.read_text().splitlines()[:-1] == text.splitlines()[:-1]
        assert not write_receipt(store, source, anchor_seconds=0.0)  # no event has come since
        with store.undisturbed() as db:
            digest = files.receipt_digest(db).split()[0]
            files.put_receipt_digest(db, f"{digest} 1 {time.time() + 1e9:.0f}")
        assert write_receipt(store, source)  # by a clock that was wrong it is from the future
    (place / "doorctl.yaml").write_text(f"photos: {{source: 'folder:{folder}'}}\n")
    (summary,) = lines(verify(place, "--json"))
    assert summary["latest"] == {"event": 13, "source": "the folder's receipt"}
    with by_hand(place) as db:
        db.execute("DELETE FROM events WHERE id = 13")
    assert "Event 13 was cut off at the end" in verify(place).stdout
    page.unlink()
    assert "no anchor from the folder's receipt" in verify(place).stdout


def test_a_receipt_without_an_anchor_says_so(tmp_path: Path) -> None:
    """One of an older doorctl, or whose end is missing."""
    (tmp_path / "page.md").write_text(f"{LINE}\n\n| Grace Hopper | let in | 1 |\n")
    assert "none ends" in from_receipt(tmp_path / "page.md").none
    assert receipt_file().name == f"{socket.gethostname()}.md"
