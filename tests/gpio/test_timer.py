"""The two kinds of time that the relay can run on."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from doorctl.errors import PinError
from doorctl.gpio.timer import SimulatedTimer, ThreadTimer


def test_a_simulated_alarm_rings_at_its_own_time() -> None:
    """However far a frame jumps, the alarm sees the time for which it was set."""
    timer, rung = SimulatedTimer(), list[float]()
    timer.start(lambda: rung.append(timer.now()))
    timer.advance(1.0)
    timer.arm(3.5)
    timer.advance(3.4)
    assert rung == []
    timer.advance(60.0)
    timer.advance(2.0)
    assert (rung, timer.now()) == ([3.5], 60.0)


def test_an_alarm_can_set_the_next_one_within_the_same_step() -> None:
    """An alarm that re-arms itself on the way rings again before the step ends."""
    timer, rung = SimulatedTimer(), list[float]()

    def alarm() -> None:
        rung.append(timer.now())
        timer.arm(timer.now() + 1.0)

    timer.start(alarm)
    timer.arm(1.0)
    timer.advance(3.5)
    assert rung == [1.0, 2.0, 3.0]


def test_the_thread_rings_on_time_and_later_orders_replace_earlier_ones() -> None:
    """Real time: the alarm is never early, and an extension moves it."""
    timer, rung = ThreadTimer(), threading.Event()
    timer.start(rung.set)
    began = timer.now()
    timer.arm(began + 0.05)
    timer.arm(began + 0.15)
    assert rung.wait(5.0)
    assert 0.15 <= timer.now() - began < 1.0
    timer.close()


def test_what_is_told_may_be_slow_without_delaying_the_alarm() -> None:
    """A listener that hangs does not hold up the alarm."""
    timer, rung, stuck = ThreadTimer(), threading.Event(), threading.Event()
    timer.start(rung.set)
    timer.tell(lambda: print(stuck.wait(10.0)))
    timer.arm(timer.now() + 0.02)
    assert rung.wait(5.0)
    stuck.set()
    timer.close()


def test_close_runs_all_that_was_told_in_order() -> None:
    """Nothing that was told before the end is lost, even after a listener failed."""
    timer, heard = ThreadTimer(), list[int]()
    timer.start(lambda: None)
    timer.tell(partial(heard.remove, 99))
    for number in range(20):
        timer.tell(partial(heard.append, number))
    timer.close()
    assert heard == list(range(20))


@pytest.mark.parametrize("timer", [ThreadTimer(), SimulatedTimer()])
def test_a_timer_that_does_not_run_cannot_be_armed(timer: ThreadTimer | SimulatedTimer) -> None:
    """An alarm that would never ring is refused, before anything is energised; disarming is not."""
    timer.arm(None)
    with pytest.raises(PinError, match="not running"):
        timer.arm(time.monotonic() + 1)
