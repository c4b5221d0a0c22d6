"""The relay: on for as long as was asked, off whatever happens, and no blip in between."""

from __future__ import annotations

import logging
import threading
import time
from math import inf, nan
from pathlib import Path

import pytest
from gpiozero.pins import Factory
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from doorctl.errors import PinError
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.relay import Relay
from doorctl.gpio.simulated import read_transitions
from doorctl.gpio.timer import SimulatedTimer, ThreadTimer

PIN = 17


def make(
    factory: Factory, *, active_high: bool = True
) -> tuple[Relay, SimulatedTimer, list[tuple[bool, float]]]:
    """A relay on simulated time, and what it tells."""
    timer, told = SimulatedTimer(), list[tuple[bool, float]]()
    relay = Relay(
        factory, PIN, active_high=active_high, timer=timer, on_change=lambda on, at: told.append((on, at))
    )
    return relay, timer, told


def levels(factory: Factory) -> list[bool]:
    """Every level that the pin has had, first to last."""
    return [state.state for state in factory.pin(PIN).states]


@pytest.mark.parametrize("active_high", [True, False])
def test_every_level_from_start_to_reload(active_high: bool) -> None:
    """Start, release, extend, lock, close, and a second relay: the whole list of levels, nothing between."""
    on, off = active_high, not active_high
    start = [False] if active_high else [False, True]  # an unconnected mock input reads low
    factory = make_pin_factory("mock")
    relay, timer, told = make(factory, active_high=active_high)
    assert levels(factory) == start
    relay.release(3.0)
    assert levels(factory) == [*start, on]
    timer.advance(2.0)
    assert relay.release(3.0) == 5.0
    timer.advance(4.9)
    assert levels(factory) == [*start, on]
    timer.advance(10.0)
    assert levels(factory) == [*start, on, off]
    relay.release(3.0)
    relay.lock()
    relay.lock()
    assert levels(factory) == [*start, on, off, on, off]
    relay.release(3.0)
    pin = factory.pin(PIN)
    relay.close()
    relay.close()
    again, _, _ = make(factory, active_high=active_high)
    again.close()
    factory.close()
    assert [state.state for state in pin.states] == [*start, on, off, on, off, on, off]
    assert pin.function == "output"
    assert told == [(True, 0.0), (False, 5.0), (True, 10.0), (False, 10.0), (True, 10.0), (False, 10.0)]


@pytest.mark.parametrize("active_high", [True, False])
def test_every_function_and_level_over_a_reload(tmp_path: Path, active_high: bool) -> None:
    """The same on a pin that outlives the process, where each claim is written too: no input, no blip."""
    file = tmp_path / "pins.jsonl"
    on, off = int(active_high), int(not active_high)
    for _ in range(2):
        factory = make_pin_factory("simulated", file)
        relay, timer, _ = make(factory, active_high=active_high)
        relay.release(3.0)
        timer.advance(2.0)
        relay.release(3.0)
        relay.close()
        factory.close()
    assert [(t.function, t.level) for t in read_transitions(file)] == [
        ("output", off),
        ("output", on),
        ("output", off),
    ] * 2


def test_a_shorter_release_does_not_cut_a_longer_one() -> None:
    """The end is the latest that was asked for."""
    factory = make_pin_factory("mock")
    relay, timer, told = make(factory)
    relay.release(10.0)
    timer.advance(1.0)
    assert relay.release(2.0) == 10.0
    timer.advance(20.0)
    assert told == [(True, 0.0), (False, 10.0)]


@pytest.mark.parametrize("seconds", [0.0, -1.0, 60.1, inf, -inf, nan])
def test_an_unbounded_release_is_refused(seconds: float) -> None:
    """Nothing is energised for a time that is not a short, positive number."""
    factory = make_pin_factory("mock")
    relay, _, told = make(factory)
    with pytest.raises(ValueError, match="a release of"):
        relay.release(seconds)
    assert (levels(factory), told, relay.is_on) == ([False], [], False)


def test_a_closed_relay_does_not_release() -> None:
    """After the end nothing opens."""
    factory = make_pin_factory("mock")
    relay, _, _ = make(factory)
    relay.close()
    with pytest.raises(PinError, match="closed"):
        relay.release(3.0)
    assert levels(factory) == [False]


def test_one_pin_serves_one_relay() -> None:
    """A second relay on a pin in use is refused, and so is a pin that the board has not."""
    factory = make_pin_factory("mock")
    _relay, _, _ = make(factory)
    with pytest.raises(PinError, match="GPIO 17"):
        make(factory)
    with pytest.raises(PinError, match="GPIO 99"):
        Relay(factory, 99, active_high=True, timer=SimulatedTimer())


def test_a_pin_that_cannot_be_driven_opens_nothing(tmp_path: Path) -> None:
    """A release whose write fails raises, leaves no alarm, and the relay has a fault."""
    state = tmp_path / "state"
    state.mkdir()
    relay, timer, told = make(make_pin_factory("simulated", state / "pins.jsonl"))
    (state / "pins.jsonl").rename(tmp_path / "kept.jsonl")
    state.rmdir()
    with pytest.raises(PinError, match="cannot be used"):
        relay.release(3.0)
    assert (relay.is_on, told) == (False, [])
    state.mkdir()
    timer.advance(100.0)
    assert [t.level for t in read_transitions(tmp_path / "kept.jsonl")] == [0]
    assert read_transitions(state / "pins.jsonl") == []


def test_a_pin_that_cannot_be_locked_is_a_fault_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A stuck relay is told once, refuses releases, and locks as soon as its pin answers."""
    state, faults = tmp_path / "state", list[PinError]()
    state.mkdir()
    file = state / "pins.jsonl"
    timer = SimulatedTimer()
    factory = make_pin_factory("simulated", file)
    relay = Relay(factory, PIN, active_high=True, timer=timer, on_fault=faults.append)
    relay.release(3.0)
    state.rename(tmp_path / "away")
    timer.advance(6.0)
    assert relay.fault is not None
    assert (faults, relay.is_on) == ([relay.fault], True)
    assert [r.levelname for r in caplog.records].count("CRITICAL") == 1
    (tmp_path / "away").rename(state)
    timer.advance(7.0)
    assert [t.level for t in read_transitions(file)] == [0, 1, 0]
    assert relay.is_on is False
    with pytest.raises(PinError, match="fault"):
        relay.release(3.0)
    with pytest.raises(PinError):
        relay.close()


def test_a_listener_that_fails_does_not_hold_the_door_open() -> None:
    """The pin goes first, and the relay goes on."""
    factory, timer = make_pin_factory("mock"), SimulatedTimer()

    def fails(on: bool, at: float) -> None:
        raise RuntimeError("listener")

    relay = Relay(factory, PIN, active_high=True, timer=timer, on_change=fails)
    for _ in range(2):
        relay.release(3.0)
        timer.advance(timer.now() + 5.0)
    assert levels(factory) == [False, True, False, True, False]


def test_in_real_time_the_pulse_ends_without_anyone_asking(tmp_path: Path) -> None:
    """With a listener that hangs and no frame loop at all, the pin goes off on time."""
    file, hang = tmp_path / "pins.jsonl", threading.Event()
    factory = make_pin_factory("simulated", file)
    relay = Relay(
        factory,
        PIN,
        active_high=False,
        timer=ThreadTimer(),
        on_change=lambda on, at: print(hang.wait(10.0)),
    )
    relay.release(0.3)
    time.sleep(0.05)
    relay.release(0.4)
    time.sleep(1.2)
    steps = read_transitions(file)
    assert [(t.function, t.level) for t in steps] == [("output", 1), ("output", 0), ("output", 1)]
    assert 0.44 <= steps[2].at - steps[1].at < 1.0
    hang.set()
    relay.close()


def test_in_real_time_many_threads_cannot_leave_it_on(tmp_path: Path) -> None:
    """Releases and locks from several threads at once: on and off alternate, and it ends off."""
    factory, told = make_pin_factory("mock"), list[bool]()
    relay = Relay(
        factory, PIN, active_high=True, timer=ThreadTimer(), on_change=lambda on, at: told.append(on)
    )

    def hammer(seed: int) -> None:
        for turn in range(60):
            relay.lock() if (turn + seed) % 5 == 0 else relay.release(0.002 * (1 + seed))

    threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deadline = time.monotonic() + 5.0
    while relay.is_on and time.monotonic() < deadline:
        time.sleep(0.01)
    assert relay.is_on is False
    relay.close()
    assert told == [True, False] * (len(told) // 2)
    assert levels(factory) == [False, *told]


class Pulses(RuleBasedStateMachine):
    """Any order of releases, locks and steps of time, against the plain rule."""

    def __init__(self) -> None:
        super().__init__()
        self.factory = make_pin_factory("mock")
        self.relay, self.timer, self.told = make(self.factory, active_high=False)
        self.ends: list[float] = []
        self.at = 0.0

    @rule(seconds=st.floats(0.1, 60.0))
    def release(self, seconds: float) -> None:
        self.relay.release(seconds)
        self.ends.append(self.at + seconds)

    @rule(seconds=st.one_of(st.floats(max_value=0.0), st.floats(min_value=60.001), st.just(nan)))
    def refuse(self, seconds: float) -> None:
        with pytest.raises(ValueError, match="a release of"):
            self.relay.release(seconds)

    @rule(step=st.floats(-5.0, 70.0))
    def advance(self, step: float) -> None:
        self.timer.advance(self.at + step)
        self.at = max(self.at, self.at + step)

    @rule()
    def lock(self) -> None:
        self.relay.lock()
        self.ends.clear()

    @invariant()
    def on_exactly_while_asked(self) -> None:
        """On until the latest end asked for since the last lock; an off by the alarm is told at that end."""
        expected = self.at < max(self.ends, default=0.0)
        assert (not self.factory.pin(PIN).state) is expected
        assert self.relay.is_on is expected
        assert [on for on, _ in self.told] == [True, False] * (len(self.told) // 2) + [True] * expected
        if self.ends and not expected:
            assert self.told[-1] == (False, max(self.ends))


Pulses.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestPulses = Pulses.TestCase


def test_a_log_that_nobody_reads_does_not_hold_the_door_open() -> None:
    """A handler that blocks for ever, as a full pipe does: the pin goes off at its time all the same."""

    class Stuck(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            freed.wait(10.0)

    freed, stuck = threading.Event(), Stuck()
    logger = logging.getLogger("doorctl.gpio")
    logger.addHandler(stuck)
    logger.setLevel(logging.INFO)
    factory = make_pin_factory("mock")
    relay = Relay(factory, 17, active_high=True, timer=ThreadTimer())
    try:
        relay.release(0.2)
        assert factory.pin(17).state
        time.sleep(0.6)
        assert not factory.pin(17).state
    finally:
        freed.set()
        logger.removeHandler(stuck)
        logger.setLevel(logging.NOTSET)
        relay.close()
