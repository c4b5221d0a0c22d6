"""What is drawn is where it was seen, and can be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from doorctl.core.records import Box, Face
from doorctl.errors import DoorctlError
from doorctl.vision.draw import draw_face, write_picture
from doorctl.vision.photo import read_photo

GREY = np.full((400, 600, 3), 128, np.uint8)


def face(left: float = 200, top: float = 150, side: float = 120) -> Face:
    landmarks = np.full((468, 3), -50, np.float32)
    landmarks[0] = left + side / 2, top + side / 2, 0
    return Face(Box(left, top, side, side), landmarks, 1.0, side / 600)


def test_box_and_points_lie_on_the_face() -> None:
    """The box's corners and a landmark are drawn, and the given picture stays as it was."""
    before = GREY.copy()
    drawn = draw_face(GREY, face(), "", colour=(0, 255, 0))
    assert (before == GREY).all()
    changed = np.argwhere((drawn != GREY).any(axis=2))
    assert changed.min(axis=0) == pytest.approx([150, 200], abs=2)
    assert changed.max(axis=0) == pytest.approx([270, 320], abs=2)
    assert drawn[210, 260].tolist() == [0, 255, 0]
    assert (drawn[180, 230] == 128).all()


def test_a_label_stands_on_a_dark_plate_above_the_face() -> None:
    """Where the label is, the ground is dark and the letters are the label's colour."""
    drawn = draw_face(GREY, face(), "Grace Hopper 0.91", colour=(0, 255, 255))
    plate = drawn[128:145, 205:300].reshape(-1, 3)
    assert (plate.max(axis=1) < 40).mean() > 0.4
    assert ((plate[:, 1] > 200) & (plate[:, 0] < 40)).sum() > 20


@pytest.mark.parametrize("place", [(-300.0, -300.0), (580.0, 390.0), (1e9, -1e9)])
def test_a_face_at_the_edge_keeps_its_label(place: tuple[float, float]) -> None:
    """However far out the face is, the label stays in the picture."""
    drawn = draw_face(GREY, face(*place), "unknown")
    assert (drawn.max(axis=2) < 40).sum() > 300


def test_accents_are_letters_not_boxes() -> None:
    """A name beyond ASCII is not drawn as the font's sign for a missing letter."""
    missing, named = (draw_face(GREY, None, text) for text in ("\ue123", "\u00c9"))
    assert (missing != named).any()
    assert (named != GREY).any()


def test_captions_stack_at_the_foot() -> None:
    """Each caption has a line of its own in the lower part, none overlaps another."""
    one, two = (draw_face(GREY, None, "", captions=["3.2 s  RelayOn"] * n) for n in (1, 2))
    marked_one, marked_two = ((d.max(axis=2) < 40).sum() for d in (one, two))
    assert marked_two > 1.8 * marked_one
    assert (two[:200] == 128).all()


@pytest.mark.parametrize("name", ["out.png", "out.jpg"])
def test_pictures_are_written_as_they_are(tmp_path: Path, name: str) -> None:
    """What is written reads back with its colours in order."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[...] = (200, 100, 20)
    write_picture(tmp_path / name, picture)
    assert np.abs(read_photo(tmp_path / name).astype(int) - picture).max() <= 3


@pytest.mark.parametrize("name", ["out.unknown", "no/such/folder/out.png"])
def test_a_picture_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    """An unknown ending or a missing folder is one clear error."""
    with pytest.raises(DoorctlError, match="out"):
        write_picture(tmp_path / name, GREY)
