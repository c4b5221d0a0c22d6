"""``doorctl evaluate recognition`` as its user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.core.records import Image
from tests.pictures import astronaut_file, hopper_file


def doorctl(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """The command in its own process, with a home of its own."""
    env = {**os.environ, "XDG_CACHE_HOME": str(home / "cache"), "DOORCTL_CONFIG": ""}
    command = [sys.executable, "-m", "doorctl", "--data", str(home), "evaluate", "recognition"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=100, check=False, env=env
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people in four photos each, changed in size, light and side; a blank one, and a list of groups."""
    directory = tmp_path_factory.mktemp("photos")
    for name, file in (("Grace Hopper", hopper_file()), ("Eileen Collins", astronaut_file())):
        (directory / name).mkdir()
        image = np.asarray(cv2.imread(str(file)), np.uint8)
        variants: list[Image] = [
            image,
            np.ascontiguousarray(image[:, ::-1]),
            (image * 0.6).astype(np.uint8),
            np.asarray(cv2.resize(image, None, fx=0.8, fy=0.8), np.uint8),
        ]
        for number, variant in enumerate(variants):
            cv2.imwrite(str(directory / name / f"{number}.png"), variant)
    cv2.imwrite(str(directory / "Grace Hopper" / "blank.png"), np.full((300, 300, 3), 128, np.uint8))
    (directory / "groups.csv").write_text("person,group\nGrace Hopper,navy\nEileen Collins,air force\n")
    return directory


def test_scripts_are_told_everything(photos: Path, models_dir: Path, tmp_path: Path) -> None:
    """One JSON object with all keys; where a set is too small for a figure there is null."""
    done = doorctl(photos, "--gallery", "1", "--repeats", "3", "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["images"], told["people"]) == (9, 2)
    assert told["failure_to_enrol"]["count"] == 1
    assert told["failure_to_enrol"]["reasons"] == {"no face found": 1}
    assert told["failure_to_enrol"]["rate"] == pytest.approx(1 / 9)
    assert told["verification"] == dict.fromkeys(["1e-2", "1e-3", "1e-4", "1e-5", "1e-6"])
    assert told["genuine_pairs"] == 16
    assert (told["identification"]["gallery"], told["identification"]["per_person"]) == (1, 3)
    assert told["identification"]["fpir"] == {"1e-2": None, "1e-3": None}
    again = doorctl(photos, "--gallery", "1", "--repeats", "3", "--json", home=tmp_path)
    assert again.stdout == done.stdout
    assert (tmp_path / "cache" / "doorctl" / "evaluation.db").exists()


def test_people_are_told_in_words_and_pictures(photos: Path, models_dir: Path, tmp_path: Path) -> None:
    """What is not supported is said; the curve is a picture; nothing is kept where asked so."""
    plot = tmp_path / "det.png"
    done = doorctl(photos, "--no-cache", "--plot", plot, home=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in (
        "9 photos of 2 people",
        "failure to enrol: 1 (11.11%, 95 %: 0.28% to 48.25%) no face found: 1",
        "not supported",
        "identification: not measured, 2 people have more than 3 photos, 100 are asked for",
    ):
        assert words in done.stdout
    assert cv2.imread(str(plot)) is not None
    assert not (tmp_path / "cache" / "doorctl").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere",), 65, "No such file"),
        (("photos", "--errata", "no.csv"), 65, "no list of photos"),
        (("photos", "--plot", "missing/det.png", "--no-cache"), 73, "cannot be written"),
        (("photos", "--plot", "det.nothing", "--no-cache"), 73, "no picture has this ending"),
        (("photos", "--gallery", "0"), 2, "--gallery"),
        (("photos", "--set", "other"), 2, "--set"),
    ],
)
def test_mistakes_are_told(
    arguments: tuple[str, ...], code: int, words: str, photos: Path, models_dir: Path, tmp_path: Path
) -> None:
    """What is wrong with a directory, a list, an output or an option, with its exit code and no traceback."""
    given = [
        photos if a == "photos" else tmp_path / a if "." in a or a == "nowhere" else a for a in arguments
    ]
    done = doorctl(*given, home=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_photo_is_never_drawn_over(photos: Path, models_dir: Path, tmp_path: Path) -> None:
    """A plot named like one of the photos is refused, and the photo stays as it was."""
    photo = photos / "Grace Hopper" / "0.png"
    before = photo.read_bytes()
    done = doorctl(photos, "--plot", photo, home=tmp_path)
    assert done.returncode == 2
    assert photo.read_bytes() == before


def test_one_person_is_not_enough(models_dir: Path, tmp_path: Path) -> None:
    """Without a second person nobody can be taken for another: that is told, with what is needed."""
    (tmp_path / "set" / "Grace Hopper").mkdir(parents=True)
    (tmp_path / "set" / "Grace Hopper" / "0.jpg").write_bytes(hopper_file().read_bytes())
    done = doorctl(tmp_path / "set", home=tmp_path)
    assert done.returncode == 65
    assert "at least two people" in done.stderr
