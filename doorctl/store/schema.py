"""The tables, and the way from each version of them to the next.

``PRAGMA user_version`` counts the steps that a file has had. Steps are only ever
added at the end: a released one must never change.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from doorctl.errors import StoreError
from doorctl.store.chain import chain_all

APPLICATION_ID = 0x646F6F72
"""``door`` in ASCII: tells our files from other programs' databases."""

Migration = Sequence[str | Callable[[sqlite3.Connection], None]]
"""Statements, or functions where SQL cannot say it, that lead to the next version, all or none."""

MIGRATIONS: tuple[Migration, ...] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        # AUTOINCREMENT: the number of a removed person stands in old events and must never
        # come to mean somebody else.
        """
        CREATE TABLE people (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            key TEXT NOT NULL UNIQUE,
            denied INTEGER NOT NULL DEFAULT 0 CHECK (denied IN (0, 1)),
            created TEXT NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE photos (
            id INTEGER PRIMARY KEY,
            person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            sha256 TEXT NOT NULL,
            source TEXT NOT NULL,
            added TEXT NOT NULL,
            UNIQUE (person_id, sha256)
        ) STRICT
        """,
        """
        CREATE TABLE templates (
            id INTEGER PRIMARY KEY,
            photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            model TEXT NOT NULL,
            vector BLOB NOT NULL CHECK (length(vector) > 0 AND length(vector) % 4 = 0),
            UNIQUE (photo_id, model)
        ) STRICT
        """,
        # No reference to people: events outlive the person and keep the bare number.
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time TEXT NOT NULL,
            at REAL,
            kind TEXT NOT NULL,
            person_id INTEGER,
            reason TEXT,
            score REAL,
            margin REAL,
            detail TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
        "CREATE INDEX events_by_time ON events (time)",
        "CREATE INDEX events_by_person ON events (person_id)",
    ),
    (
        # Photos that wait for an operator's word. AUTOINCREMENT: a number that somebody has read must
        # never come to mean another photo.
        """
        CREATE TABLE held (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            photo_id INTEGER NOT NULL UNIQUE REFERENCES photos (id) ON DELETE CASCADE,
            why TEXT NOT NULL
        ) STRICT
        """,
        # What may open the door is read from here, so that no query can forget about those that wait.
        "CREATE VIEW enrolled AS SELECT * FROM photos WHERE id NOT IN (SELECT photo_id FROM held)",
    ),
    (
        # The one folder that photos come from, and how far it has been read.
        """
        CREATE TABLE folder (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            name TEXT NOT NULL,
            cursor TEXT,
            rules TEXT NOT NULL DEFAULT '',
            synced TEXT,
            receipt TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
        # What became of each file in it. Of a photo that was learnt from, sha256 names the row in photos; was
        # names the one before, which counts on while a new version waits or cannot be used.
        """
        CREATE TABLE files (
            key TEXT PRIMARY KEY,
            path TEXT NOT NULL,
            size INTEGER NOT NULL,
            hash TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('taken', 'mark', 'refused', 'conflict', 'parked')),
            person TEXT NOT NULL,
            spelt TEXT NOT NULL DEFAULT '',
            sha256 TEXT,
            was TEXT,
            why TEXT NOT NULL DEFAULT '',
            hint TEXT NOT NULL DEFAULT '',
            gone INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1)),
            tries INTEGER NOT NULL DEFAULT 0,
            changed_by TEXT NOT NULL DEFAULT '',
            time TEXT NOT NULL,
            after_event INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX files_by_person ON files (person)",
        "CREATE INDEX files_by_hash ON files (hash)",
        "CREATE INDEX marks ON files (key) WHERE state = 'mark'",
        # Photos that an operator did away with, by content hash alone: the folder cannot bring them back.
        "CREATE TABLE unwanted (hash TEXT PRIMARY KEY) STRICT",
        "ALTER TABLE photos ADD COLUMN foldered INTEGER NOT NULL DEFAULT 0 CHECK (foldered IN (0, 1))",
        "ALTER TABLE photos ADD COLUMN spare INTEGER NOT NULL DEFAULT 0 CHECK (spare IN (0, 1))",
        "ALTER TABLE photos ADD COLUMN quality TEXT NOT NULL DEFAULT '{}'",
        "DROP VIEW enrolled",
        "CREATE VIEW enrolled AS SELECT * FROM photos "
        "WHERE spare = 0 AND id NOT IN (SELECT photo_id FROM held)",
        # A mark denies the person that it spells out and whom the rule for names makes of it; see
        # ``files.put_mark``.
        """
        CREATE VIEW marked AS
            SELECT people.id AS person_id, path FROM files
            JOIN people ON people.key IN (files.spelt, files.person) WHERE state = 'mark'
        """,
        # Denied by an operator's word, by a mark, or both.
        """
        CREATE VIEW persons AS
            SELECT id, name, key, created, denied AS denied_here,
                denied OR id IN (SELECT person_id FROM marked) AS denied
            FROM people
        """,
        # Counts whatever may change who is let in, so that nobody need read it all to find that nothing did.
        "CREATE TABLE changed (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL) STRICT",
        "INSERT INTO changed VALUES (1, 0)",
        *(
            f"CREATE TRIGGER {table}_{verb} AFTER {verb.upper()} ON {table} "
            "BEGIN UPDATE changed SET count = count + 1; END"
            for table in ("people", "photos", "templates", "held")
            for verb in ("insert", "update", "delete")
        ),
        *(
            f"CREATE TRIGGER marks_{verb} AFTER {verb.upper()} ON files WHEN {row}.state = 'mark' "
            "BEGIN UPDATE changed SET count = count + 1; END"
            for verb, row in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD"))
        ),
    ),
    (
        # Locks, in seconds before or after the moment of writing: see ``lockouts``.
        """
        CREATE TABLE lockout (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            locks INTEGER NOT NULL DEFAULT 0 CHECK (locks >= 0),
            down INTEGER NOT NULL DEFAULT 0 CHECK (down IN (0, 1)),
            remaining REAL NOT NULL DEFAULT 0 CHECK (remaining >= 0),
            shut REAL,
            since_last REAL,
            cleared INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "INSERT INTO lockout (one) VALUES (1)",
        """
        CREATE TABLE lockout_attempts (
            age REAL NOT NULL,
            spoof INTEGER NOT NULL CHECK (spoof IN (0, 1))
        ) STRICT
        """,
        # People of whom a picture was shown.
        """
        CREATE TABLE lockout_suspects (
            person_id INTEGER PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE
        ) STRICT
        """,
    ),
    (
        # Events in a chain: see ``chain``. Without indexes, and numbered by the chain itself, an event costs
        # the memory card a fifth of what it did; the last ones, which are asked for most, are quick to find.
        "ALTER TABLE events RENAME TO events_before",
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            time TEXT NOT NULL,
            at REAL,
            kind TEXT NOT NULL,
            person_id INTEGER,
            reason TEXT,
            score REAL,
            margin REAL,
            detail TEXT NOT NULL DEFAULT '',
            nearest_id INTEGER,
            lookalike INTEGER NOT NULL DEFAULT 0 CHECK (lookalike IN (0, 1)),
            raised INTEGER NOT NULL DEFAULT 0 CHECK (raised IN (0, 1)),
            policy TEXT,
            previous BLOB NOT NULL CHECK (length(previous) = 32),
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT
        """,
        chain_all,
        "DROP TABLE events_before",
        # The last event that was erased for its age.
        "CREATE TABLE pruned (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL, "
        "hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT",
        "INSERT INTO pruned VALUES (1, 0, zeroblob(32))",
        # The rules that decisions were made by; events name them by the digest of their text.
        "CREATE TABLE policies (digest TEXT PRIMARY KEY, text TEXT NOT NULL, since TEXT NOT NULL) STRICT",
        "ALTER TABLE people ADD COLUMN consented TEXT",
        "DROP VIEW persons",
        """
        CREATE VIEW persons AS
            SELECT id, name, key, created, consented, denied AS denied_here,
                denied OR id IN (SELECT person_id FROM marked) AS denied
            FROM people
        """,
        # Whether the vector is encrypted: see ``sealing``.
        "ALTER TABLE templates ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1))",
        "CREATE INDEX plain_templates ON templates (id) WHERE sealed = 0",
        # An operator's lockdown.
        "ALTER TABLE lockout ADD COLUMN ordered INTEGER NOT NULL DEFAULT 0 CHECK (ordered IN (0, 1))",
    ),
)


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring a database in autocommit mode up to date; returns the version that it had.

    Each step is one transaction, so a power cut or an error in one leaves the version
    before it. Programs that do this at the same moment wait for each other.

    Raises:
        StoreError: the file belongs to a newer doorctl, or to another program.
        sqlite3.Error: a step failed.
    """
    found = version = _version(connection, len(migrations))
    while version < len(migrations):
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = _version(connection, len(migrations))  # another program may have been faster
            if version < len(migrations):
                for statement in migrations[version]:
                    if isinstance(statement, str):
                        connection.execute(statement)
                    else:
                        statement(connection)
                version += 1
                connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return found


def _version(connection: sqlite3.Connection, newest: int) -> int:
    # One statement, so that what it tells is one moment's even while another program migrates.
    version, application, tables = connection.execute(
        "SELECT (SELECT user_version FROM pragma_user_version), "
        "(SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)"
    ).fetchone()
    if application not in (0, APPLICATION_ID) or (version == 0 and tables):
        raise StoreError("the database belongs to another program", "give another --data directory")
    if version > newest:
        raise StoreError(
            f"the database was made by a newer doorctl (its version {version}, known up to {newest})",
            "install that doorctl again, or give another --data directory",
        )
    return int(version)
