"""What a threshold promises, and the threshold that a promise needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.calibration import rate_of_score
from doorctl.core.card import Calibration, Recognition, RefusalTable
from doorctl.core.promise import LOWEST, VISIT, promise_of, refused_at

ONE = RefusalTable(1, ((0.5, 0.0), (0.8, 0.06), (1.0, 0.3)))
THREE = RefusalTable(3, ((0.5, 0.0), (0.8, 0.01), (1.0, 0.05)))


def made_up(allowance: float = 30.0, *tables: RefusalTable) -> Recognition:
    return Recognition(
        reference_points=(),
        mesh_points=(),
        margin=0.1,
        calibration=Calibration(((-1.0, 0.3), (1.0, 1.0)), "made up"),
        domain_allowance=allowance,
        refusals=tables or (ONE, THREE),
    )


def test_the_promise_counts_every_template_and_the_camera() -> None:
    """112 templates, one in ten million each: 112 chances on the fit's people, 30 times that at the door."""
    promise = promise_of(made_up(), [3] * 36 + [4], acceptance=1e-3, max_refusal=0.5, threshold=1.0)
    assert (promise.people, promise.templates) == (37, 112)
    assert promise.strangers == pytest.approx(VISIT * 112e-7)
    assert promise.strangers_here == pytest.approx(30 * VISIT * 112e-7)
    assert promise.refused == pytest.approx(0.05)


def test_the_threshold_is_as_high_as_the_promise_needs() -> None:
    """Five templates, allowance 10, one stranger in a thousand: one false match in 100,000, score 0.8."""
    promise = promise_of(made_up(10), [1] * 5, acceptance=1e-3, max_refusal=0.5)
    assert promise.threshold == pytest.approx(0.8)
    assert promise.kept


def test_the_threshold_stops_where_known_people_would_be_turned_away() -> None:
    """At 5 % refused the threshold rises no further, and the promise owns up to what is left of it."""
    promise = promise_of(made_up(10), [1] * 10, acceptance=1e-3, max_refusal=0.05)
    assert promise.threshold == pytest.approx(0.75, abs=1e-3)
    assert promise.refused <= 0.05
    assert not promise.kept
    assert promise.strangers_here == pytest.approx(10 * VISIT * 10 * 10**-4.5, rel=0.05)


def test_more_photos_allow_a_higher_threshold() -> None:
    """Three photos each are three chances for a stranger, and still keep what one photo each could not."""
    few = promise_of(made_up(30), [1] * 5, acceptance=1e-3, max_refusal=0.03)
    many = promise_of(made_up(30), [3] * 5, acceptance=1e-3, max_refusal=0.03)
    assert many.threshold > few.threshold
    assert many.kept
    assert not few.kept


def test_photos_beyond_the_tables_are_not_assumed_to_help() -> None:
    """Two photos count as one, five as three: the tables' next lower number."""
    assert refused_at(0.8, (ONE, THREE), 2) == refused_at(0.8, (ONE, THREE), 1) == pytest.approx(0.06)
    assert refused_at(0.8, (ONE, THREE), 5) == pytest.approx(0.01)


def test_an_empty_gallery_lets_nobody_in() -> None:
    """Without people there is nobody to pass for, and the threshold is still a strict one."""
    promise = promise_of(made_up(), [], acceptance=1e-3, max_refusal=0.05)
    assert (promise.people, promise.strangers_here) == (0, 0.0)
    assert promise.threshold > 0.7


@given(
    st.lists(st.integers(1, 8), max_size=60),
    st.floats(1e-6, 0.5),
    st.floats(0.001, 0.9),
    st.floats(1, 1000),
)
def test_whatever_is_asked_for_the_threshold_is_sound(
    templates: list[int], acceptance: float, max_refusal: float, allowance: float
) -> None:
    """Never below the floor or above the scale; kept or, short of that, refusing all that it may refuse."""
    scale = made_up(allowance)
    promise = promise_of(scale, templates, acceptance=acceptance, max_refusal=max_refusal)
    assert LOWEST <= promise.threshold <= 1.0
    assert promise.strangers_here == pytest.approx(
        min(1.0, sum(templates) * VISIT * allowance * rate_of_score(promise.threshold))
    )
    if not promise.kept and promise.threshold < 1.0:
        above = promise_of(
            scale, templates, acceptance=acceptance, max_refusal=1, threshold=promise.threshold + 0.0011
        )
        assert above.refused > max_refusal


@given(st.lists(st.integers(1, 8), min_size=1, max_size=60), st.integers(1, 8))
def test_one_more_person_never_loosens_the_door(templates: list[int], more: int) -> None:
    """With refusals out of the question, the threshold only rises with the gallery."""
    before = promise_of(made_up(), templates, acceptance=1e-3, max_refusal=0.9)
    after = promise_of(made_up(), [*templates, more], acceptance=1e-3, max_refusal=0.9)
    assert after.threshold >= before.threshold
