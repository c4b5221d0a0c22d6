"""Flat pictures and living faces, told apart by what no homography explains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from doorctl.core.records import Face, Image
from doorctl.demo.puppet import Puppet
from doorctl.vision.find import find_faces
from doorctl.vision.liveness.flexing import FIRST_SECONDS, FLEXED, Flexing
from doorctl.vision.mesh import Mesh, roi_of_face
from doorctl.vision.photo import read_photo


def noisy(frames: Iterator[Image], level: float = 2.0) -> Iterator[Image]:
    rng = np.random.default_rng(3)
    for frame in frames:
        yield np.clip(frame + rng.normal(0, level, frame.shape), 0, 255).astype(np.uint8)


def flexed(mesh: Mesh, first: Face, frames: Iterator[Image], fps: float = 10.0) -> list[float | None]:
    """What is said of each frame, the face being followed from where it was."""
    told, face, flexing = [], first, Flexing()
    for number, image in enumerate(frames):
        face = mesh(image, roi_of_face(face))
        told.append(flexing.add(image, face, number / fps))
    return told


@pytest.fixture(scope="module")
def puppet(hopper: Image, detector, mesh: Mesh) -> tuple[Puppet, Face]:  # type: ignore[no-untyped-def]  # a Detector
    face = find_faces(hopper, (detector,), mesh)[0]
    puppet = Puppet(hopper, face)
    first = puppet.draw(0, 0, size=0.3, centre=(320, 240))
    return puppet, find_faces(first, (detector,), mesh)[0]


@pytest.mark.parametrize("level", [0.0, 2.0, 5.0])
def test_a_flat_portrait_stays_flat_however_it_is_moved(
    puppet: tuple[Puppet, Face], mesh: Mesh, level: float
) -> None:
    """Carried to and fro, leant and tilted by up to 25 degrees for two seconds, with any camera's noise."""
    print_, face = puppet
    frames = (
        print_.draw_flat(
            25 * np.sin(i / 5), 15 * np.sin(i / 4), 5 * np.sin(i / 3), size=0.3, centre=(320 + 2 * i, 240 - i)
        )
        for i in range(21)
    )
    told = [value for value in flexed(mesh, face, noisy(frames, level)) if value is not None]
    assert len(told) > 10
    assert max(told) < FLEXED


def test_a_mouth_that_opens_is_no_flat_pictures(puppet: tuple[Puppet, Face], mesh: Mesh) -> None:
    """A face that changes by itself is told within a second, and stays told."""
    alive, face = puppet
    frames = (alive.draw(0, 0, 0, abs(np.sin(i / 4)), size=0.3, centre=(320, 240)) for i in range(15))
    told = flexed(mesh, face, noisy(frames))
    assert (told[10] or 0) >= FLEXED
    assert told[-1] == told[10]


def test_nothing_is_said_before_its_time(puppet: tuple[Puppet, Face], mesh: Mesh) -> None:
    """The first word comes after 0.4 s, and after a face was forgotten it comes anew."""
    alive, face = puppet
    picture = next(noisy(iter([alive.draw(0, 0, size=0.3, centre=(320, 240))])))
    flexing = Flexing()
    for start in (0.0, 50.0):
        told = [flexing.add(picture, face, start + i / 20) for i in range(12)]
        assert [value is None for value in told].count(True) == round(FIRST_SECONDS * 20)
        flexing.forget()


def test_living_people_flex_within_a_second(shared: Path, detector, mesh: Mesh) -> None:  # type: ignore[no-untyped-def]  # a Detector
    """Every one of nuaa-dev's live sequences, from its start."""
    for folder in sorted((shared / "data" / "nuaa-dev" / "live").iterdir()):
        images = [read_photo(file) for file in sorted(folder.iterdir())[:11]]
        told = flexed(mesh, find_faces(images[0], (detector,), mesh)[0], iter(images))
        assert (told[-1] or 0) >= FLEXED, folder.name
