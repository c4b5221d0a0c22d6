"""``doorctl evaluate liveness``, ``doorctl liveness`` and ``liveness enrol-site`` as a person meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from doorctl.vision.photo import read_photo
from tests.command import doorctl, lines, refused
from tests.pictures import coffee_file

LIVE, OTHER, PRINT, DOUBTFUL = "0002_01_00_01", "0007_01_00_02", "0003_01_00_01", "0008_00_00_02"
"""Sequences of nuaa-dev: two that pass, a printed photo, and a living person who is asked for a challenge."""

pytestmark = pytest.mark.slow

RATE = {"presentations", "errors", "rate", "ci95"}


@pytest.fixture(scope="module")
def nuaa(shared: Path) -> Path:
    return shared / "data" / "nuaa-dev"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data directory where the nets are those of the standard set."""
    (tmp_path / "door").mkdir()
    (tmp_path / "door" / "doorctl.yaml").write_text("gpio: {pins: simulated}\nmodels: {set: standard}\n")
    return tmp_path / "door"


def frames_of(sequence: Path, directory: Path, count: int) -> Path:
    """The first frames of a sequence, as a folder of links."""
    directory.mkdir(parents=True)
    for frame in sorted(sequence.iterdir())[:count]:
        (directory / frame.name).symlink_to(frame)
    return directory


def clip_of(sequence: Path, file: Path, count: int) -> Path:
    """The first frames of a sequence, as a clip of 10 frames a second."""
    file.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 10, (640, 480))
    for frame in sorted(sequence.iterdir())[:count]:
        writer.write(read_photo(frame))
    writer.release()
    return file


@pytest.fixture(scope="module")
def tree(nuaa: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five presentations that give a verdict or are in doubt, one too short for any, one that is no clip.

    A living face stands for a mask: an attack that passes.
    """
    root = tmp_path_factory.mktemp("tree")
    frames_of(nuaa / "live" / LIVE, root / "live" / "0002_frames", 15)
    frames_of(nuaa / "live" / LIVE, root / "live" / "0002_short", 3)
    frames_of(nuaa / "live" / DOUBTFUL, root / "live" / "0008_doubtful", 13)
    frames_of(nuaa / "print" / PRINT, root / "print" / "0003_frames", 15)
    clip_of(nuaa / "print" / PRINT, root / "print" / "0003_clip.mp4", 20)
    (root / "print" / "0009_broken.mp4").write_bytes(b"this is no clip" * 100)
    clip_of(nuaa / "live" / OTHER, root / "mask" / "0007_clip.mp4", 15)
    (root / "notes.txt").write_text("is no kind of presentation")
    return root


def test_scripts_are_told_the_errors_by_species(
    models_dir: Path, tree: Path, place: Path, tmp_path: Path
) -> None:
    """One JSON object with the counts of each species and their exact intervals, the worst named, the short
    one without an answer, the doubtful one apart, and what could not be read left out with a warning."""
    plot = tmp_path / "det.png"
    done = doorctl("evaluate", "liveness", tree, "--json", "--plot", plot, data=place)
    (told,) = lines(done)
    assert set(told) >= {
        *("apcer", "apcer_worst", "bpcer", "non_response", "challenged", "threshold", "frames")
    }
    assert set(told["apcer"]) == {"print", "mask"}
    assert all(set(rate) == RATE for rate in (*told["apcer"].values(), told["bpcer"]))
    assert (told["apcer"]["print"]["presentations"], told["apcer"]["print"]["errors"]) == (2, 0)
    assert (told["apcer"]["mask"]["presentations"], told["apcer"]["mask"]["errors"]) == (1, 1)
    assert told["apcer_worst"] == {"species": "mask", **told["apcer"]["mask"]}
    assert told["bpcer"] == {"presentations": 2, "errors": 0, "rate": 0.0, "ci95": told["bpcer"]["ci95"]}
    assert told["apcer"]["print"]["ci95"] == pytest.approx([0, 1 - 0.025**0.5])
    assert told["apcer"]["mask"]["ci95"] == pytest.approx([0.025, 1])
    assert (told["non_response"], told["challenged"], told["threshold"]) == (1, 1, 0.62)
    assert "0009_broken.mp4 is left out: " in done.stderr
    assert "notes.txt" not in done.stderr
    assert cv2.imread(str(plot)) is not None
    counts_add_up(told)


def counts_add_up(told: dict[str, Any]) -> None:
    """Six presentations of 81 frames, each of which is somewhere once."""
    rates = [*told["apcer"].values(), told["bpcer"]]
    assert sum(rate["presentations"] for rate in rates) + told["non_response"] == 6
    outcomes = [count for kind in told["by_kind"].values() for count in kind.values()]
    assert sum(outcomes) == 6
    frames = told["frames"]
    assert set(frames) >= {"apcer", "apcer_worst", "bpcer", "non_response", "threshold"}
    assert set(frames["apcer"]) == {"print", "mask"}
    rates = [*frames["apcer"].values(), frames["bpcer"]]
    assert all(set(rate) == RATE for rate in rates)
    assert sum(rate["presentations"] for rate in rates) + frames["non_response"] == 81
    for rate in (*rates, *told["apcer"].values(), told["bpcer"]):
        assert rate["rate"] == rate["errors"] / rate["presentations"]
        assert 0 <= rate["ci95"][0] <= rate["rate"] <= rate["ci95"][1] <= 1


def test_people_are_told_in_words_and_a_picture(
    models_dir: Path, tree: Path, place: Path, tmp_path: Path
) -> None:
    """Without --json a table, the worst species first, each sequence that went otherwise, and the curve; in
    passive mode, where nobody is asked, the doubtful living person counts as refused."""
    plot = tmp_path / "det.png"
    done = doorctl(
        "evaluate", "liveness", tree, "--mode", "passive", "--plot", plot, data=place, COLUMNS="200"
    )
    assert done.returncode == 0, done.stderr
    rows = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    assert list(rows).index("APCER mask, the worst") < list(rows).index("APCER print")
    assert rows["BPCER"][1:4] == ["3", "1", "50.0%"]
    assert "mask/0007_clip.mp4: live WRONG" in done.stdout
    assert "live/0008_doubtful: challenged" in done.stdout
    assert "live/0002_short: no_response" in done.stdout
    assert "print/" not in done.stdout
    assert f"written: {plot}" in done.stdout
    assert cv2.imread(str(plot)) is not None


def test_an_evaluation_without_people_or_without_attacks_has_no_rate_for_them(
    models_dir: Path, nuaa: Path, place: Path, tmp_path: Path
) -> None:
    """Of what was not presented nothing is known: null, and no rate of 0."""
    frames_of(nuaa / "print" / PRINT, tmp_path / "prints" / "print" / "0003", 8)
    (told,) = lines(doorctl("evaluate", "liveness", tmp_path / "prints", "--json", data=place))
    assert told["bpcer"] == {"presentations": 0, "errors": 0, "rate": None, "ci95": None}
    frames_of(nuaa / "live" / LIVE, tmp_path / "people" / "live" / "0002", 8)
    plot = tmp_path / "people.png"
    (told,) = lines(
        doorctl("evaluate", "liveness", tmp_path / "people", "--json", "--plot", plot, data=place)
    )
    assert (told["apcer"], told["apcer_worst"]) == ({}, None)
    assert plot.exists()


def test_mistakes_in_an_evaluation_are_told(models_dir: Path, place: Path, tmp_path: Path) -> None:
    """No directory, an empty one, nothing in it that can be read, an output or a mode that cannot be: each
    with its exit code and no traceback."""
    evaluate = ("evaluate", "liveness")
    refused(doorctl(*evaluate, tmp_path / "nowhere", data=place), 65, "nowhere", "live/SEQ")
    (tmp_path / "empty").mkdir()
    refused(doorctl(*evaluate, tmp_path / "empty", data=place), 65, "no sequences")
    (tmp_path / "broken" / "live").mkdir(parents=True)
    (tmp_path / "broken" / "live" / "0001.mp4").write_bytes(b"no clip")
    refused(
        doorctl(*evaluate, tmp_path / "broken", data=place), 65, "is left out", "no sequence could be read"
    )
    refused(
        doorctl(*evaluate, tmp_path / "broken", "--plot", tmp_path / "no" / "det.png", data=place), 73, "no"
    )
    refused(doorctl(*evaluate, tmp_path / "broken", "--mode", "off", data=place, COLUMNS="200"), 2, "--mode")


def test_a_plot_is_never_drawn_over_what_it_is_made_from(
    models_dir: Path, nuaa: Path, place: Path, tmp_path: Path
) -> None:
    """A plot named like a frame or a clip of the set is refused, and the file stays as it was."""
    (tmp_path / "set" / "live" / "0002").mkdir(parents=True)
    frame, clip = tmp_path / "set" / "live" / "0002" / "0.jpg", tmp_path / "set" / "live" / "0002.png"
    for file in (frame, clip):
        file.write_bytes(next((nuaa / "live" / LIVE).iterdir()).read_bytes())
        before = file.read_bytes()
        refused(doorctl("evaluate", "liveness", tmp_path / "set", "--plot", file, data=place), 2)
        assert file.read_bytes() == before


def test_without_nets_nothing_can_be_judged(models_dir: Path, nuaa: Path, place: Path) -> None:
    """The fallback set has no anti-spoof nets: exit 69, and what to install."""
    (place / "doorctl.yaml").write_text("models: {set: fallback}\ngpio: {pins: simulated}\n")
    for command in (("liveness", nuaa / "live" / LIVE), ("evaluate", "liveness", nuaa)):
        refused(doorctl(*command, data=place), 69, "fallback", "install the standard set")
    refused(doorctl("liveness", "enrol-site", "--yes", data=place), 69, "install the standard set")


def judged(clip: Path, place: Path, code: int, *options: str) -> dict[str, Any]:
    """What 'doorctl liveness CLIP --json' says, with this exit code."""
    done = doorctl("liveness", clip, "--json", *options, data=place)
    assert done.returncode == code, done.stdout + done.stderr
    fields: dict[str, Any] = json.loads(done.stdout)
    assert fields["clip"] == str(clip)
    return fields


def test_a_living_face_is_ok(models_dir: Path, nuaa: Path, place: Path, tmp_path: Path) -> None:
    """As a folder of frames and as a clip: exit 0, the score, and when it looked most alive."""
    for clip in (nuaa / "live" / LIVE, clip_of(nuaa / "live" / LIVE, tmp_path / "live.mp4", 25)):
        told = judged(clip, place, 0)
        assert (told["status"], told["verdict"], told["cues"]["suspected"]) == ("ok", "live", None)
        assert told["score"] >= 0.62
        assert 0 <= told["best_at"] <= told["face_seconds"]
        assert told["cues"]["stillness"] > 3
        assert told["cues"]["gate"]["passed"] <= told["frames"]


def test_a_print_is_a_hack(models_dir: Path, nuaa: Path, place: Path) -> None:
    """A printed photo held before the camera: exit 65, and what is suspected, in JSON and in words."""
    told = judged(nuaa / "print" / PRINT, place, 65)
    assert (told["status"], told["verdict"], told["cues"]["suspected"]) == ("hack", "spoof", "print")
    assert told["score"] < 0.02
    done = doorctl("liveness", nuaa / "print" / PRINT, data=place)
    assert done.returncode == 65
    assert f"{PRINT}: hack  score 0.00" in done.stdout
    assert "suspected print" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(("count", "status"), [(19, "short_time"), (20, "ok")])
def test_a_face_has_to_be_seen_for_two_seconds(
    models_dir: Path, nuaa: Path, place: Path, tmp_path: Path, count: int, status: str
) -> None:
    """At 10 frames a second 20 frames are long enough, and 19 are not, however live they look."""
    clip = frames_of(nuaa / "live" / LIVE, tmp_path / "frames", count)
    assert judged(clip, place, 0 if status == "ok" else 65)["status"] == status


def test_the_rate_of_a_folder_can_be_told(models_dir: Path, nuaa: Path, place: Path, tmp_path: Path) -> None:
    """The same 20 frames at 30 a second are less than two seconds."""
    clip = frames_of(nuaa / "live" / LIVE, tmp_path / "frames", 20)
    told = judged(clip, place, 65, "--fps", "30")
    assert (told["status"], told["face_seconds"]) == ("short_time", 0.63)


def test_a_clip_without_a_face_is_too_short(models_dir: Path, place: Path, tmp_path: Path) -> None:
    """A cup of coffee for three seconds shows a face for none, and has no score."""
    (tmp_path / "coffee").mkdir()
    for number in range(30):
        (tmp_path / "coffee" / f"{number:02}.png").symlink_to(coffee_file())
    told = judged(tmp_path / "coffee", place, 65)
    assert (told["status"], told["verdict"], told["face_seconds"]) == ("short_time", "no_response", 0)
    assert (told["score"], told["best_at"], told["cues"]["stillness"]) == (None, None, None)


@pytest.mark.parametrize(("name", "status"), [("T1", "ok"), ("F1", "hack"), ("F2", "hack")])
def test_a_picture_is_judged_and_called_weak_evidence(
    models_dir: Path, shared: Path, place: Path, name: str, status: str
) -> None:
    """One living and two replayed pictures of the nets' publisher; no clip's verdict is claimed for them."""
    told = judged(shared / "data" / "spoof-samples" / f"{name}.jpg", place, 0 if status == "ok" else 65)
    assert (told["status"], told["verdict"], told["cues"]["stillness"]) == (status, None, None)
    assert told["evidence"] == "weak: one still picture"
    assert told["cues"]["suspected"] == (None if status == "ok" else "screen")


def test_what_cannot_be_judged_is_told(models_dir: Path, place: Path, tmp_path: Path) -> None:
    """A picture without a face, files that are missing, an empty folder: no verdict."""
    refused(doorctl("liveness", coffee_file(), data=place), 65, "no face")
    refused(doorctl("liveness", tmp_path / "no.jpg", data=place), 65, "no.jpg", "no such file")
    refused(doorctl("liveness", tmp_path / "no.mp4", data=place), 66, "no.mp4")
    (tmp_path / "empty").mkdir()
    refused(doorctl("liveness", tmp_path / "empty", data=place), 66, "no pictures")


def test_help_tells_of_both_uses() -> None:
    """'doorctl liveness --help' shows how a clip is judged and how a door is measured."""
    done = doorctl("liveness", "--help", COLUMNS="200")
    assert done.returncode == 0
    assert "doorctl liveness visitor.mp4" in done.stdout
    assert "enrol-site" in done.stdout


def test_measuring_a_door_needs_somebody_or_yes(models_dir: Path, place: Path) -> None:
    """With nobody at the terminal and without --yes nothing is measured."""
    command = [sys.executable, "-m", "doorctl", "--data", str(place), "liveness", "enrol-site"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    refused(done, 2, "--yes")
    assert not (place / "liveness-site.json").exists()


@pytest.fixture(scope="module", autouse=True)
def measuring(
    models_dir: Path, nuaa: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A door whose camera shows a living person in a loop, being measured while the other tests run: the
    command takes half a minute, nearly all of which it waits for frames."""
    place = tmp_path_factory.mktemp("measured")
    clip = clip_of(nuaa / "live" / LIVE, place / "live.mp4", 40)
    (place / "doorctl.yaml").write_text(
        f"camera: {{source: '{clip}', loop: true}}\ngpio: {{pins: simulated}}\nmodels: {{set: standard}}\n"
    )
    command = [sys.executable, "-m", "doorctl", "--data", str(place), "liveness", "enrol-site"]
    with subprocess.Popen(
        [*command, "--yes", "--seconds", "15", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    ) as measurement:
        yield place, measurement
        measurement.kill()


def test_a_door_is_measured_and_the_result_is_kept_and_told(
    measuring: tuple[Path, subprocess.Popen[str]],
) -> None:
    """A living person in all three parts stands for pictures that all pass: the owner is told what to show,
    the counts are kept, a warning and 'doorctl check' say that everyone is asked for a challenge."""
    place, measurement = measuring
    out, err = measurement.communicate(timeout=100)
    assert measurement.returncode == 0, err
    assert [line.split(":")[0] for line in err.splitlines()[:3]] == ["live", "print", "screen"]
    told, kept = json.loads(out), json.loads((place / "liveness-site.json").read_text())
    assert (told["camera"], told["models"], told["threshold"]) == (str(place / "live.mp4"), "standard", 0.62)
    assert kept["live"]["presentations"] >= 3
    assert kept["live"]["errors"] == 0
    assert set(kept["attacks"]) == set(told["apcer"]) == {"print", "screen"}
    for kind, count in kept["attacks"].items():
        assert count["errors"] == count["presentations"] >= 3, "each was a living person"
        assert set(told["apcer"][kind]) == RATE
        assert told["apcer"][kind]["rate"] == 1.0
    assert told["trusted"] is False
    assert told["why"] in err
    assert "the mode adaptive will ask everyone for a challenge" in err
    check = doorctl("check", data=place)
    assert check.returncode == 0, "it is no fault"
    assert "LOOK    liveness  challenge: " in check.stdout
    assert f"measured here on {kept['measured'][:10]}: " in check.stdout
    passed = kept["attacks"]["print"]["presentations"]
    assert f"{passed} of {passed} prints passed" in check.stdout
