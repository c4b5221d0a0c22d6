"""What can be set, section by section: types, bounds and defaults.

``config/doorctl.yaml`` explains each key to whoever sets up a door. ``config.py`` reads it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from doorctl.access_section import AccessConfig
from doorctl.clashes import clashes_of
from doorctl.pin_sections import GpioConfig, IndicatorConfig, InputsConfig
from doorctl.setting_types import (
    DIRECTORY,
    CameraSource,
    Directory,
    DropboxFolder,
    PhotoSource,
    Rotation,
    Section,
    Words,
)


class CameraConfig(Section):
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


class VisionConfig(Section):
    """How faces are looked for."""

    min_face: float = Field(default=0.12, ge=0.02, le=0.9, description="of the frame's width")
    detector: Literal["short", "full"] = "short"
    threads: int = Field(default=2, ge=1, le=4)


class ModelsConfig(Section):
    """Which nets judge."""

    set: Literal["auto", "standard", "fallback"] = "auto"
    directory: Directory | None = Field(default=None, description=DIRECTORY)


class MatchConfig(Section):
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


class QualityConfig(Section):
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


class LivenessConfig(Section):
    """How a picture is told from a person."""

    mode: Literal["passive", "challenge", "adaptive", "off"] = "adaptive"
    threshold: float = Field(default=0.62, ge=0.5, le=0.99)
    deadline_seconds: float = Field(default=4.0, ge=2, le=15, description="seconds")
    evidence_days: int = Field(default=180, ge=1, le=3650, description="days")
    max_apcer: float = Field(default=0.1, ge=0, le=0.5, description="of attacks")
    i_understand_photos_open_this_door: bool = False


class DoorConfig(Section):
    """What it takes to open, and for how long."""

    confirm_frames: int = Field(default=5, ge=2, le=60, description="frames; one is never enough")
    lookalike_frames: Annotated[int, Field(ge=2, le=120)] | None = Field(
        default=None, description="a whole number from 2 to 120, or null for twice confirm_frames"
    )
    confirm_seconds: float = Field(default=1.5, ge=0.2, le=10, description="seconds")
    open_seconds: float = Field(default=3.0, ge=0.2, le=60, description="seconds")
    regrant_seconds: float = Field(default=10.0, ge=0, le=3600, description="seconds")
    max_latency_seconds: float = Field(default=1.0, ge=0.1, le=5, description="seconds")
    dwell: float = Field(default=0.6, ge=0.2, le=5, description="seconds")
    attempt_seconds: float = Field(default=20.0, ge=5, le=300, description="seconds")
    grace_seconds: float = Field(default=1.0, ge=0, le=10, description="seconds")
    too_long_seconds: float = Field(default=30.0, ge=5, le=3600, description="seconds")
    pre_alarm_seconds: float = Field(default=10.0, ge=0, le=3600, description="seconds")


class LockoutConfig(Section):
    """How often one may try in vain. The counts of NIST SP 800-63B-4, 3.2.3.3, are upper bounds."""

    face_failures: int = Field(default=5, ge=1, le=10, description="failed attempts of one face")
    face_seconds: float = Field(default=30.0, ge=30, le=3600, description="seconds")
    door_failures: int = Field(default=10, ge=1, le=100, description="failed attempts of anybody")
    door_spoofs: int = Field(default=3, ge=1, le=100, description="pictures of known people")
    window_minutes: float = Field(default=5.0, ge=1, le=60, description="minutes")
    door_seconds: float = Field(default=60.0, ge=30, le=3600, description="seconds")
    longest_minutes: float = Field(default=15.0, ge=0.5, le=240, description="minutes")
    memory_minutes: float = Field(default=60.0, ge=5, le=1440, description="minutes")
    known_people_pass: bool = True
    raise_score: float = Field(default=0.1, ge=0, le=0.4, description="of the calibrated score")
    max_minutes: float = Field(default=60.0, ge=1, le=1440, description="minutes")
    until_cleared: bool = False


class PeopleConfig(Section):
    """What holds for single people."""

    extended_open: Words = Field(default=(), description="a list of names")
    extended_open_seconds: float = Field(default=10.0, ge=1, le=60, description="seconds")
    extended_too_long_seconds: float = Field(default=60.0, ge=5, le=3600, description="seconds")


class PhotosConfig(Section):
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


class StoreConfig(Section):
    """Where people, templates and events are kept."""

    directory: Directory | None = Field(default=None, description=DIRECTORY)
    key_file: Directory | None = Field(default=None, description="the full path of a file, or null")


class AuditConfig(Section):
    """How long events are kept, and how often their chain is made fast."""

    anchor_minutes: float = Field(default=60.0, ge=1, le=1440, description="minutes")
    keep_days: int = Field(default=365, ge=1, le=3650, description="days")
    max_events: int = Field(default=200_000, ge=1000, le=2_000_000, description="events")


class ControlConfig(Section):
    """Commands to the running daemon."""

    enabled: bool = True
    group: str = Field(default="doorctl", pattern=r"^[a-z_][a-z0-9_-]{0,31}$", description="a group of users")
    max_unlock_seconds: float = Field(default=60.0, ge=1, le=600, description="seconds")
    max_hold_hours: float = Field(default=12.0, ge=0.1, le=24, description="hours")


class LogConfig(Section):
    """How much is told."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section):
    """Everything that can be set. Frozen all through, and equal to another that says the same."""

    camera: CameraConfig = CameraConfig()
    vision: VisionConfig = VisionConfig()
    models: ModelsConfig = ModelsConfig()
    match: MatchConfig = MatchConfig()
    quality: QualityConfig = QualityConfig()
    liveness: LivenessConfig = LivenessConfig()
    door: DoorConfig = DoorConfig()
    lockout: LockoutConfig = LockoutConfig()
    gpio: GpioConfig = GpioConfig()
    indicator: IndicatorConfig = IndicatorConfig()
    inputs: InputsConfig = InputsConfig()
    people: PeopleConfig = PeopleConfig()
    access: AccessConfig = AccessConfig()
    photos: PhotosConfig = PhotosConfig()
    store: StoreConfig = StoreConfig()
    audit: AuditConfig = AuditConfig()
    control: ControlConfig = ControlConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        clashes = tuple(clashes_of(self))
        if clashes:
            message = "; ".join(text for _, text in clashes)
            raise PydanticCustomError("clash", "{message}", {"message": message, "clashes": clashes})
        return self

    @property
    def lookalike_frames(self) -> int:
        """``door.lookalike_frames``, or twice ``door.confirm_frames`` as far as so many come in time."""
        frames = self.door.confirm_frames
        in_time = (n for n in range(frames, 2 * frames + 1) if self.in_time(n))
        return self.door.lookalike_frames or max(in_time, default=frames)

    def in_time(self, frames: int) -> bool:
        """Whether the camera gives so many frames within ``door.confirm_seconds``."""
        return (frames - 1) / self.camera.fps < self.door.confirm_seconds
