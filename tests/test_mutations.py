"""The door's proofs can fail: rules are taken away in a copy, and a test notices each."""

from __future__ import annotations

import pytest

from scripts.proofs.broken_rules import LOCKS, MUTATIONS
from scripts.proofs.mutations import survives

SAMPLE = (
    "one confirming frame",
    "liveness ignored",
    "challenge always passed",
    "a success resets all",
    "REX is ignored in lockdown",
)


@pytest.mark.slow
@pytest.mark.parametrize("what", SAMPLE)
def test_a_broken_rule_is_noticed(what: str) -> None:
    """'scripts/prove mutations' tries them all; these are what a careless change would do."""
    mutation = next(mutation for mutation in (*MUTATIONS, *LOCKS) if mutation.what == what)
    assert not survives(mutation)
