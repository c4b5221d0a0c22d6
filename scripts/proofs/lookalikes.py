"""Whether the pairs of people whom the door calls alike are the ones that it could mix up.

Random galleries of labelled people, three photos each; their other photos are looked up.
A near miss is a photo that reaches the threshold as somebody else. It should be of a pair
that ``core.lookalikes`` names; and few people should be named, for the door asks more of
them. The threshold is fixed, for at the door's own there are too few near misses to count.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from doorctl.app.wiring import installed
from doorctl.core.calibration import similarity_of
from doorctl.core.gallery import Gallery
from doorctl.core.lookalikes import likenesses, limit_of
from doorctl.core.records import Person
from scripts.calibration import collected, settings_for

PEOPLE, PHOTOS, GALLERIES = 400, 3, 20
SCORE = 0.8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--errata", type=Path, metavar="CSV")
    parser.add_argument("--set", choices=["standard", "fallback"], default="standard")
    options = parser.parse_args()
    samples = collected(options.set, options.directory, options.errata)
    recognition = installed(settings_for(options.set))[1]
    people = samples.people.copy()
    people[~samples.enrolled] = -1
    numbers, counts = np.unique(people[people >= 0], return_counts=True)
    many = numbers[counts > PHOTOS]
    rng = np.random.default_rng(0)
    threshold = similarity_of(SCORE, recognition.calibration)
    limits = {
        "threshold": threshold,
        "threshold less the margin": limit_of(SCORE, recognition.margin, recognition.calibration),
    }
    near, caught, named = 0, dict.fromkeys(limits, 0), dict.fromkeys(limits, 0)
    recognised = narrow = 0
    size = min(PEOPLE, len(many))
    for _ in range(GALLERIES):
        own = {int(p): rng.permutation(np.flatnonzero(people == p)) for p in rng.choice(many, size, False)}
        entries = [(Person(p, ""), samples.vectors[i]) for p, photos in own.items() for i in photos[:PHOTOS]]
        gallery = Gallery.build(entries, recognition.calibration)
        pairs = {
            rule: {frozenset((pair.one.id, pair.other.id)) for pair in likenesses(gallery, limit)}
            for rule, limit in limits.items()
        }
        alike = {rule: set().union(*found) for rule, found in pairs.items()}
        ids = np.array([person.id for person in gallery.people])
        for rule in limits:
            named[rule] += len(alike[rule])
        for person, photos in own.items():
            similarities = samples.vectors[photos[PHOTOS:]] @ gallery.means.T
            for row in similarities:
                for other in ids[(row >= threshold) & (ids != person)].tolist():
                    near += 1
                    for rule in limits:
                        caught[rule] += frozenset((person, other)) in pairs[rule]
                best, second = np.sort(row)[::-1][:2]
                if person in alike["threshold less the margin"] and best >= threshold:
                    recognised += 1
                    narrow += best - second < 2 * recognition.margin
    print(f"{options.set} set: {GALLERIES} galleries of {size} people, {PHOTOS} photos each, score {SCORE}")
    print(f"photos that reach the threshold as somebody else: {near}")
    for rule in limits:
        share = f"{caught[rule] / near:.0%}" if near else "-"
        of_all = named[rule] / GALLERIES / size
        print(f"  alike from the {rule}: {share} of them caught, {of_all:.1%} of people named")
    print(f"recognised photos of named people with less than twice the margin: {narrow} of {recognised}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
