"""Break the decision on purpose, one rule at a time, and see that a test notices each.

A test that cannot fail proves nothing: here every rule of the core that keeps strangers and
pictures out is taken away in a copy, and the proofs of the core are run on it.
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
    file: str = "core/door.py"


CHALLENGE, LIVENESS, JUDGEMENT = "core/challenge.py", "core/liveness.py", "core/judgement.py"
VISIT, PASSIVE = "core/visit.py", "vision/liveness/passive.py"


MUTATIONS = (
    Mutation(
        "one confirming frame", "len(evidence) < policy.frames_asked(match.lookalike)", "len(evidence) < 1"
    ),
    Mutation("no margin", "match.margin is None or match.margin >= lead", "True", JUDGEMENT),
    Mutation(
        "unknown person accepted",
        "match.person is not None and match.score >= policy.threshold",
        "match.person is not None",
        JUDGEMENT,
    ),
    Mutation(
        "a denied person passes", "match.person is not None and match.person.denied", "False", JUDGEMENT
    ),
    Mutation(
        "another person's frames count",
        "door.person == person and e.lookalike == new.lookalike",
        "e.lookalike == new.lookalike",
    ),
    Mutation("frames from before a lookalike came count", " and e.lookalike == new.lookalike", ""),
    Mutation(
        "a lookalike needs no wider lead", "policy.lead_asked(match.lookalike)", "policy.margin", JUDGEMENT
    ),
    Mutation(
        "a lookalike needs no more frames", "policy.frames_asked(match.lookalike)", "policy.confirm_frames"
    ),
    Mutation(
        "an older, smaller lead over a lookalike still counts",
        "policy.lead_asked(e.lookalike)",
        "policy.margin",
    ),
    Mutation(
        "a lookalike is forgotten by the evidence",
        "match.margin, match.lookalike, fact.liveness",
        "match.margin, False, fact.liveness",
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
        "door.released(policy.open_seconds), person=None, evidence=(), presentation",
        "door.released(policy.open_seconds), presentation",
    ),
    Mutation("a stranger is never told while there", "events = (visit.denial(door.at),)\n", "pass\n"),
    Mutation(
        "a row of refusals is never broken",
        ", refused_in_a_row=0, refused_since=inf)",
        ")",
    ),
    Mutation("severity is ignored", "(r.frames, -_SEVERITY.index(r.reason))", "r.frames", VISIT),
    Mutation(
        "nobody is told after a grant",
        "bool(visit.granted) and door.state is DoorState.RELEASED",
        "bool(visit.granted)",
    ),
    Mutation("two people by turns hold it open", "(*before, (person, door.at))", "((person, door.at),)"),
    Mutation(
        "numpy's false passes",
        "self.passed is not None and not self.passed",
        "self.passed is False",
        JUDGEMENT,
    ),
    Mutation("anyone may claim recognition", "command.cause is Cause.RECOGNISED", "False"),
    Mutation(
        "no pause before a new grant",
        "any(who == person for who, _ in visit.lately(door.at, policy.regrant_seconds))",
        "False",
    ),
    Mutation("liveness ignored", "policy.liveness is LivenessMode.OFF or (", "True or ("),
    Mutation("the nets decide where everyone is to be asked", " and policy.nets_decide)", ")"),
    Mutation("a clear spoof goes on", "if found.verdict is Verdict.SPOOF:", "if False:"),
    Mutation("a picture bars nobody", "if why := visit.why_barred(person):", "if why := None:"),
    Mutation("challenge always passed", "if challenge.phase is not Phase.PASSED:", "if False:"),
    Mutation("a lost challenge is not told", "if challenge.phase is Phase.FAILED:", "if False:"),
    Mutation(
        "an older, lower threshold counts in a challenge",
        "if challenge.weakest < policy.threshold:",
        "if False:",
    ),
    Mutation(
        "a challenge never lapses",
        "overdue(challenge, door.at, policy.challenge) if challenge else None",
        "None",
    ),
    Mutation(
        "randomness that comes late counts",
        "at=max(door.at, fact.at), drawing=None)",
        "at=max(door.at, fact.at))",
    ),
    Mutation("a threshold of 0", "score >= rules.threshold and moves", "score >= 0 and moves", LIVENESS),
    Mutation(
        "one frame enough", "len(scored) >= rules.frames and span", "len(scored) >= 1 and span", LIVENESS
    ),
    Mutation("an instant enough", " and span >= rules.seconds - 1e-9 ", " ", LIVENESS),
    Mutation("a still picture lives", "rules.threshold and moves and", "rules.threshold and", LIVENESS),
    Mutation("a flat picture lives", " and moves and flexes:", " and moves:", LIVENESS),
    Mutation("no score is a spoof's", "score < rules.spoof", "False", LIVENESS),
    Mutation(
        "a score that is none counts",
        "seen.score is not None and 0 <= seen.score <= 1",
        "seen.score is not None",
        LIVENESS,
    ),
    Mutation("another track goes on", "seen.track != challenge.track or other", "other", CHALLENGE),
    Mutation(
        "another person goes on", "!= challenge.track or other or (", "!= challenge.track or (", CHALLENGE
    ),
    Mutation("a second face is overlooked", "if seen.crowded:", "if False:", CHALLENGE),
    Mutation("no deadline", "and at - challenge.since > rules.deadline_seconds", "and False", CHALLENGE),
    Mutation("a face may be away", "if at - challenge.seen_at > rules.gap_seconds", "if False", CHALLENGE),
    Mutation("a wrong action is forgiven", "if strayed >= rules.hold_frames:", "if False:", CHALLENGE),
    Mutation("an instant reaction counts", "(right and waited < rules.reaction_seconds)", "False", CHALLENGE),
    Mutation("one frame of an action counts", "if held < rules.hold_frames:", "if held < 1:", CHALLENGE),
    Mutation(
        "a picture's turn counts",
        " and in_depth(asked, seen.turned, rules) and",
        " and",
        CHALLENGE,
    ),
    Mutation("everything at once counts", ", rules) and not others", ", rules)", CHALLENGE),
    Mutation(
        "the nets are not heard at the end", "and last and not fuse(last) >= spoof:", "and False:", CHALLENGE
    ),
    Mutation("a prompt is seen before it lights", "max(at, seen.judged_at)", "at", CHALLENGE),
    Mutation("two nods are asked for", " and {a, b} != _NODS", "", "core/actions.py"),
    Mutation("a shaded picture has gone", "fact.gate in _THERE", "False"),
    Mutation("who was barred is barred for ever", "if at - one[2] < seconds", "if True", VISIT),
    Mutation("another track's frames count", " and e.track == new.track", ""),
    Mutation("nobody known need be frontal", "if challenge.doubts > rules.doubts:", "if False:", CHALLENGE),
    Mutation(
        "a clear picture may do it",
        "if enough and not fuse([p for _, p in lately]) >= spoof:",
        "if False:",
        CHALLENGE,
    ),
    Mutation("anyone may be neutral", "neutral = recognised and frontal", "neutral = frontal", CHALLENGE),
    Mutation(
        "no coming back",
        "neutral = recognised and frontal(challenge.home, head, rules, rules.home)",
        "neutral = recognised",
        CHALLENGE,
    ),
    Mutation(
        "net's classes swapped", "PRINT, LIVE, SCREEN = range(3)", "PRINT, SCREEN, LIVE = range(3)", PASSIVE
    ),
    Mutation("a gate is passed over", "observation.gate is not gate, reason", "True, reason", JUDGEMENT),
)


PLAN, SYNC, BEHIND, FILES = "core/plan.py", "app/sync.py", "store/behind.py", "store/files.py"
REMOVALS, INTAKE = "app/removals.py", "app/intake.py"
FOLDER = (
    Mutation("the same photo is fetched again", "before.entry.hash != entry.hash or ", "True or ", PLAN),
    Mutation(
        "a changed photo is left", "before.entry.hash != entry.hash or before.again", "before.again", PLAN
    ),
    Mutation("a file ousts no folder", "roots = entries.keys() | frozenset(", "roots = frozenset(", PLAN),
    Mutation("what is listed whole loses nothing", "if not changes.complete:", "if True:", PLAN),
    Mutation("what is missing stays", "tuple(sorted(fresh | nameless))", "tuple(sorted(nameless))", PLAN),
    Mutation("any size is fetched", "entry.size > rules.max_bytes", "False", PLAN),
    Mutation(
        "too large a file is nobody's",
        "name, meaning = (\n                meaning.name,",
        "name, meaning = (\n                '',",
        PLAN,
    ),
    Mutation("what failed is never tried again", " or before.again:", ":", PLAN),
    Mutation("any number may go at once", "len(lost) + recent > most or", "", REMOVALS),
    Mutation(
        "a name taken over is no removal",
        "if person.id not in left}",
        "if key not in behind.known_people(db)}",
        REMOVALS,
    ),
    Mutation(
        "nobody is lost by sparing another",
        "spare=spare, marks=False) - spare",
        "spare=spare, marks=False) and set()",
        REMOVALS,
    ),
    Mutation("the last one may go", " or tuple(access) == (True, False)", "", REMOVALS),
    Mutation("an emptied folder lifts marks", " or (lifted and emptied)", "", REMOVALS),
    Mutation(
        "marks are lifted though removals wait",
        "spare=spare, marks=False",
        "spare=spare, marks=True",
        REMOVALS,
    ),
    Mutation(
        "a rename is a removal",
        "if person.id not in left} - moved",
        "if person.id not in left}",
        REMOVALS,
    ),
    Mutation(
        "every removal is a rename",
        "{before[key].id for key in moved if key in before}",
        "{p.id for p in before.values()}",
        REMOVALS,
    ),
    Mutation("keep means revoke", 'self._photos.on_delete == "keep" and not accept', "False", REMOVALS),
    Mutation("another's face is enrolled", "if verdict.other is not None:", "if False:", INTAKE),
    Mutation("an unlike face is enrolled", "if verdict.own < verdict.threshold:", "if False:", INTAKE),
    Mutation("the first photo never waits", "held=NEW * self._config.photos.approve_new", 'held=""', INTAKE),
    Mutation(
        "new nets know no denied face", "if behind.denied_unknown(db, self.model):", "if False:", INTAKE
    ),
    Mutation("an operator's removal is forgotten", "if unwanted:", "if False:", SYNC),
    Mutation(
        "one file stops the round",
        'except Exception as error:\n            log.exception("a photo could not be looked at")',
        "except ArithmeticError as error:\n            raise",
        SYNC,
    ),
    Mutation(
        "what was there before goes",
        "photos.sha256 IN (files.sha256, files.was)",
        "photos.sha256 = files.sha256",
        BEHIND,
    ),
    Mutation("photos by hand go too", "WHERE foldered AND NOT {_BEHIND}", "WHERE NOT {_BEHIND}", BEHIND),
    Mutation("a rejected photo is as good as before", "_unwant(db, person, [content])", "pass", FILES),
    Mutation("a hyphenated mark denies others", "        name = spelt\n", "        pass\n", FILES),
    Mutation(
        "a removed person's mark is lost", "db.execute(\"UPDATE folder SET rules = ''\")", "pass", FILES
    ),
)
"""Rules of the folder: who is learnt, kept out and forgotten."""

FOLDER_PROOFS = ("tests/core/test_plan.py", "tests/test_sync.py", "tests/enrol/test_dropbox_rounds.py")
CORE_PROOFS = tuple(f"tests/core/test_{name}.py" for name in ("door", "life", "challenge"))
VISION_PROOFS = ("tests/vision/test_passive.py",)
"""These need the nets: where DOORCTL_MODELS names none they skip, and the mutation counts as surviving."""


def survives(mutation: Mutation | None) -> bool:
    """Whether the door's tests pass with the mutation in place, as they should not (``None``: with none).

    Raises:
        ValueError: the rule to break does not stand in the file just once.
    """
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for part in ("doorctl", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        if mutation is not None:
            file = copy / "doorctl" / mutation.file
            text = file.read_text()
            if text.count(mutation.old) != 1:
                raise ValueError(f"{mutation.what}: {mutation.old!r} stands {text.count(mutation.old)} times")
            file.write_text(text.replace(mutation.old, mutation.new))
        proofs = VISION_PROOFS if mutation is not None and mutation.file == PASSIVE else CORE_PROOFS
        if mutation in FOLDER:
            proofs = FOLDER_PROOFS
        tests = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *proofs],
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
    for mutation in (*MUTATIONS, *FOLDER):
        lives = survives(mutation)
        survivors += lives
        print(f"{'SURVIVES' if lives else 'found':<9} {mutation.what}", flush=True)
    count = len(MUTATIONS) + len(FOLDER)
    print(f"{count - survivors} of {count} mutations found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
