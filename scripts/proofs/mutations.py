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
from pathlib import Path

from scripts.proofs.broken_rules import COMMANDS, FOLDER, LOCKS, MUTATIONS, PASSIVE, WIRES, Mutation

ROOT = Path(__file__).resolve().parents[2]


FOLDER_PROOFS = ("tests/core/test_plan.py", "tests/test_sync.py", "tests/enrol/test_dropbox_rounds.py")
CORE_PROOFS = tuple(f"tests/core/test_{name}.py" for name in ("door", "life", "challenge"))
LOCK_PROOFS = (
    *(f"tests/core/test_{name}.py" for name in ("attempts", "lockout")),
    "tests/store/test_lockouts.py",
)
COMMAND_PROOFS = ("tests/core/test_orders.py", "tests/store/test_lockouts.py")
WIRE_PROOFS = ("tests/core/test_passage.py", "tests/gpio/test_inputs.py")
VISION_PROOFS = ("tests/vision/test_passive.py",)
"""These need the nets: where DOORCTL_MODELS names none they skip, and the mutation counts as surviving."""


_OWN_PROOFS = (
    (LOCKS, LOCK_PROOFS),
    (WIRES, WIRE_PROOFS),
    (COMMANDS, COMMAND_PROOFS),
    (FOLDER, FOLDER_PROOFS),
)


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
        for rules, own in _OWN_PROOFS:
            proofs = own if mutation in rules else proofs
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
    every = (*MUTATIONS, *LOCKS, *WIRES, *COMMANDS, *FOLDER)
    for mutation in every:
        lives = survives(mutation)
        survivors += lives
        print(f"{'SURVIVES' if lives else 'found':<9} {mutation.what}", flush=True)
    print(f"{len(every) - survivors} of {len(every)} mutations found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
