"""Events as a table that a spreadsheet may open, and files that are whole or not there."""

from __future__ import annotations

import csv
import io
import os
from datetime import UTC
from pathlib import Path

import pytest

from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Person, Reason
from doorctl.errors import OutputError
from doorctl.report.files import whole_file
from doorctl.report.table import COLUMNS, write_table
from doorctl.store.database import Store
from doorctl.store.history import History
from tests.report.conftest import START
from tests.report.simulated_door import SimulatedDoor


def table(store: Store) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    write_table(History(store).onwards(), file, UTC)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_every_column_is_there(store: Store) -> None:
    """One row for each event, with all that is stored of it; a negative lead stays a number."""
    event = Event(
        EventKind.ACCESS_DENIED, 1.5, None, Reason.AMBIGUOUS, 0.8, -0.02, nearest=Person(7, ""), raised=True
    )
    number = store.record(event, time=START, policy="feed")
    [row] = table(store)
    assert set(row) == {*COLUMNS, "local_time"}
    wanted = {
        "id": str(number),
        "time": "2026-03-02T08:00:00.000Z",
        "local_time": "2026-03-02 08:00:00",
        "event": "AccessDenied",
        "at": "1.5",
        "person": "",
        "reason": "ambiguous",
        "score": "0.8",
        "margin": "-0.02",
        "nearest_id": "7",
        "nearest": "#7",
        "lookalike": "0",
        "raised": "1",
        "policy": "feed",
    }
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    "text", ["=1+1", "+3.0 s", "-x", "@sum", "\t=1", "  =1", "\r=1", "\uff1d1", 'a;=cmd|"/c calc"', "a\t=1"]
)
def test_no_cell_is_taken_for_a_formula(door: SimulatedDoor, text: str) -> None:
    """Whatever a name or a note begins with, there is an apostrophe before it, at a semicolon too."""
    door.note(EventKind.CLOCK_STEPPED, text)
    cell = table(door.store)[-1]["detail"]
    assert cell.replace("'", "") == text
    assert cell.startswith("'") or ";'=" in cell or "\t'=" in cell


def test_text_is_kept_whole(door: SimulatedDoor) -> None:
    """Quotes, separators, line ends and letters of all scripts come back as they were."""
    text = 'she said "no", then; \u738b\u82b3 left\r\nfor good'
    door.note(EventKind.PHOTO_REFUSED, text)
    assert table(door.store)[-1]["detail"] == text


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask and whatever was there; nothing else is left in the directory."""
    path = tmp_path / "out.csv"
    before = os.umask(0)
    try:
        with whole_file(path, replace=False) as file:
            file.write("one")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with whole_file(path, replace=True) as file:
        file.write("two")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("out.csv", "two")]


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    """Neither what was there before, nor what somebody puts there meanwhile, nor where a link leads."""
    path, elsewhere = tmp_path / "out.csv", tmp_path / "elsewhere"
    with pytest.raises(OutputError, match="exists already"), whole_file(path, replace=False):
        path.write_text("theirs")
    assert path.read_text() == "theirs"
    with pytest.raises(OutputError, match="--force"), whole_file(path, replace=False):
        raise AssertionError("it was opened")
    path.unlink()
    path.symlink_to(elsewhere)
    with pytest.raises(OutputError), whole_file(path, replace=False):
        raise AssertionError("it was opened")
    assert not elsewhere.exists()


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    """An error while writing: the old file stays, and no part of the new one is left."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(TypeError), whole_file(path, replace=True) as file:
        print("half", file=file, sep=7)  # type: ignore[call-overload]  # the error is what is wanted
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["old"]


def test_no_directory_no_file(tmp_path: Path) -> None:
    """A missing directory and a directory in the file's place are told."""
    for path in (tmp_path / "missing" / "out.csv", tmp_path):
        with pytest.raises(OutputError), whole_file(path, replace=True):
            raise AssertionError("it was opened")
