"""Which templates of many are kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.records import Vector
from doorctl.core.spread import most_spread


def towards(*degrees: float) -> list[Vector]:
    """Unit vectors in the plane."""
    return [np.array([np.cos(np.radians(d)), np.sin(np.radians(d))], np.float32) for d in degrees]


def test_few_are_all_kept() -> None:
    """Nothing is chosen where all may stay."""
    assert most_spread(towards(0, 1, 2), 3) == {0, 1, 2}
    assert most_spread([], 3) == frozenset()


def test_doubles_go_first() -> None:
    """Of photos that are nearly the same one is enough; the odd one stays."""
    assert most_spread(towards(0, 1, 2, 40, 80), 3) == {3, 0, 4}


@given(st.lists(st.floats(-170, 170), min_size=1, max_size=12, unique=True), st.integers(1, 12))
def test_the_choice_is_of_the_right_size_and_always_the_same(degrees: list[float], most: int) -> None:
    """As many as may stay, and the same ones each time."""
    vectors = towards(*degrees)
    chosen = most_spread(vectors, most)
    assert len(chosen) == min(most, len(vectors))
    assert chosen == most_spread(list(vectors), most)
