"""Which nets there are: their cards, the files they come from, and the two sets.

``cards/NAME.json`` tells everything of one net. The sha256 of each original file is
pinned there; nothing else is ever converted or run.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from doorctl.core.card import Calibration, ModelCard, Recognition, RefusalTable
from doorctl.errors import ModelError

SetName = Literal["standard", "fallback"]

_COMMON = ("blazeface_short", "blazeface_full", "face_mesh")
SETS: Mapping[SetName, tuple[str, ...]] = {
    "standard": (*_COMMON, "face_reid_0095", "minifasnet_v2", "minifasnet_v1se"),
    "fallback": (*_COMMON, "dlib_resnet"),
}
"""The nets of each set: detectors, mesh, embedder, then those against spoofs."""

FALLBACK_COST = (
    "the fallback set is for a handful of people only (dlib's ResNet far more often takes a stranger for one "
    "of them), and it has no net against photos and screens"
)
"""What a user must be told who runs the fallback set."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Original(_Strict):
    """A file as its publisher gives it."""

    name: str = Field(pattern=r"^[\w.-]+$")
    folder: str = Field(default="", pattern=r"^[\w.-]*$")
    """Where it stands below the directory of ``--from``, if not straight in it."""
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    address: str | None = None
    """The publisher's, where it is known to give this very file."""
    package: Literal["mediapipe", "face_recognition_models"] | None = None
    member: str = ""
    """Its path inside the package's archive."""


class _Calibration(_Strict):
    knots: tuple[tuple[float, float], ...] = Field(min_length=2)
    source: str

    @model_validator(mode="after")
    def _rising(self) -> _Calibration:
        for before, after in zip(self.knots, self.knots[1:], strict=False):
            if not (before[0] < after[0] and before[1] < after[1]):
                raise ValueError(f"the knots {before} and {after} do not rise")
        return self


class _Refusals(_Strict):
    templates: int = Field(ge=1)
    knots: tuple[tuple[float, float], ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _rising(self) -> _Refusals:
        for before, after in pairwise(self.knots):
            if not (before[0] < after[0] and 0 <= before[1] <= after[1] <= 1):
                raise ValueError(f"the knots {before} and {after} do not rise")
        return self


class _Recognition(_Strict):
    reference_points: tuple[tuple[float, float], ...] = Field(min_length=3)
    mesh_points: tuple[tuple[int, ...], ...]
    margin: float = Field(ge=0, le=2)
    calibration: _Calibration
    domain_allowance: float = Field(ge=1)
    refusals: tuple[_Refusals, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _from_one(self) -> _Recognition:
        counts = [table.templates for table in self.refusals]
        if counts[0] != 1 or counts != sorted(set(counts)):
            raise ValueError("the tables of refusals must start with one template and rise")
        return self

    @model_validator(mode="after")
    def _paired(self) -> _Recognition:
        if len(self.reference_points) != len(self.mesh_points) or not all(self.mesh_points):
            raise ValueError("each reference point needs its mesh points")
        return self


class Entry(_Strict):
    """A net's card with where its file comes from: the content of ``cards/NAME.json``."""

    name: str
    role: Literal["detector", "mesh", "embedder", "antispoof"]
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    colour: Literal["BGR", "RGB"]
    mean: tuple[float, float, float]
    scale: float = Field(gt=0)
    licence: str
    source: str
    converter: Literal["none", "openvino_ir", "onnx", "dlib_dat"]
    files: tuple[Original, ...] = Field(min_length=1)
    recognition: _Recognition | None = None
    parameters: dict[str, float] = {}

    @property
    def file(self) -> str:
        """The installed file's name."""
        return f"{self.name}.tflite"

    def card(self) -> ModelCard:
        """What the code that runs the net needs to know."""
        told = self.recognition
        recognition = None
        if told is not None:
            recognition = Recognition(
                told.reference_points,
                told.mesh_points,
                told.margin,
                Calibration(told.calibration.knots, told.calibration.source),
                told.domain_allowance,
                tuple(RefusalTable(table.templates, table.knots) for table in told.refusals),
            )
        return ModelCard(
            name=self.name,
            role=self.role,
            width=self.width,
            height=self.height,
            colour=self.colour,
            mean=self.mean,
            scale=self.scale,
            licence=self.licence,
            source=self.source,
            recognition=recognition,
            parameters=dict(self.parameters),
        )


Manifest = Mapping[str, Entry]


def load_manifest() -> Manifest:
    """Every net that doorctl knows, by name.

    Raises:
        ModelError: a card of the installation is missing or damaged.
    """
    cards = resources.files("doorctl.models") / "cards"
    names = dict.fromkeys(name for members in SETS.values() for name in members)
    try:
        return {name: read_entry(name, (cards / f"{name}.json").read_text("utf-8")) for name in names}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"a model card cannot be read ({error})", "install doorctl again") from error


def read_entry(name: str, text: str) -> Entry:
    """A card from its JSON.

    Raises:
        ModelError: it is not JSON, or says something impossible.
    """
    try:
        return Entry.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ModelError(f"the card of {name} is wrong at {where}: {first['msg']}") from error
