"""What the door tells the person before it. The core chooses one; an indicator shows it."""

from __future__ import annotations

from enum import StrEnum


class Prompt(StrEnum):
    """One thing to do, or one answer. Left and right are the person's own."""

    IDLE = "idle"
    LOOK_HERE = "look here"
    COME_CLOSER = "come closer"
    STEP_BACK = "step back"
    HOLD_STILL = "hold still"
    FACE_THE_LIGHT = "face the light"
    TURN_LEFT = "turn your head left"
    TURN_RIGHT = "turn your head right"
    LOOK_UP = "look up"
    LOOK_DOWN = "look down"
    OPEN_MOUTH = "open your mouth"
    GRANTED = "come in"
    DENIED = "not admitted"
    LOCKED_OUT = "locked for a while"
    CLOSE_DOOR = "close the door"
    ALARM = "alarm"
    FAULT = "out of order"
