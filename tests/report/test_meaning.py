"""Every reason and every kind of event has its words."""

from __future__ import annotations

from string import Formatter

import pytest

from doorctl.core.decision import EventKind
from doorctl.core.records import Reason
from doorctl.core.schedule import Refusal
from doorctl.report.meaning import ADVICE, HOURS, KINDS, REASONS, SHORT, short_kind, short_reason

REFUSALS = {
    Reason.UNKNOWN_PERSON,
    Reason.AMBIGUOUS,
    Reason.DENIED,
    Reason.SCHEDULE,
    Reason.SPOOF,
    Reason.LIVENESS_UNSURE,
    Reason.CHALLENGE_FAILED,
    Reason.LOCKED_OUT,
}
"""What can stand in the event of a refusal."""


def sentences() -> list[str]:
    meanings = [text for meaning in REASONS.values() for text in (meaning.says, meaning.helps) if text]
    return [*meanings, *KINDS.values(), *ADVICE.values(), *HOURS.values()]


def test_none_is_left_out() -> None:
    """Whoever adds a reason, a kind or a rule of the schedule is told here to say what it means."""
    assert set(REASONS) == set(Reason)
    assert set(KINDS) == set(EventKind)
    assert set(HOURS) == set(Refusal)


def test_each_says_something_of_its_own() -> None:
    """No two reasons, and no two kinds, have the same words, and none has but a few letters."""
    says = [meaning.says for meaning in REASONS.values()] + list(KINDS.values())
    assert len(set(says)) == len(says)
    assert min(map(len, says)) > 15
    shorts = [meaning.short for meaning in REASONS.values()]
    assert len(set(shorts)) == len(shorts)
    assert all(0 < len(short) <= 20 for short in [*shorts, *SHORT.values()])


def test_whoever_is_refused_is_told_what_helps() -> None:
    """Every refusal comes with advice."""
    assert all(REASONS[reason].helps for reason in REFUSALS)


@pytest.mark.parametrize("text", sentences())
def test_only_people_are_filled_in(text: str) -> None:
    """A sentence asks for the person and the name alone, so that filling it cannot fail; and it ends."""
    assert {name for _, name, _, _ in Formatter().parse(text) if name} <= {"who", "name"}
    assert text.rstrip(")").endswith(".") or text.endswith(")")
    assert text.format(who="Grace", name='"Grace Hopper"')


def test_what_a_newer_doorctl_wrote_is_shown_as_it_is() -> None:
    """An unknown kind or reason is no error."""
    assert short_kind("DoorSang") == "DoorSang"
    assert short_reason("off_key") == "off_key"
    assert short_reason(None) == ""
