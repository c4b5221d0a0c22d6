"""The Dropbox folder, by the real SDK over real TLS, against the stand-in and its faults."""

from __future__ import annotations

import datetime
import gc
import json
import logging
import ssl
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from doorctl.enrol.content_hash import content_hash
from doorctl.enrol.dropbox_client import Hosts, Timeouts, ca_file
from doorctl.enrol.source import Entry, FetchError, ReadOnlyError, SourceError, UnreachableError
from doorctl.errors import DoorctlError
from tests.enrol.opened import listed, opened
from tests.enrol.standin import Authority, StandIn
from tests.enrol.standin_faults import CONTINUE, DOWNLOAD, LIST, TOKEN, UPLOAD
from tests.enrol.standin_tree import dbid
from tests.enrol.standin_wire import nest

# The SDK tells its tokens' time by datetime.utcnow, which Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

LETTERS = "abcdefgh" * 100


def test_everything_is_listed_over_several_pages(standin: StandIn) -> None:
    """All pages come as one result: relative paths as they are written, keys in lower case, no folders."""
    standin.state.page = 2
    for name in ("Grace Höpper/a.jpg", "Grace Höpper/b.JPG", "Ada.jpg", "Alan.jpg", "x/y/z.png"):
        standin.state.put(f"/Photos/{name}", name.encode())
    standin.state.put("/elsewhere.jpg", b"not ours")
    with opened(standin, "/PHOTOS") as source:
        found = source.changes(None)
    assert source.name == "dropbox:/PHOTOS"
    assert found.complete
    assert found.deleted == ()
    assert found.cursor
    assert sorted(entry.path for entry in found.entries) == [
        "Ada.jpg",
        "Alan.jpg",
        "Grace Höpper/a.jpg",
        "Grace Höpper/b.JPG",
        "x/y/z.png",
    ]
    entry = next(entry for entry in found.entries if entry.key == "grace höpper/b.jpg")
    assert (entry.size, entry.hash) == (19, content_hash("Grace Höpper/b.JPG".encode()))
    assert standin.log.count(CONTINUE) > 2


def test_the_whole_dropbox_can_be_the_folder(standin: StandIn) -> None:
    """With an empty folder, paths begin at the root."""
    standin.state.put("/Ada.jpg", b"a")
    standin.state.put("/Grace/b.jpg", b"b")
    with opened(standin, "") as source:
        assert set(listed(source)) == {"ada.jpg", "grace/b.jpg"}
    assert source.name == "dropbox:/"


def test_who_changed_a_file_is_told_where_dropbox_tells(standin: StandIn) -> None:
    """A shared folder's files name the account that changed them last; others nobody."""
    standin.state.put("/Photos/shared/a.jpg", b"a", by=dbid("alan"))
    standin.state.put("/Photos/b.jpg", b"b")
    with opened(standin) as source:
        found = listed(source)
    assert found["shared/a.jpg"].by == dbid("alan")
    assert found["b.jpg"].by == ""


def test_changes_are_folded_to_what_is_so_in_the_end(standin: StandIn) -> None:
    """Since a cursor: new and changed files once each, what has gone, nothing of what came and went."""
    put = standin.state.put
    for name in ("stays", "changes", "goes"):
        put(f"/Photos/{name}.jpg", b"1")
    put("/Photos/Grace/a.jpg", b"1")
    standin.state.page = 2
    with opened(standin) as source:
        cursor = source.changes(None).cursor
        put("/Photos/changes.jpg", b"22")
        put("/Photos/comes-and-goes.jpg", b"1")
        put("/Photos/Ada/new.jpg", b"1")
        standin.state.delete("/Photos/comes-and-goes.jpg")
        standin.state.delete("/Photos/goes.jpg")
        standin.state.delete("/Photos/Grace")
        found = source.changes(cursor)
        assert not found.complete
        assert {entry.key: entry.size for entry in found.entries} == {"changes.jpg": 2, "ada/new.jpg": 1}
        assert {"goes.jpg", "grace"} <= set(found.deleted) <= {"goes.jpg", "grace", "comes-and-goes.jpg"}
        after = source.changes(found.cursor)
        assert (after.entries, after.deleted, after.complete) == ((), (), False)


def test_what_the_changes_leave_unclear_is_listed_anew(standin: StandIn) -> None:
    """Where a file and a folder take each other's place, the answer is everything, not a riddle."""
    put, delete = standin.state.put, standin.state.delete
    put("/Photos/Grace/a.jpg", b"1")
    put("/Photos/Ada.jpg", b"1")
    with opened(standin) as source:
        cursor = source.changes(None).cursor
        delete("/Photos/Grace")
        put("/Photos/Grace", b"a file now")
        found = source.changes(cursor)
        assert found.complete
        assert {entry.key for entry in found.entries} == {"grace", "ada.jpg"}
        delete("/Photos/Ada.jpg")
        put("/Photos/Ada.jpg/b.jpg", b"in a folder now")
        found = source.changes(found.cursor)
        assert found.complete
        assert {entry.key for entry in found.entries} == {"grace", "ada.jpg/b.jpg"}


def test_a_cursor_that_is_not_known_lists_everything(
    standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """After a reset, and for what never was a cursor, the answer is everything and says so."""
    standin.state.put("/Photos/a.jpg", b"1")
    with opened(standin) as source, caplog.at_level(logging.INFO):
        cursor = source.changes(None).cursor
        standin.state.reset_cursors()
        for bad in (cursor, "nonsense"):
            found = source.changes(bad)
            assert found.complete
            assert [entry.key for entry in found.entries] == ["a.jpg"]
        standin.faults.status(CONTINUE, 400, times=1, text='Invalid "cursor" parameter: malformed')
        assert source.changes(found.cursor).complete
    assert "not known any more" in caplog.text


def test_a_folder_that_has_gone_is_an_error_not_an_empty_folder(standin: StandIn) -> None:
    """Nobody loses access because the folder was moved: the error names photos.folder."""
    standin.state.put("/Photos/a.jpg", b"1")
    with opened(standin) as source:
        cursor = source.changes(None).cursor
        standin.state.move("/Photos", "/Pictures")
        for known in (cursor, None):
            with pytest.raises(SourceError, match=r"/Photos: no such folder.*photos\.folder") as caught:
                source.changes(known)
            assert not isinstance(caught.value, UnreachableError)
        standin.state.put("/Photos/b.jpg", b"1")
        found = source.changes(cursor)
        assert found.complete
        assert [entry.key for entry in found.entries] == ["b.jpg"]
    with opened(standin, "/Photos/b.jpg") as file, pytest.raises(SourceError, match="a file"):
        file.changes(None)


def test_too_many_requests_tell_how_long_to_wait(standin: StandIn) -> None:
    """A 429 is passed on with its Retry-After, not slept out inside the SDK."""
    with opened(standin) as source:
        standin.faults.rate_limit(LIST, times=1, retry_after=77)
        standin.faults.rate_limit_plain(LIST, times=1, retry_after=300)
        standin.faults.rate_limit_plain(LIST, times=1, retry_after=None)
        for seconds in (77, 300, 0):
            with pytest.raises(UnreachableError) as caught:
                source.changes(None)
            assert caught.value.retry_after == seconds


def test_trouble_of_dropboxs_own_is_temporary(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP 500 and 503 raise UnreachableError; one alone is tried again at once."""
    monkeypatch.setattr("random.random", lambda: 0.0)  # the SDK sleeps a random time
    standin.state.put("/Photos/a.jpg", b"1")
    with opened(standin) as source:
        for status in (500, 503):
            standin.faults.status(LIST, status, times=1)
            with pytest.raises(UnreachableError, match=str(status)):
                source.changes(None)
    patient = Timeouts(connect=2, read=2, retries=1)
    with opened(standin, timeouts=patient) as source:
        standin.faults.status(LIST, 500, times=1)
        assert listed(source)


def test_a_hang_is_cut(standin: StandIn) -> None:
    """A call that gets no answer ends after the read timeout, for lists and tokens alike."""
    for route in (LIST, TOKEN):
        standin.faults.hang(route)
        with opened(standin) as source, pytest.raises(UnreachableError, match="in time"):
            source.changes(None)
        standin.faults.clear()


def test_no_network_is_temporary_and_ends(standin: StandIn) -> None:
    """Refused, dropped and broken connections raise UnreachableError; the same source works afterwards."""
    standin.state.put("/Photos/a.jpg", b"1")
    with opened(standin) as source:
        assert listed(source)
        with standin.network_down(), pytest.raises(UnreachableError):
            source.changes(None)
        assert listed(source)
        standin.faults.refuse(LIST, times=1)
        with pytest.raises(UnreachableError):
            source.changes(None)
        standin.faults.garble(LIST, times=1)
        with pytest.raises(UnreachableError):
            source.changes(None)
        assert listed(source)
    standin.faults.drop(times=1)
    with opened(standin) as source, pytest.raises(UnreachableError):
        source.changes(None)
    hosts = Hosts(api="no-such-host.invalid", ca_file=str(standin.ca_file))
    with opened(standin, hosts=hosts) as source, pytest.raises(UnreachableError, match="looked up"):
        source.changes(None)


def test_a_login_page_in_between_is_told(standin: StandIn) -> None:
    """What is not Dropbox's answer is named as such, and is temporary."""
    for route in (LIST, TOKEN):
        standin.faults.page(route, times=1)
        with opened(standin) as source, pytest.raises(UnreachableError, match="not Dropbox"):
            source.changes(None)
    standin.faults.status(LIST, 403, times=1, text="<html>Blocked by your company</html>")
    with opened(standin) as source, pytest.raises(UnreachableError, match="not Dropbox"):
        source.changes(None)


def test_an_access_token_past_its_time_is_refreshed(standin: StandIn) -> None:
    """An expired access token is replaced without anyone noticing."""
    standin.state.put("/Photos/a.jpg", b"1")
    with opened(standin) as source:
        assert listed(source)
        standin.accounts.expire()
        assert listed(source)
    assert standin.log.count(TOKEN) == 2


def test_a_revoked_token_asks_for_a_login(standin: StandIn) -> None:
    """When the person disconnects the app, the error says what to run, and is not temporary."""
    with opened(standin, "") as source:
        source.changes(None)
        standin.accounts.revoke()
        with pytest.raises(SourceError, match="'doorctl dropbox login' again") as caught:
            source.changes(None)
        assert not isinstance(caught.value, UnreachableError)
    with (
        opened(standin, token="not-a-token-at-all") as source,
        pytest.raises(SourceError, match="dropbox login"),
    ):
        source.changes(None)


def test_a_wrong_app_key_is_named(standin: StandIn) -> None:
    """A token of another app points at photos.app_key."""
    standin.app_key = "wrong"
    with opened(standin) as source, pytest.raises(SourceError, match=r"photos\.app_key"):
        source.changes(None)


@pytest.mark.parametrize("at_app", [False, True])
def test_a_missing_scope_is_named(standin: StandIn, at_app: bool) -> None:
    """Whether the token or the app itself lacks it: the scope, where to tick it, and to login again."""
    token = standin.accounts.refresh_token(("account_info.read",))
    if at_app:
        text = "Your app (ID: 1) is not permitted to access this endpoint because it does not have the "
        standin.faults.status(LIST, 400, text=f"{text}required scope 'files.metadata.read'. To ...")
    with (
        opened(standin, token=token) as source,
        pytest.raises(SourceError, match=r"files\.metadata\.read") as caught,
    ):
        source.changes(None)
    assert "Permissions tab" in caught.value.hint
    assert "doorctl dropbox login" in caught.value.hint


class TimedAuthority(Authority):
    """An authority whose certificate is good at another time only."""

    def __init__(self, directory: Path, start: datetime.datetime, end: datetime.datetime) -> None:
        authority = trustme.CA()
        self.ca_file = directory / "timed.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", not_before=start, not_after=end).configure_cert(self.context)


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize("when", ["past", "future"])
def test_a_wrong_clock_is_named(tmp_path: Path, when: str) -> None:
    """A certificate not valid yet, or not any more, is a matter of the clock: temporary, and told."""
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    start = now - 3 * day if when == "past" else now + 2 * day
    authority = TimedAuthority(tmp_path, start, start + day)
    with (
        StandIn(authority) as standin,
        opened(standin) as source,
        pytest.raises(UnreachableError, match="clock"),
    ):
        source.changes(None)


def test_an_untrusted_certificate_is_told(standin: StandIn, tmp_path: Path) -> None:
    """A certificate of somebody else's is refused; the error names the proxy and where to put its CA."""
    hosts = Hosts(standin.host, standin.host, standin.host, standin.host, ca_file=None)
    with opened(standin, hosts=hosts) as source:
        with pytest.raises(SourceError, match=r"proxy.*SSL_CERT_FILE") as caught:
            source.changes(None)
        assert not isinstance(caught.value, UnreachableError)
    lost = Hosts(standin.host, ca_file=str(tmp_path / "lost.pem"))
    with opened(standin, hosts=lost) as source, pytest.raises(SourceError, match=r"lost\.pem"):
        source.changes(None)
    assert standin.log.all() == []


def test_certificates_are_named_as_openssl_does() -> None:
    """SSL_CERT_FILE names the file of certificates to trust; an empty one names none."""
    assert ca_file({"SSL_CERT_FILE": "/etc/ca.pem"}) == "/etc/ca.pem"
    assert ca_file({"SSL_CERT_FILE": ""}) is ca_file({}) is None


def test_a_file_is_fetched_and_checked(standin: StandIn) -> None:
    """The content comes as it was put, for an empty file and for one of several chunks too."""
    content = {"a.jpg": b"", "Grace Höpper/b.jpg": bytes(range(256)) * 1000}
    for name, data in content.items():
        standin.state.put(f"/Photos/{name}", data)
    with opened(standin) as source:
        for entry in listed(source).values():
            assert source.fetch(entry, 10_000_000) == content[entry.path]


def test_wrong_bytes_are_asked_for_once_more(standin: StandIn) -> None:
    """Bytes that are not what was listed are never handed on: once is made up for, twice is an error."""
    standin.state.put("/Photos/a.jpg", LETTERS.encode())
    with opened(standin) as source:
        entry = listed(source)["a.jpg"]
        for break_it in (standin.faults.wrong_bytes, standin.faults.short_bytes):
            break_it(times=1)
            assert source.fetch(entry, 10_000) == LETTERS.encode()
            break_it(times=2)
            with pytest.raises(FetchError, match=r"a\.jpg: what comes is not what was listed"):
                source.fetch(entry, 10_000)


def test_a_cut_or_a_hang_in_mid_download_is_temporary(standin: StandIn) -> None:
    """A connection that breaks half-way is the network's fault, not the file's."""
    standin.state.put("/Photos/a.jpg", LETTERS.encode())
    with opened(standin) as source:
        entry = listed(source)["a.jpg"]
        standin.faults.cut(times=1)
        with pytest.raises(UnreachableError):
            source.fetch(entry, 10_000)
        standin.faults.drip(DOWNLOAD, times=1, pause=3.0)
        with pytest.raises(UnreachableError, match="in time"):
            source.fetch(entry, 10_000)
        assert source.fetch(entry, 10_000) == LETTERS.encode()


def test_a_file_too_large_is_not_even_asked_for(standin: StandIn) -> None:
    """More than the limit is refused by its listed size; exactly the limit is not."""
    standin.state.put("/Photos/a.jpg", LETTERS.encode())
    with opened(standin) as source:
        entry = listed(source)["a.jpg"]
        with pytest.raises(FetchError, match="800 bytes, expected at most 799"):
            source.fetch(entry, 799)
        assert standin.log.count(DOWNLOAD) == 0
        assert source.fetch(entry, 800)


def test_more_than_was_listed_is_never_read(standin: StandIn) -> None:
    """A download that runs on past the listed size is let go of after one byte more."""
    standin.state.put("/Photos/a.jpg", LETTERS.encode())
    with opened(standin) as source:
        entry = listed(source)["a.jpg"]
        standin.faults.drip(DOWNLOAD, pause=0.02)  # the whole would take 16 s
        start = time.monotonic()
        with pytest.raises(FetchError, match="not what was listed"):
            source.fetch(Entry(entry.path, entry.key, 3, entry.hash), 100)
        assert time.monotonic() - start < 5


def test_files_that_cannot_be_had_say_why(standin: StandIn) -> None:
    """Gone, changed, withheld, or no file at all: an error about that file alone, with what to do."""
    for name in ("gone", "changed", "withheld"):
        standin.state.put(f"/Photos/{name}.jpg", b"1")
    standin.state.put("/Photos/doc.gdoc", b"", downloadable=False)
    error = {"error_summary": "path/restricted_content/.", "error": nest("path", "restricted_content")}
    standin.faults.status(DOWNLOAD, 409, times=1, text=json.dumps(error))
    with opened(standin) as source:
        found = listed(source)
        with pytest.raises(FetchError, match="copyright"):
            source.fetch(found["withheld.jpg"], 100)
        standin.state.delete("/Photos/gone.jpg")
        standin.state.put("/Photos/changed.jpg", b"2")
        with pytest.raises(FetchError, match="gone"):
            source.fetch(found["gone.jpg"], 100)
        with pytest.raises(FetchError, match="any more"):
            source.fetch(found["changed.jpg"], 100)
        with pytest.raises(FetchError, match="JPEG"):
            source.fetch(found["doc.gdoc"], 100)


def test_a_receipt_is_written_over_the_last(standin: StandIn) -> None:
    """Text goes into the folder as UTF-8, in a sub-folder too, without a notification to anyone."""
    standin.state.mkdir("/Photos")
    with opened(standin) as source:
        source.write("_doorctl/pi.md", "Grüße, first\n")
        source.write("_doorctl/pi.md", "second\n")
    assert standin.state.read("/Photos/_doorctl/pi.md") == b"second\n"
    assert all(request.argument["mute"] is True for request in standin.log.all(UPLOAD))


def test_where_nothing_may_be_written_the_error_says_what_to_do(standin: StandIn) -> None:
    """No scope, no permission, no space, a folder of that name: ReadOnlyError; too much at once: later."""
    standin.state.mkdir("/Photos/taken")
    with opened(standin) as source:
        with pytest.raises(ReadOnlyError, match=r"photos\.receipts"):
            source.write("taken", "text")
        for tag, word in (("insufficient_space", "space"), ("no_write_permission", "edit the folder")):
            standin.faults.write_error(tag, times=1)
            with pytest.raises(ReadOnlyError, match=word):
                source.write("a.md", "text")
        standin.faults.write_error("too_many_write_operations", times=1)
        with pytest.raises(UnreachableError):
            source.write("a.md", "text")
        standin.faults.rate_limit(UPLOAD, times=1, retry_after=5, reason="too_many_write_operations")
        with pytest.raises(UnreachableError) as caught:
            source.write("a.md", "text")
        assert caught.value.retry_after == 5
    reader = standin.accounts.refresh_token(("files.metadata.read", "files.content.read"))
    with (
        opened(standin, token=reader) as source,
        pytest.raises(ReadOnlyError, match=r"files\.content\.write"),
    ):
        source.write("a.md", "text")


# The SDK leaves a refused download unread, and its socket to the collector, which 3.13 tells of.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_token_shows_nowhere(standin: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    """Not in errors, their traces, logs of any level or reprs, even where a server sends it back."""
    standin.state.put("/Photos/a.jpg", b"1")
    told: list[str] = []
    access: list[str] = []

    def attempt(break_it: Callable[[], object]) -> None:
        with opened(standin) as source:
            entry = listed(source)["a.jpg"]
            access.append(source._client._oauth2_access_token)
            break_it()
            for act in (
                lambda: source.changes(None),
                lambda: source.fetch(entry, 10),
                lambda: source.write("a.md", "text"),
                lambda: source.wait("cursor", 0.1),
            ):
                try:
                    act()
                except DoorctlError as error:
                    told.append("".join(traceback.format_exception(error)) + repr(error))
            told.extend((repr(source), str(source)))
        standin.faults.clear()

    def echo(status: int) -> Callable[[], None]:
        return lambda: standin.faults.status(
            "*", status, text=f'{{"error": "{standin.refresh_token} {access[-1]}"}}'
        )

    with caplog.at_level(logging.DEBUG):
        for status in (400, 401, 403, 404, 409, 418, 422, 429, 500):
            attempt(echo(status))
        attempt(lambda: standin.faults.refuse("*"))
        attempt(lambda: standin.faults.cut("*"))
        attempt(standin.accounts.expire)
        attempt(standin.accounts.revoke)
    gc.collect()
    everything = "\n".join([*told, caplog.text])
    assert len(told) > 40
    assert standin.refresh_token not in everything
    assert not any(name in everything for name in access)
