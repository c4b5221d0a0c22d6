"""A replay as pictures: the clip with what the door saw and decided, and a sheet of its main moments."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from doorctl.core.actions import PROMPTS
from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Input
from doorctl.core.prompt import Prompt
from doorctl.core.records import Frame, Image, Observation, Reason
from doorctl.errors import OutputError
from doorctl.vision.draw import YELLOW, draw_face

RELEASED, REFUSED = (60, 200, 60), (60, 60, 230)
"""Green and red, as BGR: the relay is on; this face may not pass."""

REFUSALS = {
    Reason.UNKNOWN_PERSON,
    Reason.AMBIGUOUS,
    Reason.DENIED,
    Reason.SPOOF,
    Reason.CHALLENGE_FAILED,
}
ACTIONS = {prompt.value for prompt in PROMPTS.values()}
"""What people may be told to do in a challenge."""

CAPTIONED = {
    EventKind.ACCESS_GRANTED,
    EventKind.ACCESS_DENIED,
    EventKind.RELAY_ON,
    EventKind.RELAY_OFF,
}


class Annotator:
    """Writes an annotated clip, and keeps the frames at which something happened.

    Args:
        path: an ``.mp4`` to write.
    """

    def __init__(self, path: Path) -> None:
        self.moments: list[Image] = []
        self._path = path
        self._relay_on = False
        self._captions: deque[tuple[float, str]] = deque(maxlen=3)
        self._fresh = False
        self._first: tuple[float, Image] | None = None
        self._writer: cv2.VideoWriter | None = None
        self._said = ""

    def __enter__(self) -> Annotator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None and self._first is not None and error is None:
            self._open(1.0, self._first[1])  # a single frame has no pace
        if self._writer is not None:
            self._writer.release()

    def say(self, words: str) -> None:
        """What the person at the door is told, from the next frame on."""
        if self._said in ACTIONS:
            self._fresh = True  # it has just been done
        self._said = "" if words == Prompt.IDLE else words

    def event(self, event: Event) -> None:
        if event.kind in (EventKind.RELAY_ON, EventKind.RELAY_OFF):
            self._relay_on = event.kind is EventKind.RELAY_ON
        if event.kind in CAPTIONED:
            self._captions.append((event.at, replace(event, detail="").describe()))
            self._fresh = True

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        if frame is None:
            return
        face = fact.face if isinstance(fact, Observation) else None
        words = [decision.reason.value.replace("_", " ")]
        if decision.person is not None:
            words.insert(0, decision.person.name)
        if decision.score:
            words.append(f"{decision.score:.2f}")
        captions = [f"{at:.1f} s  {text}" for at, text in self._captions if frame.at - at < 4.0]
        if self._said:
            captions.append(f">> {self._said}")
        colour = RELEASED if self._relay_on else REFUSED if decision.reason in REFUSALS else YELLOW
        picture = draw_face(frame.image, face, " ".join(words), captions=captions, colour=colour)
        cv2.rectangle(picture, (0, 0), (picture.shape[1] - 1, picture.shape[0] - 1), colour, 6)
        if self._fresh:
            self.moments.append(picture)
            self._fresh = False
        self._write(frame.at, picture)

    def _write(self, at: float, picture: Image) -> None:
        if self._first is None:
            self._first = (at, picture)
            return
        if self._writer is None:
            # The pace is only known from the second frame on.
            self._open(1.0 / max(at - self._first[0], 1e-3), self._first[1])
        if self._writer is not None:
            height, width = self._first[1].shape[:2]
            self._writer.write(cv2.resize(picture, (width, height)))  # a clip has one size throughout

    def _open(self, rate: float, first: Image) -> None:
        height, width = first.shape[:2]
        rate = max(1.0, round(rate, 1))  # MPEG-4 counts in 1/65535 of a second: an odd rate does not fit
        writer = cv2.VideoWriter(str(self._path), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
        if not writer.isOpened():
            raise OutputError(f"{self._path}: cannot be written", "name an .mp4 that you may write")
        writer.write(first)
        self._writer = writer


def contact_sheet(pictures: list[Image], columns: int = 3, width: int = 480) -> Image:
    """Pictures of one shape side by side, as one.

    Raises:
        ValueError: there is no picture.
    """
    if not pictures:
        raise ValueError("no picture to show")
    height = round(pictures[0].shape[0] * width / pictures[0].shape[1])
    small = [cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in pictures]
    blank = np.full((height, width, 3), 32, np.uint8)
    small += [blank] * (-len(small) % columns)
    rows = [np.hstack(small[i : i + columns]) for i in range(0, len(small), columns)]
    return np.vstack(rows).astype(np.uint8)
