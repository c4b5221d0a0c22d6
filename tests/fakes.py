"""Stand-ins for hardware libraries that are not ours and cannot run without the hardware."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

Heard = Callable[[int, int, int, int], object]
"""Told chip, line, level and the time in nanoseconds."""


class LgpioError(Exception):
    """lgpio's own kind of error, which inherits from nothing more telling."""


class FakeLgpio(ModuleType):
    """lgpio's functions as far as a relay and a switch need them; ``calls`` is all that the chip was told."""

    BOTH_EDGES, RISING_EDGE, FALLING_EDGE = 3, 1, 2
    SET_PULL_UP, SET_PULL_DOWN, SET_PULL_NONE = 32, 64, 128
    error = LgpioError

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.calls: list[tuple[str, int, int]] = []
        self.levels: dict[int, int] = {}
        self.refuse: str | None = None
        self.inputs: dict[int, int] = {}
        """Flags of the lines that were claimed as inputs."""
        self.wires: dict[int, int] = {}
        """What is outside ties these inputs to a level."""
        self.listeners: dict[int, Heard] = {}

    def wire(self, gpio: int, level: int) -> None:
        """What is outside changes, and the kernel tells whoever listens."""
        self.wires[gpio] = level
        if gpio in self.listeners:
            self.listeners[gpio](0, gpio, level, time.monotonic_ns())

    def gpio_read(self, handle: int, gpio: int) -> int:
        if self.refuse == "read":
            raise LgpioError("GPIO not allocated")
        return self.wires.get(gpio, int(bool(self.inputs[gpio] & self.SET_PULL_UP)))

    def gpio_free(self, handle: int, gpio: int) -> int:
        self.inputs.pop(gpio, None)
        return 0

    def gpio_claim_alert(self, handle: int, gpio: int, edges: int, flags: int = 0) -> int:
        self.inputs[gpio] = flags
        return self._do("claim_alert", gpio, flags)

    def gpio_set_debounce_micros(self, handle: int, gpio: int, micros: int) -> int:
        return 0

    def callback(self, handle: int, gpio: int, edges: int, call: Heard) -> Listener:
        self.listeners[gpio] = call
        return Listener(self, gpio)

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
        self.inputs[gpio] = flags
        return self._do("claim_input", gpio, flags)

    def gpio_write(self, handle: int, gpio: int, level: int) -> int:
        return self._do("write", gpio, int(level))

    def gpio_get_mode(self, handle: int, gpio: int) -> int:
        if gpio in self.inputs:
            return self.inputs[gpio]
        return 2 if gpio in self.levels else 0


class Listener:
    """What ``lgpio.callback`` gives back."""

    def __init__(self, module: FakeLgpio, gpio: int) -> None:
        self._module, self._gpio = module, gpio

    def cancel(self) -> None:
        self._module.listeners.pop(self._gpio, None)


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
