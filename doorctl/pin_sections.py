"""What can be set of the pins, in the manner of ``sections``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from doorctl.setting_types import Command, Directory, Lines, Section


class GpioConfig(Section):
    """The relay."""

    pins: Literal["lgpio", "mock", "simulated"] = "lgpio"
    relay_pin: int = Field(default=17, ge=0, le=27, description="BCM number, not the place on the header")
    active_high: bool = True


_Output = Annotated[int, Field(ge=0, le=27)] | None
_OUTPUT = "a BCM number from 0 to 27, or null for none"


class IndicatorConfig(Section):
    """What shows the person at the door what is asked of them."""

    left: _Output = Field(default=None, description=_OUTPUT)
    right: _Output = Field(default=None, description=_OUTPUT)
    above: _Output = Field(default=None, description=_OUTPUT)
    below: _Output = Field(default=None, description=_OUTPUT)
    green: _Output = Field(default=None, description=_OUTPUT)
    red: _Output = Field(default=None, description=_OUTPUT)
    buzzer: _Output = Field(default=None, description=_OUTPUT)
    active_high: bool = True
    voice: Directory | None = Field(
        default=None, description="the full path of a directory, or null for no voice"
    )
    player: Command = Field(default="aplay -q", description="a command that plays the file named after it")

    @property
    def pins(self) -> dict[str, int]:
        """The outputs that are wired, by key."""
        keys = ("left", "right", "above", "below", "green", "red", "buzzer")
        return {key: pin for key in keys if (pin := getattr(self, key)) is not None}


class InputsConfig(Section):
    """Wires that tell the door something."""

    rex: _Output = Field(default=None, description=_OUTPUT)
    contact: _Output = Field(default=None, description=_OUTPUT)
    tamper: _Output = Field(default=None, description=_OUTPUT)
    fire: _Output = Field(default=None, description=_OUTPUT)
    invert: Lines = Field(default=(), description="a list of rex, contact, tamper and fire")
    bounce_seconds: float = Field(default=0.05, ge=0.01, le=0.2, description="seconds")
    stuck_seconds: float = Field(default=60.0, ge=5, le=3600, description="seconds")
    rex_releases: bool = True
    fire_releases: bool = False

    @property
    def pins(self) -> dict[str, int]:
        """The inputs that are wired, by key."""
        return {
            key: pin
            for key in ("rex", "contact", "tamper", "fire")
            if (pin := getattr(self, key)) is not None
        }
