"""Kinds of values in the configuration that the sections share, and what they must keep to."""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A part of the configuration: frozen, and nothing in it is guessed at."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


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


def _command(value: str) -> str:
    """A program and its arguments, as they could be typed."""
    if not value.isprintable() or not shlex.split(value):
        raise ValueError
    return value


def _photo_source(value: str) -> str:
    """None, Dropbox, or a folder of this machine by its full path."""
    if value in ("none", "dropbox"):
        return value
    kind, _, path = value.partition(":")
    if kind != "folder" or not isinstance(_directory(path), Path):
        raise ValueError
    return value


def _dropbox_folder(value: str) -> str:
    """A path within the Dropbox; empty for all that the app may see."""
    if value and (not value.startswith("/") or value.endswith("/") or not value.isprintable()):
        raise ValueError
    return value


CameraSource = Annotated[Annotated[int, Field(ge=0, le=255)] | str, AfterValidator(_source)]
Rotation = Annotated[Literal[0, 90, 180, 270], BeforeValidator(_whole)]
Command = Annotated[str, AfterValidator(_command)]
PhotoSource = Annotated[str, AfterValidator(_photo_source)]
DropboxFolder = Annotated[str, AfterValidator(_dropbox_folder)]
Directory = Annotated[Path, BeforeValidator(_directory)]
DIRECTORY = "the full path of a directory, or null for the default place"


def _frozen(value: object) -> object:
    """YAML has lists; what is frozen holds tuples."""
    return tuple(value) if isinstance(value, list) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_frozen)]
Lines = Annotated[tuple[Literal["rex", "contact", "tamper", "fire"], ...], BeforeValidator(_frozen)]
