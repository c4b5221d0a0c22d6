"""The sentence in which the door owns up to its error rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from doorctl.app.threshold import once_in, promise_for, sentence, shortfall
from doorctl.core.card import Recognition
from doorctl.core.gallery import Gallery
from doorctl.core.records import Person
from doorctl.models.manifest import load_manifest
from doorctl.sections import MatchConfig


def recognition(name: str) -> Recognition:
    told = load_manifest()[name].card().recognition
    assert told is not None
    return told


def gallery(scale: Recognition, photos: Sequence[int]) -> Gallery:
    rng = np.random.default_rng(0)
    entries = [
        (Person(i, f"p{i}"), rng.normal(size=8).astype(np.float32))
        for i, n in enumerate(photos)
        for _ in range(n)
    ]
    return Gallery.build(entries, scale.calibration)


def told(name: str, photos: Sequence[int], match: MatchConfig) -> tuple[str, str]:
    scale = recognition(name)
    promise = promise_for(match, scale, gallery(scale, photos))
    return sentence(promise), shortfall(promise, match)


def test_a_small_office_gets_what_it_asks_for() -> None:
    """Three people with three photos each: one stranger in a thousand, the camera allowed for."""
    words, lacking = told("face_reid_0095", [3] * 3, MatchConfig())
    assert words.startswith("3 people, 9 templates: on LFW's people a stranger would be let in once in ")
    assert words.endswith("with the allowance for your camera, a stranger once in 1,000")
    assert lacking == ""


def test_too_many_people_are_told_with_what_helps() -> None:
    """Two hundred people with one photo each are more than the weights can tell apart."""
    words, lacking = told("face_reid_0095", [1] * 200, MatchConfig())
    assert "200 people, 200 templates" in words
    assert "(once in 1,000)" in lacking
    assert "5% of known people" in lacking
    assert "more photos" in lacking
    assert "second factor" in lacking


def test_the_fallback_nets_own_up() -> None:
    """With dlib's net even five people are too many for the promise."""
    words, lacking = told("dlib_resnet", [3] * 5, MatchConfig())
    assert "standard set" in lacking
    few, _ = told("face_reid_0095", [3] * 5, MatchConfig())
    assert words != few


def test_a_number_of_ones_own_is_judged_by_the_same_measure() -> None:
    """Whoever sets a low threshold by hand is told what it lets in, and to raise it."""
    words, lacking = told("face_reid_0095", [1] * 50, MatchConfig(threshold=0.6))
    assert "a stranger would be let in once in 10 presentations" in words
    assert "nearly every time" in words
    assert "match.threshold" in lacking
    assert "higher than 0.6" in lacking


@pytest.mark.parametrize(
    "match",
    [
        MatchConfig(stranger_acceptance=1e-6, max_refusal=0.3),
        MatchConfig(threshold=1, stranger_acceptance=1e-6),
    ],
)
def test_at_the_top_of_the_scale_no_higher_threshold_is_advised(match: MatchConfig) -> None:
    """Whether the search or a number of one's own led there."""
    lacking = told("face_reid_0095", [7] * 20, match)[1]
    assert "no threshold is higher" in lacking
    assert "above" not in lacking
    assert "second factor" in lacking


def test_nobody_enrolled_is_said_as_such() -> None:
    """No arithmetic over nobody."""
    assert told("face_reid_0095", [], MatchConfig()) == ("nobody is enrolled: nobody can be let in", "")


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.0, "never in the data"),
        (1.0, "nearly every time"),
        (0.05, "once in 20"),
        (1e-3, "once in 1,000"),
        (1 / 11234, "once in 11,000"),
    ],
)
def test_rates_are_told_as_people_say_them(rate: float, words: str) -> None:
    """Two digits are all that such a figure is worth."""
    assert once_in(rate) == words
