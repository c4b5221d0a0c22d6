"""The signs of life of one face that is followed from frame to frame."""

from __future__ import annotations

from doorctl.core.records import Face, Image, Liveness
from doorctl.vision.liveness.cues import Stillness, Turning
from doorctl.vision.liveness.flexing import Flexing
from doorctl.vision.liveness.passive import Passive


class Signs:
    """What the nets see in a face, how it moves, and how it turns. Not thread-safe.

    Args:
        passive: the anti-spoof nets, where there are any.
    """

    def __init__(self, passive: Passive | None) -> None:
        self._passive = passive
        self._stillness = Stillness()
        self._flexing = Flexing()
        self._turning: Turning | None = None
        self._anchor = 0

    def forget(self) -> None:
        """The next face is another: nothing that was seen says anything of it."""
        self._stillness.forget()
        self._flexing.forget()
        self._turning = None

    def life(self, image: Image, face: Face, at: float) -> Liveness:
        """What this frame, after those before it, says of life.

        Raises:
            ModelError: a net cannot be run.
        """
        if self._passive is None:
            return Liveness()
        score, screen = self._passive(image, face.box)
        return Liveness(
            score, screen, self._stillness.add(image, face, at), self._flexing.add(image, face, at)
        )

    def turned(self, image: Image, face: Face, anchor: int) -> tuple[float, float] | None:
        """Yaw and pitch, degrees, that the head has turned in depth since ``anchor`` was new."""
        if anchor != self._anchor:
            self._anchor, self._turning = anchor, None
            if anchor:
                self._turning = Turning(image, face)
                return 0.0, 0.0
        return self._turning.add(image, face) if self._turning else None
