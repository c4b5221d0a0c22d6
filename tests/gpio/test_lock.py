"""Locking from outside, when nothing else works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from doorctl.errors import PinError
from doorctl.gpio.lock import lock_relay
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.simulated import read_transitions

CRASH = """
import os, signal, sys
from pathlib import Path
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.relay import Relay
from doorctl.gpio.timer import ThreadTimer
factory = make_pin_factory("simulated", Path(sys.argv[1]))
relay = Relay(factory, 17, active_high=sys.argv[2] == "high", timer=ThreadTimer())
relay.release(30.0)
os.kill(os.getpid(), signal.SIGKILL)
"""

LIGHT = """
import sys
from pathlib import Path
from doorctl.gpio.lock import lock_relay
lock_relay("simulated", 17, True, Path(sys.argv[1]))
heavy = {"cv2", "numpy", "sqlite3", "ai_edge_litert", "PIL", "pydantic", "yaml", "typer", "rich"}
print(*sorted(heavy & {name.split(".")[0] for name in sys.modules}))
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("polarity", "on", "off"), [("high", 1, 0), ("low", 0, 1)])
def test_after_a_kill_in_mid_pulse_it_locks(tmp_path: Path, polarity: str, on: int, off: int) -> None:
    """SIGKILL leaves the pin energised, which is the hazard; locking ends it in one step."""
    file = tmp_path / "pins.jsonl"
    assert python(CRASH, str(file), polarity).returncode == -9
    assert [(t.function, t.level) for t in read_transitions(file)] == [("output", off), ("output", on)]
    lock_relay("simulated", 17, polarity == "high", file)
    steps = read_transitions(file)
    assert [(t.function, t.level) for t in steps] == [("output", off), ("output", on), ("output", off)]
    assert steps[1].pid != steps[2].pid


def test_locking_imports_nothing_heavy(tmp_path: Path) -> None:
    """No camera, net, database, configuration or terminal library is on this way."""
    result = python(LIGHT, str(tmp_path / "pins.jsonl"))
    assert (result.returncode, result.stdout, result.stderr) == (0, "\n", "")
    assert [t.level for t in read_transitions(tmp_path / "pins.jsonl")] == [0]


def test_a_damaged_state_file_does_not_stop_it(tmp_path: Path) -> None:
    """What the pin was is of no interest for locking it."""
    file = tmp_path / "pins.jsonl"
    file.write_bytes(b"\xff\x00 not json\n")
    lock_relay("simulated", 17, False, file)
    assert [(t.function, t.level) for t in read_transitions(file)] == [("output", 1)]


def test_what_stops_it_is_told(tmp_path: Path) -> None:
    """No such pin, no way to write, no such kind: an error of ours each."""
    with pytest.raises(PinError, match="GPIO 99 cannot be locked"):
        lock_relay("mock", 99, True)
    with pytest.raises(PinError, match="cannot be used"):
        lock_relay("simulated", 17, True, tmp_path / "nowhere" / "pins.jsonl")
    with pytest.raises(PinError, match="no pins of kind"):
        lock_relay("magic", 17, True)


def test_a_mock_pin_is_locked_too() -> None:
    """The command works in simulation, although nobody can see the pin afterwards."""
    lock_relay("mock", 17, False)
    assert make_pin_factory("mock").pin(17).state is False
