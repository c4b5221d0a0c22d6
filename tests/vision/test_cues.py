"""Stillness and parallax, on real people, prints, and portraits that are moved about."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.core.actions import ChallengeRules
from doorctl.core.liveness import LivenessRules
from doorctl.core.records import Face, Image
from doorctl.models.install import load
from doorctl.vision.liveness.cues import Stillness, Turning
from doorctl.vision.photo import read_photo
from scripts.proofs.hard import Case, frames_of, noisy, nuaa, recompressed, tilted, turning_head
from scripts.proofs.liveness import Nets, turns
from tests.pictures import hopper_file

pytestmark = pytest.mark.slow

STILL, TURNED = LivenessRules().stillness, ChallengeRules().depth


@pytest.fixture(scope="module")
def nets(models_dir: Path) -> Nets:
    return Nets(load(models_dir))


@pytest.fixture(scope="module")
def grace(nets: Nets) -> tuple[Image, Face]:
    """Grace Hopper's portrait, and her face in it."""
    return next(islice(((i, f) for i, f in nets.faces([read_photo(hopper_file())]) if f), 1))


def words(nets: Nets, frames: Iterable[Image]) -> list[float | None]:
    """What stillness says of each frame, 10 a second, the face tracked as the door does it."""
    stillness = Stillness()
    seen = enumerate(nets.faces(frames))
    return [stillness.add(image, face, number / 10) for number, (image, face) in seen if face]


def case(frames: list[Image]) -> Case:
    return Case("portrait", "", "", "", lambda: iter(frames))


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0, 4.0])
def test_a_frozen_picture_is_still_however_noisy(nets: Nets, grace: tuple[Image, Face], sigma: float) -> None:
    """New noise in every frame is no movement, and no noise at all is none either."""
    rng = np.random.default_rng(0)
    said = words(nets, [noisy(grace[0], sigma, rng) for _ in range(18)])
    assert said[:4] == [None] * 4
    assert all(word is not None and word < 1 for word in said[4:])


def test_a_frozen_picture_packed_anew_is_still(nets: Nets, grace: tuple[Image, Face]) -> None:
    """JPEG's own changes from frame to frame are no movement."""
    said = words(nets, [recompressed(grace[0], (90, 70, 50, 30)[i % 4]) for i in range(18)])
    assert all(word is not None and word < STILL for word in said[4:])


def test_light_that_comes_and_goes_moves_nothing(nets: Nets, grace: tuple[Image, Face]) -> None:
    """A picture under a flickering lamp is as still as before."""
    rng = np.random.default_rng(0)
    dark = (grace[0] * 0.8).astype(np.uint8)
    lit = [noisy((dark * (1 + 0.15 * math.sin(i))).astype(np.uint8), 2.0, rng) for i in range(18)]
    assert all(word is not None and word < STILL for word in words(nets, lit)[4:])


def test_living_people_are_never_still(nets: Nets, shared: Path) -> None:
    """Everyone of nuaa-dev moves more than a still picture, from the first word on."""
    said = {folder.name: words(nets, islice(frames_of(folder), 8)) for folder in nuaa("live")}
    assert len(said) == 17
    for name, told in said.items():
        assert min(word for word in told if word is not None) >= STILL, name


def test_a_face_that_has_moved_away_is_not_still(grace: tuple[Image, Face]) -> None:
    """One that jumps by half its width counts as moved at once, and then is looked at afresh."""
    image, face = grace
    stillness = Stillness()
    assert [stillness.add(image, face, i / 10) for i in range(6)][-1] == 0
    box = face.box
    elsewhere = Face(
        type(box)(box.left + box.width / 2, box.top, box.width, box.height), face.landmarks, 1.0, face.size
    )
    assert stillness.add(image, elsewhere, 0.6) == math.inf
    assert stillness.add(image, elsewhere, 0.7) is None


def test_after_a_pause_or_another_size_nothing_is_known(grace: tuple[Image, Face]) -> None:
    """Frames from before a pause, of another size, or of a clock that went back are not compared."""
    image, face = grace
    for at, other in ((9.0, image), (0.2, image), (0.6, cv2.copyMakeBorder(image, 0, 9, 0, 0, 1))):
        stillness = Stillness()
        for i in range(6):
            stillness.add(image, face, i / 10)
        assert stillness.add(np.asarray(other, np.uint8), face, at) is None


@pytest.mark.parametrize(("axis", "place"), [("yaw", 0), ("pitch", 1)])
def test_a_tilted_portrait_does_not_turn(
    nets: Nets, grace: tuple[Image, Face], axis: str, place: int
) -> None:
    """The mesh takes a tilted picture for a turned head; in the parallax there is nothing of it."""
    found = turns(nets, case(list(tilted(grace[0], grace[1].box, axis, 55.0))))
    assert max(abs(turn.claimed[place]) for turn in found) >= 10
    assert all(turn.shown is not None and max(map(abs, turn.shown)) < TURNED / 2 for turn in found)


def test_a_bent_portrait_does_not_turn(nets: Nets, grace: tuple[Image, Face]) -> None:
    """A picture bent like a cylinder has depth, but not a face's."""
    found = turns(nets, case(list(tilted(grace[0], grace[1].box, "yaw", 40.0, 1.5))))
    assert max(abs(turn.claimed[0]) for turn in found) >= 10
    assert all(turn.shown is not None and max(map(abs, turn.shown)) < TURNED for turn in found)


def test_no_print_turns(nets: Nets, shared: Path) -> None:
    """Prints that are tilted and twisted by hand claim many turns and show none of them."""
    claimed = 0
    for folder in nuaa("print"):
        if folder.name.endswith(("00_01", "03_03")):
            for turn in turns(nets, case(list(frames_of(folder)))):
                if abs(turn.claimed[0]) >= 10:
                    claimed += 1
                    shown = turn.shown[0] * math.copysign(1, turn.claimed[0]) if turn.shown else 0.0
                    assert shown < TURNED, folder.name
    assert claimed >= 20


def test_a_head_that_turns_shows_it(nets: Nets, shared: Path) -> None:
    """In a film of a person who turns the head, parallax shows the turn, the same way, frames in a row."""
    shows = [
        turn.shown is not None
        and abs(turn.claimed[0]) >= 15
        and turn.shown[0] * math.copysign(1, turn.claimed[0]) >= TURNED
        for turn in turns(nets, turning_head())
    ]
    assert any(a and b for a, b in pairwise(shows))


def test_a_face_without_details_tells_nothing(grace: tuple[Image, Face]) -> None:
    """Where there are no corners there is no word, rather than a wrong one."""
    image, face = grace
    blank = np.full_like(image, 128)
    assert Turning(blank, face).add(blank, face) is None
    assert Turning(image, face).add(blank, face) is None


def test_the_first_frame_again_is_no_turn(grace: tuple[Image, Face]) -> None:
    """The same frame once more has turned by nothing."""
    image, face = grace
    shown = Turning(image, face).add(image, face)
    assert shown is not None
    assert max(map(abs, shown)) < 0.5
