"""The page: whole by itself, safe whatever was stored, and well formed however little there is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from doorctl.app.settings import Settings
from doorctl.core.decision import Event, EventKind
from doorctl.core.records import Person, Reason
from doorctl.report.disputes import dispute
from doorctl.report.gather import gather
from doorctl.report.page import page
from doorctl.report.svg import ticks
from doorctl.store.database import Store
from tests.report.conftest import START
from tests.report.simulated_door import Look, SimulatedDoor, a_face
from tests.report.test_explain import GRACE, PRINT, last

VOID = {"meta", "br"}
HOSTILE = "<script>alert(1)</script>\"'&"


class Strict(HTMLParser):
    """Notes every element, and that each is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def made(store: Store, days: float = 31) -> str:
    settings = Settings.find(None, store.path.parent)
    return page(gather(settings, store, since=START, until=START + timedelta(days=days), zone=UTC))


def read(text: str) -> Strict:
    """The page's elements, once all that must hold of any page holds."""
    strict = Strict()
    strict.feed(text)
    strict.close()
    assert strict.open == []
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)
    allowed = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    policies = [a["content"] for tag, a in strict.seen if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [allowed]
    assert not {tag for tag, _ in strict.seen} & {"script", "link", "img", "iframe", "object", "form", "a"}
    names = {name for _, attributes in strict.seen for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "href", "style")}
    assert "url(" not in text
    assert "http" not in re.sub(r'<meta http-equiv="[^"]*"', "", text)
    assert "nan" not in re.findall(r'(?:x|y|cx|cy|width|height)="(\w+)"', text)
    return strict


def test_an_empty_door_has_a_page(store: Store) -> None:
    """Nothing happened, and that is what it says."""
    strict = read(made(store))
    assert "Nothing stands out." in strict.text
    assert not [tag for tag, _ in strict.seen if tag == "svg"]


@pytest.mark.parametrize("days", [0.01, 1, 31, 400, 4000])
def test_one_visit_has_a_page(door: SimulatedDoor, days: float) -> None:
    """However long a time is looked at."""
    door.comes(Look(GRACE, 0.9, 0.95))
    assert "entries" in "".join(read(made(door.store, days)).text)


def test_a_day_has_a_page_with_all_its_plots(door: SimulatedDoor) -> None:
    """Visits, hours, reasons, scores, what was wrong, and each table that has rows."""
    for _ in range(6):
        door.comes(Look(GRACE, 0.9, 0.95))
        door.until(door.at + 60)
    door.comes(PRINT, 3.0)
    for _ in range(5):
        door.comes(Look(GRACE, 0.45, 0.9, face=a_face(1)), 2.0)
    door.note(EventKind.CAMERA_LOST, "gone")
    dispute(door.store, last(door.store, EventKind.ACCESS_GRANTED).id, "not me")
    strict = read(made(door.store))
    assert sum(tag == "svg" for tag, _ in strict.seen) == 5
    for heading in ("Visits by day", "How sure the door was", "Disputed decisions", "Faults", "Locks"):
        assert heading in strict.text
    assert "not me" in strict.text


def test_nothing_that_was_stored_becomes_markup(store: Store) -> None:
    """Names, notes, details and reasons are text, in titles too; what does not show is replaced."""
    with store.undisturbed() as db:
        db.execute(
            "INSERT INTO people (name, key, created) VALUES (?, 'x', '2026-01-01T00:00:00Z')", (HOSTILE,)
        )
    who = Person(1, HOSTILE)
    for kind in EventKind:
        for reason in (None, Reason.SPOOF):
            for detail in (HOSTILE, f"event 1: {HOSTILE}", f"by {HOSTILE}", "\x00\x1b]0;x\x07\u202e"):
                event = Event(kind, 1.0, who, reason, 0.9, 0.1, detail, nearest=who)
                store.record(event, time=START + timedelta(hours=1))
    strict = read(made(store))
    assert any(HOSTILE in text for text in strict.text)
    assert not any(ord(letter) < 32 and letter != "\n" for text in strict.text for letter in text)


def test_without_nets_lookalikes_are_left_out(door: SimulatedDoor) -> None:
    """It says why."""
    settings = Settings.without_config(door.store.path.parent)
    empty = door.store.path.parent / "no-models"
    empty.mkdir()
    found = gather(replace(settings, models=empty), door.store, since=START, until=START, zone=UTC)
    assert found.alike is None
    assert found.no_alike
    assert "Not known" in page(found)


@pytest.mark.parametrize(
    ("most", "steps"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (62, [0, 20, 40, 60, 80]),
        (1000, [0, 250, 500, 750, 1000]),
    ],
)
def test_axes_have_round_numbers(most: float, steps: list[int]) -> None:
    """From nothing to at least the most."""
    assert ticks(most) == steps
