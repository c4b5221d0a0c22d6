"""The table at the end of a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

SOON = 2.0
"""Seconds within which the door must know."""


@dataclass(frozen=True)
class Row:
    """A line of the table at the end."""

    what: str
    found: str
    target: str
    good: bool


def spread(seconds: list[float]) -> str:
    return f"{median(seconds):.2f} s, worst {max(seconds):.2f}"


def show(rows: Sequence[Row]) -> bool:
    """Print them; whether all reach their target."""
    what, found = max(len(row.what) for row in rows), max(len(row.found) for row in rows)
    for row in rows:
        print(f"{'ok   ' if row.good else 'SHORT'}  {row.what:<{what}}  {row.found:<{found}}  {row.target}")
    return all(row.good for row in rows)
