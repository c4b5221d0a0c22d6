"""Which faces may be learnt from, and what is said of the others."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.quality import Limits, Quality, fault
from doorctl.sections import Config

GOOD = Quality(
    **{"yaw": 5.0, "pitch": -3.0, "roll": 100.0, "off_centre": 0.9, "size": 90.0, "brightness": 0.1},
    **{"sharpness": 0.6, "mouth_open": 1.0, "integrity": 1.0},
    **{"eyes_occluded": 0.1, "nose_occluded": 0.1, "mouth_occluded": 0.1},
)
LIMITS = Limits()


def test_a_good_face_has_no_fault() -> None:
    """A tilt, a face at the edge and an open mouth are none."""
    assert fault(GOOD, LIMITS) is None


@pytest.mark.parametrize(
    ("measure", "value", "words"),
    [
        ("size", 39.9, "40 are needed"),
        ("integrity", 0.85, "85% of it is in the picture"),
        ("brightness", -0.9, "too dark"),
        ("brightness", 0.99, "too bright"),
        ("sharpness", 0.14, "blurred"),
        ("yaw", 60.0, "turned 60 degrees"),
        ("yaw", -60.0, "turned 60 degrees"),
        ("pitch", 50.0, "50 degrees"),
        ("pitch", -50.0, "50 degrees"),
        ("eyes_occluded", 0.8, "eyes are covered"),
        ("nose_occluded", 0.8, "nose is covered"),
        ("mouth_occluded", 0.8, "mouth is covered"),
    ],
)
def test_each_limit_has_its_own_words(measure: str, value: float, words: str) -> None:
    """The measure, both ways round where it has two, its value, and how to take the picture again."""
    found = fault(replace(GOOD, **{measure: value}), LIMITS)
    assert found is not None
    assert found.measure == measure
    assert words in found.told
    assert f"{measure} {abs(value) if measure in ('yaw', 'pitch') else value:.2f}," in found.told
    assert found.hint


def test_what_is_no_number_passes_nothing() -> None:
    """Whatever measure is NaN, the photo is refused."""
    for measure in ("size", "integrity", "brightness", "sharpness", "yaw", "pitch", "eyes_occluded"):
        found = fault(replace(GOOD, **{measure: float("nan")}), LIMITS)
        assert found is not None
        assert found.measure == measure


def test_a_near_miss_reads_as_one() -> None:
    """It is not rounded to the limit itself."""
    for measure, value, words in (
        ("integrity", 0.8999, "0.89, at least 0.90"),
        ("pitch", 45.001, "45.01, at most 45"),
    ):
        found = fault(replace(GOOD, **{measure: value}), LIMITS)
        assert found is not None
        assert words in found.told


def test_a_value_at_its_limit_is_good() -> None:
    """At least and at most include the limit itself."""
    edge = replace(GOOD, size=40.0, integrity=0.9, brightness=-0.75, sharpness=0.15, yaw=-55.0, pitch=45.0)
    assert fault(replace(edge, eyes_occluded=0.7, nose_occluded=0.7, mouth_occluded=0.7), LIMITS) is None
    assert fault(replace(GOOD, brightness=0.93), LIMITS) is None


@given(
    *(st.floats(-90, 90) for _ in range(2)),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
    st.floats(0, 500),
    st.floats(-1, 1),
)
def test_stricter_limits_let_nothing_more_pass(
    yaw: float, pitch: float, shares: list[float], size: float, brightness: float
) -> None:
    """Whatever passes stricter limits passes wider ones."""
    sharp, integrity, eyes, nose, mouth, middle = shares
    seen = Quality(yaw, pitch, 0, eyes, nose, mouth, middle, size, brightness, sharp, 0, integrity)
    strict = Limits(60, 0.95, -0.5, 0.8, 0.4, 30, 20, 0.5, 0.5, 0.5)
    assert fault(seen, LIMITS) is None or fault(seen, strict) is not None


def test_the_configurations_defaults_are_the_limits_own() -> None:
    """What is written in two places says the same."""
    assert Limits(**Config().quality.model_dump()) == LIMITS
    assert {field.name for field in fields(Limits)} == set(Config().quality.model_dump())
