"""Whoever speaks to the control socket as nobody should: it holds up neither the loop nor anybody else."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from doorctl.app.control import MOST_AT_ONCE, PER_SECOND, SAY_SECONDS
from doorctl.app.control_desk import Desk
from doorctl.app.control_door import obey
from doorctl.app.control_orders import Orders
from doorctl.app.control_socket import connected
from doorctl.app.control_wire import MOST_REQUEST, SOCKET, LoopRequest, Reload, Reply, Status
from doorctl.app.replay import open_replay
from doorctl.app.settings import Settings
from doorctl.app.status import door_fields
from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Input
from doorctl.core.records import Frame, Person, Reason
from doorctl.daemon import Daemon
from doorctl.errors import DoorctlError
from doorctl.store.database import Store
from tests.command import doorctl
from tests.controls import heard, line, listens, say, settings_at
from tests.pictures import hopper_file

STATUS = line(do="status")

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"\0" * 100 + b"\n",
        b"unlock\n",
        b"[]\n",
        b"null\n",
        b'"unlock"\n',
        b'{"do": "unlock"',
        b'{"do": "unlock", "do": 7}\n',
        b'{"do": "unlock"}\n{"do": "unlock"}\n',
        b'{"do": "unlock", "by": "root"}\n',
        b'{"do": "unlock", "seconds": NaN}\n',
        b'{"do": "unlock", "seconds": Infinity}\n',
        b'{"do": "unlock", "seconds": 0}\n',
        b'{"do": "unlock", "seconds": -1}\n',
        b'{"do": "unlock", "seconds": 1e999}\n',
        b'{"do": "unlock", "seconds": "5"}\n',
        b'{"do": "unlock", "sudo": "\\u001b[2J"}\n',
        b'{"do": "hold-open"}\n',
        b'{"do": "lockdown", "on": 1}\n',
        b'{"do": "deny", "name": 7}\n',
        b'{"do": "approve", "name": "A", "photo": true}\n',
        b"[" * 2000 + b"\n",
        b'{"do":' * 600 + b"\n",
        b"\xff\xfe{\n",
        b"x" * 100_000,
        b'{"do": "unlock", "sudo": "' + b"a" * MOST_REQUEST + b'"}\n',
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_request_is_told_and_does_nothing(tmp_path: Path, data: bytes) -> None:
    """Not JSON, not ours, two at once, too long, too deep, out of bounds: code 65, nothing is ordered, and
    whoever comes next is served."""
    settings, orders = settings_at(tmp_path / "door"), Orders()
    with listens(settings.runtime, Desk(lambda: settings, orders, None).handle):
        refused = say(settings.runtime, data, half_close=True)
        assert (refused["ok"], refused["code"]) == (False, 65)
        assert len(refused["error"]) < 400
        assert refused["error"].isprintable()
        later = say(settings.runtime, line(do="sync"))
        assert later["code"] == 78
    ordered = list[str]()

    def act(request: LoopRequest, by: str) -> Reply:
        ordered.append(request.do)
        return {}

    orders.carry_out(act)
    assert ordered == []


def test_a_slow_client_gets_its_time_and_no_more(tmp_path: Path) -> None:
    """A byte now and then: the others are served meanwhile, and it is hung up on after two seconds."""
    with listens(tmp_path):
        start = time.monotonic()
        with connected(tmp_path, start + 5) as slow:
            slow.settimeout(10)
            for byte in STATUS[:4]:
                slow.sendall(bytes([byte]))
                assert say(tmp_path, STATUS)["ok"]
                time.sleep(0.1)
            late = heard(slow)
        assert SAY_SECONDS - 0.1 < time.monotonic() - start < SAY_SECONDS + 2
        assert late["code"] == 75
        assert "within" in late["error"]


@pytest.mark.slow
def test_a_crowd_is_let_in_few_by_few(tmp_path: Path) -> None:
    """More than may be listened to at once say nothing: others wait until these are hung up on, and are
    served then."""
    with listens(tmp_path), ExitStack() as stack:
        start = time.monotonic()
        for _ in range(MOST_AT_ONCE):
            stack.enter_context(connected(tmp_path, start + 5))
        assert say(tmp_path, STATUS)["ok"]
        assert time.monotonic() - start > SAY_SECONDS - 0.1


def test_a_flood_is_listened_to_at_a_walk(tmp_path: Path) -> None:
    """However fast they come, so many in a second are answered, and one that waits its turn among them."""
    answered, stop = list[float](), threading.Event()

    def flood() -> None:
        while not stop.is_set():
            with suppress(OSError), connected(tmp_path, time.monotonic() + 5) as link:
                link.settimeout(5)
                link.sendall(STATUS)
                if heard(link):
                    answered.append(time.monotonic())

    floods = [threading.Thread(target=flood) for _ in range(4)]
    with listens(tmp_path, per_second=PER_SECOND):
        start = time.monotonic()
        for one in floods:
            one.start()
        time.sleep(1.0)
        assert say(tmp_path, STATUS)["ok"]
        seconds = time.monotonic() - start
        stop.set()
        for one in floods:
            one.join()
    assert PER_SECOND <= sum(at <= start + seconds for at in answered) <= PER_SECOND * (seconds + 1) + 1


def test_thousands_of_connections_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand come and go, with or without a word: no file number stays open, and the next is served."""

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    monkeypatch.chdir(tmp_path)
    with listens(tmp_path):
        assert say(tmp_path, STATUS)["ok"]
        before = open_files()
        for number in range(2000):
            with socket.socket(socket.AF_UNIX) as link, suppress(BrokenPipeError):
                link.connect(SOCKET)
                link.sendall(STATUS[: number % 20])
        assert say(tmp_path, STATUS)["ok"]
        deadline = time.monotonic() + 5
        while open_files() > before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert open_files() <= before


def test_without_a_file_number_left_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The process can open nothing more: one warning, no spinning, and when it can again, whoever waited is
    served."""
    monkeypatch.chdir(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with listens(tmp_path), socket.socket(socket.AF_UNIX) as link:
        link.settimeout(10)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            link.connect(SOCKET)
            link.sendall(STATUS)
            used = time.process_time()
            time.sleep(0.5)
            used = time.process_time() - used
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert used < 0.2
        assert heard(link)["ok"]
    assert sum("no command can be listened to" in record.message for record in caplog.records) == 1


class Timeline:
    """All that a replay decides, frame by frame, and every event, on the clip's own time."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.frames: list[tuple[float, Reason, Person | None, float | None]] = []

    def event(self, event: Event) -> None:
        self.events.append(event)

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        self.frames.append((fact.at, decision.reason, decision.person, decision.score))


def replayed(settings: Settings, clip: Path, before: Callable[[Daemon], None]) -> Timeline:
    timeline = Timeline()
    begins = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
    with open_replay(settings, str(clip), [timeline], seed=3, begins=begins, before=before) as play:
        play()
    return timeline


@pytest.mark.slow
def test_ten_thousand_hostile_messages_change_nothing_of_a_replay(
    door: Path, models_dir: Path, walk_up_clip: Path
) -> None:
    """Random bytes, and requests that were changed in their values or bytes, from somebody who may command;
    and from somebody who may not, these and real orders, too. Meanwhile a clip is replayed again and again by
    the daemon's own loop, with the control thread beside it and its orders taken between two frames as at a
    door. Every timeline, each frame's time, reason, person and score and each event, is that of an
    undisturbed run; nothing but the question of how things stand has reached the loop; and the people are
    as they were. Of somebody who may command, real orders are left out, by the parser's own word."""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    settings, orders = Settings.find(None, door), Orders()
    undisturbed = replayed(settings, walk_up_clip, lambda daemon: None)
    with Store(door, create=False) as store:
        people, events = store.people(), store.events()
    ordered = Counter[str]()

    def between(daemon: Daemon) -> None:
        def act(request: LoopRequest, by: str) -> Reply | DoorctlError:
            ordered[request.do] += 1
            if isinstance(request, Status | Reload):
                return door_fields(daemon.door, daemon.policy, daemon.door.at)
            return obey(daemon, request, by, daemon.door.at)

        orders.carry_out(act)
        time.sleep(0.03)  # as a camera has the loop wait

    desk, places = Desk(lambda: settings, orders, None), (door / "may", door / "may-not")
    command = [sys.executable, "-m", "tests.hostile"]
    with listens(places[0], desk.handle), listens(places[1], desk.handle, may=lambda peer: False):
        hostile = [
            subprocess.Popen([*command, str(place), *rest], stdout=subprocess.PIPE, text=True, cwd=ROOT)
            for place, *rest in ((places[0], "7000", "1", "wrong"), (places[1], "3000", "2", "all"))
        ]
        same = list[bool]()
        while any(one.poll() is None for one in hostile) or not same:
            disturbed = replayed(settings, walk_up_clip, between)
            same.append((disturbed.events, disturbed.frames) == (undisturbed.events, undisturbed.frames))
        heard, refused = (Counter(json.loads(one.communicate()[0])) for one in hostile)
    assert all(same)
    kinds = [event.kind for event in undisturbed.events]
    assert {EventKind.ACCESS_GRANTED, EventKind.RELAY_ON, EventKind.ACCESS_DENIED} <= set(kinds)
    assert len(undisturbed.frames) > 100
    assert (heard.total(), refused.total()) == (7000, 3000)
    assert heard["65"] > 6000
    assert set(heard) <= {"65", "ok", "none"}
    assert set(refused) <= {"77", "none"}
    assert set(ordered) <= {"status"}
    with Store(door, create=False) as store:
        assert (store.people(), store.events()) == (people, events)
