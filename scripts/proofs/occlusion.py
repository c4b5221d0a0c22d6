"""Whether covered eyes, noses and mouths are told from ones in view, on people not fitted on.

Glasses, hands, masks and the like are drawn over the faces of a labelled set; the mesh
looks again, as it would. One part of the people is fitted on (with --write), the rest is
asked: for each cover, the area under the ROC curve of the part that it covers, and the
share noticed at the limits of enrolment.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

from doorctl.app.wiring import Eye, open_eye
from doorctl.core.quality import Limits
from doorctl.core.records import Face, Image
from doorctl.evaluation.samples import central, read_errata
from doorctl.vision import occlusion
from doorctl.vision.mesh import MIN_PRESENCE, roi_of_face
from doorctl.vision.photo import read_photo
from doorctl.vision.pose import pose_of
from doorctl.vision.quality import normalised, skin_colour
from scripts.calibration import settings_for
from scripts.fitting import held_out
from scripts.proofs.covers import COVERS, LEFT, MOUTH, NOSE, RIGHT, draw

PARTS = {"eye": (RIGHT, LEFT), "nose": (NOSE,), "mouth": (MOUTH,)}
PER_PHOTO = 6
"""Covers drawn over each face."""
SHRINK = 20.0
"""Weight of the squared coefficients in the fit."""
PRIOR = 0.01
"""Share of enrolment photos that are taken to be covered, for the bias; the fit sees as many as are not."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A face as the measure sees it: what it is told, and what is drawn over it."""

    told: occlusion.Numbers
    cover: int
    """Place in ``COVERS``, -1 for none."""
    fitted: bool
    """Whether this person is one to fit on."""


class Looks:
    """Judges photos, each thread on nets of its own."""

    def __init__(self, photos: list[Path]) -> None:
        self._photos = photos
        self._settings = settings_for("standard")
        self._kept = local()

    def __call__(self, photo: Path) -> list[Sample]:
        """The face of a photo, plain and under some covers, chosen by the photo's name."""
        eye: Eye = getattr(self._kept, "eye", None) or open_eye(self._settings)
        self._kept.eye = eye
        rng = np.random.default_rng(crc32(photo.name.encode()))
        image = read_photo(photo)
        faces = eye.observer.faces(image)
        if not faces:
            return []
        face, fitted = central(faces, image), not held_out(photo.parent.name)
        other = read_photo(self._photos[int(rng.integers(len(self._photos)))])
        samples = [_sample(image, face, -1, fitted)]
        for cover in rng.choice(len(COVERS), PER_PHOTO, replace=False).tolist():
            covered = draw(image, face.landmarks, COVERS[cover], other, rng)
            seen = face
            for _ in range(2):
                seen = eye.observer.mesh(covered, roi_of_face(seen))
            if seen.presence >= MIN_PRESENCE:
                samples.append(_sample(covered, seen, cover, fitted))
        return samples


def _sample(image: Image, face: Face, cover: int, fitted: bool) -> Sample:
    crop, points, _ = normalised(image, face.landmarks, pose_of(face.landmarks)[2])
    return Sample(occlusion.features(crop, points, skin_colour(crop, points)), cover, fitted)


def covers(sample: Sample, part: int) -> bool:
    """Whether what is drawn covers a part."""
    return sample.cover >= 0 and part in COVERS[sample.cover].parts


def fit(samples: list[Sample], parts: tuple[int, ...]) -> dict[str, object]:
    """Logistic regression on standardised features, both classes weighing the same; then the prior."""
    told = np.array([s.told[part] for part in parts for s in samples], float)
    label = np.array([covers(s, part) for part in parts for s in samples], float)
    weight = np.where(label > 0, 0.5 / label.mean(), 0.5 / (1 - label.mean()))
    mean, spread = told.mean(axis=0), told.std(axis=0) + 1e-9
    x = np.column_stack([(told - mean) / spread, np.ones(len(told))])

    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = x @ b
        chance = 1 / (1 + np.exp(-np.clip(logit, -40, 40)))
        value = float(weight @ (np.logaddexp(0, logit) - label * logit) + SHRINK / 2 * b[:-1] @ b[:-1])
        return value, x.T @ (weight * (chance - label)) + SHRINK * np.append(b[:-1], 0)

    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    weights = found[:-1] / spread
    bias = found[-1] - weights @ mean + np.log(PRIOR / (1 - PRIOR))
    return {"weights": [round(float(w), 3) for w in weights], "bias": round(float(bias), 3)}


def auc(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney)."""
    ranks = rankdata(np.concatenate([positives, negatives]))[: len(positives)]
    n, m = len(positives), len(negatives)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * m))


def scores(samples: list[Sample], part: str, fits: dict[str, dict[str, object]]) -> NDArray[np.float64]:
    """Logit of the worst part, for each sample."""
    told = np.array([s.told[list(PARTS[part])] for s in samples], float)
    values = told @ np.array(fits[part]["weights"], float) + float(str(fits[part]["bias"]))
    return np.asarray(values.max(axis=1))


def tell(samples: list[Sample], fits: dict[str, dict[str, object]]) -> None:
    """A table of the covers of each part, on these samples."""
    limits = Limits()
    limit = {
        "eye": limits.max_eyes_occluded,
        "nose": limits.max_nose_occluded,
        "mouth": limits.max_mouth_occluded,
    }
    for part, places in PARTS.items():
        score = scores(samples, part, fits)
        plain = np.array([s.cover < 0 for s in samples])
        covered = np.array([any(covers(s, place) for place in places) for s in samples])
        edge = np.log(limit[part] / (1 - limit[part]))
        false = int((score[plain] > edge).sum())
        print(
            f"\n{part}: AUC {auc(score[covered], score[plain]):.4f}; beyond the limit of {limit[part]:g} are"
        )
        print(f"  {(score[covered] > edge).mean():7.1%} of {covered.sum()} covered")
        print(f"  {false:>7} of {plain.sum()} plain")
        for number, cover in enumerate(COVERS):
            chosen = np.array([s.cover == number for s in samples])
            if set(places) & set(cover.parts) and chosen.any():
                area, share = auc(score[chosen], score[plain]), (score[chosen] > edge).mean()
                print(f"  {share:7.1%} of {chosen.sum():>4} {cover.name:<26} AUC {area:.4f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--errata", type=Path, metavar="CSV", help="photos to leave out, by file name")
    parser.add_argument("--write", action="store_true", help="fit anew, and keep the fit")
    options = parser.parse_args()
    left_out = read_errata(options.errata)
    photos = sorted(p for p in options.directory.glob("*/*.jpg") if p.stem not in left_out)
    look = Looks(photos)
    wanted = photos if options.write else [p for p in photos if held_out(p.parent.name)]
    with ThreadPoolExecutor() as pool:
        samples = [sample for found in pool.map(look, wanted) for sample in found]
    fitted = [s for s in samples if s.fitted]
    unseen = [s for s in samples if not s.fitted]
    file = Path(occlusion.__file__).with_suffix(".json")
    if options.write:
        fits = {part: fit(fitted, places) for part, places in PARTS.items()}
        file.write_text(
            json.dumps(fits, separators=(",", ":")).replace("},", "},\n") + "\n", encoding="utf-8"
        )
    tell(unseen, json.loads(file.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
