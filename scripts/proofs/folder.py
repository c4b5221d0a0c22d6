"""How soon the door knows what has happened in its folder, and what a first round of a thousand photos costs.

Everything runs in the daemon as it is, a process of its own, on simulated pins. Its Dropbox is the tests'
stand-in, over TLS on this machine, so what the network and Dropbox take comes on top of these times; and the
stand-in, which is in this process, takes its share of the processors.

Changes: Grace Hopper stands before the camera all the time. Her photo comes, a mark denies her, the mark
goes, her photo goes. Timed is from the change in the folder, whatever the daemon is doing then, until the
frame loop judges by the new people (it logs the threshold that they need), and until she is first, or last,
let in.

First round: so many photos are there at once. One daemon sees her all the while, and while the photos are
learnt from she is denied by a mark a few times. The other sees an empty wall, beside a ``doorctl replay``
that runs as fast as it goes, as it does before and afterwards, and takes nearly two processors for itself. A
frame's age is from its capture to its decision. "Others" are processors busy with what is not measured here:
where they are more than a tenth of one, the figures of a first round are worse than the machine's.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2

from doorctl.app.enrolment import only_face, photo_to_template
from doorctl.app.settings import Settings
from doorctl.app.wiring import open_eye
from doorctl.core.decision import EventKind
from doorctl.core.records import Image
from doorctl.demo.clips import FPS, HEIGHT, WIDTH, Walk, walk_up, wall
from doorctl.demo.portraits import fetch_portraits
from doorctl.demo.show import ENROLLED
from doorctl.store.database import Store
from doorctl.vision.photo import read_photo
from scripts.proofs.first_round import first_round, replays
from scripts.proofs.places import CONFIG, GRANTED, MARK, PHOTO, Place, disk, dropbox, running
from scripts.proofs.table import SOON, Row, show, spread
from tests.enrol.standin import Authority

PHOTOS = 1000
OTHER = "Eileen Collins"
KNOWS = "doorctl.app.keeper: threshold "


def changes(data: Path, place: Place, clip: Path, times: int, faces: dict[str, bytes]) -> list[Row]:
    """Let her come and go that often, and time when the door knows."""
    steps: tuple[tuple[str, bool, float, Callable[[], object]], ...] = (
        ("enrolment", True, SOON + place.looks + place.rests, lambda: place.put(PHOTO, faces[ENROLLED])),
        ("denial", False, SOON + place.looks, lambda: place.put(MARK, b"")),
        ("denial lifted", True, SOON + place.looks, lambda: place.delete(MARK)),
        ("deletion", False, SOON + place.looks, lambda: place.delete(PHOTO)),
    )
    knew: dict[str, list[float]] = {what: [] for what, *_ in steps}
    shown: dict[str, list[float]] = {what: [] for what, *_ in steps}
    wrong = Counter[str]()
    moments = random.Random(0)
    place.put(f"{OTHER}-1.png", faces[OTHER])
    with running(data, place, clip) as daemon:
        for _ in range(times):
            for what, lets_in, _, change in steps:
                time.sleep(moments.uniform(0.5, 2.0))
                before, start = len(daemon.lines), time.time()
                change()
                known = daemon.wait(KNOWS, before)
                knew[what].append(daemon.lines[known].at - start)
                if lets_in:
                    first = daemon.wait(GRANTED, before)
                    shown[what].append(daemon.lines[first].at - start)
                    wrong[what] += first < known
                    continue
                time.sleep(1.0)  # three grants, were she let in still
                wrong[what] += len(daemon.told(GRANTED, known))
                shown[what].append(max(daemon.told(GRANTED, before), default=start) - start)
            with Store(data) as store, store.undisturbed() as db:
                # So many people gone within minutes would be held back, for an operator to look at.
                old = "UPDATE events SET time = '2000-01-01T00:00:00.000Z' WHERE kind = ?"
                db.execute(old, (str(EventKind.PERSON_REVOKED),))
    return [
        Row(
            f"{place.name}: {what}, {times} times",
            f"known after {spread(knew[what])}; {'first' if lets_in else 'last'} let in {spread(shown[what])}"
            f"{f'; WRONG {wrong[what]} times' if wrong[what] else ''}",
            f"at most {allowed:g} s",
            max(knew[what]) <= allowed and not wrong[what],
        )
        for what, lets_in, allowed, _ in steps
    ]


def chosen(folder: Path, count: int) -> dict[str, bytes]:
    """So many photos of whole people, in the order of their names: ``Ann Lee-1.jpg`` and its content."""
    places = Counter[str]()
    photos = {}
    for file in sorted(folder.glob("*/*.jpg"))[:count]:
        name = file.parent.name.replace("_", " ")
        places[name] += 1
        photos[f"{name}-{places[name]}.jpg"] = file.read_bytes()
    return photos


def write_clip(path: Path, frames: Iterable[Image]) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, metavar="DIR", help="one folder of photos per person")
    parser.add_argument("--times", type=int, default=20, metavar="N", help="of each change; 0: none")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        eye = open_eye(Settings.find(None, root))
        portraits = fetch_portraits(root / "portraits")
        image = read_photo(portraits[ENROLLED])
        stay = Walk(far=0.3, approach_seconds=1 / FPS, stay_seconds=20.0, away_seconds=0.0)
        her = write_clip(root / "her.mp4", walk_up(image, only_face(eye, image, ENROLLED).box, stay, seed=0))
        nobody = write_clip(root / "nobody.mp4", [wall()] * FPS)
        authority = Authority(root)
        if options.times:
            faces = {name: photo.read_bytes() for name, photo in portraits.items()}
            with dropbox(authority) as (place, _):
                rows += changes(root / "far", place, her, options.times, faces)
            rows += changes(root / "near", disk(root / "photos"), her, options.times, faces)
        if options.photos:
            photos, replay = chosen(options.photos, PHOTOS), root / "replay"
            replay.mkdir()
            (replay / "doorctl.yaml").write_text(CONFIG.format(clip=her, photos="source: none"))
            with Store(replay) as store:
                store.enrol(ENROLLED, [photo_to_template(eye, portraits[ENROLLED])])
            rows += first_round(root / "seen", authority, her, photos, None)
            rows += first_round(
                root / "empty", authority, nobody, photos, lambda on: replays(replay, her, on)
            )
    return 0 if show(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
