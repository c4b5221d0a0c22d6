"""A recorded clip as a camera: as fast as it is asked for, or paced by a clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Protocol, Self

from doorctl.camera.base import turn
from doorctl.core.records import Frame, Image

_LONGEST_SKIP = 1.0


class Clip(Protocol):
    """Something recorded that can be played from its start."""

    period: float
    """Seconds from one frame to the next."""

    def play(self) -> Iterator[tuple[float, Image | None]]:
        """Seconds from the start, rising, and a picture; ``None`` for one that cannot be read."""


class ClipCamera:
    """Plays a clip. ``number`` is the frame's place in it and goes on over repeats.

    Args:
        clip: what to play.
        rotate: degrees clockwise, 0, 90, 180 or 270.
        loop: begin again at the end, with time going on.
        realtime: wait for each frame's time on ``clock`` and drop those that are late, as a
            camera would; ``at`` is then on the clock's scale. Otherwise every frame is handed
            out at once and ``at`` is the clip's own time.
        clock: seconds; used only if ``realtime``.
    """

    def __init__(
        self,
        clip: Clip,
        *,
        rotate: int = 0,
        loop: bool = False,
        realtime: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clip = clip
        self._rotate = rotate
        self._loop = loop
        self._clock = clock if realtime else None
        self._closing = threading.Event()
        self._frames = self._play()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame | None:
        return next(self._frames)

    def close(self) -> None:
        self._closing.set()
        self._frames.close()

    def _play(self) -> Generator[Frame | None, None, None]:
        start = handed_out = self._clock() if self._clock else 0.0
        for number, (at, image) in enumerate(self._timeline()):
            if self._clock is not None:
                now = self._clock()
                # A machine that cannot keep up at all still gets a frame now and then.
                if now - (start + at) > self._clip.period and now - handed_out < _LONGEST_SKIP:
                    continue
                if self._closing.wait(max(0.0, start + at - now)):
                    return
                handed_out = self._clock()
            yield None if image is None else Frame(turn(image, self._rotate), start + at, number)

    def _timeline(self) -> Iterator[tuple[float, Image | None]]:
        """The clip's frames, over and over if it is looped, with time going on."""
        offset = 0.0
        while True:
            end = None
            for at, image in self._clip.play():
                end = offset + at
                yield end, image
            if end is None or not self._loop:
                return
            offset = end + self._clip.period
