"""What an operator may order beside a release: to hold the door open, and to shut it for everybody.

Nothing here releases the strike: ``core.door`` does, for as long as ``Door.held_until`` says.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Clear, Command, Hold, Shut
from doorctl.core.lockout import Lockout
from doorctl.core.policy import Policy
from doorctl.core.records import Reason
from doorctl.core.state import Door

TIME_IS_OVER = "its time is over"


def bounded(seconds: float | None, usual: float, most: float) -> float:
    """How long an order for ``seconds`` holds: no longer than ``most``, and not at all if it is no number."""
    if seconds is None:
        return usual
    return max(0.0, min(seconds, most))  # in this order a NaN comes to 0


def obey(door: Door, order: Hold | Shut | Clear, policy: Policy) -> tuple[Door, Decision]:
    """Carry out an order that is no release."""
    if isinstance(order, Hold):
        return _hold(door, order, policy)
    return _shut(door, order) if isinstance(order, Shut) else _clear(door, order)


def _hold(door: Door, order: Hold, policy: Policy) -> tuple[Door, Decision]:
    """Hold the door released from now on, or end that at once."""
    seconds = bounded(order.seconds, 0.0, policy.max_hold_seconds)
    if seconds <= 0:
        held = door.is_held
        door, events = _end_hold(door, _by(order.by))
        return door, Decision(Reason.COMMANDED, events=events, relock=held)
    if door.lockout.ordered:
        return refused(door, f"hold open{_by(order.by)}")
    event = Event(
        EventKind.HELD_OPEN, door.at, reason=Reason.COMMANDED, detail=f"for {seconds:g} s{_by(order.by)}"
    )
    return replace(door, held_until=door.at + seconds), Decision(Reason.COMMANDED, events=(event,))


def _end_hold(door: Door, why: str) -> tuple[Door, tuple[Event, ...]]:
    """The door is held open no longer; what is left of the release ends, too."""
    if not door.is_held:
        return door, ()
    event = Event(EventKind.HOLD_ENDED, door.at, reason=Reason.COMMANDED, detail=why.removeprefix(", "))
    passage = replace(door.passage, may_open_until=min(door.passage.may_open_until, door.at))
    return replace(door, held_until=-inf, released_until=door.at, passage=passage), (event,)


def expire(door: Door) -> tuple[Door, tuple[Event, ...]]:
    """Tell that the time is over for which the door was to be held open."""
    if door.held_until == -inf or door.at < door.held_until:
        return door, ()
    event = Event(EventKind.HOLD_ENDED, door.at, reason=Reason.COMMANDED, detail=TIME_IS_OVER)
    return replace(door, held_until=-inf), (event,)


def _shut(door: Door, order: Shut) -> tuple[Door, Decision]:
    """Let nobody in by face or by command, or let everybody try again. The ways out stay as they are."""
    lockout = door.lockout
    if order.on == lockout.ordered:
        return door, Decision(Reason.COMMANDED)
    if not order.on:
        told = f"refused at once: {lockout.refused}{_by(order.by)}"
        event = Event(EventKind.LOCKDOWN_ENDED, door.at, reason=Reason.COMMANDED, detail=told)
        door = replace(door, lockout=replace(lockout, ordered=False, refused=0))
        return door, Decision(Reason.COMMANDED, events=(event,))
    door, ended = _end_hold(door, _by(order.by))
    event = Event(
        EventKind.LOCKED_DOWN,
        door.at,
        reason=Reason.COMMANDED,
        detail=f"until an operator ends it{_by(order.by)}",
    )
    passage = replace(door.passage, may_open_until=min(door.passage.may_open_until, door.at))
    door = replace(
        door,
        lockout=replace(lockout, ordered=True, refused=0),
        released_until=min(door.released_until, door.at),
        passage=passage,
        person=None,
        evidence=(),
        challenge=None,
    )
    return door, Decision(Reason.COMMANDED, events=(*ended, event), relock=True)


def refused(door: Door, what: str) -> tuple[Door, Decision]:
    """A release that was ordered while the door is shut by another order."""
    event = Event(EventKind.REFUSED_COMMAND, door.at, reason=Reason.LOCKED_OUT, detail=what)
    return door, Decision(Reason.LOCKED_OUT, events=(event,))


def _clear(door: Door, order: Clear) -> tuple[Door, Decision]:
    """An operator ends every lock that failed attempts have led to."""
    event = Event(EventKind.LOCKS_CLEARED, door.at, detail=f"by {order.by or 'an operator'}")
    lockout = Lockout(ordered=door.lockout.ordered)
    door = replace(door, lockout=lockout, presentation=None, person=None, evidence=())
    return door, Decision(Reason.CLEARED, events=(event,))


def worded(command: Command, seconds: float | None) -> str:
    """What stands in the event of a release that somebody asked for, for so many seconds if it was given."""
    asked = seconds is not None and (command.by or command.seconds is not None)
    return f"{command.cause.value}{f' for {seconds:g} s' if asked else ''}{_by(command.by)}"


def _by(name: str) -> str:
    return f", by {name}" if name else ""
