"""The files that a door leaves in its place, and who they come to belong to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from doorctl.app.place import one_round, only_one, remember_gpio
from doorctl.app.settings import Settings
from doorctl.errors import StoreError

NOBODY = 65534


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A door's place that belongs to another user than root, who calls."""
    if os.geteuid():
        pytest.skip("only root can be made to give a file away")
    place = tmp_path / "door"
    place.mkdir()
    os.chown(place, NOBODY, NOBODY)
    return Settings.without_config(place)


def test_what_root_makes_in_the_doors_place_is_the_doors(settings: Settings) -> None:
    """'sudo doorctl sync' must not lock the daemon out."""
    with one_round(settings), only_one(settings):
        remember_gpio(settings)
    owners = {file.name: file.stat().st_uid for file in settings.place.iterdir()}
    assert owners == dict.fromkeys(("sync.lock", "daemon.lock", "gpio.json"), NOBODY)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_root_gives_no_other_file_away(settings: Settings, tmp_path: Path, link: object) -> None:
    """A daemon that was broken into may put a link where root will open a file: root's stays root's."""
    victim = tmp_path / "secret"
    victim.write_text("root's")
    victim.chmod(0o600)
    for name in ("sync.lock", "gpio.json.new", "gpio.json"):
        (os.symlink if link is os.symlink else os.link)(victim, settings.place / name)
    try:
        with one_round(settings):
            pass
    except StoreError:
        assert link is os.symlink
    remember_gpio(settings)
    assert (victim.stat().st_uid, victim.read_text()) == (0, "root's")
