"""What the vision tests share: the installed nets and the two portraits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doorctl.core.card import Calibration
from doorctl.core.gallery import Gallery
from doorctl.core.records import Image
from doorctl.models.install import ModelSet, load
from doorctl.vision.detect import Detector
from doorctl.vision.mesh import Mesh
from doorctl.vision.observe import Observer
from doorctl.vision.photo import read_photo
from tests.pictures import astronaut_file, hopper_file

EMPTY = Gallery.build((), Calibration(((-1.0, 0.0), (1.0, 1.0)), "made up"))


@pytest.fixture(scope="session")
def models(models_dir: Path) -> ModelSet:
    return load(models_dir)


@pytest.fixture(scope="session")
def detector(models: ModelSet) -> Detector:
    return Detector(models.detector)


@pytest.fixture(scope="session")
def detector_full(models: ModelSet) -> Detector:
    return Detector(models.detector_full)


@pytest.fixture(scope="session")
def mesh(models: ModelSet) -> Mesh:
    return Mesh(models.mesh)


@pytest.fixture
def make_observer(models: ModelSet) -> Callable[..., Observer]:
    """Builds an observer on the installed nets; keyword arguments override."""

    def make(**overrides: object) -> Observer:
        arguments: dict[str, object] = {
            "detector": models.detector,
            "detector_full": models.detector_full,
            "mesh": models.mesh,
            "embedder": models.embedder,
            "gallery": EMPTY,
            "min_face": 0.1,
        }
        return Observer(**(arguments | overrides))  # type: ignore[arg-type]  # names checked by the call itself

    return make


@pytest.fixture(scope="session")
def hopper() -> Image:
    """Grace Hopper, 512 x 600, her face 0.37 of the width."""
    return read_photo(hopper_file())


@pytest.fixture(scope="session")
def collins() -> Image:
    """Eileen Collins, 512 x 512, her face 0.18 of the width."""
    return read_photo(astronaut_file())
