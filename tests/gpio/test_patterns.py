"""The table of patterns: no two prompts look the same, whichever lights are wired, and none is harmful."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest

from doorctl.core.prompt import Prompt
from doorctl.gpio.patterns import OUTPUTS, PATTERNS, Output

LIGHTS = OUTPUTS[:-1]
ARROWS = LIGHTS[:4]
ACTIONS = (Prompt.TURN_LEFT, Prompt.TURN_RIGHT, Prompt.LOOK_UP, Prompt.LOOK_DOWN, Prompt.OPEN_MOUTH)
ANSWERS = (
    *(Prompt.IDLE, Prompt.GRANTED, Prompt.DENIED, Prompt.LOCKED_OUT),
    *(Prompt.CLOSE_DOOR, Prompt.ALARM, Prompt.FAULT),
)

Rhythm = list[tuple[frozenset[Output], float]]


def rhythm(prompt: Prompt, seen: Sequence[Output]) -> Rhythm:
    """One round as it looks with these lights only: equal neighbours are one, wherever it began."""
    steps: Rhythm = []
    for step in PATTERNS[prompt].steps:
        lit = step.lit & set(seen)
        before = steps.pop()[1] if steps and steps[-1][0] == lit else 0.0
        steps.append((lit, before + step.seconds))
    if len(steps) > 1 and steps[0][0] == steps[-1][0]:
        steps[0] = (steps[0][0], steps[0][1] + steps.pop()[1])
    if len(steps) == 1:
        return [(steps[0][0], 1.0)]
    turns = [steps[i:] + steps[:i] for i in range(len(steps))]
    return min(turns, key=lambda turn: [(sorted(lit), seconds) for lit, seconds in turn])


def look_alike(one: Prompt, other: Prompt, seen: Sequence[Output]) -> bool:
    """Whether the same lights come in the same order, and no step lasts at least half as long again."""
    left, right = rhythm(one, seen), rhythm(other, seen)
    return [lit for lit, _ in left] == [lit for lit, _ in right] and all(
        max(a, b) < 1.5 * min(a, b) for (_, a), (_, b) in zip(left, right, strict=True)
    )


def alike(prompts: Sequence[Prompt], seen: Sequence[Output]) -> list[tuple[Prompt, Prompt]]:
    return [pair for pair in combinations(prompts, 2) if look_alike(*pair, seen)]


def test_every_prompt_has_a_pattern_and_no_two_look_the_same() -> None:
    """With all six lights, every pair differs in what is lit or clearly in rhythm, even unheard."""
    assert set(PATTERNS) == set(Prompt)
    assert alike(list(Prompt), LIGHTS) == []


def test_green_and_red_alone_tell_all_prompts_apart() -> None:
    """Every pair differs for somebody who has these two lights only."""
    assert alike(list(Prompt), ("green", "red")) == []


def test_the_arrows_alone_tell_all_requests_apart() -> None:
    """Whatever is asked for can be told from anything else that is; answers need green and red."""
    assert alike([prompt for prompt in Prompt if prompt not in ANSWERS], ARROWS) == []


def test_the_buzzer_alone_tells_actions_and_answers_apart() -> None:
    """One to five beeps for the actions; the answer's beeps are longer and unlike any of them."""
    assert [len(PATTERNS[action].beeps) for action in ACTIONS] == [1, 2, 3, 4, 5]
    heard = [pattern.beeps for pattern in PATTERNS.values() if pattern.beeps]
    assert len(heard) == len(set(heard)) == 7
    answers = PATTERNS[Prompt.GRANTED].beeps + PATTERNS[Prompt.DENIED].beeps
    assert min(answers) > 2.5 * max(max(PATTERNS[action].beeps) for action in ACTIONS)


def test_arrows_point_where_to_look() -> None:
    """No arrow lights for a direction but the one that points there; nothing at all when idle."""
    for prompt, arrow in zip(ACTIONS, ("left", "right", "above", "below"), strict=False):
        assert set().union(*(step.lit for step in PATTERNS[prompt].steps)) == {arrow, "green"}
    assert [step.lit for step in PATTERNS[Prompt.IDLE].steps] == [frozenset()]


@pytest.mark.parametrize("prompt", Prompt)
def test_no_light_flashes_more_than_three_times_a_second(prompt: Prompt) -> None:
    """The limit that WCAG sets for people whom flashes make ill."""
    steps = PATTERNS[prompt].steps * 20
    for output in LIGHTS:
        starts, at, before = list[float](), 0.0, False
        for step in steps:
            if output in step.lit and not before:
                starts.append(at)
            at, before = at + step.seconds, output in step.lit
        assert all(later - first > 0.999 for first, later in zip(starts, starts[3:], strict=False))


def test_a_pattern_says_what_is_on_and_when_that_changes() -> None:
    """The first one and a half rounds of a pattern with beeps, change by change; and a steady one."""
    pattern, at, changes = PATTERNS[Prompt.TURN_RIGHT], 0.0, []
    while at < 2.0:
        on, seconds = pattern.at(at)
        assert seconds is not None
        changes.append((round(at, 6), set(on)))
        at += seconds + 1e-9
    assert changes == [
        (0.0, {"right", "green", "buzzer"}),
        (0.1, {"right", "green"}),
        (0.2, set()),
        (0.35, {"right", "green", "buzzer"}),
        (0.45, {"right", "green"}),
        (0.55, set()),
        (0.7, set()),
        (1.55, {"right", "green"}),
        (1.75, set()),
        (1.9, {"right", "green"}),
    ]
    for prompt, elapsed, lit, until in (
        (Prompt.GRANTED, 0.25, {"green", "buzzer"}, 0.75),
        (Prompt.GRANTED, 2.0, {"green"}, None),
        (Prompt.IDLE, 1e9, set(), None),
    ):
        on, seconds = PATTERNS[prompt].at(elapsed)
        assert (set(on), seconds) == (lit, until)
