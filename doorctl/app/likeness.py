"""Whom a person looks like, as fields to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from doorctl.core.lookalikes import Likeness


def likeness_fields(person_id: int, found: Sequence[Likeness]) -> list[dict[str, Any]]:
    """Whom a person looks like, for JSON."""
    pairs = ((pair.other if pair.one.id == person_id else pair.one, pair) for pair in found)
    return [
        {"person": other.name, "similarity": round(pair.similarity, 4)}
        for other, pair in pairs
        if person_id in (pair.one.id, pair.other.id)
    ]
