"""The configuration: YAML in, one frozen value out, or every mistake at once.

``config/doorctl.yaml`` explains each key to whoever sets up a door; the bounds and
defaults stand here. A setting that is wrong stops the program: a door must not run
on half of what its owner meant.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from doorctl import yaml_lines
from doorctl.errors import ConfigError
from doorctl.yaml_lines import KeyPath, Mistake

SHOWN = 100
"""Mistakes that are spelled out; more than these come from a file that is no configuration."""


def _source(value: int | str) -> int | str:
    """A camera by name, number, device or address; any other text is the path of a clip."""
    if isinstance(value, int):
        return value
    if not value.strip() or value.isdigit() or not value.isprintable():
        raise ValueError
    if "://" in value and not value.startswith(("rtsp://", "rtsps://")):
        raise ValueError
    likeness = difflib.SequenceMatcher(None, "picamera", value.lower()).ratio()
    if value != "picamera" and likeness > 0.8:  # a slip, or the library's name picamera2
        raise ValueError
    return value


def _whole(value: object) -> object:
    """In Python ``False`` and ``0.0`` equal 0, and so would pass for the choice 0."""
    if type(value) is not int:
        raise ValueError
    return value


def _directory(value: object) -> object:
    """A directory that means the same wherever the program is started."""
    if not isinstance(value, str):
        return value
    try:
        path = Path(value).expanduser()
    except RuntimeError as error:  # ~someone who is not a user here
        raise ValueError from error
    if not path.is_absolute() or not value.isprintable():
        raise ValueError
    return path


Directory = Annotated[Path, BeforeValidator(_directory)]
_DIRECTORY = "the full path of a directory, or null for the default place"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class CameraConfig(_Section):
    """Where frames come from."""

    source: Annotated[Annotated[int, Field(ge=0, le=255)] | str, AfterValidator(_source)] = Field(
        default="picamera",
        description="picamera, a camera's number without quotes (0 to 255), /dev/videoN, "
        "rtsp://..., or the path of a clip or of a folder of frames",
    )
    width: int = Field(default=640, ge=160, le=3840, description="pixels")
    height: int = Field(default=480, ge=120, le=2160, description="pixels")
    fps: int = Field(default=15, ge=2, le=60, description="frames a second")
    timeout_seconds: float = Field(default=2.0, ge=1, le=60, description="seconds")
    rotate: Annotated[Literal[0, 90, 180, 270], BeforeValidator(_whole)] = Field(
        default=0, description="degrees"
    )
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
    directory: Directory | None = Field(default=None, description=_DIRECTORY)


class MatchConfig(_Section):
    """How alike is alike enough."""

    # Below 0.5 more than one stranger in a hundred would pass for somebody, in every frame.
    threshold: Literal["auto"] | Annotated[float, Field(ge=0.5, le=1)] = Field(
        default="auto", description="auto, or a number from 0.5 to 1 (calibrated score)"
    )
    margin: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="a number from 0 to 1 (cosine), or null for the model card's own"
    )


class LivenessConfig(_Section):
    """Whether a picture is told from a person. It is not, in this version."""

    mode: Literal["off"] = Field(default="off", description="the only mode in this version")
    i_understand_photos_open_this_door: bool = False


class DoorConfig(_Section):
    """What it takes to open, and for how long."""

    confirm_frames: int = Field(default=5, ge=2, le=60, description="frames; one is never enough")
    confirm_seconds: float = Field(default=1.5, ge=0.2, le=10, description="seconds")
    open_seconds: float = Field(default=3.0, ge=0.2, le=60, description="seconds")
    regrant_seconds: float = Field(default=10.0, ge=0, le=3600, description="seconds")
    max_latency_seconds: float = Field(default=1.0, ge=0.1, le=5, description="seconds")


class GpioConfig(_Section):
    """The relay."""

    pins: Literal["lgpio", "mock", "simulated"] = "lgpio"
    relay_pin: int = Field(default=17, ge=0, le=27, description="BCM number, not the place on the header")
    active_high: bool = True


class StoreConfig(_Section):
    """Where people, templates and events are kept."""

    directory: Directory | None = Field(default=None, description=_DIRECTORY)


class LogConfig(_Section):
    """How much is told."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section):
    """Everything that can be set. Frozen all through, and equal to another that says the same."""

    camera: CameraConfig = CameraConfig()
    vision: VisionConfig = VisionConfig()
    models: ModelsConfig = ModelsConfig()
    match: MatchConfig = MatchConfig()
    liveness: LivenessConfig = LivenessConfig()
    door: DoorConfig = DoorConfig()
    gpio: GpioConfig = GpioConfig()
    store: StoreConfig = StoreConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        clashes = tuple(self.clashes())
        if clashes:
            message = "; ".join(text for _, text in clashes)
            raise PydanticCustomError("clash", "{message}", {"message": message, "clashes": clashes})
        return self

    def clashes(self) -> Iterator[tuple[tuple[KeyPath, ...], str]]:
        """Keys that are right one by one and cannot hold together: (keys, what is wrong)."""
        door, camera = self.door, self.camera
        need = (door.confirm_frames - 1) / camera.fps
        if need >= door.confirm_seconds:
            told = (
                f"{door.confirm_frames} frames at camera.fps {camera.fps} take {need:.2f} s, so the door "
                f"would never open, expected less than door.confirm_seconds ({door.confirm_seconds:g})"
            )
            yield (("door", "confirm_frames"), ("door", "confirm_seconds"), ("camera", "fps")), told
        if camera.loop and camera.live:
            told = "true, expected false, since camera.source is no recording"
            yield (("camera", "loop"), ("camera", "source")), told


def load_config(path: Path | None) -> Config:
    """Read a file, or give the defaults if there is none to read.

    Raises:
        ConfigError: the file cannot be read or used. Its message has one line for
            each mistake: ``file:line: key.path: value, what was expected``.
    """
    if path is None:
        return Config()
    document = yaml_lines.read_file(path)
    config, mistakes = None, document.mistakes
    if isinstance(document.data, dict):
        config, refused = _validated(document.data, document.lines)
        mistakes = sorted([*mistakes, *refused], key=lambda mistake: mistake.line)
    elif document.data is not None:
        told = f"{yaml_lines.shown(document.data)}, expected sections such as 'door:' with keys below"
        mistakes = [Mistake(1, told)]
    elif not mistakes:
        config = Config()
    if config is not None and not mistakes:
        return config
    more = [f"{path}: and {len(mistakes) - SHOWN} more mistakes"] if len(mistakes) > SHOWN else []
    raise ConfigError("\n".join([*(mistake.at(path) for mistake in mistakes[:SHOWN]), *more]))


def _validated(data: dict[str, Any], lines: dict[KeyPath, int]) -> tuple[Config | None, list[Mistake]]:
    """A Config, or what is wrong.

    Pydantic looks at keys together only once each is right by itself. So the wrong
    ones are left out after the first round, and the others are looked at again.
    """
    data = {name: {} if section is None else section for name, section in data.items()}
    config, wrong, mistakes = None, set[KeyPath](), list[Mistake]()
    for _ in range(2):
        try:
            config = Config.model_validate(data)
            break
        except ValidationError as refused:
            errors = refused.errors(include_url=False)
        for error in errors:
            if error["type"] == "clash":
                clashes = error["ctx"]["clashes"]
                mistakes += [_clash(keys, text, lines) for keys, text in clashes if not wrong & set(keys)]
                wrong.update(*(keys for keys, _ in clashes))
                continue
            path = tuple(str(part) for part in error["loc"][:2])
            if path in wrong:
                continue  # a union tells its error once for each kind of value that it takes
            wrong.add(path)
            value = data[path[0]] if len(path) == 1 else data[path[0]][path[1]]
            unknown = error["type"] == "extra_forbidden"
            text = _unknown(path) if unknown else f"{yaml_lines.shown(value)}, expected {_expected(path)}"
            mistakes.append(Mistake(lines[path], f"{yaml_lines.dotted(path)}: {text}"))
        data = {
            name: {key: value for key, value in section.items() if (name, key) not in wrong}
            for name, section in data.items()
            if (name,) not in wrong
        }
    return config, mistakes


def _clash(keys: Sequence[KeyPath], text: str, lines: dict[KeyPath, int]) -> Mistake:
    """Tell it where the last of the keys was given; the defaults agree, so one of them was."""
    return Mistake(max(lines.get(key, 0) for key in keys), f"{yaml_lines.dotted(keys[0])}: {text}")


def _fields(section: str) -> dict[str, FieldInfo]:
    kind = Config.model_fields[section].annotation
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}


def _expected(path: KeyPath) -> str:
    """What a key takes, from its own bounds, so that no message can fall behind them."""
    if len(path) == 1:
        return f"a section with keys such as '{next(iter(_fields(path[0])))}: ...' below it"
    field = _fields(path[0])[path[1]]
    told, bounds = field.description or "", {type(m).__name__: m for m in field.metadata}
    if get_origin(field.annotation) is Literal:
        what = " or ".join(str(choice) for choice in get_args(field.annotation))
    elif "Ge" in bounds:
        kind = "a whole number" if field.annotation is int else "a number"
        what = f"{kind} from {bounds['Ge'].ge:g} to {bounds['Le'].le:g}"
    else:
        return told or "true or false"
    return f"{what} ({told})" if told else what


def _unknown(path: KeyPath) -> str:
    """Name the nearest right key, here or in another section."""
    section = path[0] if len(path) == 2 else None
    here: Sequence[str] = tuple(_fields(section) if section else Config.model_fields)
    near = difflib.get_close_matches(path[-1], here, 1)
    if not near:
        elsewhere = {key: f"{name}.{key}" for name in Config.model_fields for key in _fields(name)}
        near = [elsewhere[key] for key in difflib.get_close_matches(path[-1], elsewhere, 1, 0.8)]
    return (
        f"unknown key, did you mean {near[0]}?" if near else f"unknown key, expected one of {', '.join(here)}"
    )
