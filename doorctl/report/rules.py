"""The rules of past decisions, read back from the JSON that was kept beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from doorctl.core.actions import ChallengeRules
from doorctl.core.liveness import LivenessMode, LivenessRules
from doorctl.core.lockout import LockoutRules
from doorctl.core.passage import PassageRules
from doorctl.core.policy import Policy
from doorctl.store.records import StoredEvent

_PARTS: dict[str, type[Any]] = {
    "passive": LivenessRules,
    "challenge": ChallengeRules,
    "lockout": LockoutRules,
    "passage": PassageRules,
}


class Rules:
    """The rules by which past events were decided.

    Args:
        texts: JSON of ``Policy.facts``, by digest.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._read: dict[str, Policy | None] = {}

    def of(self, event: StoredEvent) -> Policy | None:
        """The rules of that moment; ``None`` where none were kept with the event, or they cannot be read."""
        if event.policy is None:
            return None
        if event.policy not in self._read:
            self._read[event.policy] = policy_of(self._texts.get(event.policy, ""))
        return self._read[event.policy]

    def asked(self, event: StoredEvent) -> float | None:
        """The score that was asked of the event's face; ``None`` where that is not known."""
        policy = self.of(event)
        return None if policy is None else threshold_of(policy, raised=event.raised)


def threshold_of(policy: Policy, *, raised: bool) -> float:
    """The score that rules ask: more while there is a lock."""
    return policy.raised().threshold if raised else policy.threshold


def policy_of(text: str) -> Policy | None:
    """The rules as values again; ``None`` if they are none.

    Rules that a later version has added are at what they are by default, and ones that it no longer has are
    left out.
    """
    try:
        facts = _known(Policy, json.loads(text))
        facts["liveness"] = LivenessMode(facts["liveness"])
        for name, kind in _PARTS.items():
            if name in facts:
                facts[name] = kind(**_known(kind, facts[name]))
        return Policy(**facts)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _known(kind: type[Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    # JSON knows no tuples, and the rules no lists.
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in facts.items()
        if name in names
    }
