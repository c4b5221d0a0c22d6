"""What ``doorctl events verify`` compares the events with: anchors, from wherever there are any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from doorctl.app.anchors import Place, from_journal, from_receipt
from doorctl.app.settings import Settings
from doorctl.app.sync_status import receipt_file
from doorctl.paths import Surroundings
from doorctl.store.verify import Examined, Noted, examine, looking


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say about the events."""

    examined: Examined
    anchors: int
    """How many they were compared with."""
    notes: tuple[str, ...]
    """Where there were none."""


def verify_events(
    settings: Settings, given: Sequence[Place], *, journal: bool | None = None, since: datetime | None = None
) -> Verdict:
    """Check all events, and compare them with anchors.

    Args:
        settings: whose events.
        given: anchors from elsewhere.
        journal: whether to look into the journal; ``None``: only for the installed door, whose journal it is.
        since: leave out anchors that are known to be older, such as from before a backup was brought back.

    Raises:
        StoreError: the database cannot be read.
    """
    places = list(given)
    # All anchors come before the look at the database: the daemon writes both meanwhile.
    if journal or (journal is None and _installed(settings)):
        places.append(from_journal(*([f"--since=@{since.timestamp():.0f}"] if since else [])))
    photos = settings.config.photos
    if photos.source.startswith("folder:") and photos.receipts:
        folder = Path(photos.source.partition(":")[2]).expanduser()
        places.append(from_receipt(folder / receipt_file()))
    anchors = _newer((one for place in places for one in place.anchors), since)
    with looking(settings.data) as db:
        examined = examine(db, anchors)
    return Verdict(examined, len(anchors), tuple(place.none for place in places if place.none))


def _newer(anchors: Iterable[Noted], since: datetime | None) -> list[Noted]:
    return [one for one in anchors if since is None or one.time is None or one.time.astimezone() >= since]


def _installed(settings: Settings) -> bool:
    return settings.data == (settings.config.store.directory or Surroundings().system)
