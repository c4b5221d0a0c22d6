"""What other nets mean for those who are known: templates are of one kind of nets only, photos are gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.models.manifest import SETS, Manifest, SetName, load_manifest
from doorctl.models.record import read_record
from doorctl.store import behind
from doorctl.store.database import Store
from doorctl.store.opened import FILE

SHOWN = 20
"""People who are named; of more the number is told."""


@dataclass(frozen=True, slots=True)
class Strangers:
    """People whom nets do not know."""

    returning: tuple[str, ...]
    """Names of those who have photos in the folder: the sync learns them again by itself."""
    lost: tuple[str, ...]
    """Names of those who must be enrolled again."""

    @property
    def count(self) -> int:
        return len(self.returning) + len(self.lost)

    def describe(self) -> str:
        """What becomes of them, and what is to be done."""
        told = []
        if self.returning:
            again = "with photos in the folder, from which 'doorctl run' or 'doorctl sync' learns again"
            told.append(f"{again}: {len(self.returning)}")
        if self.lost:
            more = f" and {len(self.lost) - SHOWN} more" if len(self.lost) > SHOWN else ""
            names = ", ".join(self.lost[:SHOWN])
            told.append(f"to be enrolled again from photos: {len(self.lost)} ({names}{more})")
        return "; ".join(told)


@dataclass(frozen=True, slots=True)
class Change:
    """Other nets than those in use."""

    now: str
    """The embedder in use; empty if none is."""
    then: str
    """The one that would be."""
    strangers: Strangers

    def describe(self) -> str:
        """In words, for whoever is to decide."""
        known = f"from {self.now} to {self.then}" if self.now else f"to {self.then}"
        return (
            f"the net that tells people apart would change {known}, which does not know "
            f"{self.strangers.count} of those who are enrolled: {self.strangers.describe()}. Until then the "
            "door lets none of them in"
        )


def strangers_to(settings: Settings, store: Store, model: str) -> Strangers:
    """Who is unknown to a kind of nets.

    Args:
        settings: which say whether there is a folder of photos.
        store: who is known.
        model: name of the embedder's card.
    """
    folder = settings.config.photos.source != "none"
    with store.reading() as db:
        found = behind.unknown_to(db, model)
    return Strangers(
        tuple(person.name for person, filed in found if filed and folder),
        tuple(person.name for person, filed in found if not (filed and folder)),
    )


def foretell(settings: Settings, directory: Path, model_set: SetName | None) -> Change | None:
    """What an installation would change for the people who are known; ``None`` if nothing.

    Args:
        settings: which say what set is preferred, and where the store is.
        directory: the models directory.
        model_set: as for ``install``: ``None`` for the standard set, if it can be had.

    Raises:
        ModelError: the directory's record is damaged.
        StoreError: the store cannot be read.
    """
    if not (settings.data / FILE).exists():
        return None
    cards, record = load_manifest(), read_record(directory)
    complete = {name for name in SETS if record.complete(name)}
    now = _embedder(settings, cards, complete)
    then = _embedder(settings, cards, complete | {model_set or "standard"})
    if then in ("", now):
        return None
    with open_store(settings, create=False) as store:
        strangers = strangers_to(settings, store, then)
    return Change(now, then, strangers) if strangers.count else None


def _embedder(settings: Settings, cards: Manifest, complete: set[SetName]) -> str:
    """The card of the net that would tell people apart if these sets were complete; empty if none would."""
    wanted = settings.config.models.set
    names = SETS if wanted == "auto" else (wanted,)
    chosen = next((name for name in names if name in complete), None)
    if chosen is None:
        return ""
    return next(member for member in SETS[chosen] if cards[member].role == "embedder")
