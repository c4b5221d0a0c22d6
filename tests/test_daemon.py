"""The frame loop: what it does with a decision, and what it does when a part fails."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from doorctl.core.decision import Event, EventKind
from doorctl.core.inputs import Input, Line, Switched
from doorctl.core.liveness import LivenessMode
from doorctl.core.passage import PassageRules
from doorctl.core.policy import Policy
from doorctl.core.records import Ask, Frame, Gate, Match, Observation, Person
from doorctl.daemon import MAX_FAILURES, Daemon, notify
from doorctl.errors import ModelError, PinError, StoreError
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.relay import Relay
from doorctl.gpio.timer import SimulatedTimer

POLICY = Policy(
    threshold=0.7, margin=0.08, lookalike_margin=0.16, liveness=LivenessMode.OFF, dwell_seconds=0.4
)
GRACE = Person(1, "Grace Hopper")


class Knows:
    """Stands at the observer's seam: sees one person well on every frame, or fails when told to."""

    def __init__(self) -> None:
        self.person = GRACE
        self.failing = False
        self.delay = 0.0

    def observe(self, frame: Frame, ask: Ask) -> Observation:
        if self.failing:
            raise ModelError("the net gave no number")
        match = Match(self.person, 0.8, 0.9, 0.4)
        return Observation(
            frame.at,
            frame.at + self.delay,
            Gate.PASSED,
            match=match,
        )


class Rig:
    """A daemon on a real relay, a mock pin and simulated time."""

    def __init__(self) -> None:
        self.timer = SimulatedTimer()
        self.observer = Knows()
        self.events: list[Event] = []
        self.relay = Relay(make_pin_factory("mock", None), 17, active_high=True, timer=self.timer)
        self.daemon = Daemon(
            observer=self.observer,
            strike=self.relay,
            policy=POLICY,
            record=self.record,
            now=self.timer.now,
        )
        self.disk_full = self.slow_disk = False

    def record(self, event: Event) -> None:
        if self.disk_full:
            raise StoreError("the disk is full")
        if self.slow_disk:
            self.timer.advance(self.timer.now() + 2.0)
        self.events.append(event)

    def turn(self, count: int, start: float = 0.0) -> None:
        for i in range(count):
            self.timer.advance(start + i / 10)
            self.daemon.turn(Frame(np.zeros((48, 64, 3), np.uint8), start + i / 10, i))


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.relay.close()


def test_a_grant_is_recorded_and_energises_the_relay_for_its_time(rig: Rig) -> None:
    """Five good frames: one event, the relay on, and off again by its own timer though no frame comes."""
    rig.turn(5)
    assert [event.kind for event in rig.events] == [EventKind.ACCESS_GRANTED]
    assert rig.relay.is_on
    rig.timer.advance(0.4 + 2.99)
    assert rig.relay.is_on
    rig.timer.advance(0.4 + 3.0)
    assert not rig.relay.is_on


def test_a_release_that_cannot_be_recorded_does_not_happen(rig: Rig) -> None:
    """A full disk at the moment of the grant: the loop ends with that error, the relay was never on."""
    rig.disk_full = True
    with pytest.raises(StoreError, match="disk is full"):
        rig.turn(5)
    assert not rig.relay.is_on


def test_a_release_whose_event_took_too_long_does_not_happen(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk held the event up for two seconds: the person may have gone, so the strike stays locked."""
    rig.slow_disk = True
    rig.turn(5)
    assert not rig.relay.is_on
    assert "took too long" in caplog.text


def test_a_machine_that_is_too_slow_is_told(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Pictures that are always too old when judged can let nobody in: said once, not for each."""
    rig.observer.delay = 1.5
    rig.turn(30)
    assert not rig.relay.is_on
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_net_that_fails_keeps_the_door_locked_and_is_told_once(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Frames that cannot be judged count as nothing seen; one line in the log, not one for each."""
    rig.observer.failing = True
    rig.turn(MAX_FAILURES - 1)
    assert not rig.relay.is_on
    assert len(caplog.records) == 1
    rig.observer.failing = False
    rig.turn(4, start=10.0)
    assert not rig.relay.is_on
    rig.turn(1, start=10.4)
    assert rig.relay.is_on


def test_a_net_that_goes_on_failing_ends_the_loop(rig: Rig) -> None:
    """After MAX_FAILURES frames in a row the service is left to restart."""
    rig.observer.failing = True
    with pytest.raises(ModelError, match="gave no number"):
        rig.turn(MAX_FAILURES)


def test_no_frame_ticks_the_door(rig: Rig) -> None:
    """A camera that gives nothing lets evidence grow old."""
    rig.turn(4)
    rig.timer.advance(2.0)
    rig.daemon.turn(None)
    rig.turn(1, start=2.1)
    assert not rig.relay.is_on


def test_a_fault_of_the_relay_ends_the_loop(rig: Rig) -> None:
    """A pin that could not be locked is not a thing to carry on with."""
    rig.relay.fault = PinError("GPIO 17 cannot be driven")
    with pytest.raises(PinError, match="GPIO 17"):
        rig.turn(1)
    rig.relay.fault = None  # or closing the rig would tell of it again


def test_the_loop_tells_systemd_where_it_is(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """READY=1, a WATCHDOG=1 for each frame, STOPPING=1: over a real datagram socket."""
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address)
        rig.daemon.run([None, None])
        channel.setblocking(False)
        told = [channel.recv(100) for _ in range(4)]
    assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_lost_service_manager_is_no_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody at the other end of the socket: a warning, no exception."""
    monkeypatch.setenv("NOTIFY_SOCKET", os.fspath(tmp_path / "nobody"))
    notify("READY=1")
    assert "could not be told" in caplog.text


def test_what_changed_while_the_camera_was_waited_for_holds_for_the_frame_it_gives(rig: Rig) -> None:
    """Denied by another process just before the fifth frame comes: that frame already knows it."""
    known = GRACE

    def take_up() -> None:
        rig.observer.person = known

    def frames() -> Iterator[Frame]:
        nonlocal known
        for i in range(5):
            rig.timer.advance(i / 10)
            if i == 4:
                known = Person(GRACE.id, GRACE.name, denied=True)
            yield Frame(np.zeros((48, 64, 3), np.uint8), i / 10, i)

    rig.daemon.before = take_up
    rig.daemon.run(frames())
    assert not rig.relay.is_on
    assert rig.events == []


def test_stopping_ends_the_loop_after_the_frame_in_hand(rig: Rig) -> None:
    """The flag that SIGTERM sets is seen before the next frame is judged."""

    def frames() -> Iterator[None]:
        yield None
        rig.daemon.asked.stop = True
        yield None
        raise AssertionError("a frame was asked for after the stop")

    rig.daemon.run(frames())


def test_wires_are_heard_and_old_presses_open_nothing() -> None:
    """What the wires told while the nets were loaded is only how they were found; afterwards a press releases
    the relay, and a door that closes behind somebody locks it."""
    told: list[list[Input]] = [
        [Switched(0.1, Line.REX, True), Switched(0.3, Line.REX, False)],
        [],
        [Switched(2.0, Line.REX, True)],
        [Switched(2.5, Line.CONTACT, True)],
        [Switched(3.0, Line.CONTACT, False)],
    ]
    rig, energised = Rig(), list[bool]()
    daemon = Daemon(
        observer=rig.observer,
        strike=rig.relay,
        policy=replace(POLICY, passage=PassageRules(contact=True)),
        record=rig.record,
        now=rig.timer.now,
        inputs=lambda: told.pop(0) if told else (),
        watch=lambda frame, fact, decision: energised.append(rig.relay.is_on),
    )

    def camera() -> Iterator[None]:
        for at in (1.0, 2.0, 2.5, 3.0):
            rig.timer.advance(at)
            yield None

    daemon.run(camera())
    assert energised == [False, True, True, False]
    assert [event.kind for event in rig.events] == [EventKind.UNLOCKED, EventKind.ACCESS_TAKEN]
