"""A door whose templates are encrypted: without the key it stays locked, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorctl.app.check import Finding, check_all
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.gpio.simulated import read_transitions
from doorctl.store.database import Store
from doorctl.store.sealing import CREDENTIAL
from tests.command import SIMULATED, doorctl, lines, refused
from tests.pictures import astronaut_file
from tests.running_door import prepare
from tests.store.test_sealing import KEY, OTHER, photo


@pytest.fixture
def sealed(door: Path, models_dir: Path) -> Settings:
    """A door with Ann, whose template is encrypted with the key in a file."""
    key = door.parent / "key"
    key.write_bytes(KEY)
    key.chmod(0o600)
    prepare(door, f"store: {{key_file: {key}}}\n")
    settings = Settings.find(None, door)
    with open_store(settings) as store:
        store.enrol("Ann", [photo(1, "face_reid_0095")])
    return settings


def templates(settings: Settings) -> Finding:
    return next(finding for finding in check_all(settings) if finding.part == "templates")


def test_without_the_key_the_door_stays_locked_and_people_can_be_seen_to(sealed: Settings) -> None:
    """The daemon ends with what is missing, without an event that it has started; enrolment is refused; list
    and forget, which need no template, work."""
    key = sealed.data.parent / "key"
    key.unlink()
    refused(doorctl("run", data=sealed.data), 74, str(key), "bring it back")
    levels = [step.level for step in read_transitions(sealed.pin_file) if step.function == "output"]
    assert set(levels) == {0}
    with Store(sealed.data) as store:
        assert "Started" not in [event.kind for event in store.events()]
    listed = doorctl("people", "list", "--json", data=sealed.data)
    assert [person["person"] for person in lines(listed)] == ["Ann"]
    assert "who looks like whom cannot be told" in listed.stderr
    refused(doorctl("enrol", "Eileen", astronaut_file(), data=sealed.data), 74, str(key))
    found = templates(sealed)
    assert (found.ok, found.exit_code) == (False, 74)
    assert doorctl("people", "forget", "Ann", "--yes", data=sealed.data).returncode == 0


def test_check_says_what_the_key_is_worth(sealed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the same disk; as systemd's credential; another one; and no key, while templates are plain."""
    found = templates(sealed)
    assert found.ok
    assert "1 encrypted with the key from" in found.detail
    assert "whoever takes the card has both" in found.hint
    credentials = sealed.data.parent / "credentials"
    credentials.mkdir()
    (credentials / CREDENTIAL).write_bytes(KEY)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    found = templates(sealed)
    assert (found.ok, found.hint) == (True, "")
    assert "systemd's credentials" in found.detail
    assert "TPM" in found.detail
    (credentials / CREDENTIAL).write_bytes(OTHER)
    found = templates(sealed)
    assert not found.ok
    assert "another key's" in found.detail
    (sealed.data / "doorctl.yaml").write_text(SIMULATED)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    plain = Settings.find(None, sealed.data)
    assert "key is not here" in templates(plain).detail
    with Store(sealed.data) as store:
        store.forget("Ann")
        store.enrol("Bob", [photo(2, "face_reid_0095")])
    found = templates(plain)
    assert found.ok
    assert "1 not encrypted: whoever copies" in found.detail
    assert "store.key_file" in found.hint
