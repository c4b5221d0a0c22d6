"""What the core writes into an event's detail is read back as it was meant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.actions import PAIRS, Action
from doorctl.core.challenge import Challenge, Failure
from doorctl.core.liveness import Finding, Verdict
from doorctl.core.records import Person
from doorctl.report.details import caller_of, challenge_of, life_of, seconds_of

SHARE = st.none() | st.floats(0, 1)
TIMES = st.none() | st.floats(0, 2000)


@given(
    st.sampled_from(["", "print", "screen", "still picture", "flat picture"]),
    SHARE,
    TIMES,
    TIMES,
    st.integers(1, 99),
)
def test_signs_of_life_are_read_back(
    species: str, nets: float | None, moved: float | None, flexed: float | None, frames: int
) -> None:
    """Any finding's words, with the figures as far as they are written."""
    detail = Finding(Verdict.UNSURE, nets, moved, flexed, species, frames).describe()
    life = life_of(detail)
    if not detail:
        assert life is None
        return
    assert life is not None
    assert life.species == species
    assert life.nets == (None if nets is None else float(f"{nets:.2f}"))
    assert life.frames == (0 if nets is None else frames)
    assert life.moved == (None if moved is None else float(f"{min(moved, 999):.1f}"))
    assert life.flexed == (None if flexed is None else float(f"{min(flexed, 999):.1f}"))


@given(st.sampled_from(PAIRS), st.none() | st.sampled_from(list(Failure)), st.integers(0, 2), SHARE)
def test_challenges_are_read_back(
    actions: tuple[Action, Action], failure: Failure | None, done: int, nets: float | None
) -> None:
    """Any challenge's words: what was asked, how it ended, what the nets said."""
    scores = () if nets is None else ((0.0, nets),)
    challenge = Challenge(
        *(Person(1, "Grace"), 1, actions, (0.5, 0.5), 0.0, 0.0),
        failure=failure,
        done=done,
        scores=scores,
    )
    tried = challenge_of(challenge.describe())
    assert tried is not None
    assert tried.actions == tuple(map(str, actions))
    assert tried.failure == (failure.value if failure else "")
    assert tried.done == (done if failure else 2)
    assert (tried.nets is None) == (nets is None)


@given(st.text(max_size=60))
def test_nothing_else_breaks_it(detail: str) -> None:
    """Any text is read or is not, and never an error."""
    life_of(detail), challenge_of(detail), caller_of(detail), seconds_of(detail)


def test_orders_are_read() -> None:
    """Who gave an order, and for how long."""
    assert caller_of("unlock for 7 s, by anna") == "anna"
    assert caller_of("by anna") == "anna"
    assert caller_of("rex") == ""
    assert seconds_of("for 2700 s, by anna") == 2700
    assert seconds_of("an unknown face for 30 s; failed attempts: 5") == 30
    assert seconds_of("until an operator ends it") is None
