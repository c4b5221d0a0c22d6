"""What stands in an event's detail, read back: the signs of life, a challenge, an order's caller."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Life:
    """What the passive verdict rested on, as ``core.liveness.Finding.describe`` tells it."""

    species: str = ""
    nets: float | None = None
    frames: int = 0
    moved: float | None = None
    flexed: float | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A challenge and how it went, as ``core.challenge.Challenge.describe`` tells it."""

    actions: tuple[str, ...]
    failure: str = ""
    """How it was lost; empty if it was passed."""
    done: int = 0
    nets: float | None = None


_LIFE = re.compile(
    r"(?:suspected (?P<species>[a-z ]+))?(?:(?:^|, )nets (?P<nets>[\d.]+) over (?P<frames>\d+) frames)?"
    r"(?:(?:^|, )moved (?P<moved>[\d.]+) times the noise)?"
    r"(?:(?:^|, )(?P<flexed>[\d.]+) times as no flat picture can)?"
)
_CHALLENGE = re.compile(
    r"challenge (?P<actions>[a-z, ]+?)(?: done|: (?P<failure>[a-z ]+) \((?P<done>\d+) of \d+ done\))"
    r"(?:; nets (?P<nets>[\d.]+))?"
)
_SECONDS = re.compile(r"\bfor ([\d.]+(?:e\+?\d+)?) s\b")
_BY = re.compile(r"(?:^|, )by (.+)$")


def life_of(detail: str) -> Life | None:
    """The signs of life that a detail tells; ``None`` where it tells none."""
    found = _LIFE.fullmatch(detail)
    if found is None or not detail:
        return None
    return Life(
        found["species"] or "",
        _number(found["nets"]),
        int(found["frames"] or 0),
        _number(found["moved"]),
        _number(found["flexed"]),
    )


def challenge_of(detail: str) -> Tried | None:
    """The challenge that a detail tells; ``None`` where it tells none."""
    found = _CHALLENGE.fullmatch(detail)
    if found is None:
        return None
    actions, failure = tuple(found["actions"].split(", ")), found["failure"] or ""
    return Tried(actions, failure, int(found["done"]) if failure else len(actions), _number(found["nets"]))


def seconds_of(detail: str) -> float | None:
    """For how long something was ordered or locked, seconds; ``None`` where no time is told."""
    found = _SECONDS.search(detail)
    return float(found[1]) if found else None


def caller_of(detail: str) -> str:
    """Who ordered it, by the name that the operating system knows them by; empty where nobody is named."""
    found = _BY.search(detail)
    return found[1] if found else ""


def _number(text: str | None) -> float | None:
    return float(text) if text else None
