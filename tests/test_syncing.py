"""The thread that reads the folder, beside no door: when it tries again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from doorctl.app.settings import Settings
from doorctl.app.syncing import Syncing
from doorctl.app.wiring import open_eye

FIRST = 0.2


def until(so: Callable[[], bool]) -> float:
    """Wait until something is so; how many seconds that took."""
    start = time.monotonic()
    while not so():
        assert time.monotonic() - start < 20.0
        time.sleep(0.01)
    return time.monotonic() - start


def test_after_an_outage_the_pauses_begin_anew(
    tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder goes and comes back six times: the sixth time it is found again as soon as the first."""
    monkeypatch.setattr("doorctl.app.syncing.FIRST_DELAY", FIRST)
    monkeypatch.setattr("doorctl.app.syncing.AGAIN_SECONDS", 0.01)
    folder, aside, data = tmp_path / "photos", tmp_path / "aside", tmp_path / "data"
    folder.mkdir()
    data.mkdir()
    (data / "doorctl.yaml").write_text(f"photos: {{source: 'folder:{folder}'}}\n")
    settings = Settings.find(None, data)
    took = []
    with Syncing(settings, open_eye(settings)) as syncing:
        until(lambda: syncing.offer is not None)
        for _ in range(6):
            folder.rename(aside)
            syncing.look_now()
            until(lambda: bool(syncing.failing))
            aside.rename(folder)
            took.append(until(lambda: not syncing.failing))
    assert max(took) < 10 * FIRST
