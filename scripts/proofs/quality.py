"""Whether photos that enrolment turns away would have matched worse than the others.

Three tables on a labelled set, at the similarity that one in ten thousand pairs of
different people reaches:

- error versus reject (P. Grother and E. Tabassi, "Performance of biometric quality measures",
  IEEE PAMI 2007): by each measure, false non-matches among the photos that are left when
  the worst by it are turned away. A measure that says nothing leaves the rate as it was.
- photos spoilt step by step, compared with another photo of the person, by what the limits
  say of them: those turned away must match worse than those accepted.
- what the limits turn away of the set itself, by reason.

And a fourth: how many photos taken sideways or upside down are seen the wrong way up.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from threading import local

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, open_eye
from doorctl.core.quality import Limits, fault
from doorctl.core.records import Image, Vector
from doorctl.evaluation.pairs import Pairs, all_pairs
from doorctl.evaluation.samples import Samples, central, collect, read_errata
from doorctl.sections import QualityConfig
from doorctl.vision.photo import read_photo
from doorctl.vision.pose import pose_of
from doorctl.vision.quality import measure
from scripts.calibration import settings_for

RATE = 1e-4
REJECTED = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
ENOUGH = 10
SPOILT_PEOPLE = 400
NO_LIMITS = QualityConfig(
    **{"min_size": 32, "min_integrity": 0, "min_brightness": -1, "max_brightness": 1, "min_sharpness": 0},
    **{"max_yaw": 90, "max_pitch": 90},
    **{"max_eyes_occluded": 1, "max_nose_occluded": 1, "max_mouth_occluded": 1},
)
Numbers = NDArray[np.float64]


def worse(samples: Samples) -> dict[str, Numbers]:
    """By each measure, how bad every photo is: N each, greater is worse; no face is worst."""
    found = {
        field.name: np.array([getattr(q, field.name) if q else np.nan for q in samples.qualities], float)
        for field in fields(next(q for q in samples.qualities if q))
    }
    brightness = found.pop("brightness")
    signs = {"size": -1, "integrity": -1, "sharpness": -1}
    bad = {name: signs.get(name, 1) * np.abs(values) for name, values in found.items()}
    bad |= {"brightness, low": -brightness, "brightness, high": brightness}
    return {name: np.nan_to_num(values, nan=np.inf) for name, values in bad.items()}


def reject_curve(pairs: Pairs, bad: Numbers, threshold: float) -> Iterator[tuple[int, int]]:
    """False non-matches and genuine pairs among the photos left, for each of ``REJECTED``."""
    order = np.argsort(np.argsort(-bad, kind="stable"))  # 0 is the worst
    first = order[pairs.genuine_photos].min(axis=1)
    for share in REJECTED:
        left = first >= round(share * len(bad))
        yield int(np.sum(pairs.genuine[left] < threshold)), int(left.sum())


def tell_rejects(samples: Samples, pairs: Pairs, threshold: float) -> None:
    print("\nFNMR when the worst photos by one measure are turned away")
    print(f"{'measure':<18}" + "".join(f"{share:>8.1%}" for share in REJECTED))
    measures = worse(samples)
    chance = {"chance": np.random.default_rng(0).random(len(samples.people))}
    for name, bad in (measures | chance).items():
        told = [
            f"{m / n:8.2%}" if m >= ENOUGH else "       -" for m, n in reject_curve(pairs, bad, threshold)
        ]
        print(f"{name:<18}" + "".join(told))


def _darker(image: Image, step: float) -> Image:
    """Under-exposed: fewer photons, so noise stays while light goes (sigma 2 of 255)."""
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return np.asarray(np.clip(image / step + noise, 0, 255), np.uint8)


def _smaller(image: Image, step: float) -> Image:
    return np.asarray(cv2.resize(image, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA))


def _moved(image: Image, step: float) -> Image:
    """Shaken while it was taken, along a line whose direction the picture's content decides."""
    side = int(step)
    angle, middle = float(image.sum()) % np.pi, (side - 1) / 2
    reach = middle * np.array([np.cos(angle), np.sin(angle)])
    line = np.zeros((side, side), np.float32)
    ends = [tuple(np.round(middle + sign * reach).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(line, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(image, -1, line / line.sum()))


SPOILERS: dict[str, tuple[Callable[[Image, float], Image], tuple[float, ...]]] = {
    "blurred (sigma, px)": (
        lambda image, s: np.asarray(cv2.GaussianBlur(image, (0, 0), s), np.uint8),
        (1, 2, 3, 4, 5, 6),
    ),
    "moved (px)": (_moved, (3, 7, 11, 15, 19)),
    "smaller (times)": (_smaller, (1.25, 1.5, 2, 3, 4)),
    "darker (times)": (_darker, (2, 4, 8, 16, 32)),
    "brighter (times)": (
        lambda image, s: np.asarray(np.clip(image.astype(float) * s, 0, 255), np.uint8),
        (1.5, 2, 3, 4, 6),
    ),
}


class Spoilt:
    """Judges photos of whole pictures spoilt step by step; each thread has nets of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._kept = settings, local()

    def __call__(self, task: tuple[Path, Vector]) -> dict[tuple[str, float], tuple[str, float]]:
        """What the limits say, empty if nothing, and the similarity with the person's other photo."""
        photo, other = task
        eye: Eye = getattr(self._kept, "eye", None) or open_eye(self._settings)
        self._kept.eye = eye
        image, told = read_photo(photo), {}
        for name, (spoil, steps) in SPOILERS.items():
            for step in steps:
                spoilt = spoil(image, step)
                faces = eye.observer.faces(spoilt)
                if not faces:
                    told[name, step] = "no face found", -1.0
                    continue
                face = central(faces, spoilt)
                found = fault(measure(spoilt, face), Limits())
                similarity = float(eye.observer.embed(spoilt, face) @ other)
                told[name, step] = found.measure if found else "", similarity
        return told


def tell_spoilt(samples: Samples, directory: Path, settings: Settings, threshold: float) -> None:
    """The first photo of each person spoilt, against the second as it is."""
    tasks = []
    for person in np.random.default_rng(0).permutation(len(samples.names)):
        own = np.flatnonzero((samples.people == person) & samples.enrolled)[:2]
        if len(own) == 2:
            tasks.append((directory / samples.photos[own[0]], samples.vectors[own[1]]))
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(Spoilt(settings), tasks[:SPOILT_PEOPLE]))
    print(f"\nphotos of {len(told)} people, spoilt, against another photo of theirs; no face is no match")
    print(
        f"{'':<20} {'step':>5} {'turned away':>12} {'FNMR of those':>16} {'of those accepted':>19}   reasons"
    )
    for name, (_, steps) in SPOILERS.items():
        for step in steps:
            results = [each[name, step] for each in told]
            accepted = [s < threshold for reason, s in results if not reason]
            refused = [s < threshold for reason, s in results if reason]
            reasons = Counter(reason for reason, _ in results if reason).most_common(2)
            print(
                f"{name:<20} {step:5g} {len(refused):12} {_share(refused):>16} {_share(accepted):>19}   "
                + ", ".join(f"{reason} {count}" for reason, count in reasons)
            )


def _share(missed: list[bool]) -> str:
    return f"{sum(missed) / len(missed):.1%} of {len(missed)}" if missed else "-"


def tell_limits(samples: Samples, pairs: Pairs, threshold: float) -> None:
    """What the default limits turn away of the set, and how that matches."""
    reasons = [
        found.measure if (found := fault(q, Limits())) else "" for q in samples.qualities if q is not None
    ]
    print(f"\nbeyond the default limits: {sum(map(bool, reasons))} of {len(samples.qualities)} photos")
    for reason, count in Counter(filter(None, reasons)).most_common():
        print(f"  {count:4} {reason}")
    away = np.array([q is not None and fault(q, Limits()) is not None for q in samples.qualities])
    with_one = away[pairs.genuine_photos].any(axis=1)
    for told, chosen in (("with one of them", with_one), ("of the others", ~with_one)):
        print(f"  FNMR of pairs {told}: {_share((pairs.genuine[chosen] < threshold).tolist())}")


class Turned:
    """Looks at photos turned by quarters; each thread has nets of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._kept = settings, local()

    def __call__(self, photo: Path) -> list[bool | None]:
        """For each turn, whether the largest face is seen the way up that it is; ``None`` for no face."""
        eye: Eye = getattr(self._kept, "eye", None) or open_eye(self._settings)
        self._kept.eye = eye
        image, told = read_photo(photo), list[bool | None]()
        for quarters in range(4):
            faces = eye.observer.faces(np.ascontiguousarray(np.rot90(image, quarters)))
            roll = pose_of(faces[0].landmarks)[2] if faces else 0.0
            off = (roll + 90 * quarters + 180) % 360 - 180  # a turn to the left tilts the face that much
            told.append(abs(off) < 90 if faces else None)
        return told


def tell_turned(samples: Samples, directory: Path, settings: Settings) -> None:
    chosen = np.random.default_rng(0).permutation(len(samples.photos))[:SPOILT_PEOPLE]
    photos = [directory / samples.photos[i] for i in chosen]
    with ThreadPoolExecutor() as pool:
        told = list(zip(*pool.map(Turned(settings), photos), strict=True))
    print(f"\n{len(photos)} photos, by the way they are turned: seen the wrong way up, no face found")
    for quarters, seen in enumerate(told):
        print(f"  {90 * quarters:3} degrees {seen.count(False):6} {seen.count(None):6}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--errata", type=Path, metavar="CSV", help="photos to leave out, by file name")
    options = parser.parse_args()
    settings = settings_for("standard")
    config = settings.config.model_copy(update={"quality": NO_LIMITS})
    samples = collect(
        replace(settings, config=config),
        options.directory,
        left_out=read_errata(options.errata),
        cache=Path(".cache/evaluation.db"),
    )
    pairs = all_pairs(samples.vectors, samples.people)
    threshold = pairs.similarity_at(RATE)
    print(f"{len(samples.people)} photos, {pairs.impostors} impostor pairs; FMR {RATE:g} at {threshold:.4f}")
    tell_rejects(samples, pairs, threshold)
    tell_limits(samples, pairs, threshold)
    tell_turned(samples, options.directory, settings)
    tell_spoilt(samples, options.directory, settings, threshold)
    return 0


if __name__ == "__main__":
    sys.exit(main())
