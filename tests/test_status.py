"""What 'doorctl status' makes of a door: every state that it can be in, in fields and in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from doorctl.app.status import door_fields, wall_clock
from doorctl.cli.control import describe
from doorctl.core.inputs import Line
from doorctl.core.liveness import LivenessMode
from doorctl.core.lockout import Lockout, LockoutRules
from doorctl.core.passage import Leaf, Passage
from doorctl.core.policy import Policy
from doorctl.core.state import Door

POLICY = Policy(threshold=0.8, margin=0.1, lookalike_margin=0.2, liveness=LivenessMode.OFF)
REST = {
    "people": 3,
    "denied": 1,
    "nets": "standard",
    "liveness": "adaptive",
    "liveness_warning": "",
    "camera": "ok",
    "folder": "off",
    "folder_fault": "",
    "last_event": None,
    "version": "1.2.3",
    "since": datetime.now(UTC).isoformat(),
    "pid": 42,
}
NOW = 100.0


def told(door: Door, policy: Policy = POLICY, **rest: Any) -> str:
    return describe({**door_fields(replace(door, at=NOW), policy, NOW), **REST, **rest}).plain


def test_a_door_at_rest() -> None:
    """Locked, nothing wrong; three people, one of them denied."""
    lines = told(Door()).splitlines()
    assert [line.split() for line in lines[:2]] == [["door", "locked"], ["alarms", "none"]]
    assert "people      3, of whom denied 1" in lines
    assert "threshold   0.80, standard set of nets" in lines


def test_a_release_and_a_hold_are_told_with_their_ends() -> None:
    """How much longer, or until when; a hold goes before the release that it consists of."""
    assert "released for 2.5 s more" in told(Door(released_until=NOW + 2.5))
    assert "locked" in told(Door(released_until=NOW - 1))
    held = door_fields(Door(at=NOW, released_until=NOW + 10, held_until=NOW + 3600), POLICY, NOW)
    until = datetime.fromisoformat(held["held_open_until"])
    assert 3590 < (until - datetime.now(UTC)).total_seconds() <= 3601
    assert "held open until" in told(Door(released_until=NOW + 10, held_until=NOW + 3600))


def test_a_lockdown_says_by_what_and_for_whom() -> None:
    """By an operator, whatever else; by failures for a while, with known people or not, or until cleared."""
    failed = Lockout(locks=1, until=NOW + 30, since=NOW - 30, down=True)
    assert "by an operator's word, until 'doorctl lockdown off'" in told(
        Door(lockout=replace(failed, ordered=True))
    )
    passes = told(Door(lockout=failed))
    assert "after failed attempts, for 30 s more; known people pass by a challenge" in passes
    strict = replace(POLICY, lockout=LockoutRules(known_people_pass=False))
    assert "known people" not in told(Door(lockout=failed), strict)
    endless = replace(POLICY, lockout=LockoutRules(until_cleared=True))
    assert "until 'doorctl lockouts clear'" in told(Door(lockout=failed), endless)
    assert "locked down" not in told(Door(lockout=replace(failed, until=NOW - 1)))


def test_every_alarm_is_told() -> None:
    """Forced, open for too long, tampered with, fire, a stuck button, a wire that flaps."""
    leaf = Leaf(NOW - 50, forced=True, limit=30, too_long=True)
    passage = Passage(
        leaf=leaf,
        on=frozenset({Line.TAMPER, Line.FIRE}),
        stuck=True,
        unreliable=frozenset({Line.CONTACT}),
    )
    assert door_fields(Door(at=NOW, passage=passage), POLICY, NOW)["alarms"] == [
        "forced open",
        "open for too long",
        "tampered with",
        "fire",
        "exit button stuck",
        "contact wire cannot be relied on",
    ]
    assert "forced open, open for too long, tampered with" in told(Door(passage=passage))


def test_what_is_out_of_order_is_told() -> None:
    """A camera without pictures, a folder that cannot be read, nets that are not to be relied on."""
    words = told(
        Door(),
        camera="lost",
        folder="failing",
        folder_fault="no such directory",
        liveness="challenge",
        liveness_warning="not measured here",
    )
    assert "camera      lost: no picture comes" in words
    assert "folder      failing: no such directory" in words
    assert "liveness    challenge: not measured here" in words


def test_a_time_is_told_as_the_clock_shows_it() -> None:
    """Today without the day, unless asked for; any other day with it."""
    now = datetime.now().astimezone()
    assert wall_clock(now.isoformat()) == f"{now:%H:%M}"
    assert wall_clock(now.isoformat(), day=True) == f"{now:%Y-%m-%d %H:%M:%S}"
    assert wall_clock("2020-02-29T12:00:00+00:00").startswith("2020-02-")
