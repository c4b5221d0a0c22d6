"""What photos came to, kept by content: judging a large set takes minutes, and is often asked for again."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

from doorctl.errors import OutputError

BATCH = 200
"""Results between two commits: what an interrupted run has to do again at most."""


class Cache:
    """Text by key, in one SQLite file; in memory, and so for this run only, where none is named.

    Raises:
        OutputError: the file cannot be made, read or written.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._waiting = 0
        try:
            if file is not None:
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                file.touch(mode=0o600)
            self._db = sqlite3.connect(file or ":memory:")
        except (OSError, sqlite3.Error) as error:
            raise self._failure(error) from error
        try:
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS judged (key BLOB PRIMARY KEY, text TEXT) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            self._db.close()
            raise self._failure(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._db.commit()
        except sqlite3.Error as broken:
            if error is None:
                raise self._failure(broken) from broken
        finally:
            self._db.close()

    def keys(self) -> set[bytes]:
        """Every key that has a text."""
        try:
            return {key for (key,) in self._db.execute("SELECT key FROM judged")}
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def read(self, key: bytes) -> str:
        """The text of a key.

        Raises:
            KeyError: it has none.
        """
        try:
            row = self._db.execute("SELECT text FROM judged WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._failure(error) from error
        if row is None:
            raise KeyError(key)
        return str(row[0])

    def write(self, key: bytes, text: str) -> None:
        """Keep a text; a later one of the same key takes its place."""
        try:
            self._db.execute("INSERT OR REPLACE INTO judged VALUES (?, ?)", (key, text))
            self._waiting += 1
            if self._waiting % BATCH == 0:
                self._db.commit()
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> OutputError:
        return OutputError(
            f"{self._file}: the cache of results cannot be used: {error}",
            "delete the file, or do without it (--no-cache)",
        )
