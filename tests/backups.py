"""A door that is worth a backup, and what is in its place."""

from __future__ import annotations

from pathlib import Path

from doorctl.app import site
from doorctl.app.backup import Backup, take
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.enrol import token
from tests.store.test_sealing import KEY, photo

TOKEN = "refresh-token-of-a-test"
EVIDENCE = b'{"measured": "here"}\n'


def door_at(place: Path, text: str = "", key: bytes | None = None) -> Settings:
    """A door's place, with a key if that is wanted."""
    data = place / "data"
    data.mkdir(parents=True, mode=0o700)
    if key:
        (place / "key").write_bytes(key)
        (place / "key").chmod(0o600)
        text += f"store: {{key_file: {place / 'key'}}}\n"
    if text:
        (data / "doorctl.yaml").write_text(text)
    return Settings.find(None, data)


def make_door(place: Path) -> tuple[Settings, Backup]:
    """Three people, encrypted templates, everything that there can be beside the database, and its backup."""
    settings = door_at(place, "door: {open_seconds: 4}\n", KEY)
    (settings.data / site.FILE).write_bytes(EVIDENCE)
    token.save_token(settings.data, token.Token(TOKEN))
    (settings.data / "net.tflite").write_bytes(b"a net")
    with open_store(settings) as store:
        for seed, name in enumerate(("Ann Lee", "Bob", "Cyd"), 1):
            store.enrol(name, [photo(seed)])
        return settings, take(settings, store)
