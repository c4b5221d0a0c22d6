"""``doorctl evaluate``: how often the door errs, on labelled photos and sequences."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from doorctl.cli.evaluate_liveness import liveness
from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    emit,
    refuse_overwriting,
    settings_of,
    warn,
)
from doorctl.errors import PhotoError

if TYPE_CHECKING:
    from doorctl.app.settings import Settings
    from doorctl.evaluation.report import Report
    from doorctl.evaluation.samples import Samples

NOT_SUPPORTED = "not supported"
"""Fewer than ten errors stand behind the figure."""

SHOWN = 12
"""Parts of the splits that are told to people; all of them stand in the JSON."""

commands = typer.Typer(help="Measure how often the door errs.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    commands.command("liveness", epilog="Example: doorctl evaluate liveness ~/attacks --plot det.png")(
        liveness
    )
    app.add_typer(commands, name="evaluate")


@commands.command(
    "recognition", epilog="Example: doorctl evaluate recognition ~/lfw --gallery 50 --plot det.png"
)
def recognition(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(help="Holds a folder of photos for each person.", metavar="DIR")
    ],
    gallery: Annotated[int, typer.Option(min=1, help="How many people are enrolled at a time.")] = 100,
    per_person: Annotated[int, typer.Option(min=1, help="With how many photos each.")] = 3,
    repeats: Annotated[int, typer.Option(min=1, help="How many random galleries are drawn.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of everything drawn at random.")] = 0,
    model_set: Annotated[
        Literal["standard", "fallback"] | None,
        typer.Option("--set", help="Which nets judge; the configuration's, if not given."),
    ] = None,
    errata: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Photos to leave out: a column named photo.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="OUT.png", help="Draw the DET curve: FNMR over FMR.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Photos judged at once; as many as processors.")
    ] = None,
    cache: Annotated[
        bool,
        typer.Option(
            help="Keep templates of DIR's people in ~/.cache/doorctl, so that a second run is quick."
        ),
    ] = True,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how often strangers match and known people are missed, on photos whose people are known.

    DIR holds a folder of photos for each person; of each photo the face nearest to the
    middle counts. Everything that the door does with a photo is done: detection,
    alignment, the limits of quality, embedding, match. A photo that could not be enrolled
    counts as never matching. With DIR/groups.csv (columns person, group) errors are also
    told by group.
    """
    from doorctl.app.wiring import open_eye
    from doorctl.evaluation.plot import plot_det, refuse_unwritable
    from doorctl.evaluation.report import evaluate, fields_of
    from doorctl.evaluation.splits import GROUPS, read_groups

    settings = settings_of(context, config, data)
    if model_set:
        models = settings.config.models.model_copy(update={"set": model_set})
        settings = replace(settings, config=settings.config.model_copy(update={"models": models}))
    if plot:
        inputs = [directory / GROUPS, *directory.glob("*/*"), *([errata] if errata else [])]
        refuse_overwriting(plot, inputs)
        refuse_unwritable(plot)
    groups = read_groups(directory)
    samples = _collect(settings, directory, errata, jobs, cache)
    if len(samples.names) < 2:
        raise PhotoError(
            f"{directory}: photos of one person only", "errors need at least two people, a folder for each"
        )
    if groups and not set(samples.names) & set(groups):
        warn(f"{directory / GROUPS} names nobody whose photos are here")
    eye = open_eye(settings)
    report = evaluate(
        samples,
        eye.recognition.calibration,
        model_set=eye.models.name,
        model=eye.models.embedder.card.name,
        gallery=gallery,
        per_person=per_person,
        repeats=repeats,
        seed=seed,
        groups=groups,
    )
    if as_json:
        emit(fields_of(report))
    else:
        _tell(report)
    if plot:
        plot_det(report, plot)
        if not as_json:
            Console(highlight=False, soft_wrap=True).print(f"written: {plot}", markup=False)


def _collect(
    settings: Settings, directory: Path, errata: Path | None, jobs: int | None, cache: bool
) -> Samples:
    from doorctl import paths
    from doorctl.evaluation.samples import collect, read_errata

    bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task("judging photos", total=None)
        return collect(
            settings,
            directory,
            left_out=read_errata(errata),
            cache=paths.cache_dir() / "evaluation.db" if cache else None,
            jobs=jobs,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _tell(report: Report) -> None:
    from doorctl.evaluation.intervals import clopper_pearson

    out = Console(highlight=False, markup=False, soft_wrap=True)
    images, failed = len(report.samples.photos), sum(report.failures.values())
    low, high = clopper_pearson(failed, images)
    out.print(
        f"{report.model_set} set ({report.model}): {images:,} photos of {len(report.samples.names):,} people"
    )
    why = "; ".join(f"{reason}: {count}" for reason, count in report.failures.most_common())
    out.print(f"failure to enrol: {failed} ({failed / images:.2%}, 95 %: {low:.2%} to {high:.2%}) {why}\n")
    _tell_verification(out, report)
    _tell_identification(out, report)
    _tell_splits(out, report)


def _table(*columns: str) -> Table:
    """Figures to the right, under names that need no lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="left" if column == "kind of photo" else "right")
    return table


def _tell_verification(out: Console, report: Report) -> None:
    from doorctl.core.calibration import score_of
    from doorctl.evaluation.report import power

    pairs = report.pairs
    out.print(f"verification: {pairs.impostors:,} impostor and {len(pairs.genuine):,} genuine pairs")
    table = _table("FMR", "threshold", "score", "FNMR", "95 % over people")
    for rate, point in report.verification.items():
        if point is None:
            table.add_row(power(rate), NOT_SUPPORTED)
            continue
        fnmr = f"{point.fnmr:.2%}" if point.fnmr is not None else NOT_SUPPORTED
        between = f"{point.interval[0]:.2%} to {point.interval[1]:.2%}" if point.interval else ""
        score = score_of(point.threshold, report.scale)
        table.add_row(power(rate), f"{point.threshold:.4f}", f"{score:.2f}", fnmr, between)
    out.print(table, "")


def _tell_identification(out: Console, report: Report) -> None:
    found = report.identification
    if found is None:
        out.print(f"identification: not measured, {report.no_identification}\n")
        return
    out.print(
        f"identification: {found.repeats} galleries of {found.gallery} people with {found.per_person} photos "
        f"each; {found.probes:,} photos of theirs and {found.strangers:,} of strangers"
    )
    table = _table("FPIR", "TPIR", "spread", "wrong person", "threshold")
    for rate, at in found.by_rate.items():
        if at is None:
            table.add_row(f"{rate:.1%}", NOT_SUPPORTED)
            continue
        told = (f"{at.found:.2%}", f"{at.spread:.2%}", f"{at.wrong:.3%}", f"{at.threshold:.4f}")
        table.add_row(f"{rate:.1%}", *told)
    out.print(table, "")


def _tell_splits(out: Console, report: Report) -> None:
    from doorctl.evaluation.report import power

    if report.split_at is None:
        return
    out.print(f"worst first, at the threshold of FMR {power(report.split_at.rate)}")
    table = _table("kind of photo", "photos", "FNMR", "FMR within")
    for part in report.splits[:SHOWN]:
        fnmr = f"{part.fnmr:.2%}" if part.fnmr is not None else NOT_SUPPORTED
        fmr = f"{part.fmr:.1e}" if part.fmr is not None else NOT_SUPPORTED
        table.add_row(f"{part.kind}: {part.value}", f"{part.photos:,}", fnmr, fmr)
    out.print(table)
