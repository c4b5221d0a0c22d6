"""Consent is noted, shown, taken back, and goes with the person."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from doorctl.app.check import check_all
from doorctl.app.settings import Settings
from doorctl.errors import UnknownPersonError
from doorctl.store.database import Store
from tests.command import doorctl, lines, refused
from tests.pictures import hopper_file
from tests.store.test_sealing import photo

DAY = date(2026, 1, 31)


def test_it_is_noted_with_an_event_that_tells_no_day(tmp_path: Path) -> None:
    """Given, given on another day, and withdrawn are events by number; the same again is none."""
    with Store(tmp_path) as store:
        store.enrol("Ann", [photo(1)])
        assert store.person("Ann").consented is None
        assert store.set_consent("ANN", DAY, "root") is not None
        assert store.set_consent("Ann", DAY) is None
        assert store.person("Ann").consented == DAY
        assert store.set_consent("Ann", DAY - timedelta(days=1)) is not None
        assert store.set_consent("Ann", None) is not None
        assert store.people()[0].consented is None
        told = [(event.kind, event.person_id, event.detail) for event in store.events()[1:]]
        assert told == [
            ("ConsentNoted", 1, "given, by root"),
            ("ConsentNoted", 1, "given"),
            ("ConsentNoted", 1, "withdrawn"),
        ]
        with pytest.raises(UnknownPersonError):
            store.set_consent("Zed", DAY)


def test_it_goes_with_the_person(tmp_path: Path) -> None:
    """After the person is forgotten no byte tells the day, and somebody new of that name has given none."""
    with Store(tmp_path) as store:
        store.enrol("Ann", [photo(1)])
        store.set_consent("Ann", date(1999, 12, 31))
        store.forget("Ann")
        assert b"1999-12-31" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
        store.enrol("Ann", [photo(1)])
        assert store.person("Ann").consented is None


def test_the_commands_note_show_and_count_it(door: Path, models_dir: Path) -> None:
    """With enrolment or afterwards; who has none is marked; a day that is none or yet to come is refused."""
    tomorrow = date.today() + timedelta(days=2)
    refused(doorctl("enrol", "Grace", hopper_file(), "--consent", tomorrow, data=door), 2, "yet to come")
    assert not (door / "doorctl.db").exists()
    assert doorctl("enrol", "Grace", hopper_file(), "--consent", DAY, data=door).returncode == 0
    assert lines(doorctl("people", "list", "--json", data=door))[0]["consent"] == "2026-01-31"
    withdrawn = doorctl("people", "consent", "grace", "--withdraw", data=door)
    assert withdrawn.returncode == 0
    assert "doorctl people forget Grace" in withdrawn.stderr
    refused(doorctl("people", "consent", "Grace", "--date", "31.1.2026", data=door), 2, "no day")
    found = {finding.part: finding for finding in check_all(Settings.find(None, door))}
    assert (found["consent"].ok, found["consent"].hint) == (True, "")
    assert "of 1 none" in found["consent"].detail
