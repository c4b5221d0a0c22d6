"""What a first round of many photos costs, and what it leaves of the door's frame rate."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from doorctl.core.decision import EventKind
from doorctl.demo.clips import FPS
from scripts.proofs.places import GRANTED, MARK, PHOTO, ROUND, Place, dropbox, running
from scripts.proofs.table import SOON, Row, spread
from scripts.proofs.watched import Command, Meter
from tests.enrol.standin import Authority

PER_SECOND, SHARE, PEAK_MB = 10.0, 0.8, 300.0
"""What a first round must reach, what it must leave of a replay's frame rate, and what it may take."""
WATCH = 10.0
"""Seconds of watching before and after a first round."""
DENIALS = 5
"""In the midst of a round."""
GoesOn = Callable[[], bool]


def replays(data: Path, clip: Path, goes_on: GoesOn) -> float:
    """Play the clip again and again as fast as it goes: frames a second, without what starting takes."""
    frames = seconds = 0.0
    while not frames or goes_on():
        replay = Command("replay", clip, "--json", "--data", data)
        while replay.runs and (not frames or goes_on()):
            time.sleep(0.05)
        whole = not replay.runs
        replay.stop()
        # She is let in again and again, and told at once: the clip's time beside the clock's.
        grants = [line for line in replay.lines if f'"{EventKind.ACCESS_GRANTED}"' in line.text]
        at = [float(line.text.partition('"time": ')[2].partition(",")[0]) for line in grants]
        if len(at) > 1:
            frames += (at[-1] - at[0]) * FPS
            seconds += grants[-1].at - grants[0].at
        elif whole:
            raise RuntimeError("nobody is let in by the replay:\n" + "\n".join(x.text for x in replay.lines))
    return frames / seconds


def learnt(daemon: Command, start: int) -> Counter[str]:
    """How many photos have been dealt with, by what became of them."""
    found = Counter[str]()
    for line in daemon.lines[start:]:
        if line.text.startswith(ROUND):
            for word, number in (part.split(": ") for part in line.text.removeprefix(ROUND).split(", ")):
                found[word] += int(number) * (word in {"enrolled", "held", "refused", "parked"})
    return +found


def deny(daemon: Command, place: Place, goes_on: GoesOn) -> list[float]:
    """Put a mark and take it away again, a few times while the round goes on: seconds until she is denied."""
    seconds: list[float] = []
    while len(seconds) < DENIALS and goes_on():
        time.sleep(4.0)
        before, start = len(daemon.lines), time.time()
        place.put(MARK, b"")
        seconds.append(daemon.lines[daemon.wait(" s: denied ", before, 600.0)].at - start)
        place.delete(MARK)
        daemon.wait(GRANTED, before, 600.0)
    return seconds


@dataclass(frozen=True)
class Watched:
    """What was seen in a stretch of time."""

    start: float
    end: float
    others: float
    """Processors that were busy with something else."""
    replay: float
    """Frames a second of the replay beside it, if there was one."""
    frames: float
    ages: list[float]
    """Of the daemon's frames."""

    def __str__(self) -> str:
        age = (self.ages[len(self.ages) * share // 100] * 1e3 for share in (50, 99))
        words = "daemon {:.1f} frames/s, age {:.0f} ms, 99 % {:.0f}, worst {:.0f}; {}others took {:.2f} CPUs"
        replay = f"replay {self.replay:.1f} frames/s; " if self.replay else ""
        return words.format(self.frames, *age, self.ages[-1] * 1e3, replay, self.others)


def watch(daemon: Command, work: Callable[[], float]) -> Watched:
    """Do something, which may give a replay's speed, and see how the daemon does meanwhile."""
    meter, start = Meter(daemon), time.time()
    replay, end = work(), time.time()
    return Watched(start, end, meter.others(), replay, *daemon.frames(start, end))


def first_round(
    data: Path,
    authority: Authority,
    clip: Path,
    photos: dict[str, bytes],
    play: Callable[[GoesOn], float] | None,
) -> list[Row]:
    """Give the daemon all photos at once; ``play`` replays a clip beside it for as long as it is told."""
    name = f"first round, {'a replay beside' if play else 'her before the door'}"
    denied: list[float] = []
    with dropbox(authority) as (place, standin):
        place.put(PHOTO, (data.parent / "portraits" / "grace_hopper.jpg").read_bytes())
        with running(data, place, clip) as daemon:

            def quiet() -> float:
                end = time.time() + WATCH
                if play:
                    return play(lambda: time.time() < end)
                time.sleep(WATCH)
                return 0.0

            def busy() -> float:
                with standin.state.changed:  # none is seen before all are there
                    for file, content in photos.items():
                        place.put(file, content)
                speed = play(goes_on) if play else 0.0
                denied.extend([] if play else deny(daemon, place, goes_on))
                while goes_on():
                    time.sleep(0.1)
                return speed

            before = len(daemon.lines)
            until = time.time() + 900.0

            def goes_on() -> bool:
                return learnt(daemon, before).total() < len(photos) and time.time() < until

            first = watch(daemon, quiet)
            cpu = time.process_time()
            during = watch(daemon, busy)
            cpu, found, peak = time.process_time() - cpu, learnt(daemon, before), daemon.peak_mb()
            last = watch(daemon, quiet)
            seconds = max(daemon.told(ROUND, before)) - during.start
    told = ", ".join(f"{word} {number}" for word, number in sorted(found.items()))
    print(f"{name}: {len(photos)} photos in {seconds:.1f} s ({told}); the stand-in took {cpu:.1f} s of CPU")
    for when, seen in (("before", first), ("during", during), ("after", last)):
        print(f"  {when}: {seen}", flush=True)
    rate = found.total() / seconds
    alone = first.replay + last.replay if play else first.frames + last.frames
    share = 2 * (during.replay if play else during.frames) / alone
    rows = [
        Row(f"{name}: photos", f"{rate:.1f} a second", f"at least {PER_SECOND:g}", rate >= PER_SECOND),
        Row(f"{name}: frame rate", f"{share:.0%} of that alone", f"at least {SHARE:.0%}", share >= SHARE),
        Row(f"{name}: most memory", f"{peak:.0f} MB", f"at most {PEAK_MB:g} MB", peak <= PEAK_MB),
    ]
    if denied:
        good = max(denied) <= SOON
        found_ = f"known after {spread(denied)}"
        rows.append(Row(f"{name}: denial amid it, {len(denied)} times", found_, f"at most {SOON:g} s", good))
    return rows
