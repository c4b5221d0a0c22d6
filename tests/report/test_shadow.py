"""The past under another threshold, against events whose answer is known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.decision import EventKind
from doorctl.core.policy import Policy
from doorctl.core.records import Reason
from doorctl.report.rules import Rules, policy_of
from doorctl.report.shadow import rate, shadow
from doorctl.store.records import StoredEvent
from tests.report.conftest import POLICY, START

TEXTS = {"a": json.dumps(POLICY.facts()), "b": json.dumps(replace(POLICY, threshold=0.78).facts())}


def stored(
    score: float,
    kind: EventKind = EventKind.ACCESS_GRANTED,
    reason: Reason = Reason.RECOGNISED,
    *,
    margin: float | None = 0.3,
    raised: bool = False,
    policy: str | None = "a",
    number: int = 1,
) -> StoredEvent:
    granted, name = kind is EventKind.ACCESS_GRANTED, f"person {number}"
    return StoredEvent(
        id=1,
        time=START,
        kind=kind,
        at=1.0,
        person_id=number if granted else None,
        person=name if granted else None,
        reason=reason,
        score=score,
        margin=margin,
        detail="",
        nearest_id=None if granted else number,
        nearest=None if granted else name,
        raised=raised,
        policy=policy,
    )


def unknown(score: float, **more: object) -> StoredEvent:
    return stored(score, EventKind.ACCESS_DENIED, Reason.UNKNOWN_PERSON, **more)  # type: ignore[arg-type]  # keywords


def test_a_higher_threshold_loses_grants() -> None:
    """Those whose weakest frame is below it, per person and in all; no refusal is gained."""
    events = [stored(0.76), stored(0.80, number=2), stored(0.9), unknown(0.70)]
    found = shadow(events, Rules(TEXTS), 0.79)
    assert (found.total.grants, found.total.lost, found.total.weakest) == (3, 1, 0.76)
    assert (found.total.refused, found.total.gained) == (1, 0)
    assert {name: (count.grants, count.lost) for name, count in found.people.values()} == {
        "person 1": (2, 1),
        "person 2": (1, 0),
    }


def test_a_lower_threshold_recognises_more_at_most() -> None:
    """Refusals whose best frame reached it, if ahead of the second by the margin; no grant is lost."""
    events = [unknown(0.70), unknown(0.70, margin=0.02), unknown(0.5), stored(0.76)]
    found = shadow(events, Rules(TEXTS), 0.69)
    assert (found.total.lost, found.total.gained, found.total.refused, found.behind) == (0, 1, 3, 1)


@given(st.floats(0.75, 1.0), st.booleans())
def test_the_threshold_that_held_changes_nothing(score: float, raised: bool) -> None:
    """Judged by the threshold of its moment a grant stays, and a refusal stays: locks raise either alike."""
    asked = POLICY.raised().threshold if raised else POLICY.threshold
    event = stored(score, raised=raised) if score >= asked else unknown(score, raised=raised)
    found = shadow([event], Rules(TEXTS), POLICY.threshold)
    assert (found.total.lost, found.total.gained) == (0, 0)


def test_several_pasts_are_told_apart() -> None:
    """Thresholds that held with their events; events without rules; visits during a lock."""
    locked = replace(unknown(0.9), reason=Reason.LOCKED_OUT)
    other = replace(unknown(0.9), reason=Reason.SPOOF)
    found = shadow(
        [stored(0.8), stored(0.8, policy="b"), stored(0.8, policy=None), locked, other], Rules(TEXTS), 0.8
    )
    assert found.thresholds == {0.74: 1, 0.78: 1}
    assert (found.unknown, found.locked, found.total.grants) == (1, 1, 3)


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (2, 10, 0.0252, 0.5561), (8, 10, 0.4439, 0.9748)],
)
def test_intervals_are_exact(errors: int, trials: int, low: float, high: float) -> None:
    """The textbook's values of Clopper and Pearson, either way round."""
    assert rate(errors, trials) == pytest.approx((errors / trials, low, high), abs=1e-4)
    assert rate(0, 0) is None


def test_rules_are_read_back_as_they_were() -> None:
    """Every rule but those that name people; what is no policy is none."""
    read = policy_of(TEXTS["a"])
    assert read is not None
    assert isinstance(read, Policy)
    assert read.facts() == POLICY.facts()
    for text in ("", "{}", "[]", "null", '{"threshold": 1}', '{"threshold": 0.7, "liveness": "magic"}'):
        assert policy_of(text) is None


def test_a_later_versions_rules_are_read_as_far_as_they_are_known() -> None:
    """What is new is left out."""
    facts = {**POLICY.facts(), "charm": 1.0, "lockout": {**POLICY.facts()["lockout"], "gongs": 3}}
    read = policy_of(json.dumps(facts))
    assert read is not None
    assert read.lockout == POLICY.lockout
