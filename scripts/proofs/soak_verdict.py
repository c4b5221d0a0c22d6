"""What the drill is judged by, from the records that outlive the daemon: pin, events, log, and /proc."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median

import numpy as np

from doorctl.core.decision import EventKind
from doorctl.core.records import Reason
from doorctl.gpio.simulated import read_transitions
from doorctl.store.records import StoredEvent
from scripts.proofs.pulses import CAUSES, GRACE_SECONDS, Pulse, pulses_of, without_event
from scripts.proofs.soak_door import Door, Weight
from scripts.proofs.soak_drill import UNLOCK_SECONDS, Done, Drill
from scripts.proofs.soak_faults import FAULTS, OPEN_SECONDS
from scripts.proofs.soak_visitors import Kind, Visit
from scripts.proofs.table import Row, spread

GROWTH_MEGABYTES = 5.0
WARM_SECONDS = 20.0
"""A life's memory is measured from this age on, and so long after its first photo: to look at one, nets are
loaded a second time, and what they took is kept for the next."""
READINGS = 10
"""So many make a part of a life that says something."""
LEARNT = (EventKind.PERSON_ENROLLED, EventKind.PHOTO_REFUSED)
"""For these a photo was looked at."""
RATE = 1000 / 3600
"""Presentations a second that the drill has to reach."""
LET_IN = 0.9
"""Share of known people that is: on a machine that is busy with other things, not every visit has enough
pictures."""
SEEN_LATE = 1.5
"""Seconds after the last picture of a visit within which its decision is told."""
LEFT = {
    *("clock", "daemon.log", "doorctl.yaml", "notify"),
    *("state/gpio.json", "state/pins.jsonl", "state/daemon.lock", "state/sync.lock"),
    *("disk/store/doorctl.db", "disk/store/doorctl.db-wal", "disk/store/doorctl.db-shm"),
}
"""What may be there at the end, besides photos."""


@dataclass(frozen=True)
class Record:
    """All that there is to judge by."""

    drill: Drill
    done: Sequence[Done]
    began: float
    ended: float
    verified: subprocess.CompletedProcess[str]
    """What ``doorctl events verify`` said."""
    left: Sequence[str]
    """Files and processes that were left over."""

    @property
    def events(self) -> Sequence[StoredEvent]:
        return self.drill.door.events


def judge(record: Record) -> list[Row]:
    """The table: what was asked of the drill, and what it came to."""
    return [*_releases(record), *_visits(record), *_faults(record), *_rest(record)]


def _releases(record: Record) -> Iterator[Row]:
    drill, kills = record.drill, [life.ended for life in record.drill.door.lives if life.status == -9]
    pulses = pulses_of(read_transitions(drill.place.pins))
    counts = Counter(event.kind for event in record.events if event.kind in CAUSES)
    told = ", ".join(f"{kind}: {number}" for kind, number in sorted(counts.items()))
    yield Row("releases, and what they were recorded as", f"{len(pulses)}; {told}", "", bool(pulses))
    lacking = without_event(pulses, record.events)
    yield _none("releases without an event in the store before them", lacking)
    most = max(*OPEN_SECONDS, UNLOCK_SECONDS) + GRACE_SECONDS
    cut = [pulse for pulse in pulses if any(at and pulse.on.at <= at <= _end(pulse) for at in kills)]
    causes = [event.at for event in record.events if event.kind in CAUSES and event.at is not None]
    # A release while one runs makes that one longer.
    whole = [
        _end(p) - max([at for at in causes if at <= _end(p)], default=p.on.at) for p in pulses if p not in cut
    ]
    yield _most("longest from the last event that releases to locked", whole, most)
    # What is killed is locked from outside, which takes as long as Python takes to start.
    lives = drill.door.lives
    over = [
        life.over - life.ended for life in lives if life.over and life.ended and life.stop_post_status == 0
    ]
    yield Row(
        "'doorctl lock' worked after every end",
        f"{len(over)} of {len(lives)}",
        "all",
        len(over) == len(lives),
    )
    yield _most(
        "longest pulse that was cut by a kill", [p.seconds for p in cut], most + max(over, default=0.0)
    )
    known = [visit for visit in drill.visitors.visits if visit.kind is Kind.KNOWN]
    granted = [event for event in record.events if event.kind == EventKind.ACCESS_GRANTED]
    wrong = [event.id for event in granted if not any(_belongs(event, visit) for visit in known)]
    yield _none("grants while nobody who is known was there", wrong)
    shown = sum(done.name == "picture shown" for done in record.done)
    cleared = f"{drill.door.cleared} times, after {shown} pictures"
    yield Row("an operator cleared that a known person was doubted", cleared, "", good=True)
    orders = [event for event in record.events if event.kind == EventKind.UNLOCKED]
    yield Row(
        "operator's releases, of as many orders",
        f"{len(orders)} of {len(drill.unlocked)}",
        "all, and no more",
        len(orders) == len(drill.unlocked),
    )


def _end(pulse: Pulse) -> float:
    return pulse.on.at + pulse.seconds


def _belongs(event: StoredEvent, visit: Visit) -> bool:
    return event.at is not None and visit.begin <= event.at <= visit.end + SEEN_LATE


def _visits(record: Record) -> Iterator[Row]:
    blind = [(done.at, done.works or record.ended) for done in record.done if done.blinds]
    seen = [
        visit
        for visit in record.drill.visitors.visits
        if record.began <= visit.begin
        and visit.end + SEEN_LATE <= record.ended
        and not any(begin <= visit.end + SEEN_LATE and visit.begin <= end for begin, end in blind)
    ]
    seconds = record.ended - record.began
    shown = [visit for visit in record.drill.visitors.visits if record.began <= visit.begin < record.ended]
    found = f"{len(shown)}, {len(seen)} of them while nothing hid them, in {seconds:.0f} s"
    yield Row("presentations", found, f"at least {RATE * 3600:.0f} an hour", len(shown) >= RATE * seconds)
    kinds = [EventKind.ACCESS_GRANTED, EventKind.ACCESS_DENIED, EventKind.LOCKED_OUT]
    for kind in (Kind.KNOWN, Kind.STRANGER, Kind.PASSER):
        came = [visit for visit in seen if visit.kind is kind]
        told = Counter[str]()
        for visit in came:
            own = (event for event in record.events if event.kind in kinds and _belongs(event, visit))
            told[next((f"{event.kind} ({event.reason})" for event in own), "nothing")] += 1
        words = ", ".join(f"{what} {number}" for what, number in sorted(told.items()))
        granted = told[f"{EventKind.ACCESS_GRANTED} ({Reason.RECOGNISED})"]
        good, target = not granted, "nobody is let in"
        if kind is Kind.KNOWN:
            good, target = granted >= LET_IN * len(came), f"at least {LET_IN:.0%} are let in"
        yield Row(f"{kind.value}, {len(came)} times", words, target, good)


def _faults(record: Record) -> Iterator[Row]:
    came = Counter(done.name for done in record.done)
    for fault in FAULTS:
        if not came[fault.name]:
            continue
        own = [done for done in record.done if done.name == fault.name]
        works = [done.works - done.mended for done in own if done.works]
        found = f"{len(own)}, each told; works again after {spread(works)}" if works else f"{len(own)}"
        good = not any(done.wrong for done in own)
        yield Row(fault.name, found if good else f"{found}; WRONG", "told, and works again", good)
    ends = {number for done in record.done if done.ends for number in range(*done.lives)}
    lives = record.drill.door.lives
    other = [f"life {n} with {life.status}" for n, life in enumerate(lives[:-1]) if n not in ends]
    yield _none("ends of the daemon that nobody brought about", other)
    status = lives[-1].status
    yield Row("its last end, which was asked for", f"exit code {status}", "0", status == 0)
    kinds = (EventKind.CAMERA_LOST, EventKind.SYNC_FAILED, EventKind.CLOCK_STEPPED, EventKind.INPUT_FAULT)
    faults = [(done.at, done.works or record.ended) for done in record.done]
    alone = [
        f"{event.kind} ({event.id})"
        for event in record.events
        if event.kind in kinds and event.at and not any(begin <= event.at <= end for begin, end in faults)
    ]
    # A machine that is busy with other things may do these by itself: told, and not held against the door.
    yield Row("faults told that nobody brought about", ", ".join(alone) or "none", "", good=True)


def _rest(record: Record) -> Iterator[Row]:
    verified = record.verified
    said = " ".join((verified.stdout or verified.stderr).split())
    yield Row("doorctl events verify", said, "exit code 0", verified.returncode == 0)
    yield from _memory(record)
    yield _none("files and processes left over", record.left)
    wrong = [f"{done.name}: {why}" for done in record.done for why in done.wrong]
    yield _none("what was wrong, as it is told above", wrong)


def _memory(record: Record) -> Iterator[Row]:
    """How much each life has grown, and how fast all of them together have."""
    weights = record.drill.door.weights
    photos = [event.at for event in record.events if event.kind in LEARNT and event.at is not None]
    grown, slopes, spans = list[float](), list[float](), list[float]()
    for number, life in enumerate(record.drill.door.lives):
        first = min((at for at in photos if life.ready and life.ready <= at), default=inf)
        old = [w for w in weights if w.life == number and w.age >= WARM_SECONDS]
        both = ([w for w in old if w.at < first], [w for w in old if w.at >= first + WARM_SECONDS])
        parts = [part for part in both if len(part) >= READINGS]
        if not parts:
            continue
        grown.append(sum(_ends(part) for part in parts))
        spans.append(sum(part[-1].at - part[0].at for part in parts))
        slopes += [
            float(np.polyfit([w.age for w in p], [w.megabytes for w in p], 1)[0]) * 3600 for p in parts
        ]
    target = f"at most {GROWTH_MEGABYTES:g} MB"
    if not grown:
        yield Row("resident memory", "no life was long enough to say", target, good=True)
        return
    longest = spans.index(max(spans))
    peak = max(weight.megabytes for weight in weights)
    found = f"{max(grown):+.1f} MB at most, {median(grown):+.1f} the median of {len(grown)} lives"
    yield Row("resident memory grew in a life by", found, target, max(grown) <= GROWTH_MEGABYTES)
    found = f"{grown[longest]:+.1f} MB in {spans[longest]:.0f} s"
    yield Row("in the longest life", found, target, grown[longest] <= GROWTH_MEGABYTES)
    fast = f"{sum(grown) / sum(spans) * 3600:+.1f} MB an hour, in {sum(spans):.0f} s"
    found = f"{fast}; median slope {median(slopes):+.1f}; peak {peak:.0f} MB"
    yield Row("in all lives together", found, "", good=True)


def _ends(part: Sequence[Weight]) -> float:
    """By how much the last readings are more than the first: a photo may be looked at during one."""
    begin, end = (
        median(w.megabytes for w in some) for some in (part[: READINGS // 2], part[-(READINGS // 2) :])
    )
    return end - begin


def _none(what: str, wrong: Sequence[object]) -> Row:
    shown = ", ".join(map(str, wrong[:3])) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    return Row(what, shown or "none", "none", not wrong)


def _most(what: str, seconds: Sequence[float], most: float) -> Row:
    found = f"{max(seconds):.2f} s" if seconds else "none"
    return Row(what, found, f"at most {most:.1f} s", max(seconds, default=0.0) <= most)


def left_over(door: Door, photos: set[str]) -> list[str]:
    """Files, processes and temporary directories that nothing should have left."""
    files = sorted(door.place.files() - LEFT - photos)
    mine = str(door.place.root).encode()
    processes = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                if b"STATE_DIRECTORY=" + mine in (process / "environ").read_bytes():
                    processes.append(f"process {process.name}")
            except OSError:
                continue
    return [*files, *processes]
