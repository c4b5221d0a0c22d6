"""Whether living people pass and pictures do not, and what each presentation cue adds to the nets.

The first table plays every hard case to the anti-spoof nets and fuses their verdicts on all
frames so far in three ways; a presentation is accepted if, from five frames and 0.4 s on, the
fused value ever reaches the threshold. Thresholds: the middle, 0.5; and one for each person
half-way between the worst living and the best attacking presentation of all others, as they are
(in log-odds). The others tell what the cues see: of frozen feeds, and of turned heads, prints,
tilted and bent portraits.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from doorctl.app.settings import Settings
from doorctl.core.actions import ChallengeRules
from doorctl.core.liveness import LivenessRules
from doorctl.core.records import Box, Face, Image
from doorctl.models.install import ModelSet, load
from doorctl.vision.detect import Detector
from doorctl.vision.liveness.cues import Stillness, Turning
from doorctl.vision.liveness.passive import Passive
from doorctl.vision.mesh import MIN_PRESENCE, Mesh, roi_of_detection, roi_of_face
from doorctl.vision.pose import pose_of
from scripts.proofs.hard import (
    DATA,
    FPS,
    SPOILERS,
    Case,
    close,
    flat,
    frames_of,
    frozen,
    nuaa,
    spoilt,
    switched,
    turning_head,
)

FRAMES, SECONDS = 5, 0.4
STILL, TURNED = LivenessRules().stillness, ChallengeRules().depth
TURNS = (("yaw", 0, 10.0), ("yaw", 0, 15.0), ("pitch", 1, 10.0))
"""What a challenge may ask: axis, its place in a pose, degrees against the straightest frame."""
Numbers = NDArray[np.float64]


def logit(p: Numbers | np.float64) -> Numbers:
    return np.asarray(np.log(p / (1 - p)), np.float64)


FUSIONS: dict[str, Callable[[Numbers], float]] = {
    "mean": lambda p: float(logit(p.mean())),
    "log-odds": lambda p: float(logit(p).mean()),
    "20 %": lambda p: float(logit(np.quantile(p, 0.2))),
}
"""From how live each frame is, 0 to 1, to log-odds of all."""


class Nets:
    """Tracks the face of a presentation and judges it."""

    def __init__(self, models: ModelSet) -> None:
        self.detector, self.mesh = Detector(models.detector), Mesh(models.mesh)
        self.passive = Passive(models.antispoof)

    def faces(self, frames: Iterable[Image]) -> Iterator[tuple[Image, Face | None]]:
        last: Face | None = None
        for image in frames:
            last = self._find(image, last)
            yield image, last

    def locate(self, image: Image) -> Box | None:
        face = self._find(image, None)
        return face.box if face else None

    def _find(self, image: Image, last: Face | None) -> Face | None:
        rois = [roi_of_face(last)] if last else []
        for roi in chain(rois, map(roi_of_detection, self.detector(image))):
            face = self.mesh(image, roi)
            if face.presence >= MIN_PRESENCE:
                return face
        return None


@dataclass
class Heard:
    """What one presentation came to."""

    case: Case
    live: list[float] = field(default_factory=list)
    """How live the nets call each frame with a face, 0 to 1."""
    at: list[int] = field(default_factory=list)
    """The frames' numbers."""
    stillness: list[float] = field(default_factory=list)

    def best(self, fusion: Callable[[Numbers], float]) -> float:
        """The highest fused value, log-odds, that could open the door; after the switch."""
        values = [
            fusion(np.array(self.live[: n + 1]))
            for n in range(len(self.at))
            if n + 1 >= FRAMES and (self.at[n] - self.at[0]) / FPS >= SECONDS - 1e-6
            if self.at[n] >= self.case.switched
        ]
        return max(values, default=-math.inf)


def hear(nets: Nets, case: Case) -> Heard:
    heard, stillness = Heard(case), Stillness()
    for number, (image, face) in enumerate(nets.faces(case.frames())):
        if face is None:
            continue
        heard.at.append(number)
        heard.live.append(nets.passive(image, face.box)[0])
        moved = stillness.add(image, face, number / FPS)
        if moved is not None:
            heard.stillness.append(moved)
    return heard


def thresholds(results: Sequence[Heard], fusion: Callable[[Numbers], float]) -> dict[str, float]:
    """For each person the threshold that all others give."""
    plain = [r for r in results if r.case.hardship == "as it is"]
    found = {}
    for person in {r.case.person for r in results}:
        others = [r for r in plain if r.case.person != person]
        worst = min(r.best(fusion) for r in others if r.case.species == "live")
        best = max(r.best(fusion) for r in others if r.case.species != "live")
        found[person] = (worst + best) / 2
    return found


def row(first: str, *cells: object) -> None:
    print(f"{first:<43}" + "".join(f"{cell:>12}" for cell in cells))


def grouped(results: Iterable[Heard]) -> dict[str, list[Heard]]:
    """By species and hardship."""
    groups: dict[str, list[Heard]] = defaultdict(list)
    for result in results:
        groups[f"{result.case.species:<17} {result.case.hardship}"].append(result)
    return groups


def tell_nets(results: Sequence[Heard]) -> None:
    own = {name: thresholds(results, fusion) for name, fusion in FUSIONS.items()}
    print("presentations accepted by the nets: threshold 0.5, and one from all other people")
    for name, limits in own.items():
        print(f"  {name}: from all others, log-odds {min(limits.values()):.2f} to {max(limits.values()):.2f}")
    row("", "of", *chain.from_iterable((name, "others") for name in FUSIONS))
    for group, members in grouped(results).items():
        told = list[int]()
        for name, fusion in FUSIONS.items():
            best = [m.best(fusion) for m in members]
            told.append(sum(b >= 0 for b in best))
            told.append(sum(b >= own[name][m.case.person] for b, m in zip(best, members, strict=True)))
        row(group, len(members), *told)


def tell_stillness(results: Sequence[Heard]) -> None:
    """Of each group how many are called still by the first word, after 0.4 s, and by every word."""
    fusion = FUSIONS["log-odds"]
    print(f"\nstillness below {STILL:g}, and what the nets alone accept of the still")
    row("", "of", "at first", "always", "accepted", "least first", "most first")
    for group, members in grouped(r for r in results if r.stillness).items():
        first = [m.stillness[0] for m in members]
        still = [m for m in members if max(m.stillness) < STILL]
        accepted = sum(m.best(fusion) >= 0 for m in still)
        ends = (f"{end:.2f}" for end in (min(first), max(first)))
        row(group, len(members), sum(f < STILL for f in first), len(still), accepted, *ends)


def tell_stillest(nets: Nets) -> None:
    """Live sequences of nuaa-dev begun at every frame: the word on each after 0.4 and after 1 s."""
    print(f"\nlive sequences begun at any of their frames, stillness below {STILL:g} after some time")
    row("", "after, s", "words", "below", "least")
    for name, spoil in SPOILERS.items():
        words: dict[int, list[float]] = {FRAMES: [], FPS + 1: []}
        for folder in nuaa("live"):
            rng = np.random.default_rng(0)
            seen = [(spoil(image, rng), face) for image, face in nets.faces(frames_of(folder)) if face]
            for length, heard in words.items():
                for start in range(0, len(seen) - length + 1, 2):
                    stillness = Stillness()
                    for number, (image, face) in enumerate(seen[start : start + length]):
                        word = stillness.add(image, face, number / FPS)
                    heard += [word] if word is not None else []
        for length, heard in words.items():
            below = sum(word < STILL for word in heard)
            row(name, f"{(length - 1) / FPS:.1f}", len(heard), below, f"{min(heard):.2f}")


@dataclass(frozen=True)
class Turn:
    """One frame of a presentation against its straightest: what the mesh claims, the parallax shows."""

    claimed: tuple[float, float]
    shown: tuple[float, float] | None
    mesh_residual: float


def turns(nets: Nets, case: Case) -> list[Turn]:
    """Follow a face from its straightest frame to the end, and to the start."""
    seen = [(image, face) for image, face in nets.faces(case.frames()) if face is not None]
    if not seen:
        return []
    poses = np.array([pose_of(face.landmarks)[:2] for _, face in seen])
    base = int(np.argmin(np.abs(poses).sum(axis=1)))
    found = []
    for way in (range(base + 1, len(seen)), range(base - 1, -1, -1)):
        turning = Turning(*seen[base])
        for i in way:
            shown = turning.add(*seen[i])
            yaw, pitch = (poses[i] - poses[base]).tolist()
            found.append(Turn((yaw, pitch), shown, mesh_residual(seen[base][1], seen[i][1])))
    return found


def mesh_residual(before: Face, now: Face) -> float:
    """What an affine map leaves of the mesh's own points, face widths: a cue that did not earn its place."""
    source = np.column_stack([before.landmarks[:, :2], np.ones(len(before.landmarks))]).astype(float)
    target = now.landmarks[:, :2].astype(float)
    left = target - source @ np.linalg.lstsq(source, target, rcond=None)[0]
    return float(np.sqrt((left**2).sum(axis=1).mean())) / max(float(np.ptp(target[:, 0])), 1e-6)


def tell_turns(nets: Nets, cases: Iterable[Case]) -> None:
    """Claimed turns by group, how many the parallax speaks of, and how many it shows, the same way."""
    groups: dict[str, list[list[Turn]]] = defaultdict(list)
    for case in cases:
        groups[f"{case.species} {case.hardship}".removesuffix(" as it is")].append(turns(nets, case))
    print(f"\nturns that the mesh claims, and that parallax shows (from {TURNED:g} degrees, the same way)")
    print("sequences in which one is claimed, one is shown, and two in a row are; the mesh's own residual")
    row("", "frames", "answered", "shown", "highest", "sequences", "claim", "show", "twice", "residual")
    for group, members in groups.items():
        for axis, place, least in TURNS:
            asked = [t for turned in members for t in turned if abs(t.claimed[place]) >= least]
            same = [t.shown[place] * math.copysign(1, t.claimed[place]) for t in asked if t.shown]
            claims = sum(any(abs(t.claimed[place]) >= least for t in turned) for turned in members)
            shows = [[_shows(t, place, least) for t in turned] for turned in members]
            row(
                f"{group}, {axis} {least:g}",
                len(asked),
                len(same),
                sum(angle >= TURNED for angle in same),
                f"{max(same, default=0.0):.1f}",
                len(members),
                claims,
                sum(map(any, shows)),
                sum(any(a and b for a, b in pairwise(s)) for s in shows),
                f"{np.median([t.mesh_residual for t in asked]):.3f}" if asked else "-",
            )


def _shows(turn: Turn, place: int, least: float) -> bool:
    claimed = turn.claimed[place]
    return turn.shown is not None and abs(claimed) >= least and turn.shown[place] * np.sign(claimed) >= TURNED


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cues", action="store_true", help="leave out the nets' table, the slow one")
    options = parser.parse_args()
    if not (DATA / "nuaa-dev").is_dir():
        print("nuaa-dev is not here: nothing is measured")
        return 2
    cv2.setNumThreads(1)
    nets = Nets(load(Settings.find(None, Path(".cache/liveness")).models))
    plain = [case for case in spoilt() if case.hardship == "as it is"]
    if options.cues:
        results = [hear(nets, case) for case in chain(plain, frozen())]
    else:
        hard = chain(spoilt(), close(nets.locate), switched(), flat(nets.locate), frozen())
        results = [hear(nets, case) for case in hard]
        tell_nets(results)
    tell_stillness(results)
    tell_stillest(nets)
    tell_turns(nets, chain(plain, [turning_head()], flat(nets.locate)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
