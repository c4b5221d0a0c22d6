"""Real people at the door: everyone of nuaa-dev enrolled, and everyone's other visits replayed.

Each person with two or more live sequences is enrolled from three frames of the first;
the later ones are genuine presentations. People with one sequence are strangers; and so
is, in turn, each enrolled person to a door that knows all the others. Every replay is
the product's own: ``doorctl.app.replay``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from doorctl.app.enrolment import photo_to_template
from doorctl.app.replay import open_replay
from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, open_eye
from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Input
from doorctl.core.records import Frame
from doorctl.evaluation.intervals import clopper_pearson
from doorctl.store.database import Store

LIVE = Path(__file__).resolve().parents[3] / "shared" / "data" / "nuaa-dev" / "live"


@dataclass
class Count:
    """A Show that keeps who was let in and what the frames came to."""

    granted: list[str] = field(default_factory=list)
    first: float | None = None
    frames: Counter[str] = field(default_factory=Counter)
    scores: list[float] = field(default_factory=list)

    def event(self, event: Event) -> None:
        if event.kind is EventKind.ACCESS_GRANTED and event.person is not None:
            self.granted.append(event.person.name)
            self.first = event.at if self.first is None else self.first

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        if frame is not None:
            self.frames[decision.reason.value] += 1
            if decision.score is not None:
                self.scores.append(decision.score)


@dataclass(frozen=True)
class Visit:
    """One replayed sequence: whose it is, what it should come to, and what it came to."""

    sequence: str
    person: str
    enrolled: bool
    count: Count

    @property
    def right(self) -> bool:
        names = set(self.count.granted)
        return names == {self.person} if self.enrolled else not names

    @property
    def false_grant(self) -> bool:
        return bool(set(self.count.granted) - ({self.person} if self.enrolled else set()))


def sequences() -> dict[str, list[Path]]:
    """Person -> live sequences in order."""
    found: dict[str, list[Path]] = defaultdict(list)
    for folder in sorted(LIVE.iterdir()):
        found[folder.name.split("_")[0]].append(folder)
    return dict(found)


def enrol(settings: Settings, eye: Eye, people: Iterable[tuple[str, Path]]) -> None:
    """Three frames each, from the start, the middle and the end of the sequence."""
    with Store(settings.data) as store:
        for person, folder in people:
            frames = sorted(folder.glob("*.jpg"))
            chosen = [frames[0], frames[len(frames) // 2], frames[-1]]
            store.enrol(person, [photo_to_template(eye, frame) for frame in chosen])


def replay(settings: Settings, folder: Path, person: str, enrolled: bool) -> Visit:
    count = Count()
    with open_replay(settings, str(folder), [count], fps=10) as play:
        play()
    return Visit(folder.name, person, enrolled, count)


def all_visits(model_set: str, directory: Path, liveness: str = "off") -> list[Visit]:
    """Every replay of the proof."""
    base = Settings.find(None, directory / "all")
    config = base.config.model_copy(
        update={
            "models": base.config.models.model_copy(update={"set": model_set}),
            "liveness": base.config.liveness.model_copy(update={"mode": liveness}),
        }
    )
    settings = replace(base, config=config)
    eye = open_eye(settings)
    everyone = sequences()
    known = {person: folders for person, folders in everyone.items() if len(folders) > 1}
    enrol(settings, eye, [(person, folders[0]) for person, folders in known.items()])
    visits = []
    for person, folders in everyone.items():
        later = folders[1:] if person in known else folders
        visits += [replay(settings, folder, person, person in known) for folder in later]
    for person, folders in known.items():
        others = replace(settings, data=directory / f"without-{person}")
        enrol(others, eye, [(other, f[0]) for other, f in known.items() if other != person])
        visits += [replay(others, folder, person, enrolled=False) for folder in folders]
    return visits


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=["standard", "fallback"], default="standard")
    parser.add_argument(
        "--liveness", choices=["off", "passive", "adaptive"], default="off", help="off: recognition alone"
    )
    chosen = parser.parse_args()
    model_set: str = chosen.set
    if not LIVE.is_dir():
        print("nuaa-dev is not here: nothing is proved")
        return 2
    with tempfile.TemporaryDirectory() as directory:
        visits = all_visits(model_set, Path(directory), chosen.liveness)
    print(f"{'sequence':<14} {'is':<9} {'let in as':<12} {'after':>6}  {'scores':<13} frames")
    for visit in visits:
        count = visit.count
        role = "enrolled" if visit.enrolled else "stranger"
        names = ",".join(sorted(set(count.granted))) or "-"
        after = f"{count.first:.1f} s" if count.first is not None else ""
        span = f"{min(count.scores):.2f} to {max(count.scores):.2f}" if count.scores else ""
        frames = " ".join(f"{reason}:{n}" for reason, n in count.frames.most_common())
        mark = "" if visit.right else "  WRONG"
        print(f"{visit.sequence:<14} {role:<9} {names:<12} {after:>6}  {span:<13} {frames}{mark}")
    genuine = [visit for visit in visits if visit.enrolled]
    strangers = [visit for visit in visits if not visit.enrolled]
    turned_away = sum(visit.person not in visit.count.granted for visit in genuine)
    false = sum(visit.false_grant for visit in visits)
    for words, errors, trials in (
        ("known people turned away", turned_away, len(genuine)),
        ("let in as somebody whom they are not", false, len(visits)),
        ("of which strangers", sum(v.false_grant for v in strangers), len(strangers)),
    ):
        low, high = clopper_pearson(errors, trials)
        print(f"{words}: {errors} of {trials} presentations (95 % interval {low:.1%} to {high:.1%})")
    return 1 if false or (turned_away and model_set == "standard") else 0


if __name__ == "__main__":
    sys.exit(main())
