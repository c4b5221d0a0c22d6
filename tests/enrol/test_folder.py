"""Photos from a folder on this machine, on real files."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorctl.enrol import folder
from doorctl.enrol.content_hash import content_hash
from doorctl.enrol.folder import FolderSource
from doorctl.enrol.source import Entry, FetchError, PhotoSource, ReadOnlyError, SourceError, UnreachableError

SETTLE = 0.3
LIMIT = 1000


def put(file: Path, data: bytes = b"photo", age: float = 60) -> Path:
    """A file that was written some seconds ago."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (time.time() - age,) * 2)
    return file


def looked(source: FolderSource, cursor: str | None = None) -> dict[str, str]:
    """Paths and hashes of a listing."""
    changes = source.changes(cursor)
    assert changes.complete
    assert changes.deleted == ()
    assert all(entry.key == entry.path for entry in changes.entries)
    return {entry.path: entry.hash for entry in changes.entries}


def entry_of(source: FolderSource, path: str) -> Entry:
    return next(entry for entry in source.changes(None).entries if entry.path == path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@pytest.fixture
def source(home: Path) -> Iterator[FolderSource]:
    with FolderSource(home, poll_seconds=0.02, settle_seconds=SETTLE) as source:
        yield source


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    """Where a small disk of 64 KiB is mounted."""
    place = tmp_path / "stick"
    place.mkdir()
    mount(place)
    yield place
    subprocess.run(["umount", place], check=False, capture_output=True)


def mount(place: Path) -> None:
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"only root may mount a disk here: {error}")


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """A folder of a user whom permissions bind, who runs the test; root would read everything."""
    home = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(home, 65534, 65534)
        os.seteuid(65534)
    yield home
    if root:
        os.seteuid(0)
    for folder_ in (home, *home.rglob("*")):
        if folder_.is_dir():
            folder_.chmod(0o700)
    shutil.rmtree(home)


def test_a_listing_names_every_file(home: Path, source: FolderSource) -> None:
    """Files at the top and in folders come with their sizes and Dropbox's hashes, each once."""
    put(home / "Grace Hopper-1.jpg", b"grace")
    put(home / "Alan Turing" / "a.jpg", b"alan")
    put(home / "team" / "old" / "x.jpg", b"")
    photos: PhotoSource = source
    assert photos.name == f"folder:{home}"
    assert set(photos.changes(None).entries) == {
        Entry(path, path, len(data), content_hash(data))
        for path, data in (
            ("Grace Hopper-1.jpg", b"grace"),
            ("Alan Turing/a.jpg", b"alan"),
            ("team/old/x.jpg", b""),
        )
    }


def test_what_computers_put_there_is_not_listed(home: Path, source: FolderSource) -> None:
    """Hidden files, half downloads and doorctl's own reports are not even read."""
    for path in (".hidden.jpg", ".git/x.jpg", "Thumbs.db", "a.jpg.part", "_doorctl/status.txt"):
        put(home / path)
    assert looked(source) == {}


def test_a_mark_is_told_at_once(home: Path) -> None:
    """Who is to be kept out need not wait for a file to come to rest: its name says all. A photo does."""
    with FolderSource(home, poll_seconds=0.02, settle_seconds=60) as source:
        cursor = source.changes(None).cursor
        put(home / "Grace-DENY.jpg", b"mark", age=0)
        put(home / "Alan-1.jpg", b"alan", age=0)
        assert source.wait(cursor, 5)
        assert looked(source) == {"Grace-DENY.jpg": ""}
        assert looked(source) == {"Grace-DENY.jpg": ""}


def test_added_changed_renamed_and_deleted(home: Path, source: FolderSource) -> None:
    """Each listing holds what is there now; a file that moved keeps its hash."""
    one, two = put(home / "Grace-1.jpg", b"one"), put(home / "Alan-1.jpg", b"two")
    first = source.changes(None)
    assert looked(source) == {"Grace-1.jpg": content_hash(b"one"), "Alan-1.jpg": content_hash(b"two")}
    assert source.changes(first.cursor).cursor == first.cursor
    one.rename(home / "Grace-2.jpg")
    two.unlink()
    put(home / "Ada.jpg", b"three")
    assert looked(source) == {"Grace-2.jpg": content_hash(b"one"), "Ada.jpg": content_hash(b"three")}
    put(home / "Ada.jpg", b"other")
    time.sleep(SETTLE)
    source.changes(None)
    time.sleep(SETTLE)
    assert looked(source)["Ada.jpg"] == content_hash(b"other")


def test_unchanged_files_are_not_read_again(home: Path, source: FolderSource) -> None:
    """A folder that rests costs no reading, as the system's own count of bytes read by this process tells."""

    def read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    size = 5_000_000
    file = put(home / "Grace.jpg", b"x" * size)
    before = read()
    first = looked(source)
    assert read() - before >= size
    before = read()
    assert looked(source) == first
    file.rename(home / "Alan.jpg")
    put(home / "new.jpg")
    assert len(looked(source)) == 2
    # A new name is a change to most file systems: read once more, as a change behind it would go unnoticed.
    assert read() - before < 1.5 * size


def test_a_new_file_is_told_of_when_it_rests(home: Path, source: FolderSource) -> None:
    """A photo that is still being copied is not taken for a damaged one, and is not forgotten."""
    source.changes(None)
    with (home / "Grace.jpg").open("wb") as file:
        for _ in range(4):
            file.write(b"part")
            file.flush()
            assert looked(source) == {}
            time.sleep(SETTLE / 3)
    cursor = source.changes(None).cursor
    assert source.wait(cursor, 10 * SETTLE)
    assert looked(source) == {"Grace.jpg": content_hash(b"part" * 4)}


def test_a_file_that_is_written_again_stays_as_it_was_until_it_rests(
    home: Path, source: FolderSource
) -> None:
    """While a photo is being replaced it has neither gone nor half changed, and is not fetched."""
    put(home / "Grace.jpg", b"old")
    before = entry_of(source, "Grace.jpg")
    put(home / "Grace.jpg", b"half", age=0)
    assert entry_of(source, "Grace.jpg") == before
    with pytest.raises(FetchError, match="has changed since"):
        source.fetch(before, LIMIT)
    put(home / "Grace.jpg", b"whole", age=0)
    assert entry_of(source, "Grace.jpg") == before
    time.sleep(1.5 * SETTLE)
    assert looked(source) == {"Grace.jpg": content_hash(b"whole")}


def test_files_dated_by_another_clock_come_to_rest_too(home: Path, source: FolderSource) -> None:
    """A camera or a share whose clock is ahead delays a file by no more than one that is right."""
    source.changes(None)
    put(home / "Grace.jpg", age=-1e6)
    cursor = source.changes(None).cursor
    assert source.wait(cursor, 10 * SETTLE)
    assert looked(source) == {"Grace.jpg": content_hash(b"photo")}


def test_the_first_look_leaves_nothing_out(home: Path, source: FolderSource) -> None:
    """After a start nothing is known of before, so a young file is waited for, not told as gone."""
    put(home / "Grace.jpg", age=0)
    assert looked(source) == {"Grace.jpg": content_hash(b"photo")}


def test_a_file_that_never_rests_is_named_by_the_first_look(home: Path, source: FolderSource) -> None:
    """What is being written for long is listed without a hash, and fetching it says why."""
    stop = threading.Event()

    def write() -> None:
        with (home / "Grace.jpg").open("wb") as file:
            while not stop.wait(SETTLE / 10):
                file.write(b"part")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(SETTLE / 5)
    try:
        entry = entry_of(source, "Grace.jpg")
    finally:
        stop.set()
        writer.join()
    assert entry.hash == ""
    with pytest.raises(FetchError, match="still being written"):
        source.fetch(entry, LIMIT)


def test_links_and_devices_are_passed_over(
    home: Path, tmp_path: Path, source: FolderSource, caplog: pytest.LogCaptureFixture
) -> None:
    """A link could point to any file of this machine, a pipe would block for ever: one line says so."""
    secret = put(tmp_path / "secret", b"root:x")
    put(tmp_path / "elsewhere" / "b.jpg")
    (home / "Grace.jpg").symlink_to(secret)
    (home / "Alan").symlink_to(tmp_path / "elsewhere")
    (home / "round").symlink_to(home)
    os.mkfifo(home / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server, caplog.at_level(logging.WARNING):
        server.bind(str(home / "s"))
        assert looked(source) == {}
        assert looked(source) == {}
    assert len(caplog.messages) == 1
    assert "no links or devices" in caplog.text


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "link above"])
def test_a_file_that_turns_into_something_else_is_not_followed(
    home: Path, tmp_path: Path, source: FolderSource, what: str
) -> None:
    """Between the listing and the fetch a file becomes a link, a pipe or a folder: it is refused at once."""
    secret = put(tmp_path / "there" / "a.jpg", b"photo")
    file = put(home / "Grace" / "a.jpg", b"photo")
    entry = entry_of(source, "Grace/a.jpg")
    file.unlink()
    if what == "link":
        file.symlink_to(secret)
    elif what == "pipe":
        os.mkfifo(file)
    elif what == "folder":
        file.mkdir()
    else:
        file.parent.rmdir()
        file.parent.symlink_to(secret.parent)
    with pytest.raises(FetchError, match="no plain file"):
        source.fetch(entry, LIMIT)


def test_fetch(home: Path, source: FolderSource) -> None:
    """The content comes as it was listed; other content, a larger file and a missing one are refused."""
    file = put(home / "Grace.jpg", b"x" * LIMIT)
    entry = entry_of(source, "Grace.jpg")
    assert source.fetch(entry, LIMIT) == b"x" * LIMIT
    with pytest.raises(FetchError, match="is larger than"):
        source.fetch(entry, LIMIT - 1)
    put(file, b"y" * LIMIT)
    with pytest.raises(FetchError, match="has changed since"):
        source.fetch(entry, LIMIT)
    file.unlink()
    with pytest.raises(FetchError, match="has gone"):
        source.fetch(entry, LIMIT)


@pytest.mark.parametrize(
    "path", ["../secret", "Grace/../../secret", "/etc/passwd", "", ".", "a//b", "a\0b", "\ud800"]
)
def test_fetch_stays_in_the_folder(home: Path, tmp_path: Path, source: FolderSource, path: str) -> None:
    """No path leads out of the folder, whoever made it up."""
    data = put(tmp_path / "secret").read_bytes()
    (home / "Grace").mkdir()
    with pytest.raises(FetchError) as caught:
        source.fetch(Entry(path, path, 5, content_hash(data)), LIMIT)
    assert str(caught.value).isprintable()


def test_huge_files_are_not_read(home: Path, source: FolderSource) -> None:
    """A film on the stick is listed by its size, without a hash; fetching it refuses at once."""
    with (home / "film.mp4").open("wb") as file:
        file.truncate(10_000_000_000)
    os.utime(home / "film.mp4", (0, 0))
    start = time.monotonic()
    entry = entry_of(source, "film.mp4")
    assert (entry.size, entry.hash) == (10_000_000_000, "")
    with pytest.raises(FetchError, match="is larger than"):
        source.fetch(entry, LIMIT)
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    "name", [b"Jos\xe9-1.jpg", b"a\nb.jpg", b"x" * 251 + b".jpg", b"\xf0\x9f\x98\x80", b"-rf"]
)
def test_hostile_names(home: Path, source: FolderSource, name: bytes) -> None:
    """Whatever the name, it is listed as text that can be written anywhere, and its file can be fetched."""
    real = os.path.join(os.fsencode(home), name)  # noqa: PTH118
    put(Path(os.fsdecode(real)))
    entry = source.changes(None).entries[0]
    assert entry.path.encode().decode() == entry.path
    assert source.fetch(entry, LIMIT) == b"photo"


def test_names_that_are_not_utf8_stay_apart(home: Path, source: FolderSource) -> None:
    """Two names that differ only in a byte that is no UTF-8 are two files."""
    for byte in (b"\xe8", b"\xe9"):
        put(Path(os.fsdecode(os.fsencode(home) + b"/Jos" + byte + b".jpg")), byte)
    assert looked(source) == {
        "Jos\ufffdE8.jpg": content_hash(b"\xe8"),
        "Jos\ufffdE9.jpg": content_hash(b"\xe9"),
    }


def test_unreadable_files(plain_user: Path) -> None:
    """A file without permission is listed without a hash, and fetching it says why, until that is mended."""
    source = FolderSource(plain_user, settle_seconds=SETTLE)
    file = put(plain_user / "Grace.jpg")
    file.chmod(0)
    entry = entry_of(source, "Grace.jpg")
    assert entry.hash == ""
    with pytest.raises(FetchError, match="may not be read"):
        source.fetch(entry, LIMIT)
    cursor = source.changes(None).cursor
    file.chmod(0o600)
    assert source.wait(cursor, 1)
    assert looked(source) == {"Grace.jpg": ""}  # as before, for it has changed since the look before
    time.sleep(1.2 * SETTLE)
    assert looked(source) == {"Grace.jpg": content_hash(b"photo")}


def test_unreadable_folders(plain_user: Path) -> None:
    """A folder in it that cannot be read must not look empty: that is told, without what may be a name, and
    how to find it."""
    put(plain_user / "Grace" / "a.jpg")
    for folder_, told in ((plain_user / "Grace", ": a folder in it may not"), (plain_user, ": may not")):
        folder_.chmod(0)
        with pytest.raises(SourceError, match=f"{plain_user.name}{told} be read") as caught:
            FolderSource(plain_user).changes(None)
        assert not isinstance(caught.value, UnreachableError)
        assert "Grace" not in str(caught.value)
        assert ("find" in caught.value.hint) == ("folder in it" in told)


def test_places_that_are_no_folder(home: Path, source: FolderSource) -> None:
    """A missing folder may come back; a file in its place will not. Both are errors, not an empty folder."""
    put(home / "Grace.jpg")
    entry = entry_of(source, "Grace.jpg")
    cursor = source.changes(None).cursor
    away = home.rename(home.parent / "away")
    for attempt in (
        lambda: source.changes(cursor),
        lambda: source.wait(cursor, 1),
        lambda: source.fetch(entry, LIMIT),
        lambda: source.write("_doorctl/status.txt", ""),
    ):
        with pytest.raises(UnreachableError, match="photos: there is no such folder"):
            attempt()
    put(home, b"no folder")
    with pytest.raises(SourceError, match="photos: is not a folder"):
        source.changes(cursor)
    home.unlink()
    away.rename(home)
    assert source.changes(cursor).cursor == cursor


def test_a_stick_that_is_pulled_out_is_no_empty_folder(stick: Path) -> None:
    """The mount point stays, empty: nobody is told as gone, nothing is written, plugging in mends it."""
    source = FolderSource(stick, poll_seconds=0.02, settle_seconds=SETTLE)
    file = put(stick / "Grace.jpg")
    modified = file.stat().st_mtime
    entry = entry_of(source, "Grace.jpg")
    cursor = source.changes(None).cursor
    with (stick / "Grace.jpg").open():  # in use, so that its device's number is not given to the next
        subprocess.run(["umount", "--lazy", stick], check=True)
        pulled_out_and_back(source, stick, entry, cursor, modified)


def pulled_out_and_back(
    source: FolderSource, stick: Path, entry: Entry, cursor: str, modified: float
) -> None:
    for attempt in (
        lambda: source.changes(cursor),
        lambda: source.wait(cursor, 1),
        lambda: source.fetch(entry, LIMIT),
        lambda: source.write("_doorctl/status.txt", ""),
    ):
        with pytest.raises(UnreachableError, match="stick: what was mounted there has gone"):
            attempt()
    assert list(stick.iterdir()) == []
    with pytest.raises(UnreachableError, match="what was mounted"):
        FolderSource(stick).changes(cursor)  # a start while it is out
    mount(stick)
    with pytest.raises(UnreachableError, match="what was mounted"):
        source.changes(cursor)  # another stick, as far as can be told
    os.utime(put(stick / "Grace.jpg"), (modified, modified))
    time.sleep(SETTLE)
    assert looked(source, cursor) == {"Grace.jpg": content_hash(b"photo")}
    assert source.fetch(entry, LIMIT) == b"photo"


def test_too_many_files(home: Path, source: FolderSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong folder, such as a whole disk, is refused before it costs hours; what is hidden counts too."""
    monkeypatch.setattr(folder, "MOST", 10)
    for number in range(5):
        put(home / "a" / f"{number}.jpg")
        put(home / "a" / f".{number}.jpg")
    with pytest.raises(SourceError, match="photos: holds more than 10 files"):
        source.changes(None)


def test_depth_is_bounded(home: Path, source: FolderSource) -> None:
    """Folders in folders are looked into so far, and no further."""
    deep = home
    for _ in range(folder.DEPTH + 1):
        deep = deep / "a"
    put(deep / "under.jpg")
    put(deep.parent / "last.jpg")
    assert [path.rpartition("/")[2] for path in looked(source)] == ["last.jpg"]


def test_wait_returns_as_soon_as_something_differs(home: Path, source: FolderSource) -> None:
    """A file that comes or goes ends the wait; nothing new, and doorctl's own report, do not."""
    put(home / "Grace.jpg")
    cursor = source.changes(None).cursor
    assert not source.wait(cursor, 0.1)
    source.write("_doorctl/status.txt", "fine")
    assert not source.wait(cursor, 0.1)
    timer = threading.Timer(0.1, put, [home / "Grace-DENY.txt", b""])
    timer.start()
    start = time.monotonic()
    assert source.wait(cursor, 10)
    assert time.monotonic() - start < 2
    cursor = source.changes(cursor).cursor
    (home / "Grace-DENY.txt").unlink()
    assert source.wait(cursor, 10)


def test_close_ends_a_wait(home: Path) -> None:
    """A stop need not wait for the next look."""
    source = FolderSource(home, poll_seconds=60)
    cursor = source.changes(None).cursor
    threading.Timer(0.1, source.close).start()
    start = time.monotonic()
    assert not source.wait(cursor, 60)
    assert time.monotonic() - start < 2


def test_write(home: Path, source: FolderSource) -> None:
    """A report comes into its own folder in one piece, over the one before and over what a power cut left."""
    put(home / "_doorctl" / ".status.txt.tmp", b"half")
    for text in ("first", "then: Åsa\n", "Jos\udce9"):
        source.write("_doorctl/status.txt", text)
    assert (home / "_doorctl" / "status.txt").read_text() == "Jos\\udce9"
    assert os.listdir(home / "_doorctl") == ["status.txt"]  # noqa: PTH208
    for path in ("../x.txt", "/x.txt", "_doorctl/../../x", "a\0b", ""):
        with pytest.raises(ValueError, match="no place in the folder"):
            source.write(path, "")


def test_write_follows_no_link(home: Path, tmp_path: Path, source: FolderSource) -> None:
    """Whoever shares the folder cannot have doorctl write elsewhere, or over another file, by a link."""
    (tmp_path / "elsewhere").mkdir()
    secret = put(tmp_path / "secret", b"mine")
    (home / "_doorctl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReadOnlyError, match="cannot be written"):
        source.write("_doorctl/status.txt", "text")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (home / "_doorctl").unlink()
    (home / "_doorctl").mkdir()
    for name in ("status.txt", ".status.txt.tmp"):
        (home / "_doorctl" / name).symlink_to(secret)
    source.write("_doorctl/status.txt", "text")
    assert secret.read_bytes() == b"mine"
    assert not (home / "_doorctl" / "status.txt").is_symlink()


def test_a_folder_that_may_not_be_written(plain_user: Path) -> None:
    """Reading goes on in a folder without the right to write."""
    put(plain_user / "Grace.jpg")
    plain_user.chmod(0o500)
    source = FolderSource(plain_user)
    with pytest.raises(ReadOnlyError, match=r"status\.txt: cannot be written.*let the user"):
        source.write("_doorctl/status.txt", "text")
    assert looked(source) == {"Grace.jpg": content_hash(b"photo")}


def test_a_read_only_disk(stick: Path) -> None:
    """A stick with its switch set is read, and nothing else."""
    put(stick / "Grace.jpg")
    subprocess.run(["mount", "-o", "remount,ro", stick], check=True)
    source = FolderSource(stick)
    with pytest.raises(ReadOnlyError, match="Read-only"):
        source.write("_doorctl/status.txt", "text")
    assert looked(source) == {"Grace.jpg": content_hash(b"photo")}


def test_a_full_disk(stick: Path) -> None:
    """The old report stays whole, nothing half-written is left, and the hint is to make room."""
    source = FolderSource(stick)
    source.write("_doorctl/status.txt", "old")
    with pytest.raises(ReadOnlyError, match="no space is left: remove files"):
        source.write("_doorctl/status.txt", "x" * 200_000)
    assert (stick / "_doorctl" / "status.txt").read_text() == "old"
    assert os.listdir(stick / "_doorctl") == ["status.txt"]  # noqa: PTH208
