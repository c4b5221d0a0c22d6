"""A fault drill in real time: all that can go wrong at a door, in random order, while people come and go.

    scripts/prove soak [SECONDS] [--seed N] [--photos disk|Dropbox] [--keep DIR]

The daemon runs as a process under a supervisor that does what systemd would, with the unit's values. Its
camera is a network camera, its photos are in a folder on a disk or in a stand-in for Dropbox, its database on
a small disk; its pin is simulated, and keeps its record in a file that outlives the daemon. A known person, a
stranger or a passer-by comes every three seconds; the nets judge whether a visitor is alive. Meanwhile come,
in an order drawn from the seed, the faults of ``soak_faults``, each once before any comes again. After each
it is measured how long it takes until somebody is let in, and compared what the daemon has open.

In the end it is judged from what outlives the daemon (see ``soak_verdict``) whether the door was ever
released without an event in its store before, whether each fault was told, and what is left over. A fault is
told by an event of its own but for three, which the log tells: see ``soak_faults``.

A disk that can be filled is mounted, which needs root: without that no disk is full, and the table says so.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from doorctl.app.settings import Settings
from doorctl.app.wiring import open_eye
from doorctl.core.decision import EventKind
from doorctl.demo.clips import FPS
from doorctl.demo.portraits import fetch_portraits
from doorctl.errors import DoorctlError
from scripts.proofs.soak_camera import NetworkCamera
from scripts.proofs.soak_door import Door, NotTold
from scripts.proofs.soak_drill import Done, Drill
from scripts.proofs.soak_faults import FAULTS, OPEN_SECONDS, Fault
from scripts.proofs.soak_photos import KINDS, photos
from scripts.proofs.soak_place import LIVENESS, NO_NETS, Place, disk
from scripts.proofs.soak_verdict import Record, judge, left_over
from scripts.proofs.soak_visitors import KNOWN, rehearsed
from scripts.proofs.table import Row, show

HOUR = 3600.0
GENTLE = 2
"""After the first round, in which each comes once, what does not end the daemon comes so many times as often
as what does: memory is only seen to grow in a life that lasts."""
FIRST_PAUSE, MOST_PAUSE = 1.5, 20.0
"""Mean seconds between two faults, in the first round and later: then people are to be let in, too."""
LAST_SECONDS = 15.0
"""So long before the end no fault begins any more."""
ENOUGH_SECONDS = 280.0
"""In so much time every fault has to come."""


def plan(draw: random.Random, faults: Sequence[Fault]) -> Iterator[Fault]:
    """Faults, for ever."""
    times = 1
    while True:
        drawn = [fault for fault in faults for _ in range(1 if fault.ends else times)]
        draw.shuffle(drawn)
        yield from drawn
        times = GENTLE


def one(drill: Drill, fault: Fault) -> Done:
    """A fault, and what came of it."""
    wrong, words, works = list[str](), "", None
    begun, number = time.monotonic(), len(drill.door.lives) - 1
    try:
        words = fault.act(drill)
    except (NotTold, DoorctlError, OSError, subprocess.TimeoutExpired) as why:
        wrong.append(f"{why!s}")
    mended = time.monotonic()
    try:
        drill.recover()
        works = time.monotonic()
        if differs := drill.strange():
            wrong.append(f"left open: {differs}")
    except NotTold as why:
        wrong.append(str(why))
    lives = (number, len(drill.door.lives) - 1)
    return Done(fault.name, begun, mended, works, words, lives, fault.ends, fault.blinds, tuple(wrong))


def tell(begun: float, done: Done) -> None:
    works = f"works again after {done.works - done.mended:4.1f} s" if done.works else "does not work again"
    words = "; ".join([*([done.words] if done.words else []), *(f"WRONG: {why}" for why in done.wrong)])
    print(
        f"{done.at - begun:7.1f} s  {done.name:<15}  {done.mended - done.at:5.1f} s  {works}  {words}",
        flush=True,
    )


def drilled(drill: Drill, seconds: float, faults: Sequence[Fault]) -> tuple[list[Done], float, float]:
    """Do it for so long; what was done, and when it began and ended."""
    drill.door.life(0)
    drill.door.told(EventKind.PERSON_ENROLLED, 0, 60.0)
    for _ in range(3):
        drill.recover()
    drill.strange()
    begun, done = time.monotonic(), list[Done]()
    end = begun + seconds
    for fault in plan(drill.draw, faults):
        mean = FIRST_PAUSE if len(done) < len(faults) else min(MOST_PAUSE, seconds / 60)
        pause = drill.draw.uniform(0.0, 2 * mean)
        hopeless = len(done) > 1 and done[-1].works is done[-2].works is None
        if hopeless or time.monotonic() + pause >= end - LAST_SECONDS:
            break
        time.sleep(pause)
        done.append(one(drill, fault))
        tell(begun, done[-1])
    if not hopeless:
        time.sleep(max(0.0, end - time.monotonic()))
    return done, begun, time.monotonic()


def set_up(stack: ExitStack, root: Path, models: Path, kind: str, seed: int) -> Drill:
    """A door with one person's photo in its folder, and everything that can go wrong with it."""
    draw = random.Random(seed)
    portraits = fetch_portraits(root / "portraits")
    eye = open_eye(Settings.without_config(root))
    visitors = rehearsed(eye, portraits, random.Random(draw.randrange(2**32)))
    is_disk = stack.enter_context(disk(root / "disk"))
    folder, photo_faults = stack.enter_context(photos(kind, root))
    camera = stack.enter_context(NetworkCamera(visitors.look, FPS))
    place = Place(root, models, disk=is_disk)
    place.env |= folder.env
    liveness = LIVENESS if eye.models.antispoof else NO_NETS
    settings = {"camera": camera.address, "photos": folder.photos, "liveness": liveness}
    place.configure(open_seconds=OPEN_SECONDS[0], **settings)
    folder.put(f"{KNOWN}-1{portraits[KNOWN].suffix}", portraits[KNOWN].read_bytes())
    nets = eye.models
    used = (nets.detector, nets.detector_full, nets.mesh, nets.embedder, *nets.antispoof)
    return Drill(
        place=place,
        door=Door(place),
        camera=camera,
        visitors=visitors,
        photos=folder,
        photo_faults=photo_faults,
        photo=portraits[KNOWN],
        nets=[net.path.name for net in used],
        draw=draw,
        open_seconds=OPEN_SECONDS[0],
    )


def run(seconds: float, seed: int, kind: str, keep: Path | None) -> bool:
    """The whole drill; whether all was as it should be."""
    with tempfile.TemporaryDirectory(prefix="doorctl-soak-") as temporary, ExitStack() as stack:
        drill = set_up(stack, Path(temporary), Path(os.environ["DOORCTL_MODELS"]), kind, seed)
        place = drill.place
        faults = [fault for fault in FAULTS if place.is_disk or fault.name != "disk full"]
        before = place.files()
        with drill.door:
            done, began, ended = drilled(drill, seconds, faults)
        words = ["events", "verify", "--no-journal", "--anchors", str(drill.door.log)]
        verified = subprocess.run(place.command(*words), capture_output=True, text=True, check=False)
        if keep:
            shutil.copytree(place.root, keep, ignore=what_is_not_kept)
        left = left_over(drill.door, before | receipts(place))
        rows = judge(Record(drill, done, began, ended, verified, left))
        came, all_ = {fault.name for fault in done}, {fault.name for fault in FAULTS}
        missing = f"not {', '.join(sorted(all_ - came))}" if all_ - came else "all"
        rows.append(
            Row(
                "kinds of faults that came",
                f"{len(came)} of {len(all_)}: {missing}",
                "all",
                _enough(came, faults, seconds),
            )
        )
        good = show(rows)
        if not good:
            print(f"\nthe daemon's log ends:\n{drill.door.log.read_text()[-6000:]}")
        return good


def _enough(came: set[str], faults: Sequence[Fault], seconds: float) -> bool:
    return seconds < ENOUGH_SECONDS or came == {fault.name for fault in faults}


def what_is_not_kept(directory: str, names: list[str]) -> set[str]:
    """The nets, and what no file is: sockets, pipes."""
    return {
        name
        for name in names
        if name == "models" or (not (path := Path(directory, name)).is_dir() and not path.is_file())
    }


def receipts(place: Place) -> set[str]:
    return {file for file in place.files() if file.startswith("photos/_doorctl/")}


def stop(*_: object) -> None:
    """Whoever ends the drill ends the daemon, too, and gives the disk back."""
    sys.exit(143)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/prove soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("seconds", type=float, nargs="?", default=HOUR)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--photos", choices=KINDS, help="where photos come from; drawn if it is not said")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where everything is copied to in the end")
    options = parser.parse_args()
    kind = options.photos or KINDS[options.seed % len(KINDS)]
    signal.signal(signal.SIGTERM, stop)
    seed = f"seed {options.seed} (--seed {options.seed} repeats what is drawn)"
    print(f"{options.seconds:g} s, {seed}, photos from {kind}", flush=True)
    return 0 if run(options.seconds, options.seed, kind, options.keep) else 1


if __name__ == "__main__":
    sys.exit(main())
