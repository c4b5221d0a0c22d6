"""``doorctl sync`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import doorctl, lines, refused
from tests.pictures import astronaut_file, cat_file, hopper_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "Grace Hopper-1.jpg").write_bytes(hopper_file().read_bytes())
    (folder / "Eileen Collins").mkdir()
    (folder / "Eileen Collins" / "nasa.png").write_bytes(astronaut_file().read_bytes())
    return folder


def test_a_stick_full_of_photos_becomes_people(door: Path, folder: Path, models_dir: Path) -> None:
    """One command learns them and writes the receipt there; the next finds nothing new."""
    first = doorctl("sync", "--once", "--source", f"folder:{folder}", data=door)
    assert (first.returncode, first.stdout.strip()) == (0, "2 enrolled"), first.stderr
    assert doorctl("sync", "--once", "--source", f"folder:{folder}", data=door).stdout == "nothing new\n"
    assert len(list((folder / "_doorctl").glob("*.md"))) == 1
    shown = doorctl("people", "show", "eileen collins", data=door).stdout
    assert "nasa.png" in shown
    assert "from the folder" in shown
    assert "sharpness" in shown


@pytest.mark.slow
def test_status_tells_each_file_and_each_person(door: Path, folder: Path, models_dir: Path) -> None:
    """What was refused says why and what to do, for people and for scripts; the exit code tells of it."""
    (folder / "Chelsea-1.png").write_bytes(cat_file().read_bytes())
    (folder / "Grace Hopper-DENY").touch()
    done = doorctl("sync", "--once", "--source", f"folder:{folder}", "--json", data=door)
    assert done.returncode == 65
    assert json.loads(done.stdout) == {"enrolled": 2, "marked": 1, "refused": 1, "removals_held": []}
    rows = lines(doorctl("sync", "--status", "--json", data=door))
    results = {row["path"]: (row["result"], row["why"]) for row in rows if "path" in row}
    assert results["Grace Hopper-DENY"] == ("denies", "Grace Hopper")
    assert results["Chelsea-1.png"][0] == "refused"
    assert "no face" in results["Chelsea-1.png"][1]
    assert {row["person"]: row["state"] for row in rows if "templates" in row} == {
        "Grace Hopper": "denied",
        "Eileen Collins": "let in",
    }
    table = doorctl("sync", "--status", data=door).stdout
    assert "no face" in table


@pytest.mark.slow
def test_a_mark_is_not_overruled_from_the_command_line(door: Path, folder: Path, models_dir: Path) -> None:
    """'people allow' says which file denies her, and that it has to go."""
    (folder / "Grace Hopper-DENY").touch()
    doorctl("sync", "--once", "--source", f"folder:{folder}", data=door)
    refused(doorctl("people", "allow", "Grace Hopper", data=door), 77, "Grace Hopper-DENY", "take that file")


@pytest.mark.slow
def test_removals_wait_for_the_word(door: Path, folder: Path, models_dir: Path) -> None:
    """An emptied folder is told loudly, and carried out only when confirmed."""
    doorctl("sync", "--once", "--source", f"folder:{folder}", data=door)
    (folder / "Grace Hopper-1.jpg").unlink()
    (folder / "Eileen Collins" / "nasa.png").unlink()
    held = doorctl("sync", "--once", "--source", f"folder:{folder}", data=door)
    refused(held, 77, "Grace Hopper", "--accept-removals")
    done = doorctl("sync", "--accept-removals", "--source", f"folder:{folder}", data=door)
    assert done.returncode == 0, done.stderr
    assert lines(doorctl("people", "list", "--json", data=door)) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 78, ("photos.source",)),
        (("--source", "folder:/nowhere/at all"), 75, ("/nowhere/at all",)),
        (("--source", "ftp:x"), 78, ("--source ftp:x",)),
    ],
)
def test_a_folder_that_is_not_there(
    door: Path, models_dir: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    """Nothing is done, and the message says what to put right."""
    refused(doorctl("sync", "--once", *arguments, data=door), code, *words)
