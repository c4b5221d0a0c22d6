"""Files put in place whole, with real failures of the disk."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from doorctl.models.storage import DirectoryError, alone_in, sha256_of, write_whole


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The kernel refuses to let any file of this process grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("this user may not mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_file_is_replaced_and_can_be_read_by_all(tmp_path: Path) -> None:
    """The daemon runs as another user than the installer."""
    file = tmp_path / "net"
    write_whole(file, b"old")
    write_whole(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["net"]


def test_a_full_disk_leaves_the_old_file(small_disk: Path) -> None:
    """On a file system that is really full: an error that says so, and the old content."""
    file = small_disk / "net"
    write_whole(file, b"old")
    with pytest.raises(DirectoryError, match="no space is left"):
        write_whole(file, b"x" * 200_000)
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in small_disk.iterdir()] == ["net"]


def test_a_refused_write_leaves_the_old_file(tmp_path: Path) -> None:
    """The same by the kernel's file size limit, which needs no privilege to set."""
    file = tmp_path / "net"
    write_whole(file, b"old")
    with no_file_above(1000), pytest.raises(DirectoryError, match="no space is left"):
        write_whole(file, b"x" * 20_000)
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["net"]


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A read-only directory, which root alone may write to, and a file where a directory should be."""
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(DirectoryError, match="cannot be written"):
            write_whole(tmp_path / "net", b"new")
        tmp_path.chmod(0o700)
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryError, match="cannot be written"), alone_in(tmp_path / "file" / "models"):
        pass


def test_a_read_only_file_system_is_told(small_disk: Path) -> None:
    """Not even root writes to a disk that is mounted read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(DirectoryError, match="Read-only"):
        write_whole(small_disk / "net", b"new")


def test_two_installations_do_not_mix(tmp_path: Path) -> None:
    """The second is told to wait; after the first it gets in."""
    models = tmp_path / "models"
    with alone_in(models), pytest.raises(DirectoryError, match="another installation"), alone_in(models):
        pass
    with alone_in(models):
        pass


def test_the_hash_of_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    """Missing files and directories have none; an empty file has the known one."""
    (tmp_path / "empty").touch()
    assert sha256_of(tmp_path / "missing") is None
    assert sha256_of(tmp_path) is None
    known = sha256_of(tmp_path / "empty")
    assert known is not None
    assert known.startswith("e3b0c44298fc1c14")
