"""What goes into the store and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from doorctl.core.records import Event, Person, Vector


@dataclass(frozen=True, slots=True, eq=False)
class NewPhoto:
    """A photo that has been embedded, and is to be enrolled."""

    sha256: str
    """Of the file's bytes, in hexadecimal."""
    source: str
    """The file's name; folders before it are dropped."""
    model: str
    """Name of the embedder's card."""
    vector: Vector
    """The embedding, length D, the same D for all templates of a model."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an enrolment came to."""

    person: Person
    added: int
    """New templates; photos that were known already do not count."""
    event: Event | None
    """As it was recorded; ``None`` if nothing was new."""


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person with what is known of them."""

    id: int
    name: str
    denied: bool
    created: datetime
    photos: int
    templates: dict[str, int]
    """How many templates for each model."""

    @property
    def person(self) -> Person:
        return Person(self.id, self.name, self.denied)


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """A photo that somebody was enrolled with. The picture itself is not kept."""

    id: int
    sha256: str
    source: str
    added: datetime
    models: tuple[str, ...]
    """The models that it has a template for."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it stands in the store."""

    id: int
    """Counts up, and is never used again."""
    time: datetime
    """Wall clock, UTC, to the millisecond. A Pi without a clock of its own may jump: order by ``id``."""
    kind: str
    at: float | None
    """Seconds on the frames' time scale."""
    person_id: int | None
    person: str | None
    """The name now; ``#12`` for a person whose name has been removed."""
    reason: str | None
    score: float | None
    margin: float | None
    detail: str
