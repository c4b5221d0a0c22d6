"""What goes into the store and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from doorctl.core.decision import Event
from doorctl.core.records import Person, Vector


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
    held: str = ""
    """Why it has to wait for an operator's word; empty if it is enrolled at once. Names nobody, for
    it outlives the person in the events."""
    quality: Mapping[str, float] = field(default_factory=dict)
    """What was measured of the face, by the names of ``core.quality.Quality``."""
    foldered: bool = False
    """Whether it came from the folder, and goes when its file there goes."""
    by: str = ""
    """Who put it there, where the folder tells."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an enrolment came to."""

    person: Person
    added: int
    """New templates that may open the door; photos that were known already do not count."""
    held: dict[str, int]
    """Those of the photos that wait: sha256 and the number to approve or reject it by."""
    event: Event | None
    """As it was recorded; ``None`` if nothing was added. Held photos have events of their own."""


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person with what is known of them."""

    id: int
    name: str
    denied: bool
    created: datetime
    photos: int
    """Held ones not counted."""
    held: int
    """Photos that wait for an operator's word."""
    templates: dict[str, int]
    """How many templates for each model, those of held photos not counted."""
    denied_here: bool = False
    """Whether an operator denied them, whatever the folder says."""
    marks: tuple[str, ...] = ()
    """Paths in the folder that deny them."""
    consented: date | None = None
    """The day on which they agreed to be recognised; ``None`` if nothing is on record."""

    @property
    def person(self) -> Person:
        return Person(self.id, self.name, self.denied)


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """A photo that somebody was, or would be, enrolled with. The picture itself is not kept."""

    id: int
    sha256: str
    source: str
    added: datetime
    models: tuple[str, ...]
    """The models that it has a template for."""
    held: int | None
    """The number to approve or reject it by while it waits; such a number is never used again."""
    why: str
    """Why it waits."""
    quality: dict[str, float]
    """What was measured of the face, by the names of ``core.quality.Quality``; empty if that was not kept."""
    foldered: bool
    """Whether it came from the folder."""
    spare: bool
    """Whether it does not count, since others of the person differ more."""


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
    nearest_id: int | None = None
    """Of a refusal: whom the face was most like, however unlike."""
    nearest: str | None = None
    """The name now, as for ``person``."""
    lookalike: bool = False
    """Whether more was asked, since the gallery held somebody alike."""
    raised: bool = False
    """Whether more was asked, since there was a lock."""
    policy: str | None = None
    """Digest of the rules of that moment: see ``Store.policies``."""
