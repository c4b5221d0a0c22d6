"""One pass over past events, which counts what the report shows. Nothing is kept of most of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, tzinfo

from doorctl.core.decision import EventKind
from doorctl.core.orders import TIME_IS_OVER
from doorctl.core.records import Reason
from doorctl.report.around import ENDS, ends
from doorctl.report.details import caller_of, seconds_of
from doorctl.report.rules import Rules, threshold_of
from doorctl.report.summary import Moment, Span, Summary, Tally, Totals
from doorctl.store.records import StoredEvent

LATEST = 200
"""So many of each kind are listed, the latest."""

RETRY_SECONDS = 60.0
"""Whoever is let in so soon after a refusal of a face most like theirs has tried again."""

_RETRIED = (
    Reason.UNKNOWN_PERSON,
    Reason.AMBIGUOUS,
    Reason.LIVENESS_UNSURE,
    Reason.CHALLENGE_FAILED,
    Reason.SPOOF,
)
_LASTING = tuple(start for start in ENDS if start is not EventKind.RELAY_ON)
_ENDING = (*(ENDS[start] for start in _LASTING), EventKind.STARTED, EventKind.LOCKS_CLEARED)


def collect(
    events: Iterable[StoredEvent],
    rules: Rules,
    *,
    since: datetime,
    until: datetime,
    zone: tzinfo | None = None,
) -> Summary:
    """Count.

    Args:
        events: all of the time, in order.
        rules: by which they were decided.
        since: when that time begins.
        until: when it ends.
        zone: in which days and hours are counted; the machine's where it is ``None``.
    """
    collector = _Collector(Summary(since, until, zone), rules)
    for event in events:
        collector.add(event)
    return collector.finish()


class _Collector:
    def __init__(self, summary: Summary, rules: Rules) -> None:
        self._all, self._rules = summary, rules
        self._refused: deque[tuple[datetime, int | None]] = deque()
        self._open: dict[tuple[str, str], tuple[Span, StoredEvent]] = {}
        self._running = False
        self._by_kind: dict[str, Callable[[StoredEvent], None]] = {
            EventKind.ACCESS_GRANTED: self._granted,
            EventKind.ACCESS_DENIED: self._denied,
            EventKind.ACCESS_NOT_TAKEN: self._not_taken,
            EventKind.FALLS_SHORT: self._short,
            EventKind.UNLOCKED: self._unlocked,
            EventKind.LOCKED_OUT: self._locked_out,
            EventKind.CLOCK_STEPPED: lambda event: _keep(self._all.clock, _moment(event)),
            EventKind.STARTED: self._started,
            EventKind.STOPPED: self._stopped,
            EventKind.HELD_OPEN: self._ordered,
            EventKind.HOLD_ENDED: self._ordered,
            EventKind.LOCKED_DOWN: self._ordered,
            EventKind.LOCKDOWN_ENDED: self._ordered,
            EventKind.LOCKS_CLEARED: self._ordered,
            EventKind.REFUSED_COMMAND: self._ordered,
        }

    def add(self, event: StoredEvent) -> None:
        self._all.events += 1
        if event.kind in _ENDING:
            self._end(event)
        if event.kind in _LASTING:
            self._begin(event)
        if handle := self._by_kind.get(event.kind):
            handle(event)

    def finish(self) -> Summary:
        found = self._all
        for span, _ in self._open.values():
            self._count(span)
        for spans in found.spans.values():
            spans.sort(key=lambda span: span.start or found.since)
            del spans[:-LATEST]
        for moments in (found.pictures, found.commands, found.clock):
            del moments[:-LATEST]
        day, last = self._day(found.since), self._day(found.until)
        while day <= last:
            found.days.setdefault(day, [0, 0])
            day += timedelta(days=1)
        found.days = dict(sorted(found.days.items()))
        return found

    def _day(self, time: datetime) -> date:
        return time.astimezone(self._all.zone).date()

    def _tally(self, number: int, name: str | None) -> Tally:
        return self._all.people.setdefault(number, Tally(number, name or f"#{number}"))

    def _granted(self, event: StoredEvent) -> None:
        found, local = self._all, event.time.astimezone(self._all.zone)
        found.grants += 1
        found.grid[local.weekday()][local.hour] += 1
        found.days.setdefault(local.date(), [0, 0])[0] += 1
        if event.person_id is None:
            return
        tally = self._tally(event.person_id, event.person)
        tally.grants += 1
        tally.last = event.time
        policy = self._rules.of(event)
        if policy is not None:
            found.thresholds[policy.threshold] += 1
            found.threshold = policy.threshold
        if event.score is not None:
            tally.scores.append(event.score)
            if policy is not None:
                tally.room.append(event.score - threshold_of(policy, raised=event.raised))
        while self._refused and (event.time - self._refused[0][0]).total_seconds() > RETRY_SECONDS:
            self._refused.popleft()
        tally.retried += any(whose == event.person_id for _, whose in self._refused)

    def _denied(self, event: StoredEvent) -> None:
        found = self._all
        found.refusals += 1
        found.days.setdefault(self._day(event.time), [0, 0])[1] += 1
        found.reasons[event.reason or "unknown"] += 1
        likely = event.person_id if event.person_id is not None else event.nearest_id
        if event.reason in _RETRIED:
            self._refused.append((event.time, likely))
            if len(self._refused) > LATEST:
                self._refused.popleft()
        if event.reason in (Reason.SPOOF, Reason.CHALLENGE_FAILED):
            _keep(found.pictures, _moment(event))
            if event.person_id is not None:
                tally = self._tally(event.person_id, event.person)
                tally.pictures += event.reason == Reason.SPOOF
                tally.challenges += event.reason == Reason.CHALLENGE_FAILED

    def _not_taken(self, event: StoredEvent) -> None:
        self._all.not_taken += event.person_id is not None
        self._all.not_opened += event.person_id is None
        if event.person_id is not None:
            self._tally(event.person_id, event.person).not_taken += 1

    def _short(self, event: StoredEvent) -> None:
        if event.person_id is not None:
            self._tally(event.person_id, event.person).short += 1

    def _unlocked(self, event: StoredEvent) -> None:
        if event.detail.startswith("rex"):
            self._all.rex += 1
        else:
            self._order(event)

    def _ordered(self, event: StoredEvent) -> None:
        by_itself = event.kind in (EventKind.LOCKED_DOWN, EventKind.LOCKDOWN_ENDED)
        if event.detail != TIME_IS_OVER and not (by_itself and event.reason != Reason.COMMANDED):
            self._order(event)

    def _order(self, event: StoredEvent) -> None:
        self._all.orders[event.kind] += 1
        _keep(self._all.commands, _moment(event))

    def _started(self, event: StoredEvent) -> None:
        self._all.started += 1
        self._all.killed += self._running
        self._running = True

    def _stopped(self, event: StoredEvent) -> None:
        self._running = False

    def _locked_out(self, event: StoredEvent) -> None:
        end = event.time + timedelta(seconds=min(seconds_of(event.detail) or 0.0, 86400.0))
        self._count(Span(event.id, event.kind, event.detail, event.time, end))

    def _begin(self, event: StoredEvent) -> None:
        if event.kind == EventKind.INPUT_FAULT and ": changes" not in event.detail:
            # A button that is stuck is told once, and not when it is well again.
            self._count(Span(event.id, event.kind, event.detail, event.time, event.time))
            return
        # Each wire, and each of the two kinds of lockdown, goes on by itself; what is told again goes on.
        line = event.detail.partition(":")[0] if event.kind == EventKind.INPUT_FAULT else ""
        key = (event.kind, line or event.reason or "")
        if key in self._open:
            self._open[key][0].times += 1
        else:
            self._open[key] = Span(event.id, event.kind, event.detail, event.time), event

    def _end(self, event: StoredEvent) -> None:
        ended = [key for key, (_, start) in self._open.items() if ends(event, start)]
        for key in ended:
            span, _ = self._open.pop(key)
            span.end, span.restarted = event.time, event.kind == EventKind.STARTED
            self._count(span)
        starts = [kind for kind in _LASTING if ENDS[kind] == event.kind]
        if len(starts) == 1 and not ended and not self._all.total(starts[0]):  # it began before all this
            self._count(Span(event.id, starts[0], event.detail, None, event.time))

    def _count(self, span: Span) -> None:
        total = self._all.totals.setdefault(span.kind, Totals())
        total.count += 1
        end = span.end or self._all.until
        total.seconds += max(0.0, (end - (span.start or self._all.since)).total_seconds())
        spans = self._all.spans.setdefault(span.kind, [])
        spans.append(span)
        if len(spans) > 2 * LATEST:
            del spans[:-LATEST]


def _moment(event: StoredEvent) -> Moment:
    by = caller_of(event.detail)
    what = event.reason or "" if event.kind == EventKind.ACCESS_DENIED else event.detail
    return Moment(event.id, event.time, event.kind, event.person or event.nearest, what, by)


def _keep(moments: list[Moment], moment: Moment) -> None:
    moments.append(moment)
    if len(moments) > 2 * LATEST:
        del moments[:-LATEST]
