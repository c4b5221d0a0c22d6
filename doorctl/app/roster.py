"""Everyone's templates in memory while many photos come: whose face is this, and is it the person's own?

It answers as ``admission`` does, by the mean of each person's templates, and is renewed person by person:
to build a gallery of thousands for each photo would hold up the database for everybody else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection

import numpy as np

from doorctl.core.calibration import score_of
from doorctl.core.card import Recognition
from doorctl.core.gallery import LEAST_AGREEMENT
from doorctl.core.promise import promise_of
from doorctl.core.records import Person, Vector
from doorctl.sections import MatchConfig
from doorctl.store import behind


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a face that comes under a name."""

    other: Person | None
    """Whose else it is, if anybody's."""
    own: float | None
    """Calibrated score against the person's own templates; ``None`` where there are none."""
    threshold: float
    """Calibrated score from which the door takes a face for somebody's."""


class Roster:
    """The people of a store, as one kind of nets knows them.

    Args:
        db: within a transaction, so that what is read holds.
        model: name of the embedder's card.
        recognition: what the card says of scores.
        match: the rules of matching.
    """

    def __init__(self, db: Connection, model: str, recognition: Recognition, match: MatchConfig) -> None:
        self._model, self._recognition, self._match = model, recognition, match
        self._people: dict[int, Person] = {}
        self._counts: dict[int, int] = {}
        self._thresholds: dict[tuple[tuple[int, int], ...], float] = {}
        self._rows: dict[int, int] = {}
        self._means: Vector = np.zeros((0, 0), np.float32)
        self._refresh(behind.templates_of(db, model))

    def renew(self, db: Connection, person_ids: Iterable[int]) -> None:
        """Read anew what counts for these people, who may be new or gone."""
        for number in person_ids:
            self._people.pop(number, None)
            self._counts.pop(number, None)
            if (row := self._rows.get(number)) is not None:
                self._means[row] = 0.0
            self._refresh(behind.templates_of(db, self._model, number))

    def judge(self, vector: Vector, person_id: int | None) -> Verdict:
        """Compare a face with everybody.

        Args:
            vector: of unit length.
            person_id: whose it is said to be; ``None`` for somebody new.
        """
        threshold = self._threshold()
        if not self._people:
            return Verdict(None, None, threshold)
        scale = self._recognition.calibration
        alike = self._means @ vector
        own = None
        if person_id in self._people:
            own = score_of(float(alike[self._rows[person_id]]), scale)
        best = max(
            (n for n in self._people if n != person_id), key=lambda n: alike[self._rows[n]], default=None
        )
        other = None
        if best is not None and score_of(float(alike[self._rows[best]]), scale) >= threshold:
            other = self._people[best]
        return Verdict(other, own, threshold)

    def _threshold(self) -> float:
        """It follows from how many people there are with how many templates, and changes with little else."""
        shape = tuple(sorted(Counter(self._counts.values()).items()))
        if shape not in self._thresholds:
            self._thresholds[shape] = promise_of(
                self._recognition,
                list(self._counts.values()),
                acceptance=self._match.stranger_acceptance,
                max_refusal=self._match.max_refusal,
                threshold=None if self._match.threshold == "auto" else self._match.threshold,
            ).threshold
        return self._thresholds[shape]

    def _refresh(self, found: dict[Person, list[Vector]]) -> None:
        for person, vectors in found.items():
            units = [vector / np.linalg.norm(vector) for vector in vectors]
            mean = np.mean(units, axis=0)
            row = self._rows.setdefault(person.id, len(self._rows))
            if row >= len(self._means):
                grown = np.zeros((max(64, 2 * len(self._means), row + 1), len(mean)), np.float32)
                grown[: len(self._means), : self._means.shape[1]] = self._means
                self._means = grown
            self._means[row] = mean / max(float(np.linalg.norm(mean)), LEAST_AGREEMENT)
            self._people[person.id], self._counts[person.id] = person, len(vectors)
