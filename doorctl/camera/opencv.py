"""What OpenCV opens: V4L2 devices, network streams and video files; and folders of pictures."""

from __future__ import annotations

import logging
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from doorctl.core.records import Image
from doorctl.errors import CameraError

log = logging.getLogger(__name__)

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
MAX_PIXELS = 40_000_000
"""Largest picture that is read from a folder; a header can promise more than the memory holds."""

_BOMBS = (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning)
_UNREADABLE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, KeyError, AttributeError),
    *(OverflowError, MemoryError, struct.error, zlib.error, *_BOMBS),
)
"""What Pillow raises for damaged pictures and for those that are absurdly large."""


class OpenCVGrabber:
    """A V4L2 device by number or path, or a network stream by address.

    Args:
        source: device number, device path, or address such as ``rtsp://...``.
        name: what messages call it.
        width, height: wanted size in pixels; a device gives the nearest that it has, a stream its own.
        fps: wanted frames a second, or ``None`` for the device's own choice.
        open_seconds, read_seconds: how long FFmpeg may take for a stream.
    """

    def __init__(
        self,
        source: int | str,
        name: str,
        *,
        width: int,
        height: int,
        fps: float | None,
        open_seconds: float,
        read_seconds: float,
    ) -> None:
        self._source = source
        self._name = name
        self._wanted: dict[int, float] = {
            # Compressed pictures: raw ones do not fit through USB 2 at a useful rate.
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
            cv2.CAP_PROP_FRAME_WIDTH: width,
            cv2.CAP_PROP_FRAME_HEIGHT: height,
            cv2.CAP_PROP_BUFFERSIZE: 1,
        }
        if fps is not None:
            self._wanted[cv2.CAP_PROP_FPS] = fps
        self._limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(open_seconds * 1000)]
        self._limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(read_seconds * 1000)]
        self._capture: cv2.VideoCapture | None = None

    def open(self) -> None:
        _quiet()
        if isinstance(self._source, str) and "://" in self._source:
            self._capture = cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, self._limits)
            if not self._capture.isOpened():
                raise CameraError(f"{self._name} cannot be opened", "check address, password and network")
            return
        self._capture = cv2.VideoCapture(self._source, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            hint = "check that it is plugged in (ls /dev/video*), free, and open to this user (group video)"
            raise CameraError(f"{self._name} cannot be opened", hint)
        for name, value in self._wanted.items():
            self._capture.set(name, value)

    def read(self) -> Image:
        if self._capture is None:
            raise CameraError(f"{self._name} is not open", "open it first")
        good, image = self._capture.read()
        if not good or image is None:
            raise CameraError(f"{self._name} gives no more pictures", "check its cable or network")
        return _bgr(image)

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()


class VideoClip:
    """A video file. Times are the file's own, or counted at its rate where it has none.

    Raises:
        CameraError: no such file, or not one picture can be read from it.
    """

    def __init__(self, path: Path, fps: float = 10.0) -> None:
        self._path = path
        capture = self._open()
        try:
            rate = capture.get(cv2.CAP_PROP_FPS)
            self.period = 1.0 / (rate if 1.0 <= rate <= 1000.0 else fps)
            self._promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            if not capture.read()[0]:
                raise CameraError(f"no picture can be read from {path}", "the file is damaged or empty")
        finally:
            capture.release()

    def play(self) -> Iterator[tuple[float, Image | None]]:
        """See ``Clip``. Raises ``CameraError`` if the file has gone."""
        capture, count, last = self._open(), 0, -self.period
        try:
            while True:
                good, image = capture.read()
                if not good or image is None:
                    break
                at = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
                last = at if at > last and at >= 0.0 else last + self.period
                count += 1
                yield last, _bgr(image)
        finally:
            capture.release()
        if count < self._promised:
            log.warning("%s ends after %d of %d frames", self._path, count, self._promised)

    def _open(self) -> cv2.VideoCapture:
        _quiet()
        if not self._path.is_file():
            raise CameraError(f"there is no clip {self._path}", "check the path")
        capture = cv2.VideoCapture(str(self._path.resolve()), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise CameraError(f"{self._path} is not a video that can be read", "check it with another player")
        return capture


class FolderClip:
    """A folder of pictures (jpg, png, bmp, webp), in the order of the numbers in their names.

    Raises:
        CameraError: the folder holds no picture; when played, none that can be read.
    """

    def __init__(self, path: Path, fps: float = 10.0) -> None:
        self.period = 1.0 / fps
        self._path = path
        self._told: set[Path] = set()
        try:
            files = [file for file in path.iterdir() if file.suffix.lower() in PICTURES and file.is_file()]
        except OSError as why:
            raise CameraError(
                f"the folder {path} cannot be read ({why.strerror})", "check its permissions"
            ) from why
        self._files = sorted(files, key=lambda file: _natural(file.name))
        if not self._files:
            raise CameraError(
                f"the folder {path} holds no pictures", "it must hold jpg, png, bmp or webp files"
            )

    def play(self) -> Iterator[tuple[float, Image | None]]:
        """See ``Clip``. A picture that cannot be read is told once in the log."""
        readable = False
        for number, file in enumerate(self._files):
            image = None
            try:
                image = _read_picture(file)
            except _UNREADABLE as why:
                if file not in self._told:
                    log.warning("%s is passed over, it cannot be read: %s", file, why)
                    self._told.add(file)
            readable = readable or image is not None
            yield number * self.period, image
        if not readable:
            raise CameraError(f"no picture in the folder {self._path} can be read", "check what is in it")


def _read_picture(file: Path) -> Image:
    """Decode a picture, upright as its EXIF says. Raises as Pillow does, or ``ValueError`` if too large."""
    with Pillow.open(file, formats=("JPEG", "PNG", "BMP", "WEBP")) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"{picture.width} x {picture.height} pixels are too many")
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    return np.ascontiguousarray(np.asarray(upright, dtype=np.uint8)[:, :, ::-1])


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sort key: 'frame10' after 'frame9'."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _bgr(image: np.ndarray) -> Image:
    """Whatever a device gives, as height x width x 3, BGR, 8 bits."""
    if image.ndim == 2:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    return np.asarray(image[:, :, :3], dtype=np.uint8)


def _quiet() -> None:
    """Keep OpenCV and FFmpeg from writing to the terminal: what matters is told in our own errors."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
