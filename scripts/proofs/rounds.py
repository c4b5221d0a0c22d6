"""Kill ``doorctl sync`` in mid-round, start it again, and look at what it comes to.

A folder of photos goes through a few stages on a stand-in for Dropbox. Each stage is synced once undisturbed;
that is the reference. Then it is synced again and again from the same start, and killed with SIGKILL on the
way, one to three times: at a step, at a write to a file, or at any moment. Once a round has ended well and
the next has nothing to do, everything must be as in the reference: people and their numbers, photos,
templates, files, events in their order, the cursor, and the receipt in the folder. No file may be downloaded
whose result had been committed when a kill came, and there may be one download more for each kill, at most.

    scripts/prove rounds [KILLS at random moments] [--steps N] [--writes N]
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from doorctl.enrol.content_hash import content_hash
from doorctl.enrol.token import VARIABLE
from doorctl.store.opened import FILE
from scripts.proofs.outcome import Settled, half_done, removed, settled, state_of
from scripts.proofs.stages import PHOTOS, ROOT, STAGES, Act, Folder, real_people
from tests.enrol.standin import Authority, StandIn
from tests.enrol.standin_faults import DOWNLOAD

CONFIG = """\
gpio: {{pins: simulated}}
liveness: {{mode: off, i_understand_photos_open_this_door: true}}
photos: {{source: dropbox, app_key: "{key}", folder: {folder}, max_templates: 3}}
"""
ENDED_WELL = (0, 65, 77)
"""Exit codes of a round that went through: all well, photos refused, something waits."""
LONGEST = 120.0
"""Seconds that a round may take."""
ANY_CALL = "pwrite64,fdatasync,ftruncate,unlink"
"""What SQLite asks the system for, to change a file."""


@dataclass(frozen=True)
class Kill:
    """When to kill a run: at a step, at a write to the database's files, or seconds after the first step."""

    step: int = 0
    seconds: float = 0.0
    call: str = ""
    """What the system is asked for; then ``step`` counts these."""

    def __str__(self) -> str:
        if not self.step:
            return f"{self.seconds:.2f} s"
        return f"{self.call or 'step'} {self.step}"


UNDISTURBED = Kill()


@dataclass(frozen=True)
class Run:
    """One life of ``doorctl sync --once``."""

    code: int
    out: str
    err: str
    steps: tuple[str, ...]
    began: float
    """Seconds until the first step of the round."""
    seconds: float

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def doing(self) -> str:
        return self.steps[-1] if self.steps else "loading"


@dataclass
class Reference:
    """A stage undisturbed: how it began, how it went, what it came to."""

    name: str
    folder: dict[str, Any]
    data: Path
    lines: list[str]
    downloads: Counter[str]
    run: Run
    calls: Counter[str]
    """How often the system was asked to write to the database's files, by kind; empty if not counted."""

    def step(self, words: str, number: int = 1) -> Kill:
        """The step that begins with these words, for the ``number``-th time; from behind if < 0.

        Raises:
            ValueError: there is none.
        """
        places = [place for place, what in enumerate(self.run.steps, 1) if what.startswith(words)]
        if not -len(places) <= number <= len(places):
            raise ValueError(f"stage '{self.name}' has {len(places)} steps '{words}'")
        return Kill(places[number - (number > 0)])


@dataclass
class Result:
    """A stage with kills."""

    stage: str
    kills: list[str] = field(default_factory=list)
    doing: list[str] = field(default_factory=list)
    """What each life was at when it was killed."""
    rounds: int = 0
    """How many it took, with those that were killed and the one that had nothing to do."""
    repeated: int = 0
    """Downloads more than in the reference."""
    problems: list[str] = field(default_factory=list)


class Proof:
    """The stages on a stand-in, once undisturbed and then as often as one likes with kills.

    Args:
        standin: the folder; empty.
        place: an empty directory.
        people: real people besides the portraits, each with three photos.
        stages: what happens in the folder, one after another.
        thorough: do each stage undisturbed by the plain command too, and count its writes to files.

    Raises:
        RuntimeError: a round fails though nothing disturbs it, or two come to different things.
    """

    def __init__(
        self,
        standin: StandIn,
        place: Path,
        people: dict[str, list[Path]],
        stages: Sequence[Act] = STAGES,
        *,
        thorough: bool = True,
    ) -> None:
        self._standin, self._place = standin, place
        self._standin.state.page = 4  # so that a listing has several pages
        self.data = place / "data"
        self.data.mkdir(mode=0o700)
        config = CONFIG.format(key=standin.app_key, folder=PHOTOS)
        (self.data / "doorctl.yaml").write_text(config)
        folder = Folder(standin.state, people)
        self.references: list[Reference] = []
        for act in stages:
            act(folder)
            self.references.append(self._reference(act.__name__, thorough=thorough))

    def _reference(self, name: str, *, thorough: bool) -> Reference:
        before = self._place / f"before-{name}"
        shutil.copytree(self.data, before)
        kept = _copy(vars(self._standin.state))
        self._standin.log.clear()
        run = self._well(self.run())
        self.until_quiet()
        reference = Reference(name, kept, before, self.state(), self._standin.log.downloads(), run, Counter())
        if thorough:
            self.restore(reference)
            self._well(self.run(counted=False))
            self.until_quiet()
            self._same(reference)
            if shutil.which("strace"):
                self.restore(reference)
                self._well(self.run(Kill(call=ANY_CALL)))
                reference.calls.update(self._calls())
                self.until_quiet()
                self._same(reference)
        return reference

    def _same(self, reference: Reference) -> None:
        told = self.differences(reference)
        if told or self._standin.log.downloads() != reference.downloads:
            raise RuntimeError("\n".join([f"undisturbed runs of '{reference.name}' differ", *told]))

    def restore(self, reference: Reference) -> None:
        """Put folder and data directory back to how a stage began."""
        vars(self._standin.state).update(_copy(reference.folder))
        self._standin.log.clear()
        for child in self.data.iterdir():
            child.unlink()
        shutil.copytree(reference.data, self.data, dirs_exist_ok=True)

    def state(self) -> list[str]:
        return state_of(self.data, self._standin.state)

    def differences(self, reference: Reference) -> list[str]:
        """Lines that only one of reference and present state has."""
        return [line for line in difflib.ndiff(reference.lines, self.state()) if line[0] in "+-"]

    def run(
        self, kill: Kill = UNDISTURBED, *, counted: bool = True, before: Callable[[], None] | None = None
    ) -> Run:
        """One round, or as much of it as comes before the kill.

        Args:
            kill: when.
            counted: whether steps are noted; the plain command does not.
            before: what the new process does to itself first.
        """
        noted = self._place / "steps"
        noted.unlink(missing_ok=True)
        step = 0 if kill.call else kill.step
        doorctl = ["scripts.proofs.steps", str(noted), str(step), str(self.data)]
        command = [sys.executable, "-m", *(doorctl if counted else ["doorctl", "--data", str(self.data)])]
        if kill.call:
            command = [*self._strace(kill), *command]
        begun = time.monotonic()
        process = subprocess.Popen(
            [*command, "sync", "--once"],
            cwd=ROOT,
            env={**os.environ, **self._standin.environment(), VARIABLE: self._standin.refresh_token},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=before,
        )
        if kill.seconds:
            while process.poll() is None and _lines(noted) < 2:
                time.sleep(0.002)
        try:
            out, err = process.communicate(timeout=kill.seconds or LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        seconds = time.monotonic() - begun
        lines = noted.read_text().splitlines() if noted.exists() else []
        times, steps = zip(*(line.split(" ", 1) for line in lines), strict=True) if lines else ((), ())
        began = float(times[1]) - begun if len(times) > 1 else seconds
        return Run(process.returncode, out, err, steps, began, seconds)

    def _strace(self, kill: Kill) -> list[str]:
        """What makes strace kill a process as it asks the system for something, or count what it asks for."""
        paths = chain.from_iterable(("-P", str(self.data / f"{FILE}{end}")) for end in ("", "-wal"))
        what = ["-e", f"inject={kill.call}:signal=SIGKILL:when={kill.step}"] if kill.step else []
        return ["strace", "-f", "-o", str(self._place / "calls"), *paths, "-e", f"trace={ANY_CALL}", *what]

    def _calls(self) -> Counter[str]:
        told = (self._place / "calls").read_text()
        return Counter(re.findall(rf"(?m)^\d+ +({ANY_CALL.replace(',', '|')})\(", told))

    @staticmethod
    def _well(run: Run) -> Run:
        if run.code not in ENDED_WELL:
            raise RuntimeError(f"a round ended with exit code {run.code}:\n{run.out}{run.err}")
        return run

    def until_quiet(self) -> int:
        """Rounds until there is nothing to do; how many.

        Raises:
            RuntimeError: one fails, or there is always something to do.
        """
        for number in range(1, 6):
            if self._well(self.run(counted=False)).out.strip() == "nothing new":
                return number
        raise RuntimeError("there is always something to do")

    def disturbed(self, reference: Reference, kills: Sequence[Kill]) -> Result:
        """A stage with kills, one in each life, and then to its end."""
        self.restore(reference)
        result = Result(reference.name)
        committed: list[tuple[int, set[Settled]]] = []
        for kill in kills:
            run = self.run(kill)
            result.rounds += 1
            if not run.killed:
                if run.code not in ENDED_WELL:
                    result.problems.append(f"exit code {run.code}: {run.err.strip()}")
                break
            result.kills.append(str(kill))
            result.doing.append(run.doing)
            committed.append((len(self._standin.log.all(DOWNLOAD)), settled(self.data)))
            result.problems += [f"after the kill: {what}" for what in half_done(self.data)]
        try:
            result.rounds += self.until_quiet()
        except RuntimeError as error:
            result.problems.append(str(error))
            return result
        downloads = [request.path for request in self._standin.log.all(DOWNLOAD)]
        gone = removed(self.data)
        for before, done in committed:
            files = {(file.path, file.hash) for file in done if file.removed in (None, gone)}
            for path in downloads[before:]:
                content = content_hash(self._standin.state.read(path))
                if (path.removeprefix(f"{PHOTOS}/"), content) in files:
                    result.problems.append(f"fetched although it had been committed: {path}")
        result.repeated = (Counter(downloads) - reference.downloads).total()
        if result.repeated > len(result.kills):
            result.problems.append(f"{result.repeated} downloads more, by {len(result.kills)} kills")
        result.problems += self.differences(reference)
        return result


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _copy(values: dict[str, Any]) -> dict[str, Any]:
    """What a stand-in holds: its values are frozen, its dicts and lists are not."""
    return {name: value.copy() for name, value in values.items() if isinstance(value, dict | list)}


def planned(
    references: Sequence[Reference], steps: int, writes: int, draw: random.Random
) -> Iterator[tuple[Reference, Kill]]:
    """Single kills: at steps, each of another kind or stage; and at writes to files."""
    kinds: dict[tuple[int, str], list[Kill]] = {}
    for number, reference in enumerate(references):
        for place, what in enumerate(reference.run.steps, 1):
            kinds.setdefault((number, what), []).append(Kill(place))
    chosen = draw.sample(list(kinds), min(steps, len(kinds)))
    for number, what in sorted(chosen, key=lambda kind: kinds[kind][0].step + 10_000 * kind[0]):
        yield references[number], draw.choice(kinds[number, what])
    all_writes = [
        (reference, Kill(step, call=call))
        for reference in references
        for call, count in reference.calls.items()
        for step in range(1, count + 1)
    ]
    yield from draw.sample(all_writes, min(writes, len(all_writes)))


def moments(references: Sequence[Reference], draw: random.Random) -> tuple[Reference, list[Kill]]:
    """A stage, and up to three moments for three lives in a row."""
    reference = draw.choice(references)
    lives = draw.randint(1, 3)
    return reference, [
        Kill(seconds=draw.uniform(0.001, reference.run.seconds - reference.run.began)) for _ in range(lives)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/prove rounds", description="Kill doorctl sync in mid-round."
    )
    parser.add_argument("kills", type=int, nargs="?", default=200, help="kills at random moments")
    parser.add_argument("--steps", type=int, default=60, help="kills at steps")
    parser.add_argument("--writes", type=int, default=30, help="kills as files are written; needs strace")
    options = parser.parse_args()
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(10**6)))
    print(f"seed {seed} (SEED={seed} repeats what is drawn)", flush=True)
    draw = random.Random(seed)
    results: list[Result] = []

    def tell(result: Result) -> None:
        results.append(result)
        told = "; ".join(f"{kill} ({doing})" for kill, doing in zip(result.kills, result.doing, strict=True))
        differ = "none" if not result.problems else f"{len(result.problems)}:"
        counts = f"rounds {result.rounds}  downloads repeated {result.repeated}  differences {differ}"
        print(f"{len(results):4}  {result.stage:8}  {counts}  {told or 'ended before the kill'}", flush=True)
        for problem in result.problems:
            print(f"        {problem}", flush=True)

    with tempfile.TemporaryDirectory() as directory, StandIn(Authority(Path(directory))) as standin:
        proof = Proof(standin, Path(directory), real_people())
        for reference in proof.references:
            run = reference.run
            told = ", ".join(f"{call} {count}" for call, count in sorted(reference.calls.items()))
            print(
                f"stage {reference.name}: {len(run.steps)} steps of {len(set(run.steps))} kinds, "
                f"{reference.downloads.total()} downloads, {run.began:.2f} to {run.seconds:.2f} s; {told}",
                flush=True,
            )
        for reference, kill in planned(proof.references, options.steps, options.writes, draw):
            tell(proof.disturbed(reference, [kill]))
        single, at_random = len(results), 0
        while at_random < options.kills:
            reference, lives = moments(proof.references, draw)
            tell(proof.disturbed(reference, lives[: options.kills - at_random]))
            at_random += len(results[-1].kills)
    bad = sum(bool(result.problems) for result in results)
    kills = sum(len(result.kills) for result in results)
    repeated = sum(result.repeated for result in results)
    rounds = sum(result.rounds for result in results)
    print(
        f"{kills} kills: {kills - at_random} in {single} runs at steps and writes, {at_random} at random "
        f"moments; {rounds} rounds; {repeated} downloads repeated; "
        f"{len(results) - bad} of {len(results)} runs came to what an undisturbed one comes to"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
