"""The voice: the right clip, cut off in time, and silence where something is missing."""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from doorctl.core.prompt import Prompt
from doorctl.gpio.voice import Voice
from tests.gpio.test_indicator import wait_for


class Player:
    """A small script that writes down what it plays, with its process, and then does as told."""

    def __init__(self, directory: Path) -> None:
        self.clips = directory / "clips"
        self.clips.mkdir()
        for prompt in (Prompt.TURN_LEFT, Prompt.GRANTED, Prompt.IDLE):
            (self.clips / f"{prompt.name.lower()}.wav").touch()
        self._log = directory / "log"
        self._script = directory / "a player.sh"

    def command(self, then: str) -> str:
        self._script.write_text(f"echo $$ $* >> {shlex.quote(str(self._log))}\n{then}\n")
        return f"sh {shlex.quote(str(self._script))} -q"

    def played(self) -> list[tuple[int, str, str]]:
        """(process, option, clip) of each, first to last."""
        if not self._log.exists():
            return []
        lines = [line.split() for line in self._log.read_text().splitlines()]
        return [(int(pid), option, Path(clip).name) for pid, option, clip in lines]


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    yield Player(tmp_path)
    assert [thread.name for thread in threading.enumerate() if thread.name == "voice"] == []


def gone(pid: int) -> bool:
    """Whether the process has ended and was reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def ended(pid: str) -> bool:
    """Whether the process, which is not ours to reap, does nothing more."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_each_prompt_plays_its_own_clip_once_and_the_next_one_cuts_it_off(player: Player) -> None:
    """The former one ends, with what it has started, and is reaped; so at close; idle is silent."""
    children = player.clips / "children"
    command = player.command(f"sleep 60 & echo $! >> {shlex.quote(str(children))}; wait")
    with Voice(player.clips, command) as voice:
        for _ in range(5):
            voice.show(Prompt.TURN_LEFT)
            assert wait_for(lambda: len(player.played()) == 1 and children.exists())
        first, *_ = player.played()[0]
        assert not gone(first)
        voice.show(Prompt.GRANTED)
        assert wait_for(lambda: gone(first) and len(player.played()) == 2)
        second, *_ = player.played()[1]
        voice.show(Prompt.IDLE)
        assert wait_for(lambda: gone(second))
        voice.show(Prompt.TURN_LEFT)
        assert wait_for(lambda: len(player.played()) == 3)
        third, *_ = player.played()[2]
    assert gone(third)
    assert all(wait_for(partial(ended, pid)) for pid in children.read_text().split())
    assert [told[1:] for told in player.played()] == [
        ("-q", "turn_left.wav"),
        ("-q", "granted.wav"),
        ("-q", "turn_left.wav"),
    ]


def test_a_clip_that_has_ended_leaves_no_zombie(player: Player, caplog: pytest.LogCaptureFixture) -> None:
    """A player that ends by itself is reaped although nothing else is shown, and nothing is logged."""
    with Voice(player.clips, player.command("exit 0")) as voice:
        voice.show(Prompt.GRANTED)
        assert wait_for(lambda: len(player.played()) == 1)
        assert wait_for(lambda: gone(player.played()[0][0]))
    assert caplog.records == []


def test_a_player_that_will_not_stop_is_killed_and_nobody_waits(player: Player) -> None:
    """Showing the next prompt returns at once, and a player that ignores the request ends all the same."""
    with Voice(player.clips, player.command("trap '' TERM; while :; do sleep 1; done")) as voice:
        voice.show(Prompt.TURN_LEFT)
        assert wait_for(lambda: len(player.played()) == 1)
        time.sleep(0.1)
        began = time.monotonic()
        voice.show(Prompt.IDLE)
        assert time.monotonic() - began < 0.1
        assert wait_for(lambda: gone(player.played()[0][0]))


def test_what_is_missing_is_silence_and_one_line(player: Player, caplog: pytest.LogCaptureFixture) -> None:
    """A missing clip, a missing player and one that fails are told once each, however often they are due."""

    def told(lines: int) -> bool:
        return len(caplog.records) == lines

    for done, command in ((0, player.command("exit 3")), (2, "/nowhere/player -q")):
        with Voice(player.clips, command) as voice:
            for count, prompt in ((1, Prompt.LOOK_UP), (2, Prompt.GRANTED), (2, Prompt.LOOK_UP)):
                voice.show(prompt)
                assert wait_for(partial(told, done + count))
            voice.show(Prompt.TURN_LEFT)
            time.sleep(0.4)
    assert [record.getMessage().replace(str(player.clips), "clips") for record in caplog.records] == [
        "no voice clip clips/look_up.wav",
        "the voice's player sh failed (exit code 3)",
        "no voice clip clips/look_up.wav",
        "the voice's player /nowhere/player cannot be run (No such file or directory)",
    ]


@pytest.mark.parametrize("command", ["", "  ", 'aplay "-q'])
def test_a_player_that_is_no_command_is_refused(tmp_path: Path, command: str) -> None:
    """The configuration refuses these too."""
    with pytest.raises(ValueError, match=r"player|quotation"):
        Voice(tmp_path, command)
