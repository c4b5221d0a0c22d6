"""Fit an embedder's card on labelled faces: the score scale and the refusal tables; compare template rules.

Every photo goes through the product's own detection, alignment and embedding; every pair
of photos of different people is an impostor comparison. A fifth of the people, chosen by
the digest of their names, is left out of the fit and tells what the scale comes to on
people that it has not seen; ``tests/test_calibration.py`` asks them again.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from doorctl.app.settings import Settings
from doorctl.app.wiring import open_eye
from doorctl.core.calibration import rate_of_score, similarity_of
from doorctl.core.card import Calibration
from doorctl.evaluation.pairs import Pairs, all_pairs
from doorctl.evaluation.samples import Samples, collect, read_errata
from scripts.fitting import Rates, compare_rules, held_out, knots_of, refusals

CARDS = Path(__file__).resolve().parents[1] / "doorctl" / "models" / "cards"
GALLERIES = 50


def settings_for(model_set: str) -> Settings:
    """The project's defaults, with one set of nets."""
    settings = Settings.find(None, Path(".cache/calibration"))
    models = settings.config.models.model_copy(update={"set": model_set})
    return replace(settings, config=settings.config.model_copy(update={"models": models}))


def collected(model_set: str, directory: Path, errata: Path | None) -> Samples:
    """Every photo of the set, judged, with a progress bar on a terminal."""
    with Progress(disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("judging")
        return collect(
            settings_for(model_set),
            directory,
            left_out=read_errata(errata),
            cache=Path(".cache/evaluation.db"),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def pairs_of(samples: Samples, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Pairs:
    return all_pairs(samples.vectors[chosen], samples.people[chosen])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--errata", type=Path, metavar="CSV", help="photos to leave out, by file name")
    parser.add_argument("--set", choices=["standard", "fallback"], default="standard")
    parser.add_argument("--name", default="", help="what to call the data in the card")
    parser.add_argument("--write", action="store_true", help="put the fit into the card")
    options = parser.parse_args()
    samples = collected(options.set, options.directory, options.errata)
    left = np.array([held_out(name) for name in samples.names])[samples.people]
    seen, unseen = pairs_of(samples, ~left), pairs_of(samples, left)
    scale = Calibration(tuple(knots_of(seen)), "")
    tables = refusals(samples.vectors[~left], samples.people[~left], scale)
    people = len(set(samples.people[~left].tolist()))
    told = f"{np.sum(samples.enrolled & ~left)} faces of {people} people, {seen.impostors} impostor pairs"
    print(f"fitted on {told}; {np.sum(~samples.enrolled)} of {len(left)} photos could not be enrolled")
    tell_scale(scale, seen, unseen)
    tell_refusals(tables)
    tell_rules(compare_rules(samples.vectors, samples.people, galleries=GALLERIES))
    if options.write:
        card = CARDS / f"{open_eye(settings_for(options.set)).models.embedder.card.name}.json"
        fields = json.loads(card.read_text())
        name = options.name or options.directory.name
        fields["recognition"]["calibration"] = {
            "knots": scale.knots,
            "source": f"{name}, {datetime.now(UTC):%Y-%m-%d}: {told}, a fifth of the people left out; "
            "scripts/calibrate",
        }
        fields["recognition"]["refusals"] = [{"templates": n, "knots": table} for n, table in tables]
        card.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n")
        print(f"written: {card.name}")
    return 0


def tell_scale(scale: Calibration, seen: Pairs, unseen: Pairs) -> None:
    print(f"\n{'score':>6} {'FMR':>8} {'cosine':>8} {'FNMR':>7}   unseen people: false matches, FMR, ratio")
    for score in np.arange(0.4, 1.01, 0.1):
        similarity, rate = similarity_of(round(float(score), 4), scale), rate_of_score(float(score))
        false, total = unseen.reached(similarity), unseen.impostors
        told = f"{false:7d} {false / total:9.1e} {false / total / rate:6.2f}" if false else "      0"
        print(f"{score:6.2f} {rate:8.0e} {similarity:8.4f} {seen.missed(similarity):7.2%}   {told}")


def tell_refusals(tables: list[tuple[int, list[tuple[float, float]]]]) -> None:
    print("\na known person's photo against the mean of some others: share that misses a score")
    print("photos " + " ".join(f"{score:>7.2f}" for score, _ in tables[0][1]))
    for templates, table in tables:
        print(f"{templates:6d} " + " ".join(f"{rate:7.2%}" for _, rate in table))


def tell_rules(rules: dict[str, dict[float, Rates]]) -> None:
    print(f"\nseveral photos of a person: {GALLERIES} galleries of 100 people with 3 photos each")
    print(f"{'rule':<16} {'FPIR':>6} {'TPIR':>7} {'spread':>7} {'wrong person':>12} {'cosine':>7}")
    for rule, by_rate in rules.items():
        for rate, found in by_rate.items():
            print(
                f"{rule:<16} {rate:6.1%} {found.found:7.4f} {found.spread:7.4f} {found.wrong:12.5f} "
                f"{found.similarity:7.4f}"
            )


if __name__ == "__main__":
    sys.exit(main())
