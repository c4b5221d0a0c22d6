"""Break the decision on purpose, one rule at a time, and see that a test notices each.

A test that cannot fail proves nothing: here every rule of ``core/door.py`` that keeps a
stranger out is taken away in a copy, and the proofs of that file are run on it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutation:
    """One rule and what is put in its place."""

    what: str
    old: str
    new: str


MUTATIONS = (
    Mutation("one confirming frame", "len(evidence) < needed", "len(evidence) < 1"),
    Mutation("no margin", "match.margin is None or match.margin >= lead", "True"),
    Mutation(
        "unknown person accepted",
        "match.person is not None and match.score >= policy.threshold",
        "match.person is not None",
    ),
    Mutation("a denied person passes", "match.person is not None and match.person.denied", "False"),
    Mutation(
        "another person's frames count",
        "door.person == person and e.lookalike == new.lookalike",
        "e.lookalike == new.lookalike",
    ),
    Mutation("frames from before a lookalike came count", " and e.lookalike == new.lookalike", ""),
    Mutation("a lookalike needs no wider lead", "policy.lead_asked(match.lookalike)", "policy.margin"),
    Mutation(
        "a lookalike needs no more frames", "policy.frames_asked(match.lookalike)", "policy.confirm_frames"
    ),
    Mutation(
        "an older, smaller lead over a lookalike still counts",
        "policy.lead_asked(e.lookalike)",
        "policy.margin",
    ),
    Mutation(
        "a lookalike is forgotten by the evidence", "match.margin, match.lookalike)", "match.margin, False)"
    ),
    Mutation(
        "a refused frame in between does not matter",
        "person=None, evidence=(), presentation=visit)\n    return door, Decision(reason",
        "presentation=visit)\n    return door, Decision(reason",
    ),
    Mutation("evidence never grows old", "door.at - e.at <= policy.confirm_seconds", "True"),
    Mutation("old pictures count", "<= policy.max_latency_seconds", "<= 1e9"),
    Mutation("the same instant counts twice", "seen.at > door.observed_at and ", ""),
    Mutation("a picture judged before it was taken counts", "0.0 <= late <= policy", "late <= policy"),
    Mutation(
        "time may go back",
        "Door(at=fact.at) if went_back else replace",
        "replace(door, at=fact.at) if went_back else replace",
    ),
    Mutation("a time that is none is passed over", "if not isfinite(fact.at):", "if False:"),
    Mutation("an older, lower threshold still counts", "and e.score >= policy.threshold", ""),
    Mutation(
        "an older, smaller margin still counts",
        "e.margin is None or e.margin >= policy.lead_asked(e.lookalike)",
        "True",
    ),
    Mutation(
        "a grant leaves its evidence",
        "(door, release), person=None, evidence=(),",
        "(door, release),",
    ),
    Mutation("a stranger is never told while there", "events = (_denial(visit, door.at),)\n", "pass\n"),
    Mutation(
        "a row of refusals is never broken",
        ", refused_in_a_row=0, refused_since=inf)",
        ")",
    ),
    Mutation("severity is ignored", "(r.frames, -_SEVERITY.index(r.reason))", "r.frames"),
    Mutation(
        "nobody is told after a grant",
        "bool(visit.granted) and door.state is DoorState.RELEASED",
        "bool(visit.granted)",
    ),
    Mutation("two people by turns hold it open", "(*lately, (person, door.at))", "((person, door.at),)"),
    Mutation("numpy's false passes", "self.passed is not None and not self.passed", "self.passed is False"),
    Mutation("anyone may claim recognition", "command.cause is Cause.RECOGNISED", "False"),
    Mutation("no pause before a new grant", "any(who == person for who, _ in lately)", "False"),
    Mutation("a gate is passed over", "observation.gate is not gate, reason", "True, reason"),
)


def survives(mutation: Mutation | None) -> bool:
    """Whether the door's tests pass with the mutation in place, as they should not (``None``: with none).

    Raises:
        ValueError: the rule to break does not stand in the file just once.
    """
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        shutil.copytree(ROOT / "doorctl", copy / "doorctl", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "tests" / "core", copy / "tests" / "core")
        (copy / "tests" / "__init__.py").touch()
        shutil.copy(ROOT / "pyproject.toml", copy)
        file = copy / "doorctl" / "core" / "door.py"
        text = file.read_text()
        if mutation is not None:
            if text.count(mutation.old) != 1:
                raise ValueError(f"{mutation.what}: {mutation.old!r} stands {text.count(mutation.old)} times")
            file.write_text(text.replace(mutation.old, mutation.new))
        tests = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/core/test_door.py"],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if tests.returncode not in (0, 1):
            raise RuntimeError(tests.stdout + tests.stderr)
        return tests.returncode == 0


def main() -> int:
    if not survives(None):
        print("the tests fail on the door as it is: nothing can be said of mutations")
        return 2
    survivors = 0
    for mutation in MUTATIONS:
        lives = survives(mutation)
        survivors += lives
        print(f"{'SURVIVES' if lives else 'found':<9} {mutation.what}", flush=True)
    print(f"{len(MUTATIONS) - survivors} of {len(MUTATIONS)} mutations found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
