"""Which way of telling a picture from a person holds here, and why it is not the one that was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from doorctl.core.liveness import LivenessMode
from doorctl.sections import LivenessConfig

LIVENESS_IS_OFF = "liveness is off: whoever holds up a photo of an enrolled person opens this door"

PUPPET = "a face that is animated on a phone as it is told can pass a challenge alone"


@dataclass(frozen=True, slots=True)
class Standing:
    """The mode that holds, and what the owner has to know of it."""

    mode: LivenessMode
    warning: str = ""
    hint: str = ""


def standing(config: LivenessConfig, *, nets: bool, untrusted: str = "") -> Standing:
    """The mode that holds.

    Args:
        config: what is asked for.
        nets: whether anti-spoof nets are installed.
        untrusted: why they are not to be relied on at this camera, if so.
    """
    mode = LivenessMode(config.mode)
    if mode is LivenessMode.OFF:
        return Standing(mode, LIVENESS_IS_OFF, "set liveness.mode to adaptive")
    if not nets:
        return Standing(
            LivenessMode.CHALLENGE,
            f"this set has no anti-spoof nets, so everyone is asked for a challenge: {PUPPET}",
            "install the standard set with 'doorctl models install'",
        )
    if mode is LivenessMode.CHALLENGE:
        return Standing(mode)
    if untrusted and mode is LivenessMode.ADAPTIVE:
        return Standing(
            LivenessMode.CHALLENGE,
            f"{untrusted}, so everyone is asked for a challenge",
            "stand before the camera and run 'doorctl liveness enrol-site'",
        )
    return Standing(mode, untrusted, "run 'doorctl liveness enrol-site'" if untrusted else "")
