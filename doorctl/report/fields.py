"""The report as one JSON object: counts, rates from 0 to 1, seconds, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import median
from typing import Any

from doorctl.report.summary import Disputed, Moment, Span, Summary, Tally
from doorctl.report.words import zone_name


def fields_of(found: Summary) -> dict[str, Any]:
    """The whole report; keys that end in ``_s`` are seconds."""
    return {
        "since": _time(found.since),
        "until": _time(found.until),
        "zone": zone_name(found.until, found.zone),
        "events": found.events,
        "people": {"enrolled": found.enrolled, "let_in": found.came},
        "grants": found.grants,
        "refusals": found.refusals,
        "not_taken": found.not_taken,
        "not_opened_otherwise": found.not_opened,
        "exit_button": found.rex,
        "grants_by_weekday_and_hour": found.grid,
        "days": [
            {"day": day.isoformat(), "grants": grants, "refusals": refusals}
            for day, (grants, refusals) in found.days.items()
        ],
        "refusals_by_reason": dict(found.reasons.most_common()),
        "threshold": found.threshold,
        "thresholds": {f"{value:.4f}": count for value, count in sorted(found.thresholds.items())},
        "by_person": [_person(tally) for tally in found.people.values()],
        "worth_a_look": [tally.name for tally in found.worth_a_look()],
        "looks_like": None
        if found.alike is None
        else [
            {"people": [pair.one.name, pair.other.name], "similarity": round(pair.similarity, 4)}
            for pair in found.alike
        ],
        "disputes": [_dispute(one) for one in found.disputes],
        "pictures_and_challenges": [_moment(one) for one in found.pictures],
        "lasting": {
            kind: {
                "count": total.count,
                "total_s": round(total.seconds, 1),
                "latest": [_span(span) for span in found.spans.get(kind, ())],
            }
            for kind, total in found.totals.items()
        },
        "commands": {"counts": dict(found.orders), "latest": [_moment(one) for one in found.commands]},
        "clock_steps": [_moment(one) for one in found.clock],
        "starts": {"count": found.started, "after_no_stop": found.killed},
        "liveness_evidence": found.evidence.model_dump(mode="json") if found.evidence else None,
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def _person(tally: Tally) -> dict[str, Any]:
    return {
        "id": tally.id,
        "person": tally.name,
        "grants": tally.grants,
        "weakest": _rounded(min(tally.scores, default=None)),
        "median": _rounded(median(tally.scores)) if tally.scores else None,
        "least_room": _rounded(tally.least),
        "near_threshold": tally.is_near,
        "retried": tally.retried,
        "retries_often": tally.retries_often,
        "fell_short": tally.short,
        "not_taken": tally.not_taken,
        "pictures": tally.pictures,
        "challenges_failed": tally.challenges,
        "last": _time(tally.last),
    }


def _span(span: Span) -> dict[str, Any]:
    return {
        "id": span.id,
        "what": span.what,
        "start": _time(span.start),
        "end": _time(span.end),
        "ended_by_restart": span.restarted,
        "times": span.times,
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "id": moment.id,
        "time": _time(moment.time),
        "event": moment.kind,
        "person": moment.person,
        "what": moment.what,
        "by": moment.by or None,
    }


def _dispute(one: Disputed) -> dict[str, Any]:
    event = one.event
    return {
        "id": one.dispute.id,
        "time": _time(one.dispute.time),
        "note": one.dispute.note,
        "of": one.dispute.of,
        "event": event
        and {
            "event": event.kind,
            "time": _time(event.time),
            "person": event.person,
            "reason": event.reason,
            "score": _rounded(event.score),
        },
    }
