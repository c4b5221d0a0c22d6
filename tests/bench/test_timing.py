"""Things timed by turns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doorctl.bench.timing import Figure, Turns


def test_each_round_starts_with_another() -> None:
    """No thing always follows the same one, and none is left out."""
    order: list[str] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: order.append(name)

    turns = Turns()
    for _ in range(3):
        turns.round({name: note(name) for name in "abc"})
    assert "".join(order) == "abcbcacab"
    assert turns.figures().keys() == set("abc")
    assert all(figure.count == 3 for figure in turns.figures().values())


def test_times_are_milliseconds_and_ratios_are_taken_within_a_round() -> None:
    """A machine that slows down to a half midway changes the times, and not the ratio."""
    now = [0.0]

    def work(seconds: float) -> Callable[[], None]:
        return lambda: now.__setitem__(0, now[0] + seconds)

    turns = Turns(clock=lambda: now[0])
    for pace in (0.004, 0.008):
        turns.round({"short": work(pace), "long": work(3 * pace)})
    assert turns.figures()["short"].median == pytest.approx(6)
    ratio = turns.ratio(["long"], ["short"])
    assert [ratio.low, ratio.median, ratio.high, ratio.count] == pytest.approx([3, 3, 3, 2])
    assert turns.ratio(["long", "short"], ["short"]).median == pytest.approx(4)


def test_runs_to_warm_up_are_not_timed() -> None:
    """Each thing is done so often beforehand, and counts once."""
    now, steps = [0.0], iter((5.0, 3.0, 0.001))

    def work() -> None:
        now[0] += next(steps)

    turns = Turns(warm=2, clock=lambda: now[0])
    turns.round({"work": work})
    assert turns.figures()["work"].median == pytest.approx(1)


def test_a_figure_is_a_median_with_quartiles() -> None:
    """Of nothing there is none."""
    assert Figure.of([5, 1, 2, 3, 4]) == Figure(3, 2, 4, 5)
    assert Figure.of([7.0]).as_dict() == {"median": 7.0, "low": 7.0, "high": 7.0, "count": 1}
    with pytest.raises(ValueError, match="nothing"):
        Figure.of([])
