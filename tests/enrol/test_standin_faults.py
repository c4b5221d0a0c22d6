"""The stand-in's faults, as the real SDK meets them; and that they end when they should."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from dropbox.exceptions import ApiError, BadInputError, InternalServerError, RateLimitError

from tests.enrol.standin import Authority, StandIn
from tests.enrol.standin_client import client, lasting_client
from tests.enrol.standin_faults import ANY, CONTINUE, DOWNLOAD, LIST, LONGPOLL, TOKEN, UPLOAD

DATA = bytes(range(256)) * 64
CUT = (requests.exceptions.ChunkedEncodingError, requests.ConnectionError)


@pytest.fixture
def sdk(standin: StandIn) -> Iterator[Any]:
    """The real SDK, and a picture to fetch."""
    standin.state.put("/a.jpg", DATA)
    with client(standin) as made:
        yield made


def test_too_many_requests(standin: StandIn, sdk: Any) -> None:
    """429 says how long to wait, in JSON or in plain text, for so many requests and no more."""
    standin.faults.rate_limit(LIST, times=2, retry_after=17)
    for _ in range(2):
        with pytest.raises(RateLimitError) as refused:
            sdk.files_list_folder("")
        assert refused.value.backoff == 17
        assert refused.value.error.reason.is_too_many_requests()
    assert len(sdk.files_list_folder("").entries) == 1
    standin.faults.rate_limit(UPLOAD, reason="too_many_write_operations")
    with pytest.raises(RateLimitError) as refused:
        sdk.files_upload(b"", "/b.txt")
    assert refused.value.error.reason.is_too_many_write_operations()
    for seconds in (5, None):
        standin.faults.rate_limit_plain(LIST, times=1, retry_after=seconds)
        with pytest.raises(RateLimitError) as refused:
            sdk.files_list_folder("")
        assert refused.value.backoff == seconds


@pytest.mark.parametrize("status", [500, 502, 503])
def test_errors_of_the_server(standin: StandIn, sdk: Any, status: int) -> None:
    """They last until they are cleared, on every route if so wished, and nothing is written meanwhile."""
    standin.faults.status(ANY, status)
    for call, arguments in ((sdk.files_list_folder, [""]), (sdk.files_upload, [b"", "/b.txt"])):
        with pytest.raises(InternalServerError) as refused:
            call(*arguments)
        assert refused.value.status_code == status
    standin.faults.clear()
    assert standin.state.paths() == ["/a.jpg"]
    assert len(sdk.files_list_folder("").entries) == 1


def test_the_sdk_gets_over_one_error(standin: StandIn) -> None:
    """With a retry to spend, a single 500 costs a second request and nothing else."""
    standin.faults.status(LIST, 500, times=1)
    random.seed(1)  # the SDK sleeps two seconds times the next number, which is 0.13
    with client(standin, max_retries_on_error=1) as sdk:
        sdk.files_list_folder("")
    assert [request.status for request in standin.log.all(LIST)] == [500, 200]


def test_an_error_of_the_api_can_be_asked_for(standin: StandIn, sdk: Any) -> None:
    """A cursor that is reset and a folder that has gone, though they are as they were."""
    cursor = sdk.files_list_folder("").cursor
    standin.faults.error(CONTINUE, "reset", times=1)
    standin.faults.error(CONTINUE, "path", "not_found", times=1)
    with pytest.raises(ApiError) as refused:
        sdk.files_list_folder_continue(cursor)
    assert refused.value.error.is_reset()
    with pytest.raises(ApiError) as refused:
        sdk.files_list_folder_continue(cursor)
    assert refused.value.error.get_path().is_not_found()
    sdk.files_list_folder_continue(cursor)


def test_a_write_can_fail(standin: StandIn, sdk: Any) -> None:
    """No space, and no permission, by the SDK's own errors."""
    for tag in ("insufficient_space", "no_write_permission"):
        standin.faults.write_error(tag, times=1)
        with pytest.raises(ApiError) as refused:
            sdk.files_upload(b"", "/b.txt")
        assert refused.value.error.get_path().reason._tag == tag
    sdk.files_upload(b"", "/b.txt")


def test_a_download_can_be_cut(standin: StandIn, sdk: Any) -> None:
    """The SDK sees a broken connection, for the named file alone, and the next try is whole."""
    standin.state.put("/b.jpg", DATA)
    standin.faults.cut(path="/A.jpg", times=1, share=0.25)
    assert sdk.files_download("/b.jpg")[1].content == DATA
    with pytest.raises(CUT):
        _ = sdk.files_download("/a.jpg")[1].content
    assert sdk.files_download("/a.jpg")[1].content == DATA
    assert standin.log.downloads() == {"/a.jpg": 2, "/b.jpg": 1}


def test_a_download_can_lie(standin: StandIn, sdk: Any) -> None:
    """Other bytes of the same length, or fewer, in an answer without a fault: only the hash tells."""
    standin.faults.wrong_bytes(times=1)
    standin.faults.short_bytes(times=1)
    wrong, short = (sdk.files_download("/a.jpg")[1].content for _ in range(2))
    assert len(wrong) == len(DATA)
    assert wrong != DATA
    assert short == DATA[: len(DATA) // 2]


def test_an_answer_can_be_no_answer(standin: StandIn, sdk: Any) -> None:
    """JSON that ends in the middle, and a captive portal's page."""
    standin.faults.garble(LIST, times=1)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        sdk.files_list_folder("")
    standin.faults.page(LIST, times=1)
    with pytest.raises(AssertionError):
        sdk.files_list_folder("")


def test_a_request_can_hang(standin: StandIn) -> None:
    """The client gives up by its own timeout; once let go, the stand-in goes on as if nothing had been."""
    standin.faults.hang(LIST)
    with client(standin, timeout=0.1) as sdk:
        with pytest.raises(requests.ReadTimeout):
            sdk.files_list_folder("")
        assert standin.log.all(LIST)[0].status is None
        standin.faults.clear()
        sdk.files_list_folder("")


def test_what_hangs_can_be_let_go(standin: StandIn, sdk: Any) -> None:
    """A request that waits is answered after all when its fault is cleared, also if it was for one only."""
    standin.faults.hang(LIST, times=1)

    def release() -> None:
        standin.log.wait(LIST)
        time.sleep(0.01)
        standin.faults.clear(LIST)

    other = threading.Thread(target=release)
    other.start()
    assert len(sdk.files_list_folder("").entries) == 1
    other.join()


def test_a_longpoll_can_be_blocked(standin: StandIn, sdk: Any) -> None:
    """The connection ends without an answer, while everything else works."""
    standin.faults.refuse(LONGPOLL)
    cursor = sdk.files_list_folder("").cursor
    with pytest.raises(requests.ConnectionError):
        sdk.files_list_folder_longpoll(cursor)
    assert sdk.files_list_folder_continue(cursor).entries == []


def test_a_download_can_be_slow(standin: StandIn, sdk: Any) -> None:
    """It takes its time, byte by byte, and comes whole."""
    standin.state.put("/b.jpg", b"0123456789")
    standin.faults.drip(DOWNLOAD, pause=0.01)
    begin = time.monotonic()
    assert sdk.files_download("/b.jpg")[1].content == b"0123456789"
    assert time.monotonic() - begin >= 0.08


def test_connections_can_be_dropped(standin: StandIn, sdk: Any) -> None:
    """As soon as they are accepted, so many, with nothing on record; open ones live until they are cut."""
    standin.faults.drop(times=2)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            sdk.files_list_folder("")
    assert standin.log.all() == []
    assert len(sdk.files_list_folder("").entries) == 1
    standin.faults.drop()
    assert len(sdk.files_list_folder("").entries) == 1
    standin.disconnect()
    with pytest.raises(requests.ConnectionError):
        sdk.files_list_folder("")


def test_the_network_can_be_down(standin: StandIn, sdk: Any) -> None:
    """A longpoll in flight is cut, new connections are refused, and afterwards the port is the same."""
    standin.routes.longpoll_scale = 1.0
    cursor, port = sdk.files_list_folder("").cursor, standin.port
    failures: list[BaseException] = []

    def poll() -> None:
        try:
            sdk.files_list_folder_longpoll(cursor)
        except requests.ConnectionError as error:
            failures.append(error)

    other = threading.Thread(target=poll)
    other.start()
    standin.log.wait(LONGPOLL)
    with standin.network_down():
        other.join(5)
        assert len(failures) == 1
        with pytest.raises(requests.ConnectionError, match="refused"):
            sdk.files_list_folder("")
    assert sdk.files_list_folder_continue(cursor).entries == []
    assert standin.port == port
    assert standin.host == f"localhost:{port}"


def test_a_refresh_can_fail(standin: StandIn) -> None:
    """The token route has faults like any other; the SDK cannot tell a 400 there from its own mistake."""
    standin.faults.status(TOKEN, 503, times=1)
    standin.faults.status(TOKEN, 400, times=1)
    for error in (InternalServerError, BadInputError):
        with lasting_client(standin) as sdk, pytest.raises(error):
            sdk.files_list_folder("")


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_the_end_waits_for_nobody(authority: Authority, kind: str) -> None:
    """Whatever hangs or drips, the stand-in closes at once and leaves no thread and no open connection."""
    before = threading.active_count()
    failures: list[BaseException] = []

    def ask(made: Any) -> None:
        try:
            made.files_list_folder("")
        except CUT as error:
            failures.append(error)

    with StandIn(authority) as standin, client(standin) as made:
        if kind == "hang":
            standin.faults.hang(LIST)
        else:
            standin.faults.drip(LIST, pause=60.0)
        other = threading.Thread(target=ask, args=(made,))
        other.start()
        standin.log.wait(LIST)
        begin = time.monotonic()
    other.join(5)
    assert time.monotonic() - begin < 2
    assert len(failures) == 1
    assert threading.active_count() == before


@pytest.mark.usefixtures("direct")
def test_the_stand_in_tells_of_its_own_mistakes(authority: Authority) -> None:
    """An exception in it fails the test at the end, whatever the client made of it."""

    def mistaken() -> None:
        with StandIn(authority) as standin, client(standin) as made:
            standin.state.page = None  # type: ignore[assignment]  # the mistake
            with pytest.raises(requests.ConnectionError):
                made.files_list_folder("")

    with pytest.raises(TypeError):
        mistaken()
