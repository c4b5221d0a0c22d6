"""From an aligned face to its template."""

from __future__ import annotations

import math

import numpy as np

from doorctl.core.card import InstalledModel
from doorctl.core.records import Image, Vector
from doorctl.errors import ModelError
from doorctl.vision.align import Aligner
from doorctl.vision.runtime import Net


class Embedder:
    """Any embedder, run from its card. Not thread-safe.

    Raises:
        ModelError: the net cannot be loaded, or its card is no embedder's.
    """

    def __init__(self, model: InstalledModel, threads: int = 1) -> None:
        self._align = Aligner(model.card)
        self.card = model.card
        self.net = Net(model, threads)

    def align(self, image: Image, landmarks: Vector) -> Image:
        """The crop that this net takes, from a picture and a face's mesh (468 x 3)."""
        return self._align(image, landmarks)

    def __call__(self, crop: Image) -> Vector:
        """Embed an aligned crop.

        Returns:
            D numbers, float32, of unit length.

        Raises:
            ModelError: the net cannot be run, or gives no direction.
        """
        raw = self.net.judge(crop)[0].ravel()
        length = math.sqrt(float(raw @ raw))
        if not math.isfinite(length) or length == 0.0:
            raise ModelError(
                f"{self.card.name} gives no direction for a face", "run 'doorctl models install' again"
            )
        return np.asarray(raw / np.float32(length), np.float32)
