"""Pin factories: the right one or an error, and no blip on the way to an output."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from gpiozero import OutputDevice
from gpiozero.pins.mock import MockFactory, MockPin

from doorctl.core.inputs import Line, Switched
from doorctl.errors import PinError
from doorctl.gpio.inputs import Inputs
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.simulated import read_transitions
from doorctl.gpio.timer import SimulatedTimer
from tests.fakes import FakeLgpio


def test_an_unknown_kind_is_refused() -> None:
    """There is no default to fall back on."""
    with pytest.raises(PinError, match="use one of lgpio, mock, simulated"):
        make_pin_factory("rpigpio")


def test_the_environment_does_not_choose_the_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """gpiozero's variables are not heeded."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "native")
    monkeypatch.setenv("GPIOZERO_MOCK_REVISION", "9000c1")
    monkeypatch.setenv("GPIOZERO_MOCK_PIN_CLASS", "mockpwmpin")
    factory = make_pin_factory("mock")
    assert type(factory) is MockFactory
    assert factory.board_info.model == "3B"


def test_gpiozeros_own_mock_shows_the_blip_that_ours_has_not() -> None:
    """The hazard is real: stock pins become a low output before they become high; ours never do."""

    def watched(base: type) -> tuple[type, list[tuple[str, bool]]]:
        seen: list[tuple[str, bool]] = []

        class Watched(base):  # type: ignore[misc]  # gpiozero has no types
            def __setattr__(self, name: str, value: object) -> None:
                super().__setattr__(name, value)
                if name in {"_function", "_state"} and hasattr(self, "_state"):
                    seen.append((self._function, self._state))

        return Watched, seen

    stock, stock_seen = watched(MockPin)
    OutputDevice(17, active_high=False, pin_factory=MockFactory(pin_class=stock))
    assert ("output", False) in stock_seen
    ours, seen = watched(make_pin_factory("mock").pin_class)
    OutputDevice(17, active_high=False, pin_factory=MockFactory(pin_class=ours))
    assert seen == [("input", False), ("input", True), ("output", True)]


def test_simulated_pins_need_a_file() -> None:
    """Levels that nobody could look at prove nothing."""
    with pytest.raises(PinError, match="need a file"):
        make_pin_factory("simulated")


def test_a_simulated_level_outlives_its_factory(tmp_path: Path) -> None:
    """A second factory finds the level that the first one left, and each line tells when and who."""
    file = tmp_path / "pins.jsonl"
    make_pin_factory("simulated", file).pin(17).output_with_state(True)
    pin = make_pin_factory("simulated", file).pin(17)
    assert (pin.function, pin.state) == ("output", True)
    assert make_pin_factory("simulated", file).pin(18).state is False
    (line,) = read_transitions(file)
    assert (line.pin, line.function, line.level, line.pid) == (17, "output", 1, os.getpid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_pins_that_root_has_simulated_are_the_daemons(tmp_path: Path) -> None:
    """'sudo doorctl check' before the first start leaves the daemon a file to write, and follows no link."""
    door = tmp_path / "door"
    door.mkdir()
    os.chown(door, 1234, 1234)
    make_pin_factory("simulated", door / "pins.jsonl").pin(17).output_with_state(True)
    assert (door / "pins.jsonl").stat().st_uid == 1234
    (tmp_path / "roots").write_text("")
    (door / "link").symlink_to(tmp_path / "roots")
    with pytest.raises(PinError):
        make_pin_factory("simulated", door / "link").pin(17).output_with_state(True)
    assert ((tmp_path / "roots").read_text(), (tmp_path / "roots").stat().st_uid) == ("", 0)


def test_lines_that_are_not_whole_are_passed_over(tmp_path: Path) -> None:
    """A torn line costs that line only."""
    file = tmp_path / "pins.jsonl"
    make_pin_factory("simulated", file).pin(17).output_with_state(True)
    file.write_bytes(b'{"pin": 3}\n[]\nnothing\n' + file.read_bytes() + b'{"pin": 17, "func')
    assert [t.level for t in read_transitions(file)] == [1]


@pytest.mark.parametrize("place", ["nowhere/pins.jsonl", ".", "/dev/full"])
def test_a_simulated_pin_that_cannot_write_fails(tmp_path: Path, place: str) -> None:
    """A pin whose change cannot be written does not change, and says so."""
    pin = make_pin_factory("simulated", tmp_path / place).pin(17)
    with pytest.raises(PinError, match="cannot be used"):
        pin.output_with_state(True)
    assert (pin.function, pin.state) == ("input", False)


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> FakeLgpio:
    """A Pi 4 with a recording chip, in place of the library that needs one."""
    fake = FakeLgpio()
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xC03111)
    return fake


@pytest.mark.parametrize(("active_high", "locked"), [(True, 0), (False, 1)])
def test_lgpio_claims_the_level_with_the_line(lgpio: FakeLgpio, active_high: bool, locked: int) -> None:
    """All that the chip is told: one claim at the locked level, the pulse, and no input after it."""
    factory = make_pin_factory("lgpio")
    device = OutputDevice(17, active_high=active_high, pin_factory=factory)
    device.on()
    device.off()
    device.close()
    again = OutputDevice(17, active_high=active_high, pin_factory=factory)
    again.close()
    factory.close()
    assert lgpio.calls == [
        ("claim_output", 17, locked),
        ("write", 17, 1 - locked),
        ("write", 17, locked),
        ("write", 17, locked),
        ("close", 7, 0),
    ]


def test_an_lgpio_input_is_still_gpiozeros(lgpio: FakeLgpio) -> None:
    """Only outputs are held: an input is given back as an input."""
    factory = make_pin_factory("lgpio")
    factory.pin(22).function = "input"
    factory.close()
    assert lgpio.calls == [("claim_input", 22, 0), ("claim_input", 22, 128), ("close", 7, 0)]


def test_an_lgpio_line_that_is_taken_is_told(lgpio: FakeLgpio) -> None:
    """The library's own errors become ours, at the claim and at a write."""
    factory = make_pin_factory("lgpio")
    pin = factory.pin(17)
    lgpio.refuse = "claim_output"
    with pytest.raises(PinError, match=r"GPIO 17 cannot be driven .*GPIO busy"):
        pin.output_with_state(True)
    lgpio.refuse = None
    pin.output_with_state(True)
    lgpio.refuse = "write"
    with pytest.raises(PinError, match="GPIO 17"):
        pin.state = False
    factory.close()


def test_no_library_no_pi_and_no_chip_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, lgpio: FakeLgpio, tmp_path: Path
) -> None:
    """Each way in which the real pins can be missing is named, and none falls back to another kind."""
    monkeypatch.chdir(tmp_path)
    lgpio.refuse = "open"
    with pytest.raises(PinError, match=r"chip cannot be opened .*group gpio"):
        make_pin_factory("lgpio")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(PinError, match="not installed: apt install python3-lgpio"):
        make_pin_factory("lgpio")
    monkeypatch.setitem(sys.modules, "lgpio", FakeLgpio())
    if not Path("/proc/device-tree/system/linux,revision").exists():
        with pytest.raises(PinError, match="no Pi's pins"):
            make_pin_factory("lgpio")
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)


def test_lgpio_reads_switches_with_a_pull_up(lgpio: FakeLgpio) -> None:
    """Each line is an input with the pull-up on, its edges are heard, and one that was missed is read."""
    clock = SimulatedTimer()
    lgpio.wires.update({23: 1, 24: 0})
    with Inputs(make_pin_factory("lgpio", None), {Line.REX: 23, Line.CONTACT: 24}, now=clock.now) as inputs:
        assert {gpio: flags & lgpio.SET_PULL_UP for gpio, flags in lgpio.inputs.items()} == {23: 32, 24: 32}
        assert inputs.settled() == []
        clock.advance(1.0)
        lgpio.wire(23, 0)
        clock.advance(1.06)
        assert inputs.settled() == [Switched(1.0, Line.REX, True)]
        clock.advance(2.0)
        lgpio.wires[24] = 1  # the kernel's queue was full
        assert inputs.settled() == []
        clock.advance(2.06)
        assert inputs.settled() == [Switched(2.0, Line.CONTACT, True)]
        lgpio.refuse = "read"
        assert inputs.settled() == []


def test_an_input_that_lgpio_refuses_is_told_by_its_key(lgpio: FakeLgpio) -> None:
    """Its errors are no traceback."""
    lgpio.refuse = "claim_input"
    with pytest.raises(PinError, match=r"inputs\.rex: GPIO 23"):
        Inputs(make_pin_factory("lgpio", None), {Line.REX: 23}, now=SimulatedTimer().now)
