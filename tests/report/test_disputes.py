"""What somebody says against a decision, on a real store."""

from __future__ import annotations

import pytest

from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Reason
from doorctl.errors import DisputeError, UnknownEventError
from doorctl.report.disputes import LONGEST, dispute, dispute_of, disputes_of
from doorctl.store.database import Store
from doorctl.store.history import History
from tests.report.simulated_door import Look, SimulatedDoor
from tests.report.test_explain import GRACE, explained, last


def a_grant(door: SimulatedDoor) -> int:
    door.comes(Look(GRACE, 0.9, 0.95))
    return last(door.store, EventKind.ACCESS_GRANTED).id


def test_names_are_kept_as_numbers_and_read_as_names(door: SimulatedDoor) -> None:
    """The row holds numbers; explaining shows names, until their person is erased."""
    number = a_grant(door)
    written, left = dispute(door.store, number, "It was Eileen  COLLINS; Grace was away")
    assert written.detail == f"event {number}: It was #2; Grace was away"
    assert (written.kind, written.person_id) == (EventKind.DISPUTED, 1)
    assert left == ("Grace",)
    [said] = explained(door.store, number).disputes
    assert said.note == "It was Eileen Collins; Grace was away"
    door.store.forget("Eileen Collins")
    [said] = explained(door.store, number).disputes
    assert said.note == "It was #2; Grace was away"


def test_a_second_dispute_adds(door: SimulatedDoor) -> None:
    """Both are kept, in order, and another event's are not among them."""
    number = a_grant(door)
    door.until(door.at + 60)
    other = a_grant(door)
    dispute(door.store, number, "once")
    dispute(door.store, other, "elsewhere")
    dispute(door.store, number)
    assert [said.note for said in disputes_of(History(door.store), number, {})] == ["once", ""]


def test_what_is_no_decision_is_not_disputed(door: SimulatedDoor) -> None:
    """Nor what does not exist; nothing is written then."""
    before = last(door.store, EventKind.PERSON_ENROLLED).id
    with pytest.raises(DisputeError, match="no decision"):
        dispute(door.store, before)
    with pytest.raises(UnknownEventError):
        dispute(door.store, 4711)
    assert not list(History(door.store).onwards(kinds=[EventKind.DISPUTED]))


@pytest.mark.parametrize(
    "note", ["x" * (LONGEST + 1), "two\nlines", "\x1b[31mred", "turned \u202e round", "\0"]
)
def test_a_note_is_short_and_shows(door: SimulatedDoor, note: str) -> None:
    """Nothing that a terminal would take for an order, or that hides what is said."""
    number = a_grant(door)
    with pytest.raises(DisputeError):
        dispute(door.store, number, note)


def test_a_note_of_the_longest_is_kept(door: SimulatedDoor) -> None:
    """Two hundred characters, with the joiners that names are spelt with."""
    note = "\u0645\u06cc\u200c" + "x" * (LONGEST - 3)
    written, _ = dispute(door.store, a_grant(door), note)
    said = dispute_of(written, {})
    assert said is not None
    assert said.note == note


def test_other_details_are_no_disputes(store: Store) -> None:
    """Only an event of that kind, with the words that it is written in."""
    for kind, detail in ((EventKind.DISPUTED, "nonsense"), (EventKind.UNLOCKED, "event 1: note")):
        number = store.record(Event(kind, 1.0, None, Reason.COMMANDED, detail=detail))
        assert dispute_of(History(store).event(number), {}) is None
