"""Everyone the door knows, as one immutable value, and the comparison of a face with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorctl.core.calibration import score_of
from doorctl.core.card import Calibration
from doorctl.core.records import Match, Person, Vector

LEAST_AGREEMENT = 2**-0.5
"""Length of the mean of two unrelated unit vectors. A mean of templates that is shorter is not
brought to unit length but only over this, so that photos which disagree gain nothing by it."""

NOBODY = Match(person=None, similarity=-1.0, score=0.0, margin=None)
"""What any probe is to an empty gallery."""


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Templates of all people. Replace it as a whole; never change one in place."""

    people: tuple[Person, ...]
    templates: Vector
    """T x D, rows of unit length, those of one person together."""
    starts: NDArray[np.intp]
    """For each person the row of the first template."""
    means: Vector
    """P x D: for each person the mean of the templates, of unit length where they agree."""
    calibration: Calibration
    alike: frozenset[int] = frozenset()
    """Rows of the people who have a lookalike; ``lookalikes.marked`` finds them."""

    @classmethod
    def build(cls, entries: Iterable[tuple[Person, Vector]], calibration: Calibration) -> Gallery:
        """Gather (person, template) pairs in any order; templates are brought to unit length.

        Raises:
            ValueError: a template is not finite, is zero, or differs in length from the others.
        """
        rows: dict[Person, list[Vector]] = {}
        for person, template in entries:
            length = float(np.linalg.norm(template))
            if template.ndim != 1 or not np.isfinite(length) or length == 0.0:
                raise ValueError(f"a template of person {person.id} is not a direction")
            rows.setdefault(person, []).append(template / np.float32(length))
        people = tuple(rows)
        starts = np.cumsum([0, *(len(rows[person]) for person in people)])[:-1]
        flat = [template for person in people for template in rows[person]]
        templates = np.stack(flat).astype(np.float32) if flat else np.empty((0, 0), np.float32)
        means = np.empty((len(people), templates.shape[1]), np.float32)
        for row, person in enumerate(people):
            mean = np.mean(rows[person], axis=0)
            means[row] = mean / max(float(np.linalg.norm(mean)), LEAST_AGREEMENT)
        for array in (templates, means):
            array.setflags(write=False)
        return cls(people, templates, starts.astype(np.intp), means, calibration)

    @property
    def templates_each(self) -> tuple[int, ...]:
        """How many templates each person has."""
        return tuple(np.diff([*self.starts, len(self.templates)]).tolist())

    def match(self, embedding: Vector) -> Match:
        """Compare a probe of unit length (D) with everyone.

        A person is as similar as the mean of their templates: on lfw-dev that turned away
        fewer people than the best template or the mean of the best two did, at the same
        rate of strangers (``scripts/calibrate``). The margin is taken over the second-best
        person.
        """
        if not self.people:
            return NOBODY
        by_person = self.means @ embedding
        best = int(np.argmax(by_person))
        similarity = float(by_person[best])
        margin = None
        if len(self.people) > 1:
            by_person[best] = -np.inf
            margin = similarity - float(by_person.max())
        score = score_of(similarity, self.calibration)
        return Match(self.people[best], similarity, score, margin, best in self.alike)

    def of(self, person_id: int) -> tuple[Vector, Gallery]:
        """One person's templates (n x D, n may be 0), and the gallery without that person."""
        ends = [*self.starts[1:].tolist(), len(self.templates)][: len(self.people)]
        own = np.empty((0, self.templates.shape[1]), np.float32)
        rest: list[tuple[Person, Vector]] = []
        for person, start, end in zip(self.people, self.starts.tolist(), ends, strict=True):
            if person.id == person_id:
                own = self.templates[start:end]
            else:
                rest += [(person, row) for row in self.templates[start:end]]
        return own, Gallery.build(rest, self.calibration)
