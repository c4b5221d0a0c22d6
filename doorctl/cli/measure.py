"""``doorctl bench``: how fast this machine is at the door's work, and how near that is to its floor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from doorctl.cli.output import ConfigOption, DataOption, JsonOption, console, emit, settings_of

if TYPE_CHECKING:
    from doorctl.bench.report import Report

NAMES = {
    "tracking": "whole frame, tracking a face",
    "living": "whole frame, tracking a face, with liveness",
    "detecting": "whole frame, looking for a face",
    "capture": "  capture: copy, compare with the last",
    "motion": "  motion, while nobody is there",
    "detect": "  detect",
    "mesh": "  mesh",
    "align": "  align",
    "antispoof": "  both anti-spoof nets, with their crops",
    "flexing": "  flexing, now and then in a visit",
    "embed": "  embed",
    "raw": "  {}, bare run of the net",
    "raw product": "  bare product with {} templates",
    "match": "  match with {} templates",
}
"""For people; in the JSON the keys are as they are."""


def add_to(app: typer.Typer) -> None:
    app.command("bench", epilog="Example: doorctl bench --clip monday.mp4 --json")(bench)


def bench(
    context: typer.Context,
    clip: Annotated[
        Path | None, typer.Option(help="A recording with a face in it, instead of the portraits.")
    ] = None,
    frames: Annotated[int, typer.Option(min=5, max=5000, help="How many frames to measure on.")] = 200,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure every stage of a frame's way beside the bare runs of its nets, and the daemon as a whole.

    On frames of two public-domain portraits, or of a recording. All is done by turns, so that whatever
    else runs disturbs all alike; on a busy machine trust the ratios alone. An installed door is left alone.
    """
    from doorctl.bench.report import measure

    settings = settings_of(context, config, data)
    out = console()
    with Progress(console=out, transient=True, disable=as_json or not out.is_terminal) as progress:
        task = progress.add_task("", total=frames)
        report = measure(
            settings,
            clip=clip,
            count=frames,
            tell=lambda what, done: progress.update(task, description=what, completed=done),
        )
    if as_json:
        emit(report.as_dict())
    else:
        _tell(report)


def _tell(report: Report) -> None:
    out, machine = console(), report.machine
    out.print(
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load']}; {machine['set']} set, "
        f"threads: {machine['threads']}; {machine['frames']} frames of {machine['frame']}"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for heading in ("ms", "quartiles", "of its floor"):
        table.add_column(heading, justify="right")
    for name, figure in report.milliseconds.items():
        ratio = report.ratios.get("match" if name == report.many else name)
        table.add_row(
            _name(name),
            f"{figure.median:.3f}",
            f"{figure.low:.3f} - {figure.high:.3f}",
            f"{ratio.median:.2f}" if ratio else "",
        )
    out.print(table)
    service = report.service
    out.print(
        f"daemon: peak {service.peak_mb:.0f} MB; nobody in view: {service.idle_share:.1%} of a core "
        f"at {service.idle_fps:.1f} frames/s"
    )
    for target in report.targets:
        mark = ("met    ", "green") if target.met else ("MISSED ", "red")
        value = f"{target.name}: {target.value:.3g} {target.unit}".rstrip()
        out.print(Text.assemble(mark, f"{value}, at most {target.most:g} wanted"))


def _name(key: str) -> str:
    """'match 1000' -> 'match with 1000 templates'."""
    if key in NAMES:
        return NAMES[key]
    kind, _, rest = key.rpartition(" ")
    return NAMES[kind].format(rest)
