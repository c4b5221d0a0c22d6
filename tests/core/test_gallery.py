"""The comparison of a face with everyone known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.calibration import score_of, score_of_rate, similarity_of
from doorctl.core.card import Calibration
from doorctl.core.gallery import NOBODY, Gallery
from doorctl.core.records import Person, Vector

SCALE = Calibration(knots=((-1.0, 0.0), (0.2, 0.5), (0.4, 0.7), (0.6, 0.9)), source="made up for tests")
ANN, BOB = Person(7, "Ann"), Person(9, "Bob")


def unit(*values: float) -> Vector:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def test_an_empty_gallery_knows_nobody() -> None:
    """Before the first enrolment every face is nobody's, with a score of 0."""
    assert Gallery.build([], SCALE).match(unit(1, 0)) == NOBODY


def test_the_margin_is_over_the_second_person_not_the_second_photo() -> None:
    """Two photos of Ann, one of Bob: the margin is over Bob, however alike Ann's own photos are."""
    gallery = Gallery.build([(ANN, unit(1, 0.1)), (BOB, unit(0, 1)), (ANN, unit(1, -0.1))], SCALE)
    match = gallery.match(unit(1, 0))
    assert match.person == ANN
    assert match.similarity == pytest.approx(1.0)
    assert match.margin == pytest.approx(1.0)


def test_photos_that_disagree_gain_nothing_by_it() -> None:
    """Were their short mean brought to unit length, a face between them would match as if it were theirs."""
    opposed = [(ANN, unit(1, 0.1, 0)), (ANN, unit(-1, 0.1, 0))]
    assert Gallery.build(opposed, SCALE).match(unit(0, 1, 0)).similarity < 0.2
    unrelated = [(ANN, unit(1, 0, 0)), (ANN, unit(0, 1, 0)), (ANN, unit(0, 0, 1))]
    assert Gallery.build(unrelated, SCALE).match(unit(1, 1, 1)).similarity == pytest.approx(
        1 / 3**0.5 * 2**0.5
    )


def test_a_gallery_of_one_has_no_margin() -> None:
    """With nobody to confuse the person with, the margin is absent rather than invented."""
    assert Gallery.build([(ANN, unit(1, 0))], SCALE).match(unit(1, 1)).margin is None


def test_a_gallery_can_be_parted() -> None:
    """One person's own templates, and everybody else's; for someone unknown, none and all."""
    gallery = Gallery.build([(ANN, unit(1, 0)), (BOB, unit(0, 1)), (ANN, unit(1, 0.1))], SCALE)
    own, others = gallery.of(ANN.id)
    assert len(own) == 2
    assert others.people == (BOB,)
    own, others = gallery.of(99)
    assert len(own) == 0
    assert len(others.templates) == 3
    assert Gallery.build([], SCALE).of(ANN.id)[1].people == ()


def test_templates_are_brought_to_unit_length() -> None:
    """A template stored at another length matches no better for it."""
    assert Gallery.build([(ANN, np.array([9, 0], np.float32))], SCALE).match(
        unit(1, 0)
    ).similarity == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], [[1.0, 0.0]]])
def test_a_template_that_is_no_direction_is_refused(bad: object) -> None:
    """Zero, NaN, infinite or misshapen templates cannot get into a gallery."""
    with pytest.raises(ValueError, match="person 7"):
        Gallery.build([(ANN, np.array(bad, np.float32))], SCALE)


def test_a_built_gallery_cannot_be_changed() -> None:
    """The frame loop may read a gallery without a lock because nobody can write to it."""
    gallery = Gallery.build([(ANN, unit(1, 0))], SCALE)
    with pytest.raises(ValueError, match="read-only"):
        gallery.templates[0, 0] = 0


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 5))
def test_match_agrees_with_the_plain_definition(seed: int, people: int, photos: int) -> None:
    """The mean of a person's templates, one by one, gives the same."""
    rng = np.random.default_rng(seed)
    entries = [
        (Person(int(i), f"p{i}"), rng.normal(size=8).astype(np.float32))
        for i in rng.integers(0, people, people * photos)
    ]
    probe = unit(*rng.normal(size=8))
    means = {p: np.mean([unit(*t) for q, t in entries if q == p], axis=0) for p, _ in entries}
    best = {p: float(m @ probe) / max(float(np.linalg.norm(m)), 2**-0.5) for p, m in means.items()}
    ranked = sorted(best.values(), reverse=True)
    match = Gallery.build(entries, SCALE).match(probe)
    assert match.person is not None
    assert best[match.person] == pytest.approx(ranked[0], abs=1e-6)
    assert match.similarity == pytest.approx(ranked[0], abs=1e-6)
    if len(ranked) > 1:
        assert match.margin == pytest.approx(ranked[0] - ranked[1], abs=1e-6)


def test_the_score_scale_means_what_it_says() -> None:
    """0.7 is one false match in 10,000; scores and similarities turn into each other; no knot, no claim."""
    assert score_of_rate(1e-4) == pytest.approx(0.7)
    assert score_of(0.3, SCALE) == pytest.approx(0.6)
    assert similarity_of(0.6, SCALE) == pytest.approx(0.3)
    assert score_of(0.99, SCALE) == pytest.approx(0.9)
    with pytest.raises(ValueError, match=r"0\.9 is the highest"):
        similarity_of(0.95, SCALE)
