"""The commands as a person runs them, on a store that a simulated door has filled."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from doorctl.core.decision import EventKind
from tests.command import doorctl, lines, refused
from tests.report.simulated_door import Look, SimulatedDoor
from tests.report.test_explain import GRACE, PRINT, last


@pytest.fixture
def place(door: SimulatedDoor) -> Path:
    """A door's directory: Grace Hopper was let in, refused once, and somebody held up a picture of her."""
    door.comes(Look(GRACE, 0.9, 0.95))
    door.until(door.at + 20)
    door.comes(Look(GRACE, 0.70, 0.95), 3.0)
    door.comes(PRINT, 3.0)
    return door.store.path.parent


def test_explain_and_dispute(door: SimulatedDoor, place: Path) -> None:
    """In words and as facts; a dispute is shown beside them, and in the list with names."""
    number = last(door.store, EventKind.ACCESS_GRANTED).id
    shown = doorctl("events", "explain", number, data=place)
    assert shown.returncode == 0, shown.stderr
    assert "Grace Hopper was let in." in shown.stdout
    assert "the threshold of that moment, 0.74" in shown.stdout
    said = doorctl("events", "dispute", number, "--note", "that was eileen collins, not Grace", data=place)
    assert "is disputed" in said.stdout
    assert "the note holds Grace" in said.stdout
    [facts] = lines(doorctl("events", "explain", number, "--json", data=place))
    assert facts["threshold_asked"] == 0.74
    assert facts["rules_known"]
    assert facts["life"]["nets"] > 0.9
    assert facts["disputes"][0]["note"] == "that was Eileen Collins, not Grace"
    assert lines(doorctl("events", "--json", data=place))[-1]["detail"].endswith("Eileen Collins, not Grace")
    refused(doorctl("events", "explain", 4711, data=place), 66, "there is no event 4711")


def test_shadow(place: Path) -> None:
    """Told in words with what cannot be known, and as one object."""
    words = doorctl("events", "shadow", "--threshold", 0.95, data=place).stdout
    assert "1 of 1 grant would not have been given at that moment (100.0%" in words
    assert "upper bound" in words
    [facts] = lines(doorctl("events", "shadow", "--threshold", 0.65, "--json", data=place))
    assert (facts["grants_lost"], facts["recognised_at_most"]) == (0, 1)


def test_export(door: SimulatedDoor, place: Path, tmp_path: Path) -> None:
    """A table with all events, for its owner alone, that replaces nothing unasked; or on standard output."""
    out = tmp_path / "out.csv"
    done = doorctl("events", "export", out, data=place)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(door.store.events())
    refused(doorctl("events", "export", out, data=place), 73, "exists already", "--force")
    piped = doorctl("events", "export", "-", data=place)
    assert len(list(csv.DictReader(piped.stdout.splitlines()))) == len(rows)


def test_report(place: Path, tmp_path: Path) -> None:
    """On the terminal, as one object, as a page for its owner alone; a missing directory is told."""
    words = doorctl("report", "--since", "2026-01-01", data=place, TZ="Europe/Vienna").stdout
    assert "1 entry of 1 of 3 people, 2 turned away" in words
    assert "took a face for a picture of Grace Hopper once" in words
    assert "Europe/Vienna" in words
    out = tmp_path / "report.html"
    [facts] = lines(doorctl("report", "--since", "2026-01-01", "--json", "--html", out, data=place))
    assert (facts["grants"], facts["refusals_by_reason"]) == (1, {"unknown_person": 1, "spoof": 1})
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_text().startswith("<!DOCTYPE html>")
    refused(doorctl("report", "--html", tmp_path / "none" / "x.html", data=place), 73, "cannot be written")


@pytest.mark.slow
def test_a_store_without_events(place: Path, tmp_path: Path) -> None:
    """Nothing within the time that is asked for: said so, and no error."""
    assert "0 entries" in doorctl("report", "--since", "1s", data=place).stdout
    assert (
        "nothing was decided"
        in doorctl("events", "shadow", "--threshold", 0.8, "--since", "1s", data=place).stdout
    )
    refused(doorctl("report", data=tmp_path / "nowhere"), 74, "no database")
