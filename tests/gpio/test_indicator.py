"""What the person at the door sees and hears: exact, at once, and no hindrance to anything else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from timeit import repeat

import pytest
from gpiozero.pins import Factory
from gpiozero.pins.mock import MockFactory

from doorctl.core.prompt import Prompt
from doorctl.gpio.indicator import Indicator, Several, TextIndicator
from doorctl.gpio.patterns import OUTPUTS, PATTERNS, Output
from doorctl.gpio.pins import LatchingMockPin, make_pin_factory
from doorctl.gpio.simulated import read_transitions

PINS: dict[Output, int] = dict(zip(OUTPUTS, (5, 6, 13, 19, 20, 21, 26), strict=True))
LIGHTS = set(OUTPUTS) - {"buzzer"}


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def every(factory: Factory, *, active_high: bool = True) -> Indicator:
    """An indicator with all its outputs."""
    return Indicator(
        factory,
        left=PINS["left"],
        right=PINS["right"],
        above=PINS["above"],
        below=PINS["below"],
        green=PINS["green"],
        red=PINS["red"],
        buzzer=PINS["buzzer"],
        active_high=active_high,
    )


def lit(factory: Factory) -> set[Output]:
    """What is on now."""
    return {output for output, pin in PINS.items() if factory.pin(pin).state}


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "indicator"]


@pytest.mark.parametrize("active_high", [True, False])
@pytest.mark.parametrize("prompt", [Prompt.STEP_BACK, Prompt.DENIED])
def test_the_pins_follow_the_table(tmp_path: Path, prompt: Prompt, active_high: bool) -> None:
    """Every level of every pin over two seconds: the table's, never early, hardly late, off in the end."""
    file = tmp_path / "pins.jsonl"
    factory = make_pin_factory("simulated", file)
    with every(factory, active_high=active_high) as indicator:
        began = time.monotonic()
        indicator.show(prompt)
        time.sleep(2.0)
    for output, pin in PINS.items():
        steps = [t for t in read_transitions(file) if t.pin == pin and t.function == "output"]
        expected, at, before = list[float](), 0.0, False
        while at < 2.0:
            on, seconds = PATTERNS[prompt].at(at)
            if (output in on) is not before:
                expected.append(at)
            at, before = at + (seconds or 2.0) + 1e-9, output in on
        levels = [t.level is int(active_high) for t in steps]
        assert levels == [i % 2 == 1 for i in range(len(steps))]
        assert levels[-1] is False
        assert len(steps) == 1 + len(expected) + before
        for due, step in zip(expected, steps[1:], strict=False):
            assert due - 0.002 <= step.at - began < due + 0.2


def test_a_new_prompt_is_shown_at_once() -> None:
    """A steady prompt gives way to another within an instant, and the last of many wins."""
    factory = make_pin_factory("mock", None)
    with every(factory) as indicator:
        indicator.show(Prompt.HOLD_STILL)
        assert wait_for(lambda: lit(factory) == LIGHTS)
        began = time.monotonic()
        indicator.show(Prompt.DENIED)
        assert wait_for(lambda: lit(factory) == {"red", "buzzer"})
        assert time.monotonic() - began < 0.2
        for prompt in (*Prompt, Prompt.GRANTED):
            indicator.show(prompt)
        assert wait_for(lambda: lit(factory) == {"green"})
        indicator.show(Prompt.IDLE)
        assert wait_for(lambda: lit(factory) == set())


def test_the_same_prompt_goes_on_undisturbed(tmp_path: Path) -> None:
    """Shown in every frame, a grant beeps once and for its own time."""
    file = tmp_path / "pins.jsonl"
    with every(make_pin_factory("simulated", file)) as indicator:
        for _ in range(75):
            indicator.show(Prompt.GRANTED)
            time.sleep(0.02)
    beeps = [t for t in read_transitions(file) if t.pin == PINS["buzzer"] and t.function == "output"]
    assert [t.level for t in beeps] == [0, 1, 0]
    assert 0.95 < beeps[2].at - beeps[1].at < 1.3


def test_showing_the_same_prompt_costs_microseconds() -> None:
    """It may be called in every frame."""
    with every(make_pin_factory("mock", None)) as indicator:
        indicator.show(Prompt.LOOK_HERE)
        assert min(repeat(lambda: indicator.show(Prompt.LOOK_HERE), number=1000, repeat=5)) < 0.01


def test_closing_turns_all_off_and_ends_the_thread() -> None:
    """After close no light is on, no thread is left, the pins are free, and nothing is shown any more."""
    factory = make_pin_factory("mock", None)
    indicator = every(factory)
    indicator.show(Prompt.HOLD_STILL)
    assert wait_for(lambda: lit(factory) == LIGHTS)
    assert threads() == ["indicator"]
    indicator.close()
    indicator.close()
    assert (lit(factory), threads()) == (set(), [])
    indicator.show(Prompt.GRANTED)
    with every(factory) as again:
        assert again.faults == {}


def test_outputs_that_are_not_there_are_left_out() -> None:
    """With a red light alone every prompt can be shown, and no other pin is touched."""
    factory = make_pin_factory("mock", None)
    with Indicator(factory, red=21) as indicator:
        for prompt in Prompt:
            indicator.show(prompt)
            time.sleep(0.01)
        assert wait_for(lambda: bool(factory.pin(21).state))
        assert list(factory.pins) == [factory.pin(21).info]


class BadPin(LatchingMockPin):
    """GPIO 5 fails when it is to be lit, and GPIO 6 hangs."""

    freed = threading.Event()

    def _change_state(self, value: bool) -> bool:
        if self._number == 5 and value:
            raise OSError("no answer")
        if self._number == 6 and value:
            self.freed.wait(10.0)
        return bool(super()._change_state(value))


def test_a_light_that_fails_is_told_once_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log over several rounds, a fault to look up, and the rest of the pattern is shown."""
    factory = MockFactory(revision="a02082", pin_class=BadPin)
    with Indicator(factory, left=5, green=20) as indicator:
        indicator.show(Prompt.LOOK_HERE)
        for _ in range(3):
            assert wait_for(lambda: bool(factory.pin(20).state))
            assert wait_for(lambda: not factory.pin(20).state)
        assert list(indicator.faults) == ["left"]
    assert [record.getMessage() for record in caplog.records] == [
        "the indicator's left, GPIO 5, does not work (no answer)"
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_a_pin_that_cannot_be_had_is_told_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """A pin that the board has not, or that something else holds, keeps the door from nothing."""
    factory = make_pin_factory("mock", None)
    with Indicator(factory, red=21), Indicator(factory, red=21, left=99, green=20) as indicator:
        indicator.show(Prompt.GRANTED)
        assert wait_for(lambda: bool(factory.pin(20).state))
        assert set(indicator.faults) == {"left", "red"}
    assert len(caplog.records) == 2


def test_a_pin_that_hangs_does_not_hold_up_the_frames() -> None:
    """Showing returns at once although the thread is stuck in a pin."""
    factory = MockFactory(revision="a02082", pin_class=BadPin)
    indicator = Indicator(factory, right=6)
    try:
        began = time.monotonic()
        for prompt in (Prompt.HOLD_STILL, Prompt.GRANTED, Prompt.HOLD_STILL):
            indicator.show(prompt)
            time.sleep(0.02)
        assert time.monotonic() - began < 0.5
    finally:
        BadPin.freed.set()
        indicator.close()
    assert threads() == []


def test_words_are_written_once_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    """The prompt's own words, on several indicators alike; one that cannot be written is told once."""
    written, closed = list[str](), StringIO()
    closed.close()
    several = Several(TextIndicator(closed.write), TextIndicator(written.append))
    for prompt in (Prompt.IDLE, Prompt.LOOK_UP, Prompt.LOOK_UP, Prompt.GRANTED, Prompt.LOOK_UP):
        several.show(prompt)
    assert written == ["idle", "look up", "come in", "look up"]
    assert len(caplog.records) == 1
