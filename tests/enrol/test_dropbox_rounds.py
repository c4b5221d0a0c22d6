"""Rounds by a cursor: what only a source that tells of changes alone can get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.sync import Round, Sync
from doorctl.app.sync_status import statuses
from doorctl.core.receipt import person_words
from doorctl.enrol.dropbox import DropboxFolder
from doorctl.store.database import Store
from tests.enrol.opened import opened
from tests.enrol.standin import StandIn
from tests.enrol.standin_faults import DOWNLOAD
from tests.pictures import astronaut_file, hopper_file
from tests.test_sync import COLLINS, HOPPER, jpeg


class Rounds:
    """A Dropbox folder and the people whom it makes."""

    def __init__(self, standin: StandIn, source: DropboxFolder, store: Store, settings: Settings) -> None:
        self.standin, self.store = standin, store
        self.sync = Sync(settings, source, store)

    def put(self, path: str, content: bytes = b"") -> None:
        self.standin.state.put(f"/Photos/{path}", content)

    def round(self) -> Round:
        self.standin.log.clear()
        return self.sync.round()

    def people(self) -> dict[str, str]:
        return {person.name: person_words(person) for person in statuses(self.store)[1]}


@pytest.fixture
def rounds(standin: StandIn, models_dir: Path, tmp_path: Path) -> Iterator[Rounds]:
    standin.state.mkdir("/Photos")
    settings = Settings.find(None, tmp_path)
    with opened(standin) as source, open_store(settings) as store:
        yield Rounds(standin, source, store, settings)


def test_a_removed_persons_mark_is_listed_again(rounds: Rounds) -> None:
    """An operator's removal takes the record of the mark; the file denies whoever comes by that name."""
    rounds.put(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    rounds.put(f"{HOPPER}-DENY")
    rounds.round()
    rounds.store.forget(HOPPER)
    rounds.put(f"{HOPPER}-2.jpg", jpeg(hopper_file(), flip=True))
    rounds.round()
    assert rounds.people() == {HOPPER: "denied"}


def test_changes_alone_rename_replace_and_remove(rounds: Rounds) -> None:
    """A moved folder moves its people without a download, and a deleted one takes them."""
    rounds.put(f"{HOPPER}/1.jpg", jpeg(hopper_file()))
    rounds.put(f"{HOPPER}/2.jpg", jpeg(hopper_file(), flip=True))
    rounds.put(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    rounds.round()
    rounds.standin.state.move(f"/Photos/{HOPPER}", "/Photos/Rear Admiral Hopper")
    rounds.round()
    assert rounds.people() == {COLLINS: "let in", "Rear Admiral Hopper": "let in"}
    assert rounds.standin.log.count(DOWNLOAD) == 0
    assert rounds.store.person("Rear Admiral Hopper").photos == 2
    rounds.standin.state.delete("/Photos/Rear Admiral Hopper")
    rounds.round()
    assert rounds.people() == {COLLINS: "let in"}
    assert rounds.round().quiet


def test_a_lost_cursor_changes_nothing(rounds: Rounds) -> None:
    """Everything is listed and nothing fetched; what was deleted meanwhile is found to have gone."""
    rounds.put(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    rounds.put(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    rounds.round()
    rounds.standin.state.delete(f"/Photos/{HOPPER}-1.jpg")
    rounds.standin.state.reset_cursors()
    rounds.round()
    assert rounds.people() == {COLLINS: "let in"}
    assert rounds.standin.log.count(DOWNLOAD) == 0


def test_who_is_denied_in_the_midst_of_a_round_is_denied_at_once(
    rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark does not wait for the photos that came before it."""
    monkeypatch.setattr("doorctl.app.sync.LOOK_SECONDS", 0.0)
    rounds.put("Aaa-1.jpg", jpeg(hopper_file()))
    rounds.round()
    for number in range(3):
        rounds.put(f"Other {number}x-1.jpg", jpeg(astronaut_file(), dim=0.9 + 0.03 * number))
    denied_after: list[int] = []
    changed = rounds.sync._changed

    def during(at_once: bool) -> None:
        """Drops the mark after the first photo, and notes how many had been fetched when it counted."""
        fetched = rounds.standin.log.count(DOWNLOAD)
        if fetched == 1 and not rounds.store.person("Aaa").denied:
            rounds.put("Aaa-DENY")
        if rounds.store.person("Aaa").denied:
            denied_after.append(fetched)
        changed(at_once)

    monkeypatch.setattr(rounds.sync, "_changed", during)
    rounds.round()
    assert denied_after[0] == 1
    assert rounds.standin.log.count(DOWNLOAD) == 3
