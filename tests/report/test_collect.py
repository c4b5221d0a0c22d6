"""What a stretch of the past is counted as, on events whose sums are known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from itertools import count
from zoneinfo import ZoneInfo

from doorctl.core.decision import EventKind
from doorctl.core.records import Reason
from doorctl.report.collect import LATEST, collect
from doorctl.report.fields import fields_of
from doorctl.report.notes import notes
from doorctl.report.plots import buckets
from doorctl.report.rules import Rules
from doorctl.report.summary import Summary
from doorctl.store.records import StoredEvent
from tests.report.conftest import START
from tests.report.test_shadow import TEXTS

VIENNA = ZoneInfo("Europe/Vienna")


class Past:
    """Events, as they would be stored."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self._numbers = count(1)

    def add(
        self,
        minutes: float,
        kind: EventKind,
        person: int | None = None,
        *,
        reason: Reason | None = None,
        score: float | None = None,
        detail: str = "",
        nearest: int | None = None,
        raised: bool = False,
    ) -> None:
        self.events.append(
            StoredEvent(
                id=next(self._numbers),
                time=START + timedelta(minutes=minutes),
                kind=kind,
                at=60 * minutes,
                person_id=person,
                person=None if person is None else f"person {person}",
                reason=reason,
                score=score,
                margin=None,
                detail=detail,
                nearest_id=nearest,
                nearest=None if nearest is None else f"person {nearest}",
                raised=raised,
                policy="a",
            )
        )

    def granted(self, minutes: float, person: int = 1, score: float = 0.9, *, raised: bool = False) -> None:
        self.add(
            minutes, EventKind.ACCESS_GRANTED, person, reason=Reason.RECOGNISED, score=score, raised=raised
        )

    def refused(self, minutes: float, reason: Reason = Reason.UNKNOWN_PERSON, nearest: int = 1) -> None:
        self.add(minutes, EventKind.ACCESS_DENIED, reason=reason, score=0.6, nearest=nearest)

    def summary(self, days: float = 3, zone: tzinfo | None = VIENNA) -> Summary:
        return collect(self.events, Rules(TEXTS), since=START, until=START + timedelta(days=days), zone=zone)


def test_visits_are_counted_where_the_door_is() -> None:
    """By local day, weekday and hour; days without any too; the hour that summer time skips is no gap."""
    past = Past()
    past.granted(0)  # 9:00 in Vienna, on a Monday
    past.granted(16 * 60 + 30)  # 1:30 on Tuesday
    past.refused(5)
    found = past.summary()
    assert found.grid[0][9] == found.grid[1][1] == 1
    assert sum(map(sum, found.grid)) == found.grants == 2
    assert found.days == {
        date(2026, 3, 2): [1, 1],
        date(2026, 3, 3): [1, 0],
        date(2026, 3, 4): [0, 0],
        date(2026, 3, 5): [0, 0],
    }
    past.granted(60 * 24 * 27 + 60 * 1)  # 29 March, 9:00 UTC
    assert past.summary(30).grid[6][11] == 1


def test_room_is_held_against_the_threshold_of_the_moment() -> None:
    """While a lock had raised it, against the raised one."""
    past = Past()
    for score, raised in ((0.80, False), (0.86, True), (0.90, False)):
        past.granted(1, score=score, raised=raised)
    tally = past.summary().people[1]
    assert [round(room, 2) for room in tally.room] == [0.06, 0.02, 0.16]
    assert not tally.is_near  # of three grants nothing is said
    for _ in range(3):
        past.granted(2, score=0.76)
    assert past.summary().people[1].is_near


def test_who_tries_again_is_noticed() -> None:
    """A grant within a minute after refusals of a face most like theirs, however many there were."""
    past = Past()
    for i in range(4):
        past.refused(10 * i)
        past.refused(10 * i + 0.2)
        past.granted(10 * i + 0.9)
    past.refused(100, nearest=2)
    past.granted(100.5)
    past.refused(200)
    past.granted(202)
    tally = past.summary().people[1]
    assert (tally.retried, tally.grants, tally.retries_often) == (4, 6, True)


def test_what_lasts_is_measured() -> None:
    """A camera, the folder, each wire by itself, both kinds of lockdown; what is told twice is one."""
    past = Past()
    for minutes, kind, detail in (
        (0, EventKind.CAMERA_LOST, "gone"),
        (5, EventKind.CAMERA_BACK, ""),
        (10, EventKind.SYNC_FAILED, "no network"),
        (20, EventKind.SYNC_FAILED, "no such host"),
        (40, EventKind.SYNC_BACK, ""),
        (50, EventKind.INPUT_FAULT, "tamper: changes all the time; see its wire"),
        (51, EventKind.INPUT_FAULT, "rex: pressed for 60 s"),
        (52, EventKind.INPUT_BACK, "fire"),
        (53, EventKind.INPUT_BACK, "tamper"),
        (60, EventKind.DOOR_OPEN_TOO_LONG, "open for 30 s"),
        (61, EventKind.DOOR_CLOSED, "open for 90 s"),
        (70, EventKind.LOCKED_OUT, "an unknown face for 30 s; failed attempts: 5"),
    ):
        past.add(minutes, kind, detail=detail)
    found = past.summary()
    lasted = {kind: (total.count, total.seconds) for kind, total in found.totals.items()}
    assert lasted == {
        "CameraLost": (1, 300.0),
        "SyncFailed": (1, 1800.0),
        "InputFault": (2, 180.0),
        "DoorOpenTooLong": (1, 60.0),
        "LockedOut": (1, 30.0),
    }
    assert found.spans["SyncFailed"][0].times == 2


def test_lockdowns_of_both_kinds() -> None:
    """An operator's ends by an operator's word; one after failures by itself, or when locks are cleared."""
    past = Past()
    past.add(0, EventKind.LOCKED_DOWN, detail="for 60 s; failed attempts: 10, pictures: 0")
    past.add(1, EventKind.LOCKED_DOWN, reason=Reason.COMMANDED, detail="until an operator ends it, by anna")
    past.add(2, EventKind.LOCKDOWN_ENDED, detail="refused at once: 0")
    past.add(11, EventKind.LOCKDOWN_ENDED, reason=Reason.COMMANDED, detail="refused at once: 2, by anna")
    past.add(20, EventKind.LOCKED_DOWN, detail="for 60 s; failed attempts: 10, pictures: 0")
    past.add(25, EventKind.LOCKS_CLEARED, detail="by ben")
    found = past.summary()
    spans = [
        (span.end - span.start).total_seconds() / 60
        for span in found.spans["LockedDown"]
        if span.end and span.start
    ]
    assert spans == [2, 10, 5]
    assert [(order.kind, order.by) for order in found.commands] == [
        ("LockedDown", "anna"),
        ("LockdownEnded", "anna"),
        ("LocksCleared", "ben"),
    ]


def test_what_goes_on_and_what_began_before() -> None:
    """Neither end is made up; a restart ends what the daemon alone knew of, and no lockdown."""
    past = Past()
    past.add(5, EventKind.CAMERA_BACK)
    past.add(6, EventKind.STARTED)
    past.add(10, EventKind.TAMPER)
    past.add(11, EventKind.LOCKED_DOWN, detail="for 60 s; failed attempts: 10, pictures: 0")
    past.add(20, EventKind.STARTED)
    past.add(30, EventKind.STOPPED)
    past.add(40, EventKind.STARTED)
    found = past.summary(1)
    [camera], [tamper], [down] = (found.spans[kind] for kind in ("CameraLost", "Tamper", "LockedDown"))
    assert (camera.start, camera.end) == (None, START + timedelta(minutes=5))
    assert tamper.restarted
    assert tamper.end == START + timedelta(minutes=20)
    assert down.end is None
    assert found.totals["LockedDown"].seconds == (24 * 60 - 11) * 60
    assert (found.started, found.killed) == (3, 1)


def test_releases_are_told_apart() -> None:
    """The exit button is no order; an order has its caller; a hold that is over is nobody's."""
    past = Past()
    past.add(0, EventKind.UNLOCKED, reason=Reason.COMMANDED, detail="rex")
    past.add(1, EventKind.UNLOCKED, reason=Reason.COMMANDED, detail="unlock for 7 s, by anna")
    past.add(2, EventKind.HELD_OPEN, reason=Reason.COMMANDED, detail="for 60 s, by ben")
    past.add(3, EventKind.HOLD_ENDED, reason=Reason.COMMANDED, detail="its time is over")
    past.add(4, EventKind.REFUSED_COMMAND, reason=Reason.LOCKED_OUT, detail="unlock for 0 s, by carl")
    past.add(5, EventKind.ACCESS_NOT_TAKEN, detail="rex")
    past.add(6, EventKind.ACCESS_NOT_TAKEN, 1, detail="recognised")
    found = past.summary()
    assert (found.rex, [one.by for one in found.commands]) == (1, ["anna", "ben", "carl"])
    assert (found.not_taken, found.not_opened, found.people[1].not_taken) == (1, 1, 1)
    assert found.spans["HeldOpen"][0].end == START + timedelta(minutes=3)


def test_lists_are_bounded_and_counts_are_not() -> None:
    """A thousand pictures are counted, and the latest of them listed."""
    past = Past()
    for i in range(5 * LATEST):
        past.add(i / 60, EventKind.ACCESS_DENIED, 1, reason=Reason.SPOOF)
        past.add(i / 60, EventKind.CAMERA_LOST)
        past.add(i / 60, EventKind.CAMERA_BACK)
    found = past.summary()
    assert found.reasons[Reason.SPOOF] == found.total(EventKind.CAMERA_LOST) == 5 * LATEST
    assert len(found.pictures) == len(found.spans["CameraLost"]) == LATEST
    assert found.pictures[-1].id == past.events[-3].id


def test_what_stands_out_is_said() -> None:
    """The gravest first; where nothing does, that too."""
    past = Past()
    assert [note.says for note in notes(past.summary())] == ["Nothing stands out."]
    past.granted(0)
    past.add(1, EventKind.DOOR_FORCED_OPEN)
    past.add(2, EventKind.CAMERA_LOST)
    past.add(3, EventKind.CAMERA_BACK)
    told = notes(past.summary())
    assert [note.matters for note in told] == ["bad", "look", "calm"]
    assert told[0].says == "The door was opened without a release once."
    assert told[1].says == "The camera was lost once, for 60 s in all."


def test_many_days_are_drawn_by_week_or_month() -> None:
    """Nothing of them is lost."""

    def days(number: int) -> dict[date, list[int]]:
        return {date(2024, 1, 1) + timedelta(days=i): [1, 2] for i in range(number)}

    for number, unit in ((31, "day"), (200, "week"), (1000, "month")):
        found, counts = buckets(days(number))
        assert found == unit
        assert [sum(column) for column in zip(*counts.values(), strict=True)] == [number, 2 * number]


def test_the_whole_is_one_json_object() -> None:
    """Every key is there for an empty past, too, and the object can be written."""

    def keys(value: object) -> Iterator[str]:
        return iter(value if isinstance(value, dict) else ())

    past = Past()
    empty = fields_of(past.summary())
    past.granted(0)
    past.refused(1)
    past.add(2, EventKind.CAMERA_LOST)
    full = fields_of(past.summary())
    assert list(keys(empty)) == list(keys(full))
    assert json.loads(json.dumps(full))["by_person"][0]["weakest"] == 0.9
    assert full["lasting"]["CameraLost"]["latest"][0]["end"] is None
    assert datetime.fromisoformat(full["since"]) == START
