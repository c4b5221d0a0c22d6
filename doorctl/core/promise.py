"""What a threshold promises: how often a stranger would be let in, and a known person turned away.

A stranger's presentation is compared with everyone, so its chance of acceptance grows
with the gallery. For T templates it is at most T times the false-match rate of one pair
(the union bound; on lfw-dev it is 0.2 to 0.9 times that with the mean of 1 to 7 templates
a person). The frames of one presentation are alike, so that five in a row stand for
hardly more than one, and a visit has many such runs: ``VISIT`` says what both come to.
And a door's camera is not the camera that the score was fitted on: the card's domain
allowance multiplies all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorctl.core.calibration import rate_of_score, score_of_rate
from doorctl.core.card import Recognition, RefusalTable

Scores = NDArray[np.float64]

LOWEST = 0.5
"""No threshold is set below this score, at which one stranger's picture in a hundred matches a template."""

VISIT = 2.0
"""How much likelier a stranger's visit is to be let in than one frame of it is to pass: on nuaa-dev's visits
of four seconds 1.2 to 1.9 times with the standard set, wherever five visits or more passed
(``scripts/prove webcam``). It is more with the fallback set, whose allowance makes up for it."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A threshold for a gallery, and what follows from it. Rates are of presentations, 0 to 1."""

    threshold: float
    """Calibrated score from which a match counts."""
    people: int
    templates: int
    strangers: float
    """Share of strangers let in, among people and cameras like those that the score was fitted on."""
    strangers_here: float
    """The same with the card's allowance for another camera."""
    refused: float
    """Share of known people turned away, by the card's table."""
    wanted: float
    """Share of strangers that may be let in."""

    @property
    def kept(self) -> bool:
        """Whether no more strangers are let in than was wanted."""
        return self.strangers_here <= self.wanted * 1.001  # a threshold set from a rate gives it back roughly


def refused_at(score: float, tables: Sequence[RefusalTable], templates: int) -> float:
    """Share of a person's presentations that miss a score, with so many templates.

    It is looked up for the largest tabulated number of templates that the person has: more photos than
    that are not assumed to help.
    """
    return float(_refused_at(np.array(score), tables, templates))


def _refused_at(scores: Scores, tables: Sequence[RefusalTable], templates: int) -> Scores:
    table = max((t for t in tables if t.templates <= max(1, templates)), key=lambda t: t.templates)
    known, rates = zip(*table.knots, strict=True)
    return np.asarray(np.interp(scores, known, rates))


def promise_of(
    recognition: Recognition,
    templates: Sequence[int],
    *,
    acceptance: float,
    max_refusal: float,
    threshold: float | None = None,
) -> Promise:
    """Set the threshold for a gallery, or say what a given one promises.

    Args:
        recognition: the embedder's calibration, refusal tables and domain allowance.
        templates: how many each known person has.
        acceptance: share of strangers' presentations that may be let in.
        max_refusal: share of known people's presentations beyond which no threshold is raised.
        threshold: calibrated score; found where ``None``.
    """
    count = max(1, sum(templates))
    allowance = recognition.domain_allowance
    highest = recognition.calibration.knots[-1][1]

    alike = Counter(templates or (1,))  # of a thousand people most have as many templates as others

    def refused(scores: Scores) -> Scores:
        missed = sum(each * _refused_at(scores, recognition.refusals, n) for n, each in alike.items())
        return np.asarray(missed / np.float64(alike.total()))

    if threshold is None:
        safe = min(highest, score_of_rate(min(1.0, acceptance / (count * VISIT * allowance))))
        enough = refused(np.array(safe)) <= max_refusal
        threshold = max(LOWEST, safe if enough else _last(refused, max_refusal, safe))
    chance = sum(templates) * VISIT * rate_of_score(threshold)
    return Promise(
        threshold=threshold,
        people=len(templates),
        templates=sum(templates),
        strangers=min(1.0, chance),
        strangers_here=min(1.0, chance * allowance),
        refused=float(refused(np.array(threshold))),
        wanted=acceptance,
    )


def _last(refused: Callable[[Scores], Scores], limit: float, below: float) -> float:
    """The highest score, to a thousandth and below one that refuses too many, that does not."""
    scores = np.arange(LOWEST, below, 0.001)
    kept = scores[refused(scores) <= limit]
    return float(kept[-1]) if kept.size else LOWEST
