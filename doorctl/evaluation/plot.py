"""Error rates to look at: the detection error trade-off."""

from __future__ import annotations

from pathlib import Path

from doorctl.errors import OutputError
from doorctl.evaluation.liveness import LIVE, error_curve
from doorctl.evaluation.liveness import Report as LivenessReport
from doorctl.evaluation.report import Report, power
from doorctl.evaluation.verification import det_curve

HINT = "name a .png in a directory of yours"


def refuse_unwritable(file: Path) -> None:
    """Tell before the long work what would prevent the drawing after it.

    Raises:
        OutputError: the directory is missing, or no picture has this ending.
    """
    from matplotlib.figure import Figure

    endings = Figure().canvas.get_supported_filetypes()
    if not file.parent.is_dir():
        raise OutputError(f"{file}: cannot be written: {file.parent} is no directory", HINT)
    if file.suffix.lower().removeprefix(".") not in endings:
        raise OutputError(f"{file}: cannot be written: no picture has this ending", HINT)


def plot_det(report: Report, file: Path) -> None:
    """Draw the DET curve, both axes logarithmic, with the operating points marked.

    Raises:
        OutputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure  # takes a second to load, and is wanted here only

    rates, missed = det_curve(report.pairs)
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    axes = figure.subplots()
    shown = missed > 0
    axes.loglog(rates[shown], missed[shown], color="#1f5aa6")
    for rate, point in report.verification.items():
        if point and point.fnmr is not None and point.interval is not None:
            low, high = point.interval
            axes.errorbar(
                [rate],
                [point.fnmr],
                [[max(0.0, point.fnmr - low)], [max(0.0, high - point.fnmr)]],
                fmt="o",
                color="#1f5aa6",
                capsize=3,
            )
            axes.annotate(
                f"{point.fnmr:.2%} at {power(rate)}\nsimilarity {point.threshold:.3f}",
                (rate, point.fnmr),
                xytext=(8, 8),
                textcoords="offset points",
                fontsize=8,
            )
    axes.set_xlim(right=0.1)  # room for the last point's words
    axes.set_xlabel("false-match rate (strangers taken for the person)")
    axes.set_ylabel("false-non-match rate (the person not recognised)")
    axes.set_title(
        f"{report.model}: {len(report.samples.photos):,} photos of {len(report.samples.names):,} people\n"
        f"{report.pairs.impostors:,} impostor and {len(report.pairs.genuine):,} genuine pairs, "
        "95 % intervals over people",
        fontsize=10,
    )
    axes.grid(which="both", alpha=0.25)
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error}", HINT) from error


def plot_liveness(report: LivenessReport, file: Path) -> None:
    """Draw, for each species, the share of living people refused over that of attacks that pass.

    Raises:
        OutputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5.5), layout="constrained")
    axes = figure.subplots()
    refused = error_curve(report, LIVE)
    for species in report.species:
        passed = error_curve(report, species)
        thresholds = sorted({t for t, _ in (*refused, *passed)})
        points = [(_at(passed, t, 1.0), _at(refused, t, 0.0)) for t in thresholds]
        count = report.rate(species).presentations
        axes.step(*zip(*points, strict=True), where="post", marker=".", label=f"{species} ({count})")
        here = report.rules.threshold
        axes.plot(_at(passed, here, 1.0), _at(refused, here, 0.0), "k+", markersize=14)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("APCER: attacks that reach the threshold")
    axes.set_ylabel("BPCER: living people who do not")
    axes.set_title(
        f"{report.rate(LIVE).presentations} live presentations of {report.people} people\n"
        f"+ at the threshold in force, {report.rules.threshold:g}; a challenge may follow",
        fontsize=10,
    )
    if report.species:
        axes.legend()
    axes.grid(alpha=0.25)
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error}", HINT) from error


def _at(curve: list[tuple[float, float]], threshold: float, before: float) -> float:
    """A step curve's value at a threshold: an attack passes, and a person is not refused, who reaches it."""
    return next((rate for limit, rate in reversed(curve) if limit < threshold), before)
