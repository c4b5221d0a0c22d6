"""Results kept by content."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from doorctl.errors import OutputError
from doorctl.evaluation.cache import BATCH, Cache


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """By the next one who opens the file, which only its owner may read, for templates stand in it."""
    file = tmp_path / "deep" / "cache.db"
    with Cache(file) as cache:
        cache.write(b"a", "one")
        cache.write(b"a", "two")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Cache(file) as cache:
        assert cache.keys() == {b"a"}
        assert cache.read(b"a") == "two"
        with pytest.raises(KeyError):
            cache.read(b"b")


def test_without_a_file_it_is_for_this_run_only() -> None:
    """Nothing is left behind by whoever wants nothing kept."""
    with Cache(None) as cache:
        cache.write(b"a", "one")
        assert cache.read(b"a") == "one"
    with Cache(None) as cache:
        assert cache.keys() == set()


def test_an_interrupted_run_loses_a_batch_at_most(tmp_path: Path) -> None:
    """Full batches are safe while the run still goes on, and a second reader sees them."""
    file = tmp_path / "cache.db"
    with Cache(file) as cache:
        for number in range(BATCH + 1):
            cache.write(number.to_bytes(2), "text")
        other = sqlite3.connect(file)
        assert other.execute("SELECT count(*) FROM judged").fetchone() == (BATCH,)
        other.close()


def test_a_file_that_is_no_cache_is_told(tmp_path: Path) -> None:
    """With its name, and what to do about it."""
    file = tmp_path / "cache.db"
    file.write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    with pytest.raises(OutputError, match=r"cache\.db.*--no-cache"):
        Cache(file)
    with pytest.raises(OutputError, match="--no-cache"):
        Cache(file / "below" / "a" / "file")
