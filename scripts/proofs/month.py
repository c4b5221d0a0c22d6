"""A month at a made-up door, and the report of it, to be looked at.

25 people of long ago come and go on working days; strangers, pictures, locks, faults and disputes happen.
Every decision is ``step()``'s, on made-up observations; every event is in a real store, at the month's time.
The month must hold every reason for which the door refuses somebody.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from doorctl.app import site
from doorctl.app.settings import Settings
from doorctl.app.wiring import installed
from doorctl.core.decision import Cause, EventKind
from doorctl.core.inputs import Clear, Command, Hold, Line, Noise, Shut, Switched
from doorctl.core.liveness import LivenessMode
from doorctl.core.mentions import numbered
from doorctl.core.passage import PassageRules
from doorctl.core.policy import Policy
from doorctl.core.records import Person, Reason
from doorctl.core.schedule import Access, Group, Span
from doorctl.errors import ModelError
from doorctl.report.disputes import event_of
from doorctl.report.files import whole_file
from doorctl.report.gather import gather
from doorctl.report.page import page
from doorctl.store.database import Store
from doorctl.store.history import History
from tests.report.simulated_door import Look, SimulatedDoor, a_face, utc

ZONE = ZoneInfo("Europe/Vienna")
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
NAMES = (
    *("Grace Hopper", "Eileen Collins", "Ada Lovelace", "Alan Turing", "Mary Jackson"),
    *("Katherine Johnson", "Emmy Noether", "Lise Meitner", "Hedy Lamarr", "Sofia Kovalevskaya"),
    *("Rosalind Franklin", "Chien-Shiung Wu", "Dorothy Vaughan", "Claude Shannon", "John Tukey"),
    *("Niels Bohr", "Srinivasa Ramanujan", "Maryam Mirzakhani", "Barbara McClintock", "Vera Rubin"),
    *("Jocelyn Bell", "Mae Jemison", "Maria Göppert-Mayer", "Konrad Zuse", "Ludwig Boltzmann"),
)
REFUSALS = (
    Reason.UNKNOWN_PERSON,
    Reason.AMBIGUOUS,
    Reason.DENIED,
    Reason.SCHEDULE,
    Reason.SPOOF,
    Reason.CHALLENGE_FAILED,
    Reason.LIVENESS_UNSURE,
    Reason.LOCKED_OUT,
)
CLEANERS = ("Konrad Zuse", "Ludwig Boltzmann")
EVENING = Group("cleaners", tuple((Span(18 * 60, 21 * 60),) if day < 5 else () for day in range(7)))
POLICY = Policy(
    threshold=0.74,
    margin=0.08,
    lookalike_margin=0.16,
    liveness=LivenessMode.ADAPTIVE,
    raised_threshold=0.84,
    passage=PassageRules(contact=True),
    access=Access(members={name.casefold(): (EVENING,) for name in CLEANERS}, zone=ZONE),
)


@dataclass
class Habit:
    """When somebody comes, and how well the door knows them."""

    person: Person
    arrives: float
    """Hours of the day."""
    score: float
    spread: float
    lookalike: bool = False


class Month:
    """The whole month at one door."""

    def __init__(self, store: Store, seed: int, model: str) -> None:
        self.rng = random.Random(seed)
        start = utc(datetime.combine(FIRST, clock(), ZONE))
        self.door = SimulatedDoor(store, start, POLICY, self.rng)
        self.store, self.model = store, model
        self.habits: dict[str, Habit] = {}
        self.strangers = 0

    def play(self) -> None:
        """From the first day to the last."""
        self.door.note(EventKind.STARTED, "people: 0, nets: standard")
        shared = np.random.default_rng(7).normal(size=256).astype(np.float32)
        for number, name in enumerate(NAMES[:-1]):
            alike = name in ("Mary Jackson", "Dorothy Vaughan")
            self._enrol(name, number, shared if alike else None)
        day = FIRST
        while day <= LAST:
            with self.store.undisturbed():
                self._day(day)
            day += timedelta(days=1)

    def _enrol(self, name: str, number: int, shared: object = None) -> None:
        vector = None
        if isinstance(shared, np.ndarray):
            vector = np.asarray(shared + 0.55 * np.random.default_rng(number).normal(size=256), np.float32)
        person = self.door.enrol(name, 100 + number, self.model, vector)
        weak = {"Alan Turing": 0.79, "Vera Rubin": 0.815}
        score = weak.get(name, self.rng.uniform(0.865, 0.96))
        spread = 0.028 if name in weak else self.rng.uniform(0.012, 0.028)
        arrives = 19.0 if name in CLEANERS else self.rng.gauss(8.6, 0.7)
        self.habits[name] = Habit(person, arrives, score, spread, vector is not None)

    def _day(self, day: date) -> None:
        plan: list[tuple[float, Callable[[], object]]] = []
        working = day.weekday() < 5
        for name, habit in self.habits.items():
            if not working and self.rng.random() > (0.08 if day.weekday() == 5 else 0.03):
                continue
            if working and self.rng.random() < 0.07:
                continue
            come = habit.arrives + self.rng.gauss(0, 0.3)
            hours = [come]
            if name not in CLEANERS and self.rng.random() < 0.8:
                hours.append(self.rng.gauss(13.0, 0.35))
            if name not in CLEANERS and self.rng.random() < 0.25:
                hours.append(self.rng.uniform(9.5, 17))
            plan += [(hour, lambda habit=habit: self._visit(habit)) for hour in hours]  # type: ignore[misc]
        for _ in range(self.rng.choice((0, 0, 0, 1, 1, 2) if working else (0, 0, 0, 0, 1))):
            plan.append((self.rng.uniform(8, 20), self._stranger))
        plan += [(self.rng.uniform(9, 18), self._exit) for _ in range(14 if working else 1)]
        plan += [(hour, act) for when, hour, act in self._happenings() if when == day]
        midnight = datetime.combine(day, clock(), ZONE)
        for hour, act in sorted(plan, key=lambda one: one[0]):
            at = (
                utc(midnight + timedelta(hours=min(23.9, max(0.1, hour)))) - self.door.start
            ).total_seconds()
            self.door.until(at)
            act()

    def _look(self, habit: Habit) -> Look:
        score = min(0.995, self.rng.gauss(habit.score, habit.spread))
        margin = self.rng.uniform(0.155, 0.3) if habit.lookalike else self.rng.uniform(0.22, 0.4)
        live = self.rng.choice((0.97, 0.96, 0.94, 0.9, 0.85, 0.4 if self.rng.random() < 0.3 else 0.9))
        return Look(habit.person, score, live, margin, habit.lookalike)

    def _visit(self, habit: Habit) -> None:
        """Somebody known comes in, at the second or third try if need be."""
        for _ in range(3):
            look = self._look(habit)
            suspected = habit.person.id in self.door.door.lockout.suspects
            doubtful = look.live is not None and look.live < 0.6
            known = look.score >= self.door.policy.threshold
            if self.door.comes(look, 9.0 if doubtful or suspected else 1.5 if known else 2.6):
                if self.rng.random() < 0.985:
                    self.door.opens(self.rng.uniform(0.3, 1.6), self.rng.uniform(1.5, 4))
                else:
                    self.door.until(self.door.at + 6)
                return
            if habit.person.denied or habit.person.name in CLEANERS:
                return
            self.door.until(self.door.at + self.rng.uniform(4, 14))

    def _stranger(self) -> None:
        self.strangers += 1
        like = self.rng.choice(list(self.habits.values())).person
        look = Look(like, self.rng.uniform(0.3, 0.55), 0.9, face=a_face(self.strangers))
        self.door.comes(look, self.rng.uniform(1.5, 5))

    def _exit(self) -> None:
        self.door.take(Switched(self.door.at, Line.REX, True))
        self.door.take(Switched(self.door.at + 0.3, Line.REX, False))
        if self.rng.random() < 0.95:
            self.door.opens(0.6, self.rng.uniform(1.5, 3))

    def _picture(self, name: str, times: int = 1) -> None:
        for _ in range(times):
            person = self.habits[name].person
            self.door.comes(Look(person, 0.93, 0.004, moves=False, obeys=False), 3.0)
            self.door.until(self.door.at + self.rng.uniform(5, 20))

    def _refused(self, name: str, **look: object) -> None:
        self.door.comes(replace(self._look(self.habits[name]), **look), 3.0)  # type: ignore[arg-type]

    def _passive_day(self) -> None:
        """The owner tries liveness.mode passive; in dim light it is not clear whether somebody is alive."""
        usual = self.door.policy
        self.door.note(EventKind.RELOADED)
        self.door.policy = replace(usual, liveness=LivenessMode.PASSIVE)
        for _ in range(3):
            self._refused("Emmy Noether", score=0.93, live=0.35)
            self.door.until(self.door.at + 20)
        self.door.note(EventKind.RELOADED)
        self.door.policy = usual

    def _persistent_stranger(self, times: int = 7) -> None:
        for _ in range(times):
            self.door.comes(
                Look(self.habits["Niels Bohr"].person, 0.41, 0.9, face=a_face(9000 + times)), 2.0, 2.0
            )
            self.door.until(self.door.at + 6)

    def _crowd(self) -> None:
        """Ten strangers in three minutes lock the door down; two who are known come meanwhile."""
        for _ in range(11):
            self._stranger()
            self.door.until(self.door.at + 10)
        self._refused("Hedy Lamarr", score=0.80)
        self.door.comes(Look(self.habits["Lise Meitner"].person, 0.95, 0.95), 9.0)
        self.door.until(self.door.at + 400)

    def _ordered_lockdown(self) -> None:
        self.door.take(Shut(self.door.at, True, "anna"))
        self._refused("John Tukey")
        self.door.take(Command(self.door.at, Cause.UNLOCK, 5.0, "ben"))
        self.door.until(self.door.at + 1500)
        self.door.take(Shut(self.door.at, False, "anna"))

    def _hold(self) -> None:
        self.door.take(Hold(self.door.at, 2700.0, "anna"))
        self.door.until(self.door.at + 2710)

    def _unlock(self) -> None:
        self.door.take(Command(self.door.at, Cause.UNLOCK, 10.0, "ben"))
        self.door.opens(2.0, 3.0)

    def _clear(self) -> None:
        self.door.take(Clear(self.door.at, "anna"))

    def _deny(self) -> None:
        habit = self.habits["Claude Shannon"]
        habit.person = replace(habit.person, denied=True)
        self.door.note(EventKind.PERSON_DENIED, "by anna", habit.person)

    def _fault(self, lost: EventKind, back: EventKind, why: str, seconds: float) -> None:
        self.door.note(lost, why)
        self.door.until(self.door.at + seconds)
        self.door.note(back)

    def _forced(self) -> None:
        self.door.opens(0.1, 25)

    def _left_open(self) -> None:
        self.door.comes(replace(self._look(self.habits["Jocelyn Bell"]), score=0.94, live=0.95), 1.5)
        self.door.opens(0.8, 95)

    def _line(self, line: Line, seconds: float) -> None:
        self.door.take(Switched(self.door.at, line, True))
        self.door.until(self.door.at + seconds)
        self.door.take(Switched(self.door.at, line, False))

    def _noise(self) -> None:
        self.door.take(Noise(self.door.at, Line.TAMPER))
        self.door.until(self.door.at + 900)

    def _power_cut(self) -> None:
        self.door.until(self.door.at + 3600)
        self.door.note(EventKind.STARTED, f"people: {len(self.habits)}, nets: standard")
        self.door.note(EventKind.CLOCK_STEPPED, "+3412.7 s")

    def _newcomer(self) -> None:
        self._enrol(NAMES[-1], 99)
        self.door.policy = replace(self.door.policy, threshold=0.75, raised_threshold=0.85)

    def _dispute(self, kind: EventKind, person: str | None, note: str) -> None:
        """Somebody looks back, and says that it was otherwise."""
        history = History(self.store)
        past = history.backwards(1 << 40, kinds=[kind])
        event = next(one for one in past if person is None or person in (one.person, one.nearest))
        people = [(one.id, one.name) for one in self.store.people()]
        self.door.record(event_of(event, numbered(note, people), self.door.at))

    def _happenings(self) -> list[tuple[date, float, Callable[[], object]]]:
        """What happens once: the day, the hour, and what."""
        march, granted, denied = FIRST.replace, EventKind.ACCESS_GRANTED, EventKind.ACCESS_DENIED
        turing = "It was Alan Turing, he had new glasses on"
        return [
            (march(day=3), 10.2, lambda: self._refused("Mary Jackson", margin=0.06)),
            (march(day=4), 11.5, self._unlock),
            (march(day=5), 16.4, lambda: self._refused("Konrad Zuse")),
            (march(day=6), 22.3, lambda: self._picture("Katherine Johnson")),
            (march(day=9), 9.4, lambda: self._refused("Alan Turing", score=0.7, live=0.95)),
            (march(day=9), 9.9, lambda: self._dispute(denied, "Alan Turing", turing)),
            (march(day=10), 9.1, self._deny),
            (march(day=10), 17.0, self._hold),
            (
                march(day=11),
                3.4,
                lambda: self._fault(
                    EventKind.CAMERA_LOST, EventKind.CAMERA_BACK, "no frames for 2.0 s", 5400
                ),
            ),
            (march(day=12), 14.0, self._passive_day),
            (march(day=13), 15.5, self._left_open),
            (march(day=14), 21.5, self._persistent_stranger),
            (march(day=15), 2.2, lambda: self._persistent_stranger(6)),
            (march(day=16), 8.1, lambda: self._refused("Sofia Kovalevskaya", live=0.35, obeys=False)),
            (march(day=17), 10.0, self._newcomer),
            (
                march(day=18),
                0.5,
                lambda: self._fault(
                    EventKind.SYNC_FAILED, EventKind.SYNC_BACK, "the network cannot be reached", 26000
                ),
            ),
            (
                march(day=19),
                12.2,
                lambda: self._dispute(
                    granted, "Vera Rubin", "That was not me, I was at home; ask Grace Hopper"
                ),
            ),
            (march(day=20), 20.8, lambda: self._picture("Grace Hopper", 4)),
            (march(day=20), 21.4, self._clear),
            (march(day=21), 23.1, self._forced),
            (march(day=22), 4.0, self._power_cut),
            (march(day=24), 14.7, lambda: self._line(Line.TAMPER, 140)),
            (march(day=25), 10.5, lambda: self._line(Line.FIRE, 300)),
            (march(day=26), 13.8, self._noise),
            (march(day=27), 19.9, self._crowd),
            (march(day=28), 17.2, self._ordered_lockdown),
            (march(day=30), 9.4, lambda: self._dispute(denied, "Mary Jackson", "")),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="the page")
    parser.add_argument("--seed", type=int, default=20260301)
    parser.add_argument(
        "--data", type=Path, help="keep the store in this directory, which must be empty or new"
    )
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    with tempfile.TemporaryDirectory() as directory:
        return _prove(chosen.data or Path(directory), chosen.out, chosen.seed)


def _prove(data: Path, out: Path, seed: int) -> int:
    settings = Settings.find(None, data)
    try:
        model = installed(settings)[0].embedder.card.name
    except ModelError:
        model = "none"
    since = utc(datetime.combine(FIRST, clock(), ZONE))
    until = utc(datetime.combine(LAST, clock(23, 59), ZONE))
    _measured(settings)
    with Store(data) as store:
        month = Month(store, seed, model)
        month.play()
        begun = time.monotonic()
        found = gather(settings, store, since=since, until=until, zone=ZONE)
        with whole_file(out, replace=True) as file:
            file.write(page(found))
        seconds = time.monotonic() - begun
    print(
        f"{found.events} events, {found.grants} entries, {found.refusals} refusals; report in {seconds:.2f} s"
    )
    for reason, count in found.reasons.most_common():
        print(f"  {reason:<18}{count:>6}")
    print(f"written: {out}")
    missing = [reason for reason in REFUSALS if reason not in found.reasons]
    if missing:
        print(f"MISSING: {', '.join(missing)}")
    return 1 if missing else 0


def _measured(settings: Settings) -> None:
    """What the owner measured of the anti-spoof nets."""
    species = {
        "print": site.Count(presentations=10, errors=0),
        "screen": site.Count(presentations=10, errors=1),
    }
    site.save(
        settings,
        site.Evidence(
            measured=datetime(2026, 2, 20, 9, tzinfo=UTC),
            camera="0",
            models="standard",
            threshold=0.62,
            live=site.Count(presentations=20, errors=1),
            attacks=species,
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
