"""Stand-ins for hardware libraries that are not ours and cannot run without the hardware."""

from __future__ import annotations

import time
from types import ModuleType

import numpy as np
from numpy.typing import NDArray


class LgpioError(Exception):
    """lgpio's own kind of error, which inherits from nothing more telling."""


class FakeLgpio(ModuleType):
    """lgpio's functions as far as an output needs them; ``calls`` is all that the chip was told."""

    BOTH_EDGES, RISING_EDGE, FALLING_EDGE = 3, 1, 2
    SET_PULL_UP, SET_PULL_DOWN, SET_PULL_NONE = 32, 64, 128
    error = LgpioError

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.calls: list[tuple[str, int, int]] = []
        self.levels: dict[int, int] = {}
        self.refuse: str | None = None

    def _do(self, name: str, gpio: int, level: int) -> int:
        if self.refuse == name:
            raise LgpioError("GPIO busy")
        self.calls.append((name, gpio, level))
        self.levels[gpio] = level
        return 0

    def gpiochip_open(self, chip: int) -> int:
        if self.refuse == "open":
            raise LgpioError("can not open gpiochip")
        return 7

    def gpiochip_close(self, handle: int) -> int:
        self.calls.append(("close", handle, 0))
        return 0

    def gpio_claim_output(self, handle: int, gpio: int, level: int = 0, flags: int = 0) -> int:
        return self._do("claim_output", gpio, level)

    def gpio_claim_input(self, handle: int, gpio: int, flags: int = 0) -> int:
        return self._do("claim_input", gpio, flags)

    def gpio_write(self, handle: int, gpio: int, level: int) -> int:
        return self._do("write", gpio, int(level))

    def gpio_get_mode(self, handle: int, gpio: int) -> int:
        return 2 if gpio in self.levels else 0


class FakePicamera2(ModuleType):
    """picamera2 as far as a grabber needs it; ``did`` is all that the camera was told."""

    def __init__(self) -> None:
        super().__init__("picamera2")
        self.did: list[tuple[str, object]] = []
        self.cameras = 2
        self.broken = False
        self.Picamera2 = lambda number: FakePiCamera(self, number)


class FakePiCamera:
    """One camera of ``FakePicamera2``: noise, thirty times a second."""

    def __init__(self, module: FakePicamera2, number: int) -> None:
        if number >= module.cameras:
            raise IndexError("list index out of range")
        self._module = module
        self._noise = np.random.default_rng(number)
        self._size = (0, 0)
        module.did.append(("open", number))

    def create_video_configuration(self, **config: object) -> dict[str, object]:
        return config

    def configure(self, config: dict[str, dict[str, tuple[int, int]]]) -> None:
        self._size = config["main"]["size"]
        self._module.did.append(("configure", config))

    def start(self) -> None:
        self._module.did.append(("start", None))

    def capture_array(self, stream: str) -> NDArray[np.uint8]:
        time.sleep(1 / 30)
        if self._module.broken:
            raise RuntimeError("camera frontend has timed out")
        width, height = self._size
        return self._noise.integers(0, 256, (height, width, 3), dtype=np.uint8)

    def close(self) -> None:
        self._module.did.append(("close", None))
