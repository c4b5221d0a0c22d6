"""Which photos may count: judged on made-up templates, and on real photos through the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from doorctl.app.admission import Standing, enrol_photos, register_of
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.wiring import installed, open_eye
from doorctl.core.card import Calibration
from doorctl.core.gallery import Gallery
from doorctl.core.records import Person, Vector
from doorctl.errors import PhotoError
from doorctl.store.database import Store
from doorctl.store.records import NewPhoto
from tests.command import doorctl, refused
from tests.pictures import astronaut_file, hopper_file

SCALE = Calibration(knots=((-1.0, 0.0), (1.0, 1.0)), source="made up for tests: score is (1 + cosine) / 2")
ANN, BOB = Person(1, "Ann"), Person(2, "Bob", denied=True)


def unit(degrees: float) -> Vector:
    """A template by its direction: photos 60 degrees apart score 0.75, 90 degrees 0.5."""
    turn = np.radians(degrees)
    return np.array([np.cos(turn), np.sin(turn), 0], np.float32)


ELSEWHERE = np.array([0, 0, 1], np.float32)
"""A face that is like none of the others."""


def photo(vector: Vector, model: str = "net") -> NewPhoto:
    sha256 = hashlib.sha256(vector.tobytes()).hexdigest()
    return NewPhoto(sha256, f"{sha256[:4]}.jpg", model, vector)


def standing(person: Person | None, *own: Vector, files: tuple[NewPhoto, ...] = ()) -> Standing:
    others = Gallery.build([(BOB, unit(180))], SCALE)
    return Standing(person, own, frozenset(p.sha256 for p in files), others, threshold=0.75)


def told(outcomes: list[NewPhoto | PhotoError]) -> list[str]:
    """'enrolled', 'held' or 'refused' for each photo."""
    return ["refused" if isinstance(o, PhotoError) else "held" if o.held else "enrolled" for o in outcomes]


def test_a_photo_below_the_doors_threshold_is_held_with_its_score() -> None:
    """At the threshold it is enrolled; a little below it waits, and says what was needed."""
    ann = standing(ANN, unit(0))
    assert told(ann.judge([photo(unit(59.9)), photo(unit(-59.9))])) == ["enrolled", "enrolled"]
    (held,) = ann.judge([photo(unit(62))])
    assert isinstance(held, NewPhoto)
    assert held.held == "score 0.735 against the person's other photos, 0.750 needed"


def test_the_first_photo_of_somebody_new_starts_them() -> None:
    """Later ones of the same call are compared with it, and refused ones start nobody."""
    photos = [photo(unit(180)), photo(unit(0)), photo(ELSEWHERE), photo(unit(20))]
    assert told(standing(None).judge(photos)) == ["refused", "enrolled", "held", "enrolled"]


def test_the_order_of_added_photos_does_not_matter() -> None:
    """One that only matches together with the others is not held for coming before them."""
    photos = [photo(unit(50)), photo(unit(75)), photo(unit(88)), photo(ELSEWHERE)]
    for order in permutations(range(4)):
        outcomes = told(standing(ANN, unit(0)).judge([photos[i] for i in order]))
        assert [outcomes[order.index(i)] for i in range(4)] == ["enrolled", "enrolled", "enrolled", "held"]


def test_a_face_that_is_known_as_somebody_elses_is_refused() -> None:
    """Whatever the person's own photos say, and denied people above all."""
    for person, own in ((ANN, [unit(170)]), (ANN, [unit(0)]), (None, [])):
        (refused,) = standing(person, *own).judge([photo(unit(130))])
        assert isinstance(refused, PhotoError)
        assert "known already, as Bob, who is denied" in str(refused)
        assert "--force" in refused.hint


def test_a_file_that_counts_already_stays_so() -> None:
    """Given again, it is neither held nor refused; under other nets it starts the person there."""
    known = photo(ELSEWHERE)
    assert told(standing(ANN, unit(0), files=(known,)).judge([known])) == ["enrolled"]
    near = np.array([0, 0.5, 0.9], np.float32)
    outcomes = standing(ANN, files=(known,)).judge([photo(near / np.linalg.norm(near)), known])
    assert told(outcomes) == ["enrolled", "enrolled"]


def test_somebody_known_to_other_nets_alone_is_not_started_anew() -> None:
    """After a change of nets a new file has nothing to be compared with: it waits."""
    (held,) = standing(ANN).judge([photo(unit(0))])
    assert isinstance(held, NewPhoto)
    assert held.held == "no other photo is known to these nets"


@pytest.fixture
def settings(models_dir: Path, tmp_path: Path) -> Settings:
    return Settings.find(None, tmp_path / "door")


def face(seed: int, size: int = 256) -> Vector:
    made = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    return made / np.float32(np.linalg.norm(made))


def test_the_register_knows_who_looks_like_whom(settings: Settings) -> None:
    """Ann and her sister are told, also by either alone; Cat is not; held photos make nobody alike."""
    model = installed(settings)[0].embedder.card.name
    ann, other = face(1), face(2)
    sister = ann * 0.7 + other * 0.714
    with open_store(settings) as store:
        store.enrol("Ann", [photo(ann, model)])
        store.enrol("Sister", [photo(sister.astype(np.float32), model)])
        store.enrol("Cat", [photo(other * -1, model), NewPhoto("1", "x", model, ann, held="unlike")])
        register = register_of(settings, store)
        (pair,) = register.likenesses()
        assert (pair.one.name, pair.other.name) == ("Ann", "Sister")
        assert pair.similarity == pytest.approx(0.7, abs=0.1)
        assert register.likenesses(pair.other.id) == (pair,)
        assert register.likenesses(3) == ()
        before, after = (eye_gallery(settings, store, margin) for margin in (None, 0.9))
        assert len(before.alike) == 2
        assert len(after.alike) == 3


def eye_gallery(settings: Settings, store: Store, margin: float | None) -> Gallery:
    """The people as a door marks them, for a margin."""
    eye = open_eye(settings)
    match = settings.config.match.model_copy(update={"margin": margin})
    policy = eye.meet(eye.gallery(store), settings.config.model_copy(update={"match": match}))
    assert policy.lookalike_margin == 2 * policy.margin
    assert policy.lookalike_frames == 10
    return eye.observer.gallery


def test_real_photos_are_enrolled_held_and_refused(settings: Settings) -> None:
    """Hopper starts herself; Collins as Hopper is held, Collins as herself is enrolled, and then Collins as
    Hopper is refused; --force enrols what was held."""
    eye = open_eye(settings)
    with open_store(settings) as store:
        first = enrol_photos(settings, eye, store, "Grace Hopper", [hopper_file()])
        assert (first.added, first.held, first.refused) == (1, (), ())
        slipped = enrol_photos(settings, eye, store, "grace hopper", [hopper_file(), astronaut_file()])
        assert (slipped.added, slipped.known) == (0, 1)
        assert [(h.photo, h.number) for h in slipped.held] == [(astronaut_file(), 1)]
        assert len(eye.gallery(store).templates) == 1
        enrol_photos(settings, eye, store, "Eileen Collins", [astronaut_file()])
        again = enrol_photos(settings, eye, store, "Grace Hopper", [astronaut_file()])
        assert [path for path, _ in again.refused] == [astronaut_file()]
        forced = enrol_photos(settings, eye, store, "Grace Hopper", [astronaut_file()], force=True)
        assert (forced.added, forced.held) == (1, ())
        assert [pair.other.name for pair in forced.likenesses] == ["Eileen Collins"]


def test_what_another_process_does_meanwhile_counts(settings: Settings) -> None:
    """While a photo is looked at for a new name, somebody else is enrolled by that name: the photo waits."""
    eye = open_eye(settings)
    with open_store(settings) as store:

        def photos() -> Iterator[Path]:
            with open_store(settings) as elsewhere:
                enrol_photos(settings, eye, elsewhere, "Grace Hopper", [hopper_file()])
            yield astronaut_file()

        outcome = enrol_photos(settings, eye, store, "Grace Hopper", photos())
        assert (outcome.added, len(outcome.held)) == (0, 1)
        (person,) = store.people()
        assert (person.photos, person.held) == (1, 1)


def test_a_hold_that_cannot_be_judged_stays(settings: Settings) -> None:
    """A held photo that other nets made is compared with nobody, so it takes an operator's --force."""
    other = photo(face(3), model="other net")
    with open_store(settings) as store:
        store.enrol("Ann", [photo(face(1))])
        store.enrol("Ann", [replace(other, sha256="9" * 64, held="score 0.4")])
    approve = ("people", "approve", "Ann")
    refused(doorctl(*approve, data=settings.data), 65, "other nets", "--force")
    assert doorctl(*approve, "--force", data=settings.data).returncode == 0
