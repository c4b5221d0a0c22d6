"""How the past would have gone under another threshold, as far as stored scores can say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from doorctl.core.decision import EventKind
from doorctl.core.policy import Policy
from doorctl.core.records import Reason
from doorctl.evaluation.intervals import clopper_pearson
from doorctl.report.rules import Rules, threshold_of
from doorctl.store.records import StoredEvent

KINDS = (EventKind.ACCESS_GRANTED, EventKind.ACCESS_DENIED)
"""The events that it looks at."""

CANNOT_KNOW = (
    "a grant is lost at that moment only: a moment later the person may have reached the threshold",
    "what is recognised is an upper bound: one frame reached the threshold, where several in a row must, and "
    "the face would still have had to show that it is alive",
    "the nearest person is the gallery's guess of that day: the face may have been a stranger's",
)


@dataclass(slots=True)
class Count:
    """What becomes of one person's visits, or of everybody's."""

    grants: int = 0
    lost: int = 0
    """Grants that would not have been given at that moment."""
    weakest: float | None = None
    """Of the grants' scores."""
    refused: int = 0
    """Times that the face was not recognised, and this person was nearest."""
    gained: int = 0
    """Of these, how often its best frame reached the other threshold, ahead of others by the margin."""

    @property
    def lost_rate(self) -> tuple[float, float, float] | None:
        """Share of the grants that is lost, with its exact 95 % interval; ``None`` without grants."""
        return rate(self.lost, self.grants)

    @property
    def gained_rate(self) -> tuple[float, float, float] | None:
        """The same of the refusals."""
        return rate(self.gained, self.refused)


@dataclass(slots=True)
class Shadow:
    """The whole past under another threshold."""

    threshold: float
    total: Count = field(default_factory=Count)
    people: dict[int, tuple[str, Count]] = field(default_factory=dict)
    """By number, with the name."""
    thresholds: dict[float, int] = field(default_factory=dict)
    """Thresholds that held, and of how many events."""
    unknown: int = 0
    """Events without stored rules: a grant's score is compared all the same, its lock is not known."""
    behind: int = 0
    """Refusals that reached the other threshold, and did not lead the second-best person by enough."""
    locked: int = 0
    """Visits that were refused at once, for there was a lock: of them nothing is said."""


def rate(errors: int, trials: int) -> tuple[float, float, float] | None:
    """A share and its exact 95 % interval (Clopper and Pearson); ``None`` of nothing."""
    if not trials:
        return None
    if 2 * errors > trials:  # the sum has a term for each error, and the interval is that of the rest, turned
        low, high = clopper_pearson(trials - errors, trials)
        low, high = 1 - high, 1 - low
    else:
        low, high = clopper_pearson(errors, trials)
    return errors / trials, low, high


def shadow(events: Iterable[StoredEvent], rules: Rules, threshold: float) -> Shadow:
    """Judge past visits by another threshold.

    Where a lock had raised the threshold, it is taken to raise the other one by as much.

    Args:
        events: of ``KINDS``; others are passed over.
        rules: of those events.
        threshold: calibrated score, 0 to 1.
    """
    found = Shadow(threshold)
    for event in events:
        policy, score = rules.of(event), event.score
        if score is None or event.kind not in KINDS:
            continue
        if event.reason == Reason.LOCKED_OUT:
            found.locked += 1
            continue
        granted = event.kind == EventKind.ACCESS_GRANTED
        if not granted and event.reason != Reason.UNKNOWN_PERSON:
            continue
        if policy is None:
            found.unknown += 1
        else:
            found.thresholds[policy.threshold] = found.thresholds.get(policy.threshold, 0) + 1
        reaches = score >= _asked(event, policy, threshold)
        ahead = policy is None or event.margin is None or event.margin >= policy.lead_asked(event.lookalike)
        number, name = (event.person_id, event.person) if granted else (event.nearest_id, event.nearest)
        counts = [found.total]
        if number is not None:
            counts.append(found.people.setdefault(number, (name or f"#{number}", Count()))[1])
        for count in counts:
            if granted:
                count.grants += 1
                count.lost += not reaches
                count.weakest = score if count.weakest is None else min(score, count.weakest)
            else:
                count.refused += 1
                count.gained += reaches and ahead
        found.behind += not granted and reaches and not ahead
    return found


def _asked(event: StoredEvent, policy: Policy | None, threshold: float) -> float:
    """The score that would have been asked: more by what a lock had raised it."""
    if policy is None or not event.raised:
        return threshold
    return threshold_of(policy, raised=True) + (threshold - policy.threshold)
