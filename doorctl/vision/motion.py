"""Whether anything moves before the camera: so cheap that it may be asked of every frame.

A frame becomes a small grey picture, which is compared with a slow mean of those before
it. What a row as a whole does is left out, for that is the light: lamps flicker, in bands
where the shutter rolls, and the sun comes and goes. Each cell knows how much it differs
when nothing happens, so a noisy sensor is no motion.
"""

from __future__ import annotations

import cv2
import numpy as np

from doorctl.core.records import Image, Vector

COLUMNS, ROWS = 40, 30
"""Cells. The smallest face that a door looks at by default is five of them wide and six high."""

MIN_CELLS = 6
"""So many must change at once: less than that is an insect, or the clock in a camera's picture."""

LOWEST, HIGHEST = 4.0, 16.0
"""Grey levels. A cell changes for sure when it differs by ``HIGHEST``, however restless it has been:
otherwise somebody who stands there and moves would teach the door to overlook them."""

TIMES_USUAL = 6.0
"""And it changes when it differs by so many times its usual difference, if that is above ``LOWEST``."""

MEMORY_SECONDS = 1.5
"""How fast the mean and the usual difference follow. Clouds are slower, people are faster."""

GAIN = 1.5
"""A row that is brighter or darker by more than this is not the light's doing alone."""

SCAN_ROWS = 240
"""Rows of pixels that are read; the others would tell the same."""


class Motion:
    """Compares each frame with what went before it."""

    def __init__(self) -> None:
        self._mean: Vector | None = None
        self._usual: Vector = np.empty(0, np.float32)
        self._at = 0.0
        self._shape: tuple[int, ...] = ()

    def __call__(self, image: Image, at: float) -> bool:
        """Whether something moved. True where there is nothing to compare with, as at the start.

        Args:
            image: BGR, any size.
            at: its time in seconds.
        """
        cells = shrink(image)
        passed, self._at = at - self._at, at
        if self._mean is None or image.shape != self._shape or not 0 <= passed < MEMORY_SECONDS:
            self._shape = image.shape
            self._mean = cells
            self._usual = np.full((ROWS, COLUMNS), LOWEST / TIMES_USUAL, np.float32)
            return True
        light = np.sort((cells + 1) / (self._mean + 1), axis=1)[:, COLUMNS // 2, None]
        expected = self._mean * light.clip(1 / GAIN, GAIN)
        difference = np.abs(cells - expected)
        limits = (TIMES_USUAL * self._usual).clip(LOWEST, HIGHEST)
        moved = np.count_nonzero(difference > limits) >= MIN_CELLS
        share = np.float32(passed / MEMORY_SECONDS)
        self._mean += share * (cells - self._mean)
        self._usual += share * (difference - self._usual)
        return bool(moved)


def shrink(image: Image) -> Vector:
    """The means of ROWS x COLUMNS cells of a picture, grey levels."""
    rows = image[:: max(1, image.shape[0] // SCAN_ROWS)]
    grey = cv2.cvtColor(rows, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA), np.float32)
