"""Photos that people send by mistake, through ``doorctl enrol``: each refused for its own reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.core.records import Image, Vector
from doorctl.models.install import load
from doorctl.vision.detect import Detector
from doorctl.vision.find import find_faces
from doorctl.vision.mesh import Mesh
from doorctl.vision.photo import read_photo
from tests.command import doorctl, lines, refused
from tests.pictures import astronaut_file, cat_file, coffee_file, hopper_file

NAME = "Grace Hopper"


def picture() -> Image:
    """Grace Hopper: 512 x 600, her face 188 pixels wide."""
    return read_photo(hopper_file())


def encoded(image: Image, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, image)[1].tobytes()


def shrunk(image: Image, times: float) -> Image:
    return np.asarray(
        cv2.resize(image, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA), np.uint8
    )


def blurred(sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(picture(), (0, 0), sigma), np.uint8)


def moved(pixels: int) -> Image:
    return np.asarray(cv2.blur(picture(), (pixels, 1)), np.uint8)


def brightened(times: float) -> Image:
    return np.asarray(cv2.convertScaleAbs(picture(), alpha=times), np.uint8)


def cut_jpeg() -> bytes:
    """As a copy that was broken off leaves it: the header and a third of the picture."""
    whole = encoded(picture(), ".jpg")
    return whole[: len(whole) // 3]


def flipped_png() -> bytes:
    """As a bad disk leaves it: one byte in the middle is another."""
    whole = bytearray(encoded(picture()))
    whole[len(whole) // 2] ^= 0xFF
    return bytes(whole)


def two_people() -> bytes:
    other = read_photo(astronaut_file())[:300, 120:340]
    return encoded(np.hstack([picture(), np.asarray(cv2.resize(other, (440, 600)), np.uint8)]))


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.jpg": (lambda: b"", "is empty"),
    "cut off.jpg": (cut_jpeg, "is damaged"),
    "flipped.png": (flipped_png, "is damaged"),
    "noise.jpg": (lambda: np.random.default_rng(0).bytes(5000), "is not a photo"),
    "page.jpg": (lambda: b"<!DOCTYPE html><title>Sign in to see this photo</title>", "is not a photo"),
    "iphone.heic": (lambda: b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
    "icon.png": (lambda: encoded(shrunk(picture(), 25)), "is too small, 20x24"),
    "poster.png": (lambda: encoded(np.zeros((60, 5200, 3), np.uint8)), "is too large, 5200x60"),
    "white.jpg": (lambda: encoded(np.full((600, 500, 3), 255, np.uint8), ".jpg"), "no face found"),
    "lens cap.jpg": (lambda: encoded(np.zeros((600, 500, 3), np.uint8), ".jpg"), "no face found"),
    "breakfast.png": (lambda: coffee_file().read_bytes(), "no face found"),
    "cat.png": (lambda: cat_file().read_bytes(), "no face found"),
    "two people.png": (two_people, "2 faces found"),
    "far away.png": (lambda: encoded(shrunk(picture(), 7)), "the face is only 27.8 pixels wide"),
    "blurred.png": (lambda: encoded(blurred(9)), "the face is blurred"),
    "moved.png": (lambda: encoded(moved(41)), "the face is blurred"),
    "dark.png": (lambda: encoded((picture() / 10).astype(np.uint8)), "the face is too dark"),
    "glaring.png": (lambda: encoded(brightened(2.5)), "the face is too bright"),
    "half.png": (lambda: encoded(picture()[:, 235:].copy()), "the face is cut off by the edge"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_photo_is_refused_for_its_own_reason(door: Path, models_dir: Path, name: str) -> None:
    """Exit 65, the file's name, its own reason and what to do; nobody is enrolled and no trace is left."""
    make, reason = FILES[name]
    (door / name).write_bytes(make())
    refused(doorctl("enrol", NAME, door / name, data=door), 65, name, reason)
    assert lines(doorctl("people", "list", "--json", data=door)) == []


@pytest.fixture(scope="module")
def landmarks(models_dir: Path) -> Vector:
    """The mesh of Grace Hopper's face."""
    models = load(models_dir)
    return find_faces(picture(), [Detector(models.detector)], Mesh(models.mesh))[0].landmarks[:, :2]


JAW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)


def masked(landmarks: Vector) -> Image:
    outline = landmarks[[*JAW, 340, 195, 111]].round().astype(np.int32)
    return np.asarray(cv2.fillPoly(picture(), [outline], (225, 210, 170)), np.uint8)


def in_dark_glasses(landmarks: Vector) -> Image:
    image, apart = picture(), float(np.linalg.norm(landmarks[33] - landmarks[263]))
    for corners in ((33, 133), (263, 362)):
        x, y = landmarks[list(corners)].mean(axis=0).round().astype(int).tolist()
        cv2.ellipse(image, (x, y), (int(0.3 * apart), int(0.22 * apart)), 0, 0, 360, (25, 20, 20), -1)
    return image


@pytest.mark.parametrize(
    ("cover", "reason", "advice"),
    [
        (masked, "the nose is covered", "take off the mask"),
        (in_dark_glasses, "the eyes are covered", "take off dark glasses"),
    ],
)
def test_a_covered_face_is_not_learnt(
    door: Path, landmarks: Vector, cover: Callable[[Vector], Image], reason: str, advice: str
) -> None:
    """What would be learnt is the mask or the glasses, which others can wear."""
    (door / "covered.png").write_bytes(encoded(cover(landmarks)))
    refused(doorctl("enrol", NAME, door / "covered.png", data=door), 65, "covered.png", reason, advice)


def test_photos_taken_sideways_are_turned_upright(door: Path, models_dir: Path) -> None:
    """By quarters, without EXIF data to tell: each is learnt as the face that it shows, and found as it."""
    files = []
    for quarters in (1, 2, 3):
        files.append(door / f"turned {quarters}.png")
        files[-1].write_bytes(encoded(np.ascontiguousarray(np.rot90(picture(), quarters))))
    done = doorctl("enrol", NAME, *files, data=door)
    assert done.returncode == 0, done.stderr
    for photo in (hopper_file(), *files):
        (told,) = lines(doorctl("identify", photo, "--json", data=door))
        assert told["person"] == NAME
        assert told["score"] > 0.95


def test_the_limits_are_the_owners(door: Path, models_dir: Path) -> None:
    """A limit of the configuration is the one that is asked, and the word that is told."""
    strict = "quality: {min_size: 250}\n"
    (door / "doorctl.yaml").write_text((door / "doorctl.yaml").read_text() + strict)
    refused(doorctl("enrol", NAME, hopper_file(), data=door), 65, "188.2 pixels wide, 250 are needed")


def test_the_good_photos_of_a_batch_are_kept(door: Path, models_dir: Path) -> None:
    """One bad photo among good ones is told by name; the others are enrolled."""
    (door / "dark.png").write_bytes(FILES["dark.png"][0]())
    done = doorctl("enrol", NAME, door / "dark.png", hopper_file(), data=door)
    refused(done, 65, "dark.png", "too dark")
    (person,) = lines(doorctl("people", "list", "--json", data=door))
    assert person["person"] == NAME


def test_identify_tells_the_quality(door: Path, models_dir: Path) -> None:
    """Every measure for scripts; for people the measures, and what enrolment would say."""
    (told,) = lines(doorctl("identify", hopper_file(), "--json", data=door))
    assert told["quality"]["size"] == pytest.approx(188, abs=3)
    assert set(told["quality"]) == {
        *("yaw", "pitch", "roll", "eyes_occluded", "nose_occluded", "mouth_occluded"),
        *("off_centre", "size", "brightness", "sharpness", "mouth_open", "integrity"),
    }
    (door / "dark.png").write_bytes(FILES["dark.png"][0]())
    assert (
        "would not be enrolled: the face is too dark"
        in doorctl("identify", door / "dark.png", data=door).stdout
    )
