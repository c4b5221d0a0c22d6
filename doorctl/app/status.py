"""How a running door stands, as the fields that ``doorctl status`` tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from doorctl.core.inputs import Line
from doorctl.core.lockout import Bar, LockoutRules, bar
from doorctl.core.passage import Passage
from doorctl.core.policy import Policy
from doorctl.core.state import Door, DoorState
from doorctl.store.records import StoredEvent


def door_fields(door: Door, policy: Policy, at: float) -> dict[str, Any]:
    """What the strike is told to be, why, and what is wrong at the door.

    Args:
        door: as it is.
        policy: the rules that hold.
        at: now, on the door's scale of time.
    """
    released = max(0.0, door.released_until - at)
    held = door.held_until - at
    return {
        "state": (DoorState.RELEASED if released > 0 else DoorState.LOCKED).value,
        "released_seconds": round(released, 1),
        "held_open_until": clock_time(held) if held > 0 else None,
        "lockdown": _lockdown(door, policy.lockout, at),
        "alarms": alarms(door.passage),
        "threshold": round(policy.threshold, 4),
    }


def _lockdown(door: Door, rules: LockoutRules, at: float) -> dict[str, Any] | None:
    """By what the door is locked down, for how long, and for whom; ``None`` if it is not."""
    lockout = door.lockout
    asks = bar(lockout, at, rules)
    if asks is Bar.USUAL:
        return None
    endless = lockout.ordered or rules.until_cleared
    return {
        "by": "operator" if lockout.ordered else "failed attempts",
        "seconds": None if endless else round(lockout.until - at, 1),
        "known_people_pass": asks is Bar.RAISED,
    }


def alarms(passage: Passage) -> list[str]:
    """What is wrong at the door now, in words."""
    leaf = passage.leaf
    found = {
        "forced open": leaf is not None and leaf.forced,
        "open for too long": leaf is not None and leaf.too_long,
        "tampered with": passage.believes(Line.TAMPER),
        "fire": passage.believes(Line.FIRE),
        "exit button stuck": passage.stuck,
        **{f"{line.value} wire cannot be relied on": True for line in sorted(passage.unreliable)},
    }
    return [what for what, so in found.items() if so]


def clock_time(seconds: float) -> str:
    """The time of day so many seconds from now, ISO 8601 in UTC."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def wall_clock(iso: str, *, day: bool = False) -> str:
    """A time, ISO 8601, as a clock on the wall shows it; with the day if asked for, or if that is another."""
    time = datetime.fromisoformat(iso).astimezone()
    if not day and time.date() == datetime.now().astimezone().date():
        return f"{time:%H:%M}"
    return f"{time:%Y-%m-%d %H:%M:%S}"


def event_fields(stored: StoredEvent) -> dict[str, Any]:
    """The last event, as far as one line tells it."""
    return {
        "id": stored.id,
        "event": stored.kind,
        "time": stored.time.isoformat(timespec="seconds"),
        "person": stored.person,
        "reason": stored.reason,
        "score": None if stored.score is None else round(stored.score, 4),
        "detail": stored.detail,
    }
