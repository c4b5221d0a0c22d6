"""How the folder stands, for the receipt in it and for ``doorctl sync --status``."""

from __future__ import annotations

import hashlib
import logging
import socket

from doorctl.core.receipt import FileStatus, PersonStatus, receipt
from doorctl.enrol.source import PhotoSource, ReadOnlyError
from doorctl.store import files
from doorctl.store.database import Store

log = logging.getLogger(__name__)

RECEIPTS = "_doorctl"
"""The folder in the folder that nothing is learnt from."""


def statuses(store: Store) -> tuple[tuple[FileStatus, ...], tuple[PersonStatus, ...]]:
    """Every file of the folder, and every person."""
    with store.undisturbed() as db:
        found = files.file_statuses(db)
    people = (
        PersonStatus(p.id, p.name, p.denied, max(p.templates.values(), default=0), p.held)
        for p in store.people()
    )
    return found, tuple(people)


def write_receipt(store: Store, source: PhotoSource, door: str = "") -> bool:
    """Put the page into the folder if it has changed; whether it was written.

    Raises:
        SourceError, UnreachableError: the folder cannot be reached.
        StoreError: the store cannot be used.
    """
    door = door or socket.gethostname()
    text = receipt(door, *statuses(store))
    digest = hashlib.sha256(text.encode()).hexdigest()
    with store.undisturbed() as db:
        if files.receipt_digest(db) == digest:
            return False
    try:
        source.write(f"{RECEIPTS}/{door}.md", text)
    except ReadOnlyError as error:
        log.info("no receipt is written to the folder: %s", error)
    with store.undisturbed() as db:
        files.put_receipt_digest(db, digest)
    return True
