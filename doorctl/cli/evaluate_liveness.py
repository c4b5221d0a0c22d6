"""``doorctl evaluate liveness``: how often pictures pass for people, on labelled sequences."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    refuse_overwriting,
    settings_of,
    warn,
)
from doorctl.errors import PhotoError

if TYPE_CHECKING:
    from doorctl.evaluation.liveness import Rate, Report


def liveness(
    context: typer.Context,
    directory: Annotated[
        Path,
        typer.Argument(help="Holds live/SEQ and SPECIES/SEQ: folders of frames or clips.", metavar="DIR"),
    ],
    fps: Annotated[float, typer.Option(min=0.1, max=240, help="Frames a second of folders of frames.")] = 10,
    mode: Annotated[
        Literal["adaptive", "passive"],
        typer.Option(help="Whether the doubtful are asked for a challenge, or stay outside."),
    ] = "adaptive",
    plot: Annotated[
        Path | None, typer.Option(metavar="OUT.png", help="Draw the DET curve: BPCER over APCER.")
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how often attacks pass as living people, and living people are refused, after ISO/IEC 30107-3.

    Each sequence, however short, is one presentation and gets one verdict, by the nets,
    gates and rules of the door. The doubtful, whom the door would ask for a challenge,
    count as neither, and are told. What stands before the first _ of a sequence's name
    names its person.
    """
    from doorctl.app.wiring import open_eye
    from doorctl.evaluation.liveness import evaluate_liveness, fields_of
    from doorctl.evaluation.plot import plot_liveness, refuse_unwritable

    settings = settings_of(context, config, data)
    if plot:
        refuse_overwriting(plot, [*directory.glob("*/*"), *directory.glob("*/*/*")])
        refuse_unwritable(plot)
    eye = open_eye(settings)
    bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task("judging sequences", total=None)
        report, unread = evaluate_liveness(
            settings,
            eye,
            directory,
            mode=mode,
            fps=fps,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for path, why in unread:
        warn(f"{path} is left out: {why}")
    if not report.presented:
        raise PhotoError(f"{directory}: no sequence could be read", "see the reasons above")
    if as_json:
        emit(fields_of(report))
    else:
        _tell(report)
    if plot:
        plot_liveness(report, plot)
        if not as_json:
            console().print(f"written: {plot}")


def _tell(report: Report) -> None:
    from doorctl.app.sitting import Outcome
    from doorctl.evaluation.liveness import LIVE, worst

    out = console()
    out.print(
        f"{report.people} people, threshold {report.rules.threshold:g}, mode {report.mode}; 'asked' would "
        "get a challenge, 'no answer' gave too few usable frames; 'frames' is the rate of single frames"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "shown", "errors", "rate", "95 %", "asked", "no answer", "frames"):
        table.add_column(column, justify="left" if not column else "right")
    rates = {species: report.rate(species) for species in report.species}
    leader = worst(rates)
    for kind in sorted(rates, key=lambda species: species != leader):
        name = f"APCER {kind}" + (", the worst" if kind == leader and len(rates) > 1 else "")
        _row(table, name, rates[kind], report.frame_rate(kind), report, kind)
    _row(table, "BPCER", report.rate(LIVE), report.frame_rate(LIVE), report, LIVE)
    out.print(table)
    doubtful = [p for p in report.presented if p.sitting.outcome is not _expected(p.kind)]
    for one in doubtful:
        found = one.sitting.finding
        told = found.describe() if found else ""
        mark = " WRONG" if one.sitting.outcome in (Outcome.LIVE, Outcome.SPOOF) else ""
        out.print(f"{one.kind}/{one.sequence}: {one.sitting.outcome.value}{mark}  {told}")


def _expected(kind: str) -> object:
    from doorctl.app.sitting import Outcome
    from doorctl.evaluation.liveness import LIVE

    return Outcome.LIVE if kind == LIVE else Outcome.SPOOF


def _row(table: Table, name: str, rate: Rate, frames: Rate, report: Report, kind: str) -> None:
    from doorctl.app.sitting import Outcome

    fields, of_frames = rate.as_dict(), frames.as_dict()
    between = f"{fields['ci95'][0]:.1%} to {fields['ci95'][1]:.1%}" if fields["ci95"] else ""
    table.add_row(
        name,
        str(len(report.of(kind))),
        str(rate.errors),
        f"{fields['rate']:.1%}" if fields["rate"] is not None else "-",
        between,
        str(report.count(Outcome.CHALLENGED, kind)),
        str(report.count(Outcome.NO_RESPONSE, kind)),
        f"{of_frames['rate']:.1%}" if of_frames["rate"] is not None else "-",
    )
