"""Fit a card's score scale: which cosine goes with which false-match rate.

Every photo of a labelled set goes through the product's own detection, alignment and
embedding; every pair of photos of different people is an impostor comparison. The knots
are the similarities that a share of 10^-0.5, 10^-1, ... of those pairs reaches. Beyond
the rarest share with enough pairs behind it nothing is claimed: the score stops there.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import local

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, open_eye
from doorctl.core.calibration import score_of_rate
from doorctl.core.records import Face, Image, Vector
from doorctl.errors import PhotoError
from doorctl.vision.photo import read_photo

ENOUGH = 10
"""False matches behind the rarest rate that a knot is put at."""

RATES = [10 ** (-k / 2) for k in range(1, 15)]
BINS = 200_000
CARDS = Path(__file__).resolve().parents[1] / "doorctl" / "models" / "cards"


@dataclass(frozen=True, slots=True)
class Sample:
    """Embedded faces: N x D, each with the number of its person."""

    vectors: Vector
    people: NDArray[np.intp]
    without_face: int


def photos(directory: Path, left_out: set[str]) -> Iterator[tuple[int, Path]]:
    """(number of the person, photo) for all but those left out."""
    for number, folder in enumerate(sorted(p for p in directory.iterdir() if p.is_dir())):
        for photo in sorted(folder.glob("*.jpg")):
            if photo.stem not in left_out:
                yield number, photo


def read_errata(file: Path | None) -> set[str]:
    """Photos that a set's own authors call wrong: the column ``photo`` of a CSV, names without ending."""
    if file is None:
        return set()
    with file.open(newline="") as rows:
        return {row["photo"] for row in csv.DictReader(rows)}


def central(faces: tuple[Face, ...], image: Image) -> Face:
    """The face nearest to the middle, whom a photo of a labelled set is of."""
    height, width = image.shape[:2]

    def off(face: Face) -> float:
        x, y = face.box.left + face.box.width / 2, face.box.top + face.box.height / 2
        return float((x - width / 2) ** 2 + (y - height / 2) ** 2)

    return min(faces, key=off)


def embed_all(settings: Settings, listed: list[tuple[int, Path]], jobs: int = 2) -> Sample:
    """Embed every photo; one set of nets for each thread, for an interpreter is not to be shared."""
    kept = local()

    def embed(photo: Path) -> Vector | None:
        eye: Eye = getattr(kept, "eye", None) or open_eye(settings)
        kept.eye = eye
        try:
            image = read_photo(photo)
            faces = eye.observer.faces(image)
        except PhotoError:
            return None
        return eye.observer.embed(image, central(faces, image)) if faces else None

    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(embed, [photo for _, photo in listed])
        vectors = list(track(results, "embedding", total=len(listed)))
    found = [(n, v) for (n, _), v in zip(listed, vectors, strict=True) if v is not None]
    return Sample(np.stack([v for _, v in found]), np.array([n for n, _ in found]), len(vectors) - len(found))


def histograms(sample: Sample) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts of impostor and genuine pairs for each of BINS similarities from -1 to 1."""
    impostor, genuine = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    for i in range(0, len(sample.vectors), 512):
        block = sample.vectors[i : i + 512] @ sample.vectors[i:].T
        same = sample.people[i : i + 512, None] == sample.people[None, i:]
        later = np.arange(i, len(sample.vectors))[None] > np.arange(i, i + len(block))[:, None]
        bins = np.clip(((block + 1) / 2 * BINS).astype(np.int64), 0, BINS - 1)
        impostor += np.bincount(bins[later & ~same], minlength=BINS)
        genuine += np.bincount(bins[later & same], minlength=BINS)
    return impostor, genuine


def knots(impostor: NDArray[np.int64]) -> list[tuple[float, float]]:
    """(similarity, score), both rising: the least similarity that at most each rate of the pairs reaches."""
    reached = impostor[::-1].cumsum()[::-1]
    total = int(reached[0])
    found = [(-1.0, score_of_rate(1.0))]
    for rate in RATES:
        if rate * total < ENOUGH:
            break
        first = int(np.argmax(reached <= rate * total))
        found.append((round(first / BINS * 2 - 1, 4), round(score_of_rate(rate), 4)))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--errata", type=Path, metavar="CSV", help="photos to leave out, by file name")
    parser.add_argument("--set", choices=["standard", "fallback"], default="standard")
    parser.add_argument("--name", default="", help="what to call the data in the card")
    parser.add_argument("--write", action="store_true", help="put the fit into the card")
    options = parser.parse_args()
    settings = Settings.find(None, Path(".cache/calibration"))
    models = settings.config.models.model_copy(update={"set": options.set})
    settings = replace(settings, config=settings.config.model_copy(update={"models": models}))
    eye = open_eye(settings)
    listed = list(photos(options.directory, read_errata(options.errata)))
    sample = embed_all(settings, listed)
    impostor, genuine = histograms(sample)
    fit = knots(impostor)
    reached = genuine[::-1].cumsum()[::-1]
    people = len(set(sample.people.tolist()))
    print(f"{len(listed)} photos of {people} people, {sample.without_face} without a face")
    print(f"{impostor.sum()} impostor and {genuine.sum()} genuine pairs")
    print(f"{'score':>6} {'FMR':>9} {'cosine':>8} {'FNMR':>7}")
    for similarity, score in fit:
        missed = 1 - reached[min(BINS - 1, int((similarity + 1) / 2 * BINS))] / max(1, genuine.sum())
        print(f"{score:6.2f} {10 ** (-(score - 0.3) * 10):9.1e} {similarity:8.4f} {missed:7.2%}")
    if options.write:
        card = CARDS / f"{eye.models.embedder.card.name}.json"
        fields = json.loads(card.read_text())
        fields["recognition"]["calibration"] = {
            "knots": fit,
            "source": f"{options.name or options.directory.name}, {datetime.now(UTC):%Y-%m-%d}: "
            f"{len(sample.vectors)} faces of {people} people, "
            f"{impostor.sum()} impostor pairs; scripts/calibrate",
        }
        card.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n")
        print(f"written: {card.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
