"""Says the prompts aloud: one recorded clip for each, played by a program of the system."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from doorctl.core.prompt import Prompt
from doorctl.gpio.indicator import Follower

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 0.5


class Voice(Follower):
    """Plays ``turn_left.wav`` for ``Prompt.TURN_LEFT``, and so on, and cuts it off when the prompt changes.

    A clip or a player that is missing or fails means silence, and one line in the log.
    Idle is silent.

    Args:
        directory: where the clips are.
        player: the command that plays the file named after it; split as a shell would, but run without one.

    Raises:
        ValueError: ``player`` is no command.
    """

    def __init__(self, directory: Path, player: str = "aplay -q") -> None:
        self._command = shlex.split(player)
        if not self._command:
            raise ValueError("no player named")
        self._directory = directory
        self._since = 0.0
        self._playing: subprocess.Popen[bytes] | None = None
        self._told: set[str] = set()
        super().__init__("voice")

    def _follow(self, prompt: Prompt, since: float) -> float | None:
        if since != self._since:
            self._since = since
            self._stop()
            if prompt is not Prompt.IDLE:
                self._play(self._directory / f"{prompt.name.lower()}.wav")
        elif self._playing is not None and (code := self._playing.poll()) is not None:
            self._playing = None
            if code != 0:
                self._tell(f"the voice's player {self._command[0]} failed (exit code {code})")
        return None if self._playing is None else _LOOK_SECONDS

    def _end(self) -> None:
        self._stop()

    def _play(self, clip: Path) -> None:
        try:
            if not clip.is_file():
                self._tell(f"no voice clip {clip}")
                return
        except OSError as why:
            self._tell(f"the voice clip {clip} cannot be read ({why.strerror})")
            return
        try:
            self._playing = subprocess.Popen(
                [*self._command, str(clip)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as why:
            self._tell(f"the voice's player {self._command[0]} cannot be run ({why.strerror})")

    def _stop(self) -> None:
        """End what is playing, with all that it has started, and reap it."""
        player, self._playing = self._playing, None
        if player is None or player.poll() is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(player.pid, number)
            with suppress(subprocess.TimeoutExpired):
                player.wait(_PATIENCE_SECONDS)
                return

    def _tell(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("%s", what)
