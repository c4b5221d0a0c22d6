"""Hard cases through the door's own eyes and rules, and what each sign of life adds to the nets.

Every case is one presentation to the product's observer, gates and rules. It is accepted if it is
called live without a challenge: by the nets alone, with stillness, with flexing, and with both, which
are the rules in force. By these, the rest is refused outright, asked for a challenge, or gave too few
usable frames.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import cv2

from doorctl.app.settings import Settings
from doorctl.app.sitting import Outcome, decide, judge_presentation
from doorctl.app.wiring import open_eye
from doorctl.core.records import Box, Frame, Image
from scripts.proofs.hard import DATA, FPS, Case, close, flat, frozen, spoilt, switched


def frames_of(case: Case) -> Iterator[Frame]:
    return (Frame(image, number / FPS, number) for number, image in enumerate(case.frames()))


def main() -> int:
    if not (DATA / "nuaa-dev").is_dir():
        print("nuaa-dev is not here: nothing is measured")
        return 2
    cv2.setNumThreads(1)
    settings = Settings.find(None, Path(".cache/liveness"))
    eye = open_eye(settings)
    if eye.observer.passive is None:
        print("the anti-spoof nets are not installed: nothing is measured")
        return 2
    policy = eye.meet(eye.observer.gallery, settings.config)
    rules, window = policy.passive, policy.confirm_seconds
    variants = {
        "nets": replace(rules, stillness=0.0, flexed=0.0),
        "+ stillness": replace(rules, flexed=0.0),
        "+ flexing": replace(rules, stillness=0.0),
        "both": rules,
    }

    def locate(image: Image) -> Box | None:
        faces = eye.observer.faces(image)
        return faces[0].box if faces else None

    told: dict[str, Counter[str]] = defaultdict(Counter)
    for case in chain(spoilt(), close(locate), switched(), flat(locate), frozen()):
        sights = judge_presentation(eye.observer, frames_of(case), rules, window_seconds=window).sights
        count = told[f"{case.species:<18}{case.hardship}"]
        count["of"] += 1
        for name, variant in variants.items():
            outcome = decide(sights, variant, window_seconds=window).outcome
            count[name] += outcome is Outcome.LIVE
        count[outcome.value] += 1
    columns = ("of", *variants, Outcome.SPOOF.value, Outcome.CHALLENGED.value, Outcome.NO_RESPONSE.value)
    print(f"{'accepted by':<48}" + "".join(f"{column:>13}" for column in columns))
    for group, count in told.items():
        print(f"{group:<48}" + "".join(f"{count[column]:>13}" for column in columns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
