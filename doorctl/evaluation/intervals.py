"""Exact intervals for counts of independent trials."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log, log1p


def clopper_pearson(errors: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a rate (Clopper and Pearson, 1934), for presentations, which are independent.

    Args:
        errors: 0 to ``trials``.
        trials: at least 1.
        confidence: of the interval, two-sided.
    """
    tail = (1 - confidence) / 2
    low = _solve(lambda p: 1 - _at_most(errors - 1, trials, p) - tail) if errors else 0.0
    high = _solve(lambda p: tail - _at_most(errors, trials, p)) if errors < trials else 1.0
    return low, high


def _at_most(errors: int, trials: int, rate: float) -> float:
    """Chance of so many errors or fewer: the binomial distribution, summed in logarithms."""
    chance = lgamma(trials + 1)
    return sum(
        exp(chance - lgamma(k + 1) - lgamma(trials - k + 1) + k * log(rate) + (trials - k) * log1p(-rate))
        for k in range(errors + 1)
    )


def _solve(rising: Callable[[float], float]) -> float:
    """Where a rising function of (0, 1) crosses zero."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
