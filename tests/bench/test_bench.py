"""The speed measurement: what it reports, and what it says where it cannot measure. No speed is tested."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from doorctl.app.settings import Settings
from doorctl.app.wiring import open_eye
from doorctl.bench.frames import clip_frames
from doorctl.bench.loop import Loop
from doorctl.bench.service import measure_service
from doorctl.core.records import Image
from doorctl.errors import CameraError, DoorctlError
from tests.pictures import astronaut_file, hopper_file

Done = subprocess.CompletedProcess[str]
STAGES = ["capture", "motion", "detect", "mesh", "align", "embed", "match 1000", "match 100000"]
BARE = ["raw detect", "raw mesh", "raw embed", "raw product 100000"]
FACELESS: Image = np.full((120, 160, 3), 90, np.uint8)


def bench(place: Path, *arguments: object, **environment: str) -> Done:
    command = [sys.executable, "-m", "doorctl", "bench", "--data", str(place), *map(str, arguments)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(place / "cache"), **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=110, env=environment, check=False)


@pytest.fixture
def settings(models_dir: Path, tmp_path: Path) -> Settings:
    return Settings.find(None, tmp_path / "door")


def test_the_report_holds_every_stage_and_target(models_dir: Path, tmp_path: Path) -> None:
    """One JSON object: each stage with its quartiles in order, what includes what is no less than it,
    the daemon's start, memory and idle load, and a verdict for each target. Nothing is left behind."""
    portraits = tmp_path / "cache" / "doorctl" / "portraits"
    portraits.mkdir(parents=True)
    for file in (hopper_file(), astronaut_file()):
        shutil.copy(file, portraits)
    done = bench(tmp_path, "--frames", 20, "--json", PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    times = report["milliseconds"]
    assert {"tracking", "detecting", *STAGES, *BARE} <= times.keys()
    for figure in times.values():
        assert 0 < figure["low"] <= figure["median"] <= figure["high"]
        assert figure["count"] == 20
    assert times["tracking"]["median"] > times["raw mesh"]["median"] + times["raw embed"]["median"]
    assert times["detecting"]["median"] > times["tracking"]["median"]
    assert times["match 100000"]["median"] > times["match 1000"]["median"]
    assert 1 < report["ratios"]["tracking"]["median"] < 3
    assert 1 < report["ratios"]["detecting"]["median"] < 3
    if report["machine"]["set"] == "standard":
        assert times["living"]["median"] > times["tracking"]["median"]
        assert 1 < report["ratios"]["living"]["median"] < 3
    service = report["service"]
    assert 0.1 < service["ready_seconds"]["median"] < 30
    assert 40 < service["resident_mb"] <= service["peak_mb"]
    assert 0 <= service["idle_share"] < 2
    assert service["idle_fps"] > 5
    assert {target["met"] for target in report["targets"]} <= {True, False}
    assert len(report["targets"]) == (7 if report["machine"]["set"] == "standard" else 5)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_without_portraits_it_says_what_to_do(models_dir: Path, tmp_path: Path) -> None:
    """Where no package can be fetched, --clip is named; nothing is measured, nothing printed."""
    done = bench(tmp_path, PIP_NO_INDEX="1")
    assert done.returncode == 69
    assert "--clip" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_frames_of_a_clip_are_those_with_a_face(settings: Settings, walk_up_clip: Path) -> None:
    """Of the walk-up clip the empty scenes are passed over; a stage can be measured on each frame taken."""
    eye = open_eye(settings)
    frames = clip_frames(settings, eye, walk_up_clip, 60)
    assert len(frames) == 60
    loop = Loop(settings, eye)
    assert all(len(eye.observer.faces(image)) == 1 for image in frames[::10])
    with pytest.raises(CameraError, match="no face"):
        loop.things(FACELESS)


def test_a_clip_without_a_face_is_refused(settings: Settings, tmp_path: Path) -> None:
    """An empty scene is nothing to measure on."""
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), FACELESS + number)
    with pytest.raises(CameraError, match=r"no frame.*--clip"):
        clip_frames(settings, open_eye(settings), tmp_path, 5)


def test_tracking_and_detecting_are_what_they_are_called(settings: Settings, walk_up_clip: Path) -> None:
    """A tracked frame runs the mesh and the embedder once; one that is looked at runs the detector too."""
    eye = open_eye(settings)
    nets = [net.net for net in (eye.observer.detector, eye.observer.mesh, eye.observer.embedder)]
    (image,) = clip_frames(settings, eye, walk_up_clip, 1)
    things = Loop(settings, eye).things(image)
    for name, runs in (("tracking", [0, 1, 1]), ("detecting", [1, 1, 1]), ("tracking", [0, 1, 1])):
        before = [net.runs for net in nets]
        things[name]()
        assert [net.runs - b for net, b in zip(nets, before, strict=True)] == runs


def test_a_daemon_that_does_not_start_is_told_with_its_words(settings: Settings, tmp_path: Path) -> None:
    """Its models are gone: no figure, but the daemon's own complaint."""
    broken = replace(settings, models=tmp_path / "nowhere")
    with pytest.raises(DoorctlError, match=r"READY=1.*models install"):
        measure_service(broken, [FACELESS], starts=1, idle_seconds=0.1)
