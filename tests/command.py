"""Running the command as a person does: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SIMULATED = "gpio: {pins: simulated}\nliveness: {mode: off, i_understand_photos_open_this_door: true}\n"
"""No wire is moved, and nobody is asked whether they live."""


Done = subprocess.CompletedProcess[str]


def doorctl(*arguments: object, data: Path | None = None, **environment: str) -> Done:
    """Run the command to its end."""
    place = ["--data", str(data)] if data else []
    return subprocess.run(
        [sys.executable, "-m", "doorctl", *place, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


def refused(result: Done, code: int, *words: str) -> None:
    """It failed with this exit code, these words, and no traceback."""
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


def lines(result: Done) -> list[dict[str, Any]]:
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]
