"""What the door, as it stands, wants of the next frame, and has to tell the person before it."""

from __future__ import annotations

from doorctl.core.attempt import rules_of
from doorctl.core.decision import Decision
from doorctl.core.liveness import LivenessMode
from doorctl.core.passage import alarming
from doorctl.core.policy import Policy
from doorctl.core.prompt import Prompt
from doorctl.core.records import Ask, Reason
from doorctl.core.state import Door, DoorState

_BY_REASON = {
    Reason.FACE_TOO_SMALL: Prompt.COME_CLOSER,
    Reason.FACE_TOO_LARGE: Prompt.STEP_BACK,
    Reason.FACE_OUT_OF_VIEW: Prompt.STEP_BACK,
    Reason.FACE_BLURRED: Prompt.HOLD_STILL,
    Reason.FACE_TOO_DARK: Prompt.FACE_THE_LIGHT,
    Reason.FACE_TOO_BRIGHT: Prompt.FACE_THE_LIGHT,
    Reason.CONFIRMING: Prompt.LOOK_HERE,
    Reason.LIVENESS_UNSURE: Prompt.LOOK_HERE,
    Reason.CHALLENGED: Prompt.LOOK_HERE,
    Reason.UNKNOWN_PERSON: Prompt.LOOK_HERE,
    Reason.AMBIGUOUS: Prompt.LOOK_HERE,
    Reason.DENIED: Prompt.LOOK_HERE,
    Reason.SCHEDULE: Prompt.LOOK_HERE,
}

_LOCKED = (Reason.LOCKED_OUT, Reason.ATTEMPT_OVER)
_HOPEFUL = (Reason.CONFIRMING, Reason.LIVENESS_UNSURE)


def prompt_of(door: Door, decision: Decision) -> Prompt:
    """The one thing to tell now. A refusal stands as long as the one refused does."""
    if door.challenge is not None:
        return door.challenge.prompt
    if alarming(door.passage):
        return Prompt.ALARM
    leaf = door.passage.leaf
    if leaf is not None and leaf.warned:
        return Prompt.CLOSE_DOOR
    if door.state is DoorState.RELEASED:
        return Prompt.GRANTED
    if decision.reason in _LOCKED:
        return Prompt.LOCKED_OUT if decision.reason is Reason.LOCKED_OUT else Prompt.DENIED
    if door.presentation is not None and door.presentation.denial_told:
        # The next in the queue is looked at, whatever became of the one before.
        return Prompt.LOOK_HERE if decision.reason in _HOPEFUL else Prompt.DENIED
    return _BY_REASON.get(decision.reason, Prompt.IDLE)


def asks(door: Door, policy: Policy) -> Ask:
    """What the next frame is wanted for: the anti-spoof nets run only where a decision needs them."""
    rules, visit = rules_of(door, policy), door.presentation
    if rules is None:
        return Ask()
    decided = visit is not None and any(
        who == door.person for who, _ in visit.lately(door.at, policy.regrant_seconds)
    )
    challenge = door.challenge
    if challenge is None and (decided or rules.liveness is LivenessMode.OFF):
        return Ask()
    anchor = challenge.anchor if challenge else 0
    return Ask(live_from=rules.threshold, anchor=anchor, closely=challenge is not None)
