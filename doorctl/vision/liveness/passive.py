"""The two anti-spoof nets on one face: what texture, light and surroundings tell of a picture.

The crops follow Minivision's Silent-Face-Anti-Spoofing (Apache-2.0), which the nets were trained with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import cv2
import numpy as np

from doorctl.core.card import InstalledModel
from doorctl.core.records import Box, Image
from doorctl.errors import ModelError
from doorctl.vision.runtime import Net

PRINT, LIVE, SCREEN = range(3)
"""Which output is which class."""
_SURE = 1e-6


class Passive:
    """MiniFASNets, each with a crop of its own. Not thread-safe.

    Args:
        models: the nets; their cards say how far each looks round the face.
        threads: CPU threads that they may use together.

    Raises:
        ModelError: a net cannot be loaded, or is none of this kind.
    """

    def __init__(self, models: Sequence[InstalledModel], threads: int = 1) -> None:
        # Too small to gain much by two threads each: side by side they are done sooner.
        side_by_side = min(len(models), threads) > 1
        self.nets = tuple(
            Net(model, max(1, threads // len(models)) if side_by_side else threads) for model in models
        )
        self._beside = ThreadPoolExecutor(len(models) - 1, "antispoof") if side_by_side else None
        for net in self.nets:
            if [math.prod(shape) for shape in net.shapes] != [3]:
                raise ModelError(f"{net.card.name}: unexpected outputs {net.shapes} for an anti-spoof net")
        self._scales = tuple(model.card.parameters["crop_scale"] for model in models)

    def __call__(self, image: Image, box: Box) -> tuple[float, float]:
        """Judge a face.

        Args:
            image: BGR, any size.
            box: of the face in it.

        Returns:
            how live it is, 0 to 1: the mean of the nets' log-odds; and how likely a spoof would be a screen
            rather than a print, 0 to 1.

        Raises:
            ModelError: a net cannot be run, or gives no probabilities.
        """
        odds, prints, screens = 0.0, 0.0, 0.0
        for chances in self._judge(image, box):
            live = min(max(chances[LIVE], _SURE), 1 - _SURE)
            odds += math.log(live / (1 - live)) / len(self.nets)
            prints, screens = prints + chances[PRINT], screens + chances[SCREEN]
        screen = screens / max(screens + prints, _SURE)
        return 1 / (1 + math.exp(-odds)), screen

    def _judge(self, image: Image, box: Box) -> list[list[float]]:
        """The classes' probabilities by each net."""
        jobs = [(net, image, box, scale) for net, scale in zip(self.nets, self._scales, strict=True)]
        if self._beside is None:
            return [_chances(*job) for job in jobs]
        others = [self._beside.submit(_chances, *job) for job in jobs[1:]]
        try:
            first = _chances(*jobs[0])
        finally:
            wait(others)  # or the next face might find a net still running
        return [first, *(other.result() for other in others)]


def _chances(net: Net, image: Image, box: Box, scale: float) -> list[float]:
    pixels = crop(image, box, scale, net.card.width, net.card.height)
    chances: list[float] = net.judge(pixels)[0].ravel().tolist()
    if not all(0 <= chance <= 1 for chance in chances):  # nor is a NaN
        raise ModelError(f"{net.card.name} gives no probabilities", "run 'doorctl models install' again")
    return chances


def crop(image: Image, box: Box, scale: float, width: int, height: int) -> Image:
    """The face with its surroundings: the box, ``scale`` times as large about its centre.

    Where that would leave the picture it is moved back inside, and it is no larger than the picture.
    Bilinear without smoothing, as in training.
    """
    tall, wide = image.shape[:2]
    scale = min((tall - 1) / max(box.height, 1.0), (wide - 1) / max(box.width, 1.0), scale)
    across, down = box.width * scale, box.height * scale
    # Clamped as floats, before any becomes a whole number.
    left = min(max(box.left + (box.width - across) / 2, 0.0), wide - 1 - across)
    top = min(max(box.top + (box.height - down) / 2, 0.0), tall - 1 - down)
    x, y = max(int(left), 0), max(int(top), 0)
    part = image[y : int(top + down) + 1, x : int(left + across) + 1]
    return np.asarray(cv2.resize(part, (width, height)), np.uint8)
