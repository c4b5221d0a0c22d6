"""Drive the relay to its locked level and nothing else: for ``doorctl lock`` and after a crash.

This way imports no camera, net or database, so that it works when they do not. It takes
plain values; where the configuration cannot be read, the caller passes its defaults.
"""

from __future__ import annotations

import json
from pathlib import Path

from gpiozero import GPIOZeroError

from doorctl.errors import PinError
from doorctl.gpio.pins import make_pin_factory
from doorctl.paths import GPIO_NOTE, PINS

locked: set[tuple[str, int, bool]] = set()
"""What ``lock_at_once`` has locked: kind, pin, and whether a high level energises it."""


def lock_at_once(place: Path) -> None:
    """Lock the pin that the daemon of this place drove last.

    Raises:
        OSError, ValueError, KeyError: nothing usable says which it was.
        PinError: it cannot be claimed.
    """
    last = json.loads((place / GPIO_NOTE).read_text())
    gpio = str(last["pins"]), int(last["relay_pin"]), last["active_high"] is True
    lock_relay(*gpio, place / PINS)
    locked.add(gpio)


def lock_relay(kind: str, pin: int, active_high: bool, state_file: Path | None = None) -> None:
    """Claim the pin at its locked level and leave it so.

    Args:
        kind: ``lgpio``, ``mock`` or ``simulated``.
        pin: BCM number of the relay.
        active_high: whether a high level energises the relay.
        state_file: where simulated pins keep their levels.

    Raises:
        PinError: the pin cannot be claimed, for example because a running daemon holds it.
    """
    factory = make_pin_factory(kind, state_file)
    try:
        factory.pin(pin).output_with_state(not active_high)
    except (GPIOZeroError, OSError) as why:
        if isinstance(why, PinError):
            raise
        raise PinError(f"GPIO {pin} cannot be locked ({why})", "check the pin's number") from why
    finally:
        factory.close()
