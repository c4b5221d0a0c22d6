"""Orders on their way from the control thread to the frame loop, which obeys between two frames."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from doorctl.app.control_wire import LoopRequest, Reply, told, told_error
from doorctl.errors import DoorctlError, NoAnswerError

MOST_WAITING = 16

PATIENCE_SECONDS = 5.0
"""An order that has waited for so long is not carried out any more: whoever gave it has gone."""


class Order:
    """One order, which is either carried out or given up, and never both.

    Args:
        request: what is wanted.
        by: who wants it.
        at: when it was given, on the monotonic clock.
        wake: called from the loop once ``answer`` is there.
    """

    def __init__(self, request: LoopRequest, by: str, at: float, wake: Callable[[], object]) -> None:
        self.request, self.by, self.at = request, by, at
        self.answer: bytes | None = None
        """The reply, once it was carried out."""
        self._wake = wake
        self._claim = threading.Lock()

    def claimed(self) -> bool:
        """Whether the caller is the first to ask, and so the one who decides what becomes of it."""
        return self._claim.acquire(blocking=False)

    def done(self, answer: bytes) -> None:
        """Tell what came of it."""
        self.answer = answer
        self._wake()


class Orders:
    """A short queue between two threads.

    Args:
        now: the monotonic clock, seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._waiting: deque[Order] = deque()

    def give(self, request: LoopRequest, by: str, wake: Callable[[], object]) -> Order:
        """Put an order on the queue; called by the control thread.

        Raises:
            NoAnswerError: it is full, for the loop does not turn.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise NoAnswerError("the door is busy, and nothing was done", "try again in a moment")
        order = Order(request, by, self._now(), wake)
        self._waiting.append(order)
        return order

    def carry_out(self, act: Callable[[LoopRequest, str], Reply | DoorctlError]) -> None:
        """Carry out what waits; called by the loop between two frames, and costs nothing where nothing does.

        Args:
            act: does it for somebody; an error that it returns is a refusal, one that it raises the loop's.

        Raises:
            DoorctlError: as ``act``, once who gave the order has been told.
        """
        while self._waiting:
            order = self._waiting.popleft()
            if not order.claimed():
                continue
            if self._now() - order.at > PATIENCE_SECONDS:
                order.done(told_error(too_late()))
                continue
            try:
                answer = act(order.request, order.by)
            except DoorctlError as error:
                order.done(told_error(error))
                raise
            order.done(told_error(answer) if isinstance(answer, DoorctlError) else told(answer))


def too_late() -> NoAnswerError:
    """What is said of an order that was not carried out."""
    return NoAnswerError(
        f"the door did not turn to it within {PATIENCE_SECONDS:g} s, and nothing was done",
        "see that the daemon does not hang, and try again",
    )
