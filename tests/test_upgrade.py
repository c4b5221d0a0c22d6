"""Other nets: who is known again by the folder, and who must be enrolled again, is said before."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from doorctl.app.check import check_all
from doorctl.app.settings import Settings
from doorctl.app.upgrade import foretell, strangers_to
from doorctl.models.manifest import SETS
from doorctl.models.record import RECORD
from doorctl.store.database import Store
from tests.command import SIMULATED, doorctl, refused
from tests.pictures import astronaut_file, hopper_file
from tests.store.test_sealing import photo
from tests.test_sync import jpeg


@pytest.fixture
def door(tmp_path: Path, models_dir: Path) -> Path:
    """A door with the fallback set alone, a folder with Grace Hopper's photo, and Eileen Collins enrolled by
    hand."""
    data, models, photos = tmp_path / "door", tmp_path / "models", tmp_path / "photos"
    data.mkdir()
    photos.mkdir()
    (photos / "Grace Hopper-1.jpg").write_bytes(jpeg(hopper_file()))
    shutil.copytree(models_dir, models)
    record = json.loads((models / RECORD).read_text())
    for name in set(SETS["standard"]) - set(SETS["fallback"]):
        del record["models"][name]
        (models / f"{name}.tflite").unlink()
    (models / RECORD).write_text(json.dumps(record))
    (data / "doorctl.yaml").write_text(
        f"{SIMULATED}models: {{directory: {models}}}\nphotos: {{source: 'folder:{photos}'}}\n"
    )
    assert doorctl("sync", "--once", data=data).returncode == 0
    assert doorctl("enrol", "Eileen Collins", astronaut_file(), data=data).returncode == 0
    return data


def test_a_change_of_nets_is_said_before_and_wants_a_word(door: Path, models_dir: Path) -> None:
    """From fallback to standard: one comes back from the folder, one must be enrolled again, and without a
    terminal nothing is done. With the other nets in place the sync learns from the same photos again by
    itself, and 'check' names the rest. To what is in use already is no change."""
    refused(
        doorctl("models", "install", data=door),
        69,
        "from dlib_resnet to face_reid_0095",
        "does not know 2 of those",
        "learns again: 1",
        "from photos: 1 (Eileen Collins)",
        "--yes",
    )
    settings = Settings.find(None, door)
    assert not (settings.models / "face_reid_0095.tflite").exists()
    assert foretell(settings, settings.models, "fallback") is None
    chosen = settings.config.models.model_copy(update={"set": "fallback"})
    keeps = replace(settings, config=settings.config.model_copy(update={"models": chosen}))
    assert foretell(keeps, settings.models, None) is None

    shutil.rmtree(settings.models)
    shutil.copytree(models_dir, settings.models)
    model = "face_reid_0095"
    store_line = next(finding for finding in check_all(settings) if finding.part == "store")
    assert "of 2 people only 0 have a template" in store_line.detail
    assert "learns again: 1" in store_line.hint
    assert doorctl("sync", "--once", data=door).returncode == 0
    with Store(door) as store:
        assert store.person("Grace Hopper").templates == {"dlib_resnet": 1, model: 1}
        assert store.person("Eileen Collins").templates == {"dlib_resnet": 1}
        assert strangers_to(settings, store, model).lost == ("Eileen Collins",)


def test_without_a_folder_everybody_must_come_again(tmp_path: Path) -> None:
    """Files of a folder that is not read any more bring nobody back; nobody enrolled is nothing to say."""
    (tmp_path / "doorctl.yaml").write_text(f"models: {{directory: {tmp_path / 'models'}}}\n")
    settings = Settings.find(None, tmp_path)
    assert foretell(settings, settings.models, None) is None
    with Store(tmp_path) as store:
        assert foretell(settings, settings.models, None) is None
        store.enrol("Ann", [photo(1)])
        with store.undisturbed() as db:
            sql = "INSERT INTO files (key, path, size, hash, state, person, sha256, time) VALUES "
            db.execute(f"{sql} ('a', 'a', 1, 'h', 'taken', 'ann', ?, '')", (f"{1:064x}",))
    change = foretell(settings, settings.models, None)
    assert change is not None
    assert (change.now, change.then, change.strangers.lost) == ("", "face_reid_0095", ("Ann",))
