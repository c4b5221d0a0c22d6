"""Running the command as a person does: in a process of its own, which starts sooner than a person's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.forked import SECONDS, Server

SIMULATED = "gpio: {pins: simulated}\nliveness: {mode: off, i_understand_photos_open_this_door: true}\n"
"""No wire is moved, and nobody is asked whether they live."""


Done = subprocess.CompletedProcess[str]


def doorctl(*arguments: object, data: Path | None = None, **environment: str) -> Done:
    """Run the command to its end."""
    words = [*(["--data", str(data)] if data else []), *map(str, arguments)]
    every = {**os.environ, **environment}
    command = [sys.executable, "-m", "doorctl", *words]
    if any(name.startswith(("PYTHON", "LC_", "LANG")) for name in environment):
        # What a Python looks at when it starts.
        return subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, env=every, check=False
        )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = _server().run(words, every, out, err)
        for file in (out, err):
            file.seek(0)
        return Done(command, code, out.read().decode(), err.read().decode())


@cache
def _server() -> Server:
    return Server()


def refused(result: Done, code: int, *words: str) -> None:
    """It failed with this exit code, these words, and no traceback."""
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


def lines(result: Done) -> list[dict[str, Any]]:
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]
