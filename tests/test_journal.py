"""The daemon's log as it reaches a journal: over a real datagram socket that stands for journald's."""

from __future__ import annotations

import logging
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorctl.app.audit import Audit
from doorctl.cli.journal import JournalHandler, is_journal, message_id
from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Person, Reason
from doorctl.sections import AuditConfig
from doorctl.store.database import Store
from tests.command import doorctl

HOPPER = Person(3, "Grace Hopper")


class Journal:
    """journald's end of the socket, and what else it reads of a service: its standard error."""

    def __init__(self, directory: Path) -> None:
        self.address = directory / "socket"
        self.log = logging.getLogger("doorctl.test_journal")
        self.log.propagate = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.address))
        self._socket.setblocking(False)
        self._out, end = os.pipe()
        os.set_blocking(self._out, False)
        self.stderr = os.fdopen(end, "w")
        self.handler = JournalHandler(self.address, self.stderr)
        self.log.handlers[:] = [self.handler]
        self.log.setLevel(logging.DEBUG)

    def entry(self) -> dict[str, str]:
        """The next entry, read as journald would."""
        data, entry = self._socket.recv(1 << 20), dict[str, str]()
        while data:
            line, _, data = data.partition(b"\n")
            key, equals, value = line.partition(b"=")
            if not equals:
                length = struct.unpack("<Q", data[:8])[0]
                value, data = data[8 : 8 + length], data[8 + length + 1 :]
            entry[key.decode()] = value.decode()
        return entry

    def plain(self) -> str:
        """What has come by standard error."""
        try:
            return os.read(self._out, 1 << 20).decode()
        except BlockingIOError:
            return ""

    def drain(self) -> int:
        """Read what has queued up; how many entries."""
        count = 0
        while True:
            try:
                self._socket.recv(1 << 20)
            except BlockingIOError:
                return count
            count += 1

    def close(self) -> None:
        self.handler.close()
        self._socket.close()
        self.stderr.close()
        os.close(self._out)
        self.log.handlers[:] = []


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path)
    yield journal
    journal.close()


def test_an_event_has_fields_to_search_by_and_no_name(journal: Journal) -> None:
    """Kind, number, person's number, reason, score and the kind's MESSAGE_ID arrive; the name does not."""
    event = Event(EventKind.ACCESS_GRANTED, 1.0, HOPPER, Reason.RECOGNISED, 0.98765)
    journal.log.info("event 7: %s", event.describe(named=False), extra={"event": event, "event_id": 7})
    entry = journal.entry()
    assert entry["MESSAGE"] == "event 7: AccessGranted #3 (recognised) score 0.99"
    fields = {key: value for key, value in entry.items() if key.startswith("DOORCTL_")}
    assert fields == {
        "DOORCTL_EVENT": "AccessGranted",
        "DOORCTL_EVENT_ID": "7",
        "DOORCTL_PERSON_ID": "3",
        "DOORCTL_REASON": "recognised",
        "DOORCTL_SCORE": "0.9877",
    }
    assert entry["MESSAGE_ID"] == message_id(EventKind.ACCESS_GRANTED)
    assert "Hopper" not in str(entry)


def test_a_line_without_an_event_has_level_and_place(journal: Journal) -> None:
    """Whatever else is logged arrives with its level as syslog counts, and with where it comes from."""
    journal.log.warning("audit anchor: %s", "12 abc")
    entry = journal.entry()
    assert (entry["MESSAGE"], entry["PRIORITY"]) == ("audit anchor: 12 abc", "4")
    assert entry["SYSLOG_IDENTIFIER"] == "doorctl"
    assert entry["LOGGER"] == "doorctl.test_journal"
    assert entry["CODE_FILE"].endswith("test_journal.py")
    assert entry["CODE_LINE"].isdecimal()
    assert entry["CODE_FUNC"] == "test_a_line_without_an_event_has_level_and_place"
    assert "DOORCTL_EVENT" not in entry


def test_several_lines_arrive_as_one_entry(journal: Journal) -> None:
    """A text with line ends cannot bring fields of its own: it arrives whole, told with its length."""
    journal.log.error("first\nDOORCTL_EVENT=AccessGranted\n")
    entry = journal.entry()
    assert entry["MESSAGE"] == "first\nDOORCTL_EVENT=AccessGranted\n"
    assert entry["PRIORITY"] == "3"
    assert "DOORCTL_EVENT" not in entry


def test_what_is_no_text_still_arrives(journal: Journal) -> None:
    """Half a character, such as of a file's name that is no UTF-8, breaks nothing."""
    journal.log.info("photo %s", b"\xff.jpg".decode(errors="surrogateescape"))
    assert journal.entry()["MESSAGE"] == "photo \\udcff.jpg"


def test_every_kind_has_a_message_id_of_its_own() -> None:
    """The numbers are different, 32 hexadecimal digits, and those of old journals."""
    ids = [message_id(kind) for kind in EventKind]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 32 and int(one, 16) for one in ids)
    assert message_id(EventKind.ACCESS_GRANTED) == "2e3c75fbbf865dde890bc72411a147ec"


def test_without_a_journal_the_line_goes_to_standard_error(journal: Journal) -> None:
    """A socket that is not there costs the fields, and not the line."""
    journal.address.unlink()
    journal.log.warning("the disk is full")
    assert journal.plain() == "<4>doorctl.test_journal: the disk is full\n"


def test_too_long_a_line_goes_to_standard_error(journal: Journal) -> None:
    """What no datagram can hold is told the other way, whole."""
    with journal.handler._socket as tight:  # a buffer of its own size, for the machine's may hold much
        tight.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        journal.log.info("x" * 20_000)
        assert len(journal.plain()) == 20_000 + len("<6>doorctl.test_journal: \n")


def test_a_journal_that_reads_nothing_holds_nothing_up(journal: Journal) -> None:
    """Neither a full socket nor a full standard error is waited for, and what was lost is counted later."""
    for number in range(5000):
        journal.log.info("line %d of many %s", number, "." * 100)
    kept = journal.drain() + len(journal.plain().splitlines())
    assert 0 < kept < 5000
    journal.log.info("the last")
    assert journal.entry()["MESSAGE"].endswith(f"had no room: {5000 - kept}")
    assert journal.entry()["MESSAGE"] == "the last"


def test_a_mistake_in_a_log_line_is_no_fault(journal: Journal) -> None:
    """A line that cannot be put together is lost; the next one says so, and nothing is raised."""
    journal.handler.handle(logging.makeLogRecord({"msg": "%d", "args": ("not a number",)}))
    journal.log.info("well")
    assert "lost" in journal.entry()["MESSAGE"]
    assert journal.entry()["MESSAGE"] == "well"


def test_only_its_own_stream_is_the_journals(tmp_path: Path) -> None:
    """What systemd tells of a service's stream counts for that stream alone: children inherit the word."""
    with (tmp_path / "a").open("w") as one, (tmp_path / "b").open("w") as other:
        about = os.fstat(one.fileno())
        env = {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}
        assert is_journal(one, env)
        assert not is_journal(other, env)
        assert not is_journal(one, {})
    assert not is_journal(one, env)


def test_what_is_written_down_reaches_the_journal_with_its_fields(journal: Journal, tmp_path: Path) -> None:
    """An event that the store has keeps its number in the journal; so does one that waited for the next."""
    log = logging.getLogger("doorctl")
    before = log.level
    log.addHandler(journal.handler)
    log.setLevel(logging.INFO)
    try:
        with Store(tmp_path) as store:
            audit = Audit(store, AuditConfig(), lambda: 1.0)
            audit.record(Event(EventKind.RELAY_ON, 1.0))
            audit.record(Event(EventKind.RELAY_OFF, 2.0))
            audit.close()
            kept = [(stored.kind, str(stored.id)) for stored in store.events()]
    finally:
        log.removeHandler(journal.handler)
        log.setLevel(before)
    entries = [journal.entry() for _ in range(3)]
    assert [(entry["DOORCTL_EVENT"], entry["DOORCTL_EVENT_ID"]) for entry in entries[:2]] == kept
    assert "anchor" in entries[2]["MESSAGE"]


def test_a_stream_that_only_leads_to_the_journal_has_levels(door: Path, tmp_path: Path) -> None:
    """Where the journal reads the output of something that runs the daemon, each line tells its level."""
    (tmp_path / "starts.json").write_text(f'{{"deaths": 1, "at": {time.monotonic()}}}')
    here = {"RUNTIME_DIRECTORY": str(tmp_path), "DOORCTL_MODELS": str(tmp_path), "JOURNAL_STREAM": "1:2"}
    assert doorctl("run", data=door, **here).stderr.startswith("<4>doorctl.app.backoff: ended 2 times")
