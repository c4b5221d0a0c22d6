"""A database that is open: its connection, its transactions, and its traces."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Self

from doorctl.errors import StoreError
from doorctl.store.connection import NEW, connect, told
from doorctl.store.schema import migrate
from doorctl.store.sealing import Vault, seal_all, to_seal

FILE = "doorctl.db"

log = logging.getLogger(__name__)


class Opened:
    """The database in a directory, in the newest version, with its templates encrypted if there is a key.

    Args:
        directory: where ``doorctl.db`` is, or is made, for its owner alone.
        create: make what is missing of the directory's last part and the file.
        busy_seconds: how long to wait for another program that is writing.
        vault: what templates are encrypted with.

    Raises:
        StoreError: it cannot be opened, belongs to a newer doorctl, or is no database.
            All methods raise it when reading or writing fails.
    """

    def __init__(
        self,
        directory: Path,
        *,
        create: bool = True,
        busy_seconds: float = 5.0,
        vault: Vault | None = None,
    ) -> None:
        self.path = directory / FILE
        self._lock = RLock()
        with told(self.path):
            self._connection = connect(
                self.path, create=create, busy_seconds=busy_seconds, vault=vault or Vault()
            )
            try:
                migrate(self._connection)
                self._seal()
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. The store is of no use afterwards; closing twice is no error."""
        with self._lock, told(self.path):
            self._connection.close()

    def check(self) -> None:
        """Read the whole file and compare it with itself; raise StoreError if it is damaged."""
        with self.reading() as db:
            found = [row[0] for row in db.execute("PRAGMA integrity_check(1)")]
        if found != ["ok"]:
            raise StoreError(f"{self.path} is damaged ({found[0]})", "bring back a copy, or enrol again")

    def version(self) -> int:
        """A number that grows whenever anybody has changed who may come in."""
        with self.reading() as db:
            return int(db.execute("SELECT count FROM changed").fetchone()[0])

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """To look only: whoever is writing is not waited for."""
        with self._lock, told(self.path):
            yield self._connection

    @contextmanager
    def undisturbed(self) -> Iterator[sqlite3.Connection]:
        """One transaction, all or nothing; what is read in it still holds when it writes. May be nested."""
        with self.reading() as db:
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # SQLite has rolled back by itself after some errors
                    db.execute("ROLLBACK")
                raise

    def clear_traces(self) -> bool:
        """Let no file tell of what has been erased; ``False`` while another program reads the journal."""
        with self.reading() as db:
            Path(f"{self.path}{NEW}").unlink(missing_ok=True)
            # It still holds the pages as they were; only an empty journal forgets.
            return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def _seal(self) -> None:
        """Encrypt what a doorctl without the key has left."""
        with self.reading() as db:
            if not to_seal(db):
                return
        with self.undisturbed() as db:
            done = seal_all(db)
        if done and not self.clear_traces():
            log.warning("templates from before they were encrypted stay in %s-wal for a while", self.path)
