"""How the folder stands, for the receipt in it and for ``doorctl sync --status``."""

from __future__ import annotations

import hashlib
import logging
import socket
import time
from pathlib import Path

from doorctl.app.anchors import anchor_line
from doorctl.core.receipt import FileStatus, PersonStatus, receipt
from doorctl.enrol.source import PhotoSource, ReadOnlyError
from doorctl.store import files
from doorctl.store.chain import head
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


def receipt_file(door: str = "") -> Path:
    """Where in the folder the receipt is."""
    return Path(RECEIPTS, f"{door or socket.gethostname()}.md")


def write_receipt(
    store: Store, source: PhotoSource, door: str = "", *, anchor_seconds: float = 3600.0
) -> bool:
    """Put the page into the folder if it has changed; whether it was written.

    Its last line is where the chain of events ends, as an anchor. That changes with every event, and alone
    makes the page be written only where the last one is ``anchor_seconds`` old.

    Raises:
        SourceError, UnreachableError: the folder cannot be reached.
        StoreError: the store cannot be used.
    """
    door = door or socket.gethostname()
    page = receipt(door, *statuses(store))
    digest = hashlib.sha256(page.encode()).hexdigest()
    with store.undisturbed() as db:
        known, anchor = files.receipt_digest(db).split(), head(db)
    if known[:1] == [digest] and not _due(known[1:], anchor.id, anchor_seconds):
        return False
    try:
        source.write(str(receipt_file(door)), f"{page}\n{anchor_line(anchor)}\n")
    except ReadOnlyError as error:
        log.info("no receipt is written to the folder: %s", error)
    with store.undisturbed() as db:
        files.put_receipt_digest(db, f"{digest} {anchor.id} {int(time.time())}")
    return True


def _due(known: list[str], event: int, seconds: float) -> bool:
    """Whether an anchor in a folder, of which number and time are known, should give way to a new one."""
    if len(known) != 2:
        return True
    # A clock that was set back would keep it for ever.
    return int(known[0]) != event and not 0 <= time.time() - float(known[1]) < seconds
