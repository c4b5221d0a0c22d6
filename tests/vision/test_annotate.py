"""The annotated clip and the contact sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Tick
from doorctl.core.records import Frame, Reason
from doorctl.errors import OutputError
from doorctl.vision.annotate import Annotator, contact_sheet


def frame(number: int, shape: tuple[int, int] = (120, 160)) -> Frame:
    return Frame(np.full((*shape, 3), 90, np.uint8), number / 10, number)


def count(clip: Path) -> int:
    video, frames = cv2.VideoCapture(str(clip)), 0
    while video.read()[0]:
        frames += 1
    return frames


@pytest.mark.parametrize("length", [1, 2, 7])
def test_every_frame_is_in_the_clip(tmp_path: Path, length: int) -> None:
    """A clip of one frame, which has no pace, as well as longer ones."""
    with Annotator(tmp_path / "out.mp4") as annotator:
        for i in range(length):
            annotator.frame(frame(i), Tick(i / 10), Decision(Reason.NO_FACE))
        annotator.frame(None, Tick(length / 10), Decision(Reason.NO_FACE))
    assert count(tmp_path / "out.mp4") == length


@pytest.mark.parametrize("fps", [66.6666, 100.123, 0.3])
def test_an_odd_pace_is_rounded_to_one_that_fits(tmp_path: Path, fps: float) -> None:
    """MPEG-4 cannot count every rate; the clip is written all the same."""
    with Annotator(tmp_path / "out.mp4") as annotator:
        for i in range(3):
            picture = Frame(frame(i).image, i / fps, i)
            annotator.frame(picture, Tick(i / fps), Decision(Reason.NO_FACE))
    assert count(tmp_path / "out.mp4") == 3


def test_frames_of_another_size_are_fitted(tmp_path: Path) -> None:
    """A folder may hold pictures of several sizes; a clip has one."""
    with Annotator(tmp_path / "out.mp4") as annotator:
        for i, shape in enumerate([(120, 160), (240, 320), (60, 80)]):
            annotator.frame(frame(i, shape), Tick(i / 10), Decision(Reason.NO_FACE))
    assert count(tmp_path / "out.mp4") == 3


def test_a_clip_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is not there: an error that names the file."""
    annotator = Annotator(tmp_path / "no" / "out.mp4")
    annotator.frame(frame(0), Tick(0.0), Decision(Reason.NO_FACE))
    with pytest.raises(OutputError, match=r"out\.mp4"):
        annotator.frame(frame(1), Tick(0.1), Decision(Reason.NO_FACE))


def test_moments_are_the_frames_after_something_happened(tmp_path: Path) -> None:
    """One picture for what happened at one time, and a sheet of them; of nothing there is no sheet."""
    with Annotator(tmp_path / "out.mp4") as annotator:
        for i in range(9):
            if i == 4:
                annotator.event(Event(EventKind.ACCESS_GRANTED, i / 10))
                annotator.event(Event(EventKind.RELAY_ON, i / 10))
            annotator.frame(frame(i), Tick(i / 10), Decision(Reason.NO_FACE))
    assert len(annotator.moments) == 1
    assert contact_sheet(annotator.moments, columns=2, width=80).shape == (60, 160, 3)
    with pytest.raises(ValueError, match="no picture"):
        contact_sheet([])
