"""``doorctl events shadow`` and ``export``: the past under another threshold, and as a table."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    parse_since,
    rounded,
    settings_of,
)

if TYPE_CHECKING:
    from doorctl.report.shadow import Count, Shadow

Since = Annotated[
    str | None, typer.Option(help="From then on: 30m, 2h, 7d, or a date and time.", metavar="WHEN")
]


def add_to(commands: typer.Typer) -> None:
    commands.command("shadow", epilog="Example: doorctl events shadow --threshold 0.8 --since 30d")(shadow)
    commands.command("export", epilog="Example: doorctl events export --since 7d week.csv")(export)


def shadow(
    context: typer.Context,
    threshold: Annotated[
        float, typer.Option(help="The other threshold: a calibrated score.", metavar="S", min=0.0, max=1.0)
    ],
    since: Since = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how the past would have gone under another threshold, as far as stored scores can tell."""
    from doorctl.app.state import open_store
    from doorctl.report.rules import Rules
    from doorctl.report.shadow import KINDS
    from doorctl.report.shadow import shadow as judged
    from doorctl.store.history import History

    start = parse_since(since, datetime.now(UTC)) if since else None
    with open_store(settings_of(context, config, data), create=False) as store:
        history = History(store)
        found = judged(history.onwards(since=start, kinds=KINDS), Rules(history.policies()), threshold)
    if as_json:
        emit(_fields(found))
    else:
        _tell(found)


def _fields(found: Shadow) -> dict[str, Any]:
    from doorctl.report.shadow import CANNOT_KNOW

    return {
        "threshold": found.threshold,
        **_count(found.total),
        "people": [{"person": name, **_count(count)} for name, count in _sorted(found)],
        "not_ahead": found.behind,
        "locked_out": found.locked,
        "thresholds": {f"{value:.4f}": events for value, events in sorted(found.thresholds.items())},
        "without_rules": found.unknown,
        "cannot_know": list(CANNOT_KNOW),
    }


def _count(count: Count) -> dict[str, Any]:
    return {
        "grants": count.grants,
        "grants_lost": count.lost,
        "grants_lost_rate": _rate(count.lost_rate),
        "weakest_grant": rounded(count.weakest),
        "not_recognised": count.refused,
        "recognised_at_most": count.gained,
        "recognised_at_most_rate": _rate(count.gained_rate),
    }


def _rate(found: tuple[float, float, float] | None) -> dict[str, Any] | None:
    return found and {"rate": rounded(found[0]), "ci95": [rounded(found[1]), rounded(found[2])]}


def _sorted(found: Shadow) -> list[tuple[str, Count]]:
    """People to whom it makes a difference first."""
    return sorted(found.people.values(), key=lambda one: (-one[1].lost, -one[1].gained, one[0]))


def _tell(found: Shadow) -> None:
    from doorctl.report.shadow import CANNOT_KNOW
    from doorctl.report.words import plural

    out, total = console(), found.total
    if not total.grants + total.refused:
        out.print("nothing was decided by a score in that time")
        return
    held = sorted(found.thresholds)
    out.print(Text(f"at a threshold of {found.threshold:g} instead of {_span(held)}", style="bold"))
    grants, refused = plural(total.grants, "grant"), plural(total.refused, "refusal")
    lost, gained = _share(total.lost_rate), _share(total.gained_rate)
    out.print(f"  {total.lost} of {grants} would not have been given at that moment{lost}")
    out.print(
        f"  at most {total.gained} of {refused} of unknown faces would have been recognised, ahead by the "
        f"margin, and would still have had to show life{gained}"
    )
    if found.behind:
        out.print(f"  {found.behind} more reached it, and were not ahead of the second-best person by enough")
    if found.locked:
        out.print(f"  {plural(found.locked, 'visit')} refused at once during a lock: nothing is said of them")
    touched = [(name, count) for name, count in _sorted(found) if count.lost or count.gained]
    if touched:
        table = Table("", box=None, pad_edge=False)
        for heading in ("grants", "lost", "weakest", "refused, nearest to them", "recognised at most"):
            table.add_column(heading, justify="right")
        for name, count in touched:
            weakest = "" if count.weakest is None else f"{count.weakest:.2f}"
            cells = (count.grants, count.lost, weakest, count.refused, count.gained)
            table.add_row(Text(name), *map(str, cells))
        out.print(table)
    out.print(Text("what stored scores cannot say", style="bold"))
    for line in CANNOT_KNOW:
        out.print(f"  {line}")
    if len(held) > 1:
        told = f"the threshold was not always the same: {len(held)} held in that time, {_span(held)}"
        out.print(Text(told, style="yellow"))
    if found.unknown:
        told = f"{plural(found.unknown, 'event')} without stored rules: what held then is not known"
        out.print(Text(told, style="yellow"))


def _span(held: list[float]) -> str:
    if not held:
        return "one that is not known"
    low, high = f"{held[0]:.2f}", f"{held[-1]:.2f}"
    return low if low == high else f"{low} to {high}"


def _share(found: tuple[float, float, float] | None) -> str:
    return f" ({found[0]:.1%}, 95 % interval {found[1]:.1%} to {found[2]:.1%})" if found else ""


def export(
    context: typer.Context,
    output: Annotated[
        Path, typer.Argument(help="The file to write; - is standard output.", metavar="OUT.csv")
    ],
    since: Since = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Write events with all their columns as CSV, for a spreadsheet. The file is for its owner alone."""
    from doorctl.app.state import open_store
    from doorctl.report.files import whole_file
    from doorctl.report.table import ENCODING, write_table
    from doorctl.store.history import History

    start = parse_since(since, datetime.now(UTC)) if since else None
    with open_store(settings_of(context, config, data), create=False) as store:
        events = History(store).onwards(since=start)
        if output == Path("-"):
            write_table(events, sys.stdout)
            return
        with whole_file(output, replace=force, encoding=ENCODING, newline="") as file:
            count = write_table(events, file)
    console().print(Text(f"{output}: {count:,} event{'s' * (count != 1)}, for your eyes alone"))
