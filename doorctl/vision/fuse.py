"""The frames of one visit, taken together: the mean of the last embeddings is steadier than any of them."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from doorctl.core.records import Vector

FRAMES = 5
"""Frames that are averaged, at most. On nuaa-dev, at thresholds that let in as many strangers, known people
then missed half as many runs of five with the fallback set, and no more with the standard set, which
missed none (``scripts/prove webcam``)."""


class Fusion:
    """The running mean of one face's embeddings.

    A frame that does not resemble the mean starts a new one, so that nobody who steps
    in front of a known person profits from that person's frames.

    Args:
        resembles: least cosine of a frame's embedding and the mean before it.
    """

    def __init__(self, resembles: float) -> None:
        self._resembles = resembles
        self._recent: deque[Vector] = deque(maxlen=FRAMES)
        self._mean: Vector = np.zeros(0, np.float32)
        self.breaks = 0
        """How often a frame did not resemble those before it."""

    def forget(self) -> None:
        """The face is gone: what comes next is another visit."""
        self._recent.clear()

    def add(self, embedding: Vector) -> Vector:
        """Take up a frame's embedding (D, unit length), and give the mean so far, of unit length."""
        # Written so that a NaN, which compares false with everything, resembles nothing.
        if self._recent and not float(self._mean @ embedding) >= self._resembles:
            self.forget()
            self.breaks += 1
        self._recent.append(embedding)
        total = np.asarray(sum(self._recent), np.float32)
        self._mean = np.asarray(total / max(math.sqrt(float(total @ total)), 1e-6), np.float32)
        return self._mean
