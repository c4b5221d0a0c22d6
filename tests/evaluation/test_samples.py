"""A labelled set of photos, judged by the product."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.app.settings import Settings
from doorctl.errors import PhotoError
from doorctl.evaluation.samples import collect, read_errata
from tests.pictures import astronaut_file, hopper_file


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two people; of the second one photo is good, one blank, one damaged; and things that are no photos."""
    directory = tmp_path / "photos"
    for name in ("Grace Hopper", "Eileen Collins", "empty"):
        (directory / name).mkdir(parents=True)
    shutil.copy(hopper_file(), directory / "Grace Hopper" / "a.jpg")
    shutil.copy(astronaut_file(), directory / "Eileen Collins" / f"a{astronaut_file().suffix}")
    cv2.imwrite(str(directory / "Eileen Collins" / "blank.png"), np.full((200, 200, 3), 127, np.uint8))
    (directory / "Eileen Collins" / "cut.jpg").write_bytes(hopper_file().read_bytes()[:900])
    (directory / "Eileen Collins" / "notes.txt").write_text("no photo")
    (directory / "groups.csv").write_text("person,group\n")
    return directory


@pytest.fixture
def settings(models_dir: Path, tmp_path: Path) -> Settings:
    return Settings.find(None, tmp_path)


def test_every_photo_is_accounted_for(photos: Path, settings: Settings) -> None:
    """In order, each with its person, and with a template or the reason why there is none."""
    told: list[tuple[int, int]] = []
    samples = collect(settings, photos, progress=lambda done, total: told.append((done, total)))
    assert samples.names == ("Eileen Collins", "Grace Hopper")
    assert samples.people.tolist() == [0, 0, 0, 1]
    assert [Path(photo).stem for photo in samples.photos] == ["a", "blank", "cut", "a"]
    assert samples.failures == ("", "no face found", "not readable as a picture", "")
    assert samples.enrolled.tolist() == [True, False, False, True]
    assert np.linalg.norm(samples.vectors, axis=1) == pytest.approx([1, 0, 0, 1])
    assert samples.qualities[0] is not None
    assert samples.qualities[1] is None
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_could_not_be_enrolled_is_a_failure(photos: Path, settings: Settings) -> None:
    """A blurred photo fails by the limit that enrolment would refuse it for, and has no template."""
    image = np.asarray(cv2.imread(str(hopper_file())), np.uint8)
    cv2.imwrite(str(photos / "Grace Hopper" / "blurred.png"), cv2.GaussianBlur(image, (0, 0), 10))
    samples = collect(settings, photos)
    assert samples.failures[-1] == "sharpness beyond its limit"
    assert not samples.vectors[-1].any()
    assert samples.qualities[-1] is not None


def test_photos_that_the_sets_authors_call_wrong_are_left_out(photos: Path, settings: Settings) -> None:
    """By name, before anything is judged; a person without any other photo goes too."""
    samples = collect(settings, photos, left_out=frozenset({"a"}))
    assert samples.names == ("Eileen Collins",)
    assert len(samples.photos) == 2


def test_a_second_run_takes_the_first_ones_results(photos: Path, settings: Settings, tmp_path: Path) -> None:
    """What the cache says is believed, as a mark put into it shows; changed content is judged anew."""
    cache = tmp_path / "cache.db"
    first = collect(settings, photos, cache=cache)
    again = collect(settings, photos, cache=cache)
    assert (again.vectors == first.vectors).all()
    assert again.qualities == first.qualities
    with closing(sqlite3.connect(cache, isolation_level=None)) as db:
        db.execute('UPDATE judged SET text = \'{"failure": "marked", "vector": null, "quality": null}\'')
    shutil.copy(photos / "Eileen Collins" / f"a{astronaut_file().suffix}", photos / "Grace Hopper" / "a.jpg")
    cv2.imwrite(str(photos / "Eileen Collins" / "blank.png"), np.full((200, 200, 3), 90, np.uint8))
    marked = collect(settings, photos, cache=cache)
    assert marked.failures == ("marked", "no face found", "marked", "marked")


def test_directories_that_are_no_set_are_told(settings: Settings, tmp_path: Path) -> None:
    """Missing, or with nothing in it: which, and what is expected."""
    with pytest.raises(PhotoError, match="No such file"):
        collect(settings, tmp_path / "nowhere")
    (tmp_path / "nobody").mkdir()
    with pytest.raises(PhotoError, match="a folder of photos for each person"):
        collect(settings, tmp_path / "nobody")


def test_a_photo_that_may_not_be_read_is_a_failure_not_a_crash(photos: Path, settings: Settings) -> None:
    """A dangling link stands for it: the others are judged all the same."""
    (photos / "Grace Hopper" / "b.jpg").symlink_to(photos / "gone.jpg")
    samples = collect(settings, photos)
    assert samples.failures[-1] == "not readable"
    assert os.path.lexists(photos / "Grace Hopper" / "b.jpg")


def test_errata_name_photos_without_ending(tmp_path: Path) -> None:
    """The published list's form is read; without a list nothing is left out; another CSV is told."""
    file = tmp_path / "errata.csv"
    file.write_text("photo,fact\nA_B_0001,shows C D\n")
    assert read_errata(file) == {"A_B_0001"}
    assert read_errata(None) == frozenset()
    file.write_text("something,else\n1,2\n")
    with pytest.raises(PhotoError, match="column named photo"):
        read_errata(file)
