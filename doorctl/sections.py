"""What can be set, section by section: types, bounds and defaults.

``config/doorctl.yaml`` explains each key to whoever sets up a door. ``config.py`` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from doorctl.setting_types import (
    DIRECTORY,
    CameraSource,
    Command,
    Directory,
    DropboxFolder,
    PhotoSource,
    Rotation,
)
from doorctl.yaml_lines import KeyPath


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class CameraConfig(_Section):
    """Where frames come from."""

    source: CameraSource = Field(
        default="picamera",
        description="picamera, a camera's number without quotes (0 to 255), /dev/videoN, "
        "rtsp://..., or the path of a clip or of a folder of frames",
    )
    width: int = Field(default=640, ge=160, le=3840, description="pixels")
    height: int = Field(default=480, ge=120, le=2160, description="pixels")
    fps: int = Field(default=15, ge=2, le=60, description="frames a second")
    timeout_seconds: float = Field(default=2.0, ge=1, le=60, description="seconds")
    rotate: Rotation = Field(default=0, description="degrees")
    loop: bool = False

    @property
    def live(self) -> bool:
        """Whether the source is a camera, not a recording."""
        return isinstance(self.source, int) or bool(
            re.match(r"picamera\Z|/dev/(?!shm/)|rtsps?://", self.source)
        )


class VisionConfig(_Section):
    """How faces are looked for."""

    min_face: float = Field(default=0.12, ge=0.02, le=0.9, description="of the frame's width")
    detector: Literal["short", "full"] = "short"
    threads: int = Field(default=2, ge=1, le=4)


class ModelsConfig(_Section):
    """Which nets judge."""

    set: Literal["auto", "standard", "fallback"] = "auto"
    directory: Directory | None = Field(default=None, description=DIRECTORY)


class MatchConfig(_Section):
    """How alike is alike enough."""

    # Below 0.5 more than one stranger in a hundred would pass for somebody, in every frame.
    threshold: Literal["auto"] | Annotated[float, Field(ge=0.5, le=1)] = Field(
        default="auto", description="auto, or a number from 0.5 to 1 (calibrated score)"
    )
    stranger_acceptance: float = Field(default=1e-3, ge=1e-6, le=0.5, description="of strangers' visits")
    max_refusal: float = Field(default=0.05, ge=0.001, le=0.9, description="of known people's visits")
    margin: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="a number from 0 to 1 (cosine), or null for the model card's own"
    )
    lookalike_margin: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="a number from 0 to 1 (cosine), or null for twice the margin"
    )


class QualityConfig(_Section):
    """What a photo must keep to, to be enrolled: the keys and defaults of ``core.quality.Limits``."""

    min_size: float = Field(default=40.0, ge=32, le=1000, description="pixels")
    min_integrity: float = Field(default=0.9, ge=0, le=1, description="of the face")
    min_brightness: float = Field(default=-0.75, ge=-1, le=1)
    max_brightness: float = Field(default=0.93, ge=-1, le=1)
    min_sharpness: float = Field(default=0.15, ge=0, le=1)
    max_yaw: float = Field(default=55.0, ge=5, le=90, description="degrees")
    max_pitch: float = Field(default=45.0, ge=5, le=90, description="degrees")
    max_eyes_occluded: float = Field(default=0.7, ge=0, le=1)
    max_nose_occluded: float = Field(default=0.7, ge=0, le=1)
    max_mouth_occluded: float = Field(default=0.7, ge=0, le=1)


class LivenessConfig(_Section):
    """How a picture is told from a person."""

    mode: Literal["passive", "challenge", "adaptive", "off"] = "adaptive"
    threshold: float = Field(default=0.62, ge=0.5, le=0.99)
    deadline_seconds: float = Field(default=4.0, ge=2, le=15, description="seconds")
    evidence_days: int = Field(default=180, ge=1, le=3650, description="days")
    max_apcer: float = Field(default=0.1, ge=0, le=0.5, description="of attacks")
    i_understand_photos_open_this_door: bool = False


class DoorConfig(_Section):
    """What it takes to open, and for how long."""

    confirm_frames: int = Field(default=5, ge=2, le=60, description="frames; one is never enough")
    lookalike_frames: Annotated[int, Field(ge=2, le=120)] | None = Field(
        default=None, description="a whole number from 2 to 120, or null for twice confirm_frames"
    )
    confirm_seconds: float = Field(default=1.5, ge=0.2, le=10, description="seconds")
    open_seconds: float = Field(default=3.0, ge=0.2, le=60, description="seconds")
    regrant_seconds: float = Field(default=10.0, ge=0, le=3600, description="seconds")
    max_latency_seconds: float = Field(default=1.0, ge=0.1, le=5, description="seconds")


class GpioConfig(_Section):
    """The relay."""

    pins: Literal["lgpio", "mock", "simulated"] = "lgpio"
    relay_pin: int = Field(default=17, ge=0, le=27, description="BCM number, not the place on the header")
    active_high: bool = True


_Output = Annotated[int, Field(ge=0, le=27)] | None
_OUTPUT = "a BCM number from 0 to 27, or null for none"


class IndicatorConfig(_Section):
    """What shows the person at the door what is asked of them."""

    left: _Output = Field(default=None, description=_OUTPUT)
    right: _Output = Field(default=None, description=_OUTPUT)
    above: _Output = Field(default=None, description=_OUTPUT)
    below: _Output = Field(default=None, description=_OUTPUT)
    green: _Output = Field(default=None, description=_OUTPUT)
    red: _Output = Field(default=None, description=_OUTPUT)
    buzzer: _Output = Field(default=None, description=_OUTPUT)
    active_high: bool = True
    voice: Directory | None = Field(
        default=None, description="the full path of a directory, or null for no voice"
    )
    player: Command = Field(default="aplay -q", description="a command that plays the file named after it")

    @property
    def pins(self) -> dict[str, int]:
        """The outputs that are wired, by key."""
        keys = ("left", "right", "above", "below", "green", "red", "buzzer")
        return {key: pin for key in keys if (pin := getattr(self, key)) is not None}


class PhotosConfig(_Section):
    """The folder that people are learnt from."""

    source: PhotoSource = Field(default="none", description="none, dropbox, or folder:/full/path")
    app_key: str = Field(default="", pattern="^[a-z0-9]*$", description="the Dropbox app's key")
    folder: DropboxFolder = Field(
        default="", description="a path that begins with / and does not end with it, or empty"
    )
    longpoll: bool = True
    poll_seconds: float = Field(default=60.0, ge=1, le=86400, description="seconds")
    name_ends_at: Literal["first", "last"] = "first"
    max_templates: int = Field(default=10, ge=1, le=100, description="templates of a person")
    approve_new: bool = False
    on_delete: Literal["revoke", "keep"] = "revoke"
    receipts: bool = True
    max_bytes: int = Field(default=5_000_000, ge=10_000, le=50_000_000, description="bytes")
    min_side: int = Field(default=32, ge=32, le=1000, description="pixels")
    max_side: int = Field(default=5000, ge=1000, le=12_000, description="pixels")


class StoreConfig(_Section):
    """Where people, templates and events are kept."""

    directory: Directory | None = Field(default=None, description=DIRECTORY)


class LogConfig(_Section):
    """How much is told."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section):
    """Everything that can be set. Frozen all through, and equal to another that says the same."""

    camera: CameraConfig = CameraConfig()
    vision: VisionConfig = VisionConfig()
    models: ModelsConfig = ModelsConfig()
    match: MatchConfig = MatchConfig()
    quality: QualityConfig = QualityConfig()
    liveness: LivenessConfig = LivenessConfig()
    door: DoorConfig = DoorConfig()
    gpio: GpioConfig = GpioConfig()
    indicator: IndicatorConfig = IndicatorConfig()
    photos: PhotosConfig = PhotosConfig()
    store: StoreConfig = StoreConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        clashes = tuple(self.clashes())
        if clashes:
            message = "; ".join(text for _, text in clashes)
            raise PydanticCustomError("clash", "{message}", {"message": message, "clashes": clashes})
        return self

    @property
    def lookalike_frames(self) -> int:
        """``door.lookalike_frames``, or twice ``door.confirm_frames`` as far as so many come in time."""
        frames = self.door.confirm_frames
        in_time = (n for n in range(frames, 2 * frames + 1) if self._in_time(n))
        return self.door.lookalike_frames or max(in_time, default=frames)

    def _in_time(self, frames: int) -> bool:
        """Whether the camera gives so many frames within ``door.confirm_seconds``."""
        return (frames - 1) / self.camera.fps < self.door.confirm_seconds

    def clashes(self) -> Iterator[tuple[tuple[KeyPath, ...], str]]:
        """Keys that are right one by one and cannot hold together: (keys, what is wrong)."""
        door, camera, match = self.door, self.camera, self.match
        for key, frames in (
            ("confirm_frames", door.confirm_frames),
            ("lookalike_frames", door.lookalike_frames),
        ):
            if frames is not None and not self._in_time(frames):
                told = (
                    f"{frames} frames at camera.fps {camera.fps} take {(frames - 1) / camera.fps:.2f} s, "
                    "so the door would never open, expected less than door.confirm_seconds "
                    f"({door.confirm_seconds:g})"
                )
                yield (("door", key), ("door", "confirm_seconds"), ("camera", "fps")), told
        if door.lookalike_frames is not None and door.lookalike_frames < door.confirm_frames:
            told = f"{door.lookalike_frames}, expected at least door.confirm_frames ({door.confirm_frames})"
            yield (("door", "lookalike_frames"), ("door", "confirm_frames")), told
        if match.lookalike_margin is not None and match.lookalike_margin < (match.margin or 0):
            told = f"{match.lookalike_margin:g}, expected at least match.margin ({match.margin:g})"
            yield (("match", "lookalike_margin"), ("match", "margin")), told
        if self.liveness.mode == "off" and not self.liveness.i_understand_photos_open_this_door:
            told = (
                '"off", but then whoever holds up a photo of an enrolled person opens this door: say that '
                "you know with liveness.i_understand_photos_open_this_door: true"
            )
            yield (("liveness", "mode"), ("liveness", "i_understand_photos_open_this_door")), told
        nets_judge = self.liveness.mode in ("passive", "adaptive")
        enough = door.confirm_seconds >= 0.6 and self._in_time(5)
        if nets_judge and not enough and self._in_time(door.confirm_frames):
            told = (
                f"{door.confirm_seconds:g}, but liveness is judged on 5 frames over 0.4 s: expected at least "
                f"0.6, and time for 5 frames at camera.fps {camera.fps}"
            )
            yield (("door", "confirm_seconds"), ("camera", "fps"), ("liveness", "mode")), told
        dark, bright = self.quality.min_brightness, self.quality.max_brightness
        if dark >= bright:
            told = f"{dark:g}, expected less than quality.max_brightness ({bright:g})"
            yield (("quality", "min_brightness"), ("quality", "max_brightness")), told
        if camera.loop and camera.live:
            told = "true, expected false, since camera.source is no recording"
            yield (("camera", "loop"), ("camera", "source")), told
        if self.photos.source == "dropbox" and not self.photos.app_key:
            told = (
                '"dropbox", but photos.app_key is empty: make an app at '
                "https://www.dropbox.com/developers/apps and put its key there"
            )
            yield (("photos", "source"), ("photos", "app_key")), told
        taken: dict[int, KeyPath] = {self.gpio.relay_pin: ("gpio", "relay_pin")}
        for name, pin in self.indicator.pins.items():
            other = taken.setdefault(pin, ("indicator", name))
            if other != ("indicator", name):
                told = f"{pin}, expected another pin than that of {'.'.join(other)}"
                yield (("indicator", name), other), told
