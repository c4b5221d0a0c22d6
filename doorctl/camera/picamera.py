"""The Pi's own camera, through picamera2, which comes from the system's packages."""

from __future__ import annotations

from typing import Any

import numpy as np

from doorctl.core.records import Image
from doorctl.errors import CameraError


class PiGrabber:
    """One of the Pi's cameras by number.

    Args:
        number: 0 for the first camera.
        width, height: size in pixels; libcamera scales to it.
        fps: frames a second, or ``None`` for libcamera's own choice.
    """

    def __init__(self, number: int, *, width: int, height: int, fps: float | None) -> None:
        self._number = number
        self._size = (width, height)
        self._controls = {} if fps is None else {"FrameRate": float(fps)}
        self._camera: Any = None

    def open(self) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError as why:
            hint = (
                "apt install python3-picamera2, with a virtual environment made with --system-site-packages"
            )
            raise CameraError("picamera2 is not installed", hint) from why
        except ValueError as why:
            # Debian Bookworm's python3-simplejpeg, which picamera2 imports, is built for numpy 1.
            hint = "pip install 'doorctl[pi]' brings a simplejpeg that is built for numpy 2"
            raise CameraError(f"picamera2 cannot be loaded ({why})", hint) from why
        try:
            self._camera = Picamera2(self._number)
            # picamera2 names the order by the 24-bit word: its RGB888 lies in memory as B, G, R.
            main = {"size": self._size, "format": "RGB888"}
            self._camera.configure(
                self._camera.create_video_configuration(main=main, controls=self._controls)
            )
            self._camera.start()
        except (RuntimeError, IndexError, OSError) as why:
            hint = "check its cable, and with rpicam-hello that no other program uses it"
            raise CameraError(f"the Pi's camera {self._number} cannot be opened ({why})", hint) from why

    def read(self) -> Image:
        try:
            picture = self._camera.capture_array("main")
        except (RuntimeError, OSError) as why:
            raise CameraError(f"the Pi's camera {self._number} stopped ({why})", "check its cable") from why
        return np.asarray(picture, dtype=np.uint8)[:, :, :3]

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
