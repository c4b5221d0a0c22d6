"""Downloads from a real local server that breaks off, lies and hangs."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorctl.errors import ModelError
from doorctl.models.download import UnreachableError, download
from doorctl.models.manifest import Original
from tests.models.serving import Publisher, publisher

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def server() -> Iterator[Publisher]:
    with publisher(CONTENT) as serves:
        yield serves


def original(address: str) -> Original:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return Original(name="net.bin", bytes=len(CONTENT), sha256=sha256, address=address)


def fetch(server: Publisher, directory: Path, seconds: float = 5.0) -> bytes:
    return download(original(server.address), directory, lambda done: None, seconds)


def parts(directory: Path) -> list[Path]:
    return sorted(directory.glob(".*.part"))


def test_a_file_is_fetched_whole(server: Publisher, tmp_path: Path) -> None:
    """Right content, progress up to the end, and nothing left behind."""
    told: list[int] = []
    assert download(original(server.address), tmp_path, told.append, 5.0) == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)
    assert parts(tmp_path) == []


def test_a_transfer_that_breaks_off_goes_on_where_it_was(server: Publisher, tmp_path: Path) -> None:
    """The second request asks for the rest alone."""
    server.manner, server.stop_after = "short", 100_000
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [None, "bytes=100000-"]


def test_a_later_call_resumes_from_the_part(server: Publisher, tmp_path: Path) -> None:
    """A part outlives the rounds of its call: the next installation asks for the rest alone."""
    server.manner, server.stop_after = "stalls", 50_000
    with pytest.raises(ModelError, match=r"broke off after 150000 of 256000 bytes"):
        fetch(server, tmp_path, seconds=1.0)
    (part,) = parts(tmp_path)
    assert part.read_bytes() == CONTENT[: part.stat().st_size]
    there = part.stat().st_size
    server.manner, server.ranges = "well", []
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [f"bytes={there}-"]
    assert parts(tmp_path) == []


def test_a_server_that_never_gets_further_is_given_up(server: Publisher, tmp_path: Path) -> None:
    """Truncated again and again: a clear error after a few rounds, with the part kept."""
    server.manner, server.stop_after = "always short", 1000
    with pytest.raises(ModelError, match="broke off after 3000 of 256000"):
        fetch(server, tmp_path)
    assert len(server.ranges) == 3
    assert len(parts(tmp_path)) == 1


def test_a_server_without_ranges_starts_again(server: Publisher, tmp_path: Path) -> None:
    """An answer with the whole file replaces the part; it is not put after it."""
    server.manner, server.stop_after = "stalls", 50_000
    with pytest.raises(ModelError):
        fetch(server, tmp_path, seconds=1.0)
    server.manner = "no ranges"
    assert fetch(server, tmp_path) == CONTENT


def test_a_refused_range_forgets_the_part(server: Publisher, tmp_path: Path) -> None:
    """The call fails, and the next one starts from nothing and succeeds."""
    server.manner, server.stop_after = "stalls", 50_000
    with pytest.raises(ModelError):
        fetch(server, tmp_path, seconds=1.0)
    server.manner = "refuses ranges"
    with pytest.raises(ModelError, match="416"):
        fetch(server, tmp_path)
    assert fetch(server, tmp_path) == CONTENT


@pytest.mark.parametrize("change", ["another byte", "longer"])
def test_wrong_content_is_told_and_not_kept(change: str, server: Publisher, tmp_path: Path) -> None:
    """One changed byte, or bytes too many: an error with both hashes, and no part to go on from."""
    server.content = b"x" + CONTENT[1:] if change == "another byte" else CONTENT + b"more"
    with pytest.raises(ModelError, match="sha256"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_part_does_no_harm(server: Publisher, tmp_path: Path) -> None:
    """What grew from a damaged part is thrown away; the call after it is clean."""
    server.manner, server.stop_after = "stalls", 50_000
    with pytest.raises(ModelError):
        fetch(server, tmp_path, seconds=1.0)
    (part,) = parts(tmp_path)
    part.write_bytes(b"?" * 1000)
    server.manner = "well"
    with pytest.raises(ModelError, match="sha256"):
        fetch(server, tmp_path)
    assert fetch(server, tmp_path) == CONTENT


def test_a_missing_file_is_told(server: Publisher, tmp_path: Path) -> None:
    """The server's own word is in the error."""
    server.manner = "missing"
    with pytest.raises(ModelError, match="404"):
        fetch(server, tmp_path)


def test_a_server_that_hangs_is_left(server: Publisher, tmp_path: Path) -> None:
    """A connection without an answer ends after the time that was given."""
    server.manner = "hangs"
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="no connection"):
        fetch(server, tmp_path, seconds=1.0)
    assert time.monotonic() - began < 3


def test_nobody_there_is_told(tmp_path: Path) -> None:
    """A closed port is an error at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/file"
    with pytest.raises(UnreachableError, match="no connection"):
        download(original(address), tmp_path, lambda done: None, 1.0)
