"""From what the configuration or the command line calls a camera to one that is open."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from math import inf
from pathlib import Path

from doorctl.camera.base import ROTATIONS, Camera, Grabber
from doorctl.camera.capture import LiveCamera
from doorctl.camera.clip import Clip, ClipCamera
from doorctl.errors import CameraError


def open_camera(
    source: str | int | Path,
    *,
    width: int = 640,
    height: int = 480,
    fps: float | None = None,
    timeout_seconds: float = 2.0,
    tick_seconds: float = inf,
    freeze_seconds: float = 5.0,
    open_seconds: float = 10.0,
    rotate: int = 0,
    loop: bool = False,
    realtime: bool = False,
    clock: Callable[[], float] = time.monotonic,
    on_event: Callable[[bool, str], None] = lambda lost, why: None,
) -> Camera:
    """Open a camera or a clip.

    Args:
        source: ``picamera`` or ``picamera:1``; a number or ``/dev/video0``; an address with ``://``;
            a video file; or a folder of pictures.
        width, height: wanted size of a live camera, pixels. Clips and streams keep their own.
        fps: wanted rate of a live camera (``None``: its own), or that of a folder of pictures or
            of a video that does not tell its own (``None``: 10).
        timeout_seconds, tick_seconds, freeze_seconds, open_seconds: see ``LiveCamera``.
        rotate: degrees clockwise, 0, 90, 180 or 270.
        loop, realtime: see ``ClipCamera``; they do not touch live cameras.
        clock: seconds. Stamps the frames of live cameras, and paces clips in real time.
        on_event: see ``LiveCamera``.

    Raises:
        CameraError: there is no such camera or clip, or it cannot be opened or read.
        ValueError: ``rotate`` or ``fps`` is out of range.
    """
    if rotate not in ROTATIONS:
        raise ValueError(f"rotate is {rotate}, and must be one of {ROTATIONS}")
    if fps is not None and not 0.0 < fps <= 1000.0:
        raise ValueError(f"fps is {fps}, and must be above 0 and at most 1000")
    text = str(source)

    def grabber() -> Grabber:
        if text.partition(":")[0] == "picamera":
            from doorctl.camera.picamera import PiGrabber

            return PiGrabber(int(text.partition(":")[2] or 0), width=width, height=height, fps=fps)
        from doorctl.camera.opencv import OpenCVGrabber

        return OpenCVGrabber(
            int(text) if text.isdecimal() else text,
            name,
            width=width,
            height=height,
            fps=fps,
            open_seconds=open_seconds,
            read_seconds=timeout_seconds,
        )

    recorded = text.startswith("/dev/") and (Path(text).is_file() or Path(text).is_dir())  # as in /dev/shm
    if not recorded and re.fullmatch(r"picamera(:[0-9]+)?|[0-9]+|/dev/.+|[a-z0-9+.-]+://.+", text):
        name = _without_password(text if not text.isdecimal() else f"camera {text}")
        return LiveCamera(
            grabber,
            name,
            timeout_seconds=timeout_seconds,
            tick_seconds=tick_seconds,
            freeze_seconds=freeze_seconds,
            open_seconds=open_seconds,
            rotate=rotate,
            clock=clock,
            on_event=on_event,
        )
    return ClipCamera(
        _clip(Path(text), fps or 10.0), rotate=rotate, loop=loop, realtime=realtime, clock=clock
    )


def _clip(path: Path, fps: float) -> Clip:
    from doorctl.camera.opencv import FolderClip, VideoClip

    if path.is_dir():
        return FolderClip(path, fps)
    if path.is_file():
        return VideoClip(path, fps)
    raise CameraError(
        f"there is no camera or clip {str(path)!r}",
        "name picamera, a device number or path, an rtsp:// address, a video file, or a folder of pictures",
    )


def _without_password(name: str) -> str:
    """The name or address as it may stand in a log."""
    return re.sub(r"://[^/@]*@", "://", name)
