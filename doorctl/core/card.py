"""What a model needs to be told to the code that runs it: its card."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Calibration:
    """Similarity to calibrated score, as knots of a rising, piecewise linear function.

    Score is linear in the logarithm of the false-match rate, so a straight piece is an
    exponential tail: the last one is that, beyond what the data could count.
    """

    knots: tuple[tuple[float, float], ...]
    """(similarity, score), both rising; score = 0.3 + 0.1 * (-log10 FMR)."""
    source: str
    """The data that it was fitted on, the date, and the counts."""


@dataclass(frozen=True, slots=True)
class RefusalTable:
    """How often a known person misses a score, by one photo against the mean of some others."""

    templates: int
    """How many photos the mean is of."""
    knots: tuple[tuple[float, float], ...]
    """(score, share of presentations that miss it), both rising."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What an embedder's card says beyond its input."""

    reference_points: tuple[tuple[float, float], ...]
    """Where the landmarks go, as fractions of the crop's width and height."""
    mesh_points: tuple[tuple[int, ...], ...]
    """For each reference point the Face Mesh points whose mean it is."""
    margin: float
    """Similarity by which the best person must lead the second-best."""
    calibration: Calibration
    domain_allowance: float
    """How many times more false matches to expect from a door's camera than from the photos that the
    score was fitted on."""
    refusals: tuple[RefusalTable, ...]
    """By rising number of templates, from 1."""


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
