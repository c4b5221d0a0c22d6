"""The fit of the score scale, on numbers whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.calibration import BINS, ENOUGH, Sample, histograms, knots, read_errata


def test_every_pair_is_counted_once() -> None:
    """Four faces of two people: two pairs of the same person, four of different people, by brute force."""
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], np.float32)
    impostor, genuine = histograms(Sample(vectors, np.array([0, 0, 1, 1]), 0))
    assert (impostor.sum(), genuine.sum()) == (4, 2)
    same = {round(float(a @ b), 2) for a, b in ((vectors[0], vectors[1]), (vectors[2], vectors[3]))}
    assert {round(float(bin_ / BINS * 2 - 1), 2) for bin_ in np.flatnonzero(genuine)} == same


def test_a_knot_is_where_its_share_of_impostors_begins() -> None:
    """Evenly spread similarities: one in a hundred lies in the top hundredth, and so on down."""
    fit = {round(score, 2): similarity for similarity, score in knots(np.full(BINS, 10, np.int64))}
    assert fit[0.5] == pytest.approx(0.98, abs=1e-3)
    assert fit[0.6] == pytest.approx(0.998, abs=1e-3)
    assert sorted(fit.values()) == [fit[score] for score in sorted(fit)]


def test_nothing_is_claimed_beyond_the_data() -> None:
    """With a million pairs the last knot is the rate that ten of them stand behind."""
    pairs = np.zeros(BINS, np.int64)
    pairs[:1000] = 1000
    rarest = max(score for _, score in knots(pairs))
    assert 10 ** (-(rarest - 0.3) * 10) * pairs.sum() >= ENOUGH
    assert rarest == pytest.approx(0.8)


def test_errata_name_photos_without_ending(tmp_path: Path) -> None:
    """The published list's form is read; without a list nothing is left out."""
    file = tmp_path / "errata.csv"
    file.write_text("photo,fact\nA_B_0001,shows C D\n")
    assert read_errata(file) == {"A_B_0001"}
    assert read_errata(None) == set()
