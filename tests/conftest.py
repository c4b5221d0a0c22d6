"""What several tests share: where the models and the development data are."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import SIMULATED
from tests.pictures import astronaut_file, hopper_file

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has what it runs beside itself ignore it, and so would the programs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """A directory that ``doorctl models install`` has filled; ``scripts/test`` names it."""
    named = os.environ.get("DOORCTL_MODELS")
    if not named or not Path(named, "models.json").is_file():
        pytest.skip("no models: set DOORCTL_MODELS to a directory that 'doorctl models install' has filled")
    return Path(named)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data, which is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no development data at {SHARED.name}/ beside the project")
    return SHARED


@pytest.fixture(scope="session")
def walk_up_clip(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which Grace Hopper, and after her Eileen Collins, walk up to the door."""
    from doorctl.app.settings import Settings
    from doorctl.app.wiring import open_eye
    from doorctl.demo.show import write_walk_ups

    directory = tmp_path_factory.mktemp("clips")
    clip = directory / "walk-up.mp4"
    write_walk_ups(clip, open_eye(Settings.find(None, directory)), [hopper_file(), astronaut_file()])
    return clip


@pytest.fixture
def door(tmp_path: Path) -> Path:
    """A data directory with a configuration that drives simulated pins."""
    data = tmp_path / "door"
    data.mkdir()
    (data / "doorctl.yaml").write_text(SIMULATED)
    return data


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB that is really full when it is full."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only the superuser can mount a small disk; the limit on a file's size is tested anyway")
    yield place
    subprocess.run(["umount", str(place)], check=True)
