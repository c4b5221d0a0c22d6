"""What a webcam does to the score, and what the frames of one visit are worth together.

Everyone of nuaa-dev is enrolled from three frames of one sequence and compared with all
other sequences, each a visit of 4 seconds. The first table sets the share of strangers'
frames that reach a score against the share that the score promises on press photos: the
domain allowance of the card. The second compares ways to fuse five frames in a row, each
at the threshold that lets in the same share of strangers' visits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from doorctl.app.wiring import Eye, open_eye
from doorctl.core.calibration import rate_of_score
from doorctl.core.gallery import Gallery
from doorctl.core.promise import VISIT
from doorctl.core.records import Frame, Gate, Person, Vector
from doorctl.vision.photo import read_photo
from scripts.calibration import settings_for

LIVE = Path(__file__).resolve().parents[3] / "shared" / "data" / "nuaa-dev" / "live"
FRAMES = 5
TARGETS = (0.05, 0.02, 0.005)
Scores = NDArray[np.float64]


def embeddings(eye: Eye, folder: Path) -> Vector:
    """One sequence as the door sees it, tracked from frame to frame: n x D."""
    rows = []
    for number, photo in enumerate(sorted(folder.glob("*.jpg"))):
        image = read_photo(photo)
        seen = eye.observer.observe(Frame(image, number / 10, number))
        if seen.gate is Gate.PASSED and seen.face is not None:
            rows.append(eye.observer.embed(image, seen.face))
    eye.observer.observe(Frame(np.zeros((480, 640, 3), np.uint8), 1e6, 0))  # the next sequence starts afresh
    return np.stack(rows)


def runs(scores: Scores) -> Scores:
    """Every five frames in a row: n x 5."""
    return np.lib.stride_tricks.sliding_window_view(scores, FRAMES)


def running(vectors: Vector, enrolled: Gallery) -> Scores:
    """For each frame the score of the mean embedding of it and up to four before it."""
    means = [vectors[max(0, i - FRAMES + 1) : i + 1].mean(axis=0) for i in range(len(vectors))]
    return np.array([enrolled.match(mean / np.linalg.norm(mean)).score for mean in means])


Rule = Callable[[Scores, Scores, float], NDArray[np.bool_]]
PRODUCT = "mean of embeddings, five in a row"
RULES: dict[str, Rule] = {
    "one frame": lambda each, fused, t: each[FRAMES - 1 :] >= t,
    "five in a row": lambda each, fused, t: runs(each).min(axis=1) >= t,
    "mean of five scores": lambda each, fused, t: runs(each).mean(axis=1) >= t,
    "mean of five embeddings": lambda each, fused, t: fused[FRAMES - 1 :] >= t,
    PRODUCT: lambda each, fused, t: runs(fused).min(axis=1) >= t,
}
"""From the scores of single frames and of running means to which runs of five would open the door."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=["standard", "fallback"], default="standard")
    model_set = parser.parse_args().set
    if not LIVE.is_dir():
        print("nuaa-dev is not here: nothing is measured")
        return 2
    eye = open_eye(settings_for(model_set))
    folders = sorted(LIVE.iterdir())
    seen = {folder.name: embeddings(eye, folder) for folder in folders}
    genuine: list[tuple[Scores, Scores]] = []
    strangers: list[tuple[Scores, Scores]] = []
    for enrolled, vectors in seen.items():
        chosen = vectors[[0, len(vectors) // 2, -1]]
        gallery = Gallery.build([(Person(1, enrolled), v) for v in chosen], eye.recognition.calibration)
        for name, probes in seen.items():
            if name != enrolled:
                each = np.array([gallery.match(v).score for v in probes])
                same = name.split("_")[0] == enrolled.split("_")[0]
                (genuine if same else strangers).append((each, running(probes, gallery)))
    print(f"{model_set} set: {len(genuine)} visits of the person, {len(strangers)} of strangers")
    tell_domain(strangers, eye.recognition.domain_allowance)
    tell_fusion(genuine, strangers)
    return 0


def tell_domain(strangers: list[tuple[Scores, Scores]], allowance: float) -> None:
    """How much more often strangers' frames pass than the score says of three templates."""
    frames = np.concatenate([each for each, _ in strangers])
    print(
        f"\nstrangers over what the score promises for 3 templates; the card allows "
        f"{allowance:g} times for frames, {VISIT * allowance:g} for visits"
    )
    print(f"{'score':>6} {'frames':>8} {'promised':>9} {'times':>6} {'visits':>8} {'times':>6}")
    rule = RULES[PRODUCT]
    for score in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8):
        share, promised = float(np.mean(frames >= score)), 3 * rate_of_score(score)
        visits = float(np.mean([rule(each, fused, score).any() for each, fused in strangers]))
        print(
            f"{score:6.2f} {share:8.3%} {promised:9.3%} {share / promised:6.1f} "
            f"{visits:8.2%} {visits / promised:6.1f}"
        )


def tell_fusion(genuine: list[tuple[Scores, Scores]], strangers: list[tuple[Scores, Scores]]) -> None:
    """Known people's misses, at thresholds that let in the same share of strangers' visits."""
    for target in TARGETS:
        print(f"\nat most {target:.1%} of strangers' visits let in")
        print(f"{'rule':<33} {'threshold':>9} {'runs missed':>11} {'first missed':>12} {'visits missed':>13}")
        for name, rule in RULES.items():
            threshold = next(
                t
                for t in np.arange(0.3, 1.1, 0.005)
                if np.mean([rule(each, fused, t).any() for each, fused in strangers]) <= target
            )
            opens = [rule(each, fused, threshold) for each, fused in genuine]
            missed = 1 - np.concatenate(opens).mean()
            first = np.mean([not run[0] for run in opens])
            never = np.mean([not run.any() for run in opens])
            print(f"{name:<33} {threshold:9.3f} {missed:11.2%} {first:12.1%} {never:13.1%}")


if __name__ == "__main__":
    sys.exit(main())
