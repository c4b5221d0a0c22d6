"""Who looks so much like whom that the door must ask more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core import lookalikes
from doorctl.core.card import Calibration
from doorctl.core.gallery import Gallery
from doorctl.core.lookalikes import likenesses, limit_of, marked
from doorctl.core.records import Person, Vector

SCALE = Calibration(knots=((-1.0, 0.0), (0.2, 0.5), (0.4, 0.7), (0.6, 0.9)), source="made up for tests")
ANN, BOB, CAT = Person(7, "Ann"), Person(9, "Bob", denied=True), Person(11, "Cat")


def unit(*values: float) -> Vector:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


THREE = Gallery.build(
    [(ANN, unit(1, 0, 0)), (BOB, unit(1, 1, 0)), (CAT, unit(0, 0, 1)), (ANN, unit(1, 0, 0.1))], SCALE
)


def test_a_pair_is_told_once_with_its_closest_template() -> None:
    """Ann's better photo is compared with Bob's, denied as he is; Cat looks like neither."""
    (pair,) = likenesses(THREE, 0.6)
    assert (pair.one, pair.other) == (ANN, BOB)
    assert pair.similarity == pytest.approx(2**-0.5, abs=2e-3)
    assert likenesses(THREE, 0.75) == ()


def test_a_match_tells_of_a_lookalike() -> None:
    """In a marked gallery the best person's flag comes with the match; in a plain one nobody is flagged."""
    gallery = marked(THREE, 0.6)
    assert gallery.match(unit(1, 0, 0)).lookalike
    assert gallery.match(unit(1, 1, 0)).lookalike
    assert not gallery.match(unit(0, 0, 1)).lookalike
    assert not THREE.match(unit(1, 0, 0)).lookalike
    assert not marked(gallery, 0.75).match(unit(1, 0, 0)).lookalike


def test_the_limit_lies_one_margin_below_the_threshold() -> None:
    """In similarity, by the net's own scale; a threshold that nobody reaches counts as the highest."""
    assert limit_of(0.7, 0.08, SCALE) == pytest.approx(0.32)
    assert limit_of(1.0, 0.08, SCALE) == pytest.approx(0.52)


@pytest.mark.parametrize("entries", [[], [(ANN, unit(1, 0)), (ANN, unit(1, 0.1))]])
def test_nobody_is_their_own_lookalike(entries: list[tuple[Person, Vector]]) -> None:
    """Nobody, or one person with photos that are all alike: no pair."""
    gallery = Gallery.build(entries, SCALE)
    assert likenesses(gallery, -1.0) == ()
    assert marked(gallery, -1.0).alike == frozenset()


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 4), st.floats(-0.5, 0.9))
def test_pairs_agree_with_the_plain_definition(seed: int, people: int, photos: int, limit: float) -> None:
    """Every pair, one by one, by what the door itself would give each template; the most alike first.
    Blocks of two people make sure that what lies across their edge is not lost."""
    rng = np.random.default_rng(seed)
    entries = [
        (Person(int(i), f"p{i}"), rng.normal(size=4).astype(np.float32))
        for i in rng.integers(0, people, people * photos)
    ]
    gallery = Gallery.build(entries, SCALE)
    expected = {}
    for a, one in enumerate(gallery.people):
        for other in gallery.people[a + 1 :]:
            b = gallery.people.index(other)
            ways = [
                *(gallery.of(one.id)[0] @ gallery.means[b]),
                *(gallery.of(other.id)[0] @ gallery.means[a]),
            ]
            if max(ways) >= limit + 1e-6:
                expected[one, other] = max(ways)
            elif max(ways) > limit - 1e-6:
                return  # too near the limit for another order of additions
    before, lookalikes.BLOCK = lookalikes.BLOCK, 2
    try:
        found = likenesses(gallery, limit)
        alike = marked(gallery, limit).alike
    finally:
        lookalikes.BLOCK = before
    assert {(pair.one, pair.other): pytest.approx(pair.similarity, abs=1e-5) for pair in found} == expected
    assert [pair.similarity for pair in found] == sorted((p.similarity for p in found), reverse=True)
    assert {gallery.people[row] for row in alike} == {person for pair in expected for person in pair}
