"""Where things are looked for, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorctl.paths import (
    Surroundings,
    config_file,
    credentials_dir,
    data_dir,
    make_ready,
    models_dir,
    runtime_dir,
)


def machine(top: Path, superuser: bool = False, **env: str) -> Surroundings:
    return Surroundings({"HOME": str(top / "home"), **env}, superuser, top)


def test_data_goes_to_the_first_place_that_is_named(tmp_path: Path) -> None:
    """--data, then the config, then systemd's first directory, then the machine's, then the user's."""
    here = machine(tmp_path, STATE_DIRECTORY="/var/lib/doorctl:/var/lib/other")
    assert data_dir(Path("data"), Path("/configured"), here) == Path("data")
    assert data_dir(None, Path("/configured"), here) == Path("/configured")
    assert data_dir(None, None, here) == Path("/var/lib/doorctl")
    assert data_dir(None, None, machine(tmp_path, superuser=True)) == tmp_path / "var/lib/doorctl"
    assert data_dir(None, None, machine(tmp_path)) == tmp_path / "home/.local/state/doorctl"
    assert data_dir(None, None, machine(tmp_path, XDG_STATE_HOME="/s")) == Path("/s/doorctl")
    (tmp_path / "var/lib/doorctl").mkdir(parents=True)
    assert data_dir(None, None, machine(tmp_path)) == tmp_path / "var/lib/doorctl"


def test_a_relative_base_directory_is_ignored(tmp_path: Path) -> None:
    """As the XDG specification says: it would mean another place in each working directory."""
    assert (
        data_dir(None, None, machine(tmp_path, XDG_STATE_HOME="s")) == tmp_path / "home/.local/state/doorctl"
    )


def test_a_daemon_is_spoken_to_in_the_first_place_that_there_is(tmp_path: Path) -> None:
    """--data's, systemd's first directory, the machine's if it is there or this is root, the user's own, and
    otherwise where the data is."""
    here = machine(tmp_path, RUNTIME_DIRECTORY="/run/doorctl:/run/other", XDG_RUNTIME_DIR="/run/user/7")
    assert runtime_dir(Path("data"), here) == Path("data")
    assert runtime_dir(None, here) == Path("/run/doorctl")
    assert runtime_dir(None, machine(tmp_path, superuser=True)) == tmp_path / "run/doorctl"
    assert runtime_dir(None, machine(tmp_path, XDG_RUNTIME_DIR="/run/user/7")) == Path("/run/user/7/doorctl")
    for relative in ("", "run"):
        there = runtime_dir(None, machine(tmp_path, XDG_RUNTIME_DIR=relative))
        assert there == tmp_path / "home/.local/state/doorctl"
    (tmp_path / "run/doorctl").mkdir(parents=True)
    assert runtime_dir(None, machine(tmp_path, XDG_RUNTIME_DIR="/run/user/7")) == tmp_path / "run/doorctl"


def test_credentials_are_the_services_own_or_those_that_root_gives_it(tmp_path: Path) -> None:
    """Root's commands at an installed door have the key; anybody else's, or with --data, have not."""
    installed, other = tmp_path / "var/lib/doorctl", tmp_path / "elsewhere"
    service = machine(tmp_path, CREDENTIALS_DIRECTORY="/run/credentials/doorctl.service")
    root = machine(tmp_path, superuser=True)
    assert credentials_dir(installed, service) == (
        Path("/run/credentials/doorctl.service"),
        False,
    )
    assert credentials_dir(installed, root) == (tmp_path / "etc/credstore", True)
    assert credentials_dir(other, root) == (None, False)
    assert credentials_dir(installed, machine(tmp_path)) == (None, False)


def test_models_come_from_the_first_place_that_there_is(tmp_path: Path) -> None:
    """Config, DATA/models if --data was given and holds it, environment, machine, user."""
    data, here = tmp_path / "data", machine(tmp_path, DOORCTL_MODELS="/named")
    assert models_dir(Path("/configured"), data, here) == Path("/configured")
    assert models_dir(None, data, here) == Path("/named")
    (data / "models").mkdir(parents=True)
    assert models_dir(None, data, here) == data / "models"
    assert models_dir(None, None, here) == Path("/named")
    assert models_dir(None, None, machine(tmp_path)) == tmp_path / "home/.cache/doorctl/models"
    assert models_dir(None, None, machine(tmp_path, XDG_CACHE_HOME="/c")) == Path("/c/doorctl/models")
    (tmp_path / "var/lib/doorctl/models").mkdir(parents=True)
    assert models_dir(None, None, machine(tmp_path)) == tmp_path / "var/lib/doorctl/models"


def test_models_of_an_installed_door_belong_beside_it(tmp_path: Path) -> None:
    """Its service, and root on its machine, look nowhere else, even before there are any."""
    own, root = tmp_path / "var/lib/doorctl/models", machine(tmp_path, superuser=True)
    assert models_dir(None, None, root) == tmp_path / "home/.cache/doorctl/models"
    assert models_dir(None, None, machine(tmp_path, STATE_DIRECTORY="/var/lib/doorctl")) == own
    own.parent.mkdir(parents=True)
    assert models_dir(None, None, root) == own
    assert models_dir(None, None, machine(tmp_path)) == tmp_path / "home/.cache/doorctl/models"


def test_the_config_file_is_the_first_that_there_is(tmp_path: Path) -> None:
    """--config and the environment are taken at their word; others only if they exist."""
    here, named = machine(tmp_path), machine(tmp_path, DOORCTL_CONFIG="/named.yaml")
    assert config_file(Path("mine.yaml"), None, named) == Path("mine.yaml")
    assert config_file(None, None, named) == Path("/named.yaml")
    assert config_file(None, None, here) is None
    for place in ("home/.config/doorctl/doorctl.yaml", "etc/doorctl/doorctl.yaml"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
        assert config_file(None, None, here) == tmp_path / place


def test_a_run_with_its_own_data_leaves_the_machines_config_alone(tmp_path: Path) -> None:
    """With --data only DATA/doorctl.yaml counts, so that a trial beside a door stands by itself."""
    (tmp_path / "etc/doorctl").mkdir(parents=True)
    (tmp_path / "etc/doorctl/doorctl.yaml").touch()
    data = tmp_path / "data"
    data.mkdir()
    assert config_file(None, data, machine(tmp_path)) is None
    (data / "doorctl.yaml").touch()
    assert config_file(None, data, machine(tmp_path)) == data / "doorctl.yaml"


def test_a_config_that_cannot_be_looked_at_is_not_passed_over(tmp_path: Path) -> None:
    """A loop of links in /etc is named, so that reading it fails, instead of running on the defaults."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/doorctl").symlink_to("doorctl")
    assert config_file(None, None, machine(tmp_path)) == tmp_path / "etc/doorctl/doorctl.yaml"


def test_only_the_users_own_place_gets_its_parents_made(tmp_path: Path) -> None:
    """A fresh home works at once; a mistyped --data or an unmounted disk is not papered over."""
    here = machine(tmp_path)
    place = data_dir(None, None, here)
    make_ready(place, here)
    assert place.parent.is_dir()
    assert place.parent.stat().st_mode & 0o777 == 0o700
    make_ready(tmp_path / "unmounted/data", here)
    assert not (tmp_path / "unmounted").exists()


def test_nothing_is_read_but_what_is_handed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own environment does not reach an answer about other surroundings."""
    monkeypatch.setenv("STATE_DIRECTORY", "/elsewhere")
    monkeypatch.setenv("DOORCTL_MODELS", "/elsewhere")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/elsewhere")
    assert str(runtime_dir(None, machine(tmp_path))).startswith(str(tmp_path))
    assert str(data_dir(None, None, machine(tmp_path))).startswith(str(tmp_path))
    assert str(models_dir(None, None, machine(tmp_path))).startswith(str(tmp_path))
    assert data_dir(None) == Path("/elsewhere")
