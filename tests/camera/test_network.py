"""A network camera that streams, stands still, hangs and goes: real RTSP, real FFmpeg."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from doorctl.camera.open import open_camera
from doorctl.core.records import Frame
from scripts.proofs.soak_camera import NetworkCamera, Shot, State, take

FPS = 15


def numbered() -> Callable[[], Shot]:
    """Pictures that tell their number, up to 255, by the brightness of eight fields."""
    count = 0

    def look() -> Shot:
        nonlocal count
        fields = np.unpackbits(np.array([count % 256], np.uint8)) * np.uint8(255)
        count += 1
        return take(np.broadcast_to(np.repeat(fields, 40)[None, :, None], (240, 320, 3)).copy())

    return look


def number_of(frame: Frame) -> int:
    fields = frame.image[120, 20::40].mean(axis=-1) > 127
    return int(np.packbits(fields)[0])


@pytest.mark.slow
def test_a_stream_is_read_and_every_way_in_which_it_fails_is_told() -> None:
    """Pictures come in order and of now. One that stands still, hangs, or has gone is lost within its time,
    told why, and read again once it is well."""
    told: list[tuple[bool, str]] = []
    with (
        NetworkCamera(numbered(), FPS) as network,
        open_camera(
            network.address,
            timeout_seconds=1.0,
            tick_seconds=0.25,
            freeze_seconds=1.0,
            on_event=lambda lost, why: told.append((lost, why)),
        ) as camera,
    ):

        def until(so: Callable[[], bool], seconds: float = 20.0) -> None:
            end = time.monotonic() + seconds
            for _ in camera:
                if so():
                    return
                assert time.monotonic() < end

        seen = [number_of(frame) for _ in range(60) if (frame := next(camera)) is not None]
        assert len(seen) > 40
        assert seen == sorted(seen)
        for state in (State.FROZEN, State.HANGING, State.GONE):
            told.clear()
            network.set(state)
            until(lambda: bool(told))
            network.set(State.WELL)
            until(lambda: len(told) == 2)
            assert [lost for lost, _ in told] == [True, False]
            assert "same picture" in told[0][1] or state is not State.FROZEN
