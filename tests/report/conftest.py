"""A door with a store and two people, for tests of what is told of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from doorctl.core.liveness import LivenessMode
from doorctl.core.passage import PassageRules
from doorctl.core.policy import Policy
from doorctl.core.schedule import Access, Group, Span
from doorctl.store.database import Store
from tests.report.simulated_door import SimulatedDoor

START = datetime(2026, 3, 2, 8, tzinfo=UTC)  # a Monday
POLICY = Policy(
    threshold=0.74,
    margin=0.08,
    lookalike_margin=0.16,
    liveness=LivenessMode.ADAPTIVE,
    raised_threshold=0.84,
    passage=PassageRules(contact=True),
)
NIGHT = Group("night", tuple((Span(22 * 60, 23 * 60),) for _ in range(7)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def door(store: Store) -> SimulatedDoor:
    """Grace Hopper is person 1, Eileen Collins 2; Alan Turing, 3, may pass at night only."""
    access = Access(members={"alan turing": (NIGHT,)}, zone=UTC)
    made = SimulatedDoor(store, START, replace(POLICY, access=access), random.Random(1))
    for number, name in enumerate(("Grace Hopper", "Eileen Collins", "Alan Turing")):
        made.enrol(name, number, "net")
    made.until(60.0)
    return made
