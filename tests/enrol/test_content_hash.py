"""Dropbox's content hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from doorctl.enrol.content_hash import BLOCK, content_hash, file_hash

RAMP = bytes(range(256)) * (BLOCK // 256)

# Other people's results for the same bytes: the test data of rdrop2, a Dropbox client for R
# (https://github.com/karthik/rdrop2, tests/testthat/test-08-rdrop2-content-hash.R).
KNOWN = [
    (b"hello rdrop2", "1aa2b7623dfff520c4abdc1227d10bc4e229b74005b66b3458345830e556f4de"),
    (RAMP, "894bbb52d1212d6bcbe9967f1a2169138c4d4af0c8dfbaeae86cd1d3f0c03faf"),
    (RAMP + b"\xff", "9149387a91f71c7c2149b8427d15526b71c1a38d6c6f999ad71486a2ce788d57"),
    (RAMP * 3 + RAMP[: BLOCK // 2], "f61d3ae93fa4f7646d37949fc0885141bf682faa9a130896b93459c650335d0f"),
    (b"", hashlib.sha256().hexdigest()),
]


@pytest.mark.parametrize(("data", "known"), KNOWN, ids=["short", "block", "block+1", "blocks", "empty"])
def test_known_values(tmp_path: Path, data: bytes, known: str) -> None:
    """Bytes and files hash as another client computes it, at a block's end and beyond it."""
    file = tmp_path / "file"
    file.write_bytes(data)
    assert content_hash(data) == file_hash(file) == file_hash(str(file)) == known


def test_an_open_file_stays_open(tmp_path: Path) -> None:
    """Whoever opened and checked a file can go on using it."""
    file = tmp_path / "file"
    file.write_bytes(b"hello rdrop2")
    number = os.open(file, os.O_RDONLY)
    assert file_hash(number) == KNOWN[0][1]
    os.close(number)
