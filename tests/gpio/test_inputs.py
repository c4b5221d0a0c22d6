"""The door's wires through gpiozero, on mock pins: what counts as a change, and when it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.inputs import Line, Noise, Switched
from doorctl.errors import PinError
from doorctl.gpio.inputs import MOST, NOISE_SECONDS, Inputs, Settling
from doorctl.gpio.pins import LatchingMockPin, make_pin_factory
from doorctl.gpio.timer import SimulatedTimer

PINS = {Line.REX: 23, Line.CONTACT: 24, Line.TAMPER: 25, Line.FIRE: 16}
BOUNCE = 0.05
CLOSED, OPEN = False, True
GAPS = st.floats(0.001, 0.3).filter(lambda gap: abs(gap - BOUNCE) > 1e-6)


class Board:
    """Four wires in their quiet state, and a clock that stands still."""

    def __init__(self) -> None:
        self.factory, self.clock = make_pin_factory("mock", None), SimulatedTimer()
        for line in PINS:
            self.wire(line, OPEN if line is Line.REX else CLOSED)

    def wire(self, line: Line, high: bool) -> None:
        pin = self.factory.pin(PINS[line])
        assert isinstance(pin, LatchingMockPin)
        pin.wire(high)

    def at(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def inputs(self, **more: object) -> Inputs:
        return Inputs(self.factory, PINS, now=self.clock.now, bounce_seconds=BOUNCE, **more)  # type: ignore[arg-type]  # keywords


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.factory.close()


def test_quiet_wires_tell_nothing(board: Board) -> None:
    """A button that is not pressed, a door that is closed and loops that are whole are no news."""
    with board.inputs() as inputs:
        board.at(10)
        assert inputs.settled() == []


@pytest.mark.parametrize(
    ("line", "level"), [(Line.REX, CLOSED), (Line.CONTACT, OPEN), (Line.TAMPER, OPEN), (Line.FIRE, OPEN)]
)
def test_a_level_that_lasts_is_told_once_with_its_time(board: Board, line: Line, level: bool) -> None:
    """A closed button is pressed; an open door or a cut loop is on. 49 ms are a glitch, 51 are not."""
    with board.inputs() as inputs:
        board.at(1.0)
        board.wire(line, level)
        board.at(1.049)
        assert inputs.settled() == []
        board.at(1.051)
        assert inputs.settled() == [Switched(1.0, line, True)]
        board.at(9.0)
        assert inputs.settled() == []
        board.wire(line, not level)
        board.at(9.06)
        assert inputs.settled() == [Switched(9.0, line, False)]


def test_a_glitch_is_never_seen(board: Board) -> None:
    """Twenty pulses of 40 ms with a second between them leave no trace."""
    with board.inputs() as inputs:
        for i in range(20):
            board.at(1.0 + i)
            board.wire(Line.REX, CLOSED)
            board.at(1.04 + i)
            board.wire(Line.REX, OPEN)
            assert inputs.settled() == []
        board.at(60)
        assert inputs.settled() == []


def test_a_short_press_between_two_frames_is_not_lost(board: Board) -> None:
    """Nobody asks for two seconds: the press of 80 ms stands there with its times all the same."""
    with board.inputs() as inputs:
        board.at(1.0)
        board.wire(Line.REX, CLOSED)
        board.at(1.08)
        board.wire(Line.REX, OPEN)
        board.at(3.0)
        assert inputs.settled() == [Switched(1.0, Line.REX, True), Switched(1.08, Line.REX, False)]


def test_a_wire_that_bounces_counts_from_its_last_bounce(board: Board) -> None:
    """A button's contact that chatters for 30 ms is one press."""
    with board.inputs() as inputs:
        for i in range(7):
            board.at(1.0 + i * 0.005)
            board.wire(Line.REX, CLOSED if i % 2 == 0 else OPEN)
        board.at(1.2)
        assert inputs.settled() == [Switched(1.03, Line.REX, True)]


def test_a_wire_without_a_level_is_told_once_a_second(board: Board) -> None:
    """100 changes a second for a minute are 60 lines of noise at most, and no change."""
    found: list[Switched | Noise] = []
    with board.inputs() as inputs:
        for i in range(6000):
            board.at(i / 100)
            board.wire(Line.CONTACT, i % 2 == 0)
            found += inputs.settled()
    assert {type(fact) for fact in found} == {Noise}
    assert 55 <= len(found) <= 60 / NOISE_SECONDS


def test_what_waits_is_bounded(board: Board) -> None:
    """A wire that flaps while the loop hangs for an hour fills no memory."""
    with board.inputs() as inputs:
        for i in range(10_000):
            board.at(i / 10)
            board.wire(Line.CONTACT, i % 2 == 0)
        assert len(inputs.settled()) <= MOST


def test_what_stands_at_the_start_is_told_as_such(board: Board) -> None:
    """An open door and a cut loop are known from the first moment on, but nobody has just opened it."""
    board.wire(Line.CONTACT, OPEN)
    board.wire(Line.TAMPER, OPEN)
    with board.inputs() as inputs:
        found = inputs.settled()
    assert {(fact.line, getattr(fact, "first", False)) for fact in found} == {
        (Line.CONTACT, True),
        (Line.TAMPER, True),
    }


def test_a_contact_may_work_the_other_way_round(board: Board) -> None:
    """With invert a button that opens when it is pressed is one."""
    board.wire(Line.REX, CLOSED)
    with board.inputs(invert=[Line.REX]) as inputs:
        assert inputs.settled() == []
        board.at(1.0)
        board.wire(Line.REX, OPEN)
        board.at(1.1)
        assert inputs.settled() == [Switched(1.0, Line.REX, True)]


def test_a_wire_that_is_cut_alarms(board: Board) -> None:
    """With nothing outside the Pi's own pull-up is what is read: open door, tamper, fire, and no button."""
    factory, clock = make_pin_factory("mock", None), SimulatedTimer()
    with Inputs(factory, PINS, now=clock.now) as inputs:
        assert {fact.line for fact in inputs.settled()} == {Line.CONTACT, Line.TAMPER, Line.FIRE}


def test_a_pin_that_is_taken_is_told_by_its_key(board: Board) -> None:
    """Which setting is wrong stands in the error, and the other pins are given back."""
    with pytest.raises(PinError, match=r"inputs\.contact: GPIO 99"):
        Inputs(board.factory, {Line.REX: 23, Line.CONTACT: 99}, now=board.clock.now)
    with board.inputs():
        pass


def test_edges_may_come_from_another_thread() -> None:
    """As lgpio's do: nothing is lost or told twice while the loop asks all the time."""
    factory = make_pin_factory("mock", None)
    pin = factory.pin(PINS[Line.REX])
    assert isinstance(pin, LatchingMockPin)
    pin.wire(OPEN)
    found: list[Switched | Noise] = []
    with Inputs(factory, {Line.REX: PINS[Line.REX]}, now=time.monotonic, bounce_seconds=0.01) as inputs:

        def press() -> None:
            for _ in range(10):
                pin.wire(CLOSED)
                time.sleep(0.05)
                pin.wire(OPEN)
                time.sleep(0.05)

        thread = threading.Thread(target=press)
        thread.start()
        while thread.is_alive():
            found += inputs.settled()
        time.sleep(0.05)
        found += inputs.settled()
    assert [fact.on for fact in found if isinstance(fact, Switched)] == [True, False] * 10


@settings(max_examples=200)
@given(st.lists(GAPS, max_size=60), st.integers(1, 7))
def test_changes_are_those_of_levels_that_lasted(gaps: list[float], every: int) -> None:
    """However often anybody asks: what is told is just the levels that lasted for the time, in turn."""
    line, at, raw = Settling(Line.CONTACT, False, 0.0, BOUNCE), 0.0, False
    told: list[bool] = []
    expected: list[bool] = []
    for number, gap in enumerate(gaps):
        if gap >= BOUNCE and raw != (expected[-1] if expected else False):
            expected.append(raw)
        at += gap
        if number % every == 0:
            told += [fact.on for fact in line.settled(at) if isinstance(fact, Switched)]
        raw = not raw
        told += [fact.on for fact in line.edge(raw, at) if isinstance(fact, Switched)]
    told += [fact.on for fact in line.settled(at + 1) if isinstance(fact, Switched)]
    if raw != (expected[-1] if expected else False):
        expected.append(raw)
    assert told == expected
