"""Whose photos may count: a photo must be of the person, and of nobody else who is known.

Whoever is in a photo will be let in under its name. So a photo that is added to a known
person must match that person's templates at the door's own threshold, by the door's own
measure (the mean of the templates), or it is held until an operator says whose it is.
Each photo that is accepted moves that mean a little: whoever can make photos between two
faces, and add one after another, can still walk it to another face.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from doorctl.app.enrolment import photo_to_template
from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, installed, policy_of
from doorctl.core.card import Recognition
from doorctl.core.gallery import Gallery
from doorctl.core.liveness import LivenessMode
from doorctl.core.lookalikes import Likeness, likenesses, limit_of
from doorctl.core.policy import Policy
from doorctl.core.promise import refused_at
from doorctl.core.records import Person, Vector
from doorctl.errors import PhotoError
from doorctl.models.install import ModelSet
from doorctl.store.database import Store
from doorctl.store.records import NewPhoto


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """What is known of somebody when photos come."""

    person: Person | None
    """``None`` for somebody new."""
    own: Sequence[Vector]
    """Templates that count for the person; none if all were made by other nets."""
    files: frozenset[str]
    """sha256 of the person's photos that are enrolled."""
    others: Gallery
    """Everybody else, denied people too."""
    threshold: float
    """Calibrated score from which the door takes a face for somebody's."""

    def judge(self, photos: Sequence[NewPhoto]) -> list[NewPhoto | PhotoError]:
        """What becomes of each photo of one call: enrolled, held with the reason, or refused.

        The first photo of somebody new starts them. The order of the others does not matter: one that
        does not match yet is looked at again once others have been accepted. A file that the person is
        enrolled with already stays so, whatever the nets.
        """
        own, waiting = list(self.own), dict[int, NewPhoto]()
        outcomes: dict[int, NewPhoto | PhotoError] = {}
        for place, photo in enumerate(photos):
            if photo.sha256 in self.files:
                outcomes[place] = photo
                own += [] if self.own else [photo.vector]
            elif why := self.conflict(photo.vector):
                hint = "check whose face it is; --force enrols it all the same"
                outcomes[place] = PhotoError(f"{photo.source}: {why}", hint)
            elif self.person is None and not own:
                outcomes[place] = photo
                own.append(photo.vector)
            else:
                waiting[place] = photo
        while matching := [i for i, photo in waiting.items() if self._score(photo, own) >= self.threshold]:
            for place in matching:
                outcomes[place] = waiting.pop(place)
                own.append(photos[place].vector)
        for place, photo in waiting.items():
            score = f"score {self._score(photo, own):.3f} against the person's other photos"
            why = f"{score}, {self.threshold:.3f} needed" if own else "no other photo is known to these nets"
            outcomes[place] = replace(photo, held=why)
        return [outcomes[place] for place in range(len(photos))]

    def conflict(self, vector: Vector) -> str:
        """Whom else a face is known as, in words; empty if it is nobody else's."""
        match = self.others.match(vector)
        if match.person is None or match.score < self.threshold:
            return ""
        return f"the face is known already, as {match.person.name}{', who is denied' * match.person.denied}"

    def _score(self, photo: NewPhoto, own: Sequence[Vector]) -> float:
        whoever = self.person or Person(0, "")
        return Gallery.build(((whoever, v) for v in own), self.others.calibration).match(photo.vector).score


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """Everyone in the store as the installed nets know them, and the rules that the door goes by."""

    model: str
    recognition: Recognition
    gallery: Gallery
    policy: Policy

    def standing(self, store: Store, name: str) -> Standing:
        """What is known of the person of that name.

        Raises:
            NameRefusedError: nobody can have that name.
        """
        number = store.number(name)
        own, others = self.gallery.of(number)
        record = store.person(name) if number else None
        files = (p.sha256 for p in store.photos(name) if p.held is None) if record else ()
        person = record.person if record else None
        return Standing(person, list(own), frozenset(files), others, self.policy.threshold)

    def likenesses(self, person_id: int | None = None) -> tuple[Likeness, ...]:
        """Pairs of people of whom the door asks more, the most alike first: all, or those of one person."""
        limit = limit_of(self.policy.threshold, self.policy.margin, self.recognition.calibration)
        found = likenesses(self.gallery, limit)
        return tuple(pair for pair in found if person_id in (None, pair.one.id, pair.other.id))

    def missed(self, person_id: int) -> float:
        """Share of good photos of a person that would be held, by the card's table."""
        known = len(self.gallery.of(person_id)[0])
        return refused_at(self.policy.threshold, self.recognition.refusals, known)


def register_of(
    settings: Settings, store: Store, nets: tuple[ModelSet, Recognition] | None = None
) -> Register:
    """Read the store; no net is run.

    Args:
        settings: whose rules hold.
        store: who is known.
        nets: those that are ``installed``, if that is known: within a transaction there is no time to look.

    Raises:
        ModelError: no set of nets is installed whole.
    """
    models, recognition = nets or installed(settings)
    model = models.embedder.card.name
    gallery = store.gallery(model, recognition.calibration)
    # A photo is no living face, and need not be.
    policy = policy_of(settings.config, recognition, gallery, LivenessMode.OFF)
    return Register(model, recognition, gallery, policy)


@dataclass(frozen=True, slots=True)
class Held:
    """A photo that waits for an operator's word."""

    photo: Path
    number: int
    """To approve or reject it by."""
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the photos of one call."""

    person: Person | None
    """``None`` if all were refused."""
    added: int
    known: int
    """Photos that were enrolled before."""
    held: tuple[Held, ...]
    refused: tuple[tuple[Path, PhotoError], ...]
    likenesses: tuple[Likeness, ...]
    """Pairs that the person is one of."""
    missed: float
    """Share of good photos of the person that would be held."""


def enrol_photos(
    settings: Settings, eye: Eye, store: Store, name: str, photos: Iterable[Path], *, force: bool = False
) -> Outcome:
    """Enrol photos under a name, hold those that do not match, refuse those that cannot be used.

    Args:
        settings: whose rules hold.
        eye: that turns photos into templates.
        store: where they are kept.
        name: the person's, known or new.
        photos: files.
        force: enrol every face that can be used, whosever it looks like.

    Raises:
        NameRefusedError: nobody can have that name.
        StoreError: the store cannot be read or written.
    """
    refused: list[tuple[Path, PhotoError]] = []
    read: list[tuple[Path, NewPhoto]] = []
    for path in photos:
        try:
            read.append((path, photo_to_template(eye, path)))
        except PhotoError as error:
            refused.append((path, error))
    taken: list[tuple[Path, NewPhoto]] = []
    given = [photo for _, photo in read]
    # Photos take a while to look at. What they are judged by must be what they are added to.
    with store.undisturbed():
        standing = register_of(settings, store).standing(store, name)
        for (path, _), outcome in zip(read, given if force else standing.judge(given), strict=True):
            if isinstance(outcome, PhotoError):
                refused.append((path, outcome))
            else:
                taken.append((path, outcome))
        if not taken:
            return Outcome(standing.person, 0, 0, (), tuple(refused), (), 0.0)
        enrolment = store.enrol(name, [photo for _, photo in taken])
    held = [
        Held(path, enrolment.held[photo.sha256], photo.held)
        for path, photo in taken
        if photo.sha256 in enrolment.held
    ]
    register, person = register_of(settings, store), enrolment.person
    return Outcome(
        person,
        enrolment.added,
        len(taken) - len(held) - enrolment.added,
        tuple(held),
        tuple(refused),
        register.likenesses(person.id),
        register.missed(person.id),
    )
