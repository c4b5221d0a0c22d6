"""Who and what is recognised worst: the errors by brightness, face size, pose and group."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from doorctl.core.quality import Quality
from doorctl.errors import PhotoError
from doorctl.evaluation.pairs import Pairs
from doorctl.evaluation.samples import Samples
from doorctl.evaluation.verification import ENOUGH

GROUPS = "groups.csv"
TURNED = (10.0, 25.0)
"""Degrees from the front, yaw and pitch together, that part frontal from half-turned and turned faces."""


@dataclass(frozen=True, slots=True)
class Part:
    """The photos of one kind, at the whole set's threshold."""

    kind: str
    """What the set was split by."""
    value: str
    photos: int
    failed: int
    """Photos of the kind that could not be enrolled."""
    genuine: int
    """Pairs of one person with a photo of this kind."""
    fnmr: float | None
    """Share of them that is missed; ``None`` with fewer than ``ENOUGH`` errors."""
    impostors: int
    """Pairs of different people, both photos of this kind."""
    fmr: float | None
    """Share of them that matches; ``None`` with fewer than ``ENOUGH`` errors."""


def split(samples: Samples, pairs: Pairs, threshold: float, groups: Mapping[str, str]) -> tuple[Part, ...]:
    """The errors of each kind of photo at one threshold, worst first: by FNMR, then by FMR.

    Args:
        samples: the photos.
        pairs: of them, with a tail that reaches down to the threshold.
        threshold: least similarity of a match.
        groups: person's name to group; people without one are left out of that split.
    """
    parts = [
        _part(kind, value, chosen, samples, pairs, threshold)
        for kind, by_value in _kinds(samples, groups).items()
        for value, chosen in by_value.items()
        if chosen.any()
    ]
    return tuple(sorted(parts, key=lambda part: (part.fnmr or 0.0, part.fmr or 0.0), reverse=True))


def read_groups(directory: Path) -> dict[str, str]:
    """``groups.csv`` with the columns person and group, where the directory has one; else nothing.

    Raises:
        PhotoError: there is one, and it cannot be read or lacks a column.
    """
    file = directory / GROUPS
    if not file.exists():
        return {}
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:  # spreadsheets put a mark at the start
            rows = csv.DictReader(text)
            if not {"person", "group"} <= set(rows.fieldnames or ()):
                raise PhotoError(f"{file}: cannot be used", "a CSV with columns person and group is needed")
            return {row["person"] or "": (row["group"] or "").strip() for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PhotoError(f"{file}: cannot be read: {error}", "a CSV in UTF-8 is needed") from error


def _part(
    kind: str, value: str, chosen: NDArray[np.bool_], samples: Samples, pairs: Pairs, threshold: float
) -> Part:
    with_one = chosen[pairs.genuine_photos].any(axis=1)
    missed = int(np.sum(pairs.genuine[with_one] < threshold))
    genuine = int(with_one.sum())
    matched = pairs.tail >= threshold
    false = int(np.sum(chosen[pairs.tail_photos[matched]].all(axis=1)))
    photos = int(chosen.sum())
    per_person = np.bincount(pairs.people[chosen])
    impostors = (photos**2 - int((per_person**2).sum())) // 2
    return Part(
        kind=kind,
        value=value,
        photos=photos,
        failed=int(np.sum(chosen & ~samples.enrolled)),
        genuine=genuine,
        fnmr=missed / genuine if missed >= ENOUGH else None,
        impostors=impostors,
        fmr=false / impostors if false >= ENOUGH else None,
    )


def _kinds(samples: Samples, groups: Mapping[str, str]) -> dict[str, dict[str, NDArray[np.bool_]]]:
    measured = samples.qualities
    kinds = {
        "brightness": _thirds(measured, [q.brightness if q else np.nan for q in measured], "dark", "bright"),
        "face size": _thirds(measured, [q.size if q else np.nan for q in measured], "small", "large"),
        "pose": _poses(measured),
    }
    if groups:
        own = np.array([groups.get(samples.names[person], "") for person in samples.people])
        kinds["group"] = {str(group): own == group for group in np.unique(own) if group}
    return kinds


def _thirds(
    measured: Sequence[Quality | None], values: list[float], low: str, high: str
) -> dict[str, NDArray[np.bool_]]:
    """Three parts of equal size, told with their bounds."""
    numbers = np.array(values, np.float64)
    known = ~np.isnan(numbers)
    if not known.any():
        return {}
    a, b = np.quantile(numbers[known], [1 / 3, 2 / 3])
    return {
        f"{low} (below {a:.3g})": known & (numbers < a),
        f"middle ({a:.3g} to {b:.3g})": known & (numbers >= a) & (numbers < b),
        f"{high} (from {b:.3g})": known & (numbers >= b),
    }


def _poses(measured: Sequence[Quality | None]) -> dict[str, NDArray[np.bool_]]:
    turned = np.array([float(np.hypot(q.yaw, q.pitch)) if q else np.nan for q in measured])
    front, side = TURNED
    return {
        f"frontal (below {front:g}°)": turned < front,
        f"half turned ({front:g}° to {side:g}°)": (turned >= front) & (turned < side),
        f"turned (from {side:g}°)": turned >= side,
    }
