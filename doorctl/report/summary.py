"""What a stretch of the past comes to, as values: everything that the report shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from math import inf

from doorctl.app.site import Evidence
from doorctl.core.lookalikes import Likeness
from doorctl.report.disputes import Dispute
from doorctl.store.records import StoredEvent

NEAR = 0.05
"""Whose weakest tenth of grants clears the threshold by less than that is near it."""

FEW = 5
"""Of fewer grants nothing is said."""

OFTEN, OFTEN_SHARE = 3, 0.15
"""Who was let in only after a refusal so often, and in such a share of the grants, retries often."""


@dataclass(slots=True)
class Tally:
    """One person's visits."""

    id: int
    name: str
    grants: int = 0
    scores: list[float] = field(default_factory=list)
    """Of the grants."""
    room: list[float] = field(default_factory=list)
    """By how much each cleared the threshold of its moment, as far as that is known."""
    retried: int = 0
    """Grants that came within a minute after a refusal of a face most like theirs."""
    short: int = 0
    """Times that visits in a row nearly matched them, and did not."""
    pictures: int = 0
    challenges: int = 0
    """That were failed."""
    not_taken: int = 0
    last: datetime | None = None

    @property
    def least(self) -> float | None:
        """By how much the weakest tenth of the grants cleared the threshold, at most."""
        return sorted(self.room)[(len(self.room) - 1) // 10] if self.room else None

    @property
    def is_near(self) -> bool:
        return self.least is not None and len(self.room) >= FEW and self.least < NEAR

    @property
    def retries_often(self) -> bool:
        return self.retried >= OFTEN and self.retried >= OFTEN_SHARE * self.grants

    @property
    def worth_a_look(self) -> bool:
        return self.is_near or self.retries_often or self.short > 0


@dataclass(slots=True)
class Span:
    """Something that went on for a while."""

    id: int
    """Of the event that began it; of the one that ended it where that is older than what is looked at."""
    kind: str
    what: str
    start: datetime | None
    """``None``: before what is looked at."""
    end: datetime | None = None
    """``None``: it goes on."""
    restarted: bool = False
    """Whether it ended with a restart of the daemon."""
    times: int = 1
    """How often it was told before it ended."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened."""

    id: int
    time: datetime
    kind: str
    person: str | None
    what: str
    by: str = ""
    """Whose order it was."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """Somebody's word against a decision, and the decision; ``None`` where that is erased."""

    dispute: Dispute
    event: StoredEvent | None


@dataclass(slots=True)
class Totals:
    """How long, and how often, something went on."""

    count: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Summary:
    """Everything that the report shows. Lists hold the latest; counts are of all."""

    since: datetime
    until: datetime
    zone: tzinfo | None = None
    """In which days and hours are counted; the machine's where it is ``None``."""
    events: int = 0
    enrolled: int = 0
    """People in the store now."""
    grants: int = 0
    refusals: int = 0
    grid: list[list[int]] = field(default_factory=lambda: [[0] * 24 for _ in range(7)])
    """Grants by day of the week, Monday first, and hour."""
    days: dict[date, list[int]] = field(default_factory=dict)
    """Grants and refusals of each day, days without any too."""
    reasons: Counter[str] = field(default_factory=Counter)
    people: dict[int, Tally] = field(default_factory=dict)
    thresholds: Counter[float] = field(default_factory=Counter)
    """Of how many grants each held, locks apart."""
    threshold: float | None = None
    """The last that held."""
    spans: dict[str, list[Span]] = field(default_factory=dict)
    totals: dict[str, Totals] = field(default_factory=dict)
    """Of the spans, by kind."""
    pictures: list[Moment] = field(default_factory=list)
    """Suspected pictures and failed challenges."""
    commands: list[Moment] = field(default_factory=list)
    orders: Counter[str] = field(default_factory=Counter)
    """Commands by kind."""
    rex: int = 0
    not_taken: int = 0
    """Grants that nobody opened the door after."""
    not_opened: int = 0
    """The same of releases for other causes, such as the exit button."""
    clock: list[Moment] = field(default_factory=list)
    disputes: list[Disputed] = field(default_factory=list)
    started: int = 0
    killed: int = 0
    """Starts that no stop came before: a power cut, or a kill."""
    alike: tuple[Likeness, ...] | None = None
    """``None`` where it cannot be told."""
    no_alike: str = ""
    """Why not."""
    evidence: Evidence | None = None

    @property
    def came(self) -> int:
        """How many people were let in."""
        return sum(tally.grants > 0 for tally in self.people.values())

    def total(self, *kinds: str) -> int:
        """How many spans of some kinds there were."""
        return sum(self.totals[kind].count for kind in kinds if kind in self.totals)

    def worth_a_look(self) -> list[Tally]:
        """People near their threshold, who retry often, or who fall short, the nearest first."""
        found = (tally for tally in self.people.values() if tally.worth_a_look)
        return sorted(found, key=lambda tally: (inf if tally.least is None else tally.least, -tally.retried))
