"""The stand-in for Dropbox: files and listings, by the real SDK; and how strict it is with what is not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from dropbox import content_hash as official
from dropbox.exceptions import ApiError
from dropbox.files import DeletedMetadata, FileMetadata, FolderMetadata, WriteMode

from tests.enrol.standin import StandIn
from tests.enrol.standin_client import client, post
from tests.enrol.standin_faults import CONTINUE, DOWNLOAD, LIST, LONGPOLL
from tests.enrol.standin_tree import BLOCK, content_hash, dbid

RPC = {"Content_Type": "application/json"}


@pytest.fixture
def sdk(standin: StandIn) -> Iterator[Any]:
    """The real SDK with an access token."""
    with client(standin) as made:
        yield made


def told(result: Any) -> list[tuple[str, str]]:
    """What a page tells, in order: kind and path."""
    kinds = {FileMetadata: "file", FolderMetadata: "folder", DeletedMetadata: "deleted"}
    return [(kinds[type(entry)], entry.path_display) for entry in result.entries]


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_the_content_hash_is_the_official_one(size: int) -> None:
    """Around the edges of a block, Dropbox's own hasher says the same."""
    assert content_hash(b"x" * size) == official.content_hash(b"x" * size)


def test_a_listing_tells_of_every_file_and_folder(standin: StandIn, sdk: Any) -> None:
    """Paths keep the capitals they were first written with; metadata is what the SDK expects."""
    standin.state.put("/Photos/Grace Höpper/One.jpg", b"one")
    standin.state.put("/PHOTOS/grace höpper/two.jpg", b"two!")
    assert told(sdk.files_list_folder("")) == [("folder", "/Photos")]
    result = sdk.files_list_folder("/photos", recursive=True)
    assert told(result) == [
        ("folder", "/Photos"),
        ("folder", "/Photos/Grace Höpper"),
        ("file", "/Photos/Grace Höpper/One.jpg"),
        ("file", "/Photos/Grace Höpper/two.jpg"),
    ]
    file = result.entries[-1]
    assert (file.name, file.path_lower, file.size) == ("two.jpg", "/photos/grace höpper/two.jpg", 4)
    assert file.content_hash == official.content_hash(b"two!")
    assert re.fullmatch("[0-9a-f]{9,}", file.rev)
    assert not result.has_more


def test_a_file_comes_down_by_path_id_or_revision(standin: StandIn, sdk: Any) -> None:
    """Capitals do not matter; an old revision is still to be had; every download is on record."""
    old = standin.state.put("/Photos/Ünï.jpg", b"old")
    new = standin.state.put("/Photos/Ünï.jpg", b"new")
    assert old["id"] == new["id"]
    assert old["rev"] != new["rev"]
    named = {"/photos/ünï.JPG": b"new", new["id"]: b"new", f"rev:{old['rev']}": b"old"}
    for path, data in named.items():
        metadata, response = sdk.files_download(path)
        assert (metadata.name, response.content) == ("Ünï.jpg", data)
    assert dict(standin.log.downloads()) == dict.fromkeys(named, 1)
    assert [request.status for request in standin.log.all(DOWNLOAD)] == [200] * 3


def test_pages_and_cursors_count(standin: StandIn, sdk: Any) -> None:
    """No page is longer than it may be, nothing is missed or twice, and a cursor works more than once."""
    for number in range(5):
        standin.state.put(f"/{number}.jpg", b"")
    standin.state.page = 2
    pages = [sdk.files_list_folder("")]
    while pages[-1].has_more:
        pages.append(sdk.files_list_folder_continue(pages[-1].cursor))
    assert [len(page.entries) for page in pages] == [2, 2, 1]
    assert [path for page in pages for _, path in told(page)] == [f"/{number}.jpg" for number in range(5)]
    again = sdk.files_list_folder_continue(pages[0].cursor)
    assert told(again) == told(pages[1])
    assert len({page.cursor for page in [*pages, again]}) == 4
    assert standin.log.count(CONTINUE) == 3


def test_a_cursor_tells_what_has_happened_since(standin: StandIn, sdk: Any) -> None:
    """One entry for a folder that went, whatever was in it; one for a file that came back and changed."""
    state = standin.state
    for name in ("/P/Ann/1.jpg", "/P/Ann/2.jpg", "/P/Bob/1.jpg", "/P/3.jpg", "/elsewhere.txt"):
        state.put(name, b"x")
    cursor = sdk.files_list_folder("/p", recursive=True).cursor
    state.delete("/p/ann")
    state.move("/P/Bob", "/P/Robert")
    state.delete("/P/3.jpg")
    state.put("/P/3.jpg", b"y")
    state.put("/P/3.jpg", b"z")
    state.put("/elsewhere.txt", b"y")
    assert told(sdk.files_list_folder_continue(cursor)) == [
        ("deleted", "/P/Ann"),
        ("deleted", "/P/Bob"),
        ("folder", "/P/Robert"),
        ("file", "/P/Robert/1.jpg"),
        ("file", "/P/3.jpg"),
    ]


def test_a_file_and_a_folder_can_change_places(standin: StandIn, sdk: Any) -> None:
    """A folder that went is told before the file that has its name now, and a file before the folder."""
    state = standin.state
    state.put("/Ann/1.jpg", b"")
    state.put("/Bob", b"")
    cursor = sdk.files_list_folder("").cursor
    state.delete("/Ann")
    state.put("/Ann", b"")
    state.delete("/Bob")
    state.mkdir("/Bob")
    wanted = [("deleted", "/Ann"), ("file", "/Ann"), ("deleted", "/Bob"), ("folder", "/Bob")]
    assert told(sdk.files_list_folder_continue(cursor)) == wanted


def test_deleted_entries_are_listed_on_request(standin: StandIn, sdk: Any) -> None:
    """A first listing tells of what has gone only with ``include_deleted``."""
    standin.state.put("/a.jpg", b"")
    standin.state.delete("/A.jpg")
    assert told(sdk.files_list_folder("")) == []
    assert told(sdk.files_list_folder("", include_deleted=True)) == [("deleted", "/a.jpg")]


def test_a_shared_folder_tells_who_changed_a_file(standin: StandIn, sdk: Any) -> None:
    """Files in it name the user, uploads the app's own; files elsewhere name nobody."""
    standin.state.put("/Shared/a.jpg", b"", by=dbid("ann"))
    standin.state.put("/mine.jpg", b"")
    sdk.files_upload(b"", "/Shared/b.jpg")
    entries = {entry.name: entry for entry in sdk.files_list_folder("", recursive=True).entries}
    assert entries["a.jpg"].sharing_info.modified_by == dbid("ann")
    assert entries["b.jpg"].sharing_info.modified_by == standin.accounts.account_id
    assert entries["mine.jpg"].sharing_info is None
    assert entries["Shared"].sharing_info.shared_folder_id == (
        entries["a.jpg"].sharing_info.parent_shared_folder_id
    )
    assert sdk.users_get_current_account().account_id == standin.accounts.account_id


def test_what_can_only_be_exported_cannot_be_downloaded(standin: StandIn, sdk: Any) -> None:
    """A Paper document is listed unless left out, and has no bytes."""
    standin.state.put("/Notes.paper", b"", downloadable=False)
    assert sdk.files_list_folder("").entries[0].is_downloadable is False
    assert told(sdk.files_list_folder("", include_non_downloadable_files=False)) == []
    with pytest.raises(ApiError) as refused:
        sdk.files_download("/Notes.paper")
    assert refused.value.error.is_unsupported_file()


def test_an_upload_writes_by_its_mode(standin: StandIn, sdk: Any) -> None:
    """Add, overwrite and update have the conflicts that the SDK's documentation gives them."""
    first = sdk.files_upload(b"one", "/Photos/report.txt", mute=True)
    assert sdk.files_upload(b"one", "/Photos/report.txt").rev == first.rev
    with pytest.raises(ApiError) as refused:
        sdk.files_upload(b"two", "/Photos/report.txt", WriteMode.add)
    assert refused.value.error.get_path().reason.get_conflict().is_file()
    renamed = sdk.files_upload(b"two", "/Photos/report.txt", autorename=True)
    assert renamed.path_display == "/Photos/report (1).txt"
    second = sdk.files_upload(b"two", "/photos/REPORT.txt", WriteMode.overwrite)
    assert (second.path_display, second.id) == ("/Photos/REPORT.txt", first.id)
    with pytest.raises(ApiError):
        sdk.files_upload(b"three", "/photos/report.txt", WriteMode.update(first.rev))
    sdk.files_upload(b"three", "/photos/report.txt", WriteMode.update(second.rev))
    assert standin.state.read("/photos/report.txt") == b"three"
    with pytest.raises(ApiError) as refused:
        sdk.files_upload(b"x", "/photos", WriteMode.overwrite)
    assert refused.value.error.get_path().reason.get_conflict().is_folder()
    with pytest.raises(ApiError) as refused:
        sdk.files_upload(b"x", "/new.txt", content_hash="0" * 64)
    assert refused.value.error.is_content_hash_mismatch()


def test_what_is_not_there_is_not_found(standin: StandIn, sdk: Any) -> None:
    """Files, folders, cursors and folders that have gone since: each by the SDK's own error."""
    standin.state.put("/Photos/a.jpg", b"")
    cursor = sdk.files_list_folder("/Photos").cursor
    for call in (sdk.files_list_folder, sdk.files_download, sdk.files_get_metadata):
        with pytest.raises(ApiError) as refused:
            call("/nowhere")
        assert refused.value.error.get_path().is_not_found()
    with pytest.raises(ApiError) as refused:
        sdk.files_list_folder("/photos/A.jpg")
    assert refused.value.error.get_path().is_not_folder()
    with pytest.raises(ApiError) as refused:
        sdk.files_download("/photos")
    assert refused.value.error.get_path().is_not_file()
    standin.state.delete("/photos")
    with pytest.raises(ApiError) as refused:
        sdk.files_list_folder_continue(cursor)
    assert refused.value.error.get_path().is_not_found()
    standin.state.reset_cursors()
    for call in (sdk.files_list_folder_continue, sdk.files_list_folder_longpoll):
        with pytest.raises(ApiError) as refused:
            call(cursor)
        assert refused.value.error.is_reset()


def test_a_longpoll_waits_for_a_change(standin: StandIn, sdk: Any) -> None:
    """It answers as soon as something in its folder has changed, and says so if nothing has in its time."""
    standin.state.mkdir("/Photos")
    standin.routes.longpoll_scale = 1.0
    cursor = sdk.files_list_folder("/Photos").cursor

    def change() -> None:
        standin.log.wait(LONGPOLL)
        standin.state.put("/elsewhere.jpg", b"")
        standin.state.put("/Photos/a.jpg", b"")

    user = threading.Thread(target=change)
    user.start()
    assert sdk.files_list_folder_longpoll(cursor, timeout=480).changes
    user.join()
    standin.routes.longpoll_scale, standin.state.backoff = 0.001, 7
    result = sdk.files_list_folder_longpoll(sdk.files_list_folder_continue(cursor).cursor)
    assert (result.changes, result.backoff) == (False, 7)


BAD = [
    ({"path": "/"}, "root folder as an empty string"),
    ({"path": "Photos"}, "did not match pattern"),
    ({"path": None}, "expected to be a string, got null"),
    ({"path": "", "colour": 1}, "unknown field 'colour'"),
    ({"path": "", "limit": 2001}, "not within range"),
    ({"path": "", "recursive": "yes"}, "expected boolean, got string"),
    ({}, "missing required field 'path'"),
    ([], "expected object"),
]


@pytest.mark.parametrize(("argument", "text"), BAD)
def test_a_wrong_argument_is_refused_in_words(standin: StandIn, argument: object, text: str) -> None:
    """400 and plain text that names the route and the fault, as Dropbox answers."""
    answer = post(standin, LIST, json.dumps(argument).encode(), standin.access_token(), **RPC)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert answer.text.startswith(f'Error in call to API function "{LIST}": request body: ')
    assert text in answer.text


def test_a_wrong_request_is_refused(standin: StandIn) -> None:
    """Types, headers, timeouts and routes that Dropbox does not take."""
    token, body = standin.access_token(), b'{"path": ""}'
    empty = b""
    refused = {
        "Content-Type": post(standin, LIST, body, token, Content_Type="text/plain"),
        "decode input as JSON": post(standin, LIST, b'{"path": ', token, **RPC),
        "not within range [30, 480]": post(standin, LONGPOLL, b'{"cursor": "x", "timeout": 29}', **RPC),
        "does not use it": post(standin, LONGPOLL, b'{"cursor": "x"}', token, **RPC),
        'header "Dropbox-API-Arg"': post(standin, DOWNLOAD, empty, token),
        "could not decode": post(standin, DOWNLOAD, empty, token, Dropbox_API_Arg='{"path": "/\xe4"}'),
        "Unknown API function": post(standin, "files/nonsense", body, token, **RPC),
    }
    assert {answer.status_code for answer in refused.values()} == {400}
    assert [text for text, answer in refused.items() if text not in answer.text] == []
    assert post(standin, "/1/metadata", body, token).status_code == 404
    malformed = post(standin, LIST, b'{"path": "/Photos/"}', token, **RPC)
    assert malformed.json()["error"] == {".tag": "path", "path": {".tag": "malformed_path"}}


def test_the_answer_of_a_download_is_ascii(standin: StandIn) -> None:
    """``Dropbox-API-Result`` escapes every letter beyond ASCII, and 0x7F."""
    standin.state.put("/ü\x7f漢.jpg", b"")
    argument = json.dumps({"path": standin.state.paths()[0]}).replace("\x7f", "\\u007f")
    answer = post(standin, DOWNLOAD, None, standin.access_token(), Dropbox_API_Arg=argument)
    header = answer.headers["Dropbox-API-Result"]
    assert "\\u00fc\\u007f\\u6f22" in header
    assert json.loads(header)["name"] == "ü\x7f漢.jpg"


def test_a_process_of_its_own_is_pointed_by_its_environment(standin: StandIn) -> None:
    """The SDK as it is installed needs nothing but ``environment``: refresh, list, longpoll, download."""
    standin.state.put("/a.jpg", b"a picture")
    script = """if True:
        import sys, dropbox
        sdk = dropbox.Dropbox(oauth2_refresh_token=sys.argv[1], app_key=sys.argv[2])
        listing = sdk.files_list_folder("")
        assert not sdk.files_list_folder_longpoll(listing.cursor).changes
        print(sdk.files_download(listing.entries[0].path_lower)[1].text)
        print(dropbox.DropboxOAuth2FlowNoRedirect(
            sys.argv[2], use_pkce=True, token_access_type="offline", scope=["files.content.read"]).start())
    """
    command = [sys.executable, "-c", script, standin.refresh_token, standin.app_key]
    result = subprocess.run(command, env=os.environ | standin.environment(), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    picture, url = result.stdout.splitlines()
    assert picture == "a picture"
    assert url.startswith(f"https://{standin.host}/")
    assert standin.authorize(url)
