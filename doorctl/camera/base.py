"""What every camera does for the frame loop, and what a device must do for a camera."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np

from doorctl.core.records import Frame, Image

ROTATIONS = (0, 90, 180, 270)


class Camera(Protocol):
    """A context manager to iterate over: a ``Frame``, or ``None`` if none came in time.

    A live camera goes on for ever; a clip ends. ``None`` is a tick: time passed.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def __iter__(self) -> Self: ...

    def __next__(self) -> Frame | None: ...

    def close(self) -> None:
        """Stop. Returns within about a second, even if the device hangs. May be called twice."""


class Grabber(Protocol):
    """A device that is opened, read and closed by one thread, in calls that may block or hang."""

    def open(self) -> None:
        """Raises ``CameraError`` if there is no such device or it is in use."""

    def read(self) -> Image:
        """Wait for the next picture. Raises ``CameraError`` if none will come."""

    def close(self) -> None:
        """Free the device. Called once after ``open``, whether or not that succeeded."""


def turn(image: Image, degrees: int) -> Image:
    """Rotate a picture clockwise by 0, 90, 180 or 270 degrees."""
    if degrees == 0:
        return image
    return np.ascontiguousarray(np.rot90(image, k=-(degrees // 90)))
