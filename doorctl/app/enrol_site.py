"""Measuring the anti-spoof nets at the door itself: the owner in person, then a print, then a phone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from doorctl.app.settings import Settings
from doorctl.app.site import Count, Evidence
from doorctl.app.sitting import Outcome, Sitting, judge_presentation
from doorctl.app.wiring import Eye, open_source
from doorctl.camera.base import Camera
from doorctl.core.records import Frame

VISIT_SECONDS = 2.0
"""So much of the stream is one presentation: each is judged anew."""

PARTS = (
    ("live", "stand before the camera as if to go in, move about, look around"),
    ("print", "hold a printed photo of a face before it, near and far, tilted and bent"),
    ("screen", "hold a phone with a photo or video of a face before it, near and far, tilted"),
)
"""What is shown, and what its owner is told to do."""


def measure_site(
    settings: Settings,
    eye: Eye,
    *,
    seconds: float,
    ready: Callable[[str, str], object],
    progress: Callable[[str, float, Sitting], object] = lambda kind, share, sitting: None,
) -> Evidence:
    """Show the camera everything, one after another, and count.

    Args:
        seconds: how long each kind is shown.
        ready: called with a kind and what is to be shown; returns when it is.
        progress: told, after each presentation, the kind, the share of its time that is gone, the verdict.

    Raises:
        DoorctlError: the camera or the nets fail.
    """
    policy = eye.meet(eye.observer.gallery, settings.config)
    counts: dict[str, Count] = {}
    for kind, told in PARTS:
        ready(kind, told)
        shown = errors = 0
        with _camera(settings) as camera:
            for share, frames in _visits(camera, seconds):
                sitting = judge_presentation(
                    eye.observer, frames, policy.passive, window_seconds=policy.confirm_seconds
                )
                progress(kind, share, sitting)
                if sitting.outcome is Outcome.NO_RESPONSE:
                    continue
                shown += 1
                errors += sitting.outcome is (Outcome.SPOOF if kind == "live" else Outcome.LIVE)
        counts[kind] = Count(presentations=shown, errors=errors)
    return Evidence(
        measured=datetime.now(UTC),
        camera=str(settings.config.camera.source),
        models=eye.models.name,
        threshold=policy.passive.threshold,
        live=counts.pop("live"),
        attacks=counts,
    )


def _camera(settings: Settings) -> Camera:
    camera = settings.config.camera
    return open_source(
        settings,
        str(camera.source),
        fps=camera.fps,
        loop=camera.loop,
        realtime=True,
        now=time.monotonic,
        on_event=lambda lost, why: None,
    )


def _visits(camera: Camera, seconds: float) -> Iterator[tuple[float, list[Frame]]]:
    """The stream in pieces of ``VISIT_SECONDS``, until time is up or the clip ends: (share done, frames)."""
    start, piece = time.monotonic(), list[Frame]()
    for frame in camera:
        if frame is not None:
            piece.append(frame)
        gone = time.monotonic() - start
        if piece and piece[-1].at - piece[0].at >= VISIT_SECONDS:
            yield min(1.0, gone / seconds), piece
            piece = []
        if gone >= seconds:
            return
