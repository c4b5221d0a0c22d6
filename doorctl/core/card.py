"""What a model needs to be told to the code that runs it: its card."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Calibration:
    """Similarity to calibrated score, as knots of a rising, piecewise linear function."""

    knots: tuple[tuple[float, float], ...]
    """(similarity, score), both rising; score = 0.3 + 0.1 * (-log10 FMR)."""
    source: str
    """The data that it was fitted on, the date, and the counts."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What an embedder's card says beyond its input."""

    reference_points: tuple[tuple[float, float], ...]
    """Where the landmarks go, as fractions of the crop's width and height."""
    mesh_points: tuple[tuple[int, ...], ...]
    """For each reference point the Face Mesh points whose mean it is."""
    threshold: float
    """Similarity from which a probe counts as the person, until a gallery sets its own."""
    margin: float
    """Similarity by which the best person must lead the second-best."""
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One net. ``input = (pixel - mean) * scale`` per channel, in ``colour``'s order."""

    name: str
    role: str
    """detector, mesh, embedder or antispoof."""
    width: int
    height: int
    colour: str
    """BGR or RGB."""
    mean: tuple[float, float, float]
    scale: float
    licence: str
    source: str
    """Publisher and address of the original."""
    recognition: Recognition | None = None
    parameters: dict[str, float] = field(default_factory=dict)
    """What only this kind of net needs, such as the scale of an anti-spoof crop."""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A card and the ``.tflite`` file that has been checked against its sha256."""

    card: ModelCard
    path: Path
    sha256: str
