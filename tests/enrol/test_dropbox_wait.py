"""Waiting for a Dropbox folder to change: long polls, what stops them, and looking without them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from doorctl.enrol.dropbox_client import Timeouts
from doorctl.enrol.source import UnreachableError
from tests.enrol.opened import opened
from tests.enrol.standin import StandIn
from tests.enrol.standin_faults import LONGPOLL

# The SDK tells its tokens' time by datetime.utcnow, which Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


class Meanwhile:
    """Do something in another thread as soon as a request has come to a route."""

    def __init__(self, standin: StandIn, route: str, act: Callable[[], object]) -> None:
        def run() -> None:
            standin.log.wait(route)
            act()

        self._thread = threading.Thread(target=run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def test_a_long_poll_answers_the_moment_something_changes(standin: StandIn) -> None:
    """A change ends the wait at once; without one it ends by itself and says no."""
    standin.routes.longpoll_scale = 1.0
    standin.state.mkdir("/Photos")
    with opened(standin, timeouts=Timeouts()) as source:
        cursor = source.changes(None).cursor
        start = time.monotonic()
        with Meanwhile(standin, LONGPOLL, lambda: standin.state.put("/Photos/a.jpg", b"1")):
            assert source.wait(cursor, 60)
        assert time.monotonic() - start < 5
        cursor = source.changes(cursor).cursor
        standin.routes.longpoll_scale = 0.001
        assert not source.wait(cursor, 60)
        standin.state.delete("/Photos/a.jpg")
        for seconds in (0.5, 9999):
            assert source.wait(cursor, seconds)
    assert [request.argument["timeout"] for request in standin.log.all(LONGPOLL)] == [59, 59, 30, 480]


def test_the_pause_that_a_long_poll_asks_for_is_kept(standin: StandIn) -> None:
    """After a backoff no poll begins before its time, and ``close`` ends the sleep."""
    standin.state.mkdir("/Photos")
    standin.state.backoff = 600
    source = opened(standin)
    cursor = source.changes(None).cursor
    assert not source.wait(cursor, 1)
    start = time.monotonic()
    assert not source.wait(cursor, 0.05)
    assert time.monotonic() - start < 1
    closing = threading.Timer(0.05, source.close)
    closing.start()
    assert not source.wait(cursor, 600)
    closing.join()
    assert time.monotonic() - start < 5
    assert standin.log.count(LONGPOLL) == 1


def test_a_blocked_long_poll_becomes_polling_and_comes_back(
    standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused, hung or answered by a proxy: looked at every poll_seconds, told once, tried again later."""
    standin.state.mkdir("/Photos")
    standin.faults.refuse(LONGPOLL, times=1)
    standin.faults.hang(LONGPOLL, times=1)
    standin.faults.page(LONGPOLL, times=1)
    standin.faults.status(LONGPOLL, 403, times=1)
    standin.routes.longpoll_scale = 0.001
    quick = Timeouts(connect=2, read=2.0, longpoll_grace=-29.5, longpoll_again=0.0, retries=0)
    with opened(standin, poll_seconds=0.01, timeouts=quick) as source, caplog.at_level(logging.INFO):
        cursor = source.changes(None).cursor
        for _ in range(4):
            assert source.wait(cursor, 30)
        assert not source.wait(cursor, 30)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("doorctl")]
    assert len([text for text in told if "long polling fails" in text]) == 1
    assert len([text for text in told if "works again" in text]) == 1
    assert standin.log.count(LONGPOLL) == 5


def test_a_failed_long_poll_is_left_alone_for_a_while(standin: StandIn) -> None:
    """Until then the folder is looked at without it, no more often than poll_seconds."""
    standin.state.mkdir("/Photos")
    standin.faults.refuse(LONGPOLL)
    patient = Timeouts(connect=2, read=2.0, longpoll_again=600, retries=0)
    with opened(standin, poll_seconds=0.1, timeouts=patient) as source:
        cursor = source.changes(None).cursor
        start = time.monotonic()
        assert source.wait(cursor, 30)
        assert source.wait(cursor, 30)
        assert not source.wait(cursor, 0.01)
        assert time.monotonic() - start > 0.15  # twice 0.1, the first of which may have begun before
    assert standin.log.count(LONGPOLL) == 1


def test_a_long_poll_that_cannot_help_leaves_the_rest_to_a_look(standin: StandIn) -> None:
    """A reset cursor is worth a look; a request to wait is passed on."""
    standin.state.mkdir("/Photos")
    with opened(standin) as source:
        cursor = source.changes(None).cursor
        standin.state.reset_cursors()
        assert source.wait(cursor, 30)
        standin.faults.rate_limit(LONGPOLL, retry_after=9)
        with pytest.raises(UnreachableError) as caught:
            source.wait(cursor, 30)
        assert caught.value.retry_after == 9


def test_without_long_polls_it_is_looked_at_every_so_often(standin: StandIn) -> None:
    """With longpoll off, yes comes once in poll_seconds, and ``close`` ends a wait from another thread."""
    standin.state.mkdir("/Photos")
    with opened(standin, longpoll=False, poll_seconds=0.5) as source:
        cursor = source.changes(None).cursor
        assert not source.wait(cursor, 0.01)
        assert source.wait(cursor, 30)
    standin.state.put("/Photos/a.jpg", b"1")
    source = opened(standin, longpoll=False, poll_seconds=600)
    found = source.changes(None)
    start = time.monotonic()
    closing = threading.Timer(0.05, source.close)
    closing.start()
    assert not source.wait(found.cursor, 600)
    closing.join()
    assert time.monotonic() - start < 5
    with pytest.raises(UnreachableError, match="closed"):
        source.fetch(found.entries[0], 10)
    assert standin.log.count(LONGPOLL) == 0
