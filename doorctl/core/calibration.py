"""The calibrated score: one scale of certainty for every embedder.

``score = 0.3 + 0.1 * (-log10 FMR)``: 0.7 is reached by one impostor comparison in
10,000, 0.8 by one in 100,000. What cosine that takes differs from net to net; the
knots of each net's card, fitted by ``scripts/calibrate``, say so.
"""

from __future__ import annotations

import numpy as np

from doorctl.core.card import Calibration


def score_of(similarity: float, calibration: Calibration) -> float:
    """Turn a cosine similarity into a calibrated score, 0 to 1.

    Outside the knots the nearest knot's score holds: a similarity beyond the data
    claims no more certainty than the data gave.
    """
    similarities, scores = zip(*calibration.knots, strict=True)
    return float(np.interp(similarity, similarities, scores))


def similarity_of(score: float, calibration: Calibration) -> float:
    """Turn a calibrated score back into the least similarity that reaches it.

    Raises:
        ValueError: no similarity reaches this score.
    """
    similarities, scores = zip(*calibration.knots, strict=True)
    if score > scores[-1]:
        raise ValueError(f"no similarity reaches a score of {score:g}; {scores[-1]:g} is the highest")
    return float(np.interp(score, scores, similarities))


def score_of_rate(false_match_rate: float) -> float:
    """The score that stands for a false-match rate in (0, 1]."""
    return 0.3 - 0.1 * float(np.log10(false_match_rate))


def rate_of_score(score: float) -> float:
    """The false-match rate that a score stands for, at most 1."""
    return float(min(1.0, 10 ** ((0.3 - score) * 10)))
