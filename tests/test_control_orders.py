"""Orders on their way from the control socket to the loop: carried out in time, once, or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doorctl.app.control_client import ask
from doorctl.app.control_desk import Desk
from doorctl.app.control_orders import MOST_WAITING, PATIENCE_SECONDS, Order, Orders
from doorctl.app.control_socket import connected
from doorctl.app.control_wire import LoopRequest, Reply, Request, Unlock
from doorctl.app.settings import Settings
from doorctl.errors import DaemonError, DoorctlError, LockedDownError, NoAnswerError, PinError
from tests.controls import UNLOCK, line, listens, say, settings_at


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_at(tmp_path / "door")


class Loop:
    """Stands where the frame loop is: a thread that turns, and does what is ordered between two turns."""

    def __init__(self, settings: Settings) -> None:
        self.orders, self.done = Orders(), list[tuple[str, str]]()
        self.handle = Desk(lambda: settings, self.orders, None).handle
        self.turns, self.stop = threading.Event(), threading.Event()
        self.answer: Reply | DoorctlError = {"said": ["done"]}
        self.turns.set()
        self.thread = threading.Thread(target=self.run)

    def act(self, request: LoopRequest, by: str) -> Reply | DoorctlError:
        self.done.append((request.do, by))
        return self.answer

    def run(self) -> None:
        while not self.stop.wait(0.02):
            if self.turns.is_set():
                self.orders.carry_out(self.act)


@pytest.fixture
def loop(settings: Settings) -> Iterator[Loop]:
    loop = Loop(settings)
    loop.thread.start()
    yield loop
    loop.stop.set()
    loop.thread.join()


def test_an_order_goes_to_the_loop_and_its_answer_comes_back(settings: Settings, loop: Loop) -> None:
    """What the loop makes of it is what the command hears, refusals too."""
    with listens(settings.runtime, loop.handle):
        assert ask(settings.runtime, Unlock())["said"] == ["done"]
        loop.answer = LockedDownError("refused", "end it first")
        with pytest.raises(DaemonError, match="refused") as error:
            ask(settings.runtime, Unlock(seconds=5))
    assert error.value.exit_code == 77
    assert [what for what, _ in loop.done] == ["unlock", "unlock"]


def test_an_order_of_somebody_who_has_gone_is_not_carried_out(settings: Settings, loop: Loop) -> None:
    """The loop is busy; who gave the order hangs up; when the loop turns again, nothing happens. Who only
    stopped talking, and listens, is obeyed."""
    loop.turns.clear()
    with listens(settings.runtime, loop.handle):
        with connected(settings.runtime, time.monotonic() + 5) as link:
            link.sendall(line(do="lockdown", on=False))
            time.sleep(0.1)
        time.sleep(0.1)
        loop.turns.set()
        assert say(settings.runtime, UNLOCK, half_close=True)["said"] == ["done"]
    assert [what for what, _ in loop.done] == ["unlock"]


def test_who_hangs_up_at_once_is_not_obeyed(settings: Settings, loop: Loop) -> None:
    """A request sent by somebody who does not wait for what comes of it is none."""
    with listens(settings.runtime, loop.handle):
        for _ in range(20):
            with connected(settings.runtime, time.monotonic() + 5) as link:
                link.sendall(UNLOCK)
        assert say(settings.runtime, line(do="status"))["ok"]
    # Whoever was quick enough to be heard before hanging up is given up before the loop turns, or is not.
    assert loop.done[-1][0] == "status"
    assert len(loop.done) <= 3


def test_an_order_that_waited_too_long_is_not_carried_out() -> None:
    """After the client has given up, the queue gives it up as well, and says so."""
    at, done = 100.0, list[str]()
    orders = Orders(now=lambda: at)
    late, fresh = (orders.give(Unlock(), "anna", lambda: None) for _ in range(2))
    at += PATIENCE_SECONDS + 0.1
    fresh.at = at - 1.0

    def act(request: LoopRequest, by: str) -> Reply:
        done.append(by)
        return {"said": []}

    orders.carry_out(act)
    assert done == ["anna"]
    assert late.answer is not None
    assert b"nothing was done" in late.answer
    assert fresh.answer is not None
    assert b'"ok": true' in fresh.answer


@pytest.mark.slow
def test_a_loop_that_does_not_turn_is_told(settings: Settings, loop: Loop) -> None:
    """The command hears after five seconds that nothing was done, and nothing is done later."""
    loop.turns.clear()
    with listens(settings.runtime, loop.handle):
        with pytest.raises(DaemonError, match="nothing was done") as error:
            ask(settings.runtime, Unlock())
        loop.turns.set()
        time.sleep(0.2)
    assert error.value.exit_code == 75
    assert loop.done == []


def test_the_queue_is_short() -> None:
    """When the loop does not turn, further orders are refused at once."""
    orders = Orders()
    for _ in range(MOST_WAITING):
        orders.give(Unlock(), "anna", lambda: None)
    with pytest.raises(NoAnswerError, match="busy"):
        orders.give(Unlock(), "anna", lambda: None)


def test_a_fault_at_the_door_is_told_and_ends_the_loop() -> None:
    """A relay that cannot be driven ends the loop as ever, after whoever gave the order has been told."""
    orders = Orders()
    order = orders.give(Unlock(), "anna", lambda: None)

    def act(request: LoopRequest, by: str) -> Reply:
        raise PinError("GPIO 17 cannot be driven")

    with pytest.raises(PinError):
        orders.carry_out(act)
    assert order.answer is not None
    assert b"GPIO 17" in order.answer


def test_at_the_end_those_who_wait_are_told(settings: Settings, loop: Loop) -> None:
    """The daemon stops while an order waits: it is answered that nothing was done, and nothing is."""
    loop.turns.clear()
    answers = list[str]()

    def client() -> None:
        with pytest.raises(DaemonError) as error:
            ask(settings.runtime, Unlock())
        answers.append(error.value.message)

    given = threading.Event()

    def give(request: Request, by: str, wake: Callable[[], object]) -> bytes | Order:
        order = loop.handle(request, by, wake)
        given.set()
        return order

    waits = threading.Thread(target=client)
    with listens(settings.runtime, give):
        waits.start()
        assert given.wait(5)
        time.sleep(0.05)
    waits.join()
    loop.turns.set()
    time.sleep(0.1)
    assert answers == ["the daemon is being stopped, and nothing was done"]
    assert loop.done == []
